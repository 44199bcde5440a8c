#include <catch2/catch.hpp>

#include "serve/routes.h"

using namespace gachette::serve;

TEST_CASE("method and path choose the route") {
    struct Row {
        const char* method;
        const char* path;
        Action action;
        bool admin;
    };
    const Row rows[] = {
        {"POST", "/hooks/github", Action::hook, false},
        {"GET", "/hooks/gitea", Action::hook, false},
        {"PUT", "/hooks/github", Action::wrong_method, false},
        {"DELETE", "/hooks/github", Action::wrong_method, false},
        {"POST", "/hooks/", Action::unknown, false},
        {"POST", "/hooks", Action::unknown, false},
        {"POST", "/hooks/a/b", Action::unknown, false},
        {"GET", "/health", Action::health, false},
        {"HEAD", "/health", Action::health, false},
        {"GET", "/metrics", Action::metrics, true},
        {"GET", "/api/v1/deliveries", Action::deliveries, true},
        {"GET", "/api/v1/deliveries/17", Action::delivery, true},
        {"GET", "/api/v1/deliveries/17/body", Action::delivery_body, true},
        {"POST", "/api/v1/deliveries/17/replay", Action::replay, true},
        {"GET", "/api/v1/deliveries/17/replay", Action::wrong_method, true},
        {"GET", "/api/v1/deliveries/x", Action::unknown, false},
        {"GET", "/api/v1/deliveries/-1", Action::unknown, false},
        {"GET", "/api/v1/deliveries/9999999999999999999", Action::unknown, false},
        {"GET", "/api/v1/jobs", Action::jobs, true},
        {"GET", "/api/v1/jobs/3", Action::job, true},
        {"GET", "/api/v1/jobs/3/log", Action::job_log, true},
        {"POST", "/api/v1/jobs/3/rebuild", Action::rebuild, true},
        {"POST", "/api/v1/jobs/3/cancel", Action::cancel, true},
        {"GET", "/api/v1/stacks", Action::stacks, true},
        {"GET", "/api/v1/stacks/backend", Action::stacks, true},
        {"GET", "/api/v1/stacks/backend/edge", Action::stack, true},
        {"GET", "/api/v1/stacks/backend/edge@3", Action::stack, true},
        {"GET", "/api/v1/stacks/backend/edge/log", Action::stack_log, true},
        {"GET", "/api/v1/stacks/backend/edge/diff/next", Action::stack_diff, true},
        {"GET", "/", Action::overview_page, true},
        {"GET", "/jobs/3", Action::job_page, true},
        {"GET", "/jobs/3/log", Action::page_log, true},
        {"GET", "/deliveries/3", Action::delivery_page, true},
        {"POST", "/jobs/3", Action::wrong_method, true},
        {"GET", "", Action::unknown, false},
        {"GET", "/api", Action::unknown, false},
        {"GET", "//api/v1/jobs", Action::unknown, false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.method, row.path);
        const Route found = route(row.method, row.path);
        CHECK(found.action == row.action);
        CHECK(found.admin == row.admin);
    }
}

TEST_CASE("a route carries its numbers and names") {
    CHECK(route("GET", "/api/v1/jobs/42/log").id == 42);
    const Route diff = route("GET", "/api/v1/stacks/backend/edge@3/diff/edge@4");
    CHECK(diff.name == "backend");
    CHECK(diff.stack == "edge@3");
    CHECK(diff.other == "edge@4");
    CHECK(route("GET", "/api/v1/jobs/3/cancel").allowed == "POST");
}
