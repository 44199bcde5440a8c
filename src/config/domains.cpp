#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/reader.h"
#include "model/names.h"

namespace gachette::config {

namespace {

bool contains(const std::vector<std::string>& list, const std::string& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

// "branch" and "branches" mean the same, so that one pattern and many both read well.
bool read_refs(Section& section, const std::string& one, const std::string& many, std::vector<std::string>& out) {
    const bool has_one = section.take(one) != nullptr;
    const bool has_many = section.take(many) != nullptr;
    if (has_one && has_many) section.problem(many, fmt::format("stands beside {}; write one of them", one));
    const std::string& key = has_one ? one : many;
    section.texts(key, out);
    check_patterns(section, key, out);
    for (const std::string& pattern : out)
        if (pattern.starts_with("refs/") || pattern.starts_with("!refs/"))
            section.problem(key,
                            fmt::format("\"{}\": write the short name, for example main instead of refs/heads/main",
                                        printable(pattern, 100)));
    return has_one || has_many;
}

// The stack's name with every field filled in by a letter, to see whether any name can come out.
std::string stack_problem(const Rule& rule) {
    std::string sample;
    for (std::size_t i = 0; i < rule.stack.size(); ++i) {
        if (rule.stack[i] != '{') {
            sample += rule.stack[i];
            continue;
        }
        const std::size_t end = rule.stack.find('}', i);
        const std::string field = rule.stack.substr(i, end == std::string::npos ? end : end - i + 1);
        if (field != "{branch}" && field != "{tag}" && field != "{project}")
            return fmt::format("\"{}\": unknown field {}; known are {{branch}}, {{tag}} and {{project}}",
                               printable(rule.stack, 100), printable(field, 60));
        if (field == "{tag}" && rule.tags.empty()) return "{tag} is empty in a rule for branches; write {branch}";
        if (field == "{branch}" && rule.branches.empty()) return "{branch} is empty in a rule for tags; write {tag}";
        sample += 'x';
        i = end;
    }
    const Result<void> good = check_name("stack", sample);
    return good ? "" : check_name("stack", rule.stack).error();
}

void read_source(Section& section, Rule& rule) {
    if (section.text("from", rule.from))
        if (const Result<void> good = check_name("stack", rule.from); !good) section.problem("from", good.error());
    section.flag("create", rule.create);
    if (rule.create && !rule.from.empty())
        section.problem("create", "stands beside from, which already makes the stack; write one of them");
    if (section.text("forced", rule.forced) && rule.forced != "take" && rule.forced != "refuse")
        section.problem("forced", fmt::format("is \"{}\"; write take or refuse", printable(rule.forced, 60)));
}

Rule read_rule(Reader& reader, const Domain& domain, const std::string& place, const Node& node) {
    Rule rule;
    Section section(node, place, reader.problems);
    const bool branches = read_refs(section, "branch", "branches", rule.branches);
    const bool tags = read_refs(section, "tag", "tags", rule.tags);
    if (branches && tags) section.problem("tag", "one rule is for branches or for tags; write two rules");
    if (!branches && !tags && node.kind == Node::Kind::map)
        reader.problems.add(node.line, place, "says neither branch nor tag; give one, for example branch: main");
    const bool has_stack = section.take("stack") != nullptr;
    if (!has_stack) section.missing("stack", "say which stack the packages go into, for example stack: latest");
    if (section.text("stack", rule.stack) && branches != tags)
        if (const std::string problem = stack_problem(rule); !problem.empty()) section.problem("stack", problem);
    read_source(section, rule);
    section.texts("projects", rule.projects);
    for (const std::string& project : rule.projects)
        if (!contains(domain.projects, project))
            section.problem("projects", fmt::format("\"{}\" is not in domains.{}.projects; add it there",
                                                    printable(project, 100), domain.name));
    section.texts("paths", rule.paths);
    check_patterns(section, "paths", rule.paths);
    section.texts("authors", rule.authors);
    check_patterns(section, "authors", rule.authors);
    section.flag("protected", rule.only_protected);
    section.finish();
    rule.text = fmt::format("{} ({} {} -> {})", place, rule.tags.empty() ? "branch" : "tag",
                            fmt::join(rule.tags.empty() ? rule.branches : rule.tags, ", "), rule.stack);
    return rule;
}

void check_projects(const Reader& reader, const Section& section, const Domain& domain) {
    std::vector<std::string> names;
    for (const Project& project : reader.configuration.projects) names.push_back(project.name);
    for (const std::string& name : domain.projects) {
        if (contains(names, name)) continue;
        const std::string meant = nearest(name, names);
        section.problem("projects", fmt::format("no project is called \"{}\"; {}", printable(name, 100),
                                                meant.empty() ? "add it to projects" : "did you mean " + meant + "?"));
    }
}

}  // namespace

void read_domains(Reader& reader, Section& root) {
    bool rules = false;
    root.each_named("domains", "domain", [&](const std::string& name, int line, const Node& node) {
        Domain domain;
        domain.name = name;
        Section section(node, "domains." + name, reader.problems, line);
        section.texts("projects", domain.projects);
        check_projects(reader, section, domain);
        section.each_item("stacks", [&](const std::string& place, const Node& item) {
            domain.rules.push_back(read_rule(reader, domain, place, item));
        });
        section.finish();
        rules = rules || !domain.rules.empty();
        reader.configuration.domains.push_back(std::move(domain));
    });
    for (const auto& [key, example] :
         {std::pair{"debs_path", "/var/gachette/debs"}, std::pair{"meta_path", "/var/gachette"}})
        if (rules && !root.take(key))
            root.missing(key, fmt::format("rules of domains need it, for example {}", example));
}

}  // namespace gachette::config
