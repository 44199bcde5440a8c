// What goes wrong around the store: a second daemon, damage, kill -9, a full disk.
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <map>
#include <thread>

#include "base/file.h"
#include "store/schema.h"
#include "tests/store/sample.h"

using namespace gachette;
using namespace gachette::testing;

TEST_CASE("a second daemon is kept out with the whole reason") {
    Box box;
    box.same();
    CHECK(thrown([&box] { Store second(box.options, box.clock); }) ==
          "state folder " + box.folder.path() + ": another gachette uses it (process " + std::to_string(::getpid()) +
              " holds gachette.lock); stop that one or give this one a state_folder of its own");
    box.close();
    CHECK(thrown([&box] { Store second(box.options, box.clock); }) == "nothing was thrown");
}

TEST_CASE("files that cannot be used are refused with what to do") {
    Box box;
    const std::string folder = box.folder.path();
    const std::string path = store::database_path(folder);
    SECTION("a newer schema") {
        box.same();
        box.close();
        store::open_writer(folder)->script("PRAGMA user_version=99");
        CHECK(thrown([&box] { box.same(); }) == "state folder " + folder +
                                                    ": gachette.db was written by a newer gachette (schema 99, this "
                                                    "one knows 3); install that version again or "
                                                    "put a backup from before the upgrade in its place");
    }
    SECTION("another program's database") {
        store::open_writer(folder)->script("CREATE TABLE theirs (a)");
        CHECK(thrown([&box] { box.same(); }) ==
              "state folder " + folder +
                  ": gachette.db is the database of another program; give gachette a state_folder of its own");
    }
    SECTION("no database at all") {
        { std::ofstream(path) << "this is a text and no database, long enough to be looked at as one"; }
        CHECK(thrown([&box] { box.same(); }) == "state folder " + folder + ": the database gachette.db is damaged (" +
                                                    path +
                                                    ": PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA "
                                                    "cache_size=-8000;: file is not a database); "
                                                    "stop gachette, then put a backup in its place or move gachette.db "
                                                    "and gachette.db-wal away to begin anew");
    }
    SECTION("overwritten pages") {
        for (int i = 0; i < 50; ++i) box.same().accept_and_wait(push(std::to_string(i), std::string(2000, 'x')));
        box.close();
        {
            std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
            for (int page = 5; page < 40; ++page) {
                file.seekp(page * 4096);
                file << std::string(64, '\x7f');
            }
        }
        const std::string told = thrown([&box] { box.same(); });
        INFO(told);
        CHECK(told.rfind("state folder " + folder + ": the database gachette.db is damaged (", 0) == 0);
    }
    SECTION("a folder that cannot be made") {
        box.options.folder = "/proc/nowhere/x";
        CHECK(thrown([&box] { box.same(); }).rfind("state folder /proc/nowhere/x: cannot be made: ", 0) == 0);
    }
}

TEST_CASE("a changed body is noticed before it is used") {
    Box box;
    const std::string body = std::string(3000, 'a') + "needle" + std::string(3000, 'b');
    box.same().accept_and_wait(push("1", body));
    box.same().accept_and_wait(push("2", "sound"));
    box.close();
    std::string file = *read_file(store::database_path(box.folder.path()));
    const std::size_t found = file.find("needle");
    REQUIRE(found != std::string::npos);
    {
        std::fstream stream(store::database_path(box.folder.path()), std::ios::in | std::ios::out | std::ios::binary);
        stream.seekp(static_cast<std::streamoff>(found));
        stream.put('N');
    }
    const std::string sentence =
        "the stored body of delivery 1 is damaged: it does not match its SHA-256; let the sender send it again or put "
        "a "
        "backup in place";
    CHECK(thrown([&box] { box.same().body(1); }) == sentence);
    CHECK(box.same().body(2) == "sound");
    CHECK(box.same().check() == std::vector<std::string>{sentence});
}

TEST_CASE("settings are what the promise needs") {
    Box box;
    const auto connection = store::open_writer(box.folder.path());
    const std::map<std::string, std::string> wanted = {
        {"journal_mode", "wal"},  {"synchronous", "2"}, {"foreign_keys", "1"},      {"trusted_schema", "0"},
        {"cell_size_check", "1"}, {"mmap_size", "0"},   {"wal_autocheckpoint", "0"}};
    for (const auto& [setting, value] : wanted) {
        INFO(setting);
        CHECK(connection->text("PRAGMA " + setting).value_or("0") == value);
    }
    store::migrate(*connection, box.folder.path());
    const auto reader = store::open_reader(box.folder.path());
    CHECK_THROWS_AS(reader->run("DELETE FROM meta"), StoreError);
    CHECK(reader->text("PRAGMA wal_autocheckpoint") == "0");
}

TEST_CASE("a write-ahead log that grows is moved into the file and used again") {
    Box box;
    const std::string log = store::database_path(box.folder.path()) + "-wal";
    for (int i = 0; i < 60; ++i) box.same().accept_and_wait(push(std::to_string(i), std::string(1'000'000, 'x')));
    CHECK(std::filesystem::file_size(log) < 25'000'000);
    CHECK(std::filesystem::file_size(store::database_path(box.folder.path())) > 30'000'000);
    box.close();
    CHECK((!std::filesystem::exists(log) || std::filesystem::file_size(log) == 0));
}

namespace {

constexpr const char* letters = "abcdefghijklmnopqrstuvwxyz";

std::string body_of(int cycle, int number) {
    return std::string(static_cast<std::size_t>(500 + (number * 37) % 9000), letters[number % 26]) + "|" +
           std::to_string(cycle) + "|" + std::to_string(number);
}

// Accepts as fast as it can, several at once, and writes "number id\n" for each that was acknowledged. Never returns.
[[noreturn]] void accept_until_killed(const std::string& folder, int cycle, int pipe) {
    FakeClock clock;
    Store store(options_for(folder), clock);
    for (int number = 0; number < 100'000; ++number) {
        while (store.health().waiting_for_commit > 16) std::this_thread::yield();
        NewDelivery sent = push(std::to_string(cycle) + "/" + std::to_string(number), body_of(cycle, number),
                                {planned("refs/heads/b" + std::to_string(number % 5), commit('1'), {"edge"},
                                         "p" + std::to_string(number))});
        store.accept(std::move(sent), [number, pipe](Result<Accepted> result) {
            if (!result) return;
            const std::string line = std::to_string(number) + " " + std::to_string(result->id) + "\n";
            if (::write(pipe, line.data(), line.size()) < 0) ::_exit(3);
        });
    }
    ::_exit(4);
}

// One life of a child: returns what it acknowledged (number of the delivery by id) before it was killed.
std::map<DeliveryId, int> one_life(const std::string& folder, int cycle, std::size_t kill_after) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            accept_until_killed(folder, cycle, ends[1]);
        } catch (const std::exception& error) {
            std::cerr << error.what() << "\n";
        }
        ::_exit(5);
    }
    REQUIRE(child > 0);
    ::close(ends[1]);
    std::string told;
    char buffer[4096];
    bool killed = false;
    for (;;) {
        const ssize_t count = ::read(ends[0], buffer, sizeof buffer);
        if (count <= 0) break;
        told.append(buffer, static_cast<std::size_t>(count));
        if (!killed && told.size() >= kill_after) {
            ::kill(child, SIGKILL);
            killed = true;
        }
    }
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    std::map<DeliveryId, int> acknowledged;
    std::size_t start = 0;
    for (std::size_t end; (end = told.find('\n', start)) != std::string::npos; start = end + 1) {
        const std::string line = told.substr(start, end - start);
        const std::size_t space = line.find(' ');
        const bool fresh =
            acknowledged.emplace(std::stoll(line.substr(space + 1)), std::stoi(line.substr(0, space))).second;
        CHECK(fresh);
    }
    return acknowledged;
}

}  // namespace

TEST_CASE("kill -9 at any moment loses nothing that was acknowledged") {
    Box box;
    box.same();
    box.close();
    std::size_t total = 0;
    for (int cycle = 1; cycle <= 60; ++cycle) {
        const std::size_t kill_after = static_cast<std::size_t>(1 + (cycle * 7919) % 1500);
        const auto acknowledged = one_life(box.folder.path(), cycle, kill_after);
        total += acknowledged.size();
        Store& store = box.same();
        for (const auto& [id, number] : acknowledged) {
            const auto delivery = store.delivery(id);
            REQUIRE(delivery);
            REQUIRE(delivery->sender_id == std::to_string(cycle) + "/" + std::to_string(number));
            REQUIRE(delivery->jobs.size() == 1);
            REQUIRE(store.body(id) == body_of(cycle, number));
            REQUIRE(store.job(delivery->jobs[0])->targets.size() == 1);
        }
        // Sent again, everything is a repeat of the one row that is there.
        if (!acknowledged.empty()) {
            const auto& [id, number] = *acknowledged.rbegin();
            const auto again = store.accept_and_wait(
                push(std::to_string(cycle) + "/" + std::to_string(number), body_of(cycle, number)));
            REQUIRE(again.repeats == id);
        }
        if (cycle % 10 == 0) REQUIRE(store.check().empty());
        box.close();
    }
    INFO(total << " acknowledged");
    CHECK(total > 1'000);
    const auto reader = store::open_reader(box.folder.path());
    CHECK(reader->number("SELECT count(*) FROM (SELECT sender_id FROM deliveries WHERE repeats = 0 GROUP BY sender_id "
                         "HAVING count(*) > 1)") == 0);
    CHECK(reader->number("SELECT count(*) - (SELECT value FROM counters WHERE name = 'deliveries') FROM deliveries") ==
          0);
}

namespace {

// A file system of 3 MB; needs to be root.
struct SmallDisk {
    SmallDisk() { mounted = ::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=3m") == 0; }
    ~SmallDisk() {
        if (mounted) ::umount2(folder.path().c_str(), MNT_DETACH);
    }
    void fill() {
        std::ofstream file(folder / "filler", std::ios::binary);
        const std::string block(4096, 'f');
        while (file.write(block.data(), 4096) && file.flush()) {
        }
    }
    void empty() { std::filesystem::remove(folder / "filler"); }
    TemporaryFolder folder;
    bool mounted = false;
};

}  // namespace

TEST_CASE("a full disk: no false yes, red health, and on again when there is room") {
    SmallDisk disk;
    if (!disk.mounted) {
        WARN("skipped: mounting a small tmpfs needs root");
        return;
    }
    FakeClock clock;
    std::vector<std::pair<DeliveryId, std::string>> stored;
    {
        Store store(options_for(disk.folder.path()), clock);
        store.accept_and_wait(push("first", "body", {planned(main_ref, commit('1'))}));
        disk.fill();
        std::string refusal;
        for (int i = 0; i < 200 && refusal.empty(); ++i) {
            const std::string body(8'000, static_cast<char>('a' + i % 26));
            try {
                stored.emplace_back(store.accept_and_wait(push("fill-" + std::to_string(i), body)).id, body);
            } catch (const StoreError& error) {
                refusal = error.what();
            }
        }
        INFO(refusal);
        CHECK(refusal.find("database or disk is full") != std::string::npos);
        CHECK_FALSE(store.health().good);
        CHECK(store.health().problem.find("database or disk is full") != std::string::npos);
        CHECK(store.health().deliveries == static_cast<std::int64_t>(stored.size()) + 1);  // reading goes on
        CHECK(store.deliveries({}).size() >= 1);
        CHECK(thrown([&store] { store.claim(1, std::string(100'000, 'h'), "me", 1); }).find("disk is full") !=
              std::string::npos);
        CHECK(store.job(1)->state == JobState::queued);
        disk.empty();
        SECTION("the next delivery finds out") {
            CHECK(store.accept_and_wait(push("after", "room")).state == DeliveryState::accepted);
            CHECK(store.health().good);
        }
        SECTION("nobody comes: it finds out by itself") {
            const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
            while (!store.health().good && std::chrono::steady_clock::now() < deadline)
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
            CHECK(store.health().good);
        }
        CHECK(store.claim(1, "host", "me", 1));
    }
    Store again(options_for(disk.folder.path()), clock);
    for (const auto& [id, body] : stored) CHECK(again.body(id) == body);
    CHECK(again.check().empty());
}

TEST_CASE("too little free space is refused before anything is written") {
    Box box;
    box.options.free_bytes = INT64_MAX;
    const std::string told = thrown([&box] { box.same().accept_and_wait(push("1", "body")); });
    INFO(told);
    CHECK(told.rfind("state folder " + box.folder.path() + ": only ", 0) == 0);
    CHECK(told.find(" MB are free, deliveries need 8796093022207 MB; free some space") != std::string::npos);
    CHECK_FALSE(box.same().health().good);
    CHECK(box.same().health().problem.rfind("state folder " + box.folder.path() + ": only ", 0) == 0);
    CHECK(box.same().health().deliveries == 0);
}
