// What the store knows of refs, and findings that are filed only while it still knows so.
#include <catch2/catch.hpp>

#include "store/schema.h"
#include "tests/store/sample.h"

using namespace gachette;
using namespace gachette::testing;

namespace {

const std::string one(40, '1'), two(40, '2'), url = "file:///srv/app.git";

SeenRef seen(const std::string& ref, const std::string& id, bool deleted = false) {
    return {"app", ref, id, id, deleted};
}

NewDelivery telling(const std::string& id, const std::vector<SeenRef>& refs) {
    NewDelivery delivery = push(id, "body of " + id, {planned(main_ref, refs.at(0).commit)});
    delivery.plan.refs = refs;
    return delivery;
}

using Refs = std::optional<std::vector<SeenRef>>;

}  // namespace

TEST_CASE("refs are known as deliveries told them, ignored ones too, replays and repeats not") {
    Box box;
    const auto known = [&] { return box.every().known_refs("app", url); };
    CHECK(known() == std::nullopt);
    box.same().note_refs("app", url, {seen("refs/heads/a", one), seen("refs/heads/b", one)});
    CHECK(known() == Refs{{seen("refs/heads/a", one), seen("refs/heads/b", one)}});
    CHECK(box.same().known_refs("app", "elsewhere") == std::nullopt);
    CHECK(box.same().known_refs("other", url) == std::nullopt);

    NewDelivery ignored = telling("1", {seen("refs/heads/a", two), seen("refs/heads/b", "", true)});
    ignored.state = DeliveryState::ignored;
    const DeliveryId first = box.same().accept_and_wait(ignored).id;
    CHECK(known() == Refs{{seen("refs/heads/a", two)}});
    box.same().accept_and_wait(telling("2", {seen("refs/heads/a", one)}));
    NewDelivery replay = ignored;
    replay.replay_of = first;
    box.same().accept_and_wait(replay);
    box.same().accept_and_wait(ignored);
    CHECK(known() == Refs{{seen("refs/heads/a", one)}});

    // What was told stands against what is noted, unless it told nothing.
    box.same().accept_and_wait(telling("3", {seen("refs/heads/c", "")}));
    box.same().note_refs("app", url, {seen("refs/heads/a", two), seen("refs/heads/c", two)});
    CHECK(known() == Refs{{seen("refs/heads/a", one), seen("refs/heads/c", two)}});
    box.same().forget_ref(seen("refs/heads/a", two));
    box.same().forget_ref(seen("refs/heads/c", two));
    CHECK(known() == Refs{{seen("refs/heads/a", one)}});
    box.same().note_refs("app", "file:///srv/moved.git", {seen("refs/heads/d", one)});
    CHECK(known() == std::nullopt);
    CHECK(box.same().known_refs("app", "file:///srv/moved.git") == Refs{{seen("refs/heads/d", one)}});
}

TEST_CASE("a finding is filed once, only while nothing else was told, and supersedes nothing") {
    Box box;
    const Accepted queued = box.same().accept_and_wait(telling("1", {seen(main_ref, one)}));
    NewDelivery found = telling("2", {seen(main_ref, two)});
    found.found_instead_of = {seen(main_ref, two)};
    CHECK(box.same().accept_and_wait(found).id == 0);
    found.found_instead_of = {seen(main_ref, "")};
    CHECK(box.same().accept_and_wait(found).id == 0);
    CHECK(box.same().accept_and_wait(found).note == "a delivery told of it meanwhile");
    CHECK(box.every().deliveries({}).size() == 1);
    found.found_instead_of = {seen(main_ref, one)};
    const Accepted accepted = box.every().accept_and_wait(found);
    CHECK(accepted.id == 2);
    CHECK(accepted.jobs.at(0).superseded.empty());
    CHECK(box.same().job(queued.jobs.at(0).id)->state == JobState::queued);
    found.sender_id = "3";
    CHECK(box.every().accept_and_wait(found).id == 0);
    CHECK(box.same().deliveries({}).size() == 2);
}

TEST_CASE("a store of the former schema learns about refs") {
    Box box;
    box.same().accept_and_wait(push("1", "body", {planned(main_ref, one)}));
    box.close();
    store::open_writer(box.folder.path())->script("DROP TABLE refs; DROP TABLE asked; ALTER TABLE jobs DROP COLUMN before_id; PRAGMA user_version=2;");
    CHECK(box.same().known_refs("app", url) == std::nullopt);
    CHECK(box.same().job(1)->ref == main_ref);
}
