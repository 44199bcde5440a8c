// Every published test vector of the forges, and the wrong neighbours of each.
#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/handlers/handlers_support.h"

using namespace gachette;
using namespace gachette::testing;
using handlers::Verdict;
using namespace std::string_literals;

namespace {

struct Vector {
    const char* origin;
    const char* forge;
    const char* secret;
    std::string body;
    OwnedRequest request;
    Milliseconds now = 0;
    std::string signature;  // the header that carries it
};

Vector hmac(const char* origin, const char* forge, const char* secret, std::string body, const char* header,
            const std::string& value) {
    return {origin, forge, secret, body, {{{header, value}}, body, ""}, 0, header};
}

Vector standard(const char* origin, const char* forge, const char* secret, const char* id, const char* timestamp,
                std::string body, const char* value, const char* prefix = "webhook") {
    const std::string p = prefix;
    return {origin,
            forge,
            secret,
            body,
            {{{p + "-id", id}, {p + "-timestamp", timestamp}, {p + "-signature", value}}, body, ""},
            *parse_decimal(timestamp) * 1000,
            p + "-signature"};
}

const char* const everybody = "It's a Secret to Everybody";
const char* const pagure_body =
    R"({"i": 1, "msg": {"pagure_instance": "http://localhost.localdomain/", "payload": ["a", "b", "c"], )"
    R"("project_fullname": "test"}, "msg_id": "2018-not_so_random", "timestamp": 2, "topic": "topic"})";
const char* const form_body = "payload=%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%7D";
const char* const json_digest = "6a42699496d8c4fb346af1c930df527931a321e28ada69dbc5ee82f438517fd2";

std::vector<Vector> vectors() {
    const char* h256 = "X-Hub-Signature-256";
    return {
        hmac("GitHub's documentation", "github", everybody, "Hello, World!", h256,
             "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
        hmac("Atlassian's documentation", "bitbucket-cloud", everybody, "Hello World!", "X-Hub-Signature",
             "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"),
        hmac("Atlassian's documentation", "bitbucket-datacenter", everybody, "Hello World!", "X-Hub-Signature",
             "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"),
        hmac("octokit", "github", "mysecret", R"({"foo":"bar"})", h256,
             "sha256=4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3"),
        hmac("prow 1", "github", "abc", "{}", h256,
             "sha256=19092633e5aa9a849dfcc9d2df4e76db2df1fcba7f38915f2c7833bd8a510f2f"),
        hmac("prow 2", "github", "abc1", R"({"organization": {"login": "org1"}})", h256,
             "sha256=87e9dcd175b5188a43e6ba0511da057b51f38f5a88088b198f26db13f1409280"),
        hmac("prow 3", "github", "abc2", R"({"repository": {"full_name": "org2/repo"}})", h256,
             "sha256=489ff461f227239a8b2ae0ec5b452dc134712ef2e23a9939ecf7a889b467351b"),
        hmac("adnanh/webhook", "github", "secret", R"({"a": "z"})", h256,
             "sha256=f417af3a21bd70379b5796d5f013915e7029f62c580fb0f500f59a35a6f04c89"),
        hmac("adnanh/webhook, empty body", "github", "secret", "", h256,
             "sha256=f9e66e179b6747ae54108f82f8ade8b3c25d76fd30afde6c395822c530196169"),
        hmac("form, bytes on the wire", "github", everybody, form_body, h256,
             "sha256=720493f557150a271b7cfdd9904c5fe4697f30c44588f8b452d36abc47b8796c"),
        hmac("Pagure's tests", "pagure", "aaabbbccc", pagure_body, "X-Pagure-Signature-256",
             "f3d757796554466eac49a5282b24ee32a1ecfb65dedd6c6231fb207240a9fe58"),
        hmac("form, JSON inside", "gitea", everybody, form_body, "X-Gitea-Signature", json_digest),
        hmac("form, JSON inside", "forgejo", everybody, form_body, "X-Forgejo-Signature", json_digest),
        hmac("form, JSON inside", "gogs", everybody, form_body, "X-Gogs-Signature", json_digest),
        standard("reference libraries", "standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                 "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", R"({"test": 2432232314})",
                 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        standard("Svix", "standard-webhooks", "whsec_plJ3nmyCDGBKInavdOK15jsl", "msg_loFOjxBNrRLzqYUf", "1731705121",
                 R"({"event_type":"ping","data":{"success":true}})",
                 "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=", "svix"),
        standard("GitLab 19", "gitlab",
                 "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=", "f5e5f430-f57b-4e6e-9fac-d9128cd7232f",
                 "1700000000", R"({"object_kind":"push"})", "v1,68n7sQVzNQF7jew9KS2HTT9NVpOYy2A5oNqzWGa8QlM="),
    };
}

bool supported(const char* forge) { return handlers::find_forge(forge) != nullptr; }

Verdict verdict(const Vector& vector, const OwnedRequest& request) {
    return authentic(hook_of(vector.forge, {vector.secret}), request, vector.now).verdict;
}

bool is_standard(const Vector& vector) { return vector.signature.ends_with("-signature") && vector.now != 0; }

}  // namespace

TEST_CASE("every published vector is accepted") {
    for (const Vector& vector : vectors()) {
        INFO(vector.forge << ": " << vector.origin);
        REQUIRE(supported(vector.forge));
        CHECK(verdict(vector, vector.request) == Verdict::accepted);
    }
}

TEST_CASE("one byte of the body, of the secret or of the signature changed is wrong") {
    for (const Vector& vector : vectors()) {
        INFO(vector.forge << ": " << vector.origin);
        for (std::size_t i = 0; i < vector.body.size(); ++i) {
            OwnedRequest changed = vector.request;
            changed.body[i] = static_cast<char>(changed.body[i] ^ 1);
            CHECK(verdict(vector, changed) != Verdict::accepted);
        }
        OwnedRequest longer = vector.request;
        longer.body += '\n';
        CHECK(verdict(vector, longer) != Verdict::accepted);
        const std::string secret = vector.secret;
        for (std::size_t i = 0; i < secret.size(); ++i) {
            std::string other = secret;
            other[i] = static_cast<char>(other[i] ^ 1);
            CHECK_FALSE(accepted(hook_of(vector.forge, {other}), vector.request, vector.now));
        }
        const std::string value(*vector.request.headers.only(vector.signature));
        for (std::size_t i = 0; i < value.size(); ++i) {
            std::string other = value;
            other[i] = static_cast<char>(other[i] ^ 1);
            OwnedRequest changed = vector.request;
            changed.headers = with_header(vector.request.headers, vector.signature, other);
            CHECK(verdict(vector, changed) != Verdict::accepted);
        }
    }
}

TEST_CASE("a signature must have its exact form, once") {
    for (const Vector& vector : vectors()) {
        INFO(vector.forge << ": " << vector.origin);
        const std::string value(*vector.request.headers.only(vector.signature));
        const auto with = [&](std::optional<std::string> other) {
            OwnedRequest changed = vector.request;
            changed.headers = with_header(vector.request.headers, vector.signature, std::move(other));
            return verdict(vector, changed);
        };
        CHECK(with(std::nullopt) == Verdict::missing);
        CHECK(with("") == Verdict::malformed);
        CHECK(with(value.substr(0, value.size() - 1)) == Verdict::malformed);
        CHECK(with(value + "," + value) == Verdict::malformed);
        CHECK(with(value + "\0"s) == Verdict::malformed);
        OwnedRequest twice = vector.request;
        twice.headers.add(lower(vector.signature), value);
        CHECK(verdict(vector, twice) == Verdict::malformed);
        if (is_standard(vector)) continue;
        CHECK(with(value + " ") == Verdict::malformed);
        CHECK(with(" " + value) == Verdict::malformed);
        std::string upper = value;
        const std::size_t equals = upper.find('=');
        for (std::size_t i = equals == std::string::npos ? 0 : equals; i < upper.size(); ++i)
            if (upper[i] >= 'a' && upper[i] <= 'f') upper[i] = static_cast<char>(upper[i] - 32);
        CHECK(with(upper) == Verdict::malformed);
        CHECK(with(equals == std::string::npos ? "sha256=" + value : value.substr(7)) == Verdict::malformed);
        CHECK(with("sha256=") == Verdict::malformed);
        CHECK(with("sha1=" + value.substr(value.size() - 40)) == Verdict::malformed);
    }
}

TEST_CASE("an empty secret never matches") {
    for (const Vector& vector : vectors()) {
        INFO(vector.forge);
        CHECK_FALSE(accepted(hook_of(vector.forge, {""}), vector.request, vector.now));
        CHECK_FALSE(accepted(hook_of(vector.forge, {}), vector.request, vector.now));
    }
    // HMAC-SHA256 of "x" with an empty key: right by arithmetic, and still nobody's signature.
    const OwnedRequest request{
        {{"X-Hub-Signature-256", "sha256=4cbc96099a6467ce002461f10549b4898265ebe6188b45efacc44293516e62c4"}}, "x", ""};
    CHECK_FALSE(accepted(hook_of("github", {""}), request));
}

TEST_CASE("each of several secrets is tried, and which one matched is told") {
    for (const Vector& vector : vectors()) {
        INFO(vector.forge);
        for (std::size_t place = 0; place < 3; ++place) {
            std::vector<std::string> secrets(3, "another secret of good length");
            secrets[place] = vector.secret;
            const auto answer = authentic(hook_of(vector.forge, secrets), vector.request, vector.now);
            CHECK(answer.verdict == Verdict::accepted);
            CHECK(answer.secret == place);
        }
    }
}

TEST_CASE("SHA-1 is never enough") {
    const OwnedRequest only{
        {{"X-Hub-Signature", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59"}, {"X-GitHub-Event", "push"}},
        "Hello, World!",
        ""};
    const auto answer = authentic(hook_of("github", {everybody}), only);
    CHECK(answer.verdict == Verdict::missing);
    CHECK(answer.reason == "X-Hub-Signature-256 is missing; X-Hub-Signature alone (SHA-1) is not enough");
    OwnedRequest wrong = only;
    wrong.headers.add("X-Hub-Signature-256", "sha256=" + std::string(64, 'a'));
    CHECK(authentic(hook_of("github", {everybody}), wrong).verdict == Verdict::wrong);
    OwnedRequest bitbucket{{{"X-Hub-Signature", "sha1=b17e04cbb22afa8ffbff8796fc1894ed27badd9e"}}, R"({"a": "z"})", ""};
    CHECK(authentic(hook_of("bitbucket-cloud", {"secret"}), bitbucket).verdict == Verdict::malformed);
    CHECK(authentic(hook_of("bitbucket-datacenter", {"secret"}), bitbucket).verdict == Verdict::malformed);
    OwnedRequest pagure{{{"X-Pagure-Signature", "74b12f0b25bf7767014a0c0de9f3c10191e943d8"}}, pagure_body, ""};
    CHECK(authentic(hook_of("pagure", {"aaabbbccc"}), pagure).verdict == Verdict::missing);
}

TEST_CASE("GitHub signs the form, Gitea and its kin the JSON inside") {
    const OwnedRequest json_of_form{{{"X-Hub-Signature-256", std::string("sha256=") + json_digest}}, form_body, ""};
    CHECK(authentic(hook_of("github", {everybody}), json_of_form).verdict == Verdict::wrong);
    const char* wire = "720493f557150a271b7cfdd9904c5fe4697f30c44588f8b452d36abc47b8796c";
    CHECK(authentic(hook_of("gitea", {everybody}), {{{"X-Gitea-Signature", wire}}, form_body, ""}).verdict ==
          Verdict::wrong);
    // A GET has the form in its query.
    CHECK(accepted(hook_of("gitea", {everybody}), {{{"X-Gitea-Signature", json_digest}}, "", form_body}));
    CHECK(accepted(hook_of("forgejo", {everybody}), {{{"X-Forgejo-Signature", json_digest}}, "", form_body}));
}
