// StackHost over a real local shell: what a caller in C++ sees.
#include "base/error.h"
#include "remote/shell.h"
#include "stacks/stacks.h"
#include "tests/support/folder.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace gachette;
using namespace gachette::stacks;
using gachette::testing::TemporaryFolder;

namespace {

struct Fixture {
    TemporaryFolder folder;
    SystemClock clock;
    std::unique_ptr<remote::Shell> shell;
    StackHost host;

    Fixture() : shell(local()), host(*shell, folder / "meta", folder / "debs", clock) {
        std::filesystem::create_directories(folder / "debs");
    }
    static std::unique_ptr<remote::Shell> local() {
        BuildHost host;
        host.name = "here";
        host.local = true;
        return remote::make_shell(host);
    }
    NewPackage package(const std::string& name, const std::string& version) {
        const std::string file = name + "-" + version + "-all.deb";
        std::ofstream(folder / "debs/" + file) << name << version;
        return {name, version, file};
    }
};

}  // namespace

TEST_CASE("a stack's life over a shell") {
    Fixture here;
    const Author author{"hero", "because"};
    const auto made = here.host.create("main", "edge", "", author);
    REQUIRE(made);
    CHECK(made->changed);
    CHECK(made->generation == 1);
    CHECK_FALSE(here.host.create("main", "edge", "", author)->changed);
    const auto added = here.host.add("main", "edge", {here.package("app", "1.0"), here.package("conf", "1.0")}, author);
    REQUIRE(added);
    CHECK(added->generation == 2);
    CHECK(added->notes.empty());
    REQUIRE(here.host.add("main", "edge", {here.package("app", "1.1")}, author));

    const auto now = here.host.show("main", "edge"), before = here.host.show("main", "edge", 2);
    REQUIRE(now);
    REQUIRE(before);
    CHECK(now->summary.generation == 3);
    CHECK(now->summary.by == "hero");
    REQUIRE(now->packages.size() == 2);
    CHECK(now->packages[0].version == "1.1");
    CHECK(now->packages[0].architecture == "all");
    CHECK(now->packages[0].size == 6);
    CHECK(now->packages[0].sha256.size() == 64);
    CHECK(now->packages[0].since == "edge@3");
    CHECK(now->packages[1].since == "edge@2");
    CHECK(difference(*before, *now).changes == std::vector<Change>{{"app", "1.0", "1.1", "", ""}});

    REQUIRE(here.host.create("main", "live", "edge@2", author));
    REQUIRE(here.host.promote("main", "live", "edge", {}, author));
    REQUIRE(here.host.rollback("main", "edge", 2, author));
    REQUIRE(here.host.remove("main", "edge", {"conf"}, author));
    REQUIRE(here.host.set_alias("main", "latest", "edge", author));
    REQUIRE(here.host.freeze("main", "live", author));
    REQUIRE(here.host.settle("main", "edge"));
    CHECK(here.host.show("main", "latest")->summary.form == Form::plain);

    const auto log = here.host.log("main", "edge");
    REQUIRE(log);
    REQUIRE(log->size() == 5);
    CHECK(log->at(0).operation == "remove");
    CHECK(log->at(1).reason == "to generation 2: because");
    CHECK(log->at(2).changes == std::vector<Change>{{"app", "1.0", "1.1", "", ""}});
    CHECK(here.host.log("main", "edge", 1)->size() == 1);

    const auto all = here.host.list("");
    REQUIRE(all);
    REQUIRE(all->size() == 3);
    CHECK(all->at(0).stack == "edge");
    CHECK(all->at(0).count == 1);
    CHECK(all->at(1).alias_of == "edge");
    CHECK(all->at(2).frozen->by == "hero");
    const auto verified = here.host.verify("main", "live", true);
    REQUIRE(verified);
    CHECK(verified->packages == 2);
    CHECK(verified->problems.empty());
}

TEST_CASE("an expected no is a sentence, a host that cannot is an accident") {
    Fixture here;
    const Author author{"hero", ""};
    CHECK(here.host.show("main", "none").error() == "stack main/none does not exist");
    CHECK(here.host.add("main", "none", {here.package("app", "1.0")}, author).error() ==
          "stack main/none does not exist; make it with stack-create, or give its rule \"from\" or \"create\"");
    CHECK(here.host.create("main", "a b", "", author).error().find("stack \"a b\"") == 0);
    CHECK(here.host.create("main", "s", "x@0", author).error() ==
          "stack \"x@0\": after the @ comes the number of a generation, from 1");
    REQUIRE(here.host.create("main", "s", "", author));
    CHECK(here.host.show("main", "s", 9).error() == "stack main/s has no generation 9");
    CHECK(here.host.add("main", "s", {{"app", "not a version", "app.deb"}}, author).error() ==
          "package app: version \"not%20a%20version\" is not one of Debian's");
    CHECK(here.host.remove("main", "s", {"app"}, author).error() == "stack main/s holds no package \"app\"");
    std::ofstream(here.folder / "file") << "x";
    StackHost wrong(*here.shell, here.folder / "file", "", here.clock);
    CHECK_THROWS_AS(wrong.create("main", "s", "", author), HostError);
    CHECK(StackHost(*here.shell, "relative", "", here.clock).list("").error() ==
          "meta_path \"relative\" is not an absolute path");
}
