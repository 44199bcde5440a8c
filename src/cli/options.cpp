#include "cli/options.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace gachette::cli {

namespace {

void add_hosts(Options& options, const std::string& value) {
    for (const std::string& host : split(value, ','))
        if (!trim(host).empty()) options.hosts.emplace_back(trim(host));
}

const SharedOption* by_letter(char letter) {
    for (const SharedOption& option : shared_options())
        if (option.letter == letter) return &option;
    return nullptr;
}

const SharedOption* by_name(std::string_view name) {
    for (const SharedOption& option : shared_options())
        if (option.name == name) return &option;
    return nullptr;
}

// One word that starts with a dash, taken apart: the options in it and, if it brings one along, the value of the last.
struct OptionWord {
    std::vector<const SharedOption*> options;
    bool known = true;
    bool attached = false;
    std::string value;
    bool wants_next() const { return known && !options.empty() && options.back()->value && !attached; }
};

OptionWord take_apart(const std::string& word) {
    OptionWord result;
    if (word.starts_with("--")) {
        const std::size_t equals = std::min(word.find('='), word.size());
        const SharedOption* option = by_name(std::string_view(word).substr(2, equals - 2));
        result.known = option != nullptr;
        if (option) result.options.push_back(option);
        result.attached = equals < word.size();
        if (result.attached) result.value = word.substr(equals + 1);
        return result;
    }
    for (std::size_t i = 1; i < word.size(); ++i) {
        const SharedOption* option = by_letter(word[i]);
        result.known = result.known && option;
        if (!option) return result;
        result.options.push_back(option);
        if (!option->value || i + 1 == word.size()) continue;
        result.attached = true;
        result.value = word.substr(i + 1);
        break;
    }
    return result;
}

bool is_option(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

void refuse_unknown(const std::string& word) {
    if (word == "-D" || word == "--disable-known-hosts")
        throw UsageError("host keys are always checked, so there is no option " + word +
                         "; add the host's key to ~/.ssh/known_hosts (ssh-keyscan HOST shows it)");
    throw UsageError("there is no option " + printable(word, 80) + " for tasks; gachette --help lists the options");
}

}  // namespace

const std::vector<SharedOption>& shared_options() {
    static const std::vector<SharedOption> table = {
        {'H', "hosts", true, "Build host: [user@]host[:port], or the name of a configured one", add_hosts},
        {'c', "config", true, "Configuration file (else $GACHETTE_CONFIG, else /etc/gachette/gachette.yml)",
         [](Options& options, const std::string& value) { options.configuration = value; }},
        {'u', "user", true, "User on the build host",
         [](Options& options, const std::string& value) { options.user = value; }},
        {'i', "key-filename", true, "Private key for the build host",
         [](Options& options, const std::string& value) { options.key_filename = value; }},
        {0, "port", true, "SSH port of the build host",
         [](Options& options, const std::string& value) { options.port = parse_number("--port", value, 65535); }},
        {'A', "forward-agent", false, "Lend your SSH agent to the build host",
         [](Options& options, const std::string&) { options.forward_agent = true; }},
        {0, "local", false, "This machine is the build host; no SSH",
         [](Options& options, const std::string&) { options.local = true; }},
        {0, "json", false, "Print results as JSON", [](Options& options, const std::string&) { options.json = true; }},
        {0, "socket", true, "Admin socket of the daemon",
         [](Options& options, const std::string& value) { options.socket = value; }},
        {0, "server", true, "Daemon by URL instead of its socket; needs --token-file",
         [](Options& options, const std::string& value) { options.server = value; }},
        {0, "token-file", true, "File with an admin token for --server",
         [](Options& options, const std::string& value) { options.token_file = value; }},
        {'l', "list", false, "List the commands", nullptr},
        {'h', "help", false, "Show help", nullptr},
        {'V', "version", false, "Print the version", nullptr},
    };
    return table;
}

Sorted sort_options(const std::vector<std::string>& words) {
    Sorted sorted;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word == "--")
            throw UsageError(
                "gachette runs tasks, not shell commands, so there is nothing for -- to mark; leave it out");
        if (!is_option(word)) {
            sorted.words.push_back(word);
            continue;
        }
        OptionWord parts = take_apart(word);
        if (!parts.known) refuse_unknown(word);
        const SharedOption& last = *parts.options.back();
        if (parts.wants_next()) {
            if (i + 1 == words.size()) throw UsageError(word + " needs a value");
            parts.value = words[++i];
        } else if (parts.attached && !last.value) {
            throw UsageError("--" + last.name + " takes no value");
        }
        for (const SharedOption* option : parts.options) {
            if (option->set) option->set(sorted.options, parts.value);
            sorted.list = sorted.list || option->letter == 'l';
            sorted.help = sorted.help || option->letter == 'h';
            sorted.version = sorted.version || option->letter == 'V';
        }
    }
    return sorted;
}

std::vector<std::string> plain_words(const std::vector<std::string>& words) {
    std::vector<std::string> plain;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (!is_option(words[i]))
            plain.push_back(words[i]);
        else if (take_apart(words[i]).wants_next())
            ++i;
    }
    return plain;
}

int parse_number(const std::string& what, const std::string& text, int highest) {
    const auto number = parse_decimal(text);
    if (!number || *number < 1 || *number > highest)
        throw UsageError(what + ": \"" + printable(text, 40) + "\" is not a number from 1 to " +
                         std::to_string(highest));
    return static_cast<int>(*number);
}

}  // namespace gachette::cli
