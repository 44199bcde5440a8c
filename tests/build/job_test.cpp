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
    const std::string script = BuildSite::script_for({"one", "two", "three"});
    std::string id = site.commit({{"build.sh", script}});
    for (int i = 0; i < 12; ++i) {
        if (i >= 6) id = site.commit({{"file", std::to_string(i)}});
        const build::JobRequest request = site.request(id);
        const auto start = std::chrono::steady_clock::now();
        std::vector<std::pair<double, int>> steps;
        auto shell = remote::make_shell(site.host());
        build::JobListener listener;
        listener.step = [&](Step step, const std::string&) {
            steps.emplace_back(
                std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count(),
                static_cast<int>(step));
        };
        const auto result = build::run_job(*shell, request, listener, SystemClock()).value();
        const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
        std::cout << (i < 6 ? "same " : "next ") << time.count() << " ms " << to_string(result.result) << " "
                  << result.reason;
        for (auto [at, step] : steps) std::cout << " " << step << "@" << at;
        std::cout << "\n";
    }
}
