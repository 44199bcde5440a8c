#include "model/configuration.h"

#include <algorithm>

namespace gachette {

namespace {

template <typename T>
const T* find_by_name(const std::vector<T>& list, std::string_view name) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const T& item) { return item.name == name; });
    return found == list.end() ? nullptr : &*found;
}

}  // namespace

std::string_view to_string(BuilderKind kind) {
    switch (kind) {
        case BuilderKind::automatic:
            return "automatic";
        case BuilderKind::trebuchet:
            return "trebuchet";
        case BuilderKind::debian:
            return "debian";
        case BuilderKind::command:
            return "command";
    }
    return "unknown";
}

std::string_view to_string(ReportKind kind) {
    switch (kind) {
        case ReportKind::status:
            return "status";
        case ReportKind::webhook:
            return "webhook";
        case ReportKind::callback:
            return "callback";
    }
    return "unknown";
}

ReportKind Destination::report_kind() const {
    if (kind == "webhook") return ReportKind::webhook;
    return kind == "callback" ? ReportKind::callback : ReportKind::status;
}

const Hook* Configuration::find_hook(std::string_view name) const { return find_by_name(hooks, name); }
const Destination* Configuration::find_reporter(std::string_view name) const { return find_by_name(reporters, name); }
const Project* Configuration::find_project(std::string_view name) const { return find_by_name(projects, name); }
const Domain* Configuration::find_domain(std::string_view name) const { return find_by_name(domains, name); }
const BuildHost* Configuration::find_build_host(std::string_view name) const { return find_by_name(build_hosts, name); }

}  // namespace gachette
