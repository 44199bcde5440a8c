#include "model/plan.h"

#include <catch2/catch.hpp>
#include <chrono>

#include "model/skip_mark.h"

using namespace gachette;

namespace {

const std::string commit_a = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";
const std::string commit_b = "2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e";

Project project(std::string name, std::string url) {
    Project made;
    made.name = std::move(name);
    made.url = std::move(url);
    return made;
}

Rule branch_rule(std::vector<std::string> branches, std::string stack, int number = 0) {
    Rule rule;
    rule.branches = std::move(branches);
    rule.stack = std::move(stack);
    rule.text = "domains.backend.stacks[" + std::to_string(number) + "] (branch " + rule.branches[0] + " -> " +
                rule.stack + ")";
    return rule;
}

Rule tag_rule(std::vector<std::string> tags, std::string stack, int number = 0) {
    Rule rule;
    rule.tags = std::move(tags);
    rule.stack = std::move(stack);
    rule.from = "latest";
    rule.text =
        "domains.backend.stacks[" + std::to_string(number) + "] (tag " + rule.tags[0] + " -> " + rule.stack + ")";
    return rule;
}

Configuration sample() {
    Configuration configuration;
    configuration.projects = {project("test_application", "git@github.com:ops-hero/test_application.git"),
                              project("test_config", "git@github.com:ops-hero/test_config.git")};
    configuration.domains = {{"backend",
                              {"test_application", "test_config"},
                              {branch_rule({"main"}, "edge"), tag_rule({"v*"}, "{tag}", 1)}}};
    return configuration;
}

Event branch_event(const std::string& name, std::string commit = commit_a) {
    Event event;
    event.repository = {"github",
                        "github.com",
                        "1296269",
                        "ops-hero/test_application",
                        {"https://github.com/ops-hero/test_application.git"}};
    event.ref = "refs/heads/" + name;
    event.commit = std::move(commit);
    event.new_id = event.commit;
    return event;
}

Event tag_event(const std::string& name, std::string commit = commit_a) {
    Event event = branch_event("x", std::move(commit));
    event.kind = RefKind::tag;
    event.ref = "refs/tags/" + name;
    return event;
}

const Hook hook{"github", "github", {}, {}, 300'000, {}};

Plan plan_of(const std::vector<Event>& events, const Configuration& configuration = sample(),
             const std::map<std::string, std::string>& known = {}) {
    return plan(events, hook, configuration, known);
}

// All sentences of the plan, "subject: sentence", taken ones marked with "+".
std::vector<std::string> said(const Plan& made) {
    std::vector<std::string> lines;
    for (const Decision& decision : made.decisions)
        lines.push_back((decision.taken ? "+ " : "- ") + decision.subject + ": " + decision.sentence);
    return lines;
}

using Lines = std::vector<std::string>;

// The names of the projects that a repository feeds.
std::vector<std::string> fed(const RepositoryIdentity& repository, const Configuration& configuration,
                             const std::map<std::string, std::string>& known = {}) {
    Event event = branch_event("main");
    event.repository = repository;
    std::vector<std::string> names;
    for (const PlannedJob& job : plan({event}, hook, configuration, known).jobs) names.push_back(job.project);
    return names;
}

}  // namespace

TEST_CASE("a push becomes a job, and every rule says what it thinks of it") {
    const Plan made = plan_of({branch_event("main")});
    REQUIRE(made.jobs.size() == 1);
    CHECK(made.jobs[0] ==
          PlannedJob{"test_application",
                     RefKind::branch,
                     "refs/heads/main",
                     commit_a,
                     {},
                     {{"backend", "edge", "", false, "take", "domains.backend.stacks[0] (branch main -> edge)"}},
                     "test_application " + commit_a});
    CHECK(said(made) ==
          Lines{"+ refs/heads/main of ops-hero/test_application: job for test_application at 1a2b3c4 -> backend/edge",
                "- rule domains.backend.stacks[1]: refs/heads/main: is for tags, this is a branch"});
    CHECK(made.seen == std::map<std::string, std::string>{{"github github.com 1296269", "test_application"}});
}

TEST_CASE("a tag makes its stack") {
    Configuration configuration = sample();
    configuration.domains[0].rules[1].create = true;
    configuration.domains[0].rules[1].forced = "refuse";
    const Plan made = plan_of({tag_event("v1/rc")}, configuration);
    CHECK(made.jobs.empty());  // v* does not reach over a slash
    configuration.domains[0].rules[1].tags = {"**"};
    const Plan again = plan_of({tag_event("v1/rc")}, configuration);
    REQUIRE(again.jobs.size() == 1);
    CHECK(again.jobs[0].targets == std::vector<Target>{{"backend", "v1-rc", "latest", true, "refuse",
                                                        "domains.backend.stacks[1] (tag v* -> {tag})"}});
    CHECK(again.jobs[0].ref == "refs/tags/v1/rc");
}

TEST_CASE("a commit that the payload does not tell is asked of the repository") {
    const Plan made = plan_of({branch_event("main", "")});
    REQUIRE(made.jobs.size() == 1);
    CHECK(made.jobs[0].commit.empty());
    CHECK(made.jobs[0].build_key.empty());
    CHECK(made.decisions[0].sentence == "job for test_application at the head of refs/heads/main -> backend/edge");
}

TEST_CASE("every no has its sentence") {
    Configuration configuration = sample();
    SECTION("deleted") {
        Event event = branch_event("x", "");
        event.change = Change::deleted;
        CHECK(said(plan_of({event})) ==
              Lines{"- refs/heads/x of ops-hero/test_application: nothing to build: refs/heads/x was deleted"});
    }
    SECTION("unknown repository") {
        Event event = branch_event("main");
        event.repository.full_name = "ops-hero/other";
        event.repository.urls = {"https://github.com/ops-hero/other.git"};
        CHECK(said(plan_of({event})) ==
              Lines{"- refs/heads/main of ops-hero/other: no project builds this repository; add projects.<name>.url: "
                    "https://github.com/ops-hero/other.git, or add ops-hero/other to projects.<name>.repositories"});
        CHECK(plan_of({event}).seen.empty());
    }
    SECTION("no domain") {
        configuration.domains[0].projects = {"test_config"};
        CHECK(said(plan_of({branch_event("main")}, configuration)) ==
              Lines{"- project test_application: is in no domain; add test_application to domains.<name>.projects"});
    }
    SECTION("no rules") {
        configuration.domains[0].rules.clear();
        CHECK(
            said(plan_of({branch_event("main")}, configuration)) ==
            Lines{
                "- domain backend: has no rules; add one to domains.backend.stacks, for example {branch: main, stack: "
                "latest}"});
    }
    SECTION("no rule matches") {
        CHECK(said(plan_of({branch_event("topic")})) ==
              Lines{"- rule domains.backend.stacks[0]: refs/heads/topic: branch topic does not match main",
                    "- rule domains.backend.stacks[1]: refs/heads/topic: is for tags, this is a branch",
                    "- refs/heads/topic of ops-hero/test_application: no rule of domain backend takes branch topic of "
                    "project test_application; add one to domains.backend.stacks, for example {branch: topic, stack: "
                    "latest}"});
        CHECK(said(plan_of({tag_event("1.0")})).front() ==
              "- rule domains.backend.stacks[0]: refs/tags/1.0: is for branches, this is a tag");
    }
    SECTION("rule for other projects") {
        configuration.domains[0].rules[0].projects = {"test_config"};
        CHECK(
            said(plan_of({branch_event("main")}, configuration)).front() ==
            "- rule domains.backend.stacks[0]: refs/heads/main: is for test_config, not for project test_application");
    }
    SECTION("bad stack name") {
        configuration.domains[0].rules[0] = branch_rule({"**"}, "{branch}");
        const Plan made = plan_of({branch_event("a;id")}, configuration);
        CHECK(made.jobs.empty());
        CHECK(
            said(made) ==
            Lines{"- rule domains.backend.stacks[0]: refs/heads/a;id: nothing is built, as {branch} would become stack "
                  "\"a;id\": only letters, digits and . _ + - are allowed, the first a letter or digit",
                  "- rule domains.backend.stacks[1]: refs/heads/a;id: is for tags, this is a branch"});
    }
    SECTION("the hook may not speak for it") {
        Hook narrow = hook;
        narrow.repositories = {"other/*"};
        CHECK(said(plan({branch_event("main")}, narrow, configuration, {})) ==
              Lines{"- refs/heads/main of ops-hero/test_application: hook github may not speak for it; add "
                    "ops-hero/test_application to hooks.github.repositories"});
        narrow.repositories = {"Ops-Hero/*"};
        CHECK(plan({branch_event("main")}, narrow, configuration, {}).jobs.size() == 1);
        narrow.repositories = {"ops-hero/*", "!ops-hero/test_*"};
        CHECK(plan({branch_event("main")}, narrow, configuration, {}).jobs.empty());
    }
    SECTION("a ref that git would not take") {
        Event event = branch_event("a..b");
        CHECK(said(plan_of({event})) ==
              Lines{"- refs/heads/a..b of ops-hero/test_application: is not a ref that git accepts; nothing is built"});
    }
}

TEST_CASE("skip marks count for branches, never for tags") {
    Event event = branch_event("main");
    event.head_message = "Mend the door [Skip CI]\n";
    CHECK(said(plan_of({event})) ==
          Lines{"- refs/heads/main of ops-hero/test_application: nothing to build: the message of "
                "its newest commit says [skip ci]"});
    Event tag = tag_event("v1");
    tag.head_message = "[skip ci]";
    CHECK(plan_of({tag}).jobs.size() == 1);

    CHECK(skip_mark("x [ci skip]") == "[ci skip]");
    CHECK(skip_mark("[no ci] x") == "[no ci]");
    CHECK(skip_mark("x\n\n[skip gachette]") == "[skip gachette]");
    CHECK(skip_mark("x\n\ny\n\nskip-checks: true\n") == "skip-checks: true");
    CHECK(skip_mark("x\r\n\r\nSkip-Checks:TRUE\r\nSigned-off-by: me\r\n") == "skip-checks: true");
    for (const char* none : {"", "skip ci", "[skip]", "x\nskip-checks: true", "skip-checks: true",
                             "x\n\nskip-checks: true\n\nlast", "x\n\nskip-checks: false", "x\n\nnot skip-checks: true"})
        CHECK(skip_mark(none).empty());
}

TEST_CASE("one commit of one project is one job however many stacks want it") {
    Configuration configuration = sample();
    Domain frontend{"frontend", {"test_application"}, {branch_rule({"*"}, "{branch}-{project}")}};
    configuration.domains.push_back(frontend);
    configuration.domains[0].rules.push_back(branch_rule({"m*"}, "nightly", 2));
    configuration.domains[0].rules.push_back(branch_rule({"m*"}, "edge", 3));
    const Plan made = plan_of({branch_event("main")}, configuration);
    REQUIRE(made.jobs.size() == 1);
    std::vector<std::string> where;
    for (const Target& target : made.jobs[0].targets) where.push_back(target.domain + "/" + target.stack);
    CHECK(where == Lines{"backend/edge", "backend/nightly", "frontend/main-test_application"});
    CHECK(said(made)[3] ==
          "- rule domains.backend.stacks[3]: refs/heads/main: backend/edge gets this commit already by "
          "another rule or ref");
}

TEST_CASE("rules with other paths make other jobs of the same build") {
    Configuration configuration = sample();
    configuration.domains[0].rules[0].paths = {"docs/**"};
    configuration.domains[0].rules.push_back(branch_rule({"main"}, "nightly", 2));
    const Plan made = plan_of({branch_event("main")}, configuration);
    REQUIRE(made.jobs.size() == 2);
    CHECK(made.jobs[0].paths == Lines{"docs/**"});
    CHECK(made.jobs[1].paths.empty());
    CHECK(made.jobs[0].build_key == made.jobs[1].build_key);
}

TEST_CASE("several refs at one commit") {
    Configuration configuration = sample();
    SECTION("tags share one job") {
        const Plan made = plan_of({tag_event("v1"), tag_event("v2")}, configuration);
        REQUIRE(made.jobs.size() == 1);
        REQUIRE(made.jobs[0].targets.size() == 2);
        CHECK(made.jobs[0].ref == "refs/tags/v1");
        CHECK(made.jobs[0].targets[1].stack == "v2");
    }
    SECTION("tags do not when the version tells them apart, or the commit is not known") {
        CHECK(plan_of({tag_event("v1", ""), tag_event("v2", "")}, configuration).jobs.size() == 2);
        configuration.projects[0].version = "{tag}";
        CHECK(plan_of({tag_event("v1"), tag_event("v2")}, configuration).jobs.size() == 2);
    }
    SECTION("a branch keeps its own job and shares the build") {
        const Plan made = plan_of({branch_event("main"), tag_event("v1")}, configuration);
        REQUIRE(made.jobs.size() == 2);
        CHECK(made.jobs[0].build_key == made.jobs[1].build_key);
    }
    SECTION("the same ref twice: the last counts") {
        const Plan made = plan_of({branch_event("main"), branch_event("main", commit_b)}, configuration);
        REQUIRE(made.jobs.size() == 1);
        CHECK(made.jobs[0].commit == commit_b);
        CHECK(said(made)[0] ==
              "- refs/heads/main of ops-hero/test_application: stands again further on in this delivery; "
              "only the last one counts");
    }
}

TEST_CASE("build keys hold the ref only when the version does") {
    const auto key = [](const std::string& version, const Event& event) {
        Configuration configuration = sample();
        configuration.projects[0].version = version;
        configuration.domains[0].rules[0].branches = {"**"};
        return plan_of({event}, configuration).jobs.at(0).build_key;
    };
    const std::string plain = "test_application " + commit_a;
    CHECK(key("", branch_event("main")) == plain);
    CHECK(key("{base}+{count}", branch_event("main")) == plain);
    CHECK(key("{base}[~{branch}]", branch_event("a/b")) == plain + " branch a/b");
    CHECK(key("{base}[~{branch}]", tag_event("v1")) == plain);
    CHECK(key("{base}[~{tag}]", tag_event("v1")) == plain + " tag v1");
    CHECK(key("{base}[~{tag}]", branch_event("main")) == plain);
    CHECK(key("{base}[~{ref}]", branch_event("main")) == plain + " branch main");
}

TEST_CASE("which project a repository means") {
    Configuration configuration = sample();
    configuration.domains[0].rules[0].branches = {"**"};
    const std::string app = "test_application";
    SECTION("any spelling of the address") {
        for (const char* url :
             {"git@github.com:ops-hero/test_application", "ssh://git@github.com:22/ops-hero/test_application.git",
              "https://me@GitHub.com/Ops-Hero/Test_Application.git/"}) {
            INFO(url);
            CHECK(fed({"github", "", "", "", {url}}, configuration) == Lines{app});
        }
        for (const char* url : {"git@gitlab.com:ops-hero/test_application", "git@github.com:other/test_application",
                                "https://github.com.evil/ops-hero/test_application"}) {
            INFO(url);
            CHECK(fed({"github", "", "", "", {url}}, configuration).empty());
        }
    }
    SECTION("the full name alone") {
        CHECK(fed({"bitbucket", "", "", "OPS-HERO/test_application", {}}, configuration) == Lines{app});
        CHECK(fed({"bitbucket", "", "", "hero/test_application", {}}, configuration).empty());
        CHECK(fed({"bitbucket", "", "", "test_application", {}}, configuration).empty());
        configuration.projects[0].url = "git@mirror:github/ops-hero/test_application";
        CHECK(fed({"github", "", "", "ops-hero/test_application", {"git@github.com:ops-hero/test_application"}},
                  configuration) == Lines{app});
    }
    SECTION("an address outweighs a name") {
        configuration.projects.push_back(project("twin", "git@gitlab.com:ops-hero/test_application"));
        configuration.domains[0].projects.push_back("twin");
        CHECK(fed({"gitlab", "", "", "ops-hero/test_application", {"https://gitlab.com/ops-hero/test_application"}},
                  configuration) == Lines{"twin"});
        CHECK(fed({"gitlab", "gitlab.com", "", "ops-hero/test_application", {}}, configuration) == Lines{"twin"});
        CHECK(fed({"gitlab", "", "", "ops-hero/test_application", {}}, configuration) == Lines{app, "twin"});
    }
    SECTION("further spellings") {
        configuration.projects[0].url = "/srv/git/app";
        CHECK(fed({"github", "", "", "ops-hero/app2", {}}, configuration).empty());
        configuration.projects[0].repositories = {"ops-hero/app2", "https://git.example/x"};
        CHECK(fed({"github", "", "", "Ops-Hero/app2", {}}, configuration) == Lines{app});
        CHECK(fed({"gitea", "", "", "", {"git@git.example:x.git"}}, configuration) == Lines{app});
    }
    SECTION("one repository, several projects") {
        configuration.projects.push_back(project("second", "https://github.com/ops-hero/test_application"));
        configuration.domains[0].projects.push_back("second");
        const Plan made = plan_of({branch_event("main")}, configuration);
        REQUIRE(made.jobs.size() == 2);
        CHECK(made.seen.at("github github.com 1296269") == "test_application second");
    }
}

TEST_CASE("a renamed repository keeps its project by the forge's id") {
    Configuration configuration = sample();
    Event event = branch_event("main");
    event.repository.full_name = "ops-hero/renamed";
    event.repository.urls = {"https://github.com/ops-hero/renamed.git"};
    const std::map<std::string, std::string> known{{"github github.com 1296269", "test_application"}};
    const Plan made = plan_of({event}, configuration, known);
    REQUIRE(made.jobs.size() == 1);
    CHECK(said(made)[0] ==
          "- project test_application: is known by the forge's id of its repository, which is called "
          "ops-hero/renamed now; change projects.test_application.url");
    CHECK(made.seen == known);

    SECTION("the same number at another forge or instance is another repository") {
        CHECK(plan_of({event}, configuration, {{"gitlab gitlab.com 1296269", "test_application"}}).jobs.empty());
        CHECK(plan_of({event}, configuration, {{"github ghe.example 1296269", "test_application"}}).jobs.empty());
    }
    SECTION("several projects are remembered") {
        CHECK(plan_of({event}, configuration, {{"github github.com 1296269", "test_application test_config"}})
                  .jobs.size() == 2);
    }
    SECTION("a project that is gone is not built") {
        CHECK(plan_of({event}, configuration, {{"github github.com 1296269", "gone"}}).jobs.empty());
    }
    SECTION("who has the address now comes first") {
        configuration.projects[1].url = "git@github.com:ops-hero/renamed";
        const Plan other = plan_of({event}, configuration, known);
        REQUIRE(other.jobs.size() == 1);
        CHECK(other.jobs[0].project == "test_config");
        CHECK(said(other)[0] ==
              "- project test_application: was built from ops-hero/renamed before, but its url names "
              "another repository now; if that is not meant, change projects.test_application.url");
    }
}

TEST_CASE("the key of a repository") {
    CHECK(repository_key({"github", "github.com", "12", "a/b", {}}) == "github github.com 12");
    CHECK(repository_key({"github", "github.com", "", "a/b", {}}).empty());
}

TEST_CASE("a stranger's text is shown without harm") {
    Event event = branch_event("x");
    event.repository.full_name = "a/\x1b[31mred\n";
    event.repository.urls = {"https://x/\xff"};
    event.repository.id.clear();
    CHECK(said(plan_of({event})) ==
          Lines{"- refs/heads/x of a/\\x1b[31mred\\x0a: no project builds this repository; add projects.<name>.url: "
                "https://x/\\xff, or add a/\\x1b[31mred\\x0a to projects.<name>.repositories"});
    Configuration configuration = sample();
    configuration.domains[0].rules[0] = branch_rule({"**"}, "{branch}{branch}");
    const Plan made = plan_of({branch_event("{tag}{project}")}, configuration);
    CHECK(made.jobs.empty());
    CHECK(said(made)[0].find("stack \"{tag}{project}{tag}{project}\"") != std::string::npos);
}

TEST_CASE("a delivery with thousands of refs is planned at once and its reasons are bounded") {
    Configuration configuration = sample();
    for (int i = 0; i < 300; ++i)
        configuration.projects.push_back(
            project("p" + std::to_string(i), "git@github.com:ops-hero/p" + std::to_string(i)));
    std::vector<Event> events;
    for (int i = 0; i < 3'000; ++i) events.push_back(branch_event("topic" + std::to_string(i)));
    events.push_back(branch_event("main"));
    const auto start = std::chrono::steady_clock::now();
    const Plan made = plan_of(events, configuration);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
    CHECK(made.jobs.size() == 1);
    REQUIRE(made.decisions.size() == 2'002);
    CHECK(made.decisions.back().sentence == "7001 further reasons why nothing is done are not listed");
}

TEST_CASE("a hook's reporters hear of its jobs, others do not") {
    Configuration configuration = sample();
    CHECK_FALSE(plan_of({branch_event("main")}, configuration).jobs.at(0).reporting);
    Destination status;
    status.name = "forge";
    status.kind = "github";
    status.context = "{project}: {ref} {project} {x} {";
    Destination webhook;
    webhook.name = "ci";
    webhook.kind = "webhook";
    configuration.reporters = {webhook, status};
    Hook telling = hook;
    telling.report = {"forge", "ci", "gone"};
    const Plan made = plan({branch_event("main")}, telling, configuration, {});
    REQUIRE(made.jobs.size() == 1);
    const RepositoryIdentity repository = branch_event("main").repository;
    CHECK(made.jobs[0].reporting ==
          Reporting{repository.id,
                    repository.full_name,
                    {{"forge", ReportKind::status, "test_application: main test_application {x} {"},
                     {"ci", ReportKind::webhook, ""}}});
    CHECK_FALSE(plan({branch_event("main")}, hook, configuration, {}).jobs.at(0).reporting);
}
