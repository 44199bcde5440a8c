// What each forge is told: address, headers, body, limits.
#include "report/requests.h"

#include <catch2/catch.hpp>

#include "base/crypto.h"

using namespace gachette;
using namespace gachette::report;

namespace {

const std::string commit = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";
const std::string external = "https://g.example.com";

Destination destination(const std::string& kind, const std::string& url) {
    Destination made;
    made.name = "there";
    made.kind = kind;
    made.url = url;
    made.token = {"file token", "token-0123456789"};
    return made;
}

ReportFacts facts(JobState state = JobState::done) {
    ReportFacts made;
    made.event = "status";
    made.job = 12;
    made.delivery = 7;
    made.project = "app";
    made.repository_id = "4711";
    made.repository = "ops-hero/app";
    made.commit = commit;
    made.ref = "refs/heads/feature/x";
    made.context = "gachette/app";
    made.state = state;
    made.version = "1.2";
    made.targets = {{{"backend", "edge", "", false, "take", ""}, "changed", "", 5}};
    return made;
}

std::string header(const Request& request, const std::string& name) {
    return std::string(request.headers.only(name).value_or("(none)"));
}

std::string error_of(const Result<Request>& request) { return request ? "no error" : request.error(); }

std::string text_of(std::size_t characters, const std::string& character) {
    std::string text;
    for (std::size_t i = 0; i < characters; ++i) text += character;
    return text;
}

std::string value_of(const std::string& body, const std::string& key) {
    const std::string start = "\"" + key + "\":\"";
    const std::size_t at = body.find(start);
    return at == std::string::npos
               ? "(none)"
               : body.substr(at + start.size(), body.find('"', at + start.size()) - at - start.size());
}

std::size_t characters(const std::string& text) {
    std::size_t count = 0;
    for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    return count;
}

}  // namespace

TEST_CASE("each forge gets its own address, login and words") {
    struct Row {
        std::string kind, base, url, login_header, login, body;
    };
    const std::string link = "https://g.example.com/jobs/12", said = "version 1.2 is in backend/edge";
    const std::vector<Row> rows = {
        {"github", "https://api.github.com", "https://api.github.com/repos/ops-hero/app/statuses/" + commit,
         "Authorization", "Bearer token-0123456789",
         R"({"state":"success","target_url":"https://g.example.com/jobs/12","description":"version 1.2 is in )"
         R"(backend/edge","context":"gachette/app"})"},
        {"github", "https://ghe.example.com/api/v3",
         "https://ghe.example.com/api/v3/repos/ops-hero/app/statuses/" + commit, "Authorization",
         "Bearer token-0123456789",
         R"({"state":"success","target_url":"https://g.example.com/jobs/12","description":"version 1.2 is in )"
         R"(backend/edge","context":"gachette/app"})"},
        {"gitlab", "https://gitlab.com", "https://gitlab.com/api/v4/projects/4711/statuses/" + commit, "PRIVATE-TOKEN",
         "token-0123456789",
         R"({"state":"success","name":"gachette/app","ref":"feature/x","target_url":"https://g.example.com/jobs/12",)"
         R"("description":"version 1.2 is in backend/edge"})"},
        {"gitea", "https://gitea.example.com", "https://gitea.example.com/api/v1/repos/ops-hero/app/statuses/" + commit,
         "Authorization", "token token-0123456789",
         R"({"state":"success","target_url":"https://g.example.com/jobs/12","description":"version 1.2 is in )"
         R"(backend/edge","context":"gachette/app"})"},
        {"forgejo", "http://forge:3000", "http://forge:3000/api/v1/repos/ops-hero/app/statuses/" + commit,
         "Authorization", "token token-0123456789",
         R"({"state":"success","target_url":"https://g.example.com/jobs/12","description":"version 1.2 is in )"
         R"(backend/edge","context":"gachette/app"})"},
        {"bitbucket-cloud", "https://api.bitbucket.org",
         "https://api.bitbucket.org/2.0/repositories/ops-hero/app/commit/" + commit + "/statuses/build",
         "Authorization", "Bearer token-0123456789",
         R"({"key":"gachette/app","state":"SUCCESSFUL","url":"https://g.example.com/jobs/12","name":"gachette/app",)"
         R"("description":"version 1.2 is in backend/edge","refname":"feature/x"})"},
        {"bitbucket-datacenter", "https://bb.example.com",
         "https://bb.example.com/rest/api/latest/projects/ops-hero/repos/app/commits/" + commit + "/builds",
         "Authorization", "Bearer token-0123456789",
         R"({"key":"gachette/app","state":"SUCCESSFUL","url":"https://g.example.com/jobs/12","name":"gachette/app",)"
         R"("description":"version 1.2 is in backend/edge","ref":"refs/heads/feature/x"})"},
    };
    for (const Row& row : rows) {
        INFO(row.url);
        const auto request = status_request(destination(row.kind, row.base), facts(), external);
        REQUIRE(request);
        CHECK(request->method == "POST");
        CHECK(request->url == row.url);
        CHECK(header(*request, row.login_header) == row.login);
        CHECK(header(*request, "Content-Type") == "application/json");
        CHECK(header(*request, "User-Agent") == "gachette/" GACHETTE_VERSION);
        CHECK(request->body == row.body);
        CHECK(request->body.find("token-") == std::string::npos);
    }
    const auto github = status_request(destination("github", "https://api.github.com"), facts(), external);
    CHECK(header(*github, "Accept") == "application/vnd.github+json");
    CHECK(header(*github, "X-GitHub-Api-Version") == "2022-11-28");
}

TEST_CASE("every state has a word at every forge") {
    using State = JobState;
    const std::vector<State> states = {State::queued, State::running,    State::done,
                                       State::failed, State::refused,    State::gave_up,
                                       State::dead,   State::superseded, State::cancelled};
    const std::map<std::string, std::vector<std::string>> rows = {
        {"github", {"pending", "pending", "success", "failure", "failure", "error", "error", "error", "error"}},
        {"gitlab", {"pending", "running", "success", "failed", "failed", "failed", "failed", "canceled", "canceled"}},
        {"gitea", {"pending", "pending", "success", "failure", "failure", "error", "error", "warning", "error"}},
        {"forgejo", {"pending", "pending", "success", "failure", "failure", "error", "error", "warning", "error"}},
        {"bitbucket-cloud",
         {"INPROGRESS", "INPROGRESS", "SUCCESSFUL", "FAILED", "FAILED", "FAILED", "FAILED", "STOPPED", "STOPPED"}},
        {"bitbucket-datacenter",
         {"INPROGRESS", "INPROGRESS", "SUCCESSFUL", "FAILED", "FAILED", "FAILED", "FAILED", "CANCELLED", "CANCELLED"}},
    };
    for (const auto& [kind, words] : rows)
        for (std::size_t i = 0; i < states.size(); ++i) {
            INFO(kind << " " << to_string(states[i]));
            const auto request = status_request(destination(kind, "https://x"), facts(states[i]), external);
            REQUIRE(request);
            CHECK(value_of(request->body, "state") == words[i]);
        }
}

TEST_CASE("the description says what happened") {
    const auto said = [](JobState state, const std::string& reason) {
        ReportFacts made = facts(state);
        made.reason = reason;
        return value_of(status_request(destination("github", "https://x"), made, "")->body, "description");
    };
    CHECK(said(JobState::queued, "") == "job 12 is queued");
    CHECK(said(JobState::running, "the last try's trouble") == "job 12 is running");
    CHECK(said(JobState::failed, "make: no rule") == "job 12 failed: make: no rule");
    CHECK(said(JobState::gave_up, "") == "job 12 gave up");
    CHECK(said(JobState::superseded, "job 13 of a newer push took its place") ==
          "job 12 superseded: job 13 of a newer push took its place");
    CHECK(said(JobState::failed, "a\nb\x1b[31m\xff") == R"(job 12 failed: a\\x0ab\\x1b[31m\\xff)");
    ReportFacts bare = facts();
    bare.version.clear();
    bare.targets.clear();
    const auto request = status_request(destination("github", "https://x"), bare, "");
    CHECK(value_of(request->body, "description") == "the package is built");
    CHECK(value_of(request->body, "target_url") == "(none)");
}

TEST_CASE("texts are cut to what each forge takes") {
    ReportFacts made = facts(JobState::failed);
    made.reason = text_of(400, "\xc3\xa9");
    made.context = text_of(300, "c");
    const auto body = [&](const std::string& kind) {
        return status_request(destination(kind, "https://x"), made, external)->body;
    };
    CHECK(characters(value_of(body("github"), "description")) == 140);
    CHECK(value_of(body("github"), "description").ends_with("\xc3\xa9..."));
    for (const std::string kind : {"gitlab", "gitea", "forgejo", "bitbucket-cloud", "bitbucket-datacenter"})
        CHECK(characters(value_of(body(kind), "description")) == 255);
    CHECK(value_of(body("github"), "context").size() == 255);
    CHECK(value_of(body("gitlab"), "name").size() == 255);
    CHECK(value_of(body("bitbucket-cloud"), "key").size() == 40);
    CHECK(value_of(body("bitbucket-cloud"), "name").size() == 255);
    CHECK(value_of(body("bitbucket-datacenter"), "key").size() == 255);

    CHECK(shortened(text_of(140, "x"), 140) == text_of(140, "x"));
    CHECK(shortened(text_of(141, "x"), 140) == text_of(137, "x") + "...");
    CHECK(short_key(text_of(40, "k"), 40) == text_of(40, "k"));
    const std::string key = short_key(text_of(40, "k") + "1", 40);
    CHECK(key.size() == 40);
    CHECK(key != short_key(text_of(40, "k") + "2", 40));  // two long names stay two statuses

    SECTION("a ref that is too long is left out, as a cut one is another ref") {
        made.ref = "refs/heads/" + text_of(255, "r");
        CHECK(value_of(body("gitlab"), "ref") == text_of(255, "r"));
        CHECK(value_of(body("bitbucket-cloud"), "refname") == text_of(255, "r"));
        CHECK(value_of(body("bitbucket-datacenter"), "ref") == "(none)");
        made.ref += "r";
        CHECK(value_of(body("gitlab"), "ref") == "(none)");
        CHECK(value_of(body("bitbucket-cloud"), "refname") == "(none)");
    }
    SECTION("links") {
        const std::string of_450 = "https://" + text_of(450 - 8 - 8, "h");
        CHECK(status_request(destination("bitbucket-datacenter", "https://x"), made, of_450));
        CHECK(error_of(status_request(destination("bitbucket-datacenter", "https://x"), made, of_450 + "h")) ==
              "Bitbucket takes links of at most 450 bytes; use a shorter external_url");
        CHECK(value_of(status_request(destination("gitlab", "https://x"), made, of_450)->body, "target_url") ==
              "(none)");
        for (const std::string kind : {"bitbucket-cloud", "bitbucket-datacenter"})
            CHECK(error_of(status_request(destination(kind, "https://x"), made, "")) ==
                  "Bitbucket takes no status without a link; set external_url");
    }
}

TEST_CASE("what a payload calls its repository leads nowhere else") {
    const auto url = [](const std::string& kind, const std::string& id, const std::string& name) {
        ReportFacts made = facts();
        made.repository_id = id;
        made.repository = name;
        const auto request = status_request(destination(kind, "https://x"), made, external);
        return request ? request->url.substr(0, request->url.find(commit)) : request.error();
    };
    CHECK(url("github", "1", "a b/c?d#e") == "https://x/repos/a%20b/c%3Fd%23e/statuses/");
    CHECK(url("github", "1", "a/..") == "the delivery calls its repository \"a/..\", which is no owner/name");
    CHECK(url("gitea", "1", "./b") == "the delivery calls its repository \"./b\", which is no owner/name");
    CHECK(url("github", "1", "a/b/c") == "the delivery calls its repository \"a/b/c\", which is no owner/name");
    CHECK(url("bitbucket-cloud", "1", "a") == "the delivery calls its repository \"a\", which is no owner/name");
    CHECK(url("bitbucket-datacenter", "1", "/b") == "the delivery calls its repository \"/b\", which is no owner/name");
    CHECK(url("bitbucket-datacenter", "1", "~hero/b") == "https://x/rest/api/latest/projects/~hero/repos/b/commits/");
    CHECK(url("gitlab", "12/../13", "a/b/c") == "https://x/api/v4/projects/a%2Fb%2Fc/statuses/");
    CHECK(url("gitlab", "", "../x") == "https://x/api/v4/projects/..%2Fx/statuses/");
    CHECK(url("gitlab", "", "") == "the delivery names neither id nor path of its project");
    ReportFacts made = facts();
    made.commit = "../../hooks";
    CHECK(error_of(status_request(destination("github", "https://x"), made, "")) ==
          "the job has no commit that a status could be given to");
    CHECK(error_of(status_request(destination("svn", "https://x"), facts(), "")) == "kind svn has no commit statuses");
}

TEST_CASE("Bitbucket takes a user's token as Basic") {
    Destination made = destination("bitbucket-cloud", "https://api.bitbucket.org");
    made.user = "hero";
    CHECK(header(*status_request(made, facts(), external), "Authorization") ==
          "Basic " + base64_encode("hero:token-0123456789"));
}

TEST_CASE("webhooks are signed as Standard Webhooks says") {
    CHECK(*webhook_signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
                             R"({"test": 2432232314})") == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    CHECK(*webhook_signature("whsec_plJ3nmyCDGBKInavdOK15jsl", "msg_loFOjxBNrRLzqYUf", "1731705121",
                             R"({"event_type":"ping","data":{"success":true}})") ==
          "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=");
    CHECK_FALSE(webhook_signature("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "a", "1", ""));
    CHECK_FALSE(webhook_signature("whsec_", "a", "1", ""));

    Destination made = destination("webhook", "https://x/y?z=1");
    made.secret = {"file s", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
    Report report;
    report.id = 3;
    report.kind = ReportKind::webhook;
    report.created = 1'700'000'000'000;
    report.facts = facts();
    report.facts.event = "job.ended";
    report.facts.packages = {{"app", "1.2", "all", "app_1.2_all.deb", std::string(4, 'a'), 9}};
    const auto request = webhook_request(made, report, "gachette-1-3", 1'700'000'123'456, external);
    REQUIRE(request);
    CHECK(request->url == "https://x/y?z=1");
    CHECK(header(*request, "webhook-id") == "gachette-1-3");
    CHECK(header(*request, "webhook-timestamp") == "1700000123");
    CHECK(header(*request, "webhook-signature") ==
          *webhook_signature(made.secret.value, "gachette-1-3", "1700000123", request->body));
    CHECK(request->body ==
          R"({"type":"job.ended","timestamp":"2023-11-14T22:13:20Z","data":{"job":12,"delivery":7,"project":"app",)"
          R"("repository":"ops-hero/app","ref":"refs/heads/feature/x","commit":")" +
              commit +
              R"(","version":"1.2","state":"done","targets":[{"domain":"backend","stack":"edge","outcome":"changed",)"
              R"("generation":5}],"packages":[{"name":"app","version":"1.2","architecture":"all",)"
              R"("file":"app_1.2_all.deb","sha256":"aaaa","size":9}],"link":"https://g.example.com/jobs/12"}})");
    report.facts.event = "stack.changed";
    report.facts.packages.clear();
    CHECK(webhook_request(made, report, "gachette-1-3", 0, "")->body ==
          R"({"type":"stack.changed","timestamp":"2023-11-14T22:13:20Z","data":{"domain":"backend","stack":"edge",)"
          R"("outcome":"changed","generation":5,"job":12,"delivery":7,"project":"app","repository":"ops-hero/app",)"
          R"("ref":"refs/heads/feature/x","commit":")" +
              commit + R"(","version":"1.2","packages":[]}})");
}

TEST_CASE("the web callback is the original's") {
    ReportFacts made = facts();
    made.packages = {{"app", "1.2", "all", "app_1.2_all.deb", std::string(4, 'a'), 9}};
    const auto request = callback_request(destination("callback", "http://x/packages"), made);
    REQUIRE(request);
    CHECK(request->url == "http://x/packages");
    CHECK(request->body == R"({"name":"app","version":"1.2","file_name":"app_1.2_all.deb"})");
    CHECK(header(*request, "Authorization") == "(none)");
    made.packages.clear();
    CHECK(error_of(callback_request(destination("callback", "http://x"), made)) == "the report names no package");
}
