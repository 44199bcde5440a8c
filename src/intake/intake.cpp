#include "intake/intake.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "handlers/handlers.h"
#include "model/plan.h"
#include "model/recovered.h"

namespace gachette::intake {

namespace {

Headers kept(const Headers& headers, const handlers::Forge& forge) {
    Headers result;
    for (const std::string_view name : forge.kept_headers)
        if (const auto value = headers.only(name)) result.add(std::string(name), printable(*value, 200));
    return result;
}

// Why a readable delivery leads to no job: the plan's reasons in one sentence each.
std::string reasons_of(const Plan& plan) {
    std::string text;
    for (const Decision& decision : plan.decisions) {
        if (decision.taken) continue;
        if (text.size() > 2000) return text + "; ...";
        text += (text.empty() ? "" : "; ") + decision.sentence;
    }
    return text.empty() ? "nothing to do" : text;
}

}  // namespace

NewDelivery understand(const Incoming& incoming, const Hook& hook, const Configuration& configuration,
                       const std::map<std::string, std::string>& known) {
    const handlers::Forge* forge = handlers::find_forge(hook.forge);
    if (!forge) throw ConfigError("hooks." + hook.name + ": no forge is called " + hook.forge);
    const handlers::Request request{incoming.headers, incoming.body, incoming.query};
    NewDelivery delivery;
    delivery.hook = hook.name;
    delivery.forge = hook.forge;
    delivery.peer = incoming.peer;
    delivery.event_name = forge->event_name(request);
    delivery.sender_id = forge->delivery_id(request);
    delivery.headers = kept(incoming.headers, *forge);
    const handlers::Reading reading = forge->read(request, hook);
    delivery.reason = printable(reading.reason, 2000);
    switch (reading.kind) {
        case handlers::Reading::Kind::ignored:
            delivery.state = DeliveryState::ignored;
            return delivery;
        case handlers::Reading::Kind::malformed:
            delivery.state = DeliveryState::malformed;
            return delivery;
        case handlers::Reading::Kind::events:
            break;
    }
    delivery.plan = plan(reading.events, hook, configuration, known);
    delivery.state = delivery.plan.jobs.empty() ? DeliveryState::ignored : DeliveryState::accepted;
    if (delivery.plan.jobs.empty()) delivery.reason = reasons_of(delivery.plan);
    return delivery;
}

Intake::Intake(const Current<Configuration>& configuration, Store& store, const Clock& clock,
               std::function<void(const std::string& project)> superseded)
    : configuration_(configuration), store_(store), clock_(clock), superseded_(std::move(superseded)) {}

void Intake::receive(Incoming incoming, Done done) const {
    const auto configuration = configuration_.get();
    const Hook* hook = configuration->find_hook(incoming.hook);
    const handlers::Forge* forge = hook ? handlers::find_forge(hook->forge) : nullptr;
    if (!forge) return done(error_answer(404, "there is no hook of this name"));
    const handlers::Authenticity authentic =
        forge->authentic({incoming.headers, incoming.body, incoming.query}, *hook, clock_.wall());
    if (authentic.verdict != handlers::Verdict::accepted) {
        log::warning("refused a delivery",
                     {{"hook", hook->name}, {"peer", incoming.peer}, {"reason", authentic.reason}});
        return done(error_answer(401, authentic.reason));
    }
    try {
        NewDelivery delivery = understand(incoming, *hook, *configuration, store_.known_repositories());
        delivery.secret_origin = hook->secrets.at(authentic.secret).origin;
        delivery.body = std::move(incoming.body);
        accept(std::move(delivery), std::move(done));
    } catch (const std::exception& problem) {
        log::error("a delivery could not be taken", {{"hook", hook->name}, {"reason", problem.what()}});
        done(error_answer(503, "the delivery could not be taken in; send it again"));
    }
}

void Intake::replay(DeliveryId id, const std::string& by, Done done) const {
    const std::string number = std::to_string(id);
    try {
        const auto original = store_.delivery(id);
        if (!original) return done(error_answer(404, "there is no delivery " + number));
        auto body = store_.body(id);
        if (!body) return done(error_answer(404, "the body of delivery " + number + " is no longer kept"));
        const auto configuration = configuration_.get();
        const Hook* hook =
            original->hook == reconciler_name ? &reconciler_hook() : configuration->find_hook(original->hook);
        if (!hook)
            return done(error_answer(409, "delivery " + number + " came by hook \"" + original->hook +
                                              "\", which the configuration no longer has"));
        Incoming incoming{original->hook, original->peer, original->headers, "", std::move(*body)};
        NewDelivery delivery = understand(incoming, *hook, *configuration, store_.known_repositories());
        delivery.replay_of = original->replay_of ? original->replay_of : id;
        delivery.requested_by = by;
        delivery.sender_id.clear();
        delivery.body = std::move(incoming.body);
        accept(std::move(delivery), std::move(done));
    } catch (const std::exception& problem) {
        log::error("a replay failed", {{"delivery", id}, {"reason", problem.what()}});
        done(error_answer(503, "the replay could not be stored; try again"));
    }
}

void Intake::accept(NewDelivery delivery, Done done) const {
    // The answer needs the plan and names, not the body: the body goes to the store.
    std::string body = std::move(delivery.body);
    NewDelivery shown = delivery;
    delivery.body = std::move(body);
    store_.accept(std::move(delivery), [superseded = superseded_, shown = std::move(shown),
                                        done = std::move(done)](Result<Accepted> accepted) {
        if (!accepted) {
            log::error("a delivery could not be stored", {{"hook", shown.hook}, {"reason", accepted.error()}});
            return done(error_answer(503, "the delivery could not be stored; send it again"));
        }
        log::info("delivery", {{"id", accepted->id},
                               {"hook", shown.hook},
                               {"event", shown.event_name},
                               {"state", to_string(accepted->state)},
                               {"jobs", static_cast<std::int64_t>(accepted->jobs.size())},
                               {"reason", shown.reason}});
        done(answer_for(*accepted, shown));
        for (const AcceptedJob& job : accepted->jobs)
            if (superseded && !job.superseded.empty()) superseded(job.project);
    });
}

}  // namespace gachette::intake
