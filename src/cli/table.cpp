#include "cli/table.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"

namespace gachette::cli {

namespace {

// Code points, not bytes: names may hold any UTF-8.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string_view colour_of(std::string_view cell) {
    for (const std::string_view good : {"done", "accepted", "changed", "fine"})
        if (cell == good) return "\033[32m";
    for (const std::string_view bad : {"failed", "gave up", "refused", "dead", "malformed", "damaged"})
        if (cell == bad) return "\033[31m";
    for (const std::string_view going : {"running", "queued"})
        if (cell == going) return "\033[33m";
    return "";
}

}  // namespace

std::string Table::text(bool colours) const {
    std::vector<std::size_t> widths(rows_[0].size(), 0);
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
            widths[i] = std::max(widths[i], width(printable(row[i])));
    std::string text;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
        std::string line;
        std::size_t blanks = 0;
        for (std::size_t i = 0; i < rows_[r].size() && i < widths.size(); ++i) {
            const std::string cell = printable(rows_[r][i]);
            const std::string colour(!colours ? "" : r == 0 ? "\033[1m" : colour_of(cell));
            if (!cell.empty()) line += std::string(blanks, ' ') + colour + cell + (colour.empty() ? "" : "\033[0m");
            blanks = (cell.empty() ? blanks : 0) + widths[i] - width(cell) + 2;
        }
        text += line + "\n";
    }
    return text;
}

bool colours_wanted() {
    const char* terminal = std::getenv("TERM");
    const char* refused = std::getenv("NO_COLOR");
    return ::isatty(STDOUT_FILENO) == 1 && !(refused && *refused) && terminal && std::string_view(terminal) != "dumb";
}

std::string short_time(std::string_view iso) {
    if (iso.size() < 19) return "-";
    std::string time(iso.substr(0, 19));
    std::replace(time.begin(), time.end(), 'T', ' ');
    return time;
}

std::string short_commit(std::string_view commit) { return commit.empty() ? "-" : std::string(commit.substr(0, 10)); }

}  // namespace gachette::cli
