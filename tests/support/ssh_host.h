// A real sshd of OpenSSH on a loopback port, for tests: own host keys, own authorized_keys, nothing outside of a
// temporary folder. Works as root and as an ordinary user. Ended with the object.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/support/folder.h"

namespace gachette::testing {

class SshHost {
public:
    SshHost();
    ~SshHost();
    SshHost(const SshHost&) = delete;
    SshHost& operator=(const SshHost&) = delete;

    int port() const { return port_; }
    std::string user() const;
    std::string key() const { return folder_ / "id_ed25519"; }
    std::string known_hosts() const { return folder_ / "known_hosts"; }
    std::string fingerprint() const;  // "SHA256:..." of its ed25519 host key
    std::string home() const { return folder_ / "home"; }
    // "[127.0.0.1]:port type key" for the public key file of a host key.
    std::string known_hosts_line(const std::string& public_key_file) const;
    const std::string& folder() const { return folder_.path(); }

    // Starts again with other settings appended to sshd_config (first value wins in sshd: they are put first).
    void restart(const std::string& settings = "");
    // Ends the processes that serve connections, as a cut would.
    void cut_connections() const;

private:
    void start(const std::string& settings);
    void stop();

    TemporaryFolder folder_;
    int port_ = 0;
    pid_t process_ = -1;
};

// Runs a program and waits; its stdout. Throws std::runtime_error with its output when it fails.
std::string run_program(const std::vector<std::string>& words, const std::string& folder = "/");

}  // namespace gachette::testing
