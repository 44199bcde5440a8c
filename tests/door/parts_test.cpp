// The small parts: budget, deadlines, bytes of answers, mailbox.
#include <catch2/catch.hpp>

#include "door/answer.h"
#include "door/budget.h"
#include "door/deadlines.h"
#include "door/mailbox.h"

namespace gachette::door {

TEST_CASE("the budget grants what is free and queues the rest") {
    Budget budget(1600, 400);  // large bodies: 1200 in all; small ones: up to 100 bytes long
    CHECK(budget.grant(1, 400, 1000) == 1000);
    budget.take(1000);
    CHECK(budget.grant(2, 400, 400) == 200);
    budget.take(200);
    CHECK(budget.grant(2, 400, 200) == 200);  // the one that may go on beyond it
    CHECK(budget.grant(3, 400, 400) == 0);
    CHECK(budget.grant(4, 100, 100) == 100);  // small ones have a share of their own
    CHECK(budget.next() == 0);
    budget.take(200);
    CHECK(budget.used() == 1400);
    budget.release(2, 400);
    CHECK(budget.used() == 1000);
    CHECK(budget.next() == 3);
    CHECK(budget.next() == 0);
    CHECK(budget.grant(3, 400, 400) == 200);
}

TEST_CASE("the right to go on passes to who waits") {
    Budget budget(1600, 1600);  // nothing is free for large bodies
    CHECK(budget.grant(1, 400, 400) == 400);
    CHECK(budget.grant(2, 400, 400) == 0);
    CHECK(budget.grant(3, 400, 400) == 0);
    CHECK(budget.next() == 0);
    budget.release(3, 0);  // somebody else goes away: no change
    CHECK(budget.next() == 0);
    budget.release(1, 0);
    CHECK(budget.next() == 2);
    CHECK(budget.grant(2, 400, 400) == 400);
    CHECK(budget.next() == 0);
}

TEST_CASE("deadlines come in order of time, whatever their kind") {
    Deadlines deadlines({10, 20, 30, 40, 50, 60, 70, 80});
    Deadline a, b, c;
    a.owner = 1;
    deadlines.set(a, Wait::body, 0);  // 30
    deadlines.set(b, Wait::tls, 25);  // 35
    deadlines.set(c, Wait::body, 1);  // 31
    CHECK(deadlines.earliest() == &a);
    deadlines.set(a, Wait::idle, 0);  // 50
    CHECK(deadlines.earliest() == &c);
    deadlines.clear(c);
    deadlines.clear(c);
    CHECK(deadlines.earliest() == &b);
    CHECK(deadlines.first(Wait::body) == nullptr);
    CHECK(deadlines.first(Wait::idle) == &a);
    deadlines.clear(b);
    deadlines.clear(a);
    CHECK(deadlines.earliest() == nullptr);
}

TEST_CASE("an answer's head is the door's where framing is concerned") {
    Response response;
    response.status = 202;
    response.headers = {{"Content-Type", "text/plain"}, {"content-length", "99"}, {"Connection", "x"}, {"DATE", "x"},
                        {"Transfer-Encoding", "x"},     {"X-Evil", "a\r\nB: c"},  {"X Bad", "y"},      {"", "z"},
                        {"X-Fine", "\xc3\xa4"}};
    response.body = "12345";
    CHECK(render_head(response, {}, "DATE") ==
          "HTTP/1.1 202 Accepted\r\nDate: DATE\r\nContent-Type: text/plain\r\nX-Fine: \xc3\xa4\r\nContent-Length: "
          "5\r\n\r\n");
    response.headers = {};
    Framing framing;
    framing.chunked = framing.close = true;
    CHECK(render_head(response, framing, "D") ==
          "HTTP/1.1 202 Accepted\r\nDate: D\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    response.status = 204;
    CHECK(render_head(response, {}, "D") == "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n");
    response.status = 299;
    CHECK(render_head(response, {}, "D") == "HTTP/1.1 299 Other\r\nDate: D\r\nContent-Length: 5\r\n\r\n");
}

TEST_CASE("dates and chunks have their form") {
    CHECK(http_date(784'111'777'000) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(chunk("") == "");
    CHECK(chunk(std::string(26, 'x')) == "1a\r\n" + std::string(26, 'x') + "\r\n");
    CHECK(refusal_response({400, "a \"b\" \\"}).body == "{\"error\": \"a \\\"b\\\" \\\\\"}\n");
}

TEST_CASE("letters after the end are dropped, a responder answers once") {
    const auto mailbox = std::make_shared<Mailbox>();
    std::vector<Mailbox::Letter> letters;
    {
        const Responder responder(std::make_shared<Responder::Implementation>(mailbox, 7));
        const Responder copy = responder;
        Response first;
        first.status = 201;
        copy.send(first);
        responder.send({});
    }
    mailbox->take(letters);
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].connection == 7);
    CHECK(letters[0].response.status == 201);
    letters.clear();
    { const Responder dropped(std::make_shared<Responder::Implementation>(mailbox, 8)); }
    mailbox->take(letters);
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].response.status == 500);
    CHECK(letters[0].response.body == "{\"error\": \"the request was taken but nobody answered it; see the log\"}\n");
    letters.clear();
    mailbox->close();
    { const Responder late(std::make_shared<Responder::Implementation>(mailbox, 9)); }
    CHECK(mailbox->empty());
}

}  // namespace gachette::door
