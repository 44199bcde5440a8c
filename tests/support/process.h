// Runs programs by argument vector, for tests.
#pragma once
#include <string>
#include <vector>

namespace gachette::testing {

struct Ran {
    int status = -1;     // exit status, 128 + signal when killed
    std::string output;  // stdout and stderr together
};

// Waits for its end. `folder` is its working folder when not empty; `input` goes to its stdin.
Ran run(const std::vector<std::string>& arguments, const std::string& folder = "", const std::string& input = "");
// As run(), throws std::runtime_error with the output unless the status is 0. Returns the output without a last line
// feed.
std::string must_run(const std::vector<std::string>& arguments, const std::string& folder = "");

}  // namespace gachette::testing
