// The life of a job: claims, leases, steps, ends, retries, crashes, people.
#include <atomic>
#include <catch2/catch.hpp>

#include "store/job_life.h"
#include "tests/store/sample.h"

using namespace gachette;
using namespace gachette::testing;

namespace {
constexpr const char* dead_reason = "taken up again and again and never ended; gachette went down each time";
}

TEST_CASE("the state that follows from an outcome") {
    struct Row {
        AttemptClass result;
        std::vector<std::string> targets;
        bool cancel;
        JobState state;
    };
    const std::vector<Row> rows = {
        {AttemptClass::ok, {}, false, JobState::done},
        {AttemptClass::ok, {"changed", "unchanged"}, false, JobState::done},
        {AttemptClass::ok, {"changed", "superseded"}, false, JobState::done},
        {AttemptClass::ok, {"superseded", "superseded"}, false, JobState::superseded},
        {AttemptClass::ok, {"changed", "refused"}, false, JobState::refused},
        {AttemptClass::ok, {"superseded", "refused"}, false, JobState::refused},
        {AttemptClass::ok, {"changed"}, true, JobState::done},
        {AttemptClass::failed, {}, false, JobState::failed},
        {AttemptClass::failed, {}, true, JobState::failed},
        {AttemptClass::refused, {}, false, JobState::refused},
        {AttemptClass::superseded, {}, false, JobState::superseded},
        {AttemptClass::cancelled, {}, true, JobState::cancelled},
        {AttemptClass::infrastructure, {}, false, JobState::gave_up},
        {AttemptClass::lost, {}, false, JobState::gave_up},
        {AttemptClass::unreachable, {}, false, JobState::gave_up},
        {AttemptClass::lost, {}, true, JobState::cancelled},
    };
    for (const Row& row : rows) {
        Outcome made = outcome(row.result);
        for (const std::string& word : row.targets) made.targets.push_back({target("edge"), word, "", 0});
        CHECK(store::state_after(made, row.cancel) == row.state);
    }
    CHECK(store::covers({target("a"), target("b")}, {target("b")}));
    CHECK_FALSE(store::covers({target("a")}, {target("a"), target("b")}));
    CHECK_FALSE(store::covers({target("a", "x")}, {target("a", "y")}));
}

TEST_CASE("a job is claimed once, runs under a lease and ends with everything recorded") {
    Box box;
    box.same().accept_and_wait(simple(main_ref, ""));
    box.clock.advance(1'000);
    const auto claimed = box.every().claim(1, "host1", "me", 500);
    REQUIRE(claimed);
    CHECK(claimed->state == JobState::running);
    CHECK(claimed->attempts == 1);
    CHECK(claimed->started == box.clock.wall());
    CHECK_FALSE(box.every().claim(1, "host2", "you", 500));
    CHECK(box.every().job(1)->build_host == "host1");
    CHECK(box.same().job(1)->lease_owner == "me");
    box.every().renew(1, "you", 900);
    CHECK(box.same().job(1)->lease_until == 500);
    box.every().renew(1, "me", 900);
    CHECK(box.every().job(1)->lease_until == 900);
    box.every().set_step(1, Step::prepare, "");
    box.every().set_step(1, Step::build, "1.0");
    box.every().set_step(1, Step::add_to_stack, "");
    CHECK(box.every().job(1)->step == Step::add_to_stack);
    CHECK(box.same().job(1)->version == "1.0");
    box.clock.advance(1'000);
    Outcome end = built();
    end.commit = commit('a');
    end.version = "2.0";
    box.every().finish(1, end);
    box.every().finish(1, outcome(AttemptClass::failed, "said twice"));
    const auto job = box.every().job(1);
    CHECK(job->state == JobState::done);
    CHECK(job->commit == commit('a'));
    CHECK(job->version == "2.0");
    CHECK(job->finished == box.clock.wall());
    CHECK(job->packages == end.packages);
    CHECK(job->lease_owner == "");
    CHECK(job->targets.at(0).outcome == "changed");
    CHECK(job->targets.at(0).generation == 7);
    REQUIRE(job->tries.size() == 1);
    CHECK(job->tries[0].number == 1);
    CHECK(job->tries[0].build_host == "host1");
    CHECK(job->tries[0].result == AttemptClass::ok);
    CHECK(job->tries[0].finished - job->tries[0].started == 1'000);
    CHECK_FALSE(box.same().claim(1, "host1", "me", 1));
    CHECK_FALSE(box.same().claim(99, "host1", "me", 1));
}

TEST_CASE("a result that the stack did not take says why and by whom") {
    Box box;
    box.same().accept_and_wait(simple(main_ref, commit('1')));
    REQUIRE(box.same().claim(1, "host", "me", 1));
    box.same().accept_and_wait(simple(main_ref, commit('2')));
    box.every().finish(1, built("edge", "superseded"));
    CHECK(box.every().job(1)->state == JobState::superseded);
    CHECK(box.same().job(1)->superseded_by == 2);
    CHECK(box.same().job(1)->reason == "because");
}

TEST_CASE("due jobs come oldest first, when their time is there, one of a ref at a time") {
    Box box;
    const Milliseconds now = box.clock.wall();
    box.same().accept_and_wait(simple(main_ref, commit('1'), {"a"}));
    box.same().accept_and_wait(simple(main_ref, commit('2'), {"b"}));
    box.same().accept_and_wait(simple("refs/heads/x", commit('3')));
    CHECK(ids(box.every().due_jobs(now, 10)) == std::vector<JobId>{1, 2, 3});
    CHECK(ids(box.same().due_jobs(now, 2)) == std::vector<JobId>{1, 2});
    CHECK(box.same().due_jobs(now - 1, 10).empty());
    CHECK(box.same().next_due() == now);
    REQUIRE(box.every().claim(1, "host", "me", 1));
    CHECK(ids(box.every().due_jobs(now, 10)) == std::vector<JobId>{3});
    CHECK_FALSE(box.same().claim(2, "host", "me", 1));  // its ref is taken
    REQUIRE(box.same().claim(3, "host", "me", 1));
    CHECK_FALSE(box.every().next_due());
    box.every().retry(3, outcome(AttemptClass::unreachable, "no route"), now + 10'000);
    CHECK(box.every().next_due() == now + 10'000);
    CHECK(box.same().next_due(now + 9'999) == now + 10'000);
    CHECK_FALSE(box.same().next_due(now + 10'000));
    CHECK(box.same().due_jobs(now + 9'999, 10).empty());
    CHECK(ids(box.same().due_jobs(now + 10'000, 10)) == std::vector<JobId>{3});
    const auto waiting = box.same().job(3);
    CHECK(waiting->state == JobState::queued);
    CHECK(waiting->reason == "no route");
    CHECK(waiting->attempts == 1);
    CHECK(waiting->tries.at(0).result == AttemptClass::unreachable);
    REQUIRE(box.same().claim(3, "host2", "me", 1));
    CHECK(box.every().job(3)->attempts == 2);
    CHECK(box.same().job(3)->tries.size() == 2);
    // A replay of the oldest comes before what is newer.
    NewDelivery replay = simple("refs/heads/y", commit('4'));
    replay.replay_of = 1;
    box.same().finish(1, built("a"));
    box.same().accept_and_wait(replay);
    CHECK(ids(box.every().due_jobs(now + 60'000, 10)) == std::vector<JobId>{4, 2});
}

TEST_CASE("another try is pointless once a newer push covers it or somebody cancelled") {
    Box box;
    box.same().accept_and_wait(simple(main_ref, commit('1')));
    REQUIRE(box.same().claim(1, "host", "me", 1));
    SECTION("superseded") {
        box.same().accept_and_wait(simple(main_ref, commit('2')));
        box.same().accept_and_wait(simple(main_ref, commit('3'), {"other"}));
        box.every().retry(1, outcome(AttemptClass::lost), 5);
        CHECK(box.every().job(1)->state == JobState::superseded);
        CHECK(box.same().job(1)->superseded_by == 2);
        CHECK(box.same().job(1)->tries.at(0).result == AttemptClass::lost);
    }
    SECTION("cancelled") {
        CHECK(box.every().cancel(1, "anna") == JobState::running);
        CHECK(box.every().job(1)->cancel_requested);
        box.every().retry(1, outcome(AttemptClass::lost), 5);
        CHECK(box.every().job(1)->state == JobState::cancelled);
        CHECK(box.same().job(1)->reason == "cancelled by anna");
    }
    SECTION("only part of it is covered") {
        box.same().accept_and_wait(simple(main_ref, commit('3'), {"other"}));
        box.every().retry(1, outcome(AttemptClass::lost), 5);
        CHECK(box.every().job(1)->state == JobState::queued);
    }
}

TEST_CASE("running jobs of a former process are adopted; three crashes within an attempt are the end") {
    Box box;
    box.same().accept_and_wait(simple(main_ref, commit('1')));
    box.same().accept_and_wait(simple("refs/tags/v1", commit('1'), {"v1"}));  // waits for job 1
    REQUIRE(box.same().claim(1, "host", "first", 1));
    CHECK(box.same().adopt("first", 5).empty());
    const auto second = box.every().adopt("second", 5, LastEnd::crashed);
    CHECK(ids(second) == std::vector<JobId>{1});
    CHECK(second[0].attempts == 1);
    CHECK(second[0].build_host == "host");
    CHECK(second[0].lease_owner == "second");
    CHECK(box.every().job(1)->lease_until == 5);
    CHECK(ids(box.every().adopt("third", 5, LastEnd::crashed)) == std::vector<JobId>{1});
    CHECK(box.every().adopt("fourth", 5, LastEnd::crashed).empty());
    const auto dead = box.every().job(1);
    CHECK(dead->state == JobState::dead);
    CHECK(dead->reason == dead_reason);
    CHECK(dead->tries.at(0).result == AttemptClass::lost);
    CHECK(ids(box.same().due_jobs(box.clock.wall(), 10)) == std::vector<JobId>{2});
    // A person may try again.
    const auto rebuilt = box.every().rebuild(1, "anna");
    REQUIRE(rebuilt);
    CHECK(box.same().claim(*rebuilt, "host", "fifth", 1));
}

TEST_CASE("a process that was killed tells little about its jobs: only 24 such ends are the end") {
    Box box;
    box.same().accept_and_wait(simple(main_ref, commit('1')));
    REQUIRE(box.same().claim(1, "host", "process 0", 1));
    for (int round = 1; round < 24; ++round)
        REQUIRE(box.same().adopt("process " + std::to_string(round), 5).size() == 1);
    CHECK(box.same().adopt("process 24", 5).empty());
    CHECK(box.same().job(1)->state == JobState::dead);
}

TEST_CASE("three attempts that each saw a restart and were lost are the end as well") {
    Box box;
    box.same().accept_and_wait(simple(main_ref, commit('1')));
    for (int round = 1; round <= 3; ++round) {
        const std::string owner = "process " + std::to_string(round);
        REQUIRE(box.every().claim(1, "host", owner, 1));
        REQUIRE(box.every().adopt(owner + " again", 1).size() == 1);
        box.every().retry(1, outcome(AttemptClass::lost, "no trace"), box.clock.wall());
    }
    CHECK_FALSE(box.every().claim(1, "host", "last", 1));
    CHECK(box.every().job(1)->state == JobState::dead);
    CHECK(box.same().job(1)->reason == dead_reason);
    CHECK(box.same().job(1)->attempts == 3);
    CHECK(box.same().due_jobs(box.clock.wall(), 10).empty());
}

TEST_CASE("lost attempts without a restart do not make a job dead") {
    Box box;
    box.same().accept_and_wait(simple(main_ref, commit('1')));
    for (int round = 1; round <= 5; ++round) {
        REQUIRE(box.same().claim(1, "host", "me", 1));
        box.same().retry(1, outcome(AttemptClass::lost, "link"), box.clock.wall());
    }
    CHECK(box.same().claim(1, "host", "me", 1));
}

TEST_CASE("people cancel and rebuild, and hear why not") {
    Box box;
    box.same().accept_and_wait(simple(main_ref, commit('1'), {"edge", "next"}));
    CHECK(box.every().rebuild(1, "anna").error() ==
          "job 1 cannot be built again yet: it is queued; wait for its end or cancel it");
    CHECK(box.every().cancel(1, "anna") == JobState::cancelled);
    CHECK(box.every().job(1)->reason == "cancelled by anna");
    CHECK(box.same().job(1)->cancelled_by == "anna");
    CHECK(box.same().cancel(1, "anna").error() == "job 1 cannot be cancelled: it has ended already (cancelled)");
    CHECK(box.same().cancel(7, "anna").error() == "job 7 does not exist; see the list of jobs");
    CHECK(box.same().rebuild(7, "anna").error() == "job 7 does not exist; see the list of jobs");
    CHECK(box.every().rebuild(1, "bert") == JobId{2});
    const auto rebuilt = box.every().job(2);
    CHECK(rebuilt->rebuild_of == 1);
    CHECK(rebuilt->requested_by == "bert");
    CHECK(rebuilt->force_build);
    CHECK(rebuilt->arrival == 1);
    CHECK(rebuilt->commit == commit('1'));
    CHECK(rebuilt->targets.size() == 2);
    CHECK(rebuilt->state == JobState::queued);
}

TEST_CASE("a rebuild builds even if the packages exist, and newer pushes take its place") {
    Box box;
    box.same().accept_and_wait(simple(main_ref, commit('1')));
    REQUIRE(box.same().claim(1, "host", "me", 1));
    box.same().finish(1, built());
    REQUIRE(box.every().rebuild(1, "anna") == JobId{2});
    CHECK(box.every().job(2)->same_build_as == 0);
    NewDelivery older = simple(main_ref, commit('9'));
    older.replay_of = 1;
    CHECK(box.same().accept_and_wait(older).jobs[0].superseded.empty());
    CHECK(box.same().accept_and_wait(simple(main_ref, commit('2'))).jobs[0].superseded == std::vector<JobId>{2, 3});
}

TEST_CASE("whoever asked hears of every change") {
    std::atomic<int> changes = 0;
    Box box;
    box.same().on_change([&changes] { ++changes; });
    box.same().accept_and_wait(simple(main_ref, commit('1')));
    box.same().claim(1, "host", "me", 1);
    box.same().finish(1, built());
    box.close();  // the writer has told everything
    CHECK(changes == 3);
}
