#include "model/skip_mark.h"

#include <string>

#include "base/text.h"

namespace gachette {

namespace {

bool is_trailer(std::string_view line) {
    const std::size_t colon = line.find(':');
    return colon != std::string_view::npos && lower(trim(line.substr(0, colon))) == "skip-checks" &&
           lower(trim(line.substr(colon + 1))) == "true";
}

// Trailers stand in the last paragraph, which is not the first.
bool has_skip_trailer(std::string_view message) {
    bool found = false;
    bool below_title = false;
    for (const std::string& line : split(trim(message), '\n')) {
        const bool blank = trim(line).empty();
        found = !blank && (found || (below_title && is_trailer(line)));
        below_title = below_title || blank;
    }
    return found;
}

}  // namespace

std::string_view skip_mark(std::string_view message) {
    const std::string text = lower(message);
    for (const std::string_view mark : {"[skip ci]", "[ci skip]", "[no ci]", "[skip gachette]"})
        if (text.find(mark) != std::string::npos) return mark;
    return has_skip_trailer(message) ? "skip-checks: true" : "";
}

}  // namespace gachette
