// A clock that tests turn by hand.
#pragma once
#include <atomic>

#include "base/clock.h"

namespace gachette::testing {

class FakeClock final : public Clock {
public:
    explicit FakeClock(Milliseconds wall = 1'700'000'000'000) : wall_(wall) {}
    Milliseconds wall() const override { return wall_; }
    Milliseconds steady() const override { return steady_; }
    void advance(Milliseconds by) {
        wall_ += by;
        steady_ += by;
    }
    void set_wall(Milliseconds wall) { wall_ = wall; }

private:
    std::atomic<Milliseconds> wall_;
    std::atomic<Milliseconds> steady_{1'000'000};
};

}  // namespace gachette::testing
