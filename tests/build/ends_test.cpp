// How builds end that do not end well, and what is left of them.
#include <catch2/catch.hpp>
#include <filesystem>

#include "build/parameters.h"
#include "tests/build/site.h"

using namespace gachette;
using namespace gachette::testing;
using namespace std::string_literals;

namespace {

// Runs a job whose build.sh is this; the stack stays as it was unless the job went well.
build::JobResult job_of(BuildSite& site, const std::string& script, Heard* heard = nullptr,
                        const std::function<void(build::JobRequest&)>& change = {}) {
    build::JobRequest request = site.request(site.commit({{"build.sh", script}}));
    if (change) change(request);
    const build::JobResult result = site.run(request, heard);
    if (result.result != AttemptClass::ok)
        CHECK_FALSE(std::filesystem::exists(site.meta() + "/domain/main/stacks/edge"));
    return result;
}

std::string package_of(const std::string& name, const std::string& version, const std::string& file) {
    return "t=$(mktemp -d); mkdir $t/DEBIAN; printf 'Package: " + name + "\\nVersion: " + version +
           "\\nArchitecture: all\\nMaintainer: t <t@example.com>\\nDescription: d\\n' > $t/DEBIAN/control; dpkg-deb "
           "--nocheck "
           "-Znone --root-owner-group -b $t \"" +
           file + "\" >/dev/null\n";
}

// Processes of a build carry a number in their sleep.
int left(const std::string& number) { return processes_with("sleep\0"s + number); }

// Starts children of three kinds that would outlive the build, the script itself being the fourth.
std::string four_kinds(const std::string& number) {
    const auto child = [&](const std::string& name) {
        return "sh -c 'echo > $TMPDIR/" + name + "; exec sleep " + number + "'";
    };
    return child("a") + " &\nsetsid " + child("b") + " &\n( ( setsid " + child("c") +
           " </dev/null >/dev/null 2>&1 & ) & )\nuntil [ -e $TMPDIR/a ] && [ -e $TMPDIR/b ] && [ -e $TMPDIR/c ]; do "
           "sleep 0.01; "
           "done\n";
}

}  // namespace

TEST_CASE("builds that say no") {
    BuildSite site;
    const auto check = [&](const std::string& script, const std::string& reason) {
        INFO(script);
        const build::JobResult result = job_of(site, script);
        CHECK(result.result == AttemptClass::failed);
        CHECK(result.reason == reason);
        CHECK(result.packages.empty());
    };
    check("exit 3", "the build ended with exit 3");
    check("kill -9 $$", "the build ended with exit 137");
    check("true", "the build made no packages in GACHETTE_OUTPUT");
    check("echo \"Built: {'name': 'x', 'version': '1', 'file_name': 'x-1-all.deb'}\"",
          "the build made no packages in GACHETTE_OUTPUT");
    check("rm -rf \"$GACHETTE_OUTPUT\"", "the build removed its output folder");
    check("echo no > $GACHETTE_OUTPUT/x.deb", "x.deb is no Debian package that dpkg-deb can read");
    check("ln -s /etc/passwd $GACHETTE_OUTPUT/x.deb", "x.deb is not a regular file; links are not taken");
    check("mkdir $GACHETTE_OUTPUT/x.deb", "x.deb is not a regular file; links are not taken");
    check("mkfifo $GACHETTE_OUTPUT/x.deb", "x.deb is not a regular file; links are not taken");
    check(
        package_of("one", "1.0", "$GACHETTE_OUTPUT/a b.deb"),
        "the build made a package file named \"a b.deb\"; only letters, digits and . _ + ~ - are allowed, at most 200");
    check(package_of("one", "$GACHETTE_VERSION", "$GACHETTE_OUTPUT/../one.deb"),
          "the build made no packages in GACHETTE_OUTPUT");
}

TEST_CASE("a package with another version than asked for is refused, an epoch aside") {
    BuildSite site;
    const build::JobResult wrong = job_of(site, package_of("one", "1.0", "$GACHETTE_OUTPUT/one.deb"));
    CHECK(wrong.result == AttemptClass::failed);
    CHECK(wrong.reason == "one.deb has version 1.0, but " + wrong.version +
                              " was asked for; the builder must take it from GACHETTE_VERSION");
    const build::JobResult forged =
        job_of(site, "echo \"Built: {'name': 'one', 'version': '1.0', 'file_name': 'one.deb'}\"\n" +
                         package_of("one", "1.0", "$GACHETTE_OUTPUT/one.deb"));
    CHECK(forged.reason.starts_with("one.deb has version 1.0, but "));
    const build::JobResult twice =
        job_of(site, "V=$GACHETTE_VERSION\n" + package_of("one", "'$V'", "$GACHETTE_OUTPUT/a.deb") +
                         package_of("one", "'$V'", "$GACHETTE_OUTPUT/b.deb"));
    CHECK(twice.reason == "package one was built twice: a.deb and b.deb");
    const build::JobResult epoch = job_of(site, package_of("one", "3:'$GACHETTE_VERSION'", "$GACHETTE_OUTPUT/one.deb"));
    CHECK(epoch.result == AttemptClass::ok);
}

TEST_CASE("limits end a build and say which") {
    BuildSite site;
    const auto with = [](Milliseconds JobLimits::*limit, Milliseconds value) {
        return [=](build::JobRequest& request) { request.project.limits.*limit = value; };
    };
    build::JobResult result =
        job_of(site, "while :; do echo x; sleep 0.05; done", nullptr, with(&JobLimits::total, 400));
    CHECK(result.result == AttemptClass::failed);
    CHECK(result.reason == "the build took longer than 0.4 s and was ended");
    result = job_of(site, "echo x; sleep 77001", nullptr, with(&JobLimits::silence, 400));
    CHECK(result.reason == "the build was silent for 0.4 s and was ended");
    CHECK(left("77001") == 0);
    result = job_of(site, BuildSite::script_for({"one", "two"}), nullptr, with(&JobLimits::packages, 1));
    CHECK(result.reason == "the build made 2 packages; at most 1 are allowed");
    result = job_of(site, BuildSite::script_for({"one"}), nullptr, with(&JobLimits::package_bytes, 10));
    CHECK(result.reason.find("bytes; at most 10 are allowed") != std::string::npos);
}

TEST_CASE("a flood of log is cut with a note, the build goes on") {
    BuildSite site;
    Heard heard;
    const build::JobResult result =
        job_of(site, BuildSite::script_for({"one"}, "head -c 3000000 /dev/zero | tr '\\0' x"), &heard,
               [](build::JobRequest& request) { request.project.limits.log_bytes = 1'000'000; });
    CHECK(result.result == AttemptClass::ok);
    const std::string note = "\ngachette: log limit of 1000000 bytes reached, the rest is dropped\n";
    CHECK(heard.log == std::string(1'000'000, 'x') + note);
}

TEST_CASE("nothing of a build outlives it, however it hides and however it ends") {
    const bool isolate = GENERATE(true, false);
    INFO(isolate);
    BuildSite site;
    const auto tree = [&](build::JobRequest& request) { request.isolate = isolate; };
    const std::string number = isolate ? "77002" : "77003";
    Heard heard;
    CHECK(job_of(site, BuildSite::script_for({"one"}, four_kinds(number)), &heard, tree).result == AttemptClass::ok);
    CHECK(left(number) == 0);
    CHECK(heard.notes.size() == (isolate ? 0 : 1));

    // Cancelled: told to end, and ended.
    build::JobRequest request =
        site.request(site.commit({{"build.sh", four_kinds(number) + "echo started; sleep " + number}}));
    request.isolate = isolate;
    std::string log;
    build::JobListener listener;
    listener.log = [&](std::int64_t, std::string_view bytes) { log += bytes; };
    listener.stop_requested = [&] { return log.find("started") != std::string::npos; };
    const auto shell = remote::make_shell(site.host());
    const build::JobResult result = build::run_job(*shell, request, listener, SystemClock()).value();
    CHECK(result.result == AttemptClass::cancelled);
    CHECK(result.reason == "cancelled");
    CHECK(left(number) == 0);
}

TEST_CASE("a build that was cancelled may clean up before it ends") {
    BuildSite site;
    build::JobRequest request = site.request(
        site.commit({{"build.sh", "trap 'echo cleaned; exit 1' TERM; echo started; while :; do sleep 0.05; done"}}));
    std::string log;
    build::JobListener listener;
    listener.log = [&](std::int64_t, std::string_view bytes) { log += bytes; };
    listener.stop_requested = [&] { return log.find("started") != std::string::npos; };
    const auto shell = remote::make_shell(site.host());
    CHECK(build::run_job(*shell, request, listener, SystemClock())->result == AttemptClass::cancelled);
    CHECK(log.ends_with("cleaned\n"));
}

TEST_CASE("requests that can never be fulfilled are refused before anything is built") {
    BuildSite site;
    const std::string id = site.commit({{"build.sh", "touch " + (site.folder() / "canary")}});
    const auto check = [&](const std::function<void(build::JobRequest&)>& change, const std::string& reason) {
        build::JobRequest request = site.request(id);
        change(request);
        const build::JobResult result = site.run(request);
        CHECK(result.result == AttemptClass::refused);
        CHECK(result.reason == reason);
    };
    check([](auto& r) { r.targets[0].create = false; },
          "stack main/edge does not exist; make it with stack-create, or give its rule \"from\" or \"create\"");
    check([](auto& r) { r.project.version = "{nothing}"; },
          "project \"demo\": version template \"{nothing}\": unknown field {nothing}; known are {base}, {short_sha}, "
          "{sha}, "
          "{branch}, {tag}, {date}, {count}, {project}, {ref}");
    check([](auto& r) { r.project.name = "../x"; }, "the build host does not take project \"../x\"");
    check([](auto& r) { r.project.url = "ext::sh -c true"; },
          "the build host does not take url \"ext::sh%20-c%20true\"");
    check([](auto& r) { r.project.url = "--upload-pack=x"; }, "the build host does not take url \"--upload-pack=x\"");
    check([](auto& r) { r.commit = "HEAD"; }, "the build host does not take commit \"HEAD\"");
    check([](auto& r) { r.ref = "refs/heads/a b"; }, "\"refs/heads/a b\" is no branch or tag that git would accept");
    check([](auto& r) { r.ref = "refs/heads/\xff"; }, "\"refs/heads/\\xff\" is no branch or tag that git would accept");
    check([](auto& r) { r.debs_path = "debs"; }, "the build host does not take debs \"debs\"");
    check([](auto& r) { r.id = "../x"; }, "\"../x\" is not the id of a job");
    check([](auto& r) { r.host.base_path = "base"; }, "base_path \"base\" is not an absolute path");
    CHECK_FALSE(std::filesystem::exists(site.folder() / "canary"));
}
