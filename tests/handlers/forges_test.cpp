// What is special to one forge: tokens, tolerances, passwords, public keys, settings, and the sentences of refusals.
#include <openssl/evp.h>
#include <catch2/catch.hpp>

#include <memory>
#include <set>

#include "base/crypto.h"
#include "base/text.h"
#include "tests/handlers/cases.h"

using namespace gachette;
using namespace gachette::testing;
using handlers::Reading;
using handlers::Verdict;

namespace {

constexpr Milliseconds now = 1'700'000'000'000;
const char* const secret = "a secret of good length";
const char* const signing = "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=";

std::string reason(const Hook& hook, const OwnedRequest& request) { return authentic(hook, request, now).reason; }

// A key pair of Ed25519; OpenSSL is asked directly because gachette itself never signs with one.
class KeyPair {
public:
    explicit KeyPair(char seed) : seed_(32, seed) {
        key_.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes(seed_), 32));
    }
    std::string public_key() const {
        std::string raw(32, '\0');
        std::size_t size = raw.size();
        EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()), &size);
        return base64_encode(raw);
    }
    std::string sign(const std::string& text) const {
        std::string signature(64, '\0');
        std::size_t size = signature.size();
        std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
        EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get());
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes(text),
                       text.size());
        return base64_encode(signature);
    }

private:
    static const unsigned char* bytes(const std::string& text) {
        return reinterpret_cast<const unsigned char*>(text.data());
    }
    std::string seed_;
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_{nullptr, EVP_PKEY_free};
};

OwnedRequest sign_gitlab(const std::string& key, const std::string& body, Milliseconds at) {
    const Hook hook = hook_of("gitlab", {key});
    return {forge_of(hook).sign(hook, hook.secrets[0], "push", body, at), body, ""};
}

std::string problem_of(const std::string& forge, std::map<std::string, std::string> settings,
                       std::vector<std::string> secrets = {secret}) {
    const Hook hook = hook_of(forge, std::move(secrets), std::move(settings));
    return forge_of(hook).settings_problem(hook);
}

}  // namespace

TEST_CASE("refusals say what is wrong and what to do") {
    const Hook hook = hook_of("github", {secret});
    CHECK(reason(hook, {{}, "x", ""}) ==
          "X-Hub-Signature-256 is missing; set the same secret at the forge and in hooks.x.secrets");
    CHECK(reason(hook, {{{"X-Gitlab-Event", "Push Hook"}, {"X-Gitlab-Token", secret}}, "x", ""}) ==
          "X-Hub-Signature-256 is missing; this looks like a delivery of gitlab, but hook \"x\" is of forge github");
    CHECK(
        reason(hook, {{{"X-Hub-Signature-256", "sha256=" + std::string(64, 'a')}}, "x", ""}) ==
        "X-Hub-Signature-256 matches no secret of hook \"x\"; set the same secret at the forge and in hooks.x.secrets");
    CHECK(reason(hook, {{{"X-Hub-Signature-256", "sha256=abc"}}, "x", ""}) ==
          "X-Hub-Signature-256 is not \"sha256=\" and 64 lower-case hex digits");
    CHECK(reason(hook, {{{"X-Hub-Signature-256", "sha256="}}, "x", ""}) ==
          "X-Hub-Signature-256 is empty: the forge has no secret for this hook; set the same secret there and in "
          "hooks.x.secrets");
    CHECK(reason(hook, {{{"X-Hub-Signature-256", "a"}, {"x-hub-signature-256", "b"}}, "x", ""}) ==
          "X-Hub-Signature-256 comes 2 times; exactly one is expected");
    CHECK(reason(hook_of("bitbucket-datacenter", {secret}),
                 {{{"X-Event-Key", "diagnostics:ping"}}, R"({"test":true})", ""}) ==
          "X-Hub-Signature is missing: the connection test of Bitbucket Data Center is never signed; push to try the "
          "hook");
    const std::string azure = R"({"eventType":"git.push","publisherId":"tfs"})";
    CHECK(reason(hook, {{}, azure, ""}) ==
          "X-Hub-Signature-256 is missing; this looks like a delivery of azure-devops, but hook \"x\" is of forge "
          "github");
}

TEST_CASE("GitLab: the token is compared whole, the signing token decides where a delivery is signed") {
    const std::string body = R"({"object_kind":"push"})";
    const Hook plain = hook_of("gitlab", {secret});
    const auto token = [&](std::string value) {
        return authentic(plain, {{{"X-Gitlab-Event", "Push Hook"}, {"X-Gitlab-Token", std::move(value)}}, body, ""})
            .verdict;
    };
    CHECK(token(secret) == Verdict::accepted);
    CHECK(token("a secret of good lengtH") == Verdict::wrong);
    CHECK(token("a secret of good") == Verdict::wrong);
    CHECK(token(std::string(secret) + " ") == Verdict::wrong);
    CHECK(token("") == Verdict::malformed);
    CHECK(authentic(hook_of("gitlab", {""}), {{{"X-Gitlab-Token", ""}}, body, ""}).verdict == Verdict::malformed);
    CHECK(accepted(hook_of("gitlab", {"two\r\nlines of a secret"}),
                   {{{"X-Gitlab-Token", "twolines of a secret"}}, body, ""}));

    const Hook both = hook_of("gitlab", {secret, signing});
    OwnedRequest request = sign_gitlab(signing, body, now);
    CHECK(authentic(both, request, now).verdict == Verdict::accepted);
    CHECK(authentic(both, request, now).secret == 1);
    OwnedRequest changed = request;
    changed.body += " ";
    changed.headers.add("X-Gitlab-Token", secret);
    CHECK(authentic(both, changed, now).verdict == Verdict::wrong);
    CHECK(authentic(both, {{{"X-Gitlab-Token", secret}}, body, ""}, now).verdict == Verdict::accepted);
    CHECK(authentic(both, {{{"X-Gitlab-Token", signing}}, body, ""}, now).verdict == Verdict::wrong);
    CHECK(authentic(hook_of("gitlab", {signing}), {{{"X-Gitlab-Token", signing}}, body, ""}, now).verdict ==
          Verdict::missing);
    CHECK(problem_of("gitlab", {}, {signing}).empty());
    CHECK(problem_of("gitlab", {}, {secret, "whsec_abc!"}) ==
          "secrets[1] starts like a signing token but is not \"whsec_\" and base64 of 16 to 64 bytes");
}

TEST_CASE("a signed timestamp holds for the tolerance, in both directions") {
    for (const char* forge : {"gitlab", "standard-webhooks"}) {
        INFO(forge);
        Hook hook = hook_of(forge, {signing});
        const std::string body = R"({"object_kind":"push"})";
        const OwnedRequest request{forge_of(hook).sign(hook, hook.secrets[0], "", body, now), body, ""};
        CHECK(authentic(hook, request, now + 300'000).verdict == Verdict::accepted);
        CHECK(authentic(hook, request, now - 300'000).verdict == Verdict::accepted);
        CHECK(authentic(hook, request, now + 301'000).verdict == Verdict::stale);
        CHECK(authentic(hook, request, now - 301'000).verdict == Verdict::stale);
        CHECK(authentic(hook, request, now + 301'000).reason ==
              "webhook-timestamp is 301 seconds old; hook \"x\" accepts 300 (a replay, or a clock that is wrong)");
        hook.tolerance = 10'000;
        CHECK(authentic(hook, request, now + 10'000).verdict == Verdict::accepted);
        CHECK(authentic(hook, request, now + 11'000).verdict == Verdict::stale);
        for (const char* header : {"webhook-id", "webhook-timestamp"}) {
            OwnedRequest changed = request;
            changed.headers = with_header(request.headers, header, std::nullopt);
            CHECK(authentic(hook, changed, now).verdict == Verdict::missing);
            changed.headers = with_header(request.headers, header, "1700000001");
            CHECK(authentic(hook, changed, now).verdict == Verdict::wrong);
            for (const char* value : {"", "a.b", "1.7e9"}) {
                changed.headers = with_header(request.headers, header, value);
                CHECK(authentic(hook, changed, now).verdict == Verdict::malformed);
            }
        }
        for (const char* value : {"+1700000000", "-1", "99999999999999999999", "9999999999999"}) {
            OwnedRequest changed = request;
            changed.headers = with_header(request.headers, "webhook-timestamp", value);
            CHECK(authentic(hook, changed, now).verdict == Verdict::malformed);
        }
    }
}

TEST_CASE("Standard Webhooks: one right entry of the list is enough, of either kind") {
    const KeyPair pair('k');
    const std::string body = "{}";
    const std::string text = "msg_1.1700000000." + body;
    const Hook symmetric = hook_of("standard-webhooks", {signing});
    const std::string right(
        *forge_of(symmetric).sign(symmetric, symmetric.secrets[0], "", body, now).only("webhook-signature"));
    const auto request = [&](std::string list) {
        return OwnedRequest{
            {{"webhook-id", "msg_1"}, {"webhook-timestamp", "1700000000"}, {"webhook-signature", std::move(list)}},
            body,
            ""};
    };
    const Digest digest = hmac_sha256(*base64_decode(std::string(signing).substr(6)), {text});
    const std::string mac = "v1," + base64_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
    const std::string signature = "v1a," + pair.sign(text);
    const std::string wrong = "v1," + base64_encode(std::string(32, 'x'));
    CHECK(accepted(symmetric, request(mac), now));
    CHECK(accepted(symmetric, request(wrong + " v7,abc " + mac), now));
    CHECK(accepted(symmetric, request(signature + " " + mac), now));
    CHECK(authentic(symmetric, request(wrong), now).verdict == Verdict::wrong);
    CHECK(authentic(symmetric, request(signature), now).verdict == Verdict::wrong);
    CHECK(authentic(symmetric, request("v2," + mac.substr(3)), now).verdict == Verdict::malformed);
    CHECK(authentic(symmetric, request("v1," + mac.substr(3, 20)), now).verdict == Verdict::malformed);
    const Hook asymmetric = hook_of("standard-webhooks", {"whpk_" + pair.public_key()});
    CHECK(accepted(asymmetric, request(signature), now));
    CHECK(accepted(asymmetric, request(mac + " " + signature), now));
    CHECK(authentic(asymmetric, request(mac), now).verdict == Verdict::wrong);
    CHECK(authentic(asymmetric, request("v1a," + KeyPair('l').sign(text)), now).verdict == Verdict::wrong);
    // A public key is not a secret: it must not do as one.
    const Digest by_public_key = hmac_sha256(*base64_decode(pair.public_key()), {text});
    CHECK_FALSE(accepted(
        asymmetric, request("v1," + base64_encode({reinterpret_cast<const char*>(by_public_key.data()), 32})), now));
    CHECK(forge_of(asymmetric).sign(asymmetric, asymmetric.secrets[0], "", body, now).empty());
    CHECK(problem_of("standard-webhooks", {}, {signing, "whpk_" + pair.public_key()}).empty());
    CHECK(problem_of("standard-webhooks", {}, {"whpk_AAAA"}) ==
          "secrets[0] is neither \"whsec_\" and base64 of 16 to 64 bytes nor \"whpk_\" and base64 of 32");
    CHECK(right.starts_with("v1,"));
}

TEST_CASE("SourceHut: the instance's key over body and nonce, and the query that is ours alone") {
    const KeyPair pair('s');
    Hook hook = hook_of("sourcehut", {pair.public_key()});
    const std::string body = R"({"data":{"webhook":{}}})";
    const std::string nonce = "0123456789abcdef";
    const auto request = [&](const std::string& value, const std::string& with_nonce, std::string query = "") {
        return OwnedRequest{
            {{"X-Payload-Signature", value}, {"X-Payload-Nonce", with_nonce}, {"X-Webhook-Event", "GIT_POST_RECEIVE"}},
            body,
            std::move(query)};
    };
    const std::string right = pair.sign(body + nonce);
    CHECK(accepted(hook, request(right, nonce)));
    CHECK(authentic(hook, request(right, "0123456789abcdee")).verdict == Verdict::wrong);
    CHECK(authentic(hook, request(right, "0123456789ABCDEF")).verdict == Verdict::malformed);
    CHECK(authentic(hook, request(right, "")).verdict == Verdict::malformed);
    CHECK(authentic(hook, request(pair.sign(body), nonce)).verdict == Verdict::wrong);
    CHECK(authentic(hook, request(right.substr(4), nonce)).verdict == Verdict::malformed);
    CHECK(authentic(hook, request(KeyPair('t').sign(body + nonce), nonce)).verdict == Verdict::wrong);
    OwnedRequest longer = request(right, nonce);
    longer.body += " ";
    CHECK(authentic(hook, longer).verdict == Verdict::wrong);
    // Moving bytes between body and nonce leaves the signed text as it is; the body must end where its JSON does.
    OwnedRequest moved = request(right, nonce.substr(2));
    moved.body += nonce.substr(0, 2);
    CHECK(forge_of(hook).read(moved.view(), hook).kind == Reading::Kind::malformed);

    hook.settings["query_sha256"] = hex(sha256("key=4711"));
    CHECK(accepted(hook, request(right, nonce, "key=4711")));
    CHECK(authentic(hook, request(right, nonce, "key=4712")).reason ==
          "the query of the URL is not the one that hook \"x\" expects (setting \"query_sha256\")");
    CHECK(authentic(hook, request(right, nonce)).verdict == Verdict::wrong);
    CHECK(authentic(hook, request("", nonce, "key=4711")).verdict == Verdict::malformed);

    CHECK(problem_of("sourcehut", {}, {"uX7KWyyDNMaBma4aVbJ/cbUQpdjqczuCyK/HxzV/u+4="}).empty());
    CHECK(problem_of("sourcehut", {}) ==
          "secrets[0] is not the public key of a SourceHut instance: base64 of 32 bytes");
    CHECK(problem_of("sourcehut", {{"query_sha256", "abc"}}, {pair.public_key()}) ==
          "setting \"query_sha256\" is not 64 lower-case hex digits");
}

TEST_CASE("Azure DevOps and Gerrit sign nothing: a header or a password must be agreed on") {
    for (const char* forge : {"azure-devops", "gerrit"}) {
        INFO(forge);
        const std::string needs =
            std::string(forge) +
            " signs nothing, so the hook needs one of the settings \"header\" (a header that holds the "
            "secret) and \"user\" (of HTTP Basic, the secret is the password)";
        CHECK(problem_of(forge, {}) == needs);
        CHECK(problem_of(forge, {{"header", "X-A"}, {"user", "a"}}) == needs + ", not both");
        CHECK(problem_of(forge, {{"header", "X A"}}) ==
              "setting \"header\" is \"X A\", which is not the name of a header");
        CHECK(problem_of(forge, {{"user", "a:b"}}) == "setting \"user\" holds a colon, which HTTP Basic cannot carry");
        CHECK(problem_of(forge, {{"token", "x"}}) ==
              "setting \"token\" means nothing to forge " + std::string(forge) + "; it has header, user");
        CHECK(problem_of(forge, {{"user", "ada"}}).empty());

        const Hook open = hook_of(forge, {secret});
        CHECK(authentic(open, {{{"Authorization", "Basic " + base64_encode(std::string(":") + secret)}}, "{}", ""})
                  .verdict == Verdict::missing);
        const Hook basic = hook_of(forge, {"an older secret of ours", secret}, {{"user", "ada"}});
        const auto login = [&](const std::string& value) {
            return authentic(basic, {{{"Authorization", value}}, "{}", ""}).verdict;
        };
        const std::string pair = std::string("ada:") + secret;
        CHECK(login("Basic " + base64_encode(pair)) == Verdict::accepted);
        CHECK(login("basic " + base64_encode(pair)) == Verdict::accepted);
        CHECK(login("Basic " + base64_encode("ada:" + std::string("wrong"))) == Verdict::wrong);
        CHECK(login("Basic " + base64_encode("bob:" + std::string(secret))) == Verdict::wrong);
        CHECK(login("Basic " + base64_encode("ada:")) == Verdict::wrong);
        CHECK(login("Basic " + base64_encode("ada")) == Verdict::malformed);
        CHECK(login("Basic " + pair) == Verdict::malformed);
        CHECK(login("Bearer " + base64_encode(pair)) == Verdict::malformed);
        CHECK(login("Basic") == Verdict::malformed);
        CHECK(login("") == Verdict::malformed);
        const Hook header = hook_of(forge, {secret}, {{"header", "X-Gachette-Token"}});
        CHECK(accepted(header, {{{"x-gachette-token", secret}}, "{}", ""}));
        CHECK(authentic(header, {{{"X-Gachette-Token", "wrong"}}, "{}", ""}).verdict == Verdict::wrong);
        CHECK(reason(header, {{}, "{}", ""}) ==
              "X-Gachette-Token is missing; set the same secret at the forge and in hooks.x.secrets");
    }
}

TEST_CASE("generic: the signature is what the settings say") {
    const std::map<std::string, std::string> settings{{"signature_header", "X-Forge-Signature"},
                                                      {"signature_prefix", "hmac-sha256:"},
                                                      {"signature_encoding", "base64"},
                                                      {"algorithm", "sha256"},
                                                      {"event_header", "X-Event"},
                                                      {"push_events", "push"}};
    const Hook hook = hook_of("generic", {secret}, settings);
    CHECK(forge_of(hook).settings_problem(hook).empty());
    const std::string body = R"({"repository":"a/b","ref":"refs/heads/main","after":")" + std::string(40, '1') + "\"}";
    OwnedRequest request{forge_of(hook).sign(hook, hook.secrets[0], "push", body, now), body, ""};
    CHECK(accepted(hook, request));
    CHECK(std::string(*request.headers.only("X-Forge-Signature")).starts_with("hmac-sha256:"));
    CHECK(forge_of(hook).event_name(request.view()) == "push");
    CHECK_FALSE(forge_of(hook).delivery_id(request.view()).empty());
    CHECK(describe(forge_of(hook).read(request.view(), hook)) ==
          "repository generic instance= id= name=a/b\nbranch created refs/heads/main - -> 1*40 build 1*40");
    request.headers = with_header(request.headers, "X-Event", "release");
    CHECK(describe(forge_of(hook).read(request.view(), hook)) == "ignored: kind release is not about refs");
    request.headers = with_header(request.headers, "X-Event", "Ping");
    CHECK(describe(forge_of(hook).read(request.view(), hook)) == "ignored: ping");
    request.headers = with_header(request.headers, "X-Forge-Signature", hex(hmac_sha256(secret, {body})));
    CHECK(authentic(hook, request).verdict == Verdict::malformed);
    CHECK(reason(hook, request) == "X-Forge-Signature is not \"hmac-sha256:\" and base64 of 32 bytes");

    const std::map<std::string, std::string> least{{"signature_header", "X-S"}};
    const auto with = [&](const char* name, const char* value) {
        auto changed = least;
        changed[name] = value;
        return problem_of("generic", changed);
    };
    CHECK(problem_of("generic", least).empty());
    CHECK(problem_of("generic", {}) ==
          "setting \"signature_header\" is missing: the header that holds the HMAC-SHA256 of the body");
    CHECK(with("algorithm", "sha1") == "setting \"algorithm\" is \"sha1\"; only sha256 is enough");
    CHECK(with("signature_encoding", "hex ") == "setting \"signature_encoding\" is \"hex \"; it can be hex or base64");
    CHECK(with("signature_header", "a b") ==
          "setting \"signature_header\" is \"a b\", which is not the name of a header");
    CHECK(with("event_header", "") == "setting \"event_header\" is \"\", which is not the name of a header");
    CHECK(with("ref", "ref") ==
          "setting \"ref\" is \"ref\", which is not a JSON pointer such as /repository/full_name");
    CHECK(with("ref_prefix", "refs/") == "setting \"ref_prefix\" is \"refs/\"; it can be refs/heads/ or refs/tags/");
    CHECK(with("reff", "/ref") ==
          "setting \"reff\" means nothing to forge generic; it has signature_header, signature_prefix, "
          "signature_encoding, "
          "algorithm, event_header, repository, ref, after, commit, before, deleted, pusher, message, author, event, "
          "ref_prefix, push_events");
    CHECK(authentic(hook_of("generic", {secret}), {{}, "x", ""}).verdict == Verdict::missing);
}

TEST_CASE("a setting that means nothing is refused by every forge") {
    for (const handlers::Forge& forge : handlers::all_forges()) {
        INFO(forge.name);
        const std::string problem = problem_of(std::string(forge.name), {{"colour", "blue"}}, {signing, signing});
        CHECK_FALSE(problem.empty());
    }
    CHECK(problem_of("github", {{"colour", "blue"}}) ==
          "setting \"colour\" means nothing to forge github, which has none");
    CHECK(problem_of("github", {}).empty());
}

TEST_CASE("delivery ids and event names, and nothing secret among the kept headers") {
    const auto id = [](const char* forge, Headers headers, std::string body = "{}") {
        const OwnedRequest request{std::move(headers), std::move(body), ""};
        return handlers::find_forge(forge)->delivery_id(request.view()) + "|" +
               handlers::find_forge(forge)->event_name(request.view());
    };
    CHECK(id("github", {{"X-GitHub-Delivery", "72d3"}, {"x-github-event", "push"}}) == "72d3|push");
    CHECK(id("github", {{"X-GitHub-Delivery", "1"}, {"X-GitHub-Delivery", "2"}}) == "|");
    CHECK(id("github", {{"X-GitHub-Delivery", std::string(5000, 'x')}}).size() <= 201);
    CHECK(id("github", {{"X-GitHub-Delivery", "a\x1b[2J"}}) == "a\\x1b[2J|");
    CHECK(id("gitlab", {{"Idempotency-Key", "k"}, {"webhook-id", "w"}, {"X-Gitlab-Event", "Push Hook"}}) ==
          "k|Push Hook");
    CHECK(id("gitlab", {{"webhook-id", "w"}, {"X-Gitlab-Webhook-UUID", "fresh"}}) == "w|");
    CHECK(id("gitea", {{"X-Gitea-Delivery", "g"}, {"X-Gitea-Event", "push"}}) == "g|push");
    CHECK(id("forgejo", {{"X-Forgejo-Delivery", "f"}, {"X-Forgejo-Event", "push"}}) == "f|push");
    CHECK(id("gogs", {{"X-Gogs-Delivery", "o"}, {"X-Gogs-Event", "create"}}) == "o|create");
    CHECK(id("bitbucket-cloud", {{"X-Request-UUID", "b"}, {"X-Event-Key", "repo:push"}}) == "b|repo:push");
    CHECK(id("bitbucket-datacenter", {{"X-Request-Id", "d"}, {"X-Event-Key", "repo:refs_changed"}}) ==
          "d|repo:refs_changed");
    CHECK(id("azure-devops", {}, R"({"id":"03c1","eventType":"git.push"})") == "03c1|git.push");
    CHECK(id("azure-devops", {}, "{") == "|");
    CHECK(id("sourcehut", {{"X-Webhook-Delivery", "s"}, {"X-Webhook-Event", "GIT_POST_RECEIVE"}}) ==
          "s|GIT_POST_RECEIVE");
    CHECK(id("pagure", {}, R"({"msg_id":"2026-1","topic":"git.receive"})") == "2026-1|git.receive");
    CHECK(id("gerrit", {}, R"({"type":"ref-updated"})") == "|ref-updated");
    CHECK(id("standard-webhooks", {{"svix-id", "m"}}, R"({"type":"push"})") == "m|push");
    CHECK(id("generic", {{"Idempotency-Key", "i"}}) == "i|");

    const std::set<std::string_view> harmless{"content-type", "user-agent",        "request-id", "idempotency-key",
                                              "webhook-id",   "webhook-timestamp", "svix-id",    "svix-timestamp"};
    for (const handlers::Forge& forge : handlers::all_forges())
        for (const std::string_view name : forge.kept_headers) {
            INFO(forge.name << " " << name);
            CHECK(lower(name) == name);
            CHECK((harmless.contains(name) || name.starts_with("x-")));
            for (const char* word : {"signature", "token", "auth", "secret", "cookie", "encoded"})
                CHECK(name.find(word) == std::string_view::npos);
        }
}

TEST_CASE("what was kept of a delivery is enough to read it again") {
    for (const PayloadCase& one : all_cases()) {
        INFO(one.name);
        const handlers::Forge& forge = forge_of(one.hook);
        OwnedRequest again{{}, one.request.body, one.request.query};
        for (const std::string_view name : forge.kept_headers)
            if (const auto value = one.request.headers.only(name))
                again.headers.add(std::string(name), std::string(*value));
        CHECK(describe(forge.read(again.view(), one.hook)) == one.expected);
    }
}

TEST_CASE("the table has every forge once") {
    std::set<std::string_view> names;
    for (const handlers::Forge& forge : handlers::all_forges()) {
        CHECK(names.insert(forge.name).second);
        CHECK(handlers::find_forge(forge.name) == &forge);
    }
    CHECK(names == std::set<std::string_view>{"github", "gitlab", "gitea", "forgejo", "gogs", "bitbucket-cloud",
                                              "bitbucket-datacenter", "azure-devops", "sourcehut", "pagure", "gerrit",
                                              "standard-webhooks", "generic"});
    CHECK(handlers::find_forge("GitHub") == nullptr);
    CHECK(handlers::find_forge("") == nullptr);
}

TEST_CASE("the probable forge is told by the most special header") {
    const auto probable = [](Headers headers, std::string_view body = "") {
        return handlers::probable_forge(headers, body);
    };
    CHECK(probable({{"X-GitHub-Event", "push"}}) == "github");
    CHECK(probable({{"X-GitHub-Event", "push"}, {"X-Gogs-Event", "push"}}) == "gogs");
    CHECK(probable({{"X-GitHub-Event", "push"}, {"X-Gogs-Event", "push"}, {"X-Gitea-Event", "push"}}) == "gitea");
    CHECK(probable({{"X-Forgejo-Event", "push"}, {"X-Gitea-Event", "push"}, {"X-GitHub-Event", "push"}}) == "forgejo");
    CHECK(probable({{"X-Event-Key", "repo:push"}, {"X-Request-Id", "of a proxy"}}) == "bitbucket-cloud");
    CHECK(probable({{"X-Event-Key", "repo:refs_changed"}}) == "bitbucket-datacenter");
    CHECK(probable({{"webhook-signature", "v1,"}}) == "standard-webhooks");
    CHECK(probable({{"webhook-signature", "v1,"}, {"X-Gitlab-Event", "Push Hook"}}) == "gitlab");
    CHECK(probable({}, R"({"eventType":"git.push","publisherId":"tfs"})") == "azure-devops");
    CHECK(probable({}, R"({"refUpdate":{},"type":"ref-updated"})") == "gerrit");
    CHECK(probable({}, "{}").empty());
}
