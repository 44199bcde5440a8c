#include "config/describe.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/pattern.h"
#include "model/repository.h"
#include "model/version.h"

namespace gachette {

namespace {

std::string joined(const std::vector<std::string>& list) { return fmt::format("{}", fmt::join(list, ", ")); }

bool contains(const std::vector<std::string>& list, const std::string& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

std::string describe_version(const Project& project) {
    const std::string_view text =
        project.version.empty() ? original_version_template : std::string_view(project.version);
    VersionFacts facts{project.version_base,
                       "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
                       project.name,
                       RefKind::branch,
                       "main",
                       1'700'000'000,
                       57};
    Result<std::string> sample = expand_version(text, facts);
    if (!sample) {
        facts.kind = RefKind::tag;
        facts.short_ref = "v1.0";
        sample = expand_version(text, facts);
    }
    return fmt::format("  version {}, for example {}\n", text, sample ? *sample : sample.error());
}

std::string describe_rule(const Domain& domain, const Rule& rule) {
    std::string line = fmt::format("  {} {} -> {}/{}", rule.tags.empty() ? "branch" : "tag",
                                   joined(rule.tags.empty() ? rule.branches : rule.tags), domain.name, rule.stack);
    if (!rule.from.empty()) line += fmt::format(", made from {} when missing", rule.from);
    if (rule.create) line += ", made empty when missing";
    if (!rule.paths.empty()) line += fmt::format(", only when {} changed", joined(rule.paths));
    if (!rule.authors.empty()) line += fmt::format(", only by {}", joined(rule.authors));
    if (rule.only_protected) line += ", only protected refs";
    if (rule.forced == "refuse") line += ", forced pushes refused";
    return line + "\n";
}

std::string describe_rules(const Configuration& configuration, const Project& project) {
    std::string lines;
    bool in_a_domain = false;
    for (const Domain& domain : configuration.domains) {
        if (!contains(domain.projects, project.name)) continue;
        in_a_domain = true;
        const std::size_t before = lines.size();
        for (const Rule& rule : domain.rules)
            if (rule.projects.empty() || contains(rule.projects, project.name)) lines += describe_rule(domain, rule);
        if (lines.size() == before)
            lines += fmt::format("  no rule of domain {} is for it; add one to domains.{}.stacks\n", domain.name,
                                 domain.name);
    }
    if (!in_a_domain) lines += "  is in no domain, so pushes build nothing; add it to domains.<name>.projects\n";
    return lines;
}

// Hooks whose patterns let this repository through, as far as its name is known.
std::vector<std::string> hooks_for(const Configuration& configuration, const Project& project) {
    std::vector<std::string> names;
    for (const Hook& hook : configuration.hooks) {
        std::vector<std::string> patterns, spellings = project.repositories;
        for (const std::string& pattern : hook.repositories) patterns.push_back(lower(pattern));
        spellings.push_back(full_name_of(project.url));
        spellings.push_back(parse_repository_address(project.url).path);
        const bool open = hook.repositories.empty() ||
                          std::any_of(spellings.begin(), spellings.end(),
                                      [&](const std::string& name) { return patterns_match(patterns, lower(name)); });
        if (open) names.push_back(hook.name);
    }
    return names;
}

std::string describe_host(const BuildHost& host) {
    std::string where = "this machine";
    if (!host.local) {
        where = host.user.empty() ? host.address : host.user + "@" + host.address;
        if (host.port != 0) where += fmt::format(":{}", host.port);
    }
    return fmt::format("build host {}: {}, {} at a time\n", host.name, where,
                       host.slots == 1 ? "one job" : fmt::format("{} jobs", host.slots));
}

std::string describe_hook(const Hook& hook) {
    std::vector<std::string> origins;
    for (const Secret& secret : hook.secrets) origins.push_back(secret.origin);
    return fmt::format("hook {}: POST /hooks/{}, forge {}, secret from {}, for {}\n", hook.name, hook.name, hook.forge,
                       joined(origins), hook.repositories.empty() ? "all repositories" : joined(hook.repositories));
}

// Only the host of an address is shown: the path of a webhook's may be a secret.
std::string describe_reporter(const Configuration& configuration, const Destination& destination) {
    std::vector<std::string> hooks;
    for (const Hook& hook : configuration.hooks)
        if (contains(hook.report, destination.name)) hooks.push_back(hook.name);
    const std::size_t host = destination.url.find("//") + 2;
    return fmt::format("reporter {}: kind {} at {}, {}\n", destination.name, destination.kind,
                       destination.url.substr(0, destination.url.find_first_of("/?", host)),
                       hooks.empty() ? "named by no hook, so it hears of nothing; add it to hooks.<name>.report"
                                     : fmt::format("hears of the jobs of hook {}", joined(hooks)));
}

std::string describe_reconciler(const Configuration& configuration) {
    const Milliseconds every = configuration.reconcile_every;
    if (every == 0) return "reconciler: off, so a push that no delivery tells of is never built\n";
    const bool minutes = every % 60'000 == 0;
    return fmt::format(
        "reconciler: asks the repositories of projects every {} {} for pushes that no delivery told of\n",
        minutes ? every / 60'000 : every / 1'000, minutes ? "min" : "s");
}

}  // namespace

std::string describe_project(const Configuration& configuration, const Project& project) {
    std::string lines = fmt::format("project {}: {}\n", project.name, project.url);
    if (!project.repositories.empty()) lines += fmt::format("  also known as {}\n", joined(project.repositories));
    lines += fmt::format("  builder {}\n", to_string(project.builder));
    lines += describe_version(project);
    lines += describe_rules(configuration, project);
    const std::vector<std::string> hooks = hooks_for(configuration, project);
    lines +=
        hooks.empty() ? "  no hook may speak for it\n" : fmt::format("  pushes come through hook {}\n", joined(hooks));
    lines +=
        fmt::format("  built on {}\n", project.build_hosts.empty() ? "any build host" : joined(project.build_hosts));
    return lines;
}

std::string describe_configuration(const Configuration& configuration) {
    std::string lines;
    for (const Hook& hook : configuration.hooks) lines += describe_hook(hook);
    for (const Destination& destination : configuration.reporters)
        lines += describe_reporter(configuration, destination);
    for (const Project& project : configuration.projects) lines += describe_project(configuration, project);
    if (!configuration.projects.empty()) lines += describe_reconciler(configuration);
    for (const BuildHost& host : configuration.build_hosts) lines += describe_host(host);
    for (const std::string& note : configuration.notes) lines += fmt::format("note: {}\n", note);
    return lines;
}

}  // namespace gachette
