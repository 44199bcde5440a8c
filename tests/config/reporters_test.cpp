// reporters: and hooks.<name>.report.
#include <catch2/catch.hpp>

#include "config/describe.h"
#include "tests/config/support.h"

using namespace gachette;
using gachette::testing::ConfigFolder;

namespace {

using Lines = std::vector<std::string>;

void write_tokens(ConfigFolder& folder) {
    folder.write("a.token", "token-of-a-0123456789\n");
    folder.write("b.token", "token-of-b-0123456789\n");
    folder.write("c.token", "token-of-c-0123456789\n");
    folder.write("ci.whsec", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
}

}  // namespace

TEST_CASE("reporters arrive with their defaults") {
    ConfigFolder folder;
    write_tokens(folder);
    const Configuration all = folder.parse(
        "external_url: https://g.example.com\n"
        "reporters:\n"
        "  hub: {kind: github, token: {file: a.token}}\n"
        "  lab: {kind: gitlab, url: \"https://gitlab.example.com/\", token: {file: b.token}, context: \"x/{ref}\",\n"
        "        give_up: 1h, authority: ca.pem}\n"
        "  bucket: {kind: bitbucket-cloud, user: hero, token: {file: c.token}}\n"
        "  ci: {kind: webhook, url: \"https://ci.example.com/a?key=secret\", secret: {file: ci.whsec}}\n"
        "  packages: {kind: callback, url: \"http://127.0.0.1:9/\"}\n"
        "hooks:\n"
        "  github: {forge: github, secrets: [{file: good.secret}], report: [hub, ci]}\n"
        "  gitlab: {forge: gitlab, secrets: [{file: other.secret}], report: lab}\n");
    REQUIRE(all.reporters.size() == 5);
    const Destination& hub = all.reporters[0];
    CHECK(hub.name == "hub");
    CHECK(hub.kind == "github");
    CHECK(hub.url == "https://api.github.com");
    CHECK(hub.token.value == "token-of-a-0123456789");
    CHECK(hub.token.origin == "file " + folder.path("a.token"));
    CHECK(hub.context == "gachette/{project}");
    CHECK(hub.give_up == 3LL * 24 * 3'600'000);
    CHECK(hub.report_kind() == ReportKind::status);
    const Destination& lab = all.reporters[1];
    CHECK(lab.url == "https://gitlab.example.com");
    CHECK(lab.context == "x/{ref}");
    CHECK(lab.give_up == 3'600'000);
    CHECK(lab.authority_file == folder.path("ca.pem"));
    CHECK(all.reporters[2].user == "hero");
    CHECK(all.reporters[2].url == "https://api.bitbucket.org");
    CHECK(all.reporters[3].secret.value == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    CHECK(all.reporters[3].report_kind() == ReportKind::webhook);
    CHECK(all.reporters[4].url == "http://127.0.0.1:9/");
    CHECK(all.reporters[4].report_kind() == ReportKind::callback);
    CHECK(all.hooks[0].report == Lines{"hub", "ci"});
    CHECK(all.hooks[1].report == Lines{"lab"});
    CHECK(all.find_reporter("ci") == &all.reporters[3]);

    const std::string text = describe_configuration(all);
    CHECK(text.find("reporter hub: kind github at https://api.github.com, hears of the jobs of hook github\n") !=
          std::string::npos);
    CHECK(text.find("reporter ci: kind webhook at https://ci.example.com, hears of the jobs of hook github\n") !=
          std::string::npos);
    CHECK(text.find("reporter bucket: kind bitbucket-cloud at https://api.bitbucket.org, named by no hook, so it hears "
                    "of nothing; add it to hooks.<name>.report\n") != std::string::npos);
    CHECK(text.find("token-of") == std::string::npos);
    CHECK(text.find("key=secret") == std::string::npos);
}

TEST_CASE("mistakes in reporters") {
    ConfigFolder folder;
    write_tokens(folder);
    struct Row {
        std::string text, error;
    };
    const std::string head = "reporters:\n  r:\n", place = "config.yml:3: reporters.r.";
    const std::string token = "    token: {file: a.token}\n";
    const std::string kinds =
        "github, gitlab, gitea, forgejo, bitbucket-cloud, bitbucket-datacenter, webhook, callback";
    const std::vector<Row> rows = {
        {head + "    url: https://x\n", "config.yml:2: reporters.r.kind: is missing; give one of " + kinds},
        {head + "    kind: githup\n", place + "kind: \"githup\" is no kind of reporter; known are " + kinds},
        {head + "    kind: github\n",
         "config.yml:2: reporters.r.token: is missing; give one that may write statuses, as {file: ...}"},
        {head + "    kind: github\n    token: ghp_0123456789abcdef\n",
         "config.yml:4: reporters.r.token: a secret must not stand in this file, which is copied and shown; write "
         "{file: ...}, {credential: ...} or {environment: ...}"},
        {head + "    kind: gitea\n" + token,
         "config.yml:2: reporters.r.url: is missing; write it like https://gitea.example.com"},
        {head + "    kind: gitea\n    url: file:///etc/passwd\n" + token,
         "config.yml:4: reporters.r.url: is no address that can be used; write it like https://gitea.example.com"},
        {head + "    kind: gitea\n    url: https://hero:secret@gitea.example.com\n" + token,
         "config.yml:4: reporters.r.url: is no address that can be used; write it like https://gitea.example.com"},
        {head + "    kind: gitea\n    url: https://gitea.example.com?a=b\n" + token,
         "config.yml:4: reporters.r.url: is no address that can be used; write it like https://gitea.example.com"},
        {head + "    kind: callback\n    url: https://\n",
         "config.yml:4: reporters.r.url: is no address that can be used; write it like https://example.com/packages"},
        {head + "    kind: bitbucket-cloud\n" + token,
         place + "kind: bitbucket-cloud takes no status without a link; set external_url"},
        {head + "    kind: github\n    context: \"{branch}\"\n" + token,
         "config.yml:4: reporters.r.context: \"{branch}\" has an unknown field; known are {project} and {ref}"},
        {head + "    kind: webhook\n    url: https://x\n    secret: {file: good.secret}\n",
         "config.yml:5: reporters.r.secret: (file good.secret) must be whsec_ and 24 to 64 bytes in base64; make one "
         "with: echo whsec_$(openssl rand -base64 32)"},
        {head + "    kind: webhook\n    url: https://x\n",
         "config.yml:2: reporters.r.secret: is missing; give what the receiver verifies the signature with"},
        {head + "    kind: callback\n    url: https://x\n" + token,
         "config.yml:5: reporters.r.token: is not known here; known are kind, url, authority, give_up"},
        {"hooks:\n  h:\n    forge: github\n    secrets: [{file: good.secret}]\n    report: [hub]\n",
         "config.yml:5: hooks.h.report: no reporter is called \"hub\"; add reporters.hub"},
        {"hooks:\n  h:\n    forge: github\n    secrets: [{file: good.secret}]\n    report: [r]\n" + head +
             "    kind: gitlab\n" + token,
         "config.yml:5: hooks.h.report: reporter r speaks to gitlab, but this hook hears from github; name one of kind "
         "github"},
    };
    for (const Row& row : rows) {
        INFO(row.text);
        CHECK(folder.error(row.text) == row.error);
    }
}
