// Which build host a command works on: from -H and its companions, --local, and the configuration. Pure.
#pragma once
#include <string>
#include <vector>

#include "cli/invocation.h"
#include "model/configuration.h"

namespace gachette::cli {

struct HostWords {
    std::string user;  // may be empty
    std::string host;
    int port = 0;  // 0: not given
    friend bool operator==(const HostWords&, const HostWords&) = default;
};

// "[user@]host[:port]", "[user@][2001:db8::1]:22", "2001:db8::1". Throws UsageError that says what is wrong with it.
HostWords parse_host(const std::string& text);

// Throws UsageError when there is no host to choose, or more than one.
BuildHost choose_host(const Options& options, const Call& call, const Configuration& configuration);

}  // namespace gachette::cli
