#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/reader.h"
#include "model/recovered.h"

namespace gachette::config {

namespace {

void read_forge(const Reader& reader, Section& section, Hook& hook) {
    const std::vector<std::string>& forges = reader.options.forges;
    if (!section.text("forge", hook.forge)) {
        if (!section.take("forge")) section.missing("forge", fmt::format("give one of {}", fmt::join(forges, ", ")));
        return;
    }
    if (forges.empty() || std::find(forges.begin(), forges.end(), hook.forge) != forges.end()) return;
    const std::string meant = nearest(hook.forge, forges);
    section.problem("forge", fmt::format("\"{}\" is no forge that is known; {}known are {}", printable(hook.forge, 60),
                                         meant.empty() ? "" : "did you mean " + meant + "? ", fmt::join(forges, ", ")));
    hook.forge.clear();
}

}  // namespace

void check_patterns(const Section& section, const std::string& key, const std::vector<std::string>& patterns) {
    const auto excluding = [](const std::string& pattern) { return pattern.starts_with('!'); };
    for (const std::string& pattern : patterns)
        if (pattern == "!") section.problem(key, "\"!\" excludes nothing; write a pattern behind it");
    if (!patterns.empty() && std::all_of(patterns.begin(), patterns.end(), excluding))
        section.problem(key, "has only exclusions and matches nothing; begin with \"**\" to mean all others");
}

void read_hooks(Reader& reader, Section& root) {
    root.each_named("hooks", "hook", [&](const std::string& name, int line, const Node& node) {
        Hook hook;
        hook.name = name;
        const std::size_t before = reader.configuration.hooks.size();
        Section section(node, "hooks." + name, reader.problems, line);
        if (name == reconciler_name)
            reader.problems.add(line, "hooks." + name,
                                "is the name under which gachette files what no delivery told; choose another one");
        read_forge(reader, section, hook);
        const Node* secrets = section.take("secrets");
        if (!secrets)
            section.missing("secrets",
                            "a hook without a secret would believe everybody; give at least one {file: ...}, "
                            "{credential: ...} or {environment: ...}");
        else if (secrets->kind == Node::Kind::nothing || (secrets->kind == Node::Kind::list && secrets->items.empty()))
            section.problem("secrets",
                            "is empty; give at least one {file: ...}, {credential: ...} or {environment: ...}");
        else
            read_secrets(reader, section, "secrets", hook.secrets);
        section.texts("repositories", hook.repositories);
        check_patterns(section, "repositories", hook.repositories);
        section.duration("tolerance", hook.tolerance, 1'000);
        section.text_map("settings", hook.settings);
        read_report(reader, section, hook);
        section.finish();
        reader.configuration.hooks.push_back(hook);
        const bool complete =
            !hook.forge.empty() && !hook.secrets.empty() && before + 1 == reader.configuration.hooks.size();
        if (!complete || !reader.options.settings_problem || !reader.options.with_secrets) return;
        if (const std::string problem = reader.options.settings_problem(hook); !problem.empty())
            reader.problems.add(line, "hooks." + name, problem);
    });
}

}  // namespace gachette::config
