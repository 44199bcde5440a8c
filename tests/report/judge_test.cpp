// What the answers of forges mean.
#include "report/judge.h"

#include <catch2/catch.hpp>

using namespace gachette;
using namespace gachette::report;
using Verdict = Judgement::Verdict;

namespace {

constexpr Milliseconds now = 1'700'000'000'000;  // Tue, 14 Nov 2023 22:13:20 GMT

Destination destination(const std::string& kind) {
    Destination made;
    made.name = "there";
    made.kind = kind;
    made.token = {"file t", "token-0123456789"};
    return made;
}

Answer answer(int status, Headers headers = {}, const std::string& body = "") {
    Answer made;
    made.status = status;
    made.headers = std::move(headers);
    made.body = body;
    return made;
}

Answer silence(const std::string& problem) {
    Answer made;
    made.problem = problem;
    return made;
}

}  // namespace

TEST_CASE("the judge knows what each answer means") {
    struct Row {
        std::string kind;
        Answer given;
        Verdict verdict;
        Milliseconds wait, rest;
        std::string reason;
    };
    const std::string slow = "there asks us to slow down ";
    const std::vector<Row> rows = {
        {"github", answer(201), Verdict::sent, 0, 0, ""},
        {"bitbucket-datacenter", answer(204), Verdict::sent, 0, 0, ""},
        {"github", answer(201, {{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "1700000060"}}), Verdict::sent, 0,
         60'000, ""},
        {"github", answer(201, {{"X-RateLimit-Remaining", "1"}, {"X-RateLimit-Reset", "1700000060"}}), Verdict::sent, 0,
         0, ""},
        // asked to slow down
        {"github", answer(429, {{"Retry-After", "30"}}), Verdict::again, 30'000, 30'000, slow + "(429)"},
        {"github", answer(429, {{"Retry-After", "Tue, 14 Nov 2023 22:15:20 GMT"}}), Verdict::again, 120'000, 120'000,
         slow + "(429)"},
        {"github", answer(429, {{"Retry-After", "Tue, 14 Nov 2023 22:10:20 GMT"}}), Verdict::again, 1'000, 1'000,
         slow + "(429)"},
        {"github", answer(429, {{"Retry-After", "soon"}}), Verdict::again, 10'000, 10'000, slow + "(429)"},
        {"github", answer(429, {{"Retry-After", "999999999999999999"}}), Verdict::again, 3'600'000, 3'600'000,
         slow + "(429)"},
        {"github", answer(429), Verdict::again, 10'000, 10'000, slow + "(429)"},
        {"github", answer(403, {{"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "1700000300"}}), Verdict::again,
         300'000, 300'000, slow + "(403)"},
        {"gitlab", answer(429, {{"RateLimit-Remaining", "0"}, {"RateLimit-Reset", "1700000045"}}), Verdict::again,
         45'000, 45'000, slow + "(429)"},
        {"gitea", answer(429, {{"RateLimit-Remaining", "0"}, {"RateLimit-Reset", "45"}}), Verdict::again, 45'000,
         45'000, slow + "(429)"},
        {"github", answer(403, {}, "You have exceeded a secondary rate limit"), Verdict::again, 60'000, 60'000,
         slow + "(403)"},
        // in trouble
        {"github", answer(500), Verdict::again, 10'000, 10'000, "there is in trouble (500)"},
        {"github", answer(503, {{"Retry-After", "7"}}, "down\n"), Verdict::again, 7'000, 7'000,
         "there is in trouble (503); its words: down"},
        {"github", silence("Timeout was reached"), Verdict::again, 10'000, 10'000,
         "there cannot be reached: Timeout was reached"},
        // GitLab's own
        {"gitlab", answer(409), Verdict::again, 10'000, 0, "there answers 409: see reporters.there.url"},
        {"github", answer(409), Verdict::give_up, 0, 0, "there answers 409: see reporters.there.url"},
        {"gitlab", answer(400, {}, R"({"message":"Cannot transition status via :run from :running"})"), Verdict::sent,
         0, 0, ""},
        {"github", answer(400, {}, "Cannot transition"), Verdict::give_up, 0, 0,
         "there answers 400: the forge does not take this status (too many for one commit, or no such commit); its "
         "words: Cannot transition"},
        {"gitlab", answer(400, {}, "ref is missing"), Verdict::give_up, 0, 0,
         "there answers 400: the forge does not take this status (too many for one commit, or no such commit); its "
         "words: ref is missing"},
        // no point
        {"github", answer(401, {}, "Bad token-0123456789"), Verdict::denied, 0, 0,
         "there answers 401: the token is not accepted; give reporters.there.token a valid one; its words: Bad ***"},
        {"github", answer(403), Verdict::denied, 0, 0,
         "there answers 403: the token may not write statuses there; give reporters.there.token that right"},
        {"github", answer(404), Verdict::give_up, 0, 0,
         "there answers 404: there is no such repository or commit, or the token of there may not see it; see "
         "reporters.there.url and the token's rights"},
        {"github", answer(422), Verdict::give_up, 0, 0,
         "there answers 422: the forge does not take this status (too many for one commit, or no such commit)"},
        {"github", answer(302, {{"Location", "http://169.254.169.254/"}}), Verdict::give_up, 0, 0,
         "there answers 302, a redirect, which is not followed; change reporters.there.url to where it is now"},
        {"github", answer(408), Verdict::again, 10'000, 0, "there answers 408: see reporters.there.url"},
        // receivers of messages
        {"webhook", answer(204), Verdict::sent, 0, 0, ""},
        {"webhook", answer(404), Verdict::again, 10'000, 0,
         "there answers 404: nothing is there; see reporters.there.url"},
        {"webhook", answer(410), Verdict::give_up, 0, 0,
         "there answers 410: the receiver is gone; take reporters.there away"},
        {"callback", answer(200), Verdict::sent, 0, 0, ""},
        {"callback", answer(201), Verdict::again, 10'000, 0, "there answers 201: see reporters.there.url"},
    };
    for (const Row& row : rows) {
        INFO(row.kind << " " << row.given.status << " " << row.reason);
        const Judgement found = judge(destination(row.kind), row.given, 2, now, 0.5);
        CHECK(found.verdict == row.verdict);
        CHECK(found.wait == row.wait);
        CHECK(found.rest == row.rest);
        CHECK(found.reason == row.reason);
    }
}

TEST_CASE("the wait grows from 5 seconds to 15 minutes and is not the same for all") {
    CHECK(back_off(1, 0.5) == 5'000);
    CHECK(back_off(2, 0.5) == 10'000);
    CHECK(back_off(5, 0.5) == 80'000);
    CHECK(back_off(8, 0.5) == 640'000);
    CHECK(back_off(9, 0.5) == 900'000);
    CHECK(back_off(1'000'000, 1.0) == 900'000);
    CHECK(back_off(0, 0.5) == 5'000);
    CHECK(back_off(1, 0.0) == 4'000);
    CHECK(back_off(1, 1.0) == 6'000);
}
