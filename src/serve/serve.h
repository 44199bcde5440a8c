// The daemon: wiring of the rooms, signals, start and end.
#pragma once
#include <string>

#include "base/current.h"
#include "model/configuration.h"

namespace gachette::serve {

// Runs until SIGTERM or SIGINT; SIGHUP reloads the configuration (a broken one is refused, the old one goes on).
// Returns the exit code. Throws ConfigError before anything has started, StoreError or std::runtime_error when it
// cannot start.
int run_daemon(const std::string& config_path);

}  // namespace gachette::serve
