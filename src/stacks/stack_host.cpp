#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "model/names.h"
#include "remote/conversation.h"
#include "remote/host_program.h"
#include "stacks/events.h"
#include "stacks/host_program.h"
#include "stacks/stacks.h"

namespace gachette::stacks {

namespace {

// More than any stack or journal has; a host that goes on for ever is stopped here.
constexpr std::size_t event_limit = 2'000'000;

const std::string& program() {
    static const std::string text =
        std::string(remote::host_program_part) + std::string(host_program_part) + "\nstack_main();\n";
    return text;
}

// One conversation: the parameters that every operation has, then those of this one; the events in order.
struct Talk {
    remote::Parameters parameters;
    std::vector<remote::HostEvent> events;

    Talk(std::string_view operation, const std::string& meta_path) {
        set("operation", operation);
        set("meta", meta_path);
    }
    Talk& set(std::string name, std::string_view value) {
        parameters.emplace_back(std::move(name), value);
        return *this;
    }
    Talk& stack(std::string_view domain, std::string_view name) { return set("domain", domain).set("stack", name); }
    Talk& author(const Author& author) { return set("by", author.by).set("reason", author.reason); }

    Result<void> run(remote::Shell& shell, const Clock& clock) {
        remote::Listener listener;
        listener.event = [this](const remote::HostEvent& event) {
            if (events.size() >= event_limit)
                throw HostError("the host program tells of stacks without end; it was stopped");
            events.push_back(event);
        };
        const remote::HostEvent end = remote::converse(shell, program(), parameters, listener, clock);
        const std::string kind = end.arguments.empty() ? "" : end.arguments[0];
        const std::string reason = end.arguments.size() > 1 ? printable(end.arguments[1], 2'000) : "";
        if (kind == "ok") return {};
        if (kind == "refused") return fail(reason);
        throw HostError(reason.empty() ? "the host program ended without a reason" : reason);
    }
};

Result<Changed> changed(Talk& talk, remote::Shell& shell, const Clock& clock) {
    if (auto done = talk.run(shell, clock); !done) return fail(done.error());
    std::optional<Changed> result;
    std::vector<std::string> notes;
    for (const remote::HostEvent& event : talk.events) {
        if (event.word == "note" && !event.arguments.empty()) notes.push_back(printable(event.arguments[0], 2'000));
        if (event.word != "change") continue;
        auto change = read_change(event);
        if (!change) return fail(change.error());
        result = *change;
    }
    if (!result) throw HostError("the host program did not say what became of the change");
    result->notes = std::move(notes);
    return *result;
}

Result<void> check_names(std::string_view domain, std::string_view stack) {
    if (auto checked = check_name("domain", domain); !checked) return checked;
    return check_name("stack", stack);
}

}  // namespace

StackHost::StackHost(remote::Shell& shell, std::string meta_path, std::string debs_path, const Clock& clock)
    : shell_(shell), meta_path_(std::move(meta_path)), debs_path_(std::move(debs_path)), clock_(clock) {}

Result<Changed> StackHost::create(std::string_view domain, std::string_view stack, std::string_view from,
                                  const Author& author) {
    if (auto checked = check_names(domain, stack); !checked) return fail(checked.error());
    if (!from.empty()) {
        if (auto name = parse_stack_name(from); !name) return fail(name.error());
    }
    Talk talk("create", meta_path_);
    talk.stack(domain, stack).author(author).set("from", from);
    return changed(talk, shell_, clock_);
}

Result<Changed> StackHost::add(std::string_view domain, std::string_view stack, const std::vector<NewPackage>& packages,
                               const Author& author) {
    if (auto checked = check_names(domain, stack); !checked) return fail(checked.error());
    Talk talk("add", meta_path_);
    talk.stack(domain, stack).author(author).set("debs", debs_path_);
    for (const NewPackage& package : packages) {
        talk.set("name", package.name).set("version", package.version).set("file", package.file);
    }
    return changed(talk, shell_, clock_);
}

Result<Changed> StackHost::remove(std::string_view domain, std::string_view stack,
                                  const std::vector<std::string>& packages, const Author& author) {
    if (auto checked = check_names(domain, stack); !checked) return fail(checked.error());
    Talk talk("remove", meta_path_);
    talk.stack(domain, stack).author(author);
    for (const std::string& package : packages) talk.set("package", package);
    return changed(talk, shell_, clock_);
}

Result<Changed> StackHost::rollback(std::string_view domain, std::string_view stack, std::int64_t to,
                                    const Author& author) {
    if (auto checked = check_names(domain, stack); !checked) return fail(checked.error());
    Talk talk("rollback", meta_path_);
    talk.stack(domain, stack).author(author).set("to", std::to_string(to));
    return changed(talk, shell_, clock_);
}

Result<Changed> StackHost::promote(std::string_view domain, std::string_view stack, std::string_view from,
                                   const std::vector<std::string>& projects, const Author& author) {
    if (auto checked = check_names(domain, stack); !checked) return fail(checked.error());
    if (auto name = parse_stack_name(from); !name) return fail(name.error());
    Talk talk("promote", meta_path_);
    talk.stack(domain, stack).author(author).set("from", from);
    for (const std::string& project : projects) talk.set("project", project);
    return changed(talk, shell_, clock_);
}

Result<Changed> StackHost::freeze(std::string_view domain, std::string_view stack, const Author& author) {
    if (auto checked = check_names(domain, stack); !checked) return fail(checked.error());
    Talk talk("freeze", meta_path_);
    talk.stack(domain, stack).author(author);
    return changed(talk, shell_, clock_);
}

Result<Changed> StackHost::thaw(std::string_view domain, std::string_view stack, const Author& author) {
    if (auto checked = check_names(domain, stack); !checked) return fail(checked.error());
    Talk talk("thaw", meta_path_);
    talk.stack(domain, stack).author(author);
    return changed(talk, shell_, clock_);
}

Result<Changed> StackHost::set_alias(std::string_view domain, std::string_view alias, std::string_view to,
                                     const Author& author) {
    if (auto checked = check_names(domain, alias); !checked) return fail(checked.error());
    if (auto checked = check_name("stack", to); !checked) return fail(checked.error());
    Talk talk("alias", meta_path_);
    talk.stack(domain, alias).author(author).set("to", to);
    return changed(talk, shell_, clock_);
}

Result<Changed> StackHost::settle(std::string_view domain, std::string_view stack) {
    if (auto checked = check_names(domain, stack); !checked) return fail(checked.error());
    Talk talk("settle", meta_path_);
    talk.stack(domain, stack);
    return changed(talk, shell_, clock_);
}

Result<std::vector<StackSummary>> StackHost::list(std::string_view domain) {
    if (!domain.empty()) {
        if (auto checked = check_name("domain", domain); !checked) return fail(checked.error());
    }
    Talk talk("list", meta_path_);
    talk.set("domain", domain);
    if (auto done = talk.run(shell_, clock_); !done) return fail(done.error());
    std::vector<StackSummary> stacks;
    for (const remote::HostEvent& event : talk.events) {
        if (event.word != "stack" && event.word != "alias") continue;
        auto stack = event.word == "stack" ? read_stack(event) : read_alias(event);
        if (!stack) return fail(stack.error());
        stacks.push_back(std::move(*stack));
    }
    return stacks;
}

Result<StackState> StackHost::show(std::string_view domain, std::string_view stack, std::int64_t generation) {
    if (auto checked = check_names(domain, stack); !checked) return fail(checked.error());
    Talk talk("show", meta_path_);
    talk.stack(domain, stack).set("generation", generation > 0 ? std::to_string(generation) : "");
    if (auto done = talk.run(shell_, clock_); !done) return fail(done.error());
    StackState state;
    bool told = false;
    for (const remote::HostEvent& event : talk.events) {
        if (event.word == "note" && !event.arguments.empty())
            state.notes.push_back(printable(event.arguments[0], 2'000));
        if (event.word == "stack") {
            auto summary = read_stack(event);
            if (!summary) return fail(summary.error());
            state.summary = std::move(*summary);
            told = true;
        } else if (event.word == "package") {
            auto entry = read_package(event);
            if (!entry) return fail(entry.error());
            state.packages.push_back(std::move(*entry));
        }
    }
    if (!told || state.summary.count != static_cast<std::int64_t>(state.packages.size())) {
        throw HostError("the host program did not tell the whole stack");
    }
    std::sort(state.packages.begin(), state.packages.end(),
              [](const StackEntry& one, const StackEntry& other) { return one.name < other.name; });
    return state;
}

Result<std::vector<LogEntry>> StackHost::log(std::string_view domain, std::string_view stack, std::int64_t limit) {
    if (auto checked = check_names(domain, stack); !checked) return fail(checked.error());
    Talk talk("log", meta_path_);
    talk.stack(domain, stack).set("limit", limit > 0 ? std::to_string(limit) : "");
    if (auto done = talk.run(shell_, clock_); !done) return fail(done.error());
    std::vector<LogEntry> entries;
    for (const remote::HostEvent& event : talk.events) {
        if (event.word != "entry" || event.arguments.size() != 1) continue;
        auto entry = parse_journal_line(event.arguments[0]);
        if (!entry) return fail(entry.error());
        entries.push_back(std::move(*entry));
    }
    return entries;
}

Result<Verification> StackHost::verify(std::string_view domain, std::string_view stack, bool sums) {
    if (auto checked = check_names(domain, stack); !checked) return fail(checked.error());
    Talk talk("verify", meta_path_);
    talk.stack(domain, stack).set("debs", debs_path_).set("sums", sums ? "1" : "0");
    if (auto done = talk.run(shell_, clock_); !done) return fail(done.error());
    std::vector<Problem> problems;
    for (const remote::HostEvent& event : talk.events) {
        if (event.word == "problem" && event.arguments.size() == 2) {
            problems.push_back({printable(event.arguments[0]), printable(event.arguments[1], 2'000)});
        }
        if (event.word != "verified") continue;
        auto verified = read_verified(event);
        if (!verified) return fail(verified.error());
        verified->problems = std::move(problems);
        return *verified;
    }
    throw HostError("the host program did not say how the verification ended");
}

}  // namespace gachette::stacks
