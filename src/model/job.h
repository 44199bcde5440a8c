// The life of deliveries and jobs: states with numbers that are stored and never change, and the delays between tries.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace gachette {

enum class DeliveryState : int {
    accepted = 1,   // has jobs; ends with them
    ignored = 2,    // understood, nothing to do; the reason says why
    malformed = 3,  // authentic, but not what its forge sends
    repeat = 4,     // the sender's id was seen before; `repeats` says where
};

enum class JobState : int {
    queued = 1,
    running = 2,
    done = 10,
    failed = 11,      // the build said no: final
    gave_up = 12,     // infrastructure, after all tries
    superseded = 13,  // a newer push or newer content took its place; `superseded_by`
    cancelled = 14,
    refused = 15,     // the stack said no (missing, frozen, policy)
    dead = 16,        // its attempts took gachette down three times; set aside
};

enum class Step : int { none = 0, prepare = 1, build = 2, add_to_stack = 3 };

std::string_view to_string(DeliveryState state);
std::string_view to_string(JobState state);
std::string_view to_string(Step step);
bool ended(JobState state);

// How an attempt ended; decides whether there is another.
enum class AttemptClass : int {
    ok = 1,
    failed = 2,        // build exited non-zero, timed out, flooded, made no or wrong packages
    refused = 3,       // a request the host will never fulfil
    superseded = 4,
    cancelled = 5,
    infrastructure = 6,  // disk, fetch, lock on the host
    lost = 7,            // no end came: link, host or runner died
    unreachable = 8,     // connect, login, host key
};
std::string_view to_string(AttemptClass kind);
// infrastructure, lost and unreachable may be tried again.
bool may_retry(AttemptClass kind);

// The wait before try number `attempt` + 1 (attempt >= 1): 10 s, 60 s, 300 s, then 300 s, each plus or minus 20 % by
// `random` in [0, 1).
Milliseconds retry_delay(int attempt, double random);
// The rest of a host that failed `failures` times in a row: 10 s * 3^(n-1), at most 15 min, plus 0 to 30 %.
Milliseconds host_rest(int failures, double random);

}  // namespace gachette
