// What the commands of one call share: options, the configuration when one is asked for, one warm connection to the
// build host, where to print. Lives in main's thread.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "base/clock.h"
#include "cli/api_client.h"
#include "cli/invocation.h"
#include "model/configuration.h"
#include "remote/shell.h"

namespace gachette::cli {

class Session {
public:
    Session(Options options, std::ostream& out, std::ostream& err, const Clock& clock);
    ~Session();

    const Options& options() const { return options_; }
    std::ostream& out() { return out_; }
    std::ostream& err() { return err_; }
    const Clock& clock() const { return clock_; }
    bool colours() const { return colours_; }

    // The file that is used: -c, else $GACHETTE_CONFIG, else /etc/gachette/gachette.yml if it is there; empty: none.
    std::string configuration_path() const;
    // An empty one when there is no file. Secrets are not read: who may not read them can look at jobs and stacks all
    // the same. Throws ConfigError when the file cannot be used.
    const Configuration& configuration();
    // With all secrets. Throws UsageError when there is no file (`command` is for the sentence), else as
    // configuration().
    const Configuration& needed_configuration(const std::string& command);

    // Connects on first use and keeps the connection for the next call on the same host.
    remote::Shell& shell(const Call& call);
    const BuildHost& host(const Call& call);
    ApiClient daemon();

    // "gachette: note: ..." on standard error, each sentence once.
    void note(const std::string& sentence);

    // A setting that wins over the argument when the configuration has it; a note says so when the two differ.
    std::string setting(const Call& call, const std::string& parameter, const std::string& configured,
                        const std::string& key);
    // As setting(), for folders on the build host: throws UsageError when it is neither given nor configured, or no
    // absolute path.
    std::string folder(const Call& call, const std::string& parameter, const std::string& configured);

private:
    Options options_;
    std::ostream& out_;
    std::ostream& err_;
    const Clock& clock_;
    bool colours_;
    std::optional<Configuration> configuration_;           // without the values of secrets
    std::optional<Configuration> complete_configuration_;  // with them
    std::optional<BuildHost> host_;
    std::vector<std::string> host_words_;
    std::unique_ptr<remote::Shell> shell_;
    std::vector<std::string> notes_;
};

// SIGINT during the scope asks to stop what runs on the host; the second one ends this process at once.
class Interrupt {
public:
    Interrupt();
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;
    static bool requested();
    int descriptor() const;  // readable once it was requested
};

}  // namespace gachette::cli
