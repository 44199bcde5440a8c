#include <fmt/format.h>

#include "base/text.h"
#include "model/names.h"
#include "stacks/stacks.h"

namespace gachette::stacks {

namespace {

std::string title(const StackSummary& stack) {
    if (stack.generation == 0) return fmt::format("{}/{}", stack.domain, stack.stack);
    return fmt::format("{}/{}@{}", stack.domain, stack.stack, stack.generation);
}

// A file or sum that one side does not know is no difference.
bool differs(const std::string& one, const std::string& other) {
    return !one.empty() && !other.empty() && one != other;
}

bool same_content(const StackEntry& one, const StackEntry& other) {
    return one.version == other.version && !differs(one.file, other.file) && !differs(one.sha256, other.sha256);
}

}  // namespace

Difference difference(const StackState& from, const StackState& to) {
    Difference result{title(from.summary), title(to.summary), {}};
    auto left = from.packages.begin();
    auto right = to.packages.begin();
    while (left != from.packages.end() || right != to.packages.end()) {
        const bool only_left = right == to.packages.end() || (left != from.packages.end() && left->name < right->name);
        const bool only_right = !only_left && (left == from.packages.end() || right->name < left->name);
        if (only_left) {
            result.changes.push_back({left->name, left->version, "", left->commit, ""});
        } else if (only_right) {
            result.changes.push_back({right->name, "", right->version, "", right->commit});
        } else if (!same_content(*left, *right)) {
            result.changes.push_back({left->name, left->version, right->version, left->commit, right->commit});
        }
        if (!only_right) ++left;
        if (!only_left) ++right;
    }
    return result;
}

Result<StackName> parse_stack_name(std::string_view text) {
    const std::size_t at = text.find('@');
    StackName name{std::string(text.substr(0, at)), 0};
    if (auto checked = check_name("stack", name.stack); !checked) return fail(checked.error());
    if (at == std::string_view::npos) return name;
    const auto generation = parse_decimal(text.substr(at + 1));
    if (!generation || *generation == 0) {
        return fail(fmt::format("stack \"{}\": after the @ comes the number of a generation, from 1", printable(text)));
    }
    name.generation = *generation;
    return name;
}

}  // namespace gachette::stacks
