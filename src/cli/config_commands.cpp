// version, show_config, check_config, serve: what concerns the configuration as a whole.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "cli/json_text.h"
#include "cli/tasks.h"
#include "config/describe.h"
#include "serve/serve.h"

namespace gachette::cli {

namespace {

// Settings by key; a map is sorted already. Empty values are left out.
class Settings {
public:
    void text(const std::string& key, const std::string& value) {
        if (!value.empty()) values_[key] = value;
    }
    void list(const std::string& key, const std::vector<std::string>& values) {
        std::string joined;
        for (const std::string& value : values) joined += (joined.empty() ? "" : ", ") + value;
        text(key, joined);
    }
    void secrets(const std::string& key, const std::vector<Secret>& secrets) {
        std::vector<std::string> origins;
        for (const Secret& secret : secrets) origins.push_back(secret.origin);
        list(key, origins);
    }
    const std::map<std::string, std::string>& values() const { return values_; }

private:
    std::map<std::string, std::string> values_;
};

std::string yes(bool value) { return value ? "true" : ""; }

// The hosts of the original's keys are named default, default-2, ...; they are shown by those keys.
bool of_original_keys(const BuildHost& host) { return host.name == "default" || host.name.starts_with("default-"); }

std::string address_of(const BuildHost& host) {
    if (host.local) return "local";
    const bool brackets = host.port != 0 && host.address.find(':') != std::string::npos;
    return (brackets ? "[" + host.address + "]" : host.address) + (host.port ? ":" + std::to_string(host.port) : "");
}

void add_host(Settings& settings, const BuildHost& host, std::vector<std::string>& hosts) {
    std::string prefix;
    if (of_original_keys(host))
        hosts.push_back(address_of(host));
    else
        settings.text("build_hosts." + host.name + ".address", address_of(host));
    if (!of_original_keys(host)) prefix = "build_hosts." + host.name + ".";
    settings.text(prefix + "user", host.user);
    settings.text(prefix + "key_filename", host.key_filename);
    settings.text(prefix + "use_ssh_config", yes(host.use_ssh_config));
    settings.text(prefix + "known_hosts", host.known_hosts);
    settings.list(prefix + "host_keys", host.host_keys);
    settings.text(prefix + "forward_agent", yes(host.forward_agent));
    settings.text(prefix + "base_path", host.base_path);
    if (host.slots != 1) settings.text(prefix + "slots", std::to_string(host.slots));
    if (host.trebuchet_bin != BuildHost{}.trebuchet_bin) settings.text(prefix + "trebuchet_bin", host.trebuchet_bin);
}

void add_project(Settings& settings, const Project& project) {
    const std::string prefix = "projects." + project.name + ".";
    settings.text(prefix + "url", project.url);
    settings.list(prefix + "repositories", project.repositories);
    if (project.builder != BuilderKind::automatic)
        settings.text(prefix + "builder", std::string(to_string(project.builder)));
    settings.list(prefix + "command", project.command);
    settings.text(prefix + "path_to_missile", project.path_to_missile);
    settings.text(prefix + "version", project.version);
    settings.text(prefix + "version_base", project.version_base);
    settings.text(prefix + "submodules", yes(project.submodules));
    settings.list(prefix + "build_hosts", project.build_hosts);
}

Settings settings_of(const Configuration& configuration) {
    Settings settings;
    for (const auto& [key, value] : configuration.legacy) settings.text(key, value);
    settings.text("listen", configuration.listen);
    settings.text("state_folder", configuration.state_folder);
    settings.text("admin_socket", configuration.admin_socket);
    settings.secrets("admin_tokens", configuration.admin_tokens);
    settings.text("external_url", configuration.external_url);
    settings.text("debs_path", configuration.debs_path);
    settings.text("meta_path", configuration.meta_path);
    settings.text("tls.certificate", configuration.tls_certificate);
    settings.text("tls.key", configuration.tls_key);
    settings.list("trusted_proxies", configuration.trusted_proxies);
    std::vector<std::string> hosts;
    for (const BuildHost& host : configuration.build_hosts) add_host(settings, host, hosts);
    settings.list("hosts", hosts);
    for (const Hook& hook : configuration.hooks) {
        settings.text("hooks." + hook.name + ".forge", hook.forge);
        settings.secrets("hooks." + hook.name + ".secrets", hook.secrets);
        settings.list("hooks." + hook.name + ".repositories", hook.repositories);
    }
    for (const Project& project : configuration.projects) add_project(settings, project);
    for (const Domain& domain : configuration.domains) {
        settings.list("domains." + domain.name + ".projects", domain.projects);
        for (std::size_t i = 0; i < domain.rules.size(); ++i)
            settings.text("domains." + domain.name + ".stacks[" + std::to_string(i) + "]", domain.rules[i].text);
    }
    return settings;
}

}  // namespace

int version(Session& session, const Call&) {
    if (session.options().json)
        session.out() << JsonText().text("version", GACHETTE_VERSION).str() << "\n";
    else
        session.out() << GACHETTE_VERSION "\n";
    return 0;
}

int show_config(Session& session, const Call&) {
    const Configuration& configuration = session.configuration();
    const Settings settings = session.configuration_path().empty() ? Settings{} : settings_of(configuration);
    if (session.options().json) {
        JsonText values;
        for (const auto& [key, value] : settings.values()) values.text(key, value);
        session.out() << JsonText().object("settings", values).texts("notes", configuration.notes).str() << "\n";
        return 0;
    }
    for (const auto& [key, value] : settings.values())
        session.out() << printable(key, 1000) << ": " << printable(value, 4000) << "\n";
    if (session.configuration_path().empty())
        session.note("there is no configuration; name one with -c FILE or $GACHETTE_CONFIG");
    for (const std::string& sentence : configuration.notes) session.note(sentence);
    return 0;
}

int check_config(Session& session, const Call&) {
    const Configuration& configuration = session.needed_configuration("check-config");
    if (session.options().json) {
        std::vector<JsonText> projects;
        for (const Project& project : configuration.projects)
            projects.push_back(JsonText()
                                   .text("project", project.name)
                                   .texts("lines", split(trim(describe_project(configuration, project)), '\n')));
        session.out() << JsonText()
                             .text("configuration", session.configuration_path())
                             .objects("projects", projects)
                             .texts("notes", configuration.notes)
                             .str()
                      << "\n";
        return 0;
    }
    session.out() << printable_lines(describe_configuration(configuration));
    session.out() << printable(session.configuration_path(), 1000) << " is fine\n";
    return 0;
}

int serve(Session& session, const Call&) {
    session.needed_configuration("serve");
    session.out().flush();
    return gachette::serve::run_daemon(session.configuration_path());
}

}  // namespace gachette::cli
