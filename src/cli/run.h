// From words to an exit code: parse, run the calls in order, say what went wrong in one sentence.
#pragma once
#include <ostream>
#include <string>
#include <vector>

namespace gachette::cli {

// 0 fine, 1 it failed, 2 command line or configuration, 3 build host or daemon not reachable. Never throws.
int run(const std::vector<std::string>& words, std::ostream& out, std::ostream& err);

}  // namespace gachette::cli
