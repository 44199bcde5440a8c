// What is built: any commit, exactly as it is, and what is said when it cannot be had.
#include <catch2/catch.hpp>
#include <filesystem>

#include "build/parameters.h"
#include "build/working_copy.h"
#include "tests/build/site.h"

using namespace gachette;
using namespace gachette::testing;

namespace {

const std::string list_files = "( git rev-parse HEAD; find . -name .git -prune -o -type f -print | sort; cat file )\n";

// Builds and shows what the build saw of the tree.
std::string seen(BuildSite& site, build::JobRequest request, build::JobResult* into = nullptr) {
    Heard heard;
    const build::JobResult result = site.run(request, &heard);
    if (into) *into = result;
    INFO(result.reason << "\n" << heard.log);
    CHECK(result.result == AttemptClass::ok);
    return heard.log.substr(0, heard.log.find("dpkg-deb"));
}

}  // namespace

TEST_CASE("the tree is exactly the commit, whatever an earlier build left") {
    BuildSite site;
    const std::string script = BuildSite::script_for({"one"}, list_files);
    const std::string first =
        site.commit({{"build.sh", script + "echo stale > stale; mkdir -p d/e; echo x > d/e/f; echo changed > file; "
                                           "rm build.sh; echo i > ignored; git init -q nested; echo n > "
                                           "nested/n; mkdir locked; echo x > locked/x; chmod 0 locked; ln -s / root"},
                     {"file", "1\n"},
                     {".gitignore", "ignored\n"}});
    CHECK(seen(site, site.request(first)) == first + "\n./.gitignore\n./build.sh\n./file\n1\n");
    const std::string second = site.commit({{"build.sh", script}, {"file", "2\n"}, {"a b/c", "x"}});
    CHECK(seen(site, site.request(second)) == second + "\n./.gitignore\n./a b/c\n./build.sh\n./file\n2\n");
    // An older commit, which the shallow store does not reach from the tip; the stack does not follow.
    build::JobResult result;
    CHECK(seen(site, site.request(first), &result) == first + "\n./.gitignore\n./build.sh\n./file\n1\n");
    CHECK(result.targets[0].outcome == "superseded");
    CHECK(result.targets[0].reason == "stack main/edge holds a newer commit " + second.substr(0, 10) +
                                          " of refs/heads/main; gachette does not go back to " + first.substr(0, 10));
}

TEST_CASE("a work tree that a build replaced by a link is not followed") {
    BuildSite site;
    const std::string precious = site.folder() / "precious";
    write_text(precious + "/file", "keep");
    const std::string first =
        site.commit({{"build.sh", BuildSite::script_for(
                                      {"one"}, "cd ..; mv tree away; ln -s " + precious + " tree; chmod 555 .")}});
    CHECK(site.run(site.request(first)).result == AttemptClass::ok);
    const std::string second = site.commit({{"build.sh", BuildSite::script_for({"one"})}});
    CHECK(site.run(site.request(second)).result == AttemptClass::ok);
    CHECK(file_content(precious + "/file") == "keep");
    CHECK(std::filesystem::is_directory(std::filesystem::symlink_status(site.tree())));
}

TEST_CASE("branches, tags, forced pushes and refs that are gone") {
    BuildSite site;
    const std::string script = BuildSite::script_for({"one"});
    const std::string first = site.commit({{"build.sh", script}});
    build::JobRequest request = site.request(first);

    SECTION("the ref's commit when none is named") {
        request.commit = "";
        CHECK(site.run(request).commit == first);
    }
    SECTION("an annotated tag means its commit, and names the version") {
        site.git({"tag", "-a", "v1.2", "-m", "tag"});
        request.ref = "refs/tags/v1.2";
        request.kind = RefKind::tag;
        request.project.version = "{tag}";
        request.commit = GENERATE(true, false) ? site.git({"rev-parse", "v1.2"}) : "";
        const build::JobResult result = site.run(request);
        CHECK(result.result == AttemptClass::ok);
        CHECK(result.commit == first);
        CHECK(result.version == "1.2");
    }
    SECTION("what people type") {
        site.git({"tag", "v2"});
        site.git({"branch", "feature/x"});
        const std::string second = site.commit({{"file", "2"}});
        const std::vector<std::array<std::string, 3>> cases{
            {"origin/main", second, "-origin-main"},
            {"origin/feature/x", first, "-origin-feature-x"},
            {"v2", first, "-v2"},
            {"HEAD", second, "-HEAD"},
            {"origin/" + first.substr(0, 8), first, "-origin-" + first.substr(0, 8)},
            {first.substr(0, 7), first, "-" + first.substr(0, 7)},
            {first, first, "-" + first},
            {"refs/heads/main", second, "-origin-main"}};
        for (const auto& [revision, commit, end] : cases) {
            INFO(revision);
            build::JobRequest typed = site.request("");
            typed.ref = "";
            typed.revision = revision;
            const build::JobResult result = site.run(typed);
            CHECK(result.reason == "");
            CHECK(result.commit == commit);
            CHECK(result.version == "0.0.1rev" + commit.substr(0, 7) + end);
        }
        build::JobRequest typed = site.request("");
        typed.ref = "";
        typed.revision = "origin/nothing";
        CHECK(site.run(typed).reason ==
              "the repository " + site.url() +
                  " has no branch, tag or commit \"origin/nothing\"; write a branch as origin/main");
    }
    SECTION("a forced push takes over when the repository says so") {
        CHECK(site.run(request).result == AttemptClass::ok);
        site.git({"commit", "-q", "--amend", "-m", "amended"});
        const std::string amended = site.git({"rev-parse", "HEAD"});
        const build::JobResult result = site.run(site.request(amended));
        CHECK(result.targets[0].outcome == "changed");
        CHECK(result.targets[0].reason == "a forced push: " + amended.substr(0, 10) + " takes the place of " +
                                              first.substr(0, 10) + ", which it does not follow");
    }
    SECTION("gone and moved refs") {
        site.git({"config", "uploadpack.allowAnySHA1InWant", "false"});
        request.commit = std::string(40, 'a');
        CHECK(site.run(request).reason ==
              "refs/heads/main has moved on to " + first + "; " + request.commit + " cannot be had any more");
        request.ref = "refs/heads/gone";
        request.id = "gone-1-1";
        const build::JobResult result = site.run(request);
        CHECK(result.result == AttemptClass::superseded);
        CHECK(result.reason == "refs/heads/gone is no longer there; " + request.commit + " cannot be had any more");
    }
    SECTION("a repository that is not there is trouble of the infrastructure") {
        request.project.url = "file://" + (site.folder() / "nothing");
        const build::JobResult result = site.run(request);
        CHECK(result.result == AttemptClass::infrastructure);
        CHECK(result.reason.starts_with("the repository " + request.project.url +
                                        " cannot be reached from the build host: fatal: "));
    }
}

TEST_CASE("counts come from the history, not from the shallow store") {
    BuildSite site;
    site.commit({{"build.sh", BuildSite::script_for({"one"})}});
    for (int i = 0; i < 4; ++i) site.commit({{"file", std::to_string(i)}});
    build::JobRequest request = site.request(site.git({"rev-parse", "HEAD"}));
    request.project.version = "1.{count}+git{date:%Y}.{short_sha:10}";
    const build::JobResult result = site.run(request);
    CHECK(result.version ==
          "1.5+git" + site.git({"log", "-1", "--format=%cd", "--date=format:%Y"}) + "." + request.commit.substr(0, 10));
}

TEST_CASE("a commit that changes no path that matters changes nothing") {
    BuildSite site;
    const std::string first =
        site.commit({{"build.sh", BuildSite::script_for({"one"})}, {"src/a", "1"}, {"doc/a", "1"}});
    build::JobRequest request = site.request(first);
    request.paths = {"src/**", "!src/*.md"};
    CHECK(site.run(request).targets[0].outcome == "changed");
    request = site.request(site.commit({{"doc/a", "2"}, {"src/x.md", "2"}}));
    request.paths = {"src/**", "!src/*.md"};
    const build::JobResult result = site.run(request);
    CHECK(result.result == AttemptClass::ok);
    CHECK(result.packages.empty());
    CHECK(result.targets[0].outcome == "unchanged");
    CHECK(result.targets[0].reason == "no path of src/**, !src/*.md changed");
    request = site.request(site.commit({{"src/a", "3"}}));
    request.paths = {"src/**", "!src/*.md"};
    CHECK(site.run(request).targets[0].outcome == "changed");
}

TEST_CASE("submodules come when the project asks, and are clean like the rest") {
    BuildSite site;
    BuildSite other;
    const std::string inner = other.commit({{"lib.c", "int x;\n"}});
    site.git({"-c", "protocol.file.allow=always", "submodule", "--quiet", "add",
              "../../" + std::filesystem::path(other.folder().path()).filename().string() + "/repository",
              "vendor/lib"});
    const std::string id = site.commit(
        {{"build.sh",
          BuildSite::script_for({"one"},
                                "ls vendor/lib; git -C vendor/lib rev-parse HEAD || true; echo > vendor/lib/stale")}});
    for (const bool wanted : {false, true, true, false}) {
        build::JobRequest request = site.request(id);
        request.project.submodules = wanted;
        Heard heard;
        const build::JobResult result = site.run(request, &heard);
        CHECK(result.reason == "");
        CHECK(heard.log.starts_with(wanted ? "lib.c\n" + inner + "\n" : id + "\n"));
    }
    // An address that the project's own could not be is refused.
    site.commit(
        {{".gitmodules", "[submodule \"vendor/lib\"]\n\tpath = vendor/lib\n\turl = ext::sh -c 'touch canary'\n"}});
    build::JobRequest request = site.request(site.git({"rev-parse", "HEAD"}));
    request.project.submodules = true;
    const build::JobResult result = site.run(request);
    CHECK(result.result == AttemptClass::failed);
    CHECK(result.reason ==
          "submodule vendor/lib: the address \"ext::sh -c 'touch canary'\" is not allowed; https, ssh and git are");
}

TEST_CASE("packages of the same build are taken again instead of built") {
    BuildSite site;
    const std::string counter = site.folder() / "built";
    const std::string id = site.commit({{"build.sh", BuildSite::script_for({"one"}, "echo x >> " + counter)}});
    const build::JobResult first = site.run(site.request(id));
    build::JobRequest request = site.request(id);
    request.targets[0].stack = "live";
    request.reuse = first.packages;
    const build::JobResult second = site.run(request);
    CHECK(second.result == AttemptClass::ok);
    CHECK(second.packages == first.packages);
    CHECK(second.version == first.version);
    CHECK(site.in_stack("live", "one") == first.version);
    CHECK(file_content(counter) == "x\n");
    std::filesystem::remove(site.debs() + "/" + first.packages[0].file);
    request.id = "again-1-1";
    Heard heard;
    CHECK(site.run(request, &heard).result == AttemptClass::ok);
    CHECK(file_content(counter) == "x\nx\n");
    CHECK(heard.notes ==
          std::vector<std::string>{"the packages of the same build are no longer there; they are built again"});
}

TEST_CASE("a named working copy is prepared and built in two steps") {
    BuildSite site;
    const std::string id = site.commit({{"build.sh", BuildSite::script_for({"one"})}});
    const auto shell = remote::make_shell(site.host());
    build::PrepareRequest prepare;
    prepare.id = "cli-1-1";
    prepare.host = site.host();
    prepare.name = "copy";
    prepare.url = site.url();
    prepare.revision = "origin/main";
    build::BuildRequest build;
    build.id = "cli-2-1";
    build.host = site.host();
    build.name = "copy";
    build.project = site.request(id).project;
    build.debs_path = site.debs();
    build.app_version = "1.5";
    CHECK(build::build_working_copy(*shell, build, {}, SystemClock())->reason ==
          "working copy copy is not prepared (never, or its last prepare failed); run prepare:copy,<url>,<ref> first");
    const auto prepared = build::prepare_working_copy(*shell, prepare, {}, SystemClock()).value();
    CHECK(prepared.result == AttemptClass::ok);
    CHECK(prepared.commit == id);
    CHECK(prepared.reason == site.base() + "/working_copy/copy/area/tree");
    build.id = "cli-3-1";
    const auto built = build::build_working_copy(*shell, build, {}, SystemClock()).value();
    CHECK(built.reason == "");
    REQUIRE(built.packages.size() == 1);
    CHECK(built.packages[0].version == "1.5");
    CHECK(std::filesystem::exists(site.debs() + "/one_1.5.deb"));
    CHECK(build::collect_garbage(*shell, site.host(), SystemClock()) == 0);
}
