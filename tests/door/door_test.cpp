// The door with well-behaved clients: keep-alive, gate, answers from anywhere, streams, who the client is.
#include <catch2/catch.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "tests/door/client.h"
#include "tests/support/folder.h"

namespace gachette::testing {

namespace {

// Keeps requests until the test answers them.
class Desk {
public:
    door::Handler handler() {
        return [this](door::Request request, door::Responder responder) {
            const std::lock_guard lock(mutex_);
            waiting_.push_back({std::move(request), std::move(responder)});
            changed_.notify_all();
        };
    }
    struct Case {
        door::Request request;
        door::Responder responder;
    };
    Case next() {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, std::chrono::milliseconds(patience), [&] { return !waiting_.empty(); }))
            throw std::runtime_error("no request came");
        Case found = std::move(waiting_.front());
        waiting_.pop_front();
        return found;
    }
    std::size_t size() {
        const std::lock_guard lock(mutex_);
        return waiting_.size();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Case> waiting_;
};

door::Response text(const std::string& body) {
    door::Response response;
    response.body = body;
    return response;
}

}  // namespace

TEST_CASE("a connection serves many requests, one after another") {
    House house;
    Client client(house.port());
    for (int i = 0; i < 100; ++i) {
        client.send(post("/a", std::string(static_cast<std::size_t>(i) * 100, 'x')));
        CHECK(client.read_answer().body == "POST /a " + std::to_string(i * 100));
    }
    CHECK(client.still_open());
    CHECK(house.door().counters().accepted == 1);
    CHECK(house.door().counters().requests == 100);
}

TEST_CASE("requests sent ahead are kept and answered in order") {
    Desk desk;
    House house({}, desk.handler());
    Client client(house.port());
    client.send(post("/1", "a") + get("/2") + post("/3", std::string(100'000, 'x')) + get("/4"));
    for (int i = 1; i <= 4; ++i) {
        Desk::Case found = desk.next();
        CHECK(found.request.path == "/" + std::to_string(i));
        CHECK(desk.size() == 0);  // the next one is not looked at before this one is answered
        found.responder.send(text(found.request.path));
        CHECK(client.read_answer().body == "/" + std::to_string(i));
    }
    CHECK(client.still_open());
}

TEST_CASE("the request arrives as it was sent") {
    Desk desk;
    House house({}, desk.handler());
    Client client(house.port());
    std::string body(70'000, '\0');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7);
    client.send(
        "POST /a%20b?c=%20 HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nRange: bytes=0-1\r\nIf-Range: x\r\nX-B: "
        "%41\r\nContent-Length: 70000\r\n\r\n" +
        body);
    const Desk::Case found = desk.next();
    CHECK(found.request.method == "POST");
    CHECK(found.request.target == "/a%20b?c=%20");
    CHECK(found.request.path == "/a b");
    CHECK(found.request.query == "c=%20");
    CHECK(found.request.headers.only("x-b") == "%41");
    CHECK(found.request.headers.count("range") == 0);
    CHECK(found.request.headers.count("if-range") == 0);
    CHECK(found.request.headers.count("x-a") == 1);
    CHECK(found.request.body == body);
    CHECK(found.request.peer == "127.0.0.1");
    CHECK_FALSE(found.request.local);
    CHECK(found.request.peer_uid == -1);
}

TEST_CASE("the gate answers before the body is read") {
    std::atomic<int> handled = 0;
    std::atomic<int> bodies_seen = 0;
    const door::Gate gate = [&](const door::Request& head) -> std::optional<door::Response> {
        if (!head.body.empty()) ++bodies_seen;
        if (head.path == "/throws") throw std::runtime_error("secret");
        if (head.path != "/no") return std::nullopt;
        door::Response response = text("no such hook");
        response.status = 404;
        return response;
    };
    House house(
        {},
        [&](door::Request request, const door::Responder& responder) {
            ++handled;
            describe(std::move(request), responder);
        },
        gate);
    Client refused(house.port());
    refused.send("POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n");
    const Answer answer = refused.read_answer();
    CHECK(answer.status == 404);
    CHECK(answer.body == "no such hook");
    CHECK(answer.field("Connection") == "close");
    CHECK(refused.at_end());
    Client failing(house.port());
    failing.send(get("/throws"));
    const Answer failed = failing.read_answer();
    CHECK(failed.status == 500);
    CHECK(failed.body == "{\"error\": \"the request could not be looked at; see the log\"}\n");
    CHECK(handled == 0);
    Client welcome(house.port());
    welcome.send("POST /yes HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    CHECK(welcome.read_answer().status == 100);
    welcome.send("12345");
    CHECK(welcome.read_answer().body == "POST /yes 5");
    CHECK(handled == 1);
    CHECK(bodies_seen == 0);
}

TEST_CASE("answers come from any thread, also too late") {
    Desk desk;
    auto house = std::make_unique<House>(door::Limits{}, desk.handler());
    Client client(house->port());
    client.send(get("/a"));
    std::thread([found = desk.next()] { found.responder.send(text("from a thread")); }).join();
    CHECK(client.read_answer().body == "from a thread");
    client.send(get("/b"));
    { const Desk::Case dropped = desk.next(); }
    const Answer lost = client.read_answer();
    CHECK(lost.status == 500);
    CHECK(lost.body == "{\"error\": \"the request was taken but nobody answered it; see the log\"}\n");
    client.send(get("/c"));
    const Desk::Case twice = desk.next();
    twice.responder.send(text("first"));
    twice.responder.send(text("second"));
    CHECK(client.read_answer().body == "first");
    CHECK(client.still_open());
    client.send(get("/d"));
    const Desk::Case orphan = desk.next();
    Client other(house->port());
    other.send(get("/e"));
    const Desk::Case later = desk.next();
    client.close();
    orphan.responder.send(text("nobody"));
    house->door().drain(0);
    later.responder.send(text("nothing"));
    house.reset();
    later.responder.send(text("nothing"));
    CHECK(other.at_end());
}

TEST_CASE("a handler that throws answers 500 without telling why") {
    House house({}, [](const door::Request&, const door::Responder&) { throw std::runtime_error("secret"); });
    Client client(house.port());
    client.send(get("/"));
    const Answer answer = client.read_answer();
    CHECK(answer.status == 500);
    CHECK(answer.body == "{\"error\": \"the request could not be worked on; see the log\"}\n");
}

TEST_CASE("HEAD is answered with the length and no body, HTTP/1.0 with a close") {
    House house;
    Client client(house.port());
    client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
    const Answer head = client.read_answer(true);
    CHECK(head.status == 200);
    CHECK(head.field("Content-Length") == "9");
    CHECK(head.field("Date").size() == 29);
    client.send(get("/b"));
    CHECK(client.read_answer().body == "GET /b 0");
    Client old(house.port());
    old.send("GET /c HTTP/1.0\r\n\r\n");
    const Answer answer = old.read_answer();
    CHECK(answer.body == "GET /c 0");
    CHECK(answer.field("Connection") == "close");
    CHECK(old.at_end());
}

TEST_CASE("204 has neither body nor length") {
    House house({}, [](const door::Request&, const door::Responder& responder) {
        door::Response response = text("must not be sent");
        response.status = 204;
        responder.send(response);
    });
    Client client(house.port());
    client.send(get("/") + get("/"));
    CHECK(client.read_answer().field("Content-Length").empty());
    CHECK(client.read_answer().status == 204);
    CHECK(client.still_open());
}

TEST_CASE("large answers arrive whole") {
    std::string body(8'000'000, '\0');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 >> 3);
    House house({}, [&](const door::Request&, const door::Responder& responder) { responder.send(text(body)); });
    Client client(house.port());
    for (int i = 0; i < 2; ++i) {
        client.send(get("/"));
        CHECK(client.read_answer().body == body);
    }
}

namespace {

// What a stream says, put in by the test.
class Script {
public:
    void say(const std::string& bytes, bool finished = false) {
        const std::lock_guard lock(mutex_);
        pieces_.push_back({bytes, finished});
    }
    door::Piece next() {
        const std::lock_guard lock(mutex_);
        ++asked_;
        if (pieces_.empty()) return {};
        door::Piece piece = pieces_.front();
        pieces_.pop_front();
        return piece;
    }
    int asked() {
        const std::lock_guard lock(mutex_);
        return asked_;
    }
    door::Handler handler() {
        return [this](const door::Request&, const door::Responder& responder) {
            door::Response response = text("begin ");
            response.source = [this] { return next(); };
            responder.send(response);
        };
    }

private:
    std::mutex mutex_;
    std::deque<door::Piece> pieces_;
    int asked_ = 0;
};

}  // namespace

TEST_CASE("streams go on until their source ends, then the connection is used again") {
    Script script;
    House house({}, script.handler());
    Client client(house.port());
    client.send(get("/log"));
    REQUIRE(client.read_head().field("Transfer-Encoding") == "chunked");
    CHECK(client.read_chunk() == "begin ");
    script.say("one");
    house.door().wake();
    CHECK(client.read_chunk() == "one");
    script.say("two");  // without wake(): it asks again by itself
    CHECK(client.read_chunk() == "two");
    script.say(std::string(1'000'000, 'x'));
    house.door().wake();
    CHECK(client.read_chunk().size() == 1'000'000);
    script.say("end", true);
    house.door().wake();
    CHECK(client.read_chunk() == "end");
    CHECK(client.read_chunk() == "");
    CHECK(client.saw_last_chunk());
    CHECK(client.still_open());
    script.say("again", true);
    client.send(get("/log"));
    client.read_head();
    CHECK(client.read_chunk() == "begin ");
    CHECK(client.read_chunk() == "again");
}

TEST_CASE("a stream to HTTP/1.0 has no chunks and ends with the connection; to HEAD it has no body") {
    Script script;
    House house({}, script.handler());
    script.say("x");
    script.say("y", true);
    Client old(house.port());
    old.send("GET /log HTTP/1.0\r\n\r\n");
    const Answer answer = old.read_answer();
    CHECK(answer.field("Transfer-Encoding").empty());
    CHECK(answer.body == "begin xy");
    CHECK(old.at_end());
    Client head(house.port());
    head.send("HEAD /log HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(head.read_answer(true).status == 200);
    CHECK(head.still_open());
}

TEST_CASE("a stream whose client is gone is given up, and there are only so many") {
    Script script;
    door::Limits limits;
    limits.streams = 2;
    House house(limits, script.handler());
    Client first(house.port()), second(house.port()), third(house.port());
    for (Client* client : {&first, &second}) {
        client->send(get("/log"));
        CHECK(client->read_head().status == 200);
        CHECK(client->read_chunk() == "begin ");
    }
    third.send(get("/log"));
    const Answer refused = third.read_answer();
    CHECK(refused.status == 503);
    CHECK(refused.field("Retry-After") == "30");
    CHECK(refused.body == "{\"error\": \"too many answers go on already; try again later\"}\n");
    first.close();
    CHECK(eventually([&] { return house.door().counters().open == 2; }));
    third.send(get("/log"));
    CHECK(third.read_head().status == 200);
}

TEST_CASE("a stream that fails is cut off without its last chunk") {
    House house({}, [](const door::Request&, const door::Responder& responder) {
        door::Response response = text("begin");
        response.source = []() -> door::Piece { throw std::runtime_error("disk"); };
        responder.send(response);
    });
    Client client(house.port());
    client.send(get("/log"));
    client.read_head();
    CHECK(client.read_chunk() == "begin");
    CHECK(client.read_chunk() == "");
    CHECK_FALSE(client.saw_last_chunk());
    CHECK(client.at_end());
}

TEST_CASE("proxies that are trusted say who the client is") {
    Desk desk;
    House house({}, desk.handler(), let_in, {"127.0.0.1"});
    Client client(house.port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n");
    CHECK(desk.next().request.peer == "203.0.113.9");
    Client stranger(house.port(), "127.0.0.2");
    stranger.send("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n");
    CHECK(desk.next().request.peer == "127.0.0.2");
}

TEST_CASE("a UNIX socket tells who is there") {
    const TemporaryFolder folder;
    const std::string path = folder / "door.sock";
    Desk desk;
    const SystemClock clock;
    std::vector<door::Listener> listeners;
    listeners.push_back({door::listen_on_unix(path, 0600)});
    door::Door door(std::move(listeners), {}, {}, std::nullopt, clock, let_in, desk.handler());
    door.start();
    CHECK(door.port() == 0);
    Client client(path);
    client.send("GET /a HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n");
    const Desk::Case found = desk.next();
    CHECK(found.request.local);
    CHECK(found.request.peer == "unix");
    CHECK(found.request.peer_uid == static_cast<std::int64_t>(::getuid()));
    found.responder.send(text("hello"));
    CHECK(client.read_answer().body == "hello");
}

}  // namespace gachette::testing
