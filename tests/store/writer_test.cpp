// Group commit, its limits, and entries that fail alone.
#include "store/writer.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "store/schema.h"
#include "tests/store/sample.h"

using namespace gachette;
using namespace gachette::testing;

TEST_CASE("many who wait share commits, and each row is there once") {
    Box box;
    constexpr int threads = 64, each = 20;
    std::mutex mutex;
    std::set<DeliveryId> numbers;
    std::atomic<int> changes = 0;
    box.same().on_change([&changes] { ++changes; });
    {
        std::vector<std::jthread> senders;
        for (int t = 0; t < threads; ++t)
            senders.emplace_back([&, t] {
                for (int i = 0; i < each; ++i) {
                    const std::string id = std::to_string(t) + "/" + std::to_string(i);
                    const Accepted accepted = box.same().accept_and_wait(push(id, "body of " + id));
                    const std::lock_guard lock(mutex);
                    numbers.insert(accepted.id);
                }
            });
    }
    CHECK(numbers.size() == threads * each);
    CHECK(*numbers.rbegin() == threads * each);
    box.close();
    CHECK(changes > 0);
    CHECK(changes < threads * each / 2);  // one call per commit
    CHECK(box.same().health().deliveries == threads * each);
    CHECK(box.same().check().empty());
}

TEST_CASE("a storm of one delivery is stored once and builds once") {
    Box box;
    std::atomic<int> first = 0, repeats = 0;
    box.same();
    {
        std::vector<std::jthread> senders;
        for (int t = 0; t < 16; ++t)
            senders.emplace_back([&] {
                for (int i = 0; i < 30; ++i) {
                    const Accepted accepted =
                        box.same().accept_and_wait(push("one", "body", {planned(main_ref, commit('1'))}));
                    (accepted.state == DeliveryState::repeat ? repeats : first) += 1;
                }
            });
    }
    CHECK(first == 1);
    CHECK(repeats == 479);
    CHECK(box.every().jobs({}).size() == 1);
    CHECK(box.same().delivery(1)->repeated == 479);
    CHECK(box.same().health().deliveries == 21);
}

namespace {

// A writer on its own, held back at will.
struct Held {
    Held() {
        connection = store::open_writer(folder.path());
        store::migrate(*connection, folder.path());
        connection->script("CREATE TABLE words (word TEXT NOT NULL UNIQUE) STRICT");
    }
    store::Entry word(const std::string& text) {
        return {[text](sqlite::Connection& with) { with.run("INSERT INTO words VALUES (?1)", text); },
                [this, text](const std::string& error) {
                    const std::lock_guard lock(mutex);
                    answers.push_back(text + (error.empty() ? "" : " refused"));
                    reasons.push_back(error);
                },
                text.size()};
    }
    // The writer's thread stays in this entry's answer until let_go.
    void hold(store::Writer& writer) {
        std::promise<void> reached;
        writer.submit({[](sqlite::Connection&) {},
                       [this, &reached](const std::string&) {
                           reached.set_value();
                           go.get_future().wait();
                       },
                       0});
        reached.get_future().wait();
    }
    void let_go() { go.set_value(); }

    TemporaryFolder folder;
    FakeClock clock;
    StoreOptions options = options_for(folder.path());
    std::unique_ptr<sqlite::Connection> connection;
    std::promise<void> go;
    std::mutex mutex;
    std::vector<std::string> answers, reasons;
};

}  // namespace

TEST_CASE("an entry that fails does not take the others of its batch along") {
    Held held;
    {
        store::Writer writer(held.options, held.clock, std::move(held.connection), [] {});
        held.hold(writer);
        for (const char* text : {"a", "b", "a", "c"}) writer.submit(held.word(text));
        writer.submit({[](sqlite::Connection& with) {
                           with.run("INSERT INTO words VALUES ('half')");
                           throw std::runtime_error("no more");
                       },
                       [&held](const std::string& error) { held.reasons.push_back(error); }, 0});
        writer.submit(held.word("d"));
        const auto before = writer.commits();
        held.let_go();
        std::promise<void> last;
        writer.submit({[](sqlite::Connection&) {}, [&last](const std::string&) { last.set_value(); }, 0});
        last.get_future().wait();
        CHECK(writer.commits() - before <= 2);
        CHECK(writer.problem() == "");
    }
    CHECK(held.answers == std::vector<std::string>{"a", "b", "a refused", "c", "d"});
    CHECK(held.reasons.at(2).find("UNIQUE constraint failed: words.word") != std::string::npos);
    CHECK(held.reasons.at(4) == "no more");
    const auto reader = store::open_reader(held.folder.path());
    CHECK(reader->text("SELECT group_concat(word, '') FROM (SELECT word FROM words ORDER BY word)") == "abcd");
}

TEST_CASE("an entry that fails alone is undone as well") {
    Held held;
    {
        store::Writer writer(held.options, held.clock, std::move(held.connection), [] {});
        std::promise<std::string> told;
        writer.submit({[](sqlite::Connection& with) {
                           with.run("INSERT INTO words VALUES ('half')");
                           throw std::runtime_error("no more");
                       },
                       [&told](const std::string& error) { told.set_value(error); }, 0});
        CHECK(told.get_future().get() == "no more");
    }
    CHECK(store::open_reader(held.folder.path())->number("SELECT count(*) FROM words") == 0);
}

TEST_CASE("a batch holds at most eight megabytes of bodies") {
    Held held;
    store::Writer writer(held.options, held.clock, std::move(held.connection), [] {});
    held.hold(writer);
    const auto before = writer.commits();
    std::promise<void> last;
    for (int i = 0; i < 6; ++i) {
        store::Entry entry = held.word(std::to_string(i));
        entry.bytes = 3 * 1024 * 1024;
        if (i == 5) entry.done = [&last](const std::string&) { last.set_value(); };
        writer.submit(std::move(entry));
    }
    held.let_go();
    last.get_future().wait();
    CHECK(writer.commits() - before == 3);
}

TEST_CASE("too many, too much or too old: busy at once") {
    Held held;
    held.options.queue_rows = 3;
    held.options.queue_bytes = 100;
    store::Writer writer(held.options, held.clock, std::move(held.connection), [] {});
    const auto refusal = [&](std::size_t bytes) {
        return thrown([&] {
            store::Entry entry = held.word("x" + std::to_string(bytes) + std::to_string(held.clock.steady()));
            entry.bytes = bytes;
            writer.submit_delivery(std::move(entry));
        });
    };
    held.hold(writer);
    CHECK(refusal(90) == "nothing was thrown");
    CHECK(writer.waiting() == 1);
    CHECK(refusal(11) == "the store is busy: 101 bytes wait for the disk; send it again later");
    CHECK(refusal(10) == "nothing was thrown");
    held.clock.advance(7'000);
    CHECK(refusal(0) == "nothing was thrown");
    CHECK(refusal(0) == "the store is busy: 3 deliveries wait for the disk; send it again later");
    held.clock.advance(1);
    writer.submit(held.word("bookkeeping is never refused"));
    held.let_go();
    std::promise<void> last;
    writer.submit({[](sqlite::Connection&) {}, [&last](const std::string&) { last.set_value(); }, 0});
    last.get_future().wait();
    CHECK(refusal(1'000) == "nothing was thrown");  // alone, a large one is welcome
}

TEST_CASE("a disk that does not answer in time makes new deliveries fail at once") {
    Held held;
    store::Writer writer(held.options, held.clock, std::move(held.connection), [] {});
    held.hold(writer);
    writer.submit_delivery(held.word("first"));
    held.clock.advance(7'001);
    CHECK(thrown([&] { writer.submit_delivery(held.word("second")); }) ==
          "the store is busy: the disk has not answered for 7 s; send it again later");
    held.let_go();
}
