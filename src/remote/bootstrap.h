// The Perl text inside of host_command, for a start without a shell.
#pragma once
#include <string_view>

#include "remote/shell.h"

namespace gachette::remote {
extern const std::string_view bootstrap_text;
}
