// One conversation with the program on a build host: parameters out, events and log in, heartbeats and "stop"
// meanwhile. Wire format: host/10-common.pl. Everything that comes in is bounded and checked.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "remote/shell.h"

namespace gachette::remote {

// Parameters for the host program, in order; a name may repeat (lists). Values are any bytes.
using Parameters = std::vector<std::pair<std::string, std::string>>;

// "@NONCE word arg arg": words are lower case, arguments any bytes (percent-encoded on the wire).
struct HostEvent {
    std::string word;
    std::vector<std::string> arguments;
};

struct Listener {
    std::function<void(const HostEvent&)> event;
    // Log bytes of the job at this offset of its log; never a gap, never a repeat of what `log_offset` skipped.
    std::function<void(std::int64_t offset, std::string_view bytes)> log;
    // Asked between reads: true sends "stop" once (cancel).
    std::function<bool()> stop_requested;
    // Asked likewise: true ends the conversation and leaves the job running on the host.
    std::function<bool()> detach_requested;
    int wake_descriptor = -1;  // readable when the two should be asked at once
};

struct ConversationLimits {
    Milliseconds heartbeat = 15'000;
    Milliseconds silence = 60'000;  // without any byte (the host also beats) the link counts as dead
};

// Runs until the host program ends the conversation with its "end" event, which is returned (word "end"), or until a
// detach was asked for (word "detached"). Throws
// HostError when the link breaks or the program dies before; then nothing is known about what happened on the host.
HostEvent converse(Shell& shell, std::string_view program, const Parameters& parameters, const Listener& listener,
                   const Clock& clock, ConversationLimits limits = {});

}  // namespace gachette::remote
