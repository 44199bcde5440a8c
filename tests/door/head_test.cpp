// The head parser: what it takes, what it says, and that it does not matter how the bytes are cut.
#include "door/head.h"

#include <catch2/catch.hpp>
#include <random>

#include "tests/door/raw_requests.h"

namespace gachette::door {

namespace {

const Limits limits;

struct Outcome {
    HeadReader::State state = HeadReader::State::reading;
    std::size_t used = 0;
    int status = 200;
    std::string sentence;
    Head head;
    friend bool operator==(const Outcome& a, const Outcome& b) {
        return a.state == b.state && a.used == b.used && a.status == b.status && a.sentence == b.sentence &&
               a.head.target == b.head.target && a.head.headers.all() == b.head.headers.all() &&
               a.head.length == b.head.length;
    }
};

// Feeds pieces that end at the given places.
Outcome read_in_pieces(std::string_view bytes, const std::vector<std::size_t>& ends) {
    HeadReader reader(limits);
    Outcome outcome;
    std::size_t start = 0;
    for (const std::size_t end : ends) {
        if (reader.state() != HeadReader::State::reading) break;
        outcome.used += reader.read(bytes.substr(start, end - start));
        start = end;
    }
    outcome.state = reader.state();
    if (outcome.state == HeadReader::State::complete) outcome.head = reader.head();
    if (outcome.state == HeadReader::State::refused) {
        outcome.status = reader.refusal().status;
        outcome.sentence = reader.refusal().sentence;
    }
    return outcome;
}

Outcome read_whole(std::string_view bytes) { return read_in_pieces(bytes, {bytes.size()}); }

}  // namespace

TEST_CASE("every raw request gets its status, however it is cut") {
    std::mt19937 random(1);
    const auto rows = testing::raw_requests();
    REQUIRE(rows.size() > 800);
    for (const testing::RawRequest& row : rows) {
        INFO(row.bytes.substr(0, 200));
        const Outcome whole = read_whole(row.bytes);
        CHECK(whole.state == (row.status == 200 ? HeadReader::State::complete : HeadReader::State::refused));
        CHECK(whole.status == row.status);
        std::vector<std::size_t> every(row.bytes.size());
        for (std::size_t i = 0; i < every.size(); ++i) every[i] = i + 1;
        CHECK(read_in_pieces(row.bytes, every) == whole);
        for (int round = 0; round < 3; ++round) {
            std::vector<std::size_t> ends;
            for (std::size_t at = 0; at < row.bytes.size();) {
                at = std::min<std::size_t>(row.bytes.size(), at + 1 + random() % 40);
                ends.push_back(at);
            }
            CHECK(read_in_pieces(row.bytes, ends) == whole);
        }
    }
}

TEST_CASE("a complete head says everything") {
    const std::string bytes =
        "POST /hooks/a%20b?x=%41&y HTTP/1.1\r\nHost: example.org:80\r\nX-Gitlab-Token: \t tok%41en+x \t\r\n"
        "X-Two: a\r\nx-two: b\r\nContent-Length: 12\r\nExpect: 100-continue\r\nConnection: Close\r\n\r\nbody";
    const Outcome outcome = read_whole(bytes);
    REQUIRE(outcome.state == HeadReader::State::complete);
    CHECK(outcome.used == bytes.size() - 4);
    const Head& head = outcome.head;
    CHECK(head.method == "POST");
    CHECK(head.target == "/hooks/a%20b?x=%41&y");
    CHECK(head.path == "/hooks/a b");
    CHECK(head.query == "x=%41&y");
    CHECK(head.minor_version == 1);
    CHECK(head.length == 12);
    CHECK(head.expects_continue);
    CHECK(head.close);
    CHECK(head.headers.only("x-gitlab-token") == "tok%41en+x");
    CHECK(head.headers.count("X-Two") == 2);
}

TEST_CASE("the head refuses with one whole sentence") {
    using testing::request_with;
    const auto sentence = [](const std::string& bytes) { return read_whole(bytes).sentence; };
    CHECK(sentence("\x16\x03\x01") ==
          "this is not an HTTP request; send METHOD, one space, the target, one space, HTTP/1.1");
    CHECK(sentence("GET /\r\n") == "the request line is not METHOD, one space, the target, one space, HTTP/1.1");
    CHECK(sentence("GET / HTTP/2.0\r\n") == "this version of HTTP is not spoken here; send HTTP/1.1");
    CHECK(sentence("GET / HTTQ/1.1\r\n") ==
          "the request line must end in HTTP/1.1; send METHOD, one space, the target, one space, HTTP/1.1");
    CHECK(sentence("get / HTTP/1.1\r\n") == "the method is not an upper case word");
    CHECK(sentence(std::string(33, 'A') + " / HTTP/1.1\r\n") == "the method is longer than 32 bytes");
    CHECK(sentence("GET /" + std::string(2048, 'a') + " HTTP/1.1\r\n") == "the target is longer than 2048 bytes");
    CHECK(sentence("GET http://x/ HTTP/1.1\r\n") ==
          "the target does not start with \"/\"; send only path and query, not a whole address");
    CHECK(sentence("GET /\x80 HTTP/1.1\r\n") == "the target has a character that must be percent-encoded");
    CHECK(sentence("GET /%4 HTTP/1.1\r\n") == "the path has a broken percent escape");
    CHECK(sentence("GET /%00 HTTP/1.1\r\n") == "the path has a control character");
    CHECK(sentence("GET /a/.. HTTP/1.1\r\n") == "the path has a \".\" or \"..\" part");
    CHECK(sentence("GET / HTTP/1.1\n") == "a line of the head ends in a bare line feed; end every line with CR LF");
    CHECK(sentence("GET / HTTP/1.1\r\nA: b\rc\r\n") == "a line of the head has a CR that is not followed by LF");
    CHECK(sentence(request_with("A: b\r\n c\r\n")) ==
          "a field is folded over several lines; send each field on one line");
    CHECK(sentence(request_with("Ab\r\n")) == "a line of the head has no colon");
    CHECK(sentence(request_with(": b\r\n")) == "a field has no name");
    CHECK(sentence(request_with("A : b\r\n")) == "a field has a space before its colon");
    CHECK(sentence(request_with("A B: b\r\n")) == "the name of a field has a character that is not allowed in names");
    CHECK(sentence(request_with("A: \x01\r\n")) == "the value of a field has a control character");
    CHECK(sentence("GET / HTTP/1.1\r\n\r\n") == "the Host field is missing");
    CHECK(sentence(request_with("Host: x\r\n")) == "the Host field is there more than once");
    CHECK(sentence("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n") == "the Host field is not a host name with an optional port");
    CHECK(sentence(request_with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")) ==
          "Content-Length and Transfer-Encoding exclude each other");
    CHECK(sentence(request_with("Transfer-Encoding: chunked\r\n")) ==
          "Transfer-Encoding is not taken here; send the body with Content-Length");
    CHECK(sentence(request_with("Content-Length: 1\r\nContent-Length: 1\r\n")) ==
          "the Content-Length field is there more than once");
    CHECK(sentence(request_with("Content-Length: +1\r\n")) == "Content-Length is not a plain decimal number");
    CHECK(sentence(request_with("Content-Length: 26214401\r\n")) == "the body is larger than 26214400 bytes");
    CHECK(sentence("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n") ==
          "a request of this method has no body here; leave Content-Length out");
    CHECK(sentence(request_with("Content-Encoding: gzip\r\n")) ==
          "Content-Encoding is not taken here; send the body as it is");
    CHECK(sentence(request_with("Expect: x\r\n")) == "the only expectation known here is 100-continue");
    CHECK(sentence(request_with(testing::repeated(64, "A: b\r\n"))) == "the head has more than 64 fields");
    CHECK(sentence(request_with("A: " + std::string(20'000, 'b') + "\r\n")) ==
          "the head is longer than 16384 bytes; send fewer or shorter fields");
}

TEST_CASE("an endless line is refused at its limit, not kept") {
    HeadReader reader(limits);
    std::size_t used = reader.read("GET / HTTP/1.1\r\nX: ");
    const std::string piece(1000, 'y');
    for (int i = 0; i < 100 && reader.state() == HeadReader::State::reading; ++i) used += reader.read(piece);
    CHECK(reader.state() == HeadReader::State::refused);
    CHECK(reader.refusal().status == 431);
    CHECK(used == 16 * 1024);
}

TEST_CASE("small limits hold too") {
    Limits small;
    small.head_bytes = 64;
    small.target_bytes = 8;
    HeadReader reader(small);
    reader.read("GET /1234567 HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(reader.state() == HeadReader::State::complete);
    HeadReader longer(small);
    longer.read("GET /12345678 HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(longer.refusal().status == 414);
}

}  // namespace gachette::door
