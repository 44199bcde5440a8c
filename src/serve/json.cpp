#include "serve/json.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace gachette::serve {

namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

void put(Json& json, const char* key, const std::string& value) {
    if (!value.empty()) json[key] = printable(value, 4000);
}
void put(Json& json, const char* key, std::int64_t value) {
    if (value != 0) json[key] = value;
}
void put_time(Json& json, const char* key, Milliseconds time) {
    if (time != 0) json[key] = iso8601(time);
}

Json show(const Delivery& delivery) {
    Json json{{"id", delivery.id}, {"hook", delivery.hook}, {"forge", delivery.forge}};
    put(json, "event", delivery.event_name);
    put(json, "sender_id", delivery.sender_id);
    json["state"] = to_string(delivery.state);
    put(json, "reason", delivery.reason);
    put_time(json, "received", delivery.received);
    json["bytes"] = delivery.body_bytes;
    put(json, "sha256", delivery.body_sha256);
    put(json, "repeats", delivery.repeats);
    put(json, "replay_of", delivery.replay_of);
    put(json, "requested_by", delivery.requested_by);
    put(json, "secret", delivery.secret_origin);
    put(json, "peer", delivery.peer);
    return json;
}

Json show(const TargetState& state) {
    Json json{{"domain", state.target.domain}, {"stack", state.target.stack}};
    put(json, "from", state.target.from);
    put(json, "rule", state.target.rule);
    put(json, "outcome", state.outcome);
    put(json, "reason", state.reason);
    put(json, "generation", state.generation);
    return json;
}

Json show(const Package& package) {
    return {{"name", package.name}, {"version", package.version}, {"architecture", package.architecture},
            {"file", package.file}, {"sha256", package.sha256},   {"size", package.size}};
}

Json show(const Attempt& attempt) {
    Json json{{"number", attempt.number}};
    put(json, "build_host", attempt.build_host);
    put_time(json, "started", attempt.started);
    put_time(json, "finished", attempt.finished);
    if (attempt.result) json["result"] = to_string(*attempt.result);
    put(json, "reason", attempt.reason);
    return json;
}

Json show(const Job& job);

template <typename T>
Json show_all(const std::vector<T>& values) {
    Json list = Json::array();
    for (const T& value : values) list.push_back(show(value));
    return list;
}

Json show(const Job& job) {
    Json json{{"id", job.id}, {"delivery", job.delivery}, {"project", job.project}, {"ref", printable(job.ref, 1200)}};
    put(json, "commit", job.commit);
    json["state"] = to_string(job.state);
    if (job.step != Step::none) json["step"] = to_string(job.step);
    put(json, "reason", job.reason);
    put(json, "superseded_by", job.superseded_by);
    put(json, "same_build_as", job.same_build_as);
    put(json, "rebuild_of", job.rebuild_of);
    put(json, "requested_by", job.requested_by);
    put(json, "cancelled_by", job.cancelled_by);
    json["attempts"] = job.attempts;
    put_time(json, "created", job.created);
    put_time(json, "started", job.started);
    put_time(json, "finished", job.finished);
    if (job.state == JobState::queued) put_time(json, "next_try", job.next_try);
    put(json, "build_host", job.build_host);
    put(json, "version", job.version);
    json["targets"] = show_all(job.targets);
    json["packages"] = show_all(job.packages);
    json["tries"] = show_all(job.tries);
    return json;
}

// A page is followed by another when it is full; "next" is the `before` of that one.
template <typename T>
std::string page(const char* name, const std::vector<T>& rows, int limit) {
    Json json{{name, show_all(rows)}};
    if (static_cast<int>(rows.size()) >= limit && !rows.empty()) json["next"] = rows.back().id;
    return text_of(json);
}

}  // namespace

std::string delivery_json(const Delivery& delivery, const std::vector<Job>& jobs) {
    Json json = show(delivery);
    Json decisions = Json::array();
    for (const Decision& decision : delivery.decisions)
        decisions.push_back({{"taken", decision.taken},
                             {"subject", printable(decision.subject, 2000)},
                             {"sentence", printable(decision.sentence, 2000)}});
    json["decisions"] = decisions;
    Json headers = Json::object();
    for (const Header& header : delivery.headers.all()) headers[header.name] = printable(header.value);
    json["headers"] = headers;
    Json shown_jobs = Json::array();
    for (const Job& job : jobs) shown_jobs.push_back({{"id", job.id}, {"state", to_string(job.state)}});
    json["jobs"] = shown_jobs;
    return text_of(json);
}

std::string deliveries_json(const std::vector<Delivery>& deliveries, int limit) {
    return page("deliveries", deliveries, limit);
}
std::string job_json(const Job& job) { return text_of(show(job)); }
std::string jobs_json(const std::vector<Job>& jobs, int limit) { return page("jobs", jobs, limit); }

std::string health_json(const Health& health) {
    return text_of({{"good", health.good},
                    {"problem", printable(health.problem)},
                    {"version", GACHETTE_VERSION},
                    {"deliveries", health.deliveries},
                    {"jobs_queued", health.jobs_queued},
                    {"jobs_running", health.jobs_running},
                    {"waiting_for_commit", health.waiting_for_commit}});
}

}  // namespace gachette::serve
