// What the reconciler filed (model/recovered.h), read again for a replay. No forge: nothing of it comes in from
// outside, so it is not in the table and no configuration can name it.
#include "model/recovered.h"

#include "handlers/forges.h"
#include "handlers/reading.h"

namespace gachette::handlers {

namespace {

Authenticity authentic(const Request&, const Hook&, Milliseconds) {
    return {Verdict::missing, 0, "only the reconciler itself files recovered events; nothing is taken from outside"};
}

Reading read_finding(Value root) {
    const auto ref = root["ref"].text();
    if (!ref) return malformed(not_a_text(root["ref"], "ref"));
    const auto url = root["repository"].text();
    if (!url) return malformed(not_a_text(root["repository"], "repository"));
    auto before = object_id(root["before"], "before", false);
    auto after = object_id(root["after"], "after");
    auto commit = object_id(root["commit"], "commit");
    for (const auto* id : {&before, &after, &commit})
        if (!*id) return malformed(id->error());
    if (after->empty() || commit->empty()) return malformed("after or commit names no object");
    Gathering gathering(recovered_repository(*url));
    if (Event* event = gathering.add_ref(*ref, "ref", *before, *after)) event->commit = *commit;
    return std::move(gathering).finish();
}

Reading read(const Request& request, const Hook&) { return read_request(request, read_finding); }

std::string delivery_id(const Request&) { return ""; }
std::string event_name(const Request&) { return "recovered"; }
std::string settings_problem(const Hook&) { return "no hook can have the forge reconciler"; }
Headers sign(const Hook&, const Secret&, std::string_view, std::string_view, Milliseconds) { return {}; }

}  // namespace

Forge reconciler() { return {reconciler_name, authentic, read, delivery_id, event_name, {}, settings_problem, sign}; }

}  // namespace gachette::handlers
