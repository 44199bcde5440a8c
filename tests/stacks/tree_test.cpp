// What stands on the disk: the original's tree path by path, and what its own procedure makes of ours.
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "tests/stacks/host.h"
#include "tests/support/folder.h"

using namespace gachette::stacks::testing;
using gachette::testing::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

// The original's procedure, one command after the other: contracts.md section 5.
std::string original_add(const std::string& meta, const std::string& stack, const std::string& name,
                         const std::string& version) {
    const std::string reference = meta + "/packages/" + name + "/version/" + version;
    const std::string entry = meta + "/domain/main/stacks/" + stack + "/packages/" + name;
    return "mkdir -p " + reference + "; echo " + name + "-" + version + "-all.deb > " + reference + "/file; mkdir -p " +
           entry + "; echo " + version + " > " + entry + "/version; ";
}

std::string original_create(const std::string& meta, const std::string& stack, const std::string& from = "") {
    const std::string folder = meta + "/domain/main/stacks/" + stack;
    if (from.empty()) return "mkdir -p " + folder + "/packages; ";
    return "mkdir -p " + folder + "; cp -R " + meta + "/domain/main/stacks/" + from + "/* " + folder + "; ";
}

std::string files(const std::string& folder) {
    return shell("cd " + folder +
                 " && find . -type f -not -name \".*\" | sort | while read -r f; do echo \"$f $(od -An -c $f)\"; done");
}

std::string folders(const std::string& folder) { return shell("cd " + folder + " && find . -type d | sort"); }

}  // namespace

TEST_CASE("the tree is the one that the original's procedure makes") {
    TemporaryFolder folder;
    const Tree tree(folder / "ours");
    const std::string theirs = folder / "theirs";
    const std::map<std::string, std::string> first = {
        {"app", "0.0.1rev1a2b3c4-origin-master"}, {"lib+x", "1.0~rc1+b2"}, {"conf", "2.0"}};
    std::string script = original_create(theirs, "s0");
    for (const auto& [name, version] : first) script += original_add(theirs, "s0", name, version);
    script += original_create(theirs, "s1", "s0") + original_add(theirs, "s1", "conf", "2.1") +
              original_add(theirs, "s1", "new", "1.0");
    shell(script);

    CHECK(tree.change("create", "s0") == "changed");
    CHECK(tree.change("add", "s0", packages(first)) == "changed");
    CHECK(tree.change("create", "s1", {{"from", "s0"}}) == "changed");
    CHECK(tree.change("add", "s1", packages({{"conf", "2.1"}, {"new", "1.0"}})) == "changed");
    tree.settle("s0");
    tree.settle("s1");
    for (const std::string stack : {"s0", "s1"}) {
        const std::string mine = tree.view(stack), original = theirs + "/domain/main/stacks/" + stack;
        CHECK(files(mine) == files(original));
        CHECK(folders(mine) == folders(original));
        CHECK(!fs::is_symlink(mine));
    }
    // References: the original's files byte for byte, ours has a "version" beside each.
    CHECK(shell("cd " + tree.meta + "/packages && grep -r . --include=file | sort") ==
          shell("cd " + theirs + "/packages && grep -r . --include=file | sort"));
    CHECK(shell("find " + tree.meta + "/domain " + tree.meta + "/packages -type f -not -perm -0444") == "");
}

TEST_CASE("every generation keeps its name and content") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    tree.change("create", "s");
    for (int round = 1; round <= 5; ++round)
        tree.change("add", "s", packages(many(round, std::to_string(round) + ".0")));
    tree.change("remove", "s", {{"package", "pkg0000"}});
    CHECK(tree.change("rollback", "s", {{"to", "3"}}) == "changed");
    CHECK(tree.change("rollback", "s", {{"to", "3"}}) == "unchanged");
    CHECK(read_versions(tree.view("s@1")).empty());
    for (int round = 1; round <= 5; ++round) {
        std::map<std::string, std::string> expected;
        for (const auto& [name, version] : many(round, std::to_string(round) + ".0\n")) expected[name] = version;
        CHECK(read_versions(tree.view("s@" + std::to_string(round + 1))) == expected);
    }
    CHECK(read_versions(tree.view("s@7")).count("pkg0000") == 0);
    CHECK(read_versions(tree.view("s@7")).size() == 4);
    CHECK(read_versions(tree.view("s@8")) == read_versions(tree.view("s@3")));
    tree.settle("s");
    CHECK(read_versions(tree.view("s")) == read_versions(tree.view("s@3")));
    CHECK(tree.run("verify", "s").last("verified") == std::vector<std::string>{"2", "0"});
}

TEST_CASE("small changes keep the view a folder at every moment") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    tree.change("create", "s");
    tree.settle("s");
    for (int round = 1; round <= 6; ++round) {
        tree.change("add", "s", packages(many(10, std::to_string(round) + ".0")));
        CHECK(!fs::is_symlink(tree.view("s")));
        CHECK(read_versions(tree.view("s")).at("pkg0009") == std::to_string(round) + ".0\n");
        tree.settle("s");
    }
}

TEST_CASE("the original's copy of a clone that is not settled yet leads to the same versions") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    tree.change("create", "a", {{"view", "links"}});
    tree.change("add", "a", [] {
        auto list = packages(many(5, "1.0"));
        list.emplace_back("view", "links");
        return list;
    }());
    tree.change("create", "b", {{"from", "a"}, {"view", "links"}});
    REQUIRE(fs::is_symlink(tree.view("b")));
    shell(original_create(tree.meta, "c", "b"));
    CHECK(read_versions(tree.view("c")) == read_versions(tree.view("a@2")));
    CHECK(tree.change("add", "c", packages({{"pkg0001", "2.0"}})) == "changed");
    tree.settle("c");
    CHECK(read_versions(tree.view("c")).at("pkg0001") == "2.0\n");
    CHECK(read_versions(tree.view("c")).at("pkg0002") == "1.0\n");
    CHECK(read_versions(tree.view("a")).at("pkg0001") == "1.0\n");
}

TEST_CASE("a stack of the original is taken over at the first change, and so is what its writer does later") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    shell(original_create(tree.meta, "old") + original_add(tree.meta, "old", "one", "1.0") +
          original_add(tree.meta, "old", "two", "1.0"));
    const auto shown = tree.run("show", "old");
    CHECK(shown.last("stack")[2] == "0");
    CHECK(shown.all("package").size() == 2);
    CHECK(tree.change("add", "old", packages({{"three", "1.0"}})) == "changed");
    CHECK(read_versions(tree.view("old@1")) == std::map<std::string, std::string>{{"one", "1.0\n"}, {"two", "1.0\n"}});
    CHECK(read_versions(tree.view("old@2")).size() == 3);
    tree.settle("old");

    // Overwritten, added and removed by others: one generation of its own before our next change.
    shell(original_add(tree.meta, "old", "one", "1.1") + original_add(tree.meta, "old", "four", "4.0") + "rm -r " +
          tree.view("old") + "/packages/two");
    CHECK(tree.run("show", "old").all("package").size() == 3);
    CHECK(tree.run("verify", "old").all("problem").size() == 3);
    CHECK(tree.change("add", "old", packages({{"five", "5.0"}})) == "changed");
    const std::map<std::string, std::string> adopted = {{"one", "1.1\n"}, {"three", "1.0\n"}, {"four", "4.0\n"}};
    CHECK(read_versions(tree.view("old@3")) == adopted);
    tree.settle("old");
    auto after = adopted;
    after["five"] = "5.0\n";
    CHECK(read_versions(tree.view("old")) == after);
    CHECK(tree.run("verify", "old").last("verified") == std::vector<std::string>{"4", "0"});
    const std::string log = tree.run("log", "old").all("entry").at(1)[0];
    CHECK(log.find("\"operation\":\"adopt\"") != std::string::npos);
    CHECK(log.find("foreign change adopted") != std::string::npos);
    // A clone of a stack that others just changed holds their change.
    shell(original_add(tree.meta, "old", "one", "1.2"));
    tree.change("create", "copy", {{"from", "old"}});
    CHECK(read_versions(tree.view("copy")).at("one") == "1.2\n");
}

TEST_CASE("a folder made anew by others goes on with the next number") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    tree.change("create", "s");
    tree.change("add", "s", packages({{"one", "1.0"}}));
    tree.settle("s");
    fs::remove_all(tree.view("s"));
    CHECK(tree.run("add", "s", packages({{"one", "1.0"}})).kind == "refused");
    shell(original_create(tree.meta, "s") + original_add(tree.meta, "s", "two", "2.0"));
    CHECK(tree.change("add", "s", packages({{"three", "1.0"}})) == "changed");
    CHECK(read_versions(tree.view("s@3")) == std::map<std::string, std::string>{{"two", "2.0\n"}});
    CHECK(read_versions(tree.view("s@2")) == std::map<std::string, std::string>{{"one", "1.0\n"}});
}

TEST_CASE("names that would leave the tree are refused and leave nothing behind") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    tree.change("create", "s");
    const std::string canary = folder / "canary";
    const std::vector<std::string> hostile = {"",
                                              ".",
                                              "..",
                                              "../x",
                                              "a/b",
                                              "/etc/passwd",
                                              "a b",
                                              "a\nb",
                                              "$(touch " + canary + ")",
                                              "`touch " + canary + "`",
                                              ";touch " + canary,
                                              "--upload-pack=touch " + canary,
                                              "-rf",
                                              "a@1",
                                              "<script>",
                                              "a\tb",
                                              "a%2fb",
                                              "\xff\xfe",
                                              std::string("a\0b", 3),
                                              "a'b",
                                              "a\"b",
                                              "a\\b",
                                              "|id",
                                              "&id",
                                              "\x1b[31m",
                                              "\xe2\x80\xae",
                                              std::string(129, 'a'),
                                              "*",
                                              "~root"};
    // Every name in every place, in one process: nothing but refusals.
    Parameters parameters = tree.with("", "s");
    for (const std::string& name : hostile) parameters.emplace_back("hostile", name);
    const Ended ended = HostProcess(parameters, R"(
        my %usual = (domain => "main", stack => "s", name => "px", version => "1.0", file => "x.deb", package => "px", to => "1", from => "s");
        for my $place (qw(stack:create stack:add stack:show stack:log stack:freeze stack:verify stack:settle stack:alias domain:create
            domain:add name:add version:add file:add package:remove to:rollback to:alias from:create from:promote)) {
            my ($parameter, $operation) = split /:/, $place;
            for my $hostile (parameters("hostile")) {
                next if $hostile eq "" && $parameter eq "from";    # empty: from nothing
                $PARAMETERS{$_} = [$usual{$_}] for keys %usual;
                $PARAMETERS{stack} = ["t"] if $place eq "from:create";
                $PARAMETERS{$parameter} = [$hostile];
                $PARAMETERS{operation} = [$operation];
                event("tried", $place, $hostile);
                stack_main();
            }
        })")
                            .finish();
    const auto tried = ended.all("tried");
    CHECK(ended.noise.empty());
    REQUIRE(tried.size() == hostile.size() * 18 - 2);
    REQUIRE(ended.kinds.size() == tried.size());
    for (std::size_t index = 0; index < tried.size(); ++index) {
        INFO(tried[index][0] << " " << tried[index][1]);
        CHECK(ended.kinds[index] == "refused");
    }
    CHECK(!fs::exists(canary));
    std::set<std::string> stacks;
    for (const auto& entry : fs::directory_iterator(tree.meta + "/domain/main/stacks"))
        stacks.insert(entry.path().filename());
    CHECK(stacks == std::set<std::string>{"s", "s@1"});
}
