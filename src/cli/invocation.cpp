#include "cli/invocation.h"

namespace gachette::cli {

std::string Call::text(std::string_view name, std::string_view fallback) const {
    const auto found = values.find(name);
    return found == values.end() || found->second.empty() ? std::string(fallback) : found->second.back();
}

std::vector<std::string> Call::texts(std::string_view name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::vector<std::string>{} : found->second;
}

bool Call::flag(std::string_view name) const { return values.contains(name); }

Invocation parse(const std::vector<std::string>& words) {
    return original_form(words) ? parse_original(words) : parse_natural(words);
}

}  // namespace gachette::cli
