// A delivery that the reconciler filed can be replayed like any other, and not sent by anybody.
#include <catch2/catch.hpp>
#include <future>

#include "intake/intake.h"
#include "model/recovered.h"
#include "tests/support/fake_clock.h"
#include "tests/support/folder.h"

using namespace gachette;

TEST_CASE("a recovered delivery is replayed by its own hook, which nobody else can use") {
    testing::TemporaryFolder folder;
    testing::FakeClock clock;
    Store store(StoreOptions{.folder = folder.path()}, clock);
    auto made = std::make_shared<Configuration>();
    Project project;
    project.name = "app";
    project.url = "file:///srv/app.git";
    made->projects = {project};
    Rule rule;
    rule.branches = {"main"};
    rule.stack = "edge";
    made->domains = {{"d", {"app"}, {rule}}};
    Current<Configuration> configuration{made};
    intake::Intake intake{configuration, store, clock};

    Event event;
    event.repository = recovered_repository(project.url);
    event.ref = "refs/heads/main";
    event.change = Change::created;
    event.new_id = event.commit = std::string(40, 'a');
    NewDelivery filed;
    filed.hook = filed.forge = reconciler_name;
    filed.sender_id = "app refs/heads/main x";
    filed.body = recovered_body(project, event, clock.wall());
    const DeliveryId id = store.accept_and_wait(filed).id;

    std::promise<intake::Answer> promise;
    intake.replay(id, "alice", [&](intake::Answer given) { promise.set_value(std::move(given)); });
    CHECK(promise.get_future().get().status == 202);
    const Delivery replayed = *store.delivery(id + 1);
    CHECK(replayed.replay_of == id);
    CHECK(replayed.event_name == "recovered");
    REQUIRE(replayed.jobs.size() == 1);
    CHECK(store.job(replayed.jobs[0])->commit == event.commit);

    std::promise<intake::Answer> refused;
    intake.receive({"reconciler", "192.0.2.1", {}, "", filed.body},
                   [&](intake::Answer given) { refused.set_value(std::move(given)); });
    CHECK(refused.get_future().get().status == 404);
}
