// A way to run the one constant command on a build host and to talk with it over its stdin and stdout. Implementations:
// LocalShell (this machine) and SshShell (libssh). No outside value is ever part of a command: the command is
// host_command, a bootstrap that reads program and parameters from its stdin.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/configuration.h"

namespace gachette::remote {

// The only text that is ever executed on a host. Reads the line "gachette 1 NONCE PROGRAM_BYTES PARAMETER_BYTES", then
// that many bytes of program, evaluates it with the parameters that follow (host/10-common.pl). Works in any login
// shell.
extern const std::string_view host_command;

// One running command. Owned by one thread at a time. Errors of the link throw HostError.
class Channel {
public:
    virtual ~Channel() = default;  // closes; what runs on the host notices by its stdin
    virtual void write(std::string_view bytes) = 0;
    struct Input {
        std::string output;   // of stdout
        std::string noise;    // of stderr: diagnostics of shells and sshd, never trusted, never events
        bool closed = false;  // nothing more will come
    };
    // Waits at most `timeout` for anything, or until `wake_descriptor` becomes readable (-1: none); may return empty.
    virtual Input read(Milliseconds timeout, int wake_descriptor) = 0;
};

class Shell {
public:
    virtual ~Shell() = default;
    // Starts host_command. Throws HostError when the host cannot be reached, is not who it should be, or refuses us;
    // the sentence says which and what to do. Connects first when there is no connection; a dead one is replaced once.
    virtual std::unique_ptr<Channel> open() = 0;
    // Whether a connection stands already.
    virtual bool warm() const = 0;
    // The host's name, for sentences.
    virtual std::string host_name() const { return "the build host"; }
};

// Local or SSH by the host's configuration. The shell is used by one thread at a time.
std::unique_ptr<Shell> make_shell(const BuildHost& host);

}  // namespace gachette::remote
