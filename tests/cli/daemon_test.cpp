// deliveries, jobs, logs, replay, rebuild and cancel against the real daemon.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/cli/binary.h"
#include "tests/support/daemon.h"

using namespace gachette;
using namespace gachette::testing;
using nlohmann::json;

TEST_CASE("the daemon's deliveries and jobs, seen and changed from the command line") {
    SampleWorld world(GACHETTE_BINARY);
    const Binary gachette;
    const auto ask = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"-c", world.folder / "config.yml"});
        return gachette(words);
    };
    world.daemon.start();
    CHECK(ask({"deliveries"}).output == "no deliveries\n");
    CHECK(ask({"jobs"}).output == "no jobs\n");
    const std::string commit = world.commit("a change");
    REQUIRE(world.push("refs/heads/main", commit, "one").status == 202);

    const Said log = ask({"logs", "-f", "1"});  // returns when the job has ended
    INFO(log.errors);
    CHECK(log.status == 0);
    CHECK(log.output.find("building 0.0.1rev" + commit.substr(0, 7)) != std::string::npos);
    CHECK(log.output.starts_with(ask({"logs", "1"}).output));
    CHECK(ask({"--json", "logs", "1"}).output.starts_with("{\"line\":\""));

    const Said deliveries = ask({"deliveries"});
    CHECK(deliveries.status == 0);
    CHECK(deliveries.output.starts_with("DELIVERY  RECEIVED"));
    CHECK(deliveries.output.find("github  push   accepted") != std::string::npos);
    const Said jobs = ask({"jobs"});
    CHECK(jobs.output.find("sample   refs/heads/main  " + commit.substr(0, 10) + "  done   backend/edge") !=
          std::string::npos);
    const Said job = ask({"jobs", "1"});
    CHECK(job.output.find("stack       backend/edge changed (generation ") != std::string::npos);
    CHECK(job.output.find("package     sample 0.0.1rev" + commit.substr(0, 7)) != std::string::npos);
    CHECK(ask({"deliveries", "1"}).output.find("sender's id one\n") != std::string::npos);
    CHECK(ask({"deliveries", "1", "--body"}).output == SampleWorld::push_body("refs/heads/main", commit));

    const Said replay = ask({"replay", "1"});
    INFO(replay.errors);
    CHECK(replay.status == 0);
    CHECK(replay.output.starts_with("delivery 2 replays delivery 1\n"));
    world.settle();
    const Said rebuild = ask({"rebuild", "1"});
    INFO(rebuild.errors);
    CHECK(rebuild.status == 0);
    CHECK(rebuild.output.find(" builds job 1 again; follow it with gachette logs -f ") != std::string::npos);
    world.settle();

    const Said gone = ask({"jobs", "999"});
    CHECK(gone.status == 1);
    CHECK(gone.errors.starts_with("gachette: "));
    CHECK(gone.errors.find("999") != std::string::npos);
    const Said ended = ask({"cancel", "1"});
    CHECK(ended.status == 1);
    CHECK(ended.errors.starts_with("gachette: "));

    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"deliveries"}, {"deliveries", "1"}, {"jobs"}, {"jobs", "1"}, {"replay", "1"}, {"rebuild", "1"}}) {
        std::vector<std::string> all = words;
        all.push_back("--json");
        const Said said = ask(all);
        INFO(words.front() << " " << said.errors);
        CHECK(json::parse(said.output, nullptr, false).is_object());
        world.settle();
    }
    CHECK(ask({"stacks"}).output.find("backend  edge") != std::string::npos);
    CHECK(ask({"stack", "log", "backend", "edge", "--json"}).status == 0);

    // A job that fails makes `logs -f` fail, with its reason.
    const std::string broken = [&] {
        write_text_file(world.folder / "origin" + "/build.sh", "#!/bin/sh\necho this build fails\nexit 3\n", true);
        return world.commit("broken");
    }();
    const HttpAnswer pushed = world.push("refs/heads/main", broken, "two");
    REQUIRE(pushed.status == 202);
    const std::string id = json::parse(pushed.body)["jobs"][0]["id"].dump();
    const Said failed = ask({"logs", "-f", id});
    CHECK(failed.status == 1);
    CHECK(failed.output.find("this build fails\n") != std::string::npos);
    CHECK(failed.errors.starts_with("gachette: job " + id + " ended as failed: "));
    CHECK(world.daemon.stop() == 0);
    CHECK(ask({"jobs"}).status == 3);
}
