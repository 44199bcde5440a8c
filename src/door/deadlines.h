// Who has to be done by when. Each kind of waiting has one duration for all, so each kind is a queue in order of time:
// setting, clearing and finding the earliest cost the same for ten connections and for ten thousand, and nothing ticks.
// Used by the reactor thread only.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace gachette::door {

enum class Wait : std::size_t { tls, head, body, answer, idle, linger, grace, stream };
inline constexpr std::size_t wait_kinds = 8;

// A place in one of the queues; lives in its connection and must be cleared before that goes away.
struct Deadline {
    std::uint64_t owner = 0;
    Milliseconds at = 0;
    Wait kind = Wait::head;
    bool set = false;
    Deadline* before = nullptr;
    Deadline* after = nullptr;
};

class Deadlines {
public:
    explicit Deadlines(const std::array<Milliseconds, wait_kinds>& durations) : durations_(durations) {}

    // From now on for the duration of this kind; replaces what was set before.
    void set(Deadline& deadline, Wait kind, Milliseconds now);
    void clear(Deadline& deadline);
    // The first of a kind, or nullptr. Follow `after` to the others.
    Deadline* first(Wait kind) const { return queues_[static_cast<std::size_t>(kind)].first; }
    // The earliest of all, or nullptr.
    Deadline* earliest() const;

private:
    struct Queue {
        Deadline* first = nullptr;
        Deadline* last = nullptr;
    };
    std::array<Milliseconds, wait_kinds> durations_;
    std::array<Queue, wait_kinds> queues_;
};

}  // namespace gachette::door
