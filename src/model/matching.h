// Which projects build a repository, and how a repository is called in sentences. Pure functions, thread-safe.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "model/configuration.h"
#include "model/event.h"

namespace gachette {

struct MatchingProjects {
    std::vector<const Project*> projects;     // in the order of the configuration; they live as long as it does
    bool by_id = false;                       // only the forge's id still tells: the repository was renamed or moved
    std::vector<const Project*> left_behind;  // known by the id, but another project has the repository's address now
};

// By full address (host and path, or listed in project.repositories), else by the id that `known` remembers
// (repository_key() to project names, separated by spaces), else by a full name that a project's url ends in. So of two
// projects named alike at two hosts only the right one is meant, while an alias or a mirror is still understood.
MatchingProjects find_projects(const RepositoryIdentity& repository, const Configuration& configuration,
                               const std::map<std::string, std::string>& known);

// Whether hook.repositories lets this hook speak for the repository; compared without case.
bool may_speak_for(const Hook& hook, const RepositoryIdentity& repository);

// "ops-hero/gachette", else what its addresses tell, else "repository 12"; printable.
std::string label_of(const RepositoryIdentity& repository);

}  // namespace gachette
