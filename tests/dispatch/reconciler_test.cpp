// The reconciler: what differs, as a pure function; and against real repositories, a real store and the local shell.
#include <unistd.h>

#include <catch2/catch.hpp>

#include <thread>

#include "dispatch/reconciler.h"
#include "remote/local_shell.h"
#include "tests/support/fake_clock.h"
#include "tests/support/folder.h"
#include "tests/support/process.h"

using namespace gachette;
using dispatch::Recovery;

namespace {

const std::string a(40, 'a'), b(40, 'b'), t(40, 'c');

struct World {
    testing::TemporaryFolder folder;
    testing::FakeClock clock;
    std::unique_ptr<Store> store = std::make_unique<Store>(StoreOptions{.folder = folder / "state"}, clock);
    Current<Configuration> configuration{configured({"app"})};
    std::unique_ptr<dispatch::Reconciler> reconciler = fresh();

    std::unique_ptr<dispatch::Reconciler> fresh() {
        return std::make_unique<dispatch::Reconciler>(
            *store, configuration, clock, [](const BuildHost& host) { return remote::make_local_shell(host); });
    }
    void restart() {
        reconciler.reset();
        store.reset();
        store = std::make_unique<Store>(StoreOptions{.folder = folder / "state"}, clock);
        reconciler = fresh();
    }

    std::string repository(const std::string& name) const { return folder / (name + ".git"); }
    std::string url(const std::string& name) const { return "file://" + repository(name); }

    std::shared_ptr<Configuration> configured(const std::vector<std::string>& names) const {
        auto made = std::make_shared<Configuration>();
        BuildHost host;
        host.name = "here";
        host.local = true;
        host.base_path = folder / "base";
        made->build_hosts = {host};
        Rule branches, tags;
        branches.branches = {"main"};
        branches.stack = "edge";
        branches.text = "domains.d.stacks[0] (branch main -> edge)";
        tags.tags = {"v*"};
        tags.stack = "{tag}";
        tags.text = "domains.d.stacks[1] (tag v* -> {tag})";
        made->domains = {{"d", names, {branches, tags}}};
        for (const std::string& name : names) {
            Project project;
            project.name = name;
            project.url = url(name);
            made->projects.push_back(project);
        }
        return made;
    }

    std::string git(std::vector<std::string> words, const std::string& name = "app") const {
        words.insert(words.begin(),
                     {"git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", repository(name)});
        return testing::must_run(words);
    }
    // A new commit on a branch; its id.
    std::string push(const std::string& branch, const std::string& name = "app") {
        if (!std::filesystem::exists(repository(name)))
            testing::must_run({"git", "init", "-q", "--bare", "-b", "main", repository(name)});
        const std::string tree = git({"mktree", "--missing"}, name);  // the empty one
        const std::string id = git({"commit-tree", tree, "-m", std::to_string(++commits)}, name);
        git({"update-ref", "refs/heads/" + branch, id}, name);
        return id;
    }
    int commits = 0;

    // All that is due; how long it waits then.
    Milliseconds round() {
        for (int i = 0; i < 50; ++i)
            if (const Milliseconds wait = reconciler->step()) return wait;
        FAIL("the reconciler does not come to rest");
        return 0;
    }
    Milliseconds next_round() {
        clock.advance(600'000);
        return round();
    }
    // "refs/heads/main <commit>" of all jobs, oldest first.
    std::vector<std::string> jobs() const {
        std::vector<std::string> lines;
        for (const Job& job : store->jobs({})) lines.insert(lines.begin(), job.ref + " " + job.commit);
        return lines;
    }
    Accepted deliver(const std::string& ref, const std::string& id, const std::string& commit) {
        Event event;
        event.repository = {"github", "github.com", "", "", {url("app")}};
        event.ref = ref;
        event.kind = ref.starts_with("refs/tags/") ? RefKind::tag : RefKind::branch;
        event.new_id = id;
        event.commit = commit;
        if (id.empty() && commit == "deleted") {
            event.change = Change::deleted;
            event.commit.clear();
        }
        NewDelivery delivery;
        delivery.hook = delivery.forge = "github";
        delivery.body = ref + id + std::to_string(++commits);
        delivery.plan = plan({event}, Hook{"github", "github", {}, {}, 0, {}}, *configuration.get(), {});
        if (delivery.plan.jobs.empty()) delivery.state = DeliveryState::ignored;
        return store->accept_and_wait(delivery);
    }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("what differs between what is known and what is there") {
    Project project;
    project.name = "app";
    project.url = "file:///srv/app.git";
    const auto known = [&](std::string ref, std::string id, std::string commit) {
        return SeenRef{"app", std::move(ref), std::move(id), std::move(commit), false};
    };
    const auto with = [&](const std::vector<SeenRef>& before, const std::vector<build::RemoteRef>& now) {
        return dispatch::recover(project, before, now);
    };
    CHECK(with({}, {}) == Recovery{});
    CHECK(with({known("refs/heads/x", a, a)}, {{"refs/heads/x", a, a}}) == Recovery{});
    // Forges tell of an annotated tag the object, or the commit, or both.
    CHECK(with({known("refs/tags/v", t, a)}, {{"refs/tags/v", t, a}}) == Recovery{});
    CHECK(with({known("refs/tags/v", t, "")}, {{"refs/tags/v", t, a}}) == Recovery{});
    CHECK(with({known("refs/tags/v", a, a)}, {{"refs/tags/v", t, a}}) == Recovery{});
    CHECK(with({known("refs/tags/v", b, a)}, {{"refs/tags/v", t, a}}) == Recovery{});
    CHECK(with({known("refs/tags/v", "", a)}, {{"refs/tags/v", t, a}}) == Recovery{});
    CHECK(with({known("refs/tags/v", "", t)}, {{"refs/tags/v", t, a}}) == Recovery{});

    Event created;
    created.repository = {"reconciler", "", "", "srv/app", {"file:///srv/app.git"}};
    created.kind = RefKind::tag;
    created.change = Change::created;
    created.ref = "refs/tags/v";
    created.new_id = t;
    created.commit = a;
    CHECK(with({}, {{"refs/tags/v", t, a}}) == Recovery{{{created, known("refs/tags/v", "", "")}}, {}, {}});
    Event moved = created;
    moved.kind = RefKind::branch;
    moved.change = Change::moved;
    moved.ref = "refs/heads/x";
    moved.old_id = b;
    moved.new_id = a;
    CHECK(with({known("refs/heads/x", b, b)}, {{"refs/heads/x", a, a}}) ==
          Recovery{{{moved, known("refs/heads/x", b, b)}}, {}, {}});
    CHECK(with({known("refs/heads/x", b, b), known("refs/heads/y", a, a)}, {{"refs/heads/y", a, a}}) ==
          Recovery{{}, {known("refs/heads/x", b, b)}, {}});
    CHECK(with({known("refs/heads/x", "", "")}, {{"refs/heads/x", a, a}}) ==
          Recovery{{}, {}, {known("refs/heads/x", a, a)}});
}

TEST_CASE("the first answer is where it begins; a push that never arrived is built once") {
    World world;
    world.push("main");
    CHECK(world.round() == 60'000);
    CHECK(world.store->deliveries({}).empty());

    const std::string before = world.git({"rev-parse", "main"}), lost = world.push("main");
    CHECK(world.round() == 60'000);  // not due yet
    CHECK(world.jobs().empty());
    world.next_round();
    CHECK(world.jobs() == Lines{"refs/heads/main " + lost});
    world.next_round();
    world.restart();
    world.round();
    CHECK(world.jobs().size() == 1);
    REQUIRE(world.store->deliveries({}).size() == 1);

    const Delivery delivery = *world.store->delivery(1);
    CHECK(delivery.hook == "reconciler");
    CHECK(delivery.forge == "reconciler");
    CHECK(delivery.event_name == "recovered");
    CHECK(delivery.sender_id == "app refs/heads/main " + lost);
    const std::string sentence =
        "recovered: no delivery told that refs/heads/main moved; its repository has it at " + lost;
    CHECK(delivery.reason == sentence);
    CHECK(delivery.decisions.at(0).taken);
    CHECK(delivery.decisions.at(0).sentence == sentence);
    CHECK(world.store->body(1)->find(R"("before":")" + before + R"(","after":")" + lost) != std::string::npos);

    // Its delivery was just late: the same build.
    REQUIRE(world.store->claim(delivery.jobs.at(0), "here", "test", world.clock.wall() + 1'000));
    const Accepted late = world.deliver("refs/heads/main", lost, lost);
    CHECK(late.jobs.at(0).same_build_as == delivery.jobs.at(0));
    world.next_round();
    CHECK(world.store->deliveries({}).size() == 2);
}

TEST_CASE("tags that were pushed six at once, and one that no rule takes") {
    World world;
    const std::string commit = world.push("main");
    world.round();
    for (const char* tag : {"v1", "v2", "v3", "v4", "v5"}) world.git({"tag", tag, "main"});
    world.git({"tag", "-a", "v6", "-m", "six", "main"});
    world.git({"tag", "other", "main"});
    world.next_round();
    CHECK(world.jobs() == Lines{"refs/tags/v1 " + commit, "refs/tags/v2 " + commit, "refs/tags/v3 " + commit,
                                "refs/tags/v4 " + commit, "refs/tags/v5 " + commit, "refs/tags/v6 " + commit});
    CHECK(
        world.store->delivery(1)->reason ==
        "recovered: no delivery told of refs/tags/other; its repository has it at " + commit +
            "; refs/tags/other: is for branches, this is a tag; refs/tags/other: tag other does not match v*; no rule "
            "of domain d takes tag other of project app; add one to domains.d.stacks, for example {tag: other, "
            "stack: latest}");
    CHECK(world.store->delivery(1)->state == DeliveryState::ignored);
    world.next_round();
    CHECK(world.store->deliveries({}).size() == 7);
}

TEST_CASE("what deliveries told is not found again, whatever they told of it") {
    World world;
    world.push("main");
    world.round();
    const std::string commit = world.push("main");
    world.git({"tag", "-a", "v1", "-m", "one", "main"});
    world.git({"tag", "-a", "v2", "-m", "two", "main"});
    world.push("wip");
    world.deliver("refs/heads/main", commit, commit);
    world.deliver("refs/tags/v1", world.git({"rev-parse", "v1"}), "");
    world.deliver("refs/tags/v2", "", "");  // tells no id at all
    world.deliver("refs/heads/wip", world.git({"rev-parse", "wip"}), world.git({"rev-parse", "wip"}));
    world.next_round();
    CHECK(world.store->deliveries({}).size() == 4);
    world.git({"tag", "-f", "v2", world.push("other")});
    world.next_round();
    CHECK(world.store->deliveries({}).size() == 6);
    CHECK(world.store->jobs({}).at(0).ref == "refs/tags/v2");
}

TEST_CASE("a ref that is gone is forgotten, and counts as new when it comes back") {
    World world;
    const std::string commit = world.push("main");
    world.git({"tag", "v1", "main"});
    world.round();
    world.git({"tag", "-d", "v1"});
    world.next_round();
    CHECK(world.store->known_refs("app", world.url("app"))->size() == 1);
    CHECK(world.store->deliveries({}).empty());
    world.git({"tag", "v1", "main"});
    world.next_round();
    CHECK(world.jobs() == Lines{"refs/tags/v1 " + commit});
    // To and fro between the same two commits: each time it is news.
    const std::string next = world.push("main");
    world.next_round();
    world.deliver("refs/heads/main", commit, commit);
    world.next_round();
    CHECK(world.jobs() == Lines{"refs/tags/v1 " + commit, "refs/heads/main " + next, "refs/heads/main " + commit,
                                "refs/heads/main " + next});
    // An answer without any ref is not believed.
    world.git({"update-ref", "-d", "refs/heads/main"});
    world.git({"update-ref", "-d", "refs/tags/v1"});
    world.next_round();
    CHECK(world.store->known_refs("app", world.url("app"))->size() == 2);
}

TEST_CASE("a repository that cannot be asked keeps nobody else waiting, and is asked again") {
    World world;
    world.configuration.set(world.configured({"gone", "app"}));
    world.push("main");
    CHECK(world.round() == 60'000);
    const std::string lost = world.push("main");
    world.next_round();
    CHECK(world.jobs() == Lines{"refs/heads/main " + lost});
    world.push("main", "gone");
    world.next_round();
    const std::string other = world.push("main", "gone");
    world.next_round();
    CHECK(world.jobs() == Lines{"refs/heads/main " + lost, "refs/heads/main " + other});
}

TEST_CASE("asked at start and as often as configured; 0 switches off; another address begins anew") {
    World world;
    auto changed = world.configured({"app"});
    world.push("main");
    changed->reconcile_every = 0;
    world.configuration.set(changed);
    CHECK(world.reconciler->step() == 60'000);
    CHECK(!world.store->known_refs("app", world.url("app")));
    changed = world.configured({"app"});
    changed->reconcile_every = 30'000;
    world.configuration.set(changed);
    CHECK(world.round() == 30'000);
    CHECK(world.store->known_refs("app", world.url("app"))->size() == 1);

    world.push("main", "moved");
    changed = world.configured({"app"});
    changed->projects[0].url = world.url("moved");
    world.configuration.set(changed);
    world.next_round();
    CHECK(world.store->deliveries({}).empty());
    CHECK(world.store->known_refs("app", world.url("moved"))->size() == 1);
    // Projects without rules are not asked.
    changed = world.configured({"app"});
    changed->domains[0].rules.clear();
    world.configuration.set(changed);
    world.next_round();
    CHECK(!world.store->known_refs("app", world.url("app")));
}

TEST_CASE("what arrives while the repository is asked wins, and a finding takes nobody's place") {
    World world;
    const std::string first = world.push("main");
    world.round();
    const std::string second = world.push("main"), third = world.push("main");
    const Project& project = world.configuration.get()->projects[0];
    const SeenRef known{"app", "refs/heads/main", first, first, false};
    const Recovery recovery = dispatch::recover(project, {known}, {{"refs/heads/main", second, second}});
    const auto found = [&] {
        return dispatch::recovered_delivery(recovery.found.at(0), project, *world.configuration.get(), 1);
    };
    const auto untold = found();
    const Accepted newer = world.deliver("refs/heads/main", third, third);
    CHECK(world.store->accept_and_wait(untold).id == 0);
    CHECK(world.jobs() == Lines{"refs/heads/main " + third});
    world.next_round();
    CHECK(world.jobs().size() == 1);

    const std::string fourth = world.push("main");
    world.next_round();
    CHECK(world.jobs() == Lines{"refs/heads/main " + third, "refs/heads/main " + fourth});
    CHECK(world.store->job(newer.jobs.at(0).id)->state == JobState::queued);
}

TEST_CASE("a reconciler that is asked to stop leaves the repository alone") {
    World world;
    // It never answers: git waits for somebody who writes to its HEAD.
    testing::must_run({"git", "init", "-q", "--bare", world.repository("app")});
    std::filesystem::remove(world.repository("app") + "/HEAD");
    testing::must_run({"mkfifo", world.repository("app") + "/HEAD"});
    const auto start = std::chrono::steady_clock::now();
    {
        std::jthread running([&](std::stop_token stop) { world.reconciler->run(stop); });
        // The host program makes its folder just before it asks.
        for (int i = 0; i < 10'000 && !std::filesystem::exists(world.folder / "base"); ++i) ::usleep(1'000);
        REQUIRE(std::filesystem::exists(world.folder / "base"));
        running.request_stop();
    }
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}
