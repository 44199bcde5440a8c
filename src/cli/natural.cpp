// The natural form: gachette [options] command words --options. The one file that knows CLI11; it is told the catalog.
#include <CLI/CLI.hpp>

#include <deque>

#include "base/error.h"
#include "base/text.h"
#include "cli/catalog.h"
#include "cli/invocation.h"
#include "cli/options.h"

namespace gachette::cli {

namespace {

const char* const exit_codes =
    "Exit codes: 0 fine; 1 it failed (the build, the stack's refusal, the job); 2 the command line or the "
    "configuration is\n"
    "wrong; 3 the build host or the daemon cannot be reached.\n"
    "The original's form works as ever: gachette -H user@host task:arg,arg,key=value ... (gachette -l lists its "
    "tasks).";

// Where CLI11 puts what it reads; the addresses stay.
struct Storage {
    std::deque<std::pair<const SharedOption*, std::vector<std::string>>> shared;
    struct Slot {
        std::string name;
        bool flag = false;
        bool set = false;
        std::string value;
        std::vector<std::string> values;
    };
    struct Entry {
        const Command* command = nullptr;
        CLI::App* app = nullptr;
        std::deque<Slot> slots;
    };
    std::deque<Entry> entries;
};

void add_shared(CLI::App& app, Storage& storage) {
    for (const SharedOption& option : shared_options()) {
        if (option.letter == 'h') continue;
        auto& [known, values] = storage.shared.emplace_back(&option, std::vector<std::string>{});
        const std::string spelling = (option.letter ? std::string("-") + option.letter + "," : "") + "--" + option.name;
        if (option.value) {
            app.add_option(spelling, values, option.description)->allow_extra_args(false)->option_text("VALUE");
        } else {
            std::vector<std::string>* slot = &values;
            app.add_flag_callback(
                spelling, [slot] { slot->assign(1, "1"); }, option.description);
        }
    }
}

bool is_needed(const Parameter& parameter) {
    return parameter.need == Need::required || parameter.need == Need::several;
}

void add_parameter(CLI::App& app, const Parameter& parameter, Storage::Slot& slot) {
    slot.name = parameter.name;
    if (parameter.need == Need::flag) {
        slot.flag = true;
        app.add_flag(parameter.option, slot.set, parameter.description);
        return;
    }
    const std::string separator = parameter.place && !parameter.option.empty() ? "," : "";
    const std::string spelling = parameter.option + separator + (parameter.place ? parameter.name : "");
    const bool many = parameter.need == Need::repeated || parameter.need == Need::several;
    CLI::Option* option = many ? app.add_option(spelling, slot.values, parameter.description)
                               : app.add_option(spelling, slot.value, parameter.description);
    option->option_text(" ")->required(is_needed(parameter));
    if (parameter.need == Need::repeated) option->allow_extra_args(false);
}

void add_command(CLI::App& app, const Command& command, Storage& storage) {
    const std::size_t space = command.name.find(' ');
    CLI::App* parent = &app;
    std::string word = command.name;
    if (space != std::string::npos) {
        const std::string outer = command.name.substr(0, space);
        word = command.name.substr(space + 1);
        const auto outers = app.get_subcommands([&](CLI::App* known) { return known->get_name() == outer; });
        if (!outers.empty()) {
            parent = outers.front();
        } else {
            parent = app.add_subcommand(outer, "Look at a stack or change it: " + outer + " --help lists how.");
            parent->group("Stacks on the build host")->require_subcommand(1)->fallthrough();
        }
    }
    CLI::App* added = parent->add_subcommand(natural_name(word), command.summary);
    if (natural_name(word) != word) added->alias(word);
    if (parent == &app)
        added->group(command.original ? "The original's commands"
                     : command.host   ? "Stacks on the build host"
                                      : "The daemon and its configuration");
    added->fallthrough()->footer("Example: " + command.example + "\nOptions for every command: gachette --help");
    Storage::Entry& entry = storage.entries.emplace_back();
    entry.command = &command;
    entry.app = added;
    for (const Parameter& parameter : command.parameters) add_parameter(*added, parameter, entry.slots.emplace_back());
}

void refuse_unknown_command(const std::vector<std::string>& words) {
    const std::vector<std::string> plain = plain_words(words);
    if (plain.empty()) return;
    std::string name = plain[0];
    if (name == "stack" && plain.size() > 1) name += " " + plain[1];
    if (name == "stack" || (plain[0].find(' ') == std::string::npos && find_command(name))) return;
    throw UsageError("there is no command \"" + printable(name, 80) + "\"" + suggestion(name) +
                     "; gachette --help lists them");
}

Call to_call(const Storage::Entry& entry) {
    Call call{entry.command->name, {}, {}};
    for (const Storage::Slot& slot : entry.slots) {
        if (slot.flag && slot.set) call.values[slot.name] = {"1"};
        if (!slot.value.empty()) call.values[slot.name] = {slot.value};
        for (const std::string& value : slot.values)
            if (!value.empty()) call.values[slot.name].push_back(value);
    }
    for (const Parameter& parameter : entry.command->parameters)
        if (is_needed(parameter) && !call.values.contains(parameter.name))
            throw UsageError(natural_name(entry.command->name) + ": " + parameter.name + " must not be empty");
    return call;
}

// "build" or "stack show" of what was understood before something was not.
std::string understood(const CLI::App& app) {
    std::string names;
    for (const CLI::App* at = &app; at && !at->get_subcommands().empty();) {
        at = at->get_subcommands().front();
        names += (names.empty() ? "" : " ") + at->get_name();
    }
    return names;
}

std::string without_end(std::string sentence) {
    while (!sentence.empty() && (sentence.back() == '.' || sentence.back() == '\n')) sentence.pop_back();
    const std::size_t line = sentence.find('\n');
    return printable(line == std::string::npos ? sentence : sentence.substr(0, line), 300);
}

Options read_shared(const Storage& storage, Invocation& invocation) {
    Options options;
    for (const auto& [option, values] : storage.shared) {
        if (values.empty()) continue;
        if (option->letter == 'l') invocation.text = command_list();
        if (option->letter == 'V') invocation.text = "gachette " GACHETTE_VERSION "\n";
        if (!option->set) continue;
        for (const std::string& value : values) option->set(options, value);
    }
    return options;
}

}  // namespace

Invocation parse_natural(const std::vector<std::string>& words) {
    refuse_unknown_command(words);
    CLI::App app{"gachette: from a signed push to packages in a stack.", "gachette"};
    app.set_help_flag("-h,--help", "Show help; after a command: the help of that command");
    app.footer(exit_codes);
    Storage storage;
    add_shared(app, storage);
    for (const Command& command : commands()) add_command(app, command, storage);

    Invocation invocation;
    try {
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
        invocation.options = read_shared(storage, invocation);
    } catch (const CLI::CallForHelp&) {
        invocation.text = app.help();
        return invocation;
    } catch (const CLI::ParseError& problem) {
        const std::string command = understood(app);
        throw UsageError((command.empty() ? "" : command + ": ") + without_end(problem.what()) + "; see gachette " +
                         (command.empty() ? "" : command + " ") + "--help");
    }
    if (!invocation.text.empty()) return invocation;
    for (const Storage::Entry& entry : storage.entries)
        if (entry.app->parsed()) invocation.calls.push_back(to_call(entry));
    if (invocation.calls.empty())
        throw UsageError("there is nothing to do: name a command; gachette --help lists them");
    return invocation;
}

}  // namespace gachette::cli
