#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/reader.h"
#include "model/repository.h"
#include "model/version.h"

namespace gachette::config {

namespace {

bool valid_variable(const std::string& name) {
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    return !name.empty() && std::all_of(name.begin(), name.end(), good) && (name.front() < '0' || name.front() > '9');
}

void read_url(Section& section, Project& project) {
    if (!section.text("url", project.url)) {
        if (!section.take("url"))
            section.missing("url", "give the address to clone, for example git@github.com:group/project.git");
        return;
    }
    if (!valid_clone_url(project.url)) {
        section.problem("url",
                        fmt::format("\"{}\" cannot be cloned; write an https, http, ssh, git, file or user@host:path "
                                    "address, or an absolute folder",
                                    printable(project.url, 200)));
        return;
    }
    const std::size_t scheme = project.url.find("://");
    if (scheme == std::string::npos) return;
    const std::string authority = project.url.substr(scheme + 3, project.url.find('/', scheme + 3) - scheme - 3);
    const std::size_t at = authority.rfind('@');
    if (at != std::string::npos && authority.find(':') < at)
        section.problem("url", "holds a password; take it out and give the build host a key or a credential helper");
}

void read_builder(Section& section, Project& project) {
    const bool has_command = section.take("command") != nullptr;
    section.words("command", project.command);
    std::string builder;
    if (!section.text("builder", builder)) {
        if (has_command) project.builder = BuilderKind::command;
        return;
    }
    constexpr std::array kinds{BuilderKind::automatic, BuilderKind::trebuchet, BuilderKind::debian,
                               BuilderKind::command};
    const auto* found =
        std::find_if(kinds.begin(), kinds.end(), [&](BuilderKind kind) { return to_string(kind) == builder; });
    if (found == kinds.end()) {
        section.problem(
            "builder", fmt::format("is \"{}\"; write automatic, trebuchet, debian or command", printable(builder, 60)));
        return;
    }
    project.builder = *found;
    if (*found == BuilderKind::command && !has_command)
        section.missing("command", "builder command needs it, for example [make, deb]");
    if (*found != BuilderKind::command && has_command)
        section.problem("command",
                        fmt::format("is not used by builder {}; write builder: command or leave it out", builder));
}

// Whether the template gives a version that Debian takes, for a branch or for a tag that look as such do.
std::string version_trouble(const Project& project) {
    VersionFacts facts{
        project.version_base, std::string(40, 'a'), project.name, RefKind::branch, "main", 1'700'000'000, 1};
    const Result<std::string> for_branch = expand_version(project.version, facts);
    facts.kind = RefKind::tag;
    facts.short_ref = "v1.0";
    if (for_branch || expand_version(project.version, facts)) return "";
    return for_branch.error();
}

void read_version(Section& section, Project& project) {
    if (section.text("version_base", project.version_base))
        if (const std::string problem = version_problem(project.version_base); !problem.empty()) {
            section.problem("version_base", fmt::format("\"{}\" is no version for Debian: {}",
                                                        printable(project.version_base, 100), problem));
            project.version_base = "0.0.1";
        }
    if (!section.text("version", project.version)) return;
    if (const std::string problem = version_trouble(project); !problem.empty()) section.problem("version", problem);
}

void read_environment(Section& section, Project& project) {
    section.text_map("environment", project.environment);
    for (const auto& [name, value] : project.environment)
        if (!valid_variable(name))
            section.problem("environment",
                            fmt::format("\"{}\" is no name of a variable; use letters, digits and _, the first "
                                        "no digit",
                                        printable(name, 60)));
        else if (name.starts_with("GACHETTE_"))
            section.problem("environment", fmt::format("{} is one of gachette's own; take another name", name));
}

void read_limits(Reader& reader, Section& project_section, JobLimits& limits) {
    const Node* node = project_section.take("limits");
    if (!node) return;
    Section section(*node, project_section.place_of("limits"), reader.problems, project_section.line_of("limits"));
    section.duration("prepare", limits.prepare, 1'000);
    section.duration("total", limits.total, 1'000);
    section.duration("silence", limits.silence, 1'000);
    section.duration("grace", limits.grace, 1'000);
    section.size("log", limits.log_bytes, 1024);
    section.number("packages", limits.packages, std::int64_t{1}, std::int64_t{10'000});
    section.size("package", limits.package_bytes, 1024);
    section.finish();
}

}  // namespace

void read_projects(Reader& reader, Section& root) {
    root.each_named("projects", "project", [&](const std::string& name, int line, const Node& node) {
        Project project;
        project.name = name;
        Section section(node, "projects." + name, reader.problems, line);
        read_url(section, project);
        section.texts("repositories", project.repositories);
        read_builder(section, project);
        if (section.text("path_to_missile", project.path_to_missile) && starts_with_dash(project.path_to_missile))
            section.problem("path_to_missile", "must not begin with \"-\"; write ./ before it");
        read_version(section, project);
        section.flag("submodules", project.submodules);
        read_environment(section, project);
        section.texts("build_hosts", project.build_hosts);
        reader.lines[section.place_of("build_hosts")] = section.line_of("build_hosts");
        read_limits(reader, section, project.limits);
        section.finish();
        reader.configuration.projects.push_back(std::move(project));
    });
}

}  // namespace gachette::config
