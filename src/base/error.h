// The accidents of gachette, each with the one place that catches it.
#pragma once
#include <stdexcept>
#include <string>

namespace gachette {

// The configuration cannot be used. Caught in main: message on stderr, exit 2, nothing has started.
struct ConfigError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The command line asks for something that does not exist or cannot be understood. Caught in main: exit 2.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A build host could not be reached, refused us or broke off. Caught in the dispatcher: retry, rest the host.
// In the command line: exit 3.
struct HostError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The store could not write or read (disk full, I/O error, corruption). Caught in the intake (503) and the dispatcher.
struct StoreError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace gachette
