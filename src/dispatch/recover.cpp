// The pure half of the reconciler: what differs, and what is filed for it.
#include <fmt/format.h>

#include "base/text.h"
#include "dispatch/reconciler.h"
#include "model/matching.h"
#include "model/plan.h"
#include "model/recovered.h"

namespace gachette::dispatch {

namespace {

bool told_nothing(const SeenRef& ref) { return ref.id.empty() && ref.commit.empty(); }

bool same(const SeenRef& known, const build::RemoteRef& present) {
    const auto is = [&](const std::string& id) { return !id.empty() && (id == present.id || id == present.commit); };
    return known.commit.empty() ? is(known.id) : is(known.commit);
}

Event event_of(const Project& project, const SeenRef& known, const build::RemoteRef& present) {
    Event event;
    event.repository = recovered_repository(project.url);
    event.kind = present.ref.starts_with("refs/tags/") ? RefKind::tag : RefKind::branch;
    event.change = told_nothing(known) ? Change::created : Change::moved;
    event.ref = present.ref;
    event.old_id = known.id.empty() ? known.commit : known.id;
    event.new_id = present.id;
    event.commit = present.commit;
    return event;
}

// Why nothing is built, in one sentence each, behind what was found.
std::string with_reasons(std::string text, const Plan& plan) {
    for (const Decision& decision : plan.decisions) {
        if (decision.taken) continue;
        if (text.size() > 2000) return text + "; ...";
        text += "; " + decision.sentence;
    }
    return text;
}

}  // namespace

Recovery recover(const Project& project, const std::vector<SeenRef>& known,
                 const std::vector<build::RemoteRef>& present) {
    Recovery recovery;
    std::map<std::string_view, const SeenRef*> left;
    for (const SeenRef& ref : known) left[ref.ref] = &ref;
    for (const build::RemoteRef& ref : present) {
        const auto place = left.find(ref.ref);
        const SeenRef before = place == left.end() ? SeenRef{project.name, ref.ref, "", "", false} : *place->second;
        const bool listed = place != left.end();
        if (listed) left.erase(place);
        if (listed && told_nothing(before))
            recovery.learned.push_back({project.name, ref.ref, ref.id, ref.commit, false});
        else if (!listed || !same(before, ref))
            recovery.found.push_back({event_of(project, before, ref), before});
    }
    for (const auto& [name, ref] : left) recovery.gone.push_back(*ref);
    return recovery;
}

NewDelivery recovered_delivery(const Recovery::Found& found, const Project& project, const Configuration& configuration,
                               Milliseconds now) {
    const Event& event = found.event;
    Configuration narrowed = configuration;
    narrowed.projects = {project};
    NewDelivery delivery;
    delivery.hook = reconciler_name;
    delivery.forge = reconciler_name;
    delivery.peer = reconciler_name;
    delivery.event_name = "recovered";
    delivery.sender_id = fmt::format("{} {} {}", project.name, printable(event.ref, 1024), event.new_id);
    delivery.body = recovered_body(project, event, now);
    delivery.plan = plan({event}, reconciler_hook(), narrowed, {});
    delivery.plan.refs = {{project.name, event.ref, event.new_id, event.commit, false}};
    delivery.found_instead_of = {found.known};
    const std::string ref = printable(event.ref, 200);
    delivery.reason =
        event.change == Change::created
            ? fmt::format("recovered: no delivery told of {}; its repository has it at {}", ref, event.commit)
            : fmt::format("recovered: no delivery told that {} moved; its repository has it at {}", ref, event.commit);
    const bool builds = !delivery.plan.jobs.empty();
    Decision decision{builds, ref + " of " + label_of(event.repository), delivery.reason};
    if (!builds) {
        delivery.state = DeliveryState::ignored;
        delivery.reason = with_reasons(delivery.reason, delivery.plan);
    }
    delivery.plan.decisions.insert(delivery.plan.decisions.begin(), std::move(decision));
    return delivery;
}

}  // namespace gachette::dispatch
