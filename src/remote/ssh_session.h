// Connecting and logging in. The types of libssh stand here by their names only.
#pragma once
#include <memory>
#include <string>

#include "remote/ssh_shell.h"

struct ssh_session_struct;

namespace gachette::remote {

struct SessionCloser {
    void operator()(ssh_session_struct* session) const;
};
using Session = std::unique_ptr<ssh_session_struct, SessionCloser>;

// A session whose host key was checked and whose login was accepted, switched to non-blocking. Throws HostError with
// the sentence for people.
Session connect_session(const BuildHost& host, const SshFiles& files);

// "build host \"x\"": the beginning of every sentence.
std::string host_words(const BuildHost& host);

}  // namespace gachette::remote
