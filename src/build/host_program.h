// The part of the host program that prepares and builds: host/*.pl of this room as one constant.
#pragma once
#include <string_view>

namespace gachette::build {
extern const std::string_view host_program_part;
}
