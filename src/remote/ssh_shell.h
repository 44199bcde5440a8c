// A build host reached with libssh: one session per shell, kept warm between conversations. Where it looks for files of
// OpenSSH can be told, for tests.
#pragma once
#include <string>

#include "remote/shell.h"

namespace gachette::remote {

struct SshFiles {
    std::string config;       // instead of ~/.ssh/config and the system's; empty: those
    std::string known_hosts;  // instead of ~/.ssh/known_hosts; BuildHost::known_hosts wins; empty: that
};

std::unique_ptr<Shell> make_ssh_shell(const BuildHost& host, const SshFiles& files = {});

}  // namespace gachette::remote
