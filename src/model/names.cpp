#include "model/names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace gachette {

namespace {

constexpr std::size_t longest_name = 128;
constexpr std::size_t longest_file_name = 200;

bool digit(char c) { return c >= '0' && c <= '9'; }
bool small_letter(char c) { return c >= 'a' && c <= 'z'; }
bool letter(char c) { return small_letter(c) || (c >= 'A' && c <= 'Z'); }
bool one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

bool well_spelled(std::string_view name, std::string_view signs) {
    return !name.empty() && (letter(name.front()) || digit(name.front())) &&
           std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || digit(c) || one_of(c, signs); });
}

}  // namespace

bool valid_name(std::string_view name) { return name.size() <= longest_name && well_spelled(name, "._+-"); }

Result<void> check_name(std::string_view what, std::string_view name) {
    if (valid_name(name)) return {};
    if (name.empty()) return fail(fmt::format("{} \"\": is empty; give it a name", what));
    if (name.size() > longest_name)
        return fail(fmt::format("{} \"{}\": has {} bytes; at most {} are allowed", what, printable(name, 60),
                                name.size(), longest_name));
    return fail(fmt::format("{} \"{}\": only letters, digits and . _ + - are allowed, the first a letter or digit",
                            what, printable(name, 200)));
}

bool valid_package_name(std::string_view name) {
    return name.size() >= 2 && name.size() <= longest_name && (small_letter(name.front()) || digit(name.front())) &&
           std::all_of(name.begin(), name.end(),
                       [](char c) { return small_letter(c) || digit(c) || one_of(c, "+.-"); });
}

bool valid_deb_file_name(std::string_view name) {
    constexpr std::string_view ending = ".deb";
    return name.size() > ending.size() && name.size() <= longest_file_name && name.ends_with(ending) &&
           well_spelled(name, "._+~-");
}

}  // namespace gachette
