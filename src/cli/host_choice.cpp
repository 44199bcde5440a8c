#include "cli/host_choice.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "cli/catalog.h"
#include "cli/options.h"

namespace gachette::cli {

namespace {

bool plain_word(std::string_view text) {
    return !text.empty() && !starts_with_dash(text) && std::all_of(text.begin(), text.end(), [](char c) {
        return c > ' ' && c < 0x7f && std::string_view("\"'`$\\;|&<>()*?!{}@/,").find(c) == std::string_view::npos;
    });
}

[[noreturn]] void refuse_host(const std::string& text) {
    throw UsageError("-H: \"" + printable(text, 100) + "\" is no host; write [user@]host[:port]");
}

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + printable(word, 100);
    return text;
}

// What the configuration says about this host, or else what it says for any: the first host's user, key and so on.
BuildHost known_as(const HostWords& words, const Configuration& configuration) {
    for (const BuildHost& host : configuration.build_hosts) {
        const bool named = host.name == words.host;
        if (named || (!host.local && host.address == words.host)) return host;
    }
    BuildHost host;
    if (!configuration.build_hosts.empty()) {
        host = configuration.build_hosts.front();
        host.host_keys.clear();  // those are of that one machine
        host.port = 0;
    }
    host.local = false;
    host.name = words.host;
    host.address = words.host;
    return host;
}

BuildHost from_words(const std::string& text, const Configuration& configuration) {
    const HostWords words = parse_host(text);
    BuildHost host = known_as(words, configuration);
    if (!words.user.empty()) host.user = words.user;
    if (words.port != 0) host.port = words.port;
    return host;
}

}  // namespace

HostWords parse_host(const std::string& text) {
    HostWords words;
    std::string rest = text;
    if (const std::size_t at = rest.rfind('@'); at != std::string::npos) {
        words.user = rest.substr(0, at);
        rest = rest.substr(at + 1);
        if (!plain_word(words.user)) refuse_host(text);
    }
    std::string port;
    if (rest.starts_with("[")) {
        const std::size_t end = rest.find(']');
        if (end == std::string::npos) refuse_host(text);
        words.host = rest.substr(1, end - 1);
        const std::string after = rest.substr(end + 1);
        if (!after.empty() && (after[0] != ':' || after.size() == 1)) refuse_host(text);
        if (!after.empty()) port = after.substr(1);
    } else if (std::count(rest.begin(), rest.end(), ':') == 1) {
        const std::size_t colon = rest.find(':');
        words.host = rest.substr(0, colon);
        port = rest.substr(colon + 1);
        if (port.empty()) refuse_host(text);
    } else {
        words.host = rest;
    }
    if (!plain_word(words.host)) refuse_host(text);
    if (!port.empty()) words.port = parse_number("-H: the port of \"" + printable(text, 100) + "\"", port, 65535);
    return words;
}

BuildHost choose_host(const Options& options, const Call& call, const Configuration& configuration) {
    const std::string command = natural_name(call.command);
    const std::vector<std::string>& hosts = call.hosts.empty() ? options.hosts : call.hosts;
    if (options.local && !hosts.empty())
        throw UsageError(command + ": --local and -H exclude each other; leave one of them out");
    if (hosts.size() > 1)
        throw UsageError(command + ": works on one build host at a time, but these were given: " + join(hosts) +
                         "; call gachette once for each");
    BuildHost host;
    if (options.local) {
        if (!configuration.build_hosts.empty()) host = configuration.build_hosts.front();
        host.name = "local";
        host.local = true;
    } else if (!hosts.empty()) {
        host = from_words(hosts.front(), configuration);
    } else if (configuration.build_hosts.size() == 1) {
        host = configuration.build_hosts.front();
    } else if (configuration.build_hosts.empty()) {
        throw UsageError(command +
                         ": no build host; say which with -H [user@]host[:port] or --local, or set hosts in the "
                         "configuration");
    } else {
        std::vector<std::string> names;
        for (const BuildHost& known : configuration.build_hosts) names.push_back(known.name);
        throw UsageError(command + ": the configuration has several build hosts (" + join(names) +
                         "); say which one with -H NAME");
    }
    if (!options.user.empty() && (hosts.empty() || parse_host(hosts.front()).user.empty())) host.user = options.user;
    if (options.port != 0 && (hosts.empty() || parse_host(hosts.front()).port == 0)) host.port = options.port;
    if (!options.key_filename.empty()) host.key_filename = options.key_filename;
    if (options.forward_agent) host.forward_agent = true;
    return host;
}

}  // namespace gachette::cli
