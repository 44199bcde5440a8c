// What rules ask beyond the ref: authors and protected refs; and what a plan tells the store of refs.
#include <catch2/catch.hpp>

#include "model/filters.h"
#include "model/plan.h"
#include "model/recovered.h"

using namespace gachette;

namespace {

const std::string commit_a(40, 'a'), commit_b(40, 'b'), tag_object(40, 'c');

Event event_by(const std::string& author, const std::string& pusher) {
    Event event;
    event.repository = {"gitlab", "gitlab.com", "7", "ops/app", {"https://gitlab.com/ops/app.git"}};
    event.ref = "refs/heads/main";
    event.old_id = commit_a;
    event.new_id = event.commit = commit_b;
    event.head_author = author;
    event.pusher = pusher;
    return event;
}

Rule rule_for(const std::vector<std::string>& authors, bool only_protected = false) {
    Rule rule;
    rule.branches = {"main"};
    rule.stack = "edge";
    rule.authors = authors;
    rule.only_protected = only_protected;
    rule.text = "domains.d.stacks[0] (branch main -> edge)";
    return rule;
}

Configuration with(const Rule& rule) {
    Configuration configuration;
    Project project;
    project.name = "app";
    project.url = "git@gitlab.com:ops/app.git";
    configuration.projects = {project};
    configuration.domains = {{"d", {"app"}, {rule}}};
    return configuration;
}

const Hook hook{"gitlab", "gitlab", {}, {}, 300'000, {}};

}  // namespace

TEST_CASE("authors are those who wrote or pushed, by all of it, name or address") {
    const auto out = [](const std::vector<std::string>& authors, const std::string& author, const std::string& pusher) {
        return filtered_out(rule_for(authors), event_by(author, pusher));
    };
    const std::string ada = "Ada L <Ada@example.org>";
    CHECK(out({}, "", "") == "");
    CHECK(out({"ada@example.org"}, ada, "") == "");
    CHECK(out({"ada l"}, ada, "") == "");
    CHECK(out({"*@example.org"}, ada, "") == "");
    CHECK(out({"Ada L <*>"}, ada, "") == "");
    CHECK(out({"bob"}, ada, "Bob") == "");
    CHECK(out({"**", "!robot*"}, ada, "bob") == "");
    CHECK(out({"bob"}, ada, "") == "is for authors bob, this was written by Ada L <Ada@example.org>");
    CHECK(out({"bob"}, "", "ada") == "is for authors bob, this was pushed by ada");
    CHECK(out({"*", "!robot*"}, "robot-7", "ada") ==
          "is for authors *, !robot*, this was written by robot-7 and pushed by ada");
    CHECK(out({"*", "!robot*"}, "ada", "Robot 7 <r@example.org>") ==
          "is for authors *, !robot*, this was written by ada and pushed by Robot 7 <r@example.org>");
    CHECK(out({"ada", "!robot*"}, "ada", "bob") == "");
    CHECK(out({"*"}, "", "") == "is for authors *, and nothing tells who wrote or pushed this");
}

TEST_CASE("a rule for protected refs wants to be told so") {
    Event event = event_by("ada", "ada");
    CHECK(filtered_out(rule_for({}, true), event) == "is for protected refs, and nothing tells whether this one is");
    event.ref_protected = false;
    CHECK(filtered_out(rule_for({}, true), event) == "is for protected refs, this one is not");
    CHECK(filtered_out(rule_for({}, false), event) == "");
    event.ref_protected = true;
    CHECK(filtered_out(rule_for({}, true), event) == "");
}

TEST_CASE("a filter that keeps a push out is a decision of its rule, and the only one") {
    const Event event = event_by("ada", "ada");
    const Plan none = plan({event}, hook, with(rule_for({"bob"})), {});
    CHECK(none.jobs.empty());
    CHECK(none.decisions ==
          std::vector<Decision>{{false, "rule domains.d.stacks[0]",
                                 "refs/heads/main: is for authors bob, this was written by ada and pushed by ada"}});
    CHECK(plan({event}, hook, with(rule_for({"ada"})), {}).jobs.size() == 1);
    CHECK(plan({event}, hook, with(rule_for({"ada"}, true)), {}).decisions[0].sentence ==
          "refs/heads/main: is for protected refs, and nothing tells whether this one is");
}

TEST_CASE("a plan tells where refs of projects are, whatever is built") {
    Event moved = event_by("ada", "ada"), tag = moved, gone = moved, foreign = moved, skipped = moved;
    tag.kind = RefKind::tag;
    tag.ref = "refs/tags/v1";
    tag.new_id = tag_object;
    gone.ref = "refs/heads/old";
    gone.change = Change::deleted;
    gone.new_id = gone.commit = "";
    foreign.repository = {"gitlab", "gitlab.com", "8", "ops/other", {"https://gitlab.com/ops/other.git"}};
    skipped.ref = "refs/heads/doc";
    skipped.head_message = "words [skip ci]";
    const Plan made = plan({moved, tag, gone, foreign, skipped}, hook, with(rule_for({"nobody"})), {});
    CHECK(made.jobs.empty());
    CHECK(made.refs == std::vector<SeenRef>{{"app", "refs/heads/main", commit_b, commit_b, false},
                                            {"app", "refs/tags/v1", tag_object, commit_b, false},
                                            {"app", "refs/heads/old", "", "", true},
                                            {"app", "refs/heads/doc", commit_b, commit_b, false}});
}

TEST_CASE("a finding is written as JSON") {
    Project project;
    project.name = "app";
    project.url = "/srv/a\"b\\c.git";
    Event event = event_by("", "");
    CHECK(recovered_body(project, event, 5) == R"({"project":"app","repository":"/srv/a\"b\\c.git",)"
                                               R"("ref":"refs/heads/main","before":")" +
                                                   commit_a + R"(","after":")" + commit_b + R"(","commit":")" +
                                                   commit_b + R"(","found":5})");
}
