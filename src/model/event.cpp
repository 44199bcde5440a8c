#include "model/event.h"

#include <algorithm>

#include "base/text.h"

namespace gachette {

namespace {

constexpr std::string_view branches = "refs/heads/";
constexpr std::string_view tags = "refs/tags/";
constexpr std::size_t longest_ref = 1024;

bool object_id_length(std::string_view text) { return text.size() == 40 || text.size() == 64; }

// git-check-ref-format, rules 1, 3, 6 and 7 for one part between slashes.
bool valid_part(std::string_view part) { return !part.empty() && part.front() != '.' && !part.ends_with(".lock"); }

// Rules 4, 5 and 10: what may stand nowhere in a ref.
bool forbidden(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= ' ' || byte == 0x7f || std::string_view("~^:?*[\\").find(c) != std::string_view::npos;
}

}  // namespace

std::string_view to_string(RefKind kind) { return kind == RefKind::branch ? "branch" : "tag"; }

std::string_view to_string(Change change) {
    switch (change) {
        case Change::created:
            return "created";
        case Change::moved:
            return "moved";
        case Change::deleted:
            return "deleted";
    }
    return "unknown";
}

std::string Event::short_ref() const {
    for (const std::string_view prefix : {branches, tags})
        if (ref.starts_with(prefix)) return ref.substr(prefix.size());
    return ref;
}

bool valid_object_id(std::string_view text) {
    const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    return object_id_length(text) && std::all_of(text.begin(), text.end(), digit) && !zero_object_id(text);
}

bool zero_object_id(std::string_view text) {
    return object_id_length(text) && text.find_first_not_of('0') == std::string_view::npos;
}

bool valid_full_ref(std::string_view ref) {
    if (ref.size() > longest_ref || !(ref.starts_with(branches) || ref.starts_with(tags))) return false;
    if (std::any_of(ref.begin(), ref.end(), forbidden) || !valid_utf8(ref)) return false;
    if (ref.find("..") != std::string_view::npos || ref.find("@{") != std::string_view::npos || ref.back() == '.')
        return false;
    for (std::size_t start = 0; start <= ref.size();) {
        const std::size_t end = std::min(ref.find('/', start), ref.size());
        if (!valid_part(ref.substr(start, end - start))) return false;
        start = end + 1;
    }
    return true;
}

}  // namespace gachette
