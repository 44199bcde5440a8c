// Patterns for branches, tags, repositories and paths: "*" is anything but "/", "**" anything, "?" one character.
// A list matches when one of its patterns does and no later "!pattern" takes it back, as in .gitignore. Linear time in
// practice: no backtracking beyond the last star.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace gachette {

bool pattern_matches(std::string_view pattern, std::string_view text);
bool patterns_match(const std::vector<std::string>& patterns, std::string_view text);

}  // namespace gachette
