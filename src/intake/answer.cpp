#include <nlohmann/json.hpp>

#include "base/text.h"
#include "intake/intake.h"

namespace gachette::intake {

namespace {

using Json = nlohmann::ordered_json;

Answer render(int status, const Json& body) {
    return {status, body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

Json job_json(const AcceptedJob& job) {
    Json stacks = Json::array();
    for (const Target& target : job.targets) stacks.push_back(target.domain + "/" + target.stack);
    Json shown{{"id", job.id}, {"project", job.project}, {"ref", job.ref}, {"commit", job.commit}, {"stacks", stacks}};
    if (job.commit.empty()) shown.erase("commit");
    if (job.same_build_as) shown["same_build_as"] = job.same_build_as;
    if (!job.superseded.empty()) shown["supersedes"] = job.superseded;
    return shown;
}

Json decisions_json(const Plan& plan) {
    Json shown = Json::array();
    for (const Decision& decision : plan.decisions)
        shown.push_back({{"taken", decision.taken}, {"subject", decision.subject}, {"sentence", decision.sentence}});
    return shown;
}

}  // namespace

Answer error_answer(int status, const std::string& sentence) {
    return render(status, Json{{"error", printable(sentence, 2000)}});
}

Answer answer_for(const Accepted& accepted, const NewDelivery& delivery) {
    Json body{{"delivery", accepted.id}};
    Json jobs = Json::array();
    for (const AcceptedJob& job : accepted.jobs) jobs.push_back(job_json(job));
    if (delivery.replay_of) body["replay_of"] = delivery.replay_of;
    switch (accepted.state) {
        case DeliveryState::repeat:
            body["repeats"] = accepted.repeats;
            body["note"] = accepted.note;
            body["jobs"] = jobs;
            body["replay"] = "gachette replay " + std::to_string(accepted.repeats);
            return render(200, body);
        case DeliveryState::ignored:
            body["ignored"] = delivery.reason;
            if (!delivery.plan.decisions.empty()) body["decisions"] = decisions_json(delivery.plan);
            return render(200, body);
        case DeliveryState::malformed:
            body["malformed"] = delivery.reason;
            return render(200, body);
        case DeliveryState::accepted:
            break;
    }
    body["jobs"] = jobs;
    body["decisions"] = decisions_json(delivery.plan);
    return render(202, body);
}

}  // namespace gachette::intake
