// What a repository says its branches and tags are, asked from a build host.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/configuration.h"
#include "remote/shell.h"

namespace gachette::build {

struct RemoteRef {
    std::string ref;     // full
    std::string id;      // what it points at
    std::string commit;  // that with tags peeled
    friend bool operator==(const RemoteRef&, const RemoteRef&) = default;
};

// Ends the asking early.
struct Interruption {
    std::function<bool()> wanted;  // may be empty: never
    int wake_descriptor = -1;      // readable when it should be asked at once
};

// All branches and tags of the project's repository (git ls-remote on the host, under 45 s, at most 50,000), each name
// once and every value checked. nullopt when interrupted. Throws HostError when the host or the repository cannot be
// asked, or says what cannot be.
std::optional<std::vector<RemoteRef>> list_refs(remote::Shell& shell, const BuildHost& host, const Project& project,
                                                const Clock& clock, const Interruption& interruption = {});

}  // namespace gachette::build
