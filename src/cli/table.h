// Text for people: aligned tables, times, colours only on a terminal. Everything shown went through printable().
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace gachette::cli {

class Table {
public:
    explicit Table(std::vector<std::string> heads) : rows_{std::move(heads)} {}
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    bool empty() const { return rows_.size() == 1; }
    // Columns two blanks apart, no blanks at line ends; heads in bold and states in colour when `colours`.
    std::string text(bool colours) const;

private:
    std::vector<std::vector<std::string>> rows_;
};

// Whether standard output is a terminal that wants colours (NO_COLOR and TERM=dumb do not).
bool colours_wanted();
// "2026-11-22 14:30:00" for 2026-11-22T14:30:00Z, "-" for nothing.
std::string short_time(std::string_view iso);
// The first ten digits of an object id.
std::string short_commit(std::string_view commit);

}  // namespace gachette::cli
