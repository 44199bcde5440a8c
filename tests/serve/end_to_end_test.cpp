// The whole road with the real daemon: a signed push becomes packages in a stack, whatever is killed on the way.
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "base/file.h"
#include "tests/support/daemon.h"
#include "tests/support/process.h"

using namespace gachette;
using namespace gachette::testing;
using Json = nlohmann::json;

namespace {

Json job(SampleWorld& world, int id) {
    return Json::parse(http(world.daemon.admin(), "GET", "/api/v1/jobs/" + std::to_string(id)).body);
}

std::string short_id(const std::string& commit) { return commit.substr(0, 7); }

}  // namespace

TEST_CASE("a signed push becomes a package in the stack, a tag makes a stack of its own") {
    SampleWorld world(GACHETTE_BINARY);
    world.daemon.start();
    const std::string commit = world.commit("the second");
    const HttpAnswer answer = world.push("refs/heads/main", commit, "one");
    REQUIRE(answer.status == 202);
    world.settle();
    const Json done = job(world, 1);
    INFO(done.dump(2) << world.daemon.log());
    REQUIRE(done["state"] == "done");
    const std::string version = "0.0.1rev" + short_id(commit) + "-origin-main";
    CHECK(done["version"] == version);
    CHECK(done["packages"][0]["name"] == "sample");
    CHECK(world.version_in_stack("backend", "edge", "sample") == version + "\n");
    CHECK(
        run({"dpkg-deb", "-f", world.folder / "host/debs/" + done["packages"][0]["file"].get<std::string>(), "Version"})
            .output == version + "\n");

    SECTION("the log is there, by the API") {
        const HttpAnswer log = http(world.daemon.admin(), "GET", "/api/v1/jobs/1/log?follow=1");
        CHECK(log.status == 200);
        CHECK(log.body.find("building " + version + "\n") != std::string::npos);
        CHECK(log.body.find("--- job 1 done") != std::string::npos);
    }
    SECTION("the same commit under a tag is not built again, and the tag's stack holds its package") {
        world.tag("v1.0", true);
        CHECK(world.push("refs/tags/v1.0", commit, "two").status == 202);
        world.settle();
        const Json tagged = job(world, 2);
        INFO(tagged.dump(2) << world.daemon.log());
        CHECK(tagged["state"] == "done");
        CHECK(tagged["same_build_as"] == 1);
        CHECK(world.version_in_stack("backend", "v1.0", "sample") == version + "\n");
    }
    SECTION("a repeated delivery builds nothing") {
        const HttpAnswer again = world.push("refs/heads/main", commit, "one");
        CHECK(again.status == 200);
        CHECK(Json::parse(again.body)["repeats"] == 1);
    }
    SECTION("an older push that comes late does not take the stack back") {
        const std::string older = must_run({"git", "rev-parse", "HEAD~1"}, world.folder / "origin");
        CHECK(world.push("refs/heads/main", older, "late").status == 202);
        world.settle();
        const Json late = job(world, 2);
        INFO(late.dump(2));
        CHECK(late["state"] == "superseded");
        CHECK(world.version_in_stack("backend", "edge", "sample") == version + "\n");
    }
    SECTION("replay, rebuild and cancel by the API") {
        CHECK(http(world.daemon.admin(), "POST", "/api/v1/deliveries/1/replay").status == 202);
        world.settle();
        CHECK(http(world.daemon.admin(), "POST", "/api/v1/jobs/1/rebuild").status == 202);
        world.settle();
        const HttpAnswer jobs = http(world.daemon.admin(), "GET", "/api/v1/jobs");
        INFO(jobs.body);
        for (const Json& each : Json::parse(jobs.body)["jobs"]) CHECK(each["state"] == "done");
        CHECK(http(world.daemon.admin(), "POST", "/api/v1/jobs/1/cancel").status == 409);
    }
    SECTION("the API over TCP is closed without a token") {
        CHECK(http(world.daemon.door(), "GET", "/api/v1/jobs").status == 403);
        CHECK(http(world.daemon.door(), "GET", "/hooks/none").status == 404);
        CHECK(http(world.daemon.door(), "PUT", "/hooks/github").status == 405);
        CHECK(http(world.daemon.door(), "GET", "/health").status == 200);
    }
    CHECK(world.daemon.stop() == 0);
}

TEST_CASE("a build that fails leaves the stack as it was and says so") {
    SampleWorld world(GACHETTE_BINARY);
    world.daemon.start();
    const std::string good = world.commit("good");
    world.push("refs/heads/main", good, "one");
    world.settle();
    const std::string before = world.version_in_stack("backend", "edge", "sample");
    must_run({"sh", "-c", "printf '#!/bin/sh\\necho broken; exit 3\\n' > build.sh"}, world.folder / "origin");
    const std::string bad = world.commit("bad");
    world.push("refs/heads/main", bad, "two");
    world.settle();
    const Json failed = job(world, 2);
    INFO(failed.dump(2));
    CHECK(failed["state"] == "failed");
    CHECK(failed["reason"].get<std::string>().find("3") != std::string::npos);
    CHECK(world.version_in_stack("backend", "edge", "sample") == before);
}

TEST_CASE("kill -9 of the daemon at random moments: nothing answered is lost, every job ends") {
    SampleWorld world(GACHETTE_BINARY);
    std::mt19937 random(7);
    std::set<std::int64_t> acknowledged;
    std::string newest;
    for (int round = 0; round < 12; ++round) {
        world.daemon.start();
        const std::string commit = world.commit("round " + std::to_string(round));
        const HttpAnswer answer = world.push("refs/heads/main", commit, "round-" + std::to_string(round));
        if (answer.status / 100 == 2) {
            acknowledged.insert(Json::parse(answer.body)["delivery"].get<std::int64_t>());
            newest = commit;
        }
        ::usleep(std::uniform_int_distribution<unsigned>(0, 250'000)(random));
        world.daemon.kill();
    }
    world.daemon.start();
    world.settle(120);
    const Json deliveries = Json::parse(http(world.daemon.admin(), "GET", "/api/v1/deliveries?limit=500").body);
    std::set<std::int64_t> stored;
    for (const Json& each : deliveries["deliveries"]) stored.insert(each["id"].get<std::int64_t>());
    for (const std::int64_t id : acknowledged) CHECK(stored.count(id) == 1);
    const Json jobs = Json::parse(http(world.daemon.admin(), "GET", "/api/v1/jobs?limit=500").body);
    for (const Json& each : jobs["jobs"]) {
        INFO(each.dump(2));
        CHECK((each["state"] == "done" || each["state"] == "superseded"));
    }
    CHECK(world.version_in_stack("backend", "edge", "sample") == "0.0.1rev" + short_id(newest) + "-origin-main\n");
}

TEST_CASE("SIGHUP takes a good configuration and refuses a broken one") {
    SampleWorld world(GACHETTE_BINARY);
    world.daemon.start();
    const std::string good = *read_file(world.folder / "config.yml");
    const auto wait_for = [&](const std::string& words) {
        for (int i = 0; i < 2000 && world.daemon.log().find(words) == std::string::npos; ++i) ::usleep(5000);
        CHECK(world.daemon.log().find(words) != std::string::npos);
    };
    REQUIRE(write_file_synced(world.folder / "config.yml", good + "nonsense: 1\n"));
    world.daemon.hang_up();
    wait_for("the new configuration is refused, the old one goes on");
    CHECK(world.push("refs/heads/main", world.commit("x"), "one").status == 202);
    REQUIRE(write_file_synced(world.folder / "config.yml", good));
    world.daemon.hang_up();
    wait_for("configuration reloaded");
    CHECK(world.push("refs/heads/main", world.commit("y"), "two").status == 202);
    world.settle();
    CHECK(world.daemon.stop() == 0);
}

TEST_CASE("a second daemon on the same state folder is refused") {
    SampleWorld world(GACHETTE_BINARY);
    world.daemon.start();
    Daemon second(GACHETTE_BINARY, world.folder / "config.yml", world.folder.path());
    CHECK_THROWS_WITH(second.start(), Catch::Contains("state"));
}

TEST_CASE("pushes that arrive in swapped order end with the newest commit in the stack") {
    SampleWorld world(GACHETTE_BINARY);
    world.daemon.start();
    const auto wait_for_baseline = [&] {
        for (int i = 0; i < 2000 && world.daemon.log().find("gachette is ready") == std::string::npos; ++i)
            ::usleep(5000);
    };
    wait_for_baseline();
    // Something runs on the only slot, so that what follows waits.
    must_run({"sh", "-c", "sed -i '2i sleep 1' build.sh"}, world.folder / "origin");
    const std::string running = world.commit("runs");
    REQUIRE(world.push("refs/heads/main", running, "runs").status == 202);
    const std::string first = world.commit("first");
    const std::string second = world.commit("second");
    const std::string third = world.commit("third");
    REQUIRE(world.push("refs/heads/main", third, "three").status == 202);
    const HttpAnswer late = world.push("refs/heads/main", first, "one");
    REQUIRE(late.status == 202);
    const std::string wanted = "0.0.1rev" + short_id(third) + "-origin-main\n";
    for (int i = 0; i < 3000 && world.version_in_stack("backend", "edge", "sample") != wanted; ++i) ::usleep(10'000);
    INFO(http(world.daemon.admin(), "GET", "/api/v1/jobs").body << world.daemon.log());
    CHECK(world.version_in_stack("backend", "edge", "sample") == wanted);
    CHECK(second != third);
}
