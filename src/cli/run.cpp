#include "cli/run.h"

#include <map>

#include "base/error.h"
#include "base/text.h"
#include "cli/invocation.h"
#include "cli/session.h"
#include "cli/tasks.h"

namespace gachette::cli {

namespace {

using Task = int (*)(Session&, const Call&);

const std::map<std::string, Task>& tasks() {
    static const std::map<std::string, Task> table = {
        {"version", version},
        {"show_config", show_config},
        {"stack_create", stack_create},
        {"prepare", prepare},
        {"build", build},
        {"add_to_stack", add_to_stack},
        {"quick", quick},
        {"serve", serve},
        {"check_config", check_config},
        {"explain", explain},
        {"sign", sign},
        {"deliveries", deliveries},
        {"jobs", jobs},
        {"logs", logs},
        {"replay", replay},
        {"rebuild", rebuild},
        {"cancel", cancel},
        {"stacks", stacks},
        {"stack show", stack_show},
        {"stack diff", stack_diff},
        {"stack log", stack_log},
        {"stack rollback", stack_rollback},
        {"stack remove", stack_remove},
        {"stack promote", stack_promote},
        {"stack alias", stack_alias},
        {"stack freeze", stack_freeze},
        {"stack thaw", stack_thaw},
        {"stack verify", stack_verify},
    };
    return table;
}

int run_calls(const Invocation& invocation, std::ostream& out, std::ostream& err) {
    if (!invocation.text.empty()) {
        out << invocation.text;
        out.flush();
        return 0;
    }
    const SystemClock clock;
    Session session(invocation.options, out, err, clock);
    for (const Call& call : invocation.calls) {
        const int code = tasks().at(call.command)(session, call);
        out.flush();
        if (code != 0) return code;
    }
    return 0;
}

}  // namespace

int run(const std::vector<std::string>& words, std::ostream& out, std::ostream& err) {
    const auto say = [&](const std::exception& problem, int code) {
        out.flush();
        for (const std::string& line : split(printable_lines(trim(problem.what())), '\n'))
            err << "gachette: " << line << "\n";
        err.flush();
        return code;
    };
    try {
        return run_calls(parse(words), out, err);
    } catch (const UsageError& problem) {
        return say(problem, 2);
    } catch (const ConfigError& problem) {
        return say(problem, 2);
    } catch (const HostError& problem) {
        return say(problem, 3);
    } catch (const std::exception& problem) {
        return say(problem, 1);
    }
}

}  // namespace gachette::cli
