// What a configuration means, in lines for people: `gachette check-config`. Pure functions; no secret is ever shown.
#pragma once
#include <string>

#include "model/configuration.h"

namespace gachette {

// What a push to the project's repository would do: several lines, each with its line end.
std::string describe_project(const Configuration& configuration, const Project& project);
// Hooks, projects, build hosts and notes: the whole file.
std::string describe_configuration(const Configuration& configuration);

}  // namespace gachette
