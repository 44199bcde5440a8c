// The rules of a change: never backwards, written once, frozen, expected generation, the journal.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "stacks/stacks.h"
#include "tests/stacks/host.h"
#include "tests/support/folder.h"
#include "tests/support/process.h"

using namespace gachette::stacks::testing;
using gachette::stacks::parse_journal_line;
using gachette::testing::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

// A job's call of apply_change, its questions answered by parameters.
const char job_entry[] = R"(
    umask 022;
    run_and_tell(sub {
        my %change = map { ($_ => parameter($_)) } qw(meta debs domain stack from create project ref commit arrival delivery job by rule
            reason forced expect_generation);
        my ($n, $v, $f, $s) = map { [parameters($_)] } qw(name version file sha256);
        $change{packages} = [map { { name => $n->[$_], version => $v->[$_], architecture => "all", file => $f->[$_],
            sha256 => $s->[$_] || "", size => "" } } 0 .. $#$n];
        $change{ancestry} = sub { event("ancestry", @_); return parameter("relation", "unknown") };
        $change{confirmed} = sub { event("confirmed"); my $said = parameter("says"); return $said eq "" ? undef : $said };
        my $result = apply_change(\%change);
        event("change", @$result{qw(outcome generation reason)});
        return "";
    });
)";

const char store_entry[] = R"(
    run_and_tell(sub {
        my %package = map { ($_ => parameter($_)) } qw(name version file);
        event("stored", store_package(\%package, parameter("path"), parameter("debs"), parameter("meta")));
        return "";
    });
)";

const std::string old_commit(40, 'a'), new_commit(40, 'b');

Ended push(const Tree& tree, const std::string& commit, const std::string& arrival, const std::string& version,
           Parameters more = {}) {
    Parameters all = tree.with("job", "edge",
                               {{"project", "app"},
                                {"ref", "refs/heads/main"},
                                {"commit", commit},
                                {"arrival", arrival},
                                {"job", "7"},
                                {"delivery", "3"},
                                {"rule", "branch main -> edge"}});
    for (const auto& parameter : packages({{"app", version}, {"app-lib", version}})) all.push_back(parameter);
    all.insert(all.end(), more.begin(), more.end());
    return HostProcess(all, job_entry).finish();
}

void write_file(const std::string& path, const std::string& content) { std::ofstream(path) << content; }

Ended store(const Tree& tree, const std::string& path, const std::string& file, const std::string& meta = "") {
    return HostProcess({{"debs", tree.debs},
                        {"meta", meta},
                        {"name", "app"},
                        {"version", "1.0"},
                        {"file", file},
                        {"path", path}},
                       store_entry)
        .finish();
}

}  // namespace

TEST_CASE("a stack never goes backwards for one ref") {
    struct Row {
        const char* relation;
        const char* arrival;  // the stack holds one that arrived as 10
        const char* forced;
        const char* says;
        const char* outcome;
        const char* reason;
        bool asks;
    };
    const std::string was = "aaaaaaaaaa", is = "bbbbbbbbbb";
    const Row rows[] = {
        {"forward", "11", "take", "", "changed", "", false},
        {"forward", "9", "take", "", "changed", "", false},
        {"forward", "11", "refuse", "", "changed", "", false},
        {"backward", "11", "take", "1", "superseded",
         "stack main/edge holds a newer commit aaaaaaaaaa of refs/heads/main; gachette does not go back to bbbbbbbbbb",
         false},
        {"diverged", "11", "take", "1", "changed",
         "a forced push: bbbbbbbbbb takes the place of aaaaaaaaaa, which it does not follow", true},
        {"diverged", "11", "take", "", "changed",
         "a forced push: bbbbbbbbbb takes the place of aaaaaaaaaa, which it does not follow", true},
        {"diverged", "11", "take", "0", "superseded",
         "commit bbbbbbbbbb does not follow aaaaaaaaaa, which stack main/edge holds, and the repository says that "
         "refs/heads/main is elsewhere",
         true},
        {"diverged", "9", "take", "1", "superseded",
         "commit bbbbbbbbbb of refs/heads/main does not follow aaaaaaaaaa, which stack main/edge holds and which "
         "arrived later",
         false},
        {"diverged", "11", "refuse", "1", "refused",
         "commit bbbbbbbbbb of refs/heads/main does not follow aaaaaaaaaa, which stack main/edge holds, and the rule "
         "refuses forced pushes",
         false},
        {"unknown", "11", "take", "", "changed",
         "git cannot tell how bbbbbbbbbb is related to aaaaaaaaaa; it arrived later", false},
        {"unknown", "9", "take", "", "superseded",
         "stack main/edge holds aaaaaaaaaa of refs/heads/main, which arrived later than bbbbbbbbbb (git cannot tell "
         "how they are related)",
         false},
    };
    for (const Row& row : rows) {
        INFO(row.relation << " " << row.arrival << " " << row.forced << " " << row.says);
        TemporaryFolder folder;
        const Tree tree(folder.path());
        REQUIRE(push(tree, old_commit, "10", "1.0", {{"create", "1"}}).last("change").at(0) == "changed");
        const Ended ended = push(tree, new_commit, row.arrival, "2.0",
                                 {{"relation", row.relation}, {"forced", row.forced}, {"says", row.says}});
        const bool changed = std::string(row.outcome) == "changed";
        CHECK(ended.last("change") == std::vector<std::string>{row.outcome, changed ? "2" : "1", row.reason});
        CHECK(ended.last("ancestry") == std::vector<std::string>{old_commit, new_commit});
        CHECK(ended.all("confirmed").size() == (row.asks ? 1u : 0u));
        CHECK(read_versions(tree.view("edge")).at("app") == (changed ? "2.0\n" : "1.0\n"));
        const auto log = tree.run("log", "edge").all("entry");
        REQUIRE(log.size() == 2);
        CHECK(parse_journal_line(log[0][0])->operation == (changed ? "add" : row.outcome));
        CHECK(parse_journal_line(log[0][0])->commit == new_commit);
        CHECK(parse_journal_line(log[0][0])->rule == "branch main -> edge");
    }
}

TEST_CASE("the same commit again changes nothing, another ref simply replaces") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    CHECK(push(tree, old_commit, "10", "1.0").last("change") ==
          std::vector<std::string>{
              "refused", "0",
              "stack main/edge does not exist; make it with stack-create, or give its rule \"from\" or \"create\""});
    push(tree, old_commit, "10", "1.0", {{"create", "1"}});
    const Ended again = push(tree, old_commit, "10", "1.0");
    CHECK(again.last("change") ==
          std::vector<std::string>{"unchanged", "1", "stack main/edge holds these packages already"});
    CHECK(again.all("ancestry").empty());
    CHECK(push(tree, old_commit, "10", "1.0+b2").last("change").at(0) == "changed");
    const Ended other = push(tree, new_commit, "3", "0.9", {{"ref", "refs/tags/v9"}});
    CHECK(other.last("change").at(0) == "changed");
    CHECK(other.all("ancestry").empty());
}

TEST_CASE("a stack made from another for its first packages is one generation") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    tree.change("create", "latest");
    tree.change("add", "latest", packages({{"app", "1.0"}, {"conf", "1.0"}}));
    CHECK(push(tree, old_commit, "10", "2.0", {{"from", "nowhere"}}).last("change").at(2) ==
          "stack main/edge cannot be made from main/nowhere, which does not exist");
    CHECK(push(tree, old_commit, "10", "2.0", {{"from", "latest"}}).last("change").at(1) == "1");
    CHECK(read_versions(tree.view("edge@1")) ==
          std::map<std::string, std::string>{{"app", "2.0\n"}, {"app-lib", "2.0\n"}, {"conf", "1.0\n"}});
    CHECK(read_versions(tree.view("latest")).at("app") == "1.0\n");
}

TEST_CASE("a version never changes its content") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    const std::string one(64, '1'), two(64, '2');
    push(tree, old_commit, "1", "1.0", {{"create", "1"}, {"sha256", one}, {"sha256", one}});
    CHECK(push(tree, new_commit, "2", "1.0", {{"relation", "forward"}, {"sha256", two}, {"sha256", one}})
              .last("change") ==
          std::vector<std::string>{"refused", "0",
                                   "package app 1.0 is in stack main/edge with SHA-256 " + one + ", not " + two +
                                       ": a version never changes its content, give it another one"});
    tree.change("create", "other");
    const Ended renamed = tree.run("add", "other", {{"name", "app"}, {"version", "1.0"}, {"file", "elsewhere.deb"}});
    CHECK(renamed.kind == "refused");
    CHECK(renamed.reason ==
          "package app 1.0 is already the file app-1.0-all.deb; gachette does not make it elsewhere.deb: "
          "give the package another version");
    CHECK(gachette::read_file(tree.meta + "/packages/app/version/1.0/file").value() == "app-1.0-all.deb\n");
}

TEST_CASE("package files are put into debs once") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    write_file(folder / "made.deb", "content");
    write_file(folder / "same.deb", "content");
    write_file(folder / "other.deb", "other");
    CHECK(store(tree, folder / "made.deb", "app-1.0-all.deb").last("stored").at(0) == "1");
    CHECK(store(tree, folder / "same.deb", "app-1.0-all.deb").last("stored").at(0) == "0");
    const Ended clash = store(tree, folder / "other.deb", "app-1.0-all.deb");
    CHECK(clash.kind == "refused");
    CHECK(clash.reason ==
          tree.debs + "/app-1.0-all.deb exists with SHA-256 " +
              "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73; the new file has " +
              "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa. A package file is never changed: " +
              "give the package another version");
    CHECK(gachette::read_file(tree.debs + "/app-1.0-all.deb").value() == "content");
    fs::create_symlink("/etc/passwd", folder / "link.deb");
    SECTION("what no stack refers to yet is replaced: an attempt left it that never came to its end") {
        CHECK(store(tree, folder / "other.deb", "app-1.0-all.deb", tree.meta).last("stored").at(0) == "1");
        CHECK(gachette::testing::must_run({"cat", tree.debs + "/app-1.0-all.deb"}) == gachette::testing::must_run({"cat", folder / "other.deb"}));
        std::filesystem::create_directories(tree.meta + "/packages/app/version/1.0");
        write_file(tree.meta + "/packages/app/version/1.0/file", "app-1.0-all.deb\n");
        CHECK(store(tree, folder / "made.deb", "app-1.0-all.deb", tree.meta).kind == "refused");
    }
    CHECK(store(tree, folder / "link.deb", "link.deb").kind == "infrastructure");
    CHECK(store(tree, folder / "made.deb", "../x.deb").kind == "refused");
}

TEST_CASE("a frozen stack refuses every change with the reason, its clone does not") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    push(tree, old_commit, "1", "1.0", {{"create", "1"}});
    CHECK(tree.change("freeze", "edge", {{"by", "hero"}, {"reason", "release\nweek"}}) == "changed");
    CHECK(tree.change("freeze", "edge") == "unchanged");
    for (const Ended& ended :
         {push(tree, new_commit, "2", "2.0", {{"relation", "forward"}}),
          tree.run("remove", "edge", {{"package", "app"}}), tree.run("rollback", "edge", {{"to", "1"}}),
          tree.run("add", "edge", packages({{"x1", "1.0"}}))}) {
        const std::string reason = ended.reason.empty() ? ended.last("change").at(2) : ended.reason;
        CHECK(reason.find("stack main/edge is frozen since ") == 0);
        CHECK(reason.find(" by hero: release\nweek") != std::string::npos);
    }
    CHECK(tree.run("show", "edge").last("stack").at(10) == "1");
    CHECK(tree.change("create", "copy", {{"from", "edge"}}) == "changed");
    CHECK(tree.change("add", "copy", packages({{"x1", "1.0"}})) == "changed");
    CHECK(tree.change("thaw", "edge", {{"by", "hero"}}) == "changed");
    CHECK(push(tree, new_commit, "2", "2.0", {{"relation", "forward"}}).last("change").at(0) == "changed");
}

TEST_CASE("a change may ask for the generation it has seen") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    tree.change("create", "s");
    const Ended stale = tree.run("add", "s", [] {
        auto list = packages({{"x1", "1.0"}});
        list.emplace_back("expect_generation", "7");
        return list;
    }());
    CHECK(stale.kind == "refused");
    CHECK(stale.reason == "stack main/s is at generation 1, not 7: look at it again");
}

TEST_CASE("an alias is another name that only reading takes") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    tree.change("create", "one");
    tree.change("add", "one", packages({{"x1", "1.0"}}));
    CHECK(tree.change("alias", "latest", {{"to", "one"}}) == "changed");
    CHECK(read_versions(tree.view("latest")).at("x1") == "1.0\n");
    CHECK(tree.run("show", "latest").last("stack").at(1) == "one");
    CHECK(tree.run("add", "latest", packages({{"x1", "2.0"}})).reason ==
          "stack main/latest is an alias of one; change that one");
    tree.change("create", "two", {{"from", "latest"}});
    CHECK(tree.change("alias", "latest", {{"to", "two"}}) == "changed");
    CHECK(tree.run("alias", "one", {{"to", "two"}}).reason == "main/one is a stack; an alias cannot take its name");
    CHECK(tree.run("alias", "x", {{"to", "missing"}}).reason ==
          "stack main/missing does not exist; an alias needs one");
    CHECK(tree.run("list", "").all("alias") == std::vector<std::vector<std::string>>{{"main", "latest", "two"}});
    CHECK(tree.run("list", "").all("stack").size() == 2);
}

TEST_CASE("promotion brings another stack's content, or one project's") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    push(tree, old_commit, "1", "2.0", {{"create", "1"}});
    tree.change("add", "edge", packages({{"conf", "2.0"}}));
    tree.change("create", "live");
    tree.change("add", "live", packages({{"conf", "1.0"}, {"own", "1.0"}}));
    CHECK(tree.change("promote", "live", {{"from", "edge"}, {"project", "app"}}) == "changed");
    CHECK(read_versions(tree.view("live@3")) ==
          std::map<std::string, std::string>{
              {"app", "2.0\n"}, {"app-lib", "2.0\n"}, {"conf", "1.0\n"}, {"own", "1.0\n"}});
    CHECK(tree.change("promote", "live", {{"from", "edge@2"}}) == "changed");
    CHECK(read_versions(tree.view("live@4")) == read_versions(tree.view("edge@2")));
    CHECK(tree.change("promote", "live", {{"from", "edge"}}) == "unchanged");
}

TEST_CASE("what a person wrote is in the journal as valid JSON") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    const std::string odd =
        std::string("\"\\/\b\n\r\t\x01\x7f<script> \xc3\xa9 \xe2\x80\xa8 \xff\xfe \xed\xa0\x80 %41 $(id)") +
        std::string(1, '\0');
    tree.change("create", "s", {{"by", odd}, {"reason", odd}});
    tree.change("add", "s", packages({{"x1", "1.0"}}));
    // Torn by a power cut: cut off by the next writer.
    std::ofstream(tree.meta + "/.gachette/journal/main/s.jsonl", std::ios::app) << "{\"generation\":3,\"at";
    tree.change("add", "s", packages({{"x1", "1.1"}, {"x2", "1.0"}}));
    const std::string journal = gachette::read_file(tree.meta + "/.gachette/journal/main/s.jsonl").value();
    const auto lines = gachette::split(journal, '\n');
    REQUIRE(lines.size() == 4);
    CHECK(lines[3].empty());
    for (int index = 0; index < 3; ++index) {
        const auto entry = parse_journal_line(lines[index]);
        REQUIRE(entry);
        CHECK(entry->generation == index + 1);
        CHECK(gachette::valid_utf8(entry->by));
    }
    CHECK(parse_journal_line(lines[0])->by.substr(0, 20) == odd.substr(0, 20));
    const auto last = parse_journal_line(lines[2]);
    CHECK(last->parent == "s@2");
    CHECK(last->changes ==
          std::vector<gachette::stacks::Change>{{"x1", "1.0", "1.1", "", ""}, {"x2", "", "1.0", "", ""}});
}

TEST_CASE("verification finds what was changed behind our back") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    write_file(folder / "a.deb", "content");
    store(tree, folder / "a.deb", "app-1.0-all.deb");
    tree.change("create", "s");
    auto list = packages({{"app", "1.0"}, {"lib", "1.0"}});
    list.emplace_back("debs", tree.debs);
    CHECK(tree.run("add", "s", list).all("note").size() == 1);  // lib's file is not there
    tree.settle("s");
    auto verify = [&] { return tree.run("verify", "s", {{"debs", tree.debs}, {"sums", "1"}}).all("problem"); };
    CHECK(verify() ==
          std::vector<std::vector<std::string>>{{"lib", "the package file lib-1.0-all.deb is not in " + tree.debs}});
    write_file(tree.debs + "/lib-1.0-all.deb", "x");
    CHECK(verify().empty());
    write_file(tree.debs + "/app-1.0-all.deb", "CONTENT");
    REQUIRE(verify().size() == 1);
    CHECK(verify()[0][1].find("app-1.0-all.deb has SHA-256 ") != std::string::npos);
    write_file(tree.meta + "/packages/app/version/1.0/version", "7.7\n");
    CHECK(verify().size() == 3);
    CHECK(tree.run("add", "s", packages({{"app", "1.0"}})).kind == "ok");
}
