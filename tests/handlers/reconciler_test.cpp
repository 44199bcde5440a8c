// What the reconciler filed, read again; and nobody else may speak so.
#include <algorithm>

#include <catch2/catch.hpp>

#include "handlers/handlers.h"
#include "model/recovered.h"

using namespace gachette;

namespace {

const std::string commit(40, 'a'), object(40, 'b');

handlers::Reading read(const std::string& body) {
    const Headers headers;
    return handlers::find_forge("reconciler")->read({headers, body, ""}, reconciler_hook());
}

}  // namespace

TEST_CASE("a recovered event is read as it was written") {
    Project project;
    project.name = "app";
    for (const std::string url : {"git@example.com:ops/app.git", "/srv/a\"b\\c.git"}) {
        project.url = url;
        Event event;
        event.repository = recovered_repository(url);
        event.kind = RefKind::tag;
        event.change = Change::created;
        event.ref = "refs/tags/v\"1";
        event.new_id = object;
        event.commit = commit;
        CHECK(read(recovered_body(project, event, 1'700'000'000'000)).events == std::vector<Event>{event});
        event.change = Change::moved;
        event.old_id = commit;
        CHECK(read(recovered_body(project, event, 1'700'000'000'000)).events == std::vector<Event>{event});
    }
    CHECK(read("{}").reason == "ref is missing");
    CHECK(read(R"({"ref":"refs/heads/x","repository":"u","after":"a","commit":"b"})").reason ==
          "after is not an object id");
}

TEST_CASE("no request and no configuration can be the reconciler's") {
    const Headers headers;
    const auto verdict = handlers::find_forge("reconciler")->authentic({headers, "{}", ""}, reconciler_hook(), 0);
    CHECK(verdict.verdict == handlers::Verdict::missing);
    CHECK(verdict.reason == "only the reconciler itself files recovered events; nothing is taken from outside");
    const auto all = handlers::all_forges();
    CHECK(std::none_of(all.begin(), all.end(), [](const auto& forge) { return forge.name == "reconciler"; }));
}
