#include "serve/routes.h"

#include "base/text.h"

namespace gachette::serve {

namespace {

// A row of the table: "#" is a number, "*" a name; the names are taken in order: name, stack, other.
struct Row {
    std::string_view method;
    std::string_view pattern;
    Action action;
    bool admin;
};

constexpr Row table[] = {
    {"POST", "/hooks/*", Action::hook, false},
    {"GET", "/health", Action::health, false},
    {"GET", "/metrics", Action::metrics, true},
    {"GET", "/", Action::overview_page, true},
    {"GET", "/jobs/#", Action::job_page, true},
    {"GET", "/jobs/#/log", Action::page_log, true},
    {"GET", "/deliveries/#", Action::delivery_page, true},
    {"GET", "/api/v1/health", Action::health, true},
    {"GET", "/api/v1/deliveries", Action::deliveries, true},
    {"GET", "/api/v1/deliveries/#", Action::delivery, true},
    {"GET", "/api/v1/deliveries/#/body", Action::delivery_body, true},
    {"POST", "/api/v1/deliveries/#/replay", Action::replay, true},
    {"GET", "/api/v1/jobs", Action::jobs, true},
    {"GET", "/api/v1/jobs/#", Action::job, true},
    {"GET", "/api/v1/jobs/#/log", Action::job_log, true},
    {"POST", "/api/v1/jobs/#/rebuild", Action::rebuild, true},
    {"POST", "/api/v1/jobs/#/cancel", Action::cancel, true},
    {"GET", "/api/v1/stacks", Action::stacks, true},
    {"GET", "/api/v1/stacks/*", Action::stacks, true},
    {"GET", "/api/v1/stacks/*/*", Action::stack, true},
    {"GET", "/api/v1/stacks/*/*/log", Action::stack_log, true},
    {"GET", "/api/v1/stacks/*/*/diff/*", Action::stack_diff, true},
};

bool fits(const Row& row, const std::vector<std::string>& parts, Route& result) {
    const std::vector<std::string> wanted = split(row.pattern, '/');
    if (wanted.size() != parts.size()) return false;
    std::string* names[] = {&result.name, &result.stack, &result.other};
    std::size_t taken = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (wanted[i] == "#") {
            const auto number = parse_decimal(parts[i]);
            if (!number) return false;
            result.id = *number;
        } else if (wanted[i] == "*") {
            if (parts[i].empty()) return false;
            *names[taken++] = parts[i];
        } else if (wanted[i] != parts[i]) {
            return false;
        }
    }
    result.admin = row.admin;
    return true;
}

}  // namespace

Route route(std::string_view method, std::string_view path) {
    const std::vector<std::string> parts = split(path, '/');
    Route refused;
    for (const Row& row : table) {
        Route result;
        if (!fits(row, parts, result)) continue;
        // Gitea and Forgejo hooks may be set to GET, with the body in the query.
        const bool same = row.method == method || (row.action == Action::hook && method == "GET") ||
                          (row.method == "GET" && method == "HEAD");
        if (same) {
            result.action = row.action;
            return result;
        }
        refused.action = Action::wrong_method;
        refused.allowed = row.method;
        refused.admin = row.admin;
    }
    return refused;
}

}  // namespace gachette::serve
