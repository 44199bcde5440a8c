// The host program run by perl as a host's shell would run it, with a handle on the process so that tests can kill it.
#pragma once
#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"

namespace gachette::stacks::testing {

using Parameters = std::vector<std::pair<std::string, std::string>>;

struct Ended {
    std::vector<std::vector<std::string>> events;  // word and arguments, decoded
    std::string kind, reason;                      // of the "end" event; empty when it was killed before
    std::vector<std::string> kinds;                // of every "end" event, for programs that do several things
    std::string noise;                             // stderr
    // The arguments of the last event with this word; empty without one.
    std::vector<std::string> last(std::string_view word) const;
    std::vector<std::vector<std::string>> all(std::string_view word) const;
};

// One run of the program. Killed and reaped on destruction.
class HostProcess {
public:
    // `entry` is the Perl text after the rooms' parts.
    HostProcess(const Parameters& parameters, std::string_view entry = "stack_main();");
    ~HostProcess();
    HostProcess(const HostProcess&) = delete;
    HostProcess& operator=(const HostProcess&) = delete;

    void kill_now();  // SIGKILL
    // Reads until the end; fails the test after `seconds`.
    Ended finish(int seconds = 60);
    pid_t process() const { return process_; }

private:
    void wait();

    pid_t process_ = -1;
    Descriptor output_, errors_;
};

// A meta and a debs folder with short words for what tests do with them.
class Tree {
public:
    explicit Tree(std::string folder) : meta(folder + "/meta"), debs(folder + "/debs") {}
    // Adds meta, debs and domain "main" to the parameters.
    Parameters with(std::string_view operation, std::string_view stack, Parameters more = {}) const;
    Ended run(std::string_view operation, std::string_view stack, Parameters more = {}) const;
    // run(), which must end well; the outcome of its change.
    std::string change(std::string_view operation, std::string_view stack, Parameters more = {}) const;
    void settle(std::string_view stack) const { run("settle", stack); }
    std::string view(std::string_view stack) const { return meta + "/domain/main/stacks/" + std::string(stack); }

    std::string meta, debs;
};

// Parameters name, version and file for each package, the file as the original's packagers name it.
Parameters packages(const std::map<std::string, std::string>& versions);
// pkg0000 .. with this version.
std::map<std::string, std::string> many(int count, const std::string& version);

// What a reader that asks the original's URLs gets: package to version line, from `folder`/packages/<p>/version.
std::map<std::string, std::string> read_versions(const std::string& folder);
// Output of a shell command (bash), for what the original would have done.
std::string shell(const std::string& command);

}  // namespace gachette::stacks::testing
