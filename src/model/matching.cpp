#include "model/matching.h"

#include <algorithm>

#include "base/text.h"
#include "model/pattern.h"
#include "model/plan.h"
#include "model/repository.h"

namespace gachette {

namespace {

constexpr std::size_t longest_label = 200;

std::string name_of(const RepositoryIdentity& repository) {
    if (!repository.full_name.empty()) return repository.full_name;
    for (const std::string& url : repository.urls)
        if (std::string name = full_name_of(url); !name.empty()) return name;
    return repository.urls.empty() ? "" : parse_repository_address(repository.urls.front()).path;
}

// The addresses of the payload, and the one its host and full name make together.
std::vector<std::string> addresses_of(const RepositoryIdentity& repository) {
    std::vector<std::string> addresses = repository.urls;
    if (!repository.instance.empty() && !repository.full_name.empty())
        addresses.push_back("https://" + repository.instance + "/" + repository.full_name);
    return addresses;
}

// How sure it is that a project builds this repository.
enum class Likeness { none, name, address };

bool ends_in_name(std::string_view path, std::string_view full_name) {
    const std::string whole = "/" + lower(path);
    return !full_name.empty() && whole.ends_with("/" + lower(full_name));
}

Likeness likeness(std::string_view spelling, const RepositoryIdentity& repository,
                  const std::vector<std::string>& addresses) {
    for (const std::string& address : addresses)
        if (same_repository(spelling, address)) return Likeness::address;
    const bool has_name = repository.full_name.find('/') != std::string::npos;
    return has_name && ends_in_name(parse_repository_address(spelling).path, repository.full_name) ? Likeness::name
                                                                                                   : Likeness::none;
}

Likeness likeness(const Project& project, const RepositoryIdentity& repository,
                  const std::vector<std::string>& addresses) {
    Likeness best = likeness(project.url, repository, addresses);
    for (const std::string& spelling : project.repositories) {
        const bool listed = !repository.full_name.empty() && lower(spelling) == lower(repository.full_name);
        best = std::max(best, listed ? Likeness::address : likeness(spelling, repository, addresses));
    }
    return best;
}

}  // namespace

MatchingProjects find_projects(const RepositoryIdentity& repository, const Configuration& configuration,
                               const std::map<std::string, std::string>& known) {
    const std::vector<std::string> addresses = addresses_of(repository);
    const std::string key = repository_key(repository);
    const auto remembered = key.empty() ? known.end() : known.find(key);
    const std::vector<std::string> names =
        remembered == known.end() ? std::vector<std::string>{} : split(remembered->second, ' ');
    std::vector<const Project*> by_address, by_name, by_id;
    for (const Project& project : configuration.projects) {
        const Likeness how = likeness(project, repository, addresses);
        if (how == Likeness::address) by_address.push_back(&project);
        if (how == Likeness::name) by_name.push_back(&project);
        if (how != Likeness::address && std::find(names.begin(), names.end(), project.name) != names.end())
            by_id.push_back(&project);
    }
    if (!by_address.empty()) return {by_address, false, by_id};
    if (by_id.empty() || by_name == by_id) return {by_name, false, {}};
    return {by_id, true, {}};
}

bool may_speak_for(const Hook& hook, const RepositoryIdentity& repository) {
    if (hook.repositories.empty()) return true;
    std::vector<std::string> patterns;
    for (const std::string& pattern : hook.repositories) patterns.push_back(lower(pattern));
    return patterns_match(patterns, lower(name_of(repository)));
}

std::string label_of(const RepositoryIdentity& repository) {
    if (const std::string name = name_of(repository); !name.empty()) return printable(name, longest_label);
    return repository.id.empty() ? "a repository without a name"
                                 : "repository " + printable(repository.id, longest_label);
}

}  // namespace gachette
