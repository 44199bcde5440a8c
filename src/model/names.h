// Which names may become paths and words of ours. Checked here before they are stored and again on the build host.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace gachette {

// Domains, stacks, projects, hooks, hosts: [A-Za-z0-9][A-Za-z0-9._+-]{0,127}; "@" is kept for generations. The error
// names what was wrong: "stack \"a b\": only letters, digits and . _ + - are allowed, the first a letter or digit".
Result<void> check_name(std::string_view what, std::string_view name);
bool valid_name(std::string_view name);
// Debian policy 5.6.1: [a-z0-9][a-z0-9+.-]+, at most 128 bytes.
bool valid_package_name(std::string_view name);
// A .deb without a path: [A-Za-z0-9][A-Za-z0-9._+~-]*.deb, at most 200 bytes.
bool valid_deb_file_name(std::string_view name);

}  // namespace gachette
