// The marks in a commit message that ask not to build it.
#pragma once
#include <string_view>

namespace gachette {

// "[skip ci]", "[ci skip]", "[no ci]" or "[skip gachette]" anywhere in the message, or the trailer "skip-checks: true"
// in its last paragraph; without case. Empty if there is none.
std::string_view skip_mark(std::string_view message);

}  // namespace gachette
