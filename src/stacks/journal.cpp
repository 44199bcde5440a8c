#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "stacks/stacks.h"

namespace gachette::stacks {

namespace {

using Json = nlohmann::json;

std::string text_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t number_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

}  // namespace

Result<LogEntry> parse_journal_line(std::string_view line) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return fail(fmt::format("a journal line is not a JSON object: {}", printable(line, 80)));
    LogEntry entry;
    entry.generation = number_of(json, "generation");
    entry.arrival = number_of(json, "arrival");
    for (const auto& [key, member] : {std::pair{"at", &LogEntry::at},
                                      {"operation", &LogEntry::operation},
                                      {"by", &LogEntry::by},
                                      {"parent", &LogEntry::parent},
                                      {"project", &LogEntry::project},
                                      {"ref", &LogEntry::ref},
                                      {"commit", &LogEntry::commit},
                                      {"delivery", &LogEntry::delivery},
                                      {"job", &LogEntry::job},
                                      {"rule", &LogEntry::rule},
                                      {"reason", &LogEntry::reason}}) {
        entry.*member = text_of(json, key);
    }
    if (entry.operation.empty()) return fail(fmt::format("a journal line has no operation: {}", printable(line, 80)));
    const auto changes = json.find("changes");
    if (changes == json.end() || !changes->is_array()) return entry;
    for (const Json& change : *changes) {
        if (!change.is_object()) return fail(fmt::format("a journal line has an odd change: {}", printable(line, 80)));
        entry.changes.push_back({text_of(change, "package"), text_of(change, "from"), text_of(change, "to"), "", ""});
    }
    return entry;
}

}  // namespace gachette::stacks
