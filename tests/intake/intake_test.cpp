// From request to stored delivery, with the real handlers and a real store.
#include <catch2/catch.hpp>
#include <future>
#include <nlohmann/json.hpp>

#include "handlers/handlers.h"
#include "intake/intake.h"
#include "tests/support/fake_clock.h"
#include "tests/support/folder.h"

using namespace gachette;
using Json = nlohmann::json;

namespace {

const std::string commit_a(40, 'a');
const std::string commit_b(40, 'b');
const std::string zeros(40, '0');

std::string push_body(const std::string& ref, const std::string& before, const std::string& after) {
    const bool deleted = after == zeros;
    Json head = nullptr;
    if (!deleted) head = Json{{"id", after}, {"message", "a change"}, {"author", {{"name", "ann"}}}};
    return Json{{"ref", ref},
                {"before", before},
                {"after", after},
                {"created", before == zeros},
                {"deleted", deleted},
                {"forced", false},
                {"head_commit", head},
                {"commits", Json::array()},
                {"pusher", {{"name", "ann"}}},
                {"repository",
                 {{"id", 42},
                  {"name", "test_application"},
                  {"full_name", "ops-hero/test_application"},
                  {"html_url", "https://github.com/ops-hero/test_application"},
                  {"clone_url", "https://github.com/ops-hero/test_application.git"},
                  {"ssh_url", "git@github.com:ops-hero/test_application.git"}}}}
        .dump();
}

std::shared_ptr<Configuration> configured() {
    auto made = std::make_shared<Configuration>();
    Hook hook;
    hook.name = "github";
    hook.forge = "github";
    hook.secrets = {{"file old.secret", "the old secret of the hook"},
                    {"file new.secret", "the new secret of the hook"}};
    made->hooks.push_back(hook);
    Project project;
    project.name = "test_application";
    project.url = "git@github.com:ops-hero/test_application.git";
    made->projects.push_back(project);
    Domain domain;
    domain.name = "backend";
    domain.projects = {"test_application"};
    Rule rule;
    rule.branches = {"main"};
    rule.stack = "edge";
    rule.text = "domains.backend.stacks[0]";
    domain.rules.push_back(rule);
    made->domains.push_back(domain);
    return made;
}

struct World {
    testing::TemporaryFolder folder;
    testing::FakeClock clock;
    Store store{StoreOptions{.folder = folder.path()}, clock};
    Current<Configuration> configuration{configured()};
    intake::Intake intake{configuration, store, clock};

    intake::Incoming signed_delivery(const std::string& body, const std::string& id, std::size_t secret = 0,
                                     const std::string& event = "push") {
        const auto current = configuration.get();
        const Hook& hook = current->hooks.at(0);
        const Headers made =
            handlers::find_forge("github")->sign(hook, hook.secrets.at(secret), event, body, clock.wall());
        intake::Incoming incoming{"github", "192.0.2.7", {}, "", body};
        for (const Header& header : made.all())
            incoming.headers.add(header.name, header.name == "X-GitHub-Delivery" ? id : header.value);
        if (made.count("X-GitHub-Delivery") == 0) incoming.headers.add("X-GitHub-Delivery", id);
        return incoming;
    }

    std::pair<int, Json> answer(intake::Incoming incoming) {
        std::promise<intake::Answer> promise;
        intake.receive(std::move(incoming), [&](intake::Answer given) { promise.set_value(std::move(given)); });
        const intake::Answer given = promise.get_future().get();
        return {given.status, Json::parse(given.body)};
    }
    std::pair<int, Json> replay(DeliveryId id) {
        std::promise<intake::Answer> promise;
        intake.replay(id, "alice", [&](intake::Answer given) { promise.set_value(std::move(given)); });
        const intake::Answer given = promise.get_future().get();
        return {given.status, Json::parse(given.body)};
    }
};

}  // namespace

TEST_CASE("a signed push becomes a stored delivery with a job, and the answer names both") {
    World world;
    const std::string body = push_body("refs/heads/main", commit_a, commit_b);
    const auto [status, answer] = world.answer(world.signed_delivery(body, "one"));
    CHECK(status == 202);
    CHECK(answer["delivery"] == 1);
    REQUIRE(answer["jobs"].size() == 1);
    CHECK(answer["jobs"][0]["project"] == "test_application");
    CHECK(answer["jobs"][0]["commit"] == commit_b);
    CHECK(answer["jobs"][0]["stacks"] == Json{"backend/edge"});
    CHECK(answer["decisions"][0]["taken"] == true);

    const Delivery stored = *world.store.delivery(1);
    CHECK(stored.state == DeliveryState::accepted);
    CHECK(stored.sender_id == "one");
    CHECK(stored.event_name == "push");
    CHECK(stored.secret_origin == "file old.secret");
    CHECK(*world.store.body(1) == body);
    CHECK(world.store.job(answer["jobs"][0]["id"])->state == JobState::queued);
}

TEST_CASE("every secret of a hook opens, and the record says which") {
    World world;
    const auto [status, answer] =
        world.answer(world.signed_delivery(push_body("refs/heads/main", commit_a, commit_b), "one", 1));
    CHECK(status == 202);
    CHECK(world.store.delivery(1)->secret_origin == "file new.secret");
}

TEST_CASE("no secret and no signature is ever stored") {
    World world;
    intake::Incoming incoming = world.signed_delivery(push_body("refs/heads/main", commit_a, commit_b), "one");
    incoming.headers.add("X-Unknown", "canary");
    incoming.headers.add("Authorization", "canary");
    CHECK(world.answer(std::move(incoming)).first == 202);
    const Delivery stored = *world.store.delivery(1);
    for (const Header& header : stored.headers.all()) {
        CHECK(header.value.find("canary") == std::string::npos);
        CHECK(header.value.find("sha256=") == std::string::npos);
    }
}

TEST_CASE("what is not authentic is refused and leaves no trace") {
    World world;
    const std::string body = push_body("refs/heads/main", commit_a, commit_b);
    intake::Incoming changed = world.signed_delivery(body, "one");
    changed.body += " ";
    const auto [status, answer] = world.answer(std::move(changed));
    CHECK(status == 401);
    CHECK(answer.contains("error"));
    intake::Incoming bare{"github", "192.0.2.7", {{"X-GitHub-Event", "push"}}, "", body};
    CHECK(world.answer(std::move(bare)).first == 401);
    intake::Incoming elsewhere = world.signed_delivery(body, "one");
    elsewhere.hook = "nowhere";
    CHECK(world.answer(std::move(elsewhere)).first == 404);
    CHECK(world.store.deliveries({}).empty());
}

TEST_CASE("ping, malformed and uninteresting deliveries are recorded with the reason") {
    World world;
    SECTION("ping") {
        const auto [status, answer] = world.answer(world.signed_delivery(R"({"zen":"x"})", "one", 0, "ping"));
        CHECK(status == 200);
        CHECK(answer["ignored"] == "ping");
        CHECK(world.store.delivery(1)->state == DeliveryState::ignored);
    }
    SECTION("not JSON") {
        const auto [status, answer] = world.answer(world.signed_delivery("{nonsense", "one"));
        CHECK(status == 200);
        CHECK(answer.contains("malformed"));
        CHECK(world.store.delivery(1)->state == DeliveryState::malformed);
    }
    SECTION("no rule for the branch") {
        const auto [status, answer] =
            world.answer(world.signed_delivery(push_body("refs/heads/topic", commit_a, commit_b), "one"));
        CHECK(status == 200);
        CHECK(answer["ignored"].get<std::string>().find("topic") != std::string::npos);
    }
    SECTION("a deleted branch") {
        const auto [status, answer] =
            world.answer(world.signed_delivery(push_body("refs/heads/main", commit_a, zeros), "one"));
        CHECK(status == 200);
        CHECK(answer["ignored"].get<std::string>().find("deleted") != std::string::npos);
    }
}

TEST_CASE("a repeated delivery does not build again and says what it repeats") {
    World world;
    const std::string body = push_body("refs/heads/main", commit_a, commit_b);
    world.answer(world.signed_delivery(body, "one"));
    const auto [status, answer] = world.answer(world.signed_delivery(body, "one"));
    CHECK(status == 200);
    CHECK(answer["delivery"] == 2);
    CHECK(answer["repeats"] == 1);
    CHECK(answer["replay"] == "gachette replay 1");
    CHECK(world.store.jobs({}).size() == 1);
}

TEST_CASE("an unsigned delivery id cannot suppress another body") {
    World world;
    world.answer(world.signed_delivery(push_body("refs/heads/main", commit_a, commit_b), "one"));
    const auto [status, answer] =
        world.answer(world.signed_delivery(push_body("refs/heads/main", commit_b, commit_a), "one"));
    CHECK(status == 202);
    CHECK(world.store.jobs({}).size() == 2);
}

TEST_CASE("a newer push supersedes the waiting job of an older one") {
    World world;
    world.answer(world.signed_delivery(push_body("refs/heads/main", zeros, commit_a), "one"));
    const auto [status, answer] =
        world.answer(world.signed_delivery(push_body("refs/heads/main", commit_a, commit_b), "two"));
    CHECK(status == 202);
    CHECK(answer["jobs"][0]["supersedes"] == Json{1});
    const Job old = *world.store.job(1);
    CHECK(old.state == JobState::superseded);
    CHECK(old.superseded_by == 2);
}

TEST_CASE("a replay is a delivery of its own with the name of who asked") {
    World world;
    world.answer(world.signed_delivery(push_body("refs/heads/topic", commit_a, commit_b), "one"));
    auto wider = std::make_shared<Configuration>(*configured());
    wider->domains[0].rules[0].branches = {"*"};
    world.configuration.set(wider);
    const auto [status, answer] = world.replay(1);
    CHECK(status == 202);
    CHECK(answer["replay_of"] == 1);
    CHECK(answer["jobs"].size() == 1);
    CHECK(world.store.delivery(2)->requested_by == "alice");
    CHECK(world.replay(17).first == 404);
    CHECK(world.replay(17).second["error"] == "there is no delivery 17");
    auto without = std::make_shared<Configuration>(*configured());
    without->hooks.clear();
    world.configuration.set(without);
    CHECK(world.replay(1).first == 409);
}
