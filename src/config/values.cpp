#include "config/values.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace gachette::config {

namespace {

using Unit = std::pair<std::string_view, std::int64_t>;

template <std::size_t count>
std::optional<std::int64_t> parse_amount(std::string_view text, const std::array<Unit, count>& units,
                                         std::int64_t largest) {
    const std::size_t end = text.find_first_not_of("0123456789");
    if (end == std::string_view::npos || end > 15) return std::nullopt;
    const std::optional<std::int64_t> number = parse_decimal(text.substr(0, end));
    text.remove_prefix(end);
    if (text.starts_with(' ')) text.remove_prefix(1);
    for (const auto& [name, factor] : units)
        if (number && text == name && *number <= largest / factor) return *number * factor;
    return std::nullopt;
}

}  // namespace

std::optional<Milliseconds> parse_duration(std::string_view text) {
    constexpr std::array<Unit, 5> units{{{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
    return parse_amount(text, units, 36'525LL * 86'400'000);
}

std::optional<std::int64_t> parse_size(std::string_view text) {
    constexpr std::array<Unit, 4> units{{{"B", 1}, {"KiB", 1LL << 10}, {"MiB", 1LL << 20}, {"GiB", 1LL << 30}}};
    return parse_amount(text, units, 1LL << 50);
}

}  // namespace gachette::config
