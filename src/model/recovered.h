// What the reconciler files when it finds what no delivery told: the hook it speaks through, and the body, which is
// JSON so that such a delivery can be read again (handlers/reconciler.cpp). Pure functions, thread-safe.
#pragma once
#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/configuration.h"
#include "model/event.h"

namespace gachette {

// Name of the hook and of its forge. No configuration may have such a hook: nothing comes in through it.
inline constexpr std::string_view reconciler_name = "reconciler";

// The hook of recovered events: without secrets, for all repositories.
const Hook& reconciler_hook();

// How the reconciler calls a project's repository.
RepositoryIdentity recovered_repository(std::string_view url);

// {"project", "repository", "ref", "before", "after", "commit", "found"}; before: null for a new ref; `found` is the
// (wall) time of the finding, so that no two findings are alike.
std::string recovered_body(const Project& project, const Event& event, Milliseconds found);

}  // namespace gachette
