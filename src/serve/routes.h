// Which request means what: a pure function from method and path to a route.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gachette::serve {

enum class Action {
    hook,
    health,
    deliveries,
    delivery,
    delivery_body,
    replay,
    jobs,
    job,
    job_log,
    rebuild,
    cancel,
    stacks,
    stack,
    stack_log,
    stack_diff,
    metrics,
    overview_page,
    job_page,
    delivery_page,
    page_log,
    unknown,       // 404
    wrong_method,  // 405, `allowed` says what would do
};

struct Route {
    Action action = Action::unknown;
    std::string name;          // hook; domain
    std::string stack;         // stack or stack@n
    std::string other;         // the second stack of a diff
    std::int64_t id = 0;       // delivery or job
    std::string_view allowed;  // for wrong_method: "POST"
    bool admin = false;        // needs the UNIX socket or a token
};

Route route(std::string_view method, std::string_view path);

}  // namespace gachette::serve
