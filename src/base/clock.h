// Time as a dependency: everything that asks what time it is takes a Clock&, so that tests turn it by hand.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace gachette {

using Milliseconds = std::int64_t;

class Clock {
public:
    virtual ~Clock() = default;
    // Wall time in milliseconds since 1970 (UTC). For people and for signed timestamps; never decides order.
    virtual Milliseconds wall() const = 0;
    // Monotonic time in milliseconds from an arbitrary start. For deadlines and delays.
    virtual Milliseconds steady() const = 0;
};

// The clock of the machine. Thread-safe.
class SystemClock final : public Clock {
public:
    Milliseconds wall() const override;
    Milliseconds steady() const override;
};

// 2026-11-22T14:30:00Z for a wall time; for logs, pages and JSON.
std::string iso8601(Milliseconds wall);

}  // namespace gachette
