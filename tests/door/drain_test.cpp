// The end of a door: what was fully received is answered, and whoever shares the socket goes on.
#include <catch2/catch.hpp>
#include <mutex>

#include "tests/door/client.h"

namespace gachette::testing {

namespace {

struct Kept {
    std::mutex mutex;
    std::vector<door::Responder> responders;
    door::Handler handler() {
        return [this](const door::Request&, const door::Responder& responder) {
            const std::lock_guard lock(mutex);
            responders.push_back(responder);
        };
    }
    std::size_t size() {
        const std::lock_guard lock(mutex);
        return responders.size();
    }
    void answer_all() {
        const std::lock_guard lock(mutex);
        for (const door::Responder& responder : responders) responder.send({});
        responders.clear();
    }
};

}  // namespace

TEST_CASE("draining answers what was received and closes what is idle") {
    Kept kept;
    House house({}, kept.handler());
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 60; ++i) {
        clients.push_back(std::make_unique<Client>(house.port()));
        clients.back()->send(post("/a", std::string(8'000, 'x')));
    }
    CHECK(eventually([&] { return kept.size() == 60; }));
    Client idle(house.port());
    idle.send(get("/"));
    CHECK(eventually([&] { return kept.size() == 61; }));
    {
        const std::lock_guard lock(kept.mutex);
        kept.responders.back().send({});
    }
    CHECK(idle.read_answer().status == 200);
    Client begun(house.port());
    begun.send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n12");
    CHECK(eventually([&] { return house.door().counters().open == 62; }));
    std::thread drain([&] { house.door().drain(patience); });
    CHECK(idle.at_end());
    begun.send("34");
    CHECK(eventually([&] { return kept.size() == 62; }));
    kept.answer_all();
    drain.join();
    for (const auto& client : clients) {
        const Answer answer = client->read_answer();
        CHECK(answer.status == 200);
        CHECK(answer.field("Connection") == "close");
        CHECK(client->at_end());
    }
    CHECK(begun.read_answer().status == 200);
    CHECK_FALSE(Client(house.port()).connected());
}

TEST_CASE("draining a burst loses no answer") {
    for (int round = 0; round < 5; ++round) {
        House house;
        std::vector<std::unique_ptr<Client>> clients;
        for (int i = 0; i < 60; ++i) {
            clients.push_back(std::make_unique<Client>(house.port()));
            REQUIRE(clients.back()->connected());
            clients.back()->send(post("/a", std::string(8'000, 'x')));
        }
        house.door().drain(patience);
        for (const auto& client : clients) CHECK(client->read_answer().body == "POST /a 8000");
    }
}

TEST_CASE("draining waits no longer than its patience") {
    Kept kept;
    House house({}, kept.handler());
    Client client(house.port());
    client.send(get("/"));
    CHECK(eventually([&] { return kept.size() == 1; }));
    const SystemClock clock;
    const Milliseconds start = clock.steady();
    house.door().drain(200);
    CHECK(clock.steady() - start >= 190);
    CHECK(clock.steady() - start < 3'000);
    CHECK(client.at_end());
    house.door().drain(200);
}

TEST_CASE("silent connections have a moment to begin, quiet streams end") {
    door::Limits limits;
    limits.head_time = 60'000;
    House house(limits, [](const door::Request& request, const door::Responder& responder) {
        door::Response response;
        response.body = "begin";
        if (request.path == "/log") response.source = [] { return door::Piece{}; };
        responder.send(response);
    });
    Client silent(house.port()), late(house.port()), stream(house.port());
    stream.send(get("/log"));
    stream.read_head();
    CHECK(stream.read_chunk() == "begin");
    CHECK(eventually([&] { return house.door().counters().open == 3; }));
    const SystemClock clock;
    const Milliseconds start = clock.steady();
    std::thread drain([&] { house.door().drain(patience); });
    CHECK(stream.at_end());
    late.send(get("/late"));
    CHECK(late.read_answer().body == "begin");
    CHECK(silent.at_end());
    drain.join();
    CHECK(clock.steady() - start >= 900);
    CHECK(clock.steady() - start < 5'000);
}

TEST_CASE("a shared socket is left to the next door, with what waits in it") {
    const SystemClock clock;
    const Descriptor manager = door::listen_on("127.0.0.1:0");
    std::atomic<bool> sending = true;
    std::atomic<int> sent = 0;
    std::atomic<int> failed = 0;
    std::atomic<int> port = 0;
    std::unique_ptr<door::Door> door;
    const auto open = [&] {
        std::vector<door::Listener> listeners;
        listeners.push_back({Descriptor(::dup(manager.get())), false, true});
        door = std::make_unique<door::Door>(std::move(listeners), door::Limits{}, std::vector<std::string>{},
                                            std::nullopt, clock, let_in, describe);
        port = door->port();
        door->start();
    };
    open();
    std::thread sender([&] {
        while (sending) {
            Client client(port);
            client.send(post("/a", std::string(8'000, 'x')));
            if (client.read_answer().body != "POST /a 8000") ++failed;
            ++sent;
        }
    });
    for (int restart = 1; restart <= 20; ++restart) {
        CHECK(eventually([&] { return sent >= restart * 5; }));
        door->drain(patience);
        door.reset();
        open();
    }
    sending = false;
    sender.join();
    CHECK(sent >= 100);
    CHECK(failed == 0);
}

TEST_CASE("a door that was never started ends") {
    const SystemClock clock;
    door::Door door(House::one_listener(), {}, {}, std::nullopt, clock, let_in, describe);
    CHECK(door.port() > 0);
    door.drain(100);
}

}  // namespace gachette::testing
