// stack_create, add_to_stack, stacks and stack ...: straight to the build host, without the daemon.
#include <cstdlib>

#include "base/error.h"
#include "base/text.h"
#include "cli/catalog.h"
#include "cli/json_text.h"
#include "cli/stack_access.h"
#include "cli/table.h"
#include "cli/tasks.h"
#include "model/names.h"

namespace gachette::cli {

namespace {

using stacks::Change;
using stacks::Changed;
using stacks::LogEntry;
using stacks::StackEntry;
using stacks::StackHost;
using stacks::StackState;
using stacks::StackSummary;

std::string command_of(const Call& call) { return natural_name(call.command); }

// The value, or the "no" of the build host as the failure of the command.
template <typename T>
T need(const Call& call, Result<T> result) {
    if (!result) throw std::runtime_error(command_of(call) + ": " + result.error());
    return std::move(*result);
}

std::string title(const Call& call) { return call.text("domain") + "/" + call.text("stack"); }

stacks::Author author(const Call& call) { return {asked_by(), call.text("reason")}; }

stacks::StackName stack_name(const std::string& text) {
    Result<stacks::StackName> name = stacks::parse_stack_name(text);
    if (!name) throw UsageError(name.error());
    return *name;
}

StackState read_state(Session& session, const Call& call, StackHost& host, const std::string& text) {
    const stacks::StackName name = stack_name(text);
    StackState state = need(call, host.show(call.text("domain"), name.stack, name.generation));
    for (const std::string& sentence : state.notes) session.note(sentence);
    return state;
}

// Says what a change led to: "stack main/foobar1 created (generation 1)".
int tell_change(Session& session, const std::string& stack, const std::string& done, const Changed& changed) {
    for (const std::string& sentence : changed.notes) session.note(sentence);
    if (session.options().json) {
        session.out() << JsonText()
                             .text("stack", stack)
                             .flag("changed", changed.changed)
                             .number("generation", changed.generation)
                             .text_if("reason", changed.reason)
                             .str()
                      << "\n";
        return 0;
    }
    if (!changed.changed)
        session.out() << (changed.reason.empty() ? "stack " + stack + ": nothing to change"
                                                 : printable(changed.reason, 2000));
    else
        session.out() << "stack " << stack << " " << done
                      << (changed.generation ? " (generation " + std::to_string(changed.generation) + ")" : "");
    session.out() << "\n";
    return 0;
}

JsonText as_json(const StackSummary& summary) {
    JsonText json;
    json.text("domain", summary.domain).text("stack", summary.stack).text_if("alias_of", summary.alias_of);
    if (!summary.alias_of.empty()) return json;
    json.number("generation", summary.generation)
        .number("packages", summary.count)
        .text("form", to_string(summary.form));
    json.text_if("operation", summary.operation).text_if("at", summary.at).text_if("by", summary.by);
    json.text_if("parent", summary.parent).text_if("reason", summary.reason);
    if (summary.frozen)
        json.object("frozen", JsonText()
                                  .text("by", summary.frozen->by)
                                  .text("at", summary.frozen->at)
                                  .text_if("reason", summary.frozen->reason));
    return json;
}

JsonText as_json(const StackEntry& entry) {
    JsonText json;
    json.text("name", entry.name).text("version", entry.version).text_if("architecture", entry.architecture);
    json.text_if("file", entry.file).text_if("sha256", entry.sha256);
    if (entry.size) json.number("size", *entry.size);
    return json.text_if("project", entry.project)
        .text_if("ref", entry.ref)
        .text_if("commit", entry.commit)
        .text_if("since", entry.since);
}

JsonText as_json(const Change& change) {
    return JsonText().text("package", change.package).text_if("from", change.from).text_if("to", change.to);
}

std::vector<JsonText> as_json(const std::vector<Change>& changes) {
    std::vector<JsonText> list;
    for (const Change& change : changes) list.push_back(as_json(change));
    return list;
}

JsonText as_json(const LogEntry& entry) {
    JsonText json;
    json.number("generation", entry.generation).text("at", entry.at).text("operation", entry.operation);
    json.text_if("by", entry.by).text_if("parent", entry.parent).text_if("project", entry.project);
    json.text_if("ref", entry.ref).text_if("commit", entry.commit).text_if("delivery", entry.delivery);
    json.text_if("job", entry.job).text_if("rule", entry.rule).text_if("reason", entry.reason);
    return json.objects("changes", as_json(entry.changes));
}

std::string change_line(const Change& change) {
    if (change.from.empty()) return "+ " + change.package + " " + change.to;
    if (change.to.empty()) return "- " + change.package + " " + change.from;
    if (change.from == change.to) return "~ " + change.package + " " + change.to + " (other content)";
    return "~ " + change.package + " " + change.from + " -> " + change.to;
}

}  // namespace

StackHost stack_host(Session& session, const Call& call) {
    const Configuration& configuration = session.configuration();
    const std::string meta_path = session.folder(call, "meta_path", configuration.meta_path);
    const std::string given = call.text("debs_path");
    const std::string debs_path = given.empty() && configuration.debs_path.empty()
                                      ? ""
                                      : session.folder(call, "debs_path", configuration.debs_path);
    return {session.shell(call), meta_path, debs_path, session.clock()};
}

std::string asked_by() {
    const char* user = std::getenv("USER");
    return std::string("command line") + (user && *user ? " of " + printable(user, 80) : "");
}

void need_name(const std::string& what, const std::string& name) {
    if (const auto checked = check_name(what, name); !checked) throw UsageError(checked.error());
}

StackState need_stack(Session& session, const Call& call, const std::string& domain, const std::string& stack) {
    return need(call, stack_host(session, call).show(domain, stack));
}

int stack_create(Session& session, const Call& call) {
    need_name("domain", call.text("domain"));
    need_name("stack", call.text("name"));
    StackHost host = stack_host(session, call);
    const std::string from = call.text("from_stack");
    const Changed changed = need(call, host.create(call.text("domain"), call.text("name"), from, {asked_by(), ""}));
    return tell_change(session, call.text("domain") + "/" + call.text("name"),
                       from.empty() ? "created" : "created from " + from, changed);
}

int add_to_stack(Session& session, const Call& call) {
    need_name("domain", call.text("domain"));
    need_name("stack", call.text("stack_version"));
    StackHost host = stack_host(session, call);
    const stacks::NewPackage package{call.text("name"), call.text("version"), call.text("file_name")};
    const std::string stack = call.text("stack_version");
    const Changed changed = need(call, host.add(call.text("domain"), stack, {package}, {asked_by(), ""}));
    return tell_change(session, call.text("domain") + "/" + stack, "has " + package.name + " " + package.version,
                       changed);
}

int stacks(Session& session, const Call& call) {
    StackHost host = stack_host(session, call);
    const std::vector<StackSummary> found = need(call, host.list(call.text("domain")));
    if (session.options().json) {
        std::vector<JsonText> list;
        for (const StackSummary& summary : found) list.push_back(as_json(summary));
        session.out() << JsonText().objects("stacks", list).str() << "\n";
        return 0;
    }
    Table table({"DOMAIN", "STACK", "GENERATION", "PACKAGES", "CHANGED", "BY", ""});
    for (const StackSummary& summary : found) {
        if (!summary.alias_of.empty()) {
            table.add({summary.domain, summary.stack, "", "", "", "", "another name of " + summary.alias_of});
            continue;
        }
        const std::string generation = summary.generation ? std::to_string(summary.generation) : "-";
        table.add({summary.domain, summary.stack, generation, std::to_string(summary.count), short_time(summary.at),
                   summary.by.empty() ? "-" : summary.by, summary.frozen ? "frozen" : ""});
    }
    session.out() << (table.empty() ? "no stacks\n" : table.text(session.colours()));
    return 0;
}

int stack_show(Session& session, const Call& call) {
    StackHost host = stack_host(session, call);
    const StackState state = read_state(session, call, host, call.text("stack"));
    const StackSummary& summary = state.summary;
    if (session.options().json) {
        std::vector<JsonText> packages;
        for (const StackEntry& entry : state.packages) packages.push_back(as_json(entry));
        session.out() << as_json(summary).objects("entries", packages).str() << "\n";
        return 0;
    }
    session.out() << "stack " << summary.domain << "/" << summary.stack;
    if (summary.generation)
        session.out() << "@" << summary.generation << ", " << printable(summary.operation) << " "
                      << short_time(summary.at) << " by " << printable(summary.by);
    if (summary.frozen)
        session.out() << ", frozen by " << printable(summary.frozen->by)
                      << (summary.frozen->reason.empty() ? "" : ": " + printable(summary.frozen->reason));
    session.out() << "\n";
    Table table({"PACKAGE", "VERSION", "ARCH", "PROJECT", "COMMIT", "SINCE"});
    const auto or_dash = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
    for (const StackEntry& entry : state.packages)
        table.add({entry.name, entry.version, or_dash(entry.architecture), or_dash(entry.project),
                   short_commit(entry.commit), or_dash(entry.since)});
    session.out() << (table.empty() ? "no packages\n" : table.text(session.colours()));
    return 0;
}

int stack_diff(Session& session, const Call& call) {
    StackHost host = stack_host(session, call);
    const StackState from = read_state(session, call, host, call.text("stack"));
    const StackState to = read_state(session, call, host, call.text("other"));
    const stacks::Difference difference = stacks::difference(from, to);
    if (session.options().json) {
        session.out() << JsonText()
                             .text("from", difference.from)
                             .text("to", difference.to)
                             .objects("changes", as_json(difference.changes))
                             .str()
                      << "\n";
        return 0;
    }
    session.out() << difference.from << " -> " << difference.to << "\n";
    for (const Change& change : difference.changes) session.out() << printable(change_line(change), 2000) << "\n";
    if (difference.changes.empty()) session.out() << "no difference\n";
    return 0;
}

int stack_log(Session& session, const Call& call) {
    StackHost host = stack_host(session, call);
    const std::vector<LogEntry> entries =
        need(call, host.log(call.text("domain"), stack_name(call.text("stack")).stack));
    if (session.options().json) {
        std::vector<JsonText> list;
        for (const LogEntry& entry : entries) list.push_back(as_json(entry));
        session.out() << JsonText().text("stack", title(call)).objects("log", list).str() << "\n";
        return 0;
    }
    for (const LogEntry& entry : entries) {
        session.out() << "@" << entry.generation << "  " << short_time(entry.at) << "  " << printable(entry.operation)
                      << (entry.by.empty() ? "" : " by " + printable(entry.by))
                      << (entry.project.empty() ? "" : ": " + printable(entry.project + " " + entry.ref, 1200))
                      << (entry.commit.empty() ? "" : " " + short_commit(entry.commit))
                      << (entry.reason.empty() ? "" : " (" + printable(entry.reason, 2000) + ")") << "\n";
        for (const Change& change : entry.changes)
            session.out() << "    " << printable(change_line(change), 2000) << "\n";
    }
    if (entries.empty()) session.out() << "no generations\n";
    return 0;
}

int stack_rollback(Session& session, const Call& call) {
    const auto to = parse_decimal(call.text("generation"));
    if (!to || *to < 1)
        throw UsageError("stack rollback: \"" + printable(call.text("generation"), 40) +
                         "\" is no number of a generation; gachette stack log lists them");
    StackHost host = stack_host(session, call);
    const Changed changed = need(call, host.rollback(call.text("domain"), call.text("stack"), *to, author(call)));
    return tell_change(session, title(call), "rolled back to generation " + std::to_string(*to), changed);
}

int stack_promote(Session& session, const Call& call) {
    StackHost host = stack_host(session, call);
    const Changed changed = need(call, host.promote(call.text("domain"), call.text("stack"), call.text("other"),
                                                    call.texts("project"), author(call)));
    return tell_change(session, title(call), "promoted from " + call.text("other"), changed);
}

int stack_remove(Session& session, const Call& call) {
    StackHost host = stack_host(session, call);
    const std::vector<std::string> packages = call.texts("package");
    const Changed changed = need(call, host.remove(call.text("domain"), call.text("stack"), packages, author(call)));
    std::string names;
    for (const std::string& name : packages) names += (names.empty() ? "" : ", ") + name;
    return tell_change(session, title(call), "lost " + printable(names, 1000), changed);
}

int stack_freeze(Session& session, const Call& call) {
    StackHost host = stack_host(session, call);
    return tell_change(session, title(call), "frozen",
                       need(call, host.freeze(call.text("domain"), call.text("stack"), author(call))));
}

int stack_thaw(Session& session, const Call& call) {
    StackHost host = stack_host(session, call);
    return tell_change(session, title(call), "thawed",
                       need(call, host.thaw(call.text("domain"), call.text("stack"), author(call))));
}

int stack_alias(Session& session, const Call& call) {
    StackHost host = stack_host(session, call);
    const Changed changed =
        need(call, host.set_alias(call.text("domain"), call.text("stack"), call.text("other"), author(call)));
    return tell_change(session, title(call), "means " + call.text("other") + " now", changed);
}

int stack_verify(Session& session, const Call& call) {
    StackHost host = stack_host(session, call);
    const stacks::Verification verified =
        need(call, host.verify(call.text("domain"), call.text("stack"), !call.flag("quick")));
    if (session.options().json) {
        std::vector<JsonText> problems;
        for (const stacks::Problem& problem : verified.problems)
            problems.push_back(JsonText().text_if("package", problem.package).text("sentence", problem.sentence));
        session.out() << JsonText()
                             .text("stack", title(call))
                             .number("packages", verified.packages)
                             .objects("problems", problems)
                             .str()
                      << "\n";
    } else {
        for (const stacks::Problem& problem : verified.problems)
            session.out() << (problem.package.empty() ? "" : printable(problem.package) + ": ")
                          << printable(problem.sentence, 2000) << "\n";
        if (verified.problems.empty())
            session.out() << "stack " << title(call) << ": " << verified.packages
                          << " packages, everything is in order\n";
    }
    return verified.problems.empty() ? 0 : 1;
}

}  // namespace gachette::cli
