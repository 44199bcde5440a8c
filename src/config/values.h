// The texts of times and sizes. Pure functions.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace gachette::config {

// "500ms", "30s", "5m", "4h", "2d"; one blank may stand before the unit. Nothing else, at most 100 years.
std::optional<Milliseconds> parse_duration(std::string_view text);
// "512B", "64KiB", "25 MiB", "2GiB"; at most 2^50 bytes.
std::optional<std::int64_t> parse_size(std::string_view text);

}  // namespace gachette::config
