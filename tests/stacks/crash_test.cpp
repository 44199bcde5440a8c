// Killed, raced and read at full speed: readers see the old or the new, the next change repairs, nothing is lost.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

#include "base/text.h"
#include "tests/stacks/host.h"
#include "tests/support/folder.h"

using namespace gachette::stacks::testing;
using gachette::testing::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

// Settlers become children of this process, so that a sweep can kill them too.
void adopt_orphans() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

void kill_orphans() {
    const std::string mine = std::to_string(getpid());
    const auto children = gachette::read_file("/proc/" + mine + "/task/" + mine + "/children").value_or("");
    for (const std::string& word : gachette::split(children, ' ')) {
        if (const auto process = gachette::parse_decimal(word)) kill(static_cast<pid_t>(*process), SIGKILL);
    }
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
}

void reap_orphans() {
    while (waitpid(-1, nullptr, 0) > 0) {
    }
}

// A moment of a run, anywhere in it: the one delay that a kill at random needs.
void wait_for(std::chrono::microseconds time) { std::this_thread::sleep_for(time); }

std::set<std::string> distinct(const std::map<std::string, std::string>& versions) {
    std::set<std::string> all;
    for (const auto& entry : versions) all.insert(entry.second);
    return all;
}

// The versions seen by a reader that opened the folder once.
std::set<std::string> read_opened(const std::string& view, int count) {
    std::set<std::string> all;
    const int folder = open((view + "/packages").c_str(), O_RDONLY | O_DIRECTORY);
    if (folder < 0) return {"no folder"};
    for (const auto& entry : many(count, "")) {
        const int file = openat(folder, (entry.first + "/version").c_str(), O_RDONLY);
        char text[64] = "(missing)";
        if (file >= 0) text[std::max<ssize_t>(0, read(file, text, sizeof text - 1))] = 0;
        if (file >= 0) close(file);
        all.insert(text);
    }
    close(folder);
    return all;
}

std::int64_t generation_of(const Tree& tree, const std::string& stack) {
    const auto said = tree.run("show", stack).last("stack");
    return said.size() < 3 ? -1 : gachette::parse_decimal(said[2]).value_or(-1);
}

}  // namespace

TEST_CASE("kill -9 in the middle of adding fifty never leaves a mixture") {
    adopt_orphans();
    TemporaryFolder folder;
    const Tree tree(folder.path());
    std::mt19937 random(Catch::rngSeed() + 7);
    tree.change("create", "s");
    const auto started = std::chrono::steady_clock::now();
    tree.change("add", "s", packages(many(50, "0.0")));
    const auto duration =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
    std::string holds = "0.0\n";
    int old_ones = 0, new_ones = 0;
    for (int round = 1; round <= 80; ++round) {
        const std::string version = std::to_string(round) + ".0";
        {
            HostProcess process(tree.with("add", "s", packages(many(50, version))));
            wait_for(duration * static_cast<int>(random() % 1300) / 1000);
            process.kill_now();
            process.finish();
        }
        if (round % 2 == 0) wait_for(std::chrono::microseconds(random() % 20'000));
        if (round % 4 != 3) kill_orphans();
        const auto seen = distinct(read_versions(tree.view("s")));
        INFO("round " << round << " held " << holds);
        REQUIRE(seen.size() == 1);
        REQUIRE((*seen.begin() == holds || *seen.begin() == version + "\n"));
        (*seen.begin() == holds ? old_ones : new_ones) += 1;
        holds = *seen.begin();
        if (round % 20 == 0) {  // the next change repairs
            REQUIRE(tree.change("add", "s", packages({{"extra", version}})) == "changed");
            REQUIRE(tree.run("verify", "s").last("verified")[1] == "0");
            REQUIRE(tree.change("remove", "s", {{"package", "extra"}}) == "changed");
            holds = *distinct(read_versions(tree.view("s"))).begin();
        }
    }
    WARN("killed 80 times: " << old_ones << " old, " << new_ones << " new, 0 mixed");
    CHECK(old_ones > 0);
    CHECK(new_ones > 0);
    tree.settle("s");
    reap_orphans();
    // No left-overs: every generation is whole, numbered without a gap, and in the journal.
    const std::int64_t last = generation_of(tree, "s");
    for (std::int64_t n = 2; n <= last; ++n) {
        const auto versions = read_versions(tree.view("s@" + std::to_string(n)));
        REQUIRE(versions.size() >= 50);
        std::map<std::string, std::string> fifty;
        for (const auto& [name, version] : versions) {
            if (name != "extra") fifty[name] = version;
        }
        REQUIRE(distinct(fifty).size() == 1);
    }
    CHECK(!fs::exists(tree.view("s@" + std::to_string(last + 1))));
    CHECK(tree.run("log", "s").all("entry").size() == static_cast<std::size_t>(last));
    for (const auto& entry : fs::directory_iterator(tree.meta + "/.gachette/spare/main/s")) {
        const std::string name = entry.path().filename();
        CHECK((name == "plain" || name.rfind("next-", 0) == 0));
    }
}

TEST_CASE("kill -9 in the middle of a clone leaves the whole clone or none") {
    adopt_orphans();
    TemporaryFolder folder;
    const Tree tree(folder.path());
    std::mt19937 random(Catch::rngSeed() + 11);
    tree.change("create", "s");
    tree.change("add", "s", packages(many(100, "1.0")));
    tree.settle("s");
    const auto started = std::chrono::steady_clock::now();
    tree.change("create", "first", {{"from", "s"}});
    const auto duration =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
    int whole = 0, none = 0;
    for (int round = 0; round < 40; ++round) {
        const std::string name = "c" + std::to_string(round);
        {
            HostProcess process(tree.with("create", name, {{"from", "s"}}));
            wait_for(duration * static_cast<int>(random() % 1500) / 1000);
            process.kill_now();
            process.finish();
        }
        if (round % 2 == 0) wait_for(std::chrono::microseconds(random() % 30'000));
        kill_orphans();
        const bool there = fs::exists(fs::symlink_status(tree.view(name)));
        (there ? whole : none) += 1;
        if (there) REQUIRE(read_versions(tree.view(name)) == read_versions(tree.view("s@2")));
        REQUIRE(tree.change("create", name, {{"from", "s"}}) == (there ? "unchanged" : "changed"));
        REQUIRE(read_versions(tree.view(name)) == read_versions(tree.view("s@2")));
    }
    WARN("killed 40 clones: " << whole << " whole, " << none << " not there, 0 partial");
    CHECK(none > 0);
    reap_orphans();
}

TEST_CASE("readers by generation name and readers of an opened folder never see a mixture") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    constexpr int count = 60;
    tree.change("create", "s");
    tree.change("add", "s", packages(many(count, "2.0")));
    std::atomic<int> newest = 2;
    std::atomic<bool> stop = false;
    std::atomic<int> rounds = 0, mixed_by_name = 0, wrong_by_name = 0, mixed_opened = 0;
    std::thread reader([&] {
        while (!stop) {
            const int generation = newest;
            const auto seen = distinct(read_versions(tree.view("s@" + std::to_string(generation))));
            if (seen.size() != 1) ++mixed_by_name;
            if (seen.size() == 1 && *seen.begin() != std::to_string(generation) + ".0\n") ++wrong_by_name;
            if (read_opened(tree.view("s"), count).size() != 1) ++mixed_opened;
            ++rounds;
        }
    });
    for (int generation = 3; generation <= 40; ++generation) {
        tree.change("add", "s", packages(many(count, std::to_string(generation) + ".0")));
        newest = generation;
        if (generation % 3 == 0) tree.settle("s");
    }
    stop = true;
    reader.join();
    WARN(rounds << " rounds of reading " << count << " packages during 38 changes");
    CHECK(mixed_by_name == 0);
    CHECK(wrong_by_name == 0);
    CHECK(mixed_opened == 0);
    CHECK(rounds > 20);
}

TEST_CASE("writers beside each other lose nothing") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    tree.change("create", "s");
    std::atomic<int> refused = 0;
    auto work = [&](const std::string& who) {
        for (int round = 0; round < 12; ++round) {
            const auto ended = tree.run("add", "s", packages({{who + std::to_string(round), "1.0"}}));
            if (ended.kind != "ok") ++refused;
        }
    };
    std::thread one(work, "one"), two(work, "two"), three(work, "three");
    one.join();
    two.join();
    three.join();
    CHECK(refused == 0);
    CHECK(read_versions(tree.view("s@37")).size() == 36);
    CHECK(read_versions(tree.view("s")).size() == 36);
    CHECK(tree.run("log", "s").all("entry").size() == 37);
    CHECK(tree.run("verify", "s").last("verified") == std::vector<std::string>{"36", "0"});
}

TEST_CASE("of two creators one wins") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    tree.change("create", "a");
    tree.change("add", "a", packages(many(3, "1.0")));
    for (int round = 0; round < 8; ++round) {
        const std::string name = "n" + std::to_string(round);
        HostProcess empty(tree.with("create", name));
        HostProcess clone(tree.with("create", name, {{"from", "a"}}));
        const std::string first = empty.finish().last("change").at(0), second = clone.finish().last("change").at(0);
        CHECK(std::set<std::string>{first, second} == std::set<std::string>{"changed", "unchanged"});
        CHECK(read_versions(tree.view(name)).size() == (second == "changed" ? 3u : 0u));
    }
}

TEST_CASE("who waits too long is told who holds the stack") {
    TemporaryFolder folder;
    const Tree tree(folder.path());
    tree.change("create", "s");
    tree.settle("s");
    HostProcess holder(
        tree.with("hold", "s", {{"by", "job 17"}}),
        "my $s = stack_of(parameter('meta'), 'main', 's'); lock_stack($s, 'job 17'); event('held', $$); sleep 30;");
    const std::string lock = tree.meta + "/.gachette/lock/main/s";
    const std::string words = "job 17 (process " + std::to_string(holder.process()) + ")";
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (gachette::read_file(lock).value_or("") != words + "\n") {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        std::this_thread::yield();
    }
    const auto ended = tree.run("freeze", "s", {{"lock_seconds", "0"}});
    CHECK(ended.kind == "infrastructure");
    CHECK(ended.reason == "stack main/s is being changed by " + words + " for more than 0 s; try again later");
    holder.kill_now();
    CHECK(holder.finish().kind.empty());
    CHECK(tree.change("freeze", "s") == "changed");
}
