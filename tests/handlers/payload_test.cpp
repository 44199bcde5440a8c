// Every payload of tests/handlers/payloads is read as cases.txt beside it says; signed ones are accepted, changed ones
// not.
#include <catch2/catch.hpp>
#include <random>

#include "base/text.h"
#include "tests/handlers/cases.h"

using namespace gachette;
using namespace gachette::testing;
using handlers::Reading;
using handlers::Verdict;

namespace {

constexpr Milliseconds now = 1'786'806'157'000;

// The request of a case as its forge would have sent it.
OwnedRequest signed_request(const PayloadCase& one) {
    OwnedRequest request = one.request;
    const Headers made_up = forge_of(one.hook).sign(one.hook, one.hook.secrets.at(0), "", request.body, now);
    for (const Header& made : made_up.all())
        if (request.headers.count(made.name) == 0) request.headers.add(made.name, made.value);
    return request;
}

bool can_sign(const PayloadCase& one) {
    const bool by_query = one.request.body.empty() && !one.request.query.empty();
    return one.hook.forge != "sourcehut" && !by_query;
}

// What protects the body itself; tokens and passwords do not.
bool body_is_signed(const std::string& forge) {
    return forge != "gitlab" && forge != "azure-devops" && forge != "gerrit" && forge != "sourcehut";
}

PayloadCase first_push(const std::string& forge) {
    for (PayloadCase& one : cases_of(forge))
        if (!one.expected.starts_with("ignored") && !one.expected.starts_with("malformed")) return one;
    throw std::runtime_error("no push of " + forge);
}

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

std::string json_escape(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

}  // namespace

TEST_CASE("each payload is read as its case says") {
    std::size_t count = 0;
    for (const PayloadCase& one : all_cases()) {
        INFO(one.name);
        const Reading reading = forge_of(one.hook).read(one.request.view(), one.hook);
        CHECK(describe(reading) == one.expected);
        for (const Event& event : reading.events) {
            CHECK(valid_full_ref(event.ref));
            CHECK((event.commit.empty() || valid_object_id(event.commit)));
            CHECK(event.new_id.empty() == (event.change == Change::deleted));
        }
        ++count;
    }
    CHECK(count > 200);
}

TEST_CASE("a signed payload is accepted, as it is and in a form") {
    for (const PayloadCase& one : all_cases()) {
        if (!can_sign(one)) continue;
        INFO(one.name);
        const auto answer = authentic(one.hook, signed_request(one), now);
        CHECK(answer.reason == "");
        CHECK(answer.verdict == Verdict::accepted);
    }
}

TEST_CASE("whoever does not know the secret is refused") {
    for (const PayloadCase& one : all_cases()) {
        if (!can_sign(one)) continue;
        INFO(one.name);
        PayloadCase other = one;
        other.hook.secrets[0].value = one.hook.forge == "standard-webhooks" ? "whsec_NfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
                                                                            : "another secret of good length";
        CHECK(authentic(one.hook, signed_request(other), now).verdict == Verdict::wrong);
        CHECK(authentic(one.hook, one.request, now).verdict == Verdict::missing);
    }
}

TEST_CASE("a signed body that was changed is never accepted") {
    std::mt19937 random(4711);
    for (const handlers::Forge& forge : handlers::all_forges()) {
        const std::string name(forge.name);
        if (!body_is_signed(name)) continue;
        INFO(name);
        const PayloadCase one = first_push(name);
        const OwnedRequest request = signed_request(one);
        REQUIRE(accepted(one.hook, request, now));
        std::size_t taken = 0;
        for (int i = 0; i < 400; ++i) {
            OwnedRequest changed = request;
            const std::size_t at = random() % changed.body.size();
            switch (random() % 4) {
                case 0:
                    changed.body[at] = static_cast<char>(changed.body[at] ^ (1 << random() % 8));
                    break;
                case 1:
                    changed.body.erase(at, 1 + random() % 8);
                    break;
                case 2:
                    changed.body.insert(at, 1, static_cast<char>(random() % 256));
                    break;
                default:
                    changed.body.resize(at);
                    break;
            }
            taken += changed.body != request.body && accepted(one.hook, changed, now);
        }
        CHECK(taken == 0);
    }
}

TEST_CASE("a delivery of one forge builds nothing at a hook of another, which says so") {
    for (const handlers::Forge& sender : handlers::all_forges()) {
        const PayloadCase sent = first_push(std::string(sender.name));
        OwnedRequest request = signed_request(sent);
        for (const handlers::Forge& receiver : handlers::all_forges()) {
            if (receiver.name == sender.name || receiver.name == "generic") continue;
            INFO(sender.name << " to " << receiver.name);
            PayloadCase hook_case = first_push(std::string(receiver.name));
            hook_case.hook.secrets = sent.hook.secrets;
            const auto answer = authentic(hook_case.hook, request, now);
            CHECK(answer.verdict != Verdict::accepted);
            const bool telling = sender.name != "generic";
            const bool named =
                answer.reason.find("looks like a delivery of " + std::string(sender.name)) != std::string::npos;
            CHECK(named == telling);
        }
    }
}

TEST_CASE("Gitea, Forgejo and Gogs also send GitHub's headers: a GitHub hook is not fooled by its own signature") {
    const std::string body = R"({"ref":"refs/heads/main"})";
    const Hook hook = hook_of("github", {"a secret of good length"});
    Headers headers = forge_of(hook).sign(hook, hook.secrets[0], "push", body, now);
    CHECK(accepted(hook, {headers, body, ""}));
    for (const char* mark : {"X-Gitea-Event", "X-Forgejo-Event", "X-Gogs-Event"}) {
        Headers kin = headers;
        kin.add(mark, "push");
        const auto answer = authentic(hook, {kin, body, ""});
        CHECK(answer.verdict == Verdict::malformed);
        CHECK(answer.reason ==
              "this looks like a delivery of " + lower(split(mark, '-')[1]) + ", but hook \"x\" is of forge github");
    }
}

TEST_CASE("odd names that git allows arrive unchanged, others never") {
    const std::string folder = std::string(GACHETTE_SOURCE_DIR) + "/tests/handlers/payloads/";
    const std::vector<std::string> legal = split(std::string(trim(read_text(folder + "legal-names.txt"))), '\n');
    const std::vector<std::string> refused{
        "a b",   "a..b",    ".a",         "a.lock",   "a\\nb", "a~1",      "a^", "a:b",
        "a?",    "*",       "[x",         "a\\\\b",   "a//b",  "/a",       "a/", "a.",
        "a@{1}", "\\u0000", "\\u001b[2J", "x\\u007f", "a/.b",  "a.lock/b", "..", "../../etc/passwd",
        ""};
    for (const handlers::Forge& forge : handlers::all_forges()) {
        const PayloadCase one = first_push(std::string(forge.name));
        REQUIRE(one.request.body.find("main\"") != std::string::npos);
        const auto read = [&](const std::string& name) {
            OwnedRequest request = one.request;
            request.body = replace_all(request.body, "main\"", name + "\"");
            return forge.read(request.view(), one.hook);
        };
        for (const std::string& name : legal) {
            INFO(forge.name << " " << name);
            const Reading reading = read(json_escape(name));
            REQUIRE(reading.kind == Reading::Kind::events);
            CHECK(reading.events[0].short_ref() == name);
        }
        for (const std::string& name : refused) {
            INFO(forge.name << " " << name);
            const Reading reading = read(name);
            CHECK(reading.kind == Reading::Kind::malformed);
            CHECK(printable(reading.reason, 4096) == reading.reason);
        }
    }
}

TEST_CASE("several thousand refs in one delivery are bounded") {
    std::string changes;
    for (int i = 0; i < 6000; ++i)
        changes +=
            fmt::format(R"({}{{"old":null,"new":{{"type":"branch","name":"b{}","target":{{"hash":"{:040x}"}}}}}})",
                        i ? "," : "", i, i + 1);
    const std::string body = R"({"push":{"changes":[)" + changes + R"(]},"repository":{"full_name":"a/b"}})";
    const Hook hook = hook_of("bitbucket-cloud", {"a secret of good length"});
    const OwnedRequest request{{{"X-Event-Key", "repo:push"}}, body, ""};
    const Reading reading = forge_of(hook).read(request.view(), hook);
    CHECK(reading.events.size() == 5000);
    CHECK(reading.reason ==
          "left out: ref refs/heads/b5000 is one too many: at most 5000 in one delivery (and 999 more)");
}
