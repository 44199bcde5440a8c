#include "base/clock.h"

#include <ctime>

namespace gachette {

namespace {
template <typename Source>
Milliseconds now() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Source::now().time_since_epoch()).count();
}
}  // namespace

Milliseconds SystemClock::wall() const { return now<std::chrono::system_clock>(); }
Milliseconds SystemClock::steady() const { return now<std::chrono::steady_clock>(); }

std::string iso8601(Milliseconds wall) {
    const std::time_t seconds = static_cast<std::time_t>(wall / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[32];
    const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return std::string(text, length);
}

}  // namespace gachette
