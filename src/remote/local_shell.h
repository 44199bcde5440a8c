// This machine as a build host: the bootstrap is started as a child process, without a shell and with a clean
// environment.
#pragma once
#include "remote/shell.h"

namespace gachette::remote {
// `perl` is looked up in PATH.
std::unique_ptr<Shell> make_local_shell(const BuildHost& host, const std::string& perl = "perl");
}  // namespace gachette::remote
