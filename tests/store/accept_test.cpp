// What is stored, what is a repeat, what replaces what.
#include <catch2/catch.hpp>

#include "base/crypto.h"
#include "tests/store/sample.h"

using namespace gachette;
using namespace gachette::testing;

TEST_CASE("a delivery is stored whole and found again") {
    Box box;
    const std::string body("{\"a\":1}\0\xff more", 14);
    NewDelivery sent = push("id-1", body, {planned(main_ref, commit('1'), {"edge", "next"})});
    sent.plan.jobs[0].paths = {"src/**", ""};
    sent.plan.jobs[0].targets[1].from = "latest";
    sent.plan.jobs[0].targets[1].create = true;
    sent.plan.seen = {{"github github.com 7", "app"}};
    const Accepted accepted = box.every().accept_and_wait(sent);
    CHECK(accepted.id == 1);
    CHECK(accepted.state == DeliveryState::accepted);
    CHECK(accepted.note == "");
    REQUIRE(accepted.jobs.size() == 1);
    CHECK(accepted.jobs[0].id == 1);
    CHECK(accepted.jobs[0].targets == sent.plan.jobs[0].targets);
    CHECK(box.same().known_repositories() == sent.plan.seen);
    CHECK(box.every().known_repositories() == sent.plan.seen);

    const auto delivery = box.every().delivery(1);
    REQUIRE(delivery);
    CHECK(delivery->hook == "github");
    CHECK(delivery->peer == "192.0.2.7");
    CHECK(delivery->event_name == "push");
    CHECK(delivery->sender_id == "id-1");
    CHECK(delivery->secret_origin == "github.secret");
    CHECK(delivery->received == box.clock.wall());
    CHECK(delivery->body_bytes == 14);
    CHECK(delivery->body_sha256 == hex(sha256(body)));
    CHECK(delivery->headers.all() == sent.headers.all());
    CHECK(delivery->decisions == sent.plan.decisions);
    CHECK(delivery->jobs == std::vector<JobId>{1});
    CHECK(box.every().body(1) == body);
    CHECK_FALSE(box.same().delivery(2));
    CHECK_FALSE(box.same().body(2));

    const auto job = box.every().job(1);
    REQUIRE(job);
    CHECK(job->delivery == 1);
    CHECK(job->arrival == 1);
    CHECK(job->project == "app");
    CHECK(job->ref == main_ref);
    CHECK(job->commit == commit('1'));
    CHECK(job->build_key == "app " + commit('1'));
    CHECK(job->kind == RefKind::branch);
    CHECK(job->paths == std::vector<std::string>{"src/**", ""});
    CHECK(job->state == JobState::queued);
    CHECK(job->created == box.clock.wall());
    CHECK(job->next_try == box.clock.wall());
    REQUIRE(job->targets.size() == 2);
    CHECK(job->targets[1].target == sent.plan.jobs[0].targets[1]);
    CHECK(job->targets[1].outcome == "");
    CHECK_FALSE(box.same().job(2));
}

TEST_CASE("ignored and malformed deliveries keep their reason and make no jobs") {
    Box box;
    NewDelivery ignored = push("a", "x", {planned(main_ref, commit('1'))});
    ignored.state = DeliveryState::ignored;
    ignored.reason = "a ping";
    CHECK(box.every().accept_and_wait(ignored).jobs.empty());
    NewDelivery malformed = push("b", "", {});
    malformed.state = DeliveryState::malformed;
    malformed.reason = "not JSON";
    CHECK(box.every().accept_and_wait(malformed).state == DeliveryState::malformed);
    CHECK(box.every().delivery(1)->reason == "a ping");
    CHECK(box.every().delivery(2)->reason == "not JSON");
    CHECK(box.every().body(2) == "");
    CHECK(box.same().jobs({}).empty());
    CHECK(box.same().accept_and_wait(ignored).note == "delivery 1 was ignored: a ping");
}

TEST_CASE("the same hook, sender id and body is a repeat and builds nothing") {
    Box box;
    const NewDelivery sent = push("id-1", "body", {planned(main_ref, commit('1'))});
    box.every().accept_and_wait(sent);
    const Accepted again = box.every().accept_and_wait(sent);
    CHECK(again.id == 2);
    CHECK(again.state == DeliveryState::repeat);
    CHECK(again.repeats == 1);
    CHECK(again.note == "job 1 is queued");
    REQUIRE(again.jobs.size() == 1);
    CHECK(again.jobs[0].id == 1);
    CHECK(again.jobs[0].commit == commit('1'));
    CHECK(again.jobs[0].targets == sent.plan.jobs[0].targets);
    CHECK(box.every().jobs({}).size() == 1);
    const auto row = box.every().delivery(2);
    CHECK(row->state == DeliveryState::repeat);
    CHECK(row->repeats == 1);
    CHECK(row->reason == "job 1 is queued");
    CHECK(box.same().body(2) == "body");
    CHECK(box.same().delivery(1)->repeated == 1);
}

TEST_CASE("another body, another hook or no sender id is no repeat") {
    Box box;
    box.every().accept_and_wait(push("id-1", "body", {planned(main_ref, commit('1'))}));
    const Accepted other_body =
        box.every().accept_and_wait(push("id-1", "other", {planned("refs/heads/b", commit('2'))}));
    CHECK(other_body.state == DeliveryState::accepted);
    CHECK(other_body.repeats == 0);
    CHECK(other_body.jobs.size() == 1);
    CHECK(other_body.note ==
          "the sender's delivery id was used before, by delivery 1, for another body; this is a delivery of its own");
    NewDelivery other_hook = push("id-1", "body");
    other_hook.hook = "github2";
    CHECK(box.every().accept_and_wait(other_hook).state == DeliveryState::accepted);
    for (int i = 0; i < 2; ++i) CHECK(box.every().accept_and_wait(push("", "body")).state == DeliveryState::accepted);
    // Both bodies of the id are known, each repeats its own.
    CHECK(box.every().accept_and_wait(push("id-1", "other")).repeats == 2);
    CHECK(box.every().accept_and_wait(push("id-1", "body")).repeats == 1);
}

TEST_CASE("a repeat tells what became of the jobs, and starts those that came to nothing again") {
    struct Row {
        AttemptClass result;
        std::string note;
        bool restarted;
    };
    const auto row = GENERATE(Row{AttemptClass::ok, "job 1 is done", false},
                              Row{AttemptClass::failed, "job 1 failed before, job 2 was started in its place", true},
                              Row{AttemptClass::lost, "job 1 gave up before, job 2 was started in its place", true},
                              Row{AttemptClass::refused, "job 1 was refused: why", false},
                              Row{AttemptClass::cancelled, "job 1 was cancelled", false},
                              Row{AttemptClass::superseded, "job 1 was superseded", false});
    Box box;
    const NewDelivery sent = push("id-1", "body", {planned(main_ref, commit('1'))});
    box.same().accept_and_wait(sent);
    REQUIRE(box.same().claim(1, "host", "me", 1));
    box.same().finish(1, outcome(row.result, "why"));
    const Accepted again = box.every().accept_and_wait(sent);
    CHECK(again.note == row.note);
    REQUIRE(again.jobs.size() == 1);
    CHECK(again.jobs[0].id == (row.restarted ? 2 : 1));
    CHECK(box.same().jobs({}).size() == (row.restarted ? 2 : 1));
    if (!row.restarted) return;
    const auto job = box.every().job(2);
    CHECK(job->rebuild_of == 1);
    CHECK(job->delivery == 1);
    CHECK(job->arrival == 1);
    CHECK(job->state == JobState::queued);
    CHECK_FALSE(job->force_build);
    CHECK(job->targets.at(0).target == target("edge"));
    // The new attempt is the one that counts from now on.
    CHECK(box.same().accept_and_wait(sent).note == "job 2 is queued");
    REQUIRE(box.same().claim(2, "host", "me", 1));
    CHECK(box.same().accept_and_wait(sent).note == "job 2 is running");
    box.same().finish(2, outcome(AttemptClass::failed));
    CHECK(box.same().accept_and_wait(sent).note == "job 2 failed before, job 3 was started in its place");
    CHECK(box.same().delivery(1)->jobs == std::vector<JobId>{1, 2, 3});
}

TEST_CASE("at most twenty repeats of a delivery are stored a day") {
    Box box;
    const NewDelivery sent = push("id-1", "body", {planned(main_ref, commit('1'))});
    box.same().accept_and_wait(sent);
    for (int i = 1; i <= 20; ++i) CHECK(box.same().accept_and_wait(sent).id == 1 + i);
    box.same().cancel(1, "me");
    for (int i = 0; i < 5; ++i) CHECK(box.every().accept_and_wait(sent).id == 21);
    CHECK(box.same().delivery(1)->repeated == 25);
    CHECK(box.same().delivery(21)->reason == "job 1 was cancelled");
    CHECK(box.same().health().deliveries == 21);
    box.clock.advance(25LL * 60 * 60 * 1000);
    CHECK(box.same().accept_and_wait(sent).id == 22);
}

TEST_CASE("a newer push supersedes queued jobs of its ref whose targets it covers") {
    Box box;
    box.every().accept_and_wait(simple(main_ref, commit('1'), {"edge"}));           // job 1
    box.every().accept_and_wait(simple(main_ref, commit('2'), {"edge", "other"}));  // 2: replaces 1
    box.every().accept_and_wait(simple("refs/heads/else", commit('3'), {"edge"}));  // 3: another ref
    CHECK(box.every().job(1)->state == JobState::superseded);
    CHECK(box.same().job(1)->superseded_by == 2);
    CHECK(box.same().job(1)->reason == "job 2 of a newer push took its place");
    CHECK(box.same().job(1)->finished == box.clock.wall());
    const Accepted part = box.every().accept_and_wait(simple(main_ref, commit('4'), {"edge"}));  // 4 does not cover 2
    CHECK(part.jobs[0].superseded.empty());
    CHECK(box.same().job(2)->state == JobState::queued);
    REQUIRE(box.same().claim(2, "host", "me", 1));
    const Accepted last = box.every().accept_and_wait(simple(main_ref, commit('5'), {"other", "edge"}));  // 5
    CHECK(last.jobs[0].superseded == std::vector<JobId>{4});
    CHECK(box.same().job(2)->state == JobState::running);  // running ones go on
    CHECK(box.same().job(3)->state == JobState::queued);
    CHECK(box.same().job(5)->state == JobState::queued);
    NewDelivery other_domain = simple(main_ref, commit('6'));
    other_domain.plan.jobs[0].targets = {target("edge", "frontend"), target("other", "frontend")};
    CHECK(box.same().accept_and_wait(other_domain).jobs[0].superseded.empty());
    CHECK(box.same()
              .accept_and_wait(push("", "x", {planned(main_ref, commit('7'), {"edge", "other"}, "app2")}))
              .jobs[0]
              .superseded.empty());
}

TEST_CASE("a late delivery of an older push does not discard the newer one that waits") {
    Box box;
    NewDelivery newer = simple(main_ref, commit('2'));
    newer.plan.jobs[0].before = commit('1');
    box.every().accept_and_wait(newer);
    const Accepted late = box.every().accept_and_wait(simple(main_ref, commit('1')));
    CHECK(late.jobs[0].superseded.empty());
    CHECK(box.every().job(1)->state == JobState::queued);
    CHECK(ids(box.same().due_jobs(box.clock.wall(), 10)).front() == 1);
    // Any other later push of the ref takes the place of both.
    CHECK(box.same().accept_and_wait(simple(main_ref, commit('3'))).jobs[0].superseded == std::vector<JobId>{1, 2});
}

TEST_CASE("a replay keeps the arrival of what it replays and never supersedes newer jobs") {
    Box box;
    const NewDelivery sent = push("id-1", "one", {planned(main_ref, commit('1'))});
    box.every().accept_and_wait(sent);                                                   // job 1
    box.every().accept_and_wait(push("id-2", "two", {planned(main_ref, commit('2'))}));  // job 2
    NewDelivery replay = sent;
    replay.replay_of = 1;
    replay.requested_by = "anna";
    const Accepted replayed = box.every().accept_and_wait(replay);
    CHECK(replayed.state == DeliveryState::accepted);  // the same id and body, and yet no repeat
    REQUIRE(replayed.jobs.size() == 1);
    CHECK(replayed.jobs[0].superseded.empty());
    CHECK(box.every().job(3)->arrival == 1);
    CHECK(box.same().job(3)->requested_by == "anna");
    CHECK(box.same().job(2)->state == JobState::queued);
    CHECK(box.same().delivery(3)->replay_of == 1);
    CHECK(box.same().delivery(3)->requested_by == "anna");
    CHECK(box.same().body(3) == "one");
    replay.replay_of = 3;  // a replay of the replay
    box.same().accept_and_wait(replay);
    CHECK(box.same().job(4)->arrival == 1);
    CHECK(box.same().job(3)->state == JobState::queued);  // not lower, equal
    // The sender's own repeat still means the first delivery.
    CHECK(box.same().accept_and_wait(sent).repeats == 1);
    // A replay of a repeat is as old as the first.
    replay.replay_of = 5;
    box.same().accept_and_wait(replay);
    CHECK(box.same().job(5)->arrival == 1);
    // A new push replaces them all.
    CHECK(box.every().accept_and_wait(simple(main_ref, commit('9'))).jobs[0].superseded ==
          std::vector<JobId>{2, 3, 4, 5});
}

TEST_CASE("jobs with one build key are built once") {
    Box box;
    box.every().accept_and_wait(simple(main_ref, commit('1')));  // job 1
    const auto second = box.every().accept_and_wait(simple("refs/tags/v1", commit('1'), {"v1"}));
    const auto third = box.every().accept_and_wait(simple("refs/tags/v2", commit('1'), {"v2"}));
    CHECK(second.jobs[0].same_build_as == 1);
    CHECK(third.jobs[0].same_build_as == 1);
    CHECK(ids(box.every().due_jobs(box.clock.wall(), 10)) == std::vector<JobId>{1});
    REQUIRE(box.every().claim(1, "host", "me", 1));
    CHECK(box.every().due_jobs(box.clock.wall(), 10).empty());
    CHECK_FALSE(box.same().claim(2, "host", "me", 1));
    box.clock.advance(5'000);
    SECTION("done: the siblings take its packages") {
        box.every().finish(1, built());
        CHECK(ids(box.every().due_jobs(box.clock.wall(), 10)) == std::vector<JobId>{2, 3});
        CHECK(box.same().job(2)->same_build_as == 1);
        CHECK(box.same().job(3)->same_build_as == 1);
        const auto late = box.every().accept_and_wait(simple("refs/tags/v3", commit('1'), {"v3"}));
        CHECK(late.jobs[0].same_build_as == 1);
        CHECK(box.same().due_jobs(box.clock.wall(), 10).size() == 3);
    }
    SECTION("refused by the stack: built all the same") {
        box.every().finish(1, built("edge", "refused"));
        CHECK(box.same().job(1)->state == JobState::refused);
        CHECK(box.same().job(2)->same_build_as == 1);
        CHECK(box.same().due_jobs(box.clock.wall(), 10).size() == 2);
    }
    SECTION("failed: the first sibling builds itself, the other waits for that one") {
        box.every().finish(1, outcome(AttemptClass::failed, "exit 2"));
        CHECK(ids(box.every().due_jobs(box.clock.wall(), 10)) == std::vector<JobId>{2});
        CHECK(box.same().job(2)->same_build_as == 0);
        CHECK(box.same().job(3)->same_build_as == 2);
        CHECK(box.same().next_due() == box.clock.wall());
        const auto late = box.every().accept_and_wait(simple("refs/tags/v3", commit('1'), {"v3"}));
        CHECK(late.jobs[0].same_build_as == 2);
    }
    SECTION("done without packages: nobody can take any") {
        box.every().finish(1, outcome(AttemptClass::ok));
        CHECK(box.same().job(2)->same_build_as == 0);
        CHECK(box.same().job(3)->same_build_as == 2);
    }
}

TEST_CASE("a builder that is cancelled or superseded while queued lets its siblings go") {
    Box box;
    box.same().accept_and_wait(simple(main_ref, commit('1')));
    box.same().accept_and_wait(simple("refs/tags/v1", commit('1'), {"v1"}));
    SECTION("cancelled") { CHECK(box.every().cancel(1, "me") == JobState::cancelled); }
    SECTION("superseded") { box.every().accept_and_wait(simple(main_ref, commit('2'))); }
    CHECK(box.every().job(2)->same_build_as == 0);
    const auto due = ids(box.same().due_jobs(box.clock.wall(), 1));
    CHECK(due == std::vector<JobId>{2});
}

TEST_CASE("the same commit pushed again supersedes the queued job instead of waiting for it") {
    Box box;
    box.same().accept_and_wait(simple(main_ref, commit('1')));
    const auto again = box.every().accept_and_wait(simple(main_ref, commit('1')));
    CHECK(again.jobs[0].superseded == std::vector<JobId>{1});
    CHECK(again.jobs[0].same_build_as == 0);
    CHECK(ids(box.same().due_jobs(box.clock.wall(), 10)) == std::vector<JobId>{2});
    // Jobs without a known commit have no key to share.
    box.same().accept_and_wait(push("", "y", {planned("refs/tags/a", ""), planned("refs/tags/b", "")}));
    CHECK(box.same().job(4)->same_build_as == 0);
}
