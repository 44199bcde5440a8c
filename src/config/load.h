// A configuration file to plain structs: strict, complete, every mistake told with file, line and key. After loading,
// nothing is left to be checked. Thread-safe as far as its options are.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/configuration.h"

namespace gachette {

// What the configuration must know of rooms that it does not include.
struct LoadOptions {
    std::vector<std::string> forges;  // names that hooks may give; empty: any name
    std::function<std::string(const Hook&)>
        settings_problem;  // of the forge's handler; empty: settings are not checked
    // false: secrets are named but not read, their values stay empty; for commands that need none and may not read
    // them.
    bool with_secrets = true;
    // The environment: HOME, STATE_DIRECTORY, XDG_STATE_HOME, CREDENTIALS_DIRECTORY and variables that hold secrets.
    // Empty: that of the process.
    std::function<std::optional<std::string>(const std::string& name)> variable;
};

// Reads the file at `path`. Secrets from files are read, too, relative to the folder of `path`. Throws ConfigError: one
// mistake per line, "config.yml:12: hooks.github.secrets: is empty; ...".
Configuration load_configuration(const std::string& path, const LoadOptions& options = {});
// The same for a text; `path` is for messages and for what is relative to it.
Configuration parse_configuration(std::string_view text, const std::string& path, const LoadOptions& options = {});

}  // namespace gachette
