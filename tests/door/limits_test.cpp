// Slow, greedy, silent and numerous clients.
#include <catch2/catch.hpp>
#include <mutex>

#include "tests/door/client.h"

namespace gachette::testing {

namespace {

// As big as the kernel lets a silent reader's answer grow, and more.
constexpr std::size_t more_than_buffers = 20'000'000;

door::Limits short_times() {
    door::Limits limits;
    limits.head_time = 150;
    limits.body_time = 250;
    limits.answer_time = 300;
    limits.idle_time = 200;
    return limits;
}

// Milliseconds until the door ends the connection.
Milliseconds time_to_end(Client& client) {
    const SystemClock clock;
    const Milliseconds start = clock.steady();
    CHECK(client.at_end());
    return clock.steady() - start;
}

}  // namespace

TEST_CASE("each stage has its time") {
    const SystemClock clock;
    House house(short_times());
    SECTION("silence") {
        Client client(house.port());
        const Milliseconds time = time_to_end(client);
        CHECK(time >= 140);
        CHECK(time < 3'000);
    }
    SECTION("half a head") {
        Client client(house.port());
        client.send("GET / HTTP/1.1\r\nHo");
        const Answer answer = client.read_answer();
        CHECK(answer.status == 408);
        CHECK(answer.body == "{\"error\": \"the head took longer than 150 ms\"}\n");
        CHECK(client.at_end());
    }
    SECTION("a dripping head does not win time") {
        Client client(house.port());
        const Milliseconds start = clock.steady();
        const std::string head = "GET /" + std::string(2'000, 'a');
        for (const char c : head) {
            if (!client.send(std::string_view(&c, 1)) || client.more(5)) break;
        }
        CHECK(clock.steady() - start >= 140);
        CHECK(clock.steady() - start < 3'000);
        CHECK(client.read_answer().status == 408);
    }
    SECTION("half a body") {
        Client client(house.port());
        client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234");
        const Answer answer = client.read_answer();
        CHECK(answer.status == 408);
        CHECK(answer.body == "{\"error\": \"the body took longer than 250 ms\"}\n");
        CHECK(client.at_end());
    }
    SECTION("idle between requests") {
        Client client(house.port());
        client.send(get("/"));
        CHECK(client.read_answer().status == 200);
        const Milliseconds time = time_to_end(client);
        CHECK(time >= 190);
        CHECK(time < 3'000);
    }
    SECTION("half a second request") {
        Client client(house.port());
        client.send(get("/"));
        CHECK(client.read_answer().status == 200);
        client.send("G");
        CHECK(client.read_answer().status == 408);
    }
    CHECK(eventually([&] { return house.door().counters().open == 0; }));
}

TEST_CASE("who never reads the answer is cut off") {
    House house(short_times(), [](const door::Request&, const door::Responder& responder) {
        door::Response response;
        response.body = std::string(more_than_buffers, 'x');
        responder.send(response);
    });
    Client client(house.port());
    client.send(get("/"));
    CHECK(eventually([&] { return house.door().counters().timed_out == 1; }));
    CHECK(eventually([&] { return house.door().counters().open == 0; }));
}

TEST_CASE("who reads an answer slowly but steadily gets all of it") {
    door::Limits limits = short_times();
    limits.answer_time = 1'200;
    House house(limits, [](const door::Request&, const door::Responder& responder) {
        door::Response response;
        response.body = std::string(more_than_buffers, 'x');
        responder.send(response);
    });
    Client client(house.port());
    const int little = 128 * 1024;
    ::setsockopt(client.number(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    const SystemClock clock;
    const Milliseconds start = clock.steady();
    client.send(get("/"));
    // Longer than answer_time, 64 KiB at a time: so slowly that the kernel never says "writable" in between.
    while (clock.steady() - start < 3'000) {
        client.more();
        ::poll(nullptr, 0, 40);
    }
    CHECK(client.read_answer().body.size() == more_than_buffers);
}

TEST_CASE("clients that leave early cost nothing") {
    std::mutex mutex;
    std::vector<door::Responder> kept;
    door::Limits limits;
    limits.connections_per_address = 1'000;
    House house(limits, [&](const door::Request&, const door::Responder& responder) {
        const std::lock_guard lock(mutex);
        kept.push_back(responder);
    });
    for (int i = 0; i < 100; ++i) {
        Client client(house.port());
        client.send(i % 2 ? get("/") : std::string("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n1234"));
    }
    CHECK(eventually([&] {
        const std::lock_guard lock(mutex);
        return kept.size() == 50 && house.door().counters().open == 50;
    }));
    for (const door::Responder& responder : kept) responder.send({});
    CHECK(eventually([&] { return house.door().counters().open == 0; }));
    CHECK(house.door().counters().body_bytes == 0);
}

TEST_CASE("one address gets only so many connections, others still get theirs") {
    door::Limits limits;
    limits.connections_per_address = 3;
    House house(limits, describe, let_in, {"127.0.0.3"});
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<Client>(house.port()));
        clients.back()->send(get("/"));
        CHECK(clients.back()->read_answer().status == 200);
    }
    Client fourth(house.port());
    const Answer refused = fourth.read_answer();
    CHECK(refused.status == 429);
    CHECK(refused.body == "{\"error\": \"too many connections from this address; close some or use them again\"}\n");
    CHECK(fourth.at_end());
    Client other(house.port(), "127.0.0.2");
    other.send(get("/"));
    CHECK(other.read_answer().status == 200);
    for (int i = 0; i < 5; ++i) {  // a trusted proxy has no such limit
        clients.push_back(std::make_unique<Client>(house.port(), "127.0.0.3"));
        clients.back()->send(get("/"));
        CHECK(clients.back()->read_answer().status == 200);
    }
    clients.erase(clients.begin());
    CHECK(eventually([&] { return house.door().counters().open == 8; }));
    Client fifth(house.port());
    fifth.send(get("/"));
    CHECK(fifth.read_answer().status == 200);
}

TEST_CASE("when all places are taken, idle connections give way and others wait their turn") {
    door::Limits limits = short_times();
    limits.connections = 3;
    limits.idle_time = 60'000;
    limits.head_time = 400;
    House house(limits);
    Client idle(house.port());
    idle.send(get("/"));
    CHECK(idle.read_answer().status == 200);
    Client a(house.port()), b(house.port());
    CHECK(eventually([&] { return house.door().counters().open == 3; }));
    Client next(house.port());
    next.send(get("/next"));
    CHECK(next.read_answer().body == "GET /next 0");
    CHECK(idle.at_end());
    // Now two silent ones and an idle one; then three silent ones: the fourth waits until their time is over.
    Client c(house.port());
    CHECK(next.at_end());
    Client waiting(house.port());
    waiting.send(get("/waiting"));
    CHECK(waiting.read_answer().body == "GET /waiting 0");
}

TEST_CASE("thousands of half-open connections do not disturb others") {
    door::Limits limits;
    limits.connections_per_address = 10'000;
    limits.head_time = 20'000;
    House house(limits);
    std::vector<std::unique_ptr<Client>> stalled;
    const std::string starts[] = {
        "", "G", "GET / HTTP/1.1\r\nHost: x\r\nX: ", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1"};
    for (std::size_t i = 0; i < 2'000; ++i) {
        stalled.push_back(std::make_unique<Client>(house.port()));
        REQUIRE(stalled.back()->connected());
        stalled.back()->send(starts[i % 4]);
    }
    CHECK(eventually([&] { return house.door().counters().open == 2'000; }));
    const SystemClock clock;
    Milliseconds worst = 0;
    for (int i = 0; i < 200; ++i) {
        const Milliseconds start = clock.steady();
        Client client(house.port());
        client.send(post("/", std::string(8'000, 'x')));
        REQUIRE(client.read_answer().body == "POST / 8000");
        worst = std::max(worst, clock.steady() - start);
    }
    CHECK(worst < 1'000);
    for (const auto& client : stalled) CHECK(client->still_open());
}

TEST_CASE("bodies beyond the budget are slowed down, not refused") {
    door::Limits limits;
    limits.body_bytes = 2'000'000;
    limits.total_body_bytes = 8'000'000;
    std::atomic<std::int64_t> most = 0;
    std::mutex mutex;
    std::vector<std::pair<std::size_t, door::Responder>> kept;
    const auto handler = [&](const door::Request& request, const door::Responder& responder) {
        const std::lock_guard lock(mutex);
        kept.push_back({request.body.size(), responder});
    };
    House house(limits, handler);
    const std::string body(2'000'000, 'x');
    std::vector<std::unique_ptr<Client>> clients;
    std::vector<std::thread> senders;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(std::make_unique<Client>(house.port()));
        senders.emplace_back([&, client = clients.back().get()] { client->send(post("/", body)); });
    }
    const auto watch = [&](const std::function<bool()>& done) {
        return eventually([&] {
            most = std::max(most.load(), house.door().counters().body_bytes);
            return done();
        });
    };
    const auto count = [&] {
        const std::lock_guard lock(mutex);
        return kept.size();
    };
    // Nobody answers: at least one body is complete, the rest stands still, and small ones still get in.
    REQUIRE(watch([&] { return count() >= 1; }));
    Client small(house.port());
    small.send(post("/small", "tiny"));
    const auto has_small = [&] {
        const std::lock_guard lock(mutex);
        return std::any_of(kept.begin(), kept.end(), [](const auto& entry) { return entry.first == 4; });
    };
    CHECK(watch(has_small));
    CHECK(count() < 10);
    // Answers make room, until all are through.
    std::size_t answered = 0;
    while (answered < 21) {
        REQUIRE(watch([&] { return count() > 0; }));
        const std::lock_guard lock(mutex);
        for (const auto& entry : kept) entry.second.send({});
        answered += kept.size();
        kept.clear();
    }
    for (std::thread& sender : senders) sender.join();
    for (const auto& client : clients) CHECK(client->read_answer().status == 200);
    CHECK(most > 4'000'000);
    CHECK(most <= 8'000'000 + 21 * limits.head_bytes);  // what comes along with a head is taken in any case
    CHECK(eventually([&] { return house.door().counters().body_bytes == 0; }));
}

TEST_CASE("a stalled upload keeps the others waiting only until its time is over") {
    door::Limits limits;
    limits.body_bytes = 1'000'000;
    limits.total_body_bytes = 1'000'000;  // one large body at a time
    limits.body_time = 700;
    House house(limits);
    Client stalled(house.port());
    stalled.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + std::string(100'000, 'x'));
    CHECK(eventually([&] { return house.door().counters().body_bytes > 50'000; }));
    Client other(house.port());
    std::thread sender([&] { other.send(post("/other", std::string(500'000, 'x'))); });
    Client tiny(house.port());
    tiny.send(post("/tiny", "x"));
    CHECK(tiny.read_answer().body == "POST /tiny 1");
    CHECK(stalled.read_answer().status == 408);
    const int status = other.read_answer().status;
    CHECK((status == 200 || status == 408));  // its own time ran as well
    sender.join();
    Client after(house.port());
    after.send(post("/after", std::string(500'000, 'x')));
    CHECK(after.read_answer().body == "POST /after 500000");
}

}  // namespace gachette::testing
