#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/reader.h"

namespace gachette::config {

namespace {

bool made_of(const std::string& text, std::string_view signs) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               signs.find(c) != std::string_view::npos;
    });
}

bool valid_address(const std::string& text) { return made_of(text, ".-_:%") && !starts_with_dash(text); }
bool valid_user(const std::string& text) { return made_of(text, "._-+@") && !starts_with_dash(text); }

// SHA-256 in base64 has 43 letters without padding.
bool valid_fingerprint(const std::string& text) {
    return text.size() == 50 && text.starts_with("SHA256:") && made_of(text.substr(7), "+/");
}

// [user@]host[:port] and [user@][address]:port, on top of what all hosts have in common.
bool parse_host(std::string text, BuildHost& host) {
    if (const std::size_t at = text.rfind('@'); at != std::string::npos) {
        host.user = text.substr(0, at);
        text.erase(0, at + 1);
        if (!valid_user(host.user)) return false;
    }
    const std::size_t bracket = text.starts_with('[') ? text.find(']') : std::string::npos;
    const bool bare_ipv6 = bracket == std::string::npos && std::count(text.begin(), text.end(), ':') > 1;
    const std::size_t colon =
        bare_ipv6 ? std::string::npos : text.find(':', bracket == std::string::npos ? 0 : bracket);
    if (colon != std::string::npos) {
        const std::optional<std::int64_t> port = parse_decimal(text.substr(colon + 1));
        if (!port || *port < 1 || *port > 65'535) return false;
        host.port = static_cast<int>(*port);
    }
    host.address = text.substr(0, colon);
    if (bracket != std::string::npos) {
        if (bracket + 1 != host.address.size()) return false;
        host.address = text.substr(1, bracket - 1);
    }
    return valid_address(host.address);
}

void read_user(Section& section, std::string& user) {
    if (section.text("user", user) && !valid_user(user))
        section.problem("user", fmt::format("\"{}\" is no name of a user", printable(user, 100)));
}

// What the original has at the top level for its hosts; here also the defaults of build_hosts.
BuildHost read_common(Reader& reader, Section& root) {
    BuildHost host;
    read_user(root, host.user);
    std::vector<std::string> keys;
    if (root.texts("key_filename", keys)) {
        host.key_filename = reader.resolve(keys.front());
        if (keys.size() > 1) root.problem("key_filename", "has several files; give the one that the build hosts know");
    }
    root.flag("use_ssh_config", host.use_ssh_config);
    root.flag("forward_agent", host.forward_agent);
    root.number("port", host.port, 1, 65'535);
    root.text("trebuchet_bin", host.trebuchet_bin);
    return host;
}

void read_old_hosts(Reader& reader, Section& root, const BuildHost& common) {
    std::vector<std::string> hosts;
    if (!root.texts("hosts", hosts)) return;
    if (root.take("build_hosts")) {
        root.problem("hosts",
                     "stands beside build_hosts; write its machines there, as build_hosts.<name>: {address: ...}");
        return;
    }
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        BuildHost host = common;
        host.name = i == 0 ? "default" : fmt::format("default-{}", i + 1);
        if (parse_host(hosts[i], host))
            reader.configuration.build_hosts.push_back(std::move(host));
        else
            root.problem("hosts", fmt::format("\"{}\" is no host; write [user@]host[:port]", printable(hosts[i], 100)));
    }
}

void read_keys(Reader& reader, Section& section, BuildHost& host) {
    std::string path;
    if (section.text("key_filename", path)) host.key_filename = reader.resolve(path);
    path.clear();
    if (section.text("known_hosts", path)) host.known_hosts = reader.resolve(path);
    section.texts("host_keys", host.host_keys);
    for (const std::string& key : host.host_keys)
        if (!valid_fingerprint(key))
            section.problem("host_keys",
                            fmt::format("\"{}\" is no fingerprint; write SHA256:... as ssh-keygen -lf shows it",
                                        printable(key, 100)));
}

void check_kind(Section& section, const BuildHost& host) {
    if (!host.local) {
        if (!section.take("address"))
            section.missing("address", "give host name or address, or local: true for this machine");
        return;
    }
    for (const char* key : {"address", "port", "user", "key_filename", "use_ssh_config", "known_hosts", "host_keys",
                            "forward_agent", "connect_timeout"})
        if (section.take(key)) section.problem(key, "means nothing beside local: true; leave one of them out");
}

BuildHost read_host(Reader& reader, const BuildHost& common, const std::string& name, int line, const Node& node) {
    BuildHost host = common;
    host.name = name;
    Section section(node, "build_hosts." + name, reader.problems, line);
    section.flag("local", host.local);
    if (section.text("address", host.address) && !valid_address(host.address))
        section.problem("address", fmt::format("\"{}\" is no host name or address; user and port have their own keys",
                                               printable(host.address, 100)));
    section.number("port", host.port, 1, 65'535);
    read_user(section, host.user);
    section.flag("use_ssh_config", host.use_ssh_config);
    read_keys(reader, section, host);
    section.flag("forward_agent", host.forward_agent);
    if (section.text("base_path", host.base_path) && host.base_path.front() != '/')
        section.problem("base_path", fmt::format("is \"{}\"; write an absolute path, beginning with /",
                                                 printable(host.base_path, 100)));
    section.number("slots", host.slots, 1, 256);
    section.text("trebuchet_bin", host.trebuchet_bin);
    section.duration("connect_timeout", host.connect_timeout, 100);
    check_kind(section, host);
    section.finish();
    if (!host.local) return host;
    BuildHost local;  // what is common to hosts reached by SSH means nothing here
    local.name = host.name;
    local.local = true;
    local.base_path = host.base_path;
    local.slots = host.slots;
    local.trebuchet_bin = host.trebuchet_bin;
    return local;
}

void check_used_hosts(Reader& reader) {
    std::vector<std::string> names;
    for (const BuildHost& host : reader.configuration.build_hosts) names.push_back(host.name);
    for (const Project& project : reader.configuration.projects)
        for (const std::string& name : project.build_hosts) {
            if (std::find(names.begin(), names.end(), name) != names.end()) continue;
            const std::string place = "projects." + project.name + ".build_hosts";
            const std::string known =
                names.empty() ? "there are none" : fmt::format("known are {}", fmt::join(names, ", "));
            reader.problems.add(reader.lines[place], place,
                                fmt::format("no build host is called \"{}\"; {}", printable(name, 100), known));
        }
}

}  // namespace

void read_hosts(Reader& reader, Section& root) {
    const BuildHost common = read_common(reader, root);
    root.each_named("build_hosts", "build host", [&](const std::string& name, int line, const Node& node) {
        reader.configuration.build_hosts.push_back(read_host(reader, common, name, line, node));
    });
    read_old_hosts(reader, root, common);
    check_used_hosts(reader);
}

}  // namespace gachette::config
