// Any bytes as a configuration: either mistakes, each with the name of the file, or a configuration that keeps what the
// rest of gachette relies on and that reads the same twice.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "config/describe.h"
#include "config/load.h"
#include "model/names.h"
#include "model/repository.h"

using namespace gachette;

namespace {

void must(bool condition) {
    if (!condition) std::abort();
}

void check(const Configuration& configuration) {
    bool rules = false;
    for (const Hook& hook : configuration.hooks) {
        must(valid_name(hook.name) && !hook.secrets.empty() && !hook.forge.empty());
        for (const Secret& secret : hook.secrets) must(secret.value.size() >= 16);
    }
    for (const Project& project : configuration.projects) {
        must(valid_name(project.name) && valid_clone_url(project.url));
        must(project.builder != BuilderKind::command || !project.command.empty());
    }
    for (const Domain& domain : configuration.domains) {
        for (const std::string& name : domain.projects) must(configuration.find_project(name) != nullptr);
        for (const Rule& rule : domain.rules) must(rule.branches.empty() != rule.tags.empty() && !rule.stack.empty());
        rules = rules || !domain.rules.empty();
    }
    for (const BuildHost& host : configuration.build_hosts)
        must(valid_name(host.name) && host.local == host.address.empty());
    must(!rules || (configuration.debs_path.starts_with('/') && configuration.meta_path.starts_with('/')));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    if (text.find("file") != std::string::npos && text.find('/') != std::string::npos &&
        text.find("/dev") != std::string::npos)
        return 0;  // no device is opened for a test
    LoadOptions options;
    options.forges = {"github", "gitlab"};
    options.variable = [](const std::string& name) -> std::optional<std::string> {
        if (name == "HOME") return "/home/hero";
        return "secret of " + name + " 0123456789abcdef";
    };
    const std::string path = "/nonexistent/fuzz.yml";
    try {
        const Configuration configuration = parse_configuration(text, path, options);
        check(configuration);
        must(describe_configuration(configuration) == describe_configuration(parse_configuration(text, path, options)));
    } catch (const ConfigError& error) {
        for (const std::string& line : split(error.what(), '\n')) must(line.starts_with(path + ":"));
    }
    return 0;
}
