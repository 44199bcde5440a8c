#include "report/json.h"

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/text.h"

namespace gachette::report {

namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

void put(Json& json, const char* key, const std::string& value) {
    if (!value.empty()) json[key] = printable(value, 4'000);
}

Json show(const Package& package) {
    return {{"name", package.name}, {"version", package.version}, {"architecture", package.architecture},
            {"file", package.file}, {"sha256", package.sha256},   {"size", package.size}};
}

Json show(const TargetState& state) {
    Json json{{"domain", state.target.domain}, {"stack", state.target.stack}};
    put(json, "outcome", state.outcome);
    put(json, "reason", state.reason);
    if (state.generation != 0) json["generation"] = state.generation;
    return json;
}

template <typename T>
Json list_of(const std::vector<T>& values) {
    Json list = Json::array();
    for (const T& value : values) list.push_back(show(value));
    return list;
}

}  // namespace

std::string json_object(const std::vector<std::pair<const char*, std::string>>& fields) {
    Json json = Json::object();
    for (const auto& [key, value] : fields)
        if (!value.empty()) json[key] = value;
    return text_of(json);
}

std::string webhook_body(const Report& report, const std::string& link) {
    const ReportFacts& facts = report.facts;
    const bool stack = facts.event == "stack.changed";
    Json data = Json::object();
    if (stack && !facts.targets.empty()) data = show(facts.targets.front());
    data["job"] = facts.job;
    data["delivery"] = facts.delivery;
    data["project"] = facts.project;
    put(data, "repository", facts.repository);
    put(data, "ref", facts.ref);
    put(data, "commit", facts.commit);
    put(data, "version", facts.version);
    if (!stack) {
        data["state"] = to_string(facts.state);
        put(data, "reason", facts.reason);
        data["targets"] = list_of(facts.targets);
    }
    data["packages"] = list_of(facts.packages);
    put(data, "link", link);
    return text_of({{"type", facts.event}, {"timestamp", iso8601(report.created)}, {"data", data}});
}

std::string callback_body(const Package& package) {
    return text_of(Json{{"name", package.name}, {"version", package.version}, {"file_name", package.file}});
}

}  // namespace gachette::report
