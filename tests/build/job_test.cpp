// Whole jobs over the local shell: the road that everything goes, and the ends it may have.
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <iostream>

#include "tests/build/site.h"

using namespace gachette;
using namespace gachette::testing;

TEST_CASE("a job makes packages of a commit and puts them into a stack") {
    BuildSite site;
    const std::string id =
        site.commit({{"build.sh", BuildSite::script_for({"one", "two"}, "echo hello; echo there >&2")}});
    Heard heard;
    const build::JobResult result = site.run(site.request(id), &heard);
    CHECK(result.reason == "");
    REQUIRE(result.result == AttemptClass::ok);
    CHECK(result.commit == id);
    CHECK(result.version == "0.0.1rev" + id.substr(0, 7) + "-origin-main");
    REQUIRE(result.packages.size() == 2);
    CHECK(result.packages[0].name == "one");
    CHECK(result.packages[0].version == result.version);
    CHECK(result.packages[0].architecture == "all");
    CHECK(std::filesystem::file_size(site.debs() + "/" + result.packages[0].file) ==
          static_cast<std::size_t>(result.packages[0].size));
    REQUIRE(result.targets.size() == 1);
    CHECK(result.targets[0].outcome == "changed");
    CHECK(result.targets[0].generation == 1);
    CHECK(site.in_stack("edge", "one") == result.version);
    CHECK(site.in_stack("edge", "two") == result.version);
    CHECK(heard.log.find("hello\nthere\n") != std::string::npos);
    CHECK(heard.steps.front() == Step::prepare);
    CHECK(heard.steps.back() == Step::add_to_stack);
    CHECK(heard.notes.empty());
}

TEST_CASE("the time of a job", "[.measure]") {
    BuildSite site;
    SshHost ssh;
    BuildHost host = site.host();
    host.local = GENERATE(true, false);
    host.address = "127.0.0.1";
    host.port = ssh.port();
    host.user = ssh.user();
    host.key_filename = ssh.key();
    host.known_hosts = ssh.known_hosts();
    auto shell = remote::make_shell(host);
    std::string id = site.commit({{"build.sh", BuildSite::script_for({"one", "two", "three"})}});
    for (int i = 0; i < 24; ++i) {
        const std::string kind = i < 8 ? "same commit, warm" : i < 16 ? "next commit, warm" : "same commit, cold";
        if (i >= 8 && i < 16) id = site.commit({{"file", std::to_string(i)}});
        if (i >= 16) shell = remote::make_shell(host);
        const build::JobRequest request = site.request(id);
        const auto start = std::chrono::steady_clock::now();
        const auto ms = [&] {
            return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
        };
        std::string steps;
        build::JobListener listener;
        listener.step = [&](Step step, const std::string&) {
            steps += " " + std::string(to_string(step)) + "@" + std::to_string(static_cast<int>(ms()));
        };
        const auto result = build::run_job(*shell, request, listener, SystemClock()).value();
        std::cout << (host.local ? "local " : "ssh ") << kind << " " << static_cast<int>(ms()) << " ms, "
                  << to_string(result.result) << steps << "\n";
    }
}
