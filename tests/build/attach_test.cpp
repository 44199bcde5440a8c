// Jobs outlive connections, followers and gachette itself; a dead supervisor is noticed.
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "remote/ssh_shell.h"
#include "tests/build/site.h"
#include "tests/support/ssh_host.h"

using namespace gachette;
using namespace gachette::testing;
using namespace std::string_literals;

namespace {

SystemClock the_clock;

// A build that prints numbered lines around a wait for a file.
std::string gated(const std::string& gate) {
    return BuildSite::script_for(
        {"one"}, "i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done; while [ ! -e " + gate +
                     " ]; do sleep 0.02; done; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); done");
}

std::string all_lines() {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "line " + std::to_string(i) + "\n";
    return text;
}

// Attaches again and again until the job has ended. `meanwhile` is called with each piece of log, `between` before each
// further attempt.
build::JobResult run_to_end(
    remote::Shell& shell, build::JobRequest request, std::string& log, const std::function<void()>& meanwhile,
    const std::function<void()>& between = [] {}) {
    for (int i = 0; i < 20; ++i) {
        if (i > 0) between();
        request.log_offset = static_cast<std::int64_t>(log.size());
        build::JobListener listener;
        listener.log = [&](std::int64_t offset, std::string_view bytes) {
            REQUIRE(offset == static_cast<std::int64_t>(log.size()));
            log += bytes;
            meanwhile();
        };
        try {
            return build::run_job(shell, request, listener, the_clock).value();
        } catch (const HostError&) {
        }
    }
    FAIL("never ended");
    return {};
}

// Processes that are children of that one: the follower is one of this process.
std::vector<int> children_of(int parent) {
    std::vector<int> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string stat = file_content(entry.path().string() + "/stat");
        const std::size_t end = stat.rfind(") ");
        if (end == std::string::npos) continue;
        std::stringstream rest(stat.substr(end + 2));
        std::string state;
        int of = 0;
        rest >> state >> of;
        if (of == parent && state != "Z") found.push_back(std::stoi(entry.path().filename().string()));
    }
    return found;
}

}  // namespace

TEST_CASE("a cut connection loses nothing of the job and its log") {
    SshHost ssh;
    BuildSite site;
    BuildHost host = site.host();
    host.local = false;
    host.address = "127.0.0.1";
    host.port = ssh.port();
    host.user = ssh.user();
    host.key_filename = ssh.key();
    host.known_hosts = ssh.known_hosts();
    const auto shell = remote::make_shell(host);
    const std::string gate = site.folder() / "gate";
    build::JobRequest request = site.request(site.commit({{"build.sh", gated(gate)}}));
    request.host = host;
    std::string log;
    int cuts = 0;
    const build::JobResult result = run_to_end(
        *shell, request, log,
        [&] {
            const bool half = log.find("line 499\n") != std::string::npos, more = log.size() > 6'000;
            if (half && cuts < (more ? 2 : 1)) {
                ++cuts;
                ssh.cut_connections();
            }
        },
        [&] { write_text(gate, "x"); });
    CHECK(cuts >= 1);
    CHECK(result.result == AttemptClass::ok);
    CHECK(log == all_lines());
    CHECK(result.packages.size() == 1);
    CHECK(result.targets[0].generation == 1);

    // Once more after the end: the same answer, nothing is done twice.
    std::string again;
    const build::JobResult same = run_to_end(*shell, request, again, [] {});
    CHECK(same.result == AttemptClass::ok);
    CHECK(same.packages == result.packages);
    CHECK(again == all_lines());
    CHECK(site.in_stack("edge", "one") == result.version);
    CHECK_FALSE(std::filesystem::exists(site.meta() + "/.generations/main/edge/2.manifest"));
}

TEST_CASE("a killed follower and a detach leave the job running") {
    BuildSite site;
    const auto shell = remote::make_shell(site.host());
    const std::string gate = site.folder() / "gate";
    build::JobRequest request = site.request(site.commit({{"build.sh", gated(gate)}}));
    std::string log;
    build::JobListener listener;
    listener.log = [&](std::int64_t, std::string_view bytes) { log += bytes; };
    listener.detach_requested = [&] { return log.find("line 10\n") != std::string::npos; };
    CHECK_FALSE(build::run_job(*shell, request, listener, the_clock).has_value());
    log.resize(std::min<std::size_t>(log.size(), 70));  // a listener that lost what it did not write down
    int kills = 0;
    const build::JobResult result = run_to_end(
        *shell, request, log,
        [&] {
            if (kills++ == 0)
                for (const int child : children_of(getpid())) kill(child, SIGKILL);
        },
        [&] { write_text(gate, "x"); });
    CHECK(kills > 0);
    CHECK(result.result == AttemptClass::ok);
    CHECK(log == all_lines());
}

TEST_CASE("a killed build fails; a killed supervisor is a lost job with nothing left") {
    const bool isolate = GENERATE(true, false);
    const std::string number = isolate ? "77011" : "77012";
    BuildSite site;
    const auto shell = remote::make_shell(site.host());
    build::JobRequest request =
        site.request(site.commit({{"build.sh", "setsid sleep " + number + " & echo started; sleep " + number}}));
    request.isolate = isolate;
    build::JobListener listener;
    bool killed = false;
    listener.log = [&](std::int64_t, std::string_view) {
        if (killed) return;
        killed = true;
        // The supervisor holds the control pipe; its children do, too, but its parent does not.
        std::vector<int> holders;
        const std::string control = site.base() + "/jobs/" + request.id + "/control";
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            std::error_code ignored;
            for (const auto& open : std::filesystem::directory_iterator(entry.path().string() + "/fd", ignored))
                if (std::filesystem::read_symlink(open.path(), ignored) == control)
                    holders.push_back(std::stoi(entry.path().filename().string()));
        }
        REQUIRE_FALSE(holders.empty());
        std::vector<int> inner;
        for (const int holder : holders)
            for (const int child : children_of(holder)) inner.push_back(child);
        for (const int holder : holders)
            if (std::find(inner.begin(), inner.end(), holder) == inner.end()) kill(holder, SIGKILL);
    };
    const build::JobResult result = build::run_job(*shell, request, listener, the_clock).value();
    CHECK(killed);
    CHECK(result.result == AttemptClass::lost);
    CHECK(result.reason ==
          "the job's process on the build host died (killed, out of memory, or the host was started anew)");
    CHECK(wait_until([&] { return processes_with("sleep\0"s + number) == 0; }));
    // The next attempt is not held up by what is left.
    request.id = "next-1-2";
    request.commit = site.commit({{"build.sh", BuildSite::script_for({"one"})}});
    CHECK(site.run(request).result == AttemptClass::ok);
}

TEST_CASE("without word from gachette the job ends itself after its grace") {
    BuildSite site;
    const auto shell = remote::make_shell(site.host());
    build::JobRequest request = site.request(site.commit({{"build.sh", "echo started; sleep 77021"}}));
    request.project.limits.grace = 300;
    build::JobListener listener;
    bool started = false;
    listener.log = [&](std::int64_t, std::string_view) { started = true; };
    listener.detach_requested = [&] { return started; };
    CHECK_FALSE(build::run_job(*shell, request, listener, the_clock).has_value());
    CHECK(wait_until([&] { return std::filesystem::exists(site.base() + "/jobs/" + request.id + "/result"); }));
    CHECK(processes_with("sleep\0"s + "77021") == 0);
    const build::JobResult result = site.run(request);
    CHECK(result.result == AttemptClass::lost);
    CHECK(result.reason == "no word from gachette for 0 s; the job ended itself");
}
