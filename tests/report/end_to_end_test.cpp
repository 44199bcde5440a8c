// The real daemon, a real build, and a forge and a receiver on loopback: every commit ends with a word that is no
// "pending".
#include <catch2/catch.hpp>

#include <chrono>
#include <map>
#include <random>
#include <set>

#include "base/file.h"
#include "tests/report/forge_server.h"
#include "tests/support/daemon.h"
#include "tests/support/process.h"

using namespace gachette;
using namespace gachette::testing;

namespace {

const std::string token = "canary-token-0123456789";
const std::string signing = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct Reporting {
    explicit Reporting(ForgeServer::Behave behave = [](const Received&) { return Reply{}; })
        : forge(std::move(behave)), world(GACHETTE_BINARY) {
        REQUIRE(write_file_synced(world.folder / "status.token", token));
        REQUIRE(write_file_synced(world.folder / "ci.whsec", signing));
        const std::string path = world.folder / "config.yml";
        std::string text = read_file(path).value();
        const std::string secrets = "    secrets: [{file: github.secret}]\n";
        const std::size_t at = text.find(secrets);
        REQUIRE(at != std::string::npos);
        text.insert(at + secrets.size(), "    report: [status, ci]\n");
        text += "reporters:\n  status: { kind: github, url: \"" + forge.url() +
                "\", token: {file: status.token} }\n  ci: { kind: webhook, url: \"" + receiver.url() +
                "/ci\", secret: {file: ci.whsec} }\nexternal_url: https://g.example.com\n";
        REQUIRE(write_file_synced(path, text));
    }
    // The last word about each commit.
    std::map<std::string, std::string> last() const {
        std::map<std::string, std::string> words;
        const std::vector<std::string> states = forge.states();
        const std::vector<Received> heard = forge.received();
        for (std::size_t i = 0; i < std::min(states.size(), heard.size()); ++i)
            words[heard[i].target.substr(heard[i].target.rfind('/') + 1)] = states[i];
        return words;
    }

    ForgeServer forge, receiver;
    SampleWorld world;
};

template <typename Condition>
bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
        if (condition()) return true;
        ::usleep(5'000);
    }
    return false;
}

}  // namespace

TEST_CASE("a push is answered by a status, a failing build by another, and no secret leaves its place") {
    Reporting all;
    all.world.daemon.start();
    const std::string good = all.world.commit("good");
    REQUIRE(all.world.push("refs/heads/main", good, "one").status == 202);
    CHECK(eventually([&] { return all.last()[good] == "success"; }));
    must_run({"sh", "-c", "printf '#!/bin/sh\\necho broken; exit 3\\n' > build.sh"}, all.world.folder / "origin");
    const std::string bad = all.world.commit("bad");
    REQUIRE(all.world.push("refs/heads/main", bad, "two").status == 202);
    CHECK(eventually([&] { return all.last()[bad] == "failure"; }));
    CHECK(eventually([&] { return all.receiver.received().size() == 3; }));  // two ends, one stack
    INFO(all.world.daemon.log());
    const Received first = all.forge.received().at(0);
    CHECK(first.target == "/repos/ops-hero/sample/statuses/" + good);
    CHECK(first.headers.only("Authorization") == "Bearer " + token);
    CHECK(first.body.find("\"target_url\":\"https://g.example.com/jobs/1\"") != std::string::npos);
    CHECK(first.body.find("\"context\":\"gachette/sample\"") != std::string::npos);

    CHECK(all.world.daemon.stop() == 0);
    for (const std::string& secret : {token, signing, signing.substr(6)}) {
        CHECK(all.world.daemon.log().find(secret) == std::string::npos);
        CHECK(run({"grep", "-rl", "--exclude=status.token", "--exclude=ci.whsec", secret, all.world.folder.path()})
                  .output.empty());
    }
}

TEST_CASE("kill -9 at random moments leaves no commit on pending") {
    Reporting all;
    std::mt19937 random(11);
    std::set<std::string> told;
    for (int round = 0; round < 6; ++round) {
        all.world.daemon.start();
        const std::string commit = all.world.commit("round " + std::to_string(round));
        if (all.world.push("refs/heads/main", commit, "round-" + std::to_string(round)).status / 100 == 2)
            told.insert(commit);
        ::usleep(std::uniform_int_distribution<unsigned>(0, 200'000)(random));
        all.world.daemon.kill();
    }
    all.world.daemon.start();
    all.world.settle();
    const auto ended = [&] {
        const auto words = all.last();
        return std::all_of(told.begin(), told.end(), [&](const std::string& commit) {
            const auto found = words.find(commit);
            return found != words.end() && (found->second == "success" || found->second == "error");
        });
    };
    const bool good = eventually(ended);
    INFO(all.world.daemon.log());
    CHECK(good);
    CHECK(told.size() == 6);
}
