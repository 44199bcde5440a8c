// What all connections of a reactor share. Used by the reactor thread only, but for the counters.
#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "door/address.h"
#include "door/answer.h"
#include "door/budget.h"
#include "door/deadlines.h"
#include "door/mailbox.h"

namespace gachette::door {

struct AtomicCounters {
    std::atomic<std::int64_t> accepted{0}, requests{0}, refused{0}, timed_out{0}, open{0}, body_bytes{0};
};

inline constexpr Milliseconds linger_time = 1'000;  // a refused client has this long to read why
inline constexpr Milliseconds grace_time = 1'000;   // a silent connection has this long to begin when we drain
inline constexpr Milliseconds stream_tick = 250;    // a stream without news is asked again

inline std::array<Milliseconds, wait_kinds> durations_of(const Limits& limits) {
    return {limits.tls_time,  limits.head_time, limits.body_time, limits.answer_time,
            limits.idle_time, linger_time,      grace_time,       stream_tick};
}

inline constexpr std::size_t turn_bytes = 256 * 1024;  // a connection moves this much, then others get their turn

struct Common {
    Common(const Limits& limits_, TrustedProxies proxies_, const Clock& clock_, Gate gate_, Handler handler_,
           std::shared_ptr<Mailbox> mailbox_, AtomicCounters& counters_)
        : limits(limits_),
          proxies(std::move(proxies_)),
          clock(clock_),
          gate(std::move(gate_)),
          handler(std::move(handler_)),
          mailbox(std::move(mailbox_)),
          counters(counters_),
          deadlines(durations_of(limits_)),
          budget(limits_.total_body_bytes, limits_.body_bytes) {}

    // The Date field of now; rendered once a second.
    const std::string& date() {
        const Milliseconds second = clock.wall() / 1000;
        if (second != date_second_) date_text_ = http_date((date_second_ = second) * 1000);
        return date_text_;
    }

    const Limits limits;
    const TrustedProxies proxies;
    const Clock& clock;
    const Gate gate;
    const Handler handler;
    const std::shared_ptr<Mailbox> mailbox;
    AtomicCounters& counters;
    Deadlines deadlines;
    Budget budget;
    Milliseconds now = 0;  // of the monotonic clock, once a round of the reactor
    bool draining = false;
    int streams = 0;
    std::vector<std::uint64_t> again;   // have more to do than one turn allows
    std::vector<std::uint64_t> closed;  // to be taken away at the end of the round
    std::array<char, 64 * 1024> scratch;

private:
    Milliseconds date_second_ = -1;
    std::string date_text_;
};

}  // namespace gachette::door
