// Every command line of the original's README, run for real: a real sshd on loopback, a real git repository, a stand-in
// for trebuchet that keeps its contract (contracts.md, section 4) and makes real packages with dpkg-deb.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/binary.h"
#include "tests/support/process.h"
#include "tests/support/ssh_host.h"

using namespace gachette;
using namespace gachette::testing;
using nlohmann::json;

namespace {

const char* const trebuchet = R"sh(#!/bin/sh
set -e
[ "$1" = build ] || exit 64
missile=$2
shift 2
version=1.0.0
while [ $# -gt 1 ]; do
    case "$1" in
    --output) output=$2 ;;
    --app-version) version=$2 ;;
    esac
    shift 2
done
for name in $(sed -n 's/^name: *//p' "$missile"); do
    tree=$(mktemp -d)
    mkdir "$tree/DEBIAN"
    printf 'Package: dh-%s\nVersion: %s\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: t\n' \
        "$name" "$version" > "$tree/DEBIAN/control"
    dpkg-deb --root-owner-group -b "$tree" "$output/dh-$name-$version-all.deb" > /dev/null
    rm -rf "$tree"
    echo "Built: {'name': 'dh-$name', 'version': '$version', 'file_name': 'dh-$name-$version-all.deb'}"
done
)sh";

struct Place {
    SshHost ssh;
    Binary gachette;
    TemporaryFolder folder;
    std::string host, url, first;

    Place() {
        host = ssh.user() + "@127.0.0.1:" + std::to_string(ssh.port());
        write_text_file(folder / "trebuchet", trebuchet, true);
        const std::string repository = folder / "test_config";
        url = "file://" + repository;
        must_run({"git", "init", "-q", "-b", "master", repository});
        first = commit("name: secret-sauce-live\n");
        git({"tag", "v1.4"});
        git({"checkout", "-q", "-b", "test_a"});
        commit("name: secret-sauce-live\nname: test-a\n");
        git({"checkout", "-q", "master"});
        commit("name: secret-sauce-live\nname: config\n");
        std::filesystem::create_directory(folder / "meta");
        write_text_file(folder / "config.yml", configuration(""));
        write_text_file(folder / "quick.yml",
                        configuration("debs_path: " + debs() + "\nmeta_path: " + meta() +
                                      "\nprojects:\n  test_config:\n    url: " + url + "\n    builder: trebuchet\n"));
    }
    std::string git(const std::vector<std::string>& words) {
        std::vector<std::string> all{"git",         "-C", folder / "test_config",    "-c",
                                     "user.name=t", "-c", "user.email=t@example.org"};
        all.insert(all.end(), words.begin(), words.end());
        return must_run(all);
    }
    std::string commit(const std::string& missile) {
        write_text_file(folder / "test_config" + "/.missile.yml", missile);
        git({"add", "."});
        git({"commit", "-q", "-m", "change"});
        return git({"rev-parse", "HEAD"});
    }
    std::string configuration(const std::string& more) const {
        return "build_hosts:\n  there:\n    address: 127.0.0.1\n    port: " + std::to_string(ssh.port()) +
               "\n    user: " + ssh.user() + "\n    key_filename: " + ssh.key() +
               "\n    known_hosts: " + ssh.known_hosts() + "\n    base_path: " + (folder / "base") +
               "\n    trebuchet_bin: " + (folder / "trebuchet") + "\n" + more;
    }
    std::string debs() const { return folder / "debs"; }
    std::string meta() const { return folder / "meta"; }
    std::string in_stack(const std::string& domain, const std::string& stack, const std::string& package) const {
        return read_text(meta() + "/domain/" + domain + "/stacks/" + stack + "/packages/" + package + "/version");
    }
    // As the README writes it: -H user@host and the task, nothing else.
    Said task(const std::string& words) const { return gachette({"-c", folder / "config.yml", "-H", host, words}); }
    Said quick(std::vector<std::string> words) const {
        words.insert(words.begin(), {"-c", folder / "quick.yml"});
        return gachette(words);
    }
};

}  // namespace

TEST_CASE("the README's walk: a stack, three working copies, packages, the stack has them") {
    Place place;
    const Said made = place.task("stack_create:main,foobar1," + place.meta());
    INFO(made.errors);
    REQUIRE(made.status == 0);
    CHECK(made.output == "stack main/foobar1 created (generation 1)\n");
    CHECK(std::filesystem::is_directory(place.meta() + "/domain/main/stacks/foobar1/packages"));
    const Said again = place.task("stack_create:main,foobar1," + place.meta());
    CHECK(again.status == 0);
    CHECK(again.output == "stack main/foobar1 exists already\n");

    const std::string name = "prepare:test_config_first_build," + place.url + ",";
    for (const std::string ref : {"v1.4", "test_a"}) {
        const Said prepared = place.task(name + (ref == "v1.4" ? ref : "origin/" + ref));
        INFO(prepared.errors);
        REQUIRE(prepared.status == 0);
        CHECK(prepared.output == place.git({"rev-parse", ref + "^{commit}"}) + "\n");
    }
    const Said abbreviated = place.task(name + "origin/" + place.first.substr(0, 15));
    INFO(abbreviated.errors);
    REQUIRE(abbreviated.status == 0);
    CHECK(abbreviated.output == place.first + "\n");

    const Said built = place.task("build:test_config_first_build," + place.debs());
    INFO(built.errors);
    REQUIRE(built.status == 0);
    CHECK(built.output ==
          "Built: {'name': 'dh-secret-sauce-live', 'version': '1.0.0', 'file_name': "
          "'dh-secret-sauce-live-1.0.0-all.deb'}\n");
    CHECK(must_run({"dpkg-deb", "-f", place.debs() + "/dh-secret-sauce-live-1.0.0-all.deb", "Package"}) ==
          "dh-secret-sauce-live");

    const Said added = place.task("add_to_stack:main,dh-secret-sauce-live,1.0.0,dh-secret-sauce-live-1.0.0-all.deb," +
                                  place.meta() + ",foobar1");
    INFO(added.errors);
    REQUIRE(added.status == 0);
    CHECK(place.in_stack("main", "foobar1", "dh-secret-sauce-live") == "1.0.0\n");
    CHECK(read_text(place.meta() + "/packages/dh-secret-sauce-live/version/1.0.0/file") ==
          "dh-secret-sauce-live-1.0.0-all.deb\n");

    // Natural form, a copy of the stack, and what stands in it.
    const Said copied = place.gachette({"-c", place.folder / "config.yml", "-H", place.host, "stack-create", "main",
                                        "foobar2", "--from", "foobar1", "--meta-path", place.meta()});
    INFO(copied.errors);
    CHECK(copied.status == 0);
    CHECK(place.in_stack("main", "foobar2", "dh-secret-sauce-live") == "1.0.0\n");
    const Said shown = place.gachette(
        {"-c", place.folder / "config.yml", "stack", "show", "main", "foobar2", "--meta-path", place.meta(), "--json"});
    CHECK(json::parse(shown.output)["entries"][0]["name"] == "dh-secret-sauce-live");
}

TEST_CASE("several tasks in one call run in order and stop at the first failure") {
    Place place;
    const Said said =
        place.gachette({"-c", place.folder / "config.yml", "-H", place.host, "prepare:copy," + place.url + ",v1.4",
                        "build:never_prepared," + place.debs(), "version"});
    CHECK(said.status == 1);
    CHECK(said.output == place.first + "\n");
    CHECK(said.errors.find("gachette: build: ") != std::string::npos);
}

TEST_CASE("quick: prepare, build and add, all or nothing") {
    Place place;
    const Said refused = place.quick({"quick:default,0.0.1,test_config"});
    CHECK(refused.status == 1);
    CHECK(refused.errors.starts_with("gachette: quick: stack default/0.0.1 does not exist"));
    CHECK_FALSE(std::filesystem::exists(place.debs()));

    REQUIRE(place.quick({"stack_create:default,0.0.1"}).status == 0);
    const Said done = place.quick({"quick:default,0.0.1,test_config"});
    INFO(done.errors);
    REQUIRE(done.status == 0);
    const std::string commit = place.git({"rev-parse", "master"});
    const std::string version = "0.0.1rev" + commit.substr(0, 7) + "-origin-master";
    CHECK(done.output.find("built dh-secret-sauce-live " + version + " (") != std::string::npos);
    CHECK(done.output.find("built dh-config " + version + " (") != std::string::npos);
    CHECK(done.output.find("Built: {") != std::string::npos);  // the log as it grew
    CHECK(done.output.ends_with("added to stack default/0.0.1 as generation 2\n"));
    CHECK(place.in_stack("default", "0.0.1", "dh-config") == version + "\n");
    CHECK(place.in_stack("default", "0.0.1", "dh-secret-sauce-live") == version + "\n");
    CHECK(
        place.quick({"quick:default,0.0.1,test_config"}).output.ends_with("stack default/0.0.1 holds them already\n"));

    const Said other = place.quick({"quick:default,0.0.1,test_config,ref=origin/test_a"});
    INFO(other.errors);
    REQUIRE(other.status == 0);
    const std::string branch = "0.0.1rev" + place.git({"rev-parse", "test_a"}).substr(0, 7) + "-origin-test-a\n";
    CHECK(place.in_stack("default", "0.0.1", "dh-test-a") == branch);
    CHECK(place.in_stack("default", "0.0.1", "dh-secret-sauce-live") == branch);

    // A build that fails half way leaves the stack as it was.
    place.commit("name: good\nname: Bad_Name\n");
    const Said failed = place.quick({"quick", "default", "0.0.1", "test_config"});
    CHECK(failed.status == 1);
    CHECK(failed.errors.find("gachette: quick: ") != std::string::npos);
    CHECK(place.in_stack("default", "0.0.1", "dh-good").empty());

    const Said log = place.quick({"stack", "log", "default", "0.0.1"});
    CHECK(log.output.starts_with("@3  "));
    CHECK(log.output.find("by command line of hero") != std::string::npos);
    CHECK(place.quick({"stacks"}).output.find("default  0.0.1  3 ") != std::string::npos);
    CHECK(place.quick({"stack", "diff", "default", "0.0.1@1", "0.0.1@2"}).output.find("+ dh-config " + version) !=
          std::string::npos);
    CHECK(place.quick({"stack", "verify", "default", "0.0.1"}).output.ends_with("everything is in order\n"));
    CHECK(place.quick({"stack", "rollback", "default", "0.0.1", "2"}).status == 0);
    CHECK(place.in_stack("default", "0.0.1", "dh-secret-sauce-live") == version + "\n");
    CHECK(place.quick({"stack", "freeze", "default", "0.0.1", "--reason", "release"}).status == 0);
    const Said frozen = place.quick({"quick", "default", "0.0.1", "test_config", "--ref", "v1.4"});
    CHECK(frozen.status == 1);
    CHECK(frozen.errors.find("release") != std::string::npos);
    CHECK(place.quick({"stack", "thaw", "default", "0.0.1"}).status == 0);
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"stacks"},
                                               {"stack", "show", "default", "0.0.1"},
                                               {"stack", "log", "default", "0.0.1"},
                                               {"stack", "diff", "default", "0.0.1@1", "0.0.1"},
                                               {"stack", "verify", "default", "0.0.1"}}) {
        std::vector<std::string> all = words;
        all.push_back("--json");
        CHECK(json::parse(place.quick(all).output).is_object());
    }
}

TEST_CASE("quick takes a forced push, because a person asked for it, but never goes back along the branch") {
    Place place;
    REQUIRE(place.quick({"stack_create:default,0.0.1"}).status == 0);
    REQUIRE(place.quick({"quick", "default", "0.0.1", "test_config"}).status == 0);
    place.git({"commit", "-q", "--amend", "-m", "another history"});
    const std::string forced = place.git({"rev-parse", "--short=7", "HEAD"});
    const Said taken = place.quick({"quick", "default", "0.0.1", "test_config"});
    INFO(taken.output << taken.errors);
    CHECK(taken.status == 0);
    CHECK(place.in_stack("default", "0.0.1", "dh-config") == "0.0.1rev" + forced + "-origin-master\n");

    place.git({"reset", "-q", "--hard", "HEAD~1"});
    const Said back = place.quick({"quick", "default", "0.0.1", "test_config"});
    CHECK(back.status == 1);
    CHECK(back.errors.find("gachette: quick: ") != std::string::npos);
    CHECK(back.errors.find("gachette does not go back to") != std::string::npos);
    CHECK(place.in_stack("default", "0.0.1", "dh-config") == "0.0.1rev" + forced + "-origin-master\n");
}

TEST_CASE("an interrupt ends the build on the host and leaves the stack as it was") {
    Place place;
    REQUIRE(place.quick({"stack_create:default,0.0.1"}).status == 0);
    const std::string started = place.folder / "started";
    write_text_file(place.folder / "trebuchet", "#!/bin/sh\necho $$ > " + started + "\nexec sleep 300\n", true);
    const Said said = {
        run({"sh", "-c",
             "\"$@\" > said 2>&1 & child=$!; for i in $(seq 600); do [ -s started ] && break; sleep 0.05; done; "
             "kill -INT $child; wait $child; status=$?; cat said; exit $status",
             "sh", GACHETTE_BINARY, "-c", place.folder / "quick.yml", "quick", "default", "0.0.1", "test_config"},
            place.folder.path())
            .status,
        read_text(place.folder / "said"), ""};
    CHECK(said.status == 1);
    CHECK(said.output.find("gachette: quick: ") != std::string::npos);
    CHECK(said.output.find("cancelled") != std::string::npos);
    CHECK(std::filesystem::is_empty(place.meta() + "/domain/default/stacks/0.0.1/packages"));
}

TEST_CASE("settings win over arguments, and it is said") {
    Place place;
    const Said said = place.quick({"stack_create:default,a," + (place.folder / "elsewhere")});
    CHECK(said.status == 0);
    CHECK(said.errors == "gachette: note: meta_path is " + place.meta() +
                             " as meta_path in the configuration says, not " + (place.folder / "elsewhere") + "\n");
    CHECK(std::filesystem::is_directory(place.meta() + "/domain/default/stacks/a"));
    CHECK_FALSE(std::filesystem::exists(place.folder / "elsewhere"));
}

TEST_CASE("without SSH: --local") {
    const Binary gachette;
    const TemporaryFolder folder;
    const Said made = gachette({"--local", "stack_create:main,a," + (folder / "meta")});
    INFO(made.errors);
    CHECK(made.status == 0);
    CHECK(std::filesystem::is_directory(folder / "meta" + "/domain/main/stacks/a/packages"));
    const Said missing = gachette({"--local", "stack_create:main,b," + (folder / "meta") + ",nonsense"});
    CHECK(missing.status == 1);
    CHECK(missing.errors.starts_with("gachette: stack-create: "));
}
