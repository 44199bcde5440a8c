// The dispatcher with a real store and a scripted runner: the hosts answer what the test says.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "base/error.h"
#include "dispatch/dispatcher.h"
#include "tests/support/fake_clock.h"
#include "tests/support/folder.h"

using namespace gachette;
using dispatch::Assignment;
using dispatch::Control;

namespace {

// Plays build hosts: for each attempt it takes the next line of the script, and keeps what was asked of it.
class ScriptedRunner final : public dispatch::Runner {
public:
    using Line = std::function<std::optional<Outcome>(const Assignment&, Control&)>;

    std::optional<Outcome> run(const Assignment& assignment, Control& control,
                               const std::function<void(Step, const std::string&)>& step) override {
        Line line;
        {
            const std::lock_guard lock(mutex_);
            asked_.push_back({assignment.job.id, assignment.job.attempts, assignment.host->name});
            if (!script_.empty()) {
                line = script_.front();
                script_.pop_front();
            }
        }
        step(Step::build, "1.0");
        return line ? line(assignment, control) : Outcome{};
    }

    struct Asked {
        JobId job;
        int attempt;
        std::string host;
    };
    void then(Line line) {
        const std::lock_guard lock(mutex_);
        script_.push_back(std::move(line));
    }
    std::vector<Asked> asked() const {
        const std::lock_guard lock(mutex_);
        return asked_;
    }

private:
    mutable std::mutex mutex_;
    std::deque<Line> script_;
    std::vector<Asked> asked_;
};

ScriptedRunner::Line ends(AttemptClass result, const std::string& reason) {
    return [=](const Assignment&, Control&) {
        Outcome outcome;
        outcome.result = result;
        outcome.reason = reason;
        return std::optional<Outcome>(outcome);
    };
}

struct World {
    testing::TemporaryFolder folder;
    testing::FakeClock clock;
    std::unique_ptr<Store> store = std::make_unique<Store>(StoreOptions{.folder = folder.path()}, clock);
    Current<Configuration> configuration{configured()};
    ScriptedRunner runner;
    std::unique_ptr<dispatch::Dispatcher> dispatcher = fresh("one");

    static std::shared_ptr<const Configuration> configured() {
        auto made = std::make_shared<Configuration>();
        for (const char* name : {"a", "b"}) {
            BuildHost host;
            host.name = name;
            made->build_hosts.push_back(host);
        }
        Project project;
        project.name = "x";
        made->projects.push_back(project);
        return made;
    }

    std::unique_ptr<dispatch::Dispatcher> fresh(const std::string& owner) {
        return std::make_unique<dispatch::Dispatcher>(
            *store, runner, configuration, clock, dispatch::DispatcherOptions{owner, 60'000, 4, [] { return 0.5; }});
    }

    JobId push(const std::string& commit, const std::string& ref = "refs/heads/main") {
        NewDelivery delivery;
        delivery.hook = "github";
        delivery.forge = "github";
        delivery.body = commit + ref;
        PlannedJob job;
        job.project = "x";
        job.ref = ref;
        job.commit = std::string(40, commit[0]);
        job.build_key = "x " + job.commit;
        Target target;
        target.domain = "backend";
        target.stack = "edge";
        job.targets.push_back(target);
        delivery.plan.jobs.push_back(job);
        return store->accept_and_wait(delivery).jobs.at(0).id;
    }

    // Steps until the job has this state; the attempts run on threads of their own, so this waits for the thing itself.
    Job until(JobId id, JobState state) {
        for (int i = 0; i < 2000; ++i) {
            dispatcher->step();
            Job job = *store->job(id);
            if (job.state == state && dispatcher->running() == 0) return job;
            std::this_thread::yield();
            ::usleep(1000);
        }
        FAIL("job " << id << " is " << to_string(store->job(id)->state) << ", not " << to_string(state));
        return {};
    }
    // Steps until the first attempt of the job was handed out and is over, the job being queued again.
    Job until_queued_again(JobId id) {
        for (int i = 0; i < 2000; ++i) {
            dispatcher->step();
            Job job = *store->job(id);
            if (job.state == JobState::queued && job.attempts > 0 && dispatcher->running() == 0) return job;
            ::usleep(1000);
        }
        FAIL("job " << id << " was not queued again");
        return {};
    }
};

}  // namespace

TEST_CASE("a job is claimed, run once and ends as its attempt says") {
    World world;
    const JobId id = world.push("a");
    world.runner.then(ends(AttemptClass::ok, ""));
    CHECK(world.until(id, JobState::done).attempts == 1);
    CHECK(world.runner.asked().size() == 1);
    CHECK(world.runner.asked()[0].host == "a");
}

TEST_CASE("a build that failed is final") {
    World world;
    const JobId id = world.push("a");
    world.runner.then(ends(AttemptClass::failed, "the build ended with status 2"));
    const Job job = world.until(id, JobState::failed);
    CHECK(job.reason == "the build ended with status 2");
    world.clock.advance(3'600'000);
    world.dispatcher->step();
    CHECK(world.runner.asked().size() == 1);
}

TEST_CASE("trouble of a host is tried again elsewhere, and never counts as a failed build") {
    World world;
    const JobId id = world.push("a");
    world.runner.then([](const Assignment&, Control&) -> std::optional<Outcome> { throw HostError("no route to a"); });
    world.runner.then(ends(AttemptClass::ok, ""));
    const Job waiting = world.until_queued_again(id);
    CHECK(waiting.reason == "no route to a");
    CHECK(waiting.next_try > world.clock.wall());
    world.clock.advance(11'000);
    CHECK(world.until(id, JobState::done).attempts == 2);
    CHECK(world.runner.asked()[1].host == "b");
}

TEST_CASE("after four tries of infrastructure trouble the job is given up") {
    World world;
    const JobId id = world.push("a");
    for (int i = 0; i < 4; ++i) world.runner.then(ends(AttemptClass::infrastructure, "the disk is full"));
    for (int i = 0; i < 3; ++i) {
        world.until_queued_again(id);
        world.clock.advance(3'600'000);
    }
    const Job job = world.until(id, JobState::gave_up);
    CHECK(job.attempts == 4);
    CHECK(job.reason == "the disk is full");
}

TEST_CASE("a cancel reaches the attempt that runs") {
    World world;
    const JobId id = world.push("a");
    std::atomic<bool> started{false};
    world.runner.then([&](const Assignment&, Control& control) -> std::optional<Outcome> {
        started = true;
        control.wait(20'000);
        Outcome outcome;
        outcome.result = control.stop_requested() ? AttemptClass::cancelled : AttemptClass::failed;
        outcome.reason = "ended on request";
        return outcome;
    });
    while (!started) world.dispatcher->step();
    CHECK(world.store->cancel(id, "alice") == JobState::running);
    const Job job = world.until(id, JobState::cancelled);
    CHECK(job.cancelled_by == "alice");
}

TEST_CASE("a restart takes up what was running, with the same attempt on the same host") {
    World world;
    const JobId id = world.push("a");
    std::atomic<bool> started{false};
    world.runner.then([&](const Assignment&, Control& control) -> std::optional<Outcome> {
        started = true;
        control.wait(20'000);
        return std::nullopt;  // detached
    });
    while (!started) world.dispatcher->step();
    world.dispatcher->detach();
    CHECK(world.store->job(id)->state == JobState::running);

    world.dispatcher = world.fresh("two");
    world.runner.then(ends(AttemptClass::ok, ""));
    world.dispatcher->adopt();
    CHECK(world.until(id, JobState::done).attempts == 1);
    REQUIRE(world.runner.asked().size() == 2);
    CHECK(world.runner.asked()[1].attempt == 1);
    CHECK(world.runner.asked()[1].host == "a");
}

TEST_CASE("a job whose project is gone is refused with the reason") {
    World world;
    const JobId id = world.push("a");
    auto without = std::make_shared<Configuration>(*World::configured());
    without->projects.clear();
    world.configuration.set(without);
    CHECK(world.until(id, JobState::refused).reason == "project x is no longer configured");
    CHECK(world.runner.asked().empty());
}

TEST_CASE("one job at a time for a project and ref") {
    World world;
    std::atomic<int> at_once{0}, most{0};
    const auto slow = [&](const Assignment&, Control& control) -> std::optional<Outcome> {
        most = std::max(most.load(), ++at_once);
        control.wait(30);
        --at_once;
        return Outcome{};
    };
    world.runner.then(slow);
    world.runner.then(slow);
    const JobId first = world.push("a");
    world.dispatcher->step();
    const JobId second = world.push("b");
    world.until(first, JobState::done);
    world.until(second, JobState::done);
    CHECK(most == 1);
}

TEST_CASE("step() says when to come back") {
    World world;
    CHECK(world.dispatcher->step() == 60'000);
    const JobId id = world.push("a");
    world.runner.then(ends(AttemptClass::infrastructure, "the disk is full"));
    const Job job = world.until_queued_again(id);
    CHECK(world.dispatcher->step() == job.next_try - world.clock.wall());
}
