#include "config/problems.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace gachette::config {

namespace {

constexpr std::size_t most_told = 100;

}  // namespace

void Problems::add(int line, const std::string& place, const std::string& sentence) {
    std::string text = line > 0 ? fmt::format("{}:{}: ", file_, line) : file_ + ": ";
    if (!place.empty()) text += place + ": ";
    found_.push_back({line, text + sentence});
}

void Problems::raise() const {
    if (found_.empty()) return;
    std::vector<Problem> sorted = found_;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) { return a.line < b.line; });
    std::string text;
    for (std::size_t i = 0; i < std::min(sorted.size(), most_told); ++i)
        text.append(text.empty() ? "" : "\n").append(sorted[i].text);
    if (sorted.size() > most_told) text += fmt::format("\n{}: and {} more mistakes", file_, sorted.size() - most_told);
    throw ConfigError(text);
}

}  // namespace gachette::config
