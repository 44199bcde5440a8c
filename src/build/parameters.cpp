#include "build/parameters.h"

#include <fmt/format.h>

#include "base/crypto.h"
#include "base/text.h"
#include "model/version.h"
#include "remote/frames.h"

namespace gachette::build {

namespace {

constexpr std::int64_t least_free_bytes = 64LL * 1024 * 1024;

std::string short_digest(std::string_view text) { return hex(sha256(text)).substr(0, 12); }

std::string number(std::int64_t value) { return std::to_string(value); }

// Values of one list parameter: encoded once more, so that blanks part them.
std::string fields(std::initializer_list<std::string> values) {
    std::string text;
    for (const std::string& value : values) text += (text.empty() ? "" : " ") + remote::encode_value(value);
    return text;
}

void add_common(remote::Parameters& out, const std::string& mode, const std::string& id, const BuildHost& host,
                const JobLimits& limits, std::int64_t log_offset, bool isolate) {
    out.insert(out.end(), {{"mode", mode},
                           {"job", id},
                           {"base", host.base_path},
                           {"log_from", number(log_offset)},
                           {"grace", number(limits.grace)},
                           {"prepare", number(limits.prepare)},
                           {"total", number(limits.total)},
                           {"silence", number(limits.silence)},
                           {"log_bytes", number(limits.log_bytes)},
                           {"packages", number(limits.packages)},
                           {"package_bytes", number(limits.package_bytes)},
                           {"free_bytes", number(least_free_bytes)},
                           {"isolation", isolate ? "auto" : "process-tree"}});
}

void add_builder(remote::Parameters& out, const Project& project, const BuildHost& host, const std::string& callback) {
    out.emplace_back("builder", to_string(project.builder));
    for (const std::string& word : project.command) out.emplace_back("command", word);
    for (const std::string& word : split(host.trebuchet_bin, ' '))
        if (!word.empty()) out.emplace_back("trebuchet", word);
    out.emplace_back("missile", project.path_to_missile.empty() ? ".missile.yml" : project.path_to_missile);
    if (!callback.empty()) out.emplace_back("web_callback", callback);
    for (const auto& [name, value] : project.environment) out.emplace_back("environment", name + "=" + value);
}

std::string short_ref_of(std::string_view ref) {
    for (const std::string_view start : {"refs/heads/", "refs/tags/"})
        if (ref.starts_with(start)) return std::string(ref.substr(start.size()));
    return std::string(ref);
}

}  // namespace

std::string slot_name(std::string_view ref) {
    std::string readable;
    for (const char c : short_ref_of(ref)) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (readable.size() < 30 && (plain || (!readable.empty() && readable.back() != '-')))
            readable += plain ? c : '-';
    }
    while (readable.ends_with('-')) readable.pop_back();
    return (readable.empty() ? "ref" : readable) + "-" + short_digest(ref);
}

std::string repository_name(std::string_view project, std::string_view url) {
    return fmt::format("{}-{}", project, short_digest(url));
}

std::pair<RefKind, std::string> name_of_revision(std::string_view revision) {
    for (const std::string_view start : {"origin/", "refs/heads/"})
        if (revision.starts_with(start)) return {RefKind::branch, std::string(revision.substr(start.size()))};
    return {RefKind::tag, short_ref_of(revision)};
}

remote::Parameters job_parameters(const JobRequest& request) {
    const Project& project = request.project;
    const bool typed = request.ref.empty() && !request.revision.empty();
    const auto [kind, short_ref] =
        typed ? name_of_revision(request.revision) : std::pair(request.kind, short_ref_of(request.ref));
    const std::string slot_source = request.ref.empty() ? request.revision + request.commit : request.ref;
    remote::Parameters out;
    add_common(out, "job", request.id, request.host, project.limits, request.log_offset, request.isolate);
    add_builder(out, project, request.host, request.web_callback);
    out.insert(out.end(),
               {{"project", project.name},
                {"url", project.url},
                {"repository", repository_name(project.name, project.url)},
                {"slot", slot_name(slot_source)},
                {"kind", kind == RefKind::branch ? "branch" : "tag"},
                {"ref", request.ref},
                {"short_ref", short_ref},
                {"commit", request.commit},
                {"revision", request.revision},
                {"submodules", project.submodules ? "1" : "0"},
                {"template", project.version.empty() ? std::string(original_version_template) : project.version},
                {"version_base", project.version_base},
                {"debs", request.debs_path},
                {"meta", request.meta_path},
                {"arrival", number(request.arrival)},
                {"delivery", request.delivery},
                {"number", request.job},
                {"by", request.requested_by}});
    for (const std::string& path : request.paths) out.emplace_back("path", path);
    for (const Target& target : request.targets)
        out.emplace_back("target", fields({target.domain, target.stack, target.from, target.create ? "1" : "",
                                           target.forced, target.rule}));
    for (const BuiltPackage& package : request.reuse)
        out.emplace_back("reuse", fields({package.name, package.version, package.architecture, package.file,
                                          package.sha256, number(package.size)}));
    return out;
}

remote::Parameters prepare_parameters(const PrepareRequest& request) {
    remote::Parameters out;
    add_common(out, "prepare", request.id, request.host, request.limits, request.log_offset, true);
    out.insert(out.end(), {{"name", request.name},
                           {"url", request.url},
                           {"repository", repository_name("copy", request.url)},
                           {"slot", "copy-" + short_digest(request.name)},
                           {"revision", request.revision},
                           {"submodules", request.submodules ? "1" : "0"}});
    return out;
}

remote::Parameters build_parameters(const BuildRequest& request) {
    remote::Parameters out;
    add_common(out, "build", request.id, request.host, request.project.limits, request.log_offset, request.isolate);
    add_builder(out, request.project, request.host, request.web_callback);
    out.insert(out.end(), {{"name", request.name},
                           {"project", request.project.name},
                           {"debs", request.debs_path},
                           {"meta", request.meta_path},
                           {"app_version", request.app_version},
                           {"env_version", request.env_version},
                           {"service_version", request.service_version}});
    return out;
}

}  // namespace gachette::build
