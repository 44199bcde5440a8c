#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/reader.h"

namespace gachette::config {

namespace {

// The settings of Fabric 1 that the original's files could hold; those that gachette understands are read elsewhere.
constexpr std::array<std::string_view, 64> fabric_settings{
    "abort_exception",
    "abort_on_prompts",
    "all_hosts",
    "always_use_pty",
    "colorize_errors",
    "combine_stderr",
    "command",
    "command_prefixes",
    "command_timeout",
    "connection_attempts",
    "cwd",
    "dedupe_hosts",
    "disable_colors",
    "disable_known_hosts",
    "eagerly_disconnect",
    "echo_stdin",
    "effective_roles",
    "exclude_hosts",
    "fabfile",
    "gateway",
    "gss_auth",
    "gss_deleg",
    "gss_kex",
    "hide",
    "host",
    "host_string",
    "keepalive",
    "lcwd",
    "linewise",
    "local_user",
    "no_agent",
    "no_keys",
    "ok_ret_codes",
    "output_prefix",
    "parallel",
    "path",
    "path_behavior",
    "pool_size",
    "prompts",
    "quiet",
    "rcfile",
    "real_fabfile",
    "reject_unknown_hosts",
    "remote_interrupt",
    "roledefs",
    "roles",
    "shell",
    "shell_env",
    "show",
    "skip_bad_hosts",
    "skip_errors",
    "skip_unknown_tasks",
    "ssh_config_path",
    "sudo_prefix",
    "sudo_prompt",
    "sudo_user",
    "system_known_hosts",
    "tasks",
    "timeout",
    "undefined",
    "use_exceptions_for",
    "use_shell",
    "version",
    "warn_only",
};

constexpr std::array<std::string_view, 5> fabric_secrets{"key", "password", "passwords", "sudo_password",
                                                         "sudo_passwords"};

// As it stood, on one line.
std::string flat(const Node& node) {
    std::vector<std::string> parts;
    switch (node.kind) {
        case Node::Kind::nothing:
            return "";
        case Node::Kind::text:
            return printable(node.text, 500);
        case Node::Kind::list:
            for (const Node& item : node.items) parts.push_back(flat(item));
            return fmt::format("[{}]", fmt::join(parts, ", "));
        case Node::Kind::map:
            for (const Entry& entry : node.entries)
                parts.push_back(fmt::format("{}: {}", printable(entry.key, 100), flat(entry.value)));
            return fmt::format("{{{}}}", fmt::join(parts, ", "));
    }
    return "";
}

std::string note_of(std::string_view setting) {
    if (setting == "disable_known_hosts" || setting == "reject_unknown_hosts")
        return fmt::format(
            "{} does nothing here: host keys are always checked, by known_hosts or host_keys of "
            "build_hosts.<name>",
            setting);
    if (setting == "timeout" || setting == "connection_attempts")
        return fmt::format("{} does nothing here; see connect_timeout of build_hosts.<name>", setting);
    if (setting == "parallel" || setting == "pool_size")
        return fmt::format("{} does nothing here; see slots of build_hosts.<name>", setting);
    return fmt::format("{} was a setting of Fabric and does nothing here", setting);
}

}  // namespace

void read_legacy(Reader& reader, Section& root) {
    for (const std::string_view secret : fabric_secrets)
        if (root.has(std::string(secret))) {
            root.take(std::string(secret));
            root.problem(
                std::string(secret),
                "a secret must not stand in this file, which is copied and shown; log in with a key or the agent");
        }
    for (const std::string_view setting : fabric_settings) {
        const std::string key(setting);
        if (!root.has(key)) continue;
        reader.configuration.legacy[key] = flat(*root.take(key));
        reader.configuration.notes.push_back(note_of(setting));
    }
}

void add_notes(Configuration& configuration) {
    std::vector<std::string>& notes = configuration.notes;
    const auto default_host = configuration.find_build_host("default");
    if (default_host)
        notes.push_back(fmt::format("hosts became the build host \"default\" ({})", default_host->address));
    if (configuration.find_build_host("default-2"))
        notes.push_back("hosts names several machines; a job runs on one of them, whichever is free");
    if (configuration.hooks.empty())
        notes.push_back("there are no hooks, so gachette serve receives nothing; add hooks.<name>");
    if (configuration.build_hosts.empty())
        notes.push_back(
            "there is no build host, so jobs would wait for ever; add build_hosts.<name>: {address: ...} or "
            "{local: true}");
    for (const Project& project : configuration.projects) {
        const bool used =
            std::any_of(configuration.domains.begin(), configuration.domains.end(), [&](const Domain& domain) {
                return std::find(domain.projects.begin(), domain.projects.end(), project.name) != domain.projects.end();
            });
        if (!used)
            notes.push_back(
                fmt::format("project {} is in no domain, so pushes to it build nothing; add it to "
                            "domains.<name>.projects",
                            project.name));
    }
}

}  // namespace gachette::config
