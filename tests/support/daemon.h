// The real gachette daemon as a child process in a temporary folder, and a sample world around it: a repository, a
// local build host, one hook. For end-to-end tests.
#pragma once
#include <sys/types.h>

#include <string>

#include "tests/support/folder.h"
#include "tests/support/http_client.h"

namespace gachette::testing {

class Daemon {
public:
    // `binary` is the gachette program, `config` its configuration (listen should be 127.0.0.1:0).
    Daemon(std::string binary, std::string config, std::string folder);
    ~Daemon();  // SIGKILL if it still runs
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    void start();    // returns when it says that it is ready; throws with its log if it ends instead
    void kill();     // SIGKILL
    int stop();      // SIGTERM; its exit status
    void hang_up();  // SIGHUP
    bool running() const { return child_ > 0; }
    pid_t process() const { return child_; }
    Endpoint door() const { return {port_, ""}; }
    Endpoint admin() const { return {0, folder_ + "/state/admin.sock"}; }
    std::string log() const;  // what it wrote on stderr, all starts

private:
    int wait();
    std::string binary_, config_, folder_;
    pid_t child_ = -1;
    int port_ = 0;
};

// A world: <folder>/origin (git repository with a build script), <folder>/config.yml, one hook "github".
class SampleWorld {
public:
    explicit SampleWorld(const std::string& binary, const std::string& more_configuration = "");
    // Commits a change on `branch` and returns its id.
    std::string commit(const std::string& message, const std::string& branch = "main");
    std::string tag(const std::string& name, bool annotated);  // of the present head; returns the commit
    // Sends a signed push of this commit; `delivery_id` is GitHub's.
    HttpAnswer push(const std::string& ref, const std::string& commit, const std::string& delivery_id);
    static std::string push_body(const std::string& ref, const std::string& commit);
    // Waits until no job is queued or running, at most this long; throws with the log otherwise.
    void settle(int seconds = 60);
    std::string version_in_stack(const std::string& domain, const std::string& stack, const std::string& package) const;

    TemporaryFolder folder;
    Daemon daemon;
    static constexpr const char* secret = "a secret of the sample world";
};

}  // namespace gachette::testing
