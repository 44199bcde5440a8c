// The part of the host program that every conversation needs: host/*.pl of this room as one constant.
#pragma once
#include <string_view>

namespace gachette::remote {
extern const std::string_view host_program_part;
}
