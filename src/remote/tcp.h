// A TCP connection made with a time limit, over all addresses of a name.
#pragma once
#include <string>

#include "base/clock.h"
#include "base/file.h"

namespace gachette::remote {
// Non-delaying, with kernel keepalive (15 s, then 3 times 5 s) and a limit of 30 s for unanswered data. The error says
// which address said what.
Result<Descriptor> connect_tcp(const std::string& address, unsigned port, Milliseconds timeout);
// Answers what arrives at once instead of after 40 ms, until the kernel thinks otherwise again.
void acknowledge_at_once(int descriptor);
}  // namespace gachette::remote
