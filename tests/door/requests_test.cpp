// Raw requests over real connections: one answer each, and the connection closed after every refusal.
#include <catch2/catch.hpp>
#include <random>

#include "tests/door/client.h"
#include "tests/door/raw_requests.h"

namespace gachette::testing {

namespace {

bool is_json_error(const Answer& answer) {
    return answer.field("Content-Type") == "application/json" && answer.field("Connection") == "close" &&
           answer.body.starts_with("{\"error\": \"") && answer.body.ends_with("\"}\n");
}

void check_answer(Client& client, const RawRequest& row) {
    const bool to_head = row.bytes.starts_with("HEAD ");
    Answer answer = client.read_answer(to_head);
    if (answer.status == 100) answer = client.read_answer(to_head);
    CHECK(answer.status == row.status);
    if (row.status != 200 && !to_head) CHECK(is_json_error(answer));
    if (row.status == 200 && !row.closes)
        CHECK(client.still_open());
    else
        CHECK(client.at_end());
}

void send_in_pieces(Client& client, std::string_view bytes, std::mt19937& random) {
    const std::size_t longest = bytes.size() > 1000 ? 4000 : 12;
    while (!bytes.empty()) {
        const std::size_t size = std::min<std::size_t>(bytes.size(), 1 + random() % longest);
        if (!client.send(bytes.substr(0, size))) return;
        bytes.remove_prefix(size);
        std::this_thread::yield();
    }
}

}  // namespace

TEST_CASE("every raw request gets one answer, whole and in pieces") {
    House house;
    std::mt19937 random(7);
    for (const RawRequest& row : raw_requests()) {
        INFO(row.bytes.substr(0, 200));
        Client whole(house.port());
        whole.send(row.bytes);
        check_answer(whole, row);
        Client pieces(house.port());
        send_in_pieces(pieces, row.bytes, random);
        check_answer(pieces, row);
    }
}

TEST_CASE("what follows a refused request is never served") {
    std::atomic<int> served = 0;
    House house({}, [&](door::Request request, const door::Responder& responder) {
        ++served;
        describe(std::move(request), responder);
    });
    for (const char* start :
         {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n"}) {
        Client client(house.port());
        client.send(start + get("/smuggled"));
        CHECK(client.read_answer().status == 400);
        CHECK(client.at_end());
    }
    CHECK(served == 0);
}

TEST_CASE("a request that ends too early is told so") {
    House house;
    Client head(house.port());
    head.send("GET / HTTP/1.1\r\nHo");
    head.half_close();
    CHECK(head.read_answer().body == "{\"error\": \"the request ends in the middle of its head\"}\n");
    CHECK(head.at_end());
    Client body(house.port());
    body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234");
    body.half_close();
    CHECK(body.read_answer().body == "{\"error\": \"the request ends in the middle of its body\"}\n");
    CHECK(body.at_end());
    Client whole(house.port());
    whole.send(post("/a", "12345"));
    whole.half_close();  // allowed: it still reads
    CHECK(whole.read_answer().body == "POST /a 5");
    CHECK(whole.at_end());
    Client nothing(house.port());
    nothing.half_close();
    CHECK(nothing.at_end());
}

TEST_CASE("a refusal arrives although the client goes on sending") {
    House house;
    Client client(house.port());
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n" + std::string(40'000, 'x'));
    CHECK(client.read_answer().status == 413);
    client.send(std::string(10'000, 'x'));
    client.half_close();
    CHECK(client.at_end());
    // But not for ever: who never ends is cut off.
    Client endless(house.port());
    endless.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
    CHECK(endless.read_answer().status == 413);
    const std::string piece(16'384, 'x');
    int pieces = 0;
    while (endless.send(piece) && pieces < 10'000) ++pieces;
    CHECK(pieces < 10'000);
}

}  // namespace gachette::testing
