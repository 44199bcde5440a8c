#include "base/headers.h"

#include "base/text.h"

namespace gachette {

namespace {

bool same_name(std::string_view a, std::string_view b) { return a.size() == b.size() && lower(a) == lower(b); }

}  // namespace

std::size_t Headers::count(std::string_view name) const {
    std::size_t found = 0;
    for (const Header& field : fields_) found += same_name(field.name, name);
    return found;
}

std::optional<std::string_view> Headers::only(std::string_view name) const {
    const Header* found = nullptr;
    for (const Header& field : fields_) {
        if (!same_name(field.name, name)) continue;
        if (found) return std::nullopt;
        found = &field;
    }
    if (!found) return std::nullopt;
    return std::string_view(found->value);
}

}  // namespace gachette
