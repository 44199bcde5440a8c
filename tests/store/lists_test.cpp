// Lists, counts, retention, copies.
#include <catch2/catch.hpp>

#include <fstream>

#include "store/schema.h"
#include "tests/store/sample.h"

using namespace gachette;
using namespace gachette::testing;

namespace {

ListOptions page(std::int64_t before, int limit) {
    ListOptions options;
    options.before = before;
    options.limit = limit;
    return options;
}

// The plan of a query, for the promise that lists do not depend on how much is stored.
std::string plan_of(const std::string& folder, const std::string& sql) {
    const auto connection = store::open_reader(folder);
    const std::string asked = "EXPLAIN QUERY PLAN " + sql;  // the query keeps a view of its text
    sqlite::Query rows(*connection, asked);
    std::string plan;
    while (rows.step()) plan += rows.text(3) + "\n";
    return plan;
}

}  // namespace

TEST_CASE("lists are pages from the newest, filtered") {
    Box box;
    for (int i = 1; i <= 7; ++i) {
        NewDelivery sent = push("", std::to_string(i),
                                {planned("refs/tags/v" + std::to_string(i), "", {"edge"}, i % 2 ? "odd" : "even")});
        sent.hook = i % 3 ? "one" : "three";
        if (i == 5 || i == 6) sent.state = DeliveryState::ignored;
        box.same().accept_and_wait(sent);
    }
    using Ids = std::vector<std::int64_t>;
    CHECK(ids(box.every().deliveries({})) == Ids{7, 6, 5, 4, 3, 2, 1});
    CHECK(ids(box.same().deliveries(page(0, 3))) == Ids{7, 6, 5});
    CHECK(ids(box.same().deliveries(page(5, 3))) == Ids{4, 3, 2});
    CHECK(ids(box.same().deliveries(page(2, 3))) == Ids{1});
    CHECK(ids(box.same().deliveries(page(1, 3))).empty());
    CHECK(ids(box.same().deliveries(page(0, 0))) == Ids{7});
    ListOptions options;
    options.hook = "three";
    CHECK(ids(box.same().deliveries(options)) == Ids{6, 3});
    options.state = static_cast<int>(DeliveryState::accepted);
    CHECK(ids(box.same().deliveries(options)) == Ids{3});
    options.hook.clear();
    CHECK(ids(box.same().deliveries(options)) == Ids{7, 4, 3, 2, 1});
    const auto listed = box.same().deliveries(page(0, 1)).at(0);
    CHECK(listed.jobs == Ids{5});
    CHECK(listed.headers.empty());
    CHECK(listed.decisions.empty());

    CHECK(ids(box.every().jobs({})) == Ids{5, 4, 3, 2, 1});
    ListOptions jobs;
    jobs.project = "even";
    CHECK(ids(box.same().jobs(jobs)) == Ids{4, 2});
    REQUIRE(box.same().claim(4, "host", "me", 1));
    jobs.state = static_cast<int>(JobState::running);
    CHECK(ids(box.same().jobs(jobs)) == Ids{4});
    jobs.project.clear();
    CHECK(ids(box.same().jobs(jobs)) == Ids{4});
    jobs.before = 4;
    CHECK(box.same().jobs(jobs).empty());
    CHECK(box.same().jobs({}).at(0).targets.size() == 1);
    const Health health = box.every().health();
    CHECK(health.good);
    CHECK(health.problem == "");
    CHECK(health.deliveries == 7);
    CHECK(health.jobs_queued == 4);
    CHECK(health.jobs_running == 1);
    CHECK(health.waiting_for_commit == 0);
}

TEST_CASE("every list and look-up walks an index, in order") {
    Box box;
    box.same();
    const std::string folder = box.folder.path();
    for (const char* sql :
         {"SELECT reason FROM deliveries WHERE id < 9 ORDER BY id DESC LIMIT 50",
          "SELECT reason FROM deliveries WHERE id < 9 AND hook = 'a' ORDER BY id DESC LIMIT 50",
          "SELECT reason FROM deliveries WHERE id < 9 AND state = 1 ORDER BY id DESC LIMIT 50",
          "SELECT reason FROM deliveries WHERE id < 9 AND hook = 'a' AND state = 1 ORDER BY id DESC LIMIT 50",
          "SELECT id FROM deliveries WHERE sender_key = x'00'",
          "SELECT count(*) FROM deliveries WHERE repeats = 1 AND repeats > 0 AND received > 5",
          "SELECT reason FROM jobs WHERE id < 9 AND project = 'a' ORDER BY id DESC LIMIT 50",
          "SELECT reason FROM jobs WHERE id < 9 AND state = 1 ORDER BY id DESC LIMIT 50",
          "SELECT reason FROM jobs WHERE id < 9 AND project = 'a' AND state = 1 ORDER BY id DESC LIMIT 50",
          "SELECT id FROM jobs WHERE delivery = 1 ORDER BY id",
          "SELECT 1 FROM jobs WHERE rebuild_of = 1 AND rebuild_of > 0 LIMIT 1"}) {
        const std::string plan = plan_of(folder, sql);
        INFO(sql << "\n" << plan);
        CHECK(plan.find("SEARCH") != std::string::npos);
        CHECK(plan.find("SCAN") == std::string::npos);
        CHECK(plan.find("TEMP B-TREE") == std::string::npos);
    }
}

TEST_CASE("lists and repeats are found among a hundred thousand deliveries") {
    Box box;
    box.same();
    box.close();
    {
        const auto connection = store::open_writer(box.folder.path());
        connection->script(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO deliveries "
            "(arrival, received, hook, forge, peer, event_name, sender_id, sender_key, secret_origin, state, reason, "
            "requested_by, repeats, replay_of, body, body_bytes, body_sha256, headers, decisions) SELECT 0, i, "
            "'github', "
            "'github', '', 'push', 'old-' || i, randomblob(24), '', 1 + i % 2, '', '', 0, 0, NULL, 0, x'', x'', x'' "
            "FROM n;"
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO jobs "
            "(delivery, "
            "arrival, project, ref, kind, commit_id, build_key, paths, state, requested_by, force_build, created, "
            "next_try) "
            "SELECT i, i, 'app', 'refs/heads/main', 0, '', hex(randomblob(20)), x'', 10, '', 0, 0, 0 FROM n;");
    }
    const NewDelivery sent = push("id-1", "body", {planned(main_ref, commit('1'))});
    CHECK(box.same().accept_and_wait(sent).id == 100'001);
    CHECK(box.same().accept_and_wait(sent).repeats == 100'001);
    ListOptions options;
    options.hook = "github";
    options.state = static_cast<int>(DeliveryState::ignored);
    CHECK(box.same().deliveries(options).at(0).id == 99'999);
    CHECK(box.same().deliveries(options).size() == 50);
    CHECK(box.same().jobs(page(50'000, 500)).size() == 500);
    CHECK(ids(box.same().due_jobs(box.clock.wall(), 10)) == std::vector<JobId>{100'001});
    REQUIRE(box.same().claim(100'001, "host", "me", 1));
    box.same().finish(100'001, built("edge", "superseded"));
    CHECK(box.same().job(100'001)->superseded_by == 0);
}

TEST_CASE("bodies are retired by age and size, never those in use") {
    Box box;
    const Milliseconds day = 24LL * 60 * 60 * 1000;
    const auto ended = [&box](const std::string& id, const std::string& body) {
        const Accepted accepted = box.same().accept_and_wait(push(id, body, {planned("refs/tags/" + id, "")}));
        box.same().cancel(accepted.jobs.at(0).id, "me");
        return accepted.id;
    };
    const auto old = ended("old", std::string(1000, 'o'));                                      // 1
    box.same().accept_and_wait(push("open", std::string(1000, 'p'), {planned(main_ref, "")}));  // 2
    box.same().accept_and_wait(push("old", std::string(1000, 'o')));                            // 3 repeats 1
    box.clock.advance(10 * day);
    ended("new", std::string(1000, 'n'));    // 4
    ended("newer", std::string(1000, 'r'));  // 5
    CHECK(box.every().retire(20 * day, 1'000'000) == 0);
    CHECK(box.every().retire(5 * day, 1'000'000) == 2);  // 1 and its repeat
    CHECK_FALSE(box.every().body(old));
    CHECK_FALSE(box.same().body(3));
    CHECK(box.same().body(2) == std::string(1000, 'p'));
    CHECK(box.same().body(4) == std::string(1000, 'n'));
    CHECK(box.same().delivery(old)->body_bytes == 1000);
    CHECK(box.every().retire(1000 * day, 2'000) == 1);  // three are left, two may stay: 4 is the oldest not in use
    CHECK_FALSE(box.same().body(4));
    CHECK(box.same().body(5));
    CHECK(box.same().check().empty());
    // The id is still known, and its body comes back with the repeat.
    CHECK(box.every().accept_and_wait(push("old", std::string(1000, 'o'))).repeats == 1);
    CHECK(box.same().body(6) == std::string(1000, 'o'));
    // What made no jobs is forgotten after half a year, what made some never; numbers are not used twice.
    box.clock.advance(200 * day);
    CHECK(box.same().retire(5 * day, 0) == 2);  // 5 and 6; 2 is in use
    CHECK(box.every().health().deliveries == 4);
    CHECK(ids(box.same().deliveries({})) == std::vector<DeliveryId>{5, 4, 2, 1});
    CHECK(box.every().accept_and_wait(push("last", "x")).id == 7);
    CHECK(box.same().check().empty());
}

TEST_CASE("a body shared by a replay stays until the last one is gone") {
    Box box;
    const Milliseconds day = 24LL * 60 * 60 * 1000;
    box.same().accept_and_wait(push("id", "body"));
    box.clock.advance(10 * day);
    NewDelivery replay = push("id", "body", {planned(main_ref, "")});
    replay.replay_of = 1;
    box.same().accept_and_wait(replay);
    CHECK(box.same().retire(5 * day, 0) == 1);
    CHECK_FALSE(box.every().body(1));
    CHECK(box.same().body(2) == "body");
    box.same().cancel(1, "me");
    CHECK(box.same().retire(5 * day, 0) == 1);
    CHECK_FALSE(box.every().body(2));
}

TEST_CASE("a copy is a whole store of the moment and can be opened") {
    Box box;
    box.same().accept_and_wait(push("id", "body", {planned(main_ref, commit('1'))}));
    const TemporaryFolder other;
    { std::ofstream(other / "gachette.db") << "in the way"; }
    box.same().backup(other / "gachette.db");
    box.same().accept_and_wait(push("id2", "later"));
    const std::string instance = box.same().instance();
    Store copy(options_for(other.path()), box.clock);
    CHECK(copy.instance() == instance);
    CHECK(copy.deliveries({}).size() == 1);
    CHECK(copy.body(1) == "body");
    CHECK(copy.job(1));
    CHECK(copy.check().empty());
    CHECK(thrown([&box] { box.same().backup("/nowhere/copy"); }).rfind("backup to /nowhere/copy: ", 0) == 0);
}

TEST_CASE("the instance is made once") {
    Box box;
    const std::string instance = box.same().instance();
    CHECK(instance.size() == 16);
    CHECK(instance.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(box.every().instance() == instance);
    Box other;
    CHECK(other.same().instance() != instance);
}
