// The original's form: gachette [options] task:arg,arg,key=value [task:... ...], as Fabric 1 read it. "\," is a comma
// inside a value, "\=" an equals sign; positional and key=value may be mixed; an empty value is as good as none.
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "cli/catalog.h"
#include "cli/invocation.h"
#include "cli/options.h"

namespace gachette::cli {

namespace {

// Splits at every separator that has no backslash before it; such a backslash goes away, all others stay.
std::vector<std::string> split_unescaped(std::string_view text, char separator) {
    std::vector<std::string> parts(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == separator)
            parts.back() += text[++i];
        else if (text[i] == separator)
            parts.emplace_back();
        else
            parts.back() += text[i];
    }
    return parts;
}

struct Argument {
    std::string key;  // empty: by place
    std::string value;
};

bool is_key(std::string_view text) {
    return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
}

std::string without_escapes(std::string_view text, char separator) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == separator) ++i;
        out += text[i];
    }
    return out;
}

// What stands before the first free "=" is a key if it looks like one; a URL with a query does not.
Argument read_argument(const std::string& text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '=' || (i > 0 && text[i - 1] == '\\')) continue;
        if (!is_key(text.substr(0, i))) break;
        return {text.substr(0, i), without_escapes(text.substr(i + 1), '=')};
    }
    return {"", without_escapes(text, '=')};
}

const Command& find_task(const std::string& word, const std::string& name) {
    const Command* command = find_command(name);
    if (command && command->original) return *command;
    if (command)
        throw UsageError("\"" + printable(word, 80) + "\": " + natural_name(command->name) +
                         " is not a task of the original form; write gachette " + natural_name(command->name) + " ...");
    throw UsageError("there is no task \"" + printable(name, 80) + "\"" + suggestion(name) +
                     "; gachette -l lists them");
}

std::string parameter_list(const Command& command) {
    std::string list;
    for (const Parameter& parameter : command.parameters) list += (list.empty() ? "" : ", ") + parameter.name;
    return list.empty() ? "none" : list;
}

bool take_special(const Command& command, const Argument& argument, Call& call) {
    if (argument.key == "host" || argument.key == "hosts") {
        for (const std::string& host : split(argument.value, ';'))
            if (!trim(host).empty()) call.hosts.emplace_back(trim(host));
        return true;
    }
    if (argument.key == "role" || argument.key == "roles" || argument.key == "exclude_hosts")
        throw UsageError(command.name + ": gachette knows no roles, so there is no " + argument.key +
                         "; name the build host with -H or host=");
    return false;
}

void bind(const Command& command, const Argument& argument, std::size_t& place, Call& call) {
    const Parameter* parameter = nullptr;
    if (argument.key.empty()) {
        std::size_t index = 0;
        for (const Parameter& candidate : command.parameters)
            if (candidate.place && index++ == place) parameter = &candidate;
        ++place;
        if (!parameter && !argument.value.empty())
            throw UsageError(command.name + ": \"" + printable(argument.value, 80) +
                             "\" is one argument too many; its arguments are " + parameter_list(command));
    } else {
        for (const Parameter& candidate : command.parameters)
            if (candidate.name == argument.key) parameter = &candidate;
        if (!parameter)
            throw UsageError(command.name + ": there is no argument \"" + printable(argument.key, 80) +
                             "\"; its arguments are " + parameter_list(command));
    }
    if (!parameter || argument.value.empty()) return;
    if (call.values.contains(parameter->name))
        throw UsageError(command.name + ": " + parameter->name + " is given twice; give it by place or by name");
    call.values[parameter->name] = {argument.value};
}

Call read_call(const std::string& word) {
    const std::size_t colon = std::min(word.find(':'), word.size());
    const Command& command = find_task(word, word.substr(0, colon));
    Call call{command.name, {}, {}};
    std::size_t place = 0;
    if (colon < word.size()) {
        for (const std::string& text : split_unescaped(word.substr(colon + 1), ',')) {
            const Argument argument = read_argument(text);
            if (!take_special(command, argument, call)) bind(command, argument, place, call);
        }
    }
    for (const Parameter& parameter : command.parameters)
        if (parameter.need == Need::required && !call.values.contains(parameter.name))
            throw UsageError(command.name + ": " + parameter.name + " is missing; its arguments are " +
                             parameter_list(command));
    return call;
}

std::string help_word(const std::string& word) { return word.substr(0, word.find(':')); }

}  // namespace

bool original_form(const std::vector<std::string>& words) {
    const std::vector<std::string> plain = plain_words({words.begin(), std::find(words.begin(), words.end(), "--")});
    if (plain.empty()) return true;
    const auto task = [](const std::string& word) -> const Command* {
        const Command* command = find_command(word.substr(0, word.find(':')));
        return command && command->original ? command : nullptr;
    };
    if (plain[0].find(':') != std::string::npos) return true;
    return std::all_of(plain.begin(), plain.end(), [&](const std::string& word) {
        const Command* command = task(word);
        return command && (word.find(':') != std::string::npos || command->parameters.empty());
    });
}

Invocation parse_original(const std::vector<std::string>& words) {
    const Sorted sorted = sort_options(words);
    Invocation invocation{sorted.options, {}, ""};
    if (sorted.version)
        invocation.text = "gachette " GACHETTE_VERSION "\n";
    else if (sorted.list)
        invocation.text = command_list();
    else if (sorted.help)
        return parse_natural(sorted.words.empty() ? std::vector<std::string>{"--help"}
                                                  : std::vector<std::string>{help_word(sorted.words[0]), "--help"});
    if (!invocation.text.empty()) return invocation;
    for (const std::string& word : sorted.words) invocation.calls.push_back(read_call(word));
    if (invocation.calls.empty())
        throw UsageError("there is nothing to do: name a command; gachette --help lists them");
    return invocation;
}

std::string command_list() {
    std::string text = "Available commands:\n\n";
    const auto add = [&](const Command& command, const std::string& name, std::size_t width) {
        text += "    " + name + std::string(width - name.size() + 2, ' ') + command.summary + "\n";
    };
    for (const Command& command : commands())
        if (command.original) add(command, command.name, 12);
    text += "\nFurther commands (gachette COMMAND --help says more):\n\n";
    for (const Command& command : commands())
        if (!command.original) add(command, natural_name(command.name), 14);
    return text;
}

}  // namespace gachette::cli
