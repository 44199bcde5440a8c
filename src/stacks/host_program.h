// The part of the host program that changes and reads stacks: host/*.pl of this room as one constant.
#pragma once
#include <string_view>

namespace gachette::stacks {
extern const std::string_view host_program_part;
}
