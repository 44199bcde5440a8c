#include "serve/stack_json.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace gachette::serve {

namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

void put(Json& json, const char* key, const std::string& value) {
    if (!value.empty()) json[key] = printable(value, 2000);
}

Json show(const stacks::StackSummary& summary) {
    Json json{{"domain", summary.domain}, {"stack", summary.stack}};
    put(json, "alias_of", summary.alias_of);
    if (!summary.alias_of.empty()) return json;
    json["generation"] = summary.generation;
    json["packages"] = summary.count;
    json["form"] = to_string(summary.form);
    put(json, "operation", summary.operation);
    put(json, "at", summary.at);
    put(json, "by", summary.by);
    put(json, "parent", summary.parent);
    put(json, "reason", summary.reason);
    if (summary.frozen) {
        Json frozen{{"by", printable(summary.frozen->by)}, {"at", summary.frozen->at}};
        put(frozen, "reason", summary.frozen->reason);
        json["frozen"] = frozen;
    }
    return json;
}

Json show(const stacks::StackEntry& entry) {
    Json json{{"name", entry.name}, {"version", entry.version}};
    put(json, "architecture", entry.architecture);
    put(json, "file", entry.file);
    put(json, "sha256", entry.sha256);
    if (entry.size) json["size"] = *entry.size;
    put(json, "project", entry.project);
    put(json, "ref", entry.ref);
    put(json, "commit", entry.commit);
    put(json, "since", entry.since);
    return json;
}

Json show(const stacks::Change& change) {
    Json json{{"package", change.package}};
    put(json, "from", change.from);
    put(json, "to", change.to);
    put(json, "from_commit", change.from_commit);
    put(json, "to_commit", change.to_commit);
    return json;
}

Json show(const stacks::LogEntry& entry);

template <typename T>
Json show_all(const std::vector<T>& values) {
    Json list = Json::array();
    for (const T& value : values) list.push_back(show(value));
    return list;
}

Json show(const stacks::LogEntry& entry) {
    Json json{{"generation", entry.generation}, {"at", entry.at}, {"operation", entry.operation}};
    put(json, "by", entry.by);
    put(json, "parent", entry.parent);
    put(json, "project", entry.project);
    put(json, "ref", entry.ref);
    put(json, "commit", entry.commit);
    put(json, "delivery", entry.delivery);
    put(json, "job", entry.job);
    put(json, "rule", entry.rule);
    put(json, "reason", entry.reason);
    json["changes"] = show_all(entry.changes);
    return json;
}

}  // namespace

std::string stacks_json(const std::vector<stacks::StackSummary>& summaries) {
    return text_of({{"stacks", show_all(summaries)}});
}

std::string stack_json(const stacks::StackState& state) {
    Json json = show(state.summary);
    json["entries"] = show_all(state.packages);
    if (!state.notes.empty()) json["notes"] = state.notes;
    return text_of(json);
}

std::string stack_log_json(const std::vector<stacks::LogEntry>& entries) {
    return text_of({{"log", show_all(entries)}});
}

std::string stack_diff_json(const stacks::Difference& difference) {
    return text_of({{"from", difference.from}, {"to", difference.to}, {"changes", show_all(difference.changes)}});
}

}  // namespace gachette::serve
