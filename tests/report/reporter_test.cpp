// From a change of a job's state to the forge's ears: order, limits, troubles, crashes.
#include "report/reporter.h"

#include <sys/wait.h>
#include <catch2/catch.hpp>

#include "base/crypto.h"
#include "report/http.h"
#include "store/schema.h"
#include "tests/report/forge_server.h"
#include "tests/store/sample.h"

using namespace gachette;
using namespace gachette::report;
using namespace gachette::testing;

namespace {

using Words = std::vector<std::string>;
const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

Destination destination(const std::string& name, const std::string& kind, const std::string& url) {
    Destination made;
    made.name = name;
    made.kind = kind;
    made.url = url;
    made.token = {"file t", "token-0123456789"};
    made.secret = {"file s", secret};
    return made;
}

std::shared_ptr<const Configuration> configuration_of(std::vector<Destination> destinations) {
    auto made = std::make_shared<Configuration>();
    made->external_url = "https://g.example.com";
    made->reporters = std::move(destinations);
    return made;
}

// A store, a clock, a reporter; all can be opened anew.
struct World {
    explicit World(std::vector<Destination> destinations) : configuration(configuration_of(std::move(destinations))) {}

    // The reporter works until nothing is due now.
    Milliseconds settle(Send send = {}) {
        if (!reporter) {
            const auto quick = [](const Request& request, std::stop_token stop) {
                return report::send(request, stop, {.connect = 300, .total = 300});
            };
            reporter = std::make_unique<Reporter>(box.same(), configuration, box.clock,
                                                  ReporterOptions{[] { return 0.5; }, send ? send : Send(quick)});
        }
        for (int i = 0; i < 1'000; ++i)
            if (const Milliseconds sleep = reporter->step(); sleep > 0) return sleep;
        throw std::runtime_error("the reporter does not come to rest");
    }
    void reopen() {
        reporter.reset();
        box.close();
    }
    NewDelivery push_of(const std::string& ref, const std::string& commit, const Words& reporters = {"github"}) {
        NewDelivery delivery = simple(ref, commit);
        Reporting reporting{"4711", "ops-hero/app", {}};
        for (const std::string& name : reporters) {
            const Destination* found = configuration.get()->find_reporter(name);
            reporting.to.push_back({name, found ? found->report_kind() : ReportKind::status, "gachette/app"});
        }
        delivery.plan.jobs[0].reporting = reporting;
        return delivery;
    }
    JobId accept(const std::string& ref, const std::string& commit, const Words& reporters = {"github"}) {
        return box.same().accept_and_wait(push_of(ref, commit, reporters)).jobs.at(0).id;
    }
    void finish(JobId id, const Outcome& outcome = built()) {
        REQUIRE(box.same().claim(id, "host", "me", 500));
        box.same().finish(id, outcome);
    }
    // "12 pending sent" of each report about a job.
    Words rows(JobId id) {
        Words found;
        for (const Report& row : box.same().reports(id)) {
            const char* fate[] = {"", "waiting", "sent", "given up", "overtaken", "denied"};
            found.push_back(row.reporter + " " + std::string(to_string(row.facts.state)) + " " +
                            fate[static_cast<int>(row.state)]);
        }
        return found;
    }

    Box box;
    Current<Configuration> configuration;
    std::unique_ptr<Reporter> reporter;
};

std::string part(const std::string& text, const std::string& key) {
    const std::string start = "\"" + key + "\":\"";
    const std::size_t at = text.find(start);
    if (at == std::string::npos) return "";
    return text.substr(at + start.size(), text.find('"', at + start.size()) - at - start.size());
}

}  // namespace

TEST_CASE("a job's life is told step by step, at its commit") {
    ForgeServer forge;
    World world({destination("github", "gitlab", forge.url())});
    const JobId id = world.accept(main_ref, commit('a'));
    CHECK(world.settle() == 60'000);
    REQUIRE(world.box.same().claim(id, "host", "me", 500));
    world.settle();
    world.box.same().finish(id, built());
    world.settle();
    CHECK(forge.states() == Words{"pending", "running", "success"});
    for (const Received& one : forge.received()) {
        CHECK(one.method == "POST");
        CHECK(one.target == "/api/v4/projects/4711/statuses/" + commit('a'));
        CHECK(one.headers.only("PRIVATE-TOKEN") == "token-0123456789");
        CHECK(part(one.body, "target_url") == "https://g.example.com/jobs/1");
    }
    CHECK(world.rows(id) == Words{"github queued sent", "github running sent", "github done sent"});
    world.settle();
    CHECK(forge.received().size() == 3);
}

TEST_CASE("what nobody asked for is not written") {
    World world({});
    const JobId id = world.box.same().accept_and_wait(simple(main_ref, commit('a'))).jobs.at(0).id;
    world.finish(id);
    CHECK(world.rows(id).empty());
}

TEST_CASE("an older state that was not told is overtaken by the newer") {
    ForgeServer forge;
    World world({destination("github", "github", forge.url())});
    const JobId id = world.accept(main_ref, commit('a'));
    world.finish(id, outcome(AttemptClass::failed, "make: no rule"));
    world.settle();
    CHECK(forge.states() == Words{"failure"});
    CHECK(part(forge.received()[0].body, "description") == "job 1 failed: make: no rule");
    CHECK(world.rows(id) == Words{"github queued overtaken", "github running overtaken", "github failed sent"});
}

TEST_CASE("every end is told: superseded, cancelled, given up, refused, another commit, built again") {
    ForgeServer forge;
    World world({destination("github", "github", forge.url())});
    const auto last = [&] {
        world.settle();
        const auto heard = forge.received();
        return heard.back().target.substr(heard.back().target.size() - 1) + " " + part(heard.back().body, "state") +
               " " + part(heard.back().body, "description");
    };
    SECTION("superseded") {
        world.accept(main_ref, commit('a'));
        world.settle();
        world.accept(main_ref, commit('b'));
        world.settle();
        CHECK(forge.states() == Words{"pending", "error", "pending"});
        CHECK(forge.received()[1].target == "/repos/ops-hero/app/statuses/" + commit('a'));
        CHECK(part(forge.received()[1].body, "description") ==
              "job 1 superseded: job 2 of a newer push took its place");
        CHECK(forge.received()[2].target == "/repos/ops-hero/app/statuses/" + commit('b'));
    }
    SECTION("superseded by the same commit: the new job has the last word") {
        world.accept(main_ref, commit('a'));
        world.accept(main_ref, commit('a'));
        CHECK(last() == "a pending job 2 is queued");
        CHECK(world.rows(1) == Words{"github queued overtaken", "github superseded overtaken"});
    }
    SECTION("cancelled") {
        world.accept(main_ref, commit('a'));
        REQUIRE(world.box.same().cancel(1, "hero"));
        CHECK(last() == "a error job 1 cancelled: cancelled by hero");
    }
    SECTION("given up, then built again by a person") {
        world.accept(main_ref, commit('a'));
        world.finish(1, outcome(AttemptClass::lost, "the host is away"));
        CHECK(last() == "a error job 1 gave up: the host is away");
        REQUIRE(world.box.same().rebuild(1, "hero"));
        CHECK(last() == "a pending job 2 is queued");
        world.finish(2);
        CHECK(last() == "a success version 1.0 is in backend/edge");
    }
    SECTION("refused by the stack") {
        world.accept(main_ref, commit('a'));
        world.finish(1, built("edge", "refused"));
        CHECK(last() == "a failure job 1 refused: because");
    }
    SECTION("a retry goes on as running, its end is told") {
        world.accept(main_ref, commit('a'));
        REQUIRE(world.box.same().claim(1, "host", "me", 500));
        world.box.same().retry(1, outcome(AttemptClass::lost, "away"), world.box.clock.wall());
        CHECK(last() == "a pending job 1 is running");
        world.finish(1);
        CHECK(last() == "a success version 1.0 is in backend/edge");
    }
    SECTION("the repository confirmed another commit: neither stays on pending") {
        world.accept(main_ref, commit('a'));
        Outcome outcome = built();
        outcome.commit = commit('b');
        world.finish(1, outcome);
        world.settle();
        std::map<std::string, std::string> final_state;
        for (const Received& one : forge.received()) final_state[one.target.substr(29)] = part(one.body, "state");
        CHECK(final_state == std::map<std::string, std::string>{{commit('a'), "error"}, {commit('b'), "success"}});
    }
    SECTION("a commit that is not known yet has no status until it is") {
        world.accept(main_ref, "");
        world.settle();
        CHECK(forge.received().empty());
        Outcome outcome = built();
        outcome.commit = commit('c');
        world.finish(1, outcome);
        CHECK(last() == "c success version 1.0 is in backend/edge");
        CHECK(forge.received().size() == 1);
    }
}

TEST_CASE("a forge that says no is not asked again, and the next report goes its way") {
    ForgeServer forge([](const Received& one) {
        return one.target.ends_with("a") ? Reply{422, {}, "{\"message\":\"No commit found\"}"} : Reply{};
    });
    World world({destination("github", "github", forge.url())});
    world.accept(main_ref, commit('a'));
    world.accept("refs/heads/other", commit('b'));
    CHECK(world.settle() == 60'000);
    CHECK(world.rows(1) == Words{"github queued given up"});
    CHECK(world.box.same().reports(1)[0].last_error ==
          "github answers 422: the forge does not take this status (too many for one commit, or no such commit); its "
          "words: {\"message\":\"No commit found\"}");
    CHECK(world.rows(2) == Words{"github queued sent"});
}

TEST_CASE("a forge that asks for a pause gets it, for all of its reports") {
    int asked = 0;
    ForgeServer forge([&](const Received&) {
        return ++asked == 1 ? Reply{429, {{"Retry-After", "30"}}, ""} : Reply{};
    });
    World world({destination("github", "github", forge.url())});
    world.accept(main_ref, commit('a'));
    world.accept("refs/heads/other", commit('b'));
    CHECK(world.settle() == 30'000);
    CHECK(forge.received().size() == 1);
    world.finish(1);  // the newer state inherits the wait
    CHECK(world.settle() == 30'000);
    world.box.clock.advance(29'999);
    CHECK(world.settle() == 1);
    CHECK(forge.received().size() == 1);
    world.box.clock.advance(1);
    CHECK(world.settle() == 60'000);
    CHECK(forge.states() == Words{"pending", "pending", "success"});
    CHECK(world.rows(1) == Words{"github queued overtaken", "github running overtaken", "github done sent"});
}

TEST_CASE("a forge in trouble is asked later and later, until it is well") {
    int asked = 0;
    ForgeServer forge([&](const Received&) { return Reply{++asked <= 2 ? 500 : 201, {}, ""}; });
    World world({destination("github", "github", forge.url())});
    world.accept(main_ref, commit('a'));
    CHECK(world.settle() == 5'000);
    CHECK(world.box.same().reports(1)[0].last_error == "github is in trouble (500)");
    world.box.clock.advance(5'000);
    CHECK(world.settle() == 10'000);
    world.box.clock.advance(10'000);
    CHECK(world.settle() == 60'000);
    CHECK(asked == 3);
    CHECK(world.rows(1) == Words{"github queued sent"});
    CHECK(world.box.same().reports(1)[0].attempts == 3);
}

TEST_CASE("a forge that is silent holds up no other, and is given up after days") {
    ForgeServer silent([](const Received&) { return Reply{201, {}, "", true}; });
    ForgeServer well;
    World world({destination("a-silent", "github", silent.url()), destination("well", "gitea", well.url())});
    world.accept(main_ref, commit('a'), {"a-silent", "well"});
    world.accept("refs/heads/other", commit('b'), {"a-silent", "well"});
    CHECK(world.settle() == 5'000);
    CHECK(silent.received().size() == 1);  // one costs its time, the rest waits
    CHECK(well.states() == Words{"pending", "pending"});
    CHECK(world.rows(1) == Words{"a-silent queued waiting", "well queued sent"});
    CHECK(world.box.same().reports(1)[0].last_error == "a-silent cannot be reached: Timeout was reached");
    world.box.clock.advance(3LL * 24 * 3'600'000 + 1);
    world.settle();
    CHECK(world.rows(1)[0] == "a-silent queued given up");
    CHECK(world.box.same().reports(1)[0].last_error ==
          "tried 2 times for too long (reporters.a-silent.give_up): a-silent cannot be reached: Timeout was reached");
    world.box.clock.advance(15LL * 24 * 3'600'000);
    world.settle();
    CHECK(world.rows(1).empty());  // what ended is forgotten after two weeks
}

TEST_CASE("webhooks and callbacks go in order and none is left out") {
    bool away = true;
    ForgeServer receiver([&](const Received& one) {
        return Reply{away ? 404 : one.target == "/packages" ? 200 : 204, {}, "{}"};
    });
    Destination hook = destination("hook", "webhook", receiver.url() + "/hook");
    Destination packages = destination("packages", "callback", receiver.url() + "/packages");
    World world({hook, packages});
    world.accept(main_ref, commit('a'), {"hook", "packages"});
    world.settle();
    CHECK(receiver.received().empty());  // only ends are told
    world.finish(1);
    CHECK(world.settle() == 5'000);
    CHECK(receiver.received().size() == 2);  // the first of each; what follows waits behind it
    away = false;
    world.box.clock.advance(5'000);
    world.settle();
    Words heard;
    for (const Received& one : receiver.received())
        heard.push_back(part(one.body, "type") + part(one.body, "file_name"));
    CHECK(heard ==
          Words{"job.ended", "one_1.0_all.deb", "job.ended", "one_1.0_all.deb", "stack.changed", "two_1.0_all.deb"});
    const auto all = receiver.received();
    CHECK(all[0].headers.only("webhook-id") == all[2].headers.only("webhook-id"));  // the same message
    CHECK(all[0].body == all[2].body);
    CHECK(all[0].headers.only("webhook-timestamp") != all[2].headers.only("webhook-timestamp"));
    CHECK(all[2].headers.only("webhook-id") != all[4].headers.only("webhook-id"));
    const auto key = base64_decode(secret.substr(6));
    for (const std::size_t i : {0, 2, 4}) {
        const Headers& given = all[i].headers;
        const Digest digest =
            hmac_sha256(*key, {*given.only("webhook-id"), ".", *given.only("webhook-timestamp"), ".", all[i].body});
        CHECK(given.only("webhook-signature") ==
              "v1," + base64_encode({reinterpret_cast<const char*>(digest.data()), digest.size()}));
    }
}

TEST_CASE("packages of a shared build are called back once") {
    ForgeServer receiver([](const Received&) { return Reply{200, {}, ""}; });
    World world({destination("packages", "callback", receiver.url())});
    world.accept(main_ref, commit('a'), {"packages"});
    world.accept("refs/heads/other", commit('a'), {"packages"});
    world.finish(1);
    world.finish(2);
    world.settle();
    CHECK(receiver.received().size() == 2);  // "one" and "two", of job 1
}

TEST_CASE("a reporter that is gone or became another gives its reports up") {
    World world({destination("github", "github", "http://127.0.0.1:1"), destination("hook", "webhook", "http://x")});
    world.accept(main_ref, commit('a'), {"github", "old"});
    world.configuration.set(configuration_of({destination("github", "webhook", "http://127.0.0.1:1")}));
    world.settle();
    CHECK(world.box.same().reports(1)[0].last_error ==
          "reporter github is of kind webhook now, which knows nothing of this report (status)");
    CHECK(world.box.same().reports(1)[1].last_error ==
          "no reporter is called old any more; add reporters.old again, or take it away from hooks.<name>.report");
}

TEST_CASE("a new configuration ends a rest") {
    bool well = false;
    ForgeServer forge([&](const Received&) { return Reply{well ? 201 : 503, {}, ""}; });
    World world({destination("github", "github", forge.url())});
    world.accept(main_ref, commit('a'));
    world.settle();
    well = true;
    world.accept("refs/heads/other", commit('b'));
    CHECK(world.settle() == 5'000);
    world.configuration.set(configuration_of({destination("github", "github", forge.url())}));
    world.settle();
    CHECK(world.rows(2) == Words{"github queued sent"});
}

TEST_CASE("a process that dies anywhere leaves nothing on pending and says at most one thing twice") {
    for (const bool after : {false, true})
        for (int fatal = 1; fatal <= 3; ++fatal) {
            INFO("dies " << (after ? "after" : "before") << " request " << fatal);
            ForgeServer forge;
            World world({destination("github", "github", forge.url())});
            world.accept(main_ref, commit('a'));
            world.accept("refs/heads/other", commit('b'));
            world.accept("refs/heads/third", commit('c'));
            world.reopen();
            const pid_t child = ::fork();
            if (child == 0) {
                int sent = 0;
                try {
                    world.settle([&](const Request& request, std::stop_token stop) {
                        if (++sent == fatal && !after) ::_exit(9);
                        const Answer answer = report::send(request, stop);
                        if (sent == fatal) ::_exit(9);
                        return answer;
                    });
                } catch (const std::exception&) {
                }
                ::_exit(1);
            }
            int status = 0;
            REQUIRE(::waitpid(child, &status, 0) == child);
            REQUIRE(WEXITSTATUS(status) == 9);
            CHECK(forge.received().size() == static_cast<std::size_t>(after ? fatal : fatal - 1));
            for (const JobId id : {1, 2, 3}) world.finish(id);
            world.settle();
            std::map<std::string, Words> heard;
            for (const Received& one : forge.received()) heard[one.target].push_back(part(one.body, "state"));
            CHECK(heard.size() == 3);
            for (const auto& [target, states] : heard) CHECK(states.back() == "success");
            CHECK(forge.received().size() <= 6);
            world.reopen();
            const pid_t second = ::fork();  // now nothing may be said again
            if (second == 0) {
                try {
                    world.settle([](const Request&, std::stop_token) -> Answer { ::_exit(9); });
                    ::_exit(0);
                } catch (const std::exception&) {
                }
                ::_exit(1);
            }
            REQUIRE(::waitpid(second, &status, 0) == second);
            CHECK(WEXITSTATUS(status) == 0);
        }
}

TEST_CASE("what was sent but not noted is sent once more, as the same message") {
    ForgeServer receiver([](const Received&) { return Reply{204, {}, ""}; });
    World world({destination("hook", "webhook", receiver.url())});
    world.accept(main_ref, commit('a'), {"hook"});
    REQUIRE(world.box.same().cancel(1, "hero"));
    CHECK_THROWS(world.settle([](const Request& request, std::stop_token stop) -> Answer {
        report::send(request, stop);
        throw std::runtime_error("killed");
    }));
    world.reopen();
    world.settle();
    const auto heard = receiver.received();
    REQUIRE(heard.size() == 2);
    CHECK(heard[0].headers.only("webhook-id") == heard[1].headers.only("webhook-id"));
    CHECK(world.rows(1) == Words{"hook cancelled sent"});
}

TEST_CASE("the thread wakes for news and ends at once while a forge is silent") {
    std::mutex mutex;
    std::condition_variable heard;
    int count = 0;
    ForgeServer forge([&](const Received&) {
        const std::lock_guard lock(mutex);
        ++count;
        heard.notify_all();
        return Reply{201, {}, "", count == 2};
    });
    World world({destination("github", "github", forge.url())});
    SystemClock clock;
    Reporter reporter(world.box.same(), world.configuration, clock, {});
    world.box.same().on_change([&] { reporter.wake(); });
    std::jthread thread([&](std::stop_token stop) { reporter.run(stop); });
    const auto wait_for = [&](int number) {
        std::unique_lock lock(mutex);
        return heard.wait_for(lock, std::chrono::seconds(10), [&] { return count >= number; });
    };
    world.accept(main_ref, commit('a'));
    CHECK(wait_for(1));
    world.accept("refs/heads/other", commit('b'));
    CHECK(wait_for(2));
    const Milliseconds start = clock.steady();
    thread.request_stop();
    thread.join();
    CHECK(clock.steady() - start < 5'000);
    world.box.same().on_change({});
    CHECK(world.rows(1) == Words{"github queued sent"});
    CHECK(world.rows(2) == Words{"github queued waiting"});  // the next process says it
}

TEST_CASE("what a bad token held back is told when a good one comes, and only the last word of it") {
    bool good = false;
    ForgeServer forge([&](const Received&) { return Reply{good ? 201 : 401, {}, ""}; });
    World world({destination("github", "github", forge.url())});
    world.accept(main_ref, commit('a'));
    world.settle();
    world.finish(1);
    CHECK(world.settle() == 60'000);
    CHECK(world.rows(1) == Words{"github queued denied", "github running overtaken", "github done denied"});
    good = true;
    world.settle();
    CHECK(forge.received().size() == 2);
    world.reopen();  // as a reload, a restart reads the token anew
    world.settle();
    CHECK(forge.states() == Words{"pending", "success", "success"});
    CHECK(world.rows(1) == Words{"github queued denied", "github running overtaken", "github done sent"});
}

TEST_CASE("no secret reaches the store") {
    ForgeServer forge([](const Received& one) {
        return Reply{401, {}, "who is " + std::string(one.headers.only("Authorization").value_or("")) + "?"};
    });
    World world({destination("github", "github", forge.url())});
    world.accept(main_ref, commit('a'));
    world.settle();
    CHECK(world.box.same().reports(1)[0].last_error ==
          "github answers 401: the token is not accepted; give reporters.github.token a valid one; its words: who is "
          "Bearer ***?");
}

TEST_CASE("a store from before the outbox learns it") {
    World world({destination("github", "github", "http://127.0.0.1:1")});
    world.box.same().accept_and_wait(simple(main_ref, commit('a')));
    world.reopen();
    {
        auto old = store::open_writer(world.box.folder.path());
        old->script("DROP TABLE outbox; ALTER TABLE jobs DROP COLUMN reporting; ALTER TABLE jobs DROP COLUMN before_id; PRAGMA user_version=1;");
    }
    world.finish(1);
    CHECK(world.rows(1).empty());
    world.accept("refs/heads/other", commit('b'));
    CHECK(world.rows(2) == Words{"github queued waiting"});
    CHECK(world.box.same().check().empty());
}
