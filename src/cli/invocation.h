// What a command line asks for, as a value: the options that every command shares and the calls in order. Both forms,
// the original's (task:arg,key=value) and the natural one, become this; nothing here has run yet.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gachette::cli {

struct Options {
    std::vector<std::string> hosts;  // -H, in order, as written
    std::string configuration;       // -c
    std::string user;                // -u
    std::string key_filename;        // -i
    int port = 0;                    // --port; 0: not given
    bool forward_agent = false;      // -A
    bool local = false;              // --local: this machine is the build host
    bool json = false;               // --json
    std::string socket;              // --socket: the daemon's admin socket
    std::string server;              // --server: the daemon by URL instead
    std::string token_file;          // --token-file: for --server
    friend bool operator==(const Options&, const Options&) = default;
};

// Parameters of a call by name (catalog.h). A flag that is set has the value "1".
using Values = std::map<std::string, std::vector<std::string>, std::less<>>;

struct Call {
    std::string command;  // of the catalog: "stack_create", "stack show"
    Values values;
    std::vector<std::string> hosts;  // of the call alone (host= of the original); empty: the options'

    // The last value, `fallback` when there is none.
    std::string text(std::string_view name, std::string_view fallback = "") const;
    std::vector<std::string> texts(std::string_view name) const;
    bool flag(std::string_view name) const;
    friend bool operator==(const Call&, const Call&) = default;
};

struct Invocation {
    Options options;
    std::vector<Call> calls;  // run in order, stop at the first failure
    std::string text;         // if not empty: print this instead (help, list, version)
    friend bool operator==(const Invocation&, const Invocation&) = default;
};

// Words without the program's name. Throws UsageError with a sentence that says what to write instead.
Invocation parse(const std::vector<std::string>& words);

// Whether the words are in the original's form: the first that is no option is an original task with ":" or all of them
// are tasks that need no arguments, or there is no such word at all.
bool original_form(const std::vector<std::string>& words);
Invocation parse_original(const std::vector<std::string>& words);
Invocation parse_natural(const std::vector<std::string>& words);

// The text of -l.
std::string command_list();

}  // namespace gachette::cli
