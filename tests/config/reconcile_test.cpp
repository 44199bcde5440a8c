// reconcile:, and the filters of rules.
#include <catch2/catch.hpp>

#include "config/describe.h"
#include "tests/config/support.h"

using namespace gachette;
using gachette::testing::ConfigFolder;

TEST_CASE("how often repositories are asked") {
    ConfigFolder folder;
    const auto every = [&](const std::string& text) { return folder.parse(text).reconcile_every; };
    CHECK(every("listen: 127.0.0.1:1\n") == 600'000);
    CHECK(every("reconcile: {every: 90s}\n") == 90'000);
    CHECK(every("reconcile: {every: 0}\n") == 0);
    CHECK(folder.error("reconcile: {every: 0s}\n") ==
          "config.yml:1: reconcile.every: is \"0s\"; at least 10000 ms are needed");
    CHECK(folder.error("reconcile: {every: often}\n") ==
          "config.yml:1: reconcile.every: is \"often\"; write a whole number and ms, s, m, h or d, for example 30s");
    CHECK(folder.error("reconcile: {evry: 1m}\n") ==
          "config.yml:1: reconcile.evry: is not known here; did you mean every?");
}

TEST_CASE("the reconciler and the filters are described") {
    ConfigFolder folder;
    const std::string text =
        "projects: {x: {url: /srv/x.git}}\ndebs_path: /d\nmeta_path: /m\n"
        "domains:\n  d:\n    projects: [x]\n    stacks:\n"
        "      - {branch: main, stack: edge, create: true, authors: [ada, \"!robot*\"], protected: true}\n"
        "build_hosts: {here: {local: true}}\n";
    const auto says = [&](const std::string& before, const std::string& line) {
        return describe_configuration(folder.parse(before + text)).find(line) != std::string::npos;
    };
    CHECK(says("", "  branch main -> d/edge, made empty when missing, only by ada, !robot*, only protected refs\n"));
    CHECK(
        says("", "\nreconciler: asks the repositories of projects every 10 min for pushes that no delivery told of\n"));
    CHECK(says("reconcile: {every: 45s}\n", "\nreconciler: asks the repositories of projects every 45 s for pushes"));
    CHECK(says("reconcile: {every: 0}\n", "\nreconciler: off, so a push that no delivery tells of is never built\n"));
}

TEST_CASE("no hook is called as the reconciler, and authors are patterns that can match") {
    ConfigFolder folder;
    CHECK(folder.error("hooks: {reconciler: {forge: github, secrets: [{file: good.secret}]}}\n") ==
          "config.yml:1: hooks.reconciler: is the name under which gachette files what no delivery told; choose "
          "another one");
    CHECK(folder.error("hooks: {own: {forge: reconciler, secrets: [{file: good.secret}]}}\n") ==
          "config.yml:1: hooks.own.forge: \"reconciler\" is no forge that is known; known are github, gitlab");
    CHECK(folder.error("projects: {x: {url: /srv/x.git}}\ndebs_path: /d\nmeta_path: /m\n"
                       "build_hosts: {here: {local: true}}\n"
                       "domains: {d: {projects: [x], stacks: [{branch: main, stack: e, authors: [\"!bob\"]}]}}\n") ==
          "config.yml:5: domains.d.stacks[0].authors: has only exclusions and matches nothing; begin with \"**\" to "
          "mean all others");
}
