// The builders for real: the packager's contract, dpkg-buildpackage, a command; and what a build sees of the host.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "tests/build/site.h"

using namespace gachette;
using namespace gachette::testing;

namespace {

const std::string control =
    "Source: tool\nSection: misc\nPriority: optional\nMaintainer: t <t@example.com>\nRules-Requires-Root: "
    "no\n\nPackage: "
    "tool\nArchitecture: all\nDescription: d\n";
const std::string rules =
    "#!/usr/bin/make -f\nclean build build-arch build-indep binary-arch:\nbinary: binary-indep\nbinary-indep:\n"
    "\tmkdir -p debian/tool/DEBIAN\n\tdpkg-gencontrol -ptool -Pdebian/tool\n\tdpkg-deb -Znone --root-owner-group -b "
    "debian/tool ..\n";
const std::string changelog =
    "tool (1.0) unstable; urgency=medium\n\n  * First.\n\n -- t <t@example.com>  Sat, 01 Jan 2022 "
    "00:00:00 +0000\n";

}  // namespace

TEST_CASE("trebuchet: the packager's contract") {
    BuildSite site;
    const std::string fixture = std::string(GACHETTE_SOURCE_DIR) + "/tests/build/fixtures/trebuchet";
    const std::string id = site.commit({{".missile.yml", "app one\nservice two\nstatic three 7.1\n"}});
    build::JobRequest request = site.request(id);
    request.project.builder = GENERATE(BuilderKind::trebuchet, BuilderKind::automatic);
    request.host.trebuchet_bin = "perl " + fixture;
    request.web_callback = "http://127.0.0.1:1/x?a=b&c";
    Heard heard;
    const build::JobResult result = site.run(request, &heard);
    CHECK(result.reason == "");
    REQUIRE(result.packages.size() == 3);
    const std::string v = result.version;
    CHECK(result.packages[0].file == "one-" + v + "-all.deb");
    CHECK(result.packages[1].version == "7.1");
    CHECK(site.in_stack("edge", "two") == v);
    CHECK(heard.log.find("--app-version " + v + " --env-version " + v + " --service-version " + v +
                         " --web-callback http://127.0.0.1:1/x?a=b&c\n") != std::string::npos);
    request.host.trebuchet_bin = "/nothing/trebuchet";
    request.id = "other-1-1";
    CHECK(site.run(request).reason ==
          "the builder \"/nothing/trebuchet\" is not there or cannot be run on the build host; see the end of the log");
}

TEST_CASE("debian: dpkg-buildpackage in a private parent folder, with the version of the commit") {
    BuildSite site;
    site.commit({{"debian/control", control}, {"debian/changelog", changelog}, {"debian/rules", rules}});
    std::filesystem::permissions(site.repository() + "/debian/rules", std::filesystem::perms(0755));
    build::JobRequest request = site.request(site.commit({}));
    request.project.builder = BuilderKind::automatic;
    request.project.version = "1.4+git{date:%Y%m%d%H%M%S}.{short_sha}";
    Heard heard;
    const build::JobResult result = site.run(request, &heard);
    INFO(heard.log);
    CHECK(result.reason == "");
    REQUIRE(result.packages.size() == 1);
    CHECK(result.packages[0].name == "tool");
    CHECK(result.packages[0].version == result.version);
    CHECK(result.packages[0].file == "tool_" + result.version + "_all.deb");
    // Again, from the same kept tree: the same bytes, and no second entry in the changelog.
    build::JobRequest again = site.request(request.commit);
    again.project = request.project;
    const build::JobResult second = site.run(again);
    CHECK(second.packages == result.packages);
    CHECK(second.targets[0].outcome == "unchanged");
}

TEST_CASE("automatic: says what to do when nothing fits") {
    BuildSite site;
    build::JobRequest request = site.request(site.commit({{"file", "x"}}));
    request.project.builder = BuilderKind::automatic;
    CHECK(site.run(request).reason ==
          "the commit has neither .missile.yml nor debian/control; set projects.demo.builder and command");
}

TEST_CASE("a build sees a clean environment and may write only where it should") {
    BuildSite site;
    setenv("SSH_AUTH_SOCK", "/tmp/no-such-agent/socket", 1);
    setenv("GACHETTE_TEST_SECRET", "secret", 1);
    const std::string script =
        "set +e; env | sort; cd ..; for d in " + site.base() + " " + site.base() + "/store " + site.debs() + " " +
        site.meta() + " $HOME_OF_HOST; do touch $d/intruder 2>/dev/null && echo WROTE $d; done; echo JOBS=$(ls " +
        site.base() + "/jobs | wc -l); ls -A $HOME_OF_HOST/.ssh; mount -o remount,rw " + site.base() +
        " 2>/dev/null && echo REMOUNTED; umount " + site.base() +
        "/jobs 2>/dev/null && echo UNMOUNTED; echo 'event' > /proc/1/fd/1 2>/dev/null; set -e";
    build::JobRequest request = site.request(site.commit({{"build.sh", BuildSite::script_for({"one"}, script)}}));
    request.project.environment = {{"COLOUR", "green or $(blue)"}, {"HOME_OF_HOST", std::getenv("HOME")}};
    site.run(site.request(request.commit));  // makes debs and meta
    Heard heard;
    const build::JobResult result = site.run(request, &heard);
    unsetenv("SSH_AUTH_SOCK");
    unsetenv("GACHETTE_TEST_SECRET");
    INFO(heard.log);
    CHECK(result.result == AttemptClass::ok);
    for (const char* forbidden : {"SSH_AUTH_SOCK", "SECRET", "WROTE", "REMOUNTED", "UNMOUNTED", "GIT_", "id_"})
        CHECK(heard.log.find(forbidden) == std::string::npos);
    for (const std::string& wanted : {std::string("COLOUR=green or $(blue)"), std::string("GACHETTE_BRANCH=main"),
                                      "GACHETTE_COMMIT=" + request.commit, std::string("GACHETTE_PROJECT=demo"),
                                      std::string("GACHETTE_REF=refs/heads/main"), "GACHETTE_VERSION=" + result.version,
                                      std::string("LANG=C.UTF-8"), std::string("JOBS=0"), std::string("TZ=UTC"),
                                      "SOURCE_DATE_EPOCH=" + std::to_string(result.commit_time)})
        CHECK(heard.log.find(wanted + "\n") != std::string::npos);
}

TEST_CASE("what a build plants is not run by the next one's checkout") {
    const bool isolate = GENERATE(true, false);
    BuildSite site;
    const std::string canary = site.folder() / "canary";
    const std::string plant =
        "set +e\nfor g in .git ../../../../../store/*.git ../../../../../history/*.git; do\n"
        "mkdir -p $g/hooks $g/info; for h in post-checkout post-index-change reference-transaction pre-auto-gc; do\n"
        "printf '#!/bin/sh\\ntouch " +
        canary +
        "\\n' > $g/hooks/$h; chmod 755 $g/hooks/$h; done\n"
        "echo '* filter=x diff=x' > $g/info/attributes\n"
        "printf '[core]\\n\\tfsmonitor = touch " +
        canary + "\\n\\tsshCommand = touch " + canary +
        "\\n\\thooksPath = hooks\\n\\tworktree = /\\n[filter \"x\"]\\n\\tsmudge = touch " + canary +
        "\\n\\tclean = touch " + canary + "\\n\\tprocess = touch " + canary +
        "\\n\\trequired = true\\n[uploadpack]\\n\\tpackObjectsHook = touch " + canary +
        "\\n[alias]\\n\\tread-tree = !touch " + canary +
        "\\n[include]\\n\\tpath = /nothing\\n' >> $g/config\n"
        "done 2>/dev/null\n"
        "cp .git/config ~/.gitconfig; printf 'Host *\\n ProxyCommand touch " +
        canary + "\\n' > ~/.ssh/config 2>/dev/null\nset -e\n";
    const std::string first = site.commit({{"build.sh", BuildSite::script_for({"one"}, plant)}, {"file", "1"}});
    for (int i = 0; i < 3; ++i) {
        build::JobRequest request = site.request(i == 0 ? first : site.commit({{"file", std::to_string(i + 1)}}));
        request.isolate = isolate;
        const build::JobResult result = site.run(request);
        CHECK(result.reason == "");
        CHECK(result.result == AttemptClass::ok);
        CHECK(result.targets[0].outcome == "changed");
    }
    CHECK_FALSE(std::filesystem::exists(canary));
}
