#include "stacks/events.h"

#include <fmt/format.h>

#include "base/text.h"
#include "model/names.h"

namespace gachette::stacks {

namespace {

tl::unexpected<std::string> odd(const remote::HostEvent& event, std::string_view what) {
    return fail(
        fmt::format("the host program said something odd about stacks: event \"{}\", {}", printable(event.word), what));
}

// At most this many arguments of a sane length; everything else is not our program.
bool sane(const remote::HostEvent& event, std::size_t count) {
    if (event.arguments.size() != count) return false;
    for (const std::string& argument : event.arguments) {
        if (argument.size() > 64 * 1024) return false;
    }
    return true;
}

std::optional<std::int64_t> number(const std::string& text) { return parse_decimal(text); }

std::optional<Form> form_of(std::string_view text) {
    if (text == "plain") return Form::plain;
    if (text == "link") return Form::link;
    if (text == "foreign") return Form::foreign;
    return std::nullopt;
}

bool hexadecimal(std::string_view text, std::size_t length) {
    return text.size() == length && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string_view to_string(Form form) {
    switch (form) {
        case Form::plain:
            return "plain";
        case Form::link:
            return "link";
        case Form::foreign:
            return "foreign";
    }
    return "";
}

Result<StackSummary> read_stack(const remote::HostEvent& event) {
    if (!sane(event, 14)) return odd(event, "which has not 14 words");
    const auto& said = event.arguments;
    const auto generation = number(said[2]), count = number(said[3]);
    const auto form = form_of(said[4]);
    if (!valid_name(said[0]) || !valid_name(said[1])) return odd(event, "with a name that cannot be");
    if (!generation || !count || !form) return odd(event, "with a number or form that cannot be");
    StackSummary summary{.domain = said[0],
                         .stack = said[1],
                         .generation = *generation,
                         .count = *count,
                         .form = *form,
                         .operation = said[5],
                         .at = said[6],
                         .by = said[7],
                         .parent = said[8],
                         .reason = said[9],
                         .frozen = std::nullopt,
                         .alias_of = {}};
    // said[10] tells whether it is frozen, said[11..13] by whom, when and why.
    if (said[10] == "1") summary.frozen = Freeze{said[11], said[12], said[13]};
    return summary;
}

Result<StackSummary> read_alias(const remote::HostEvent& event) {
    if (!sane(event, 3)) return odd(event, "which has not 3 words");
    if (!valid_name(event.arguments[0]) || !valid_name(event.arguments[1]))
        return odd(event, "with a name that cannot be");
    StackSummary summary;
    summary.domain = event.arguments[0];
    summary.stack = event.arguments[1];
    summary.alias_of = event.arguments[2];
    return summary;
}

Result<StackEntry> read_package(const remote::HostEvent& event) {
    if (!sane(event, 11)) return odd(event, "which has not 11 words");
    const auto& said = event.arguments;
    StackEntry entry{.name = said[0],
                     .version = said[1],
                     .architecture = said[2],
                     .file = said[3],
                     .sha256 = said[4],
                     .size = std::nullopt,
                     .project = said[6],
                     .ref = said[7],
                     .commit = said[8],
                     .arrival = 0,
                     .since = said[10]};
    if (entry.name.empty() || entry.name.find('/') != std::string::npos)
        return odd(event, "with a name that cannot be");
    if (!entry.file.empty() && !valid_deb_file_name(entry.file)) return odd(event, "with a file that cannot be");
    if (!entry.sha256.empty() && !hexadecimal(entry.sha256, 64)) return odd(event, "with a SHA-256 that cannot be");
    if (!said[5].empty()) {
        entry.size = number(said[5]);
        if (!entry.size) return odd(event, "with a size that is no number");
    }
    if (!said[9].empty()) {
        const auto arrival = number(said[9]);
        if (!arrival) return odd(event, "with an arrival that is no number");
        entry.arrival = *arrival;
    }
    return entry;
}

Result<Changed> read_change(const remote::HostEvent& event) {
    if (!sane(event, 3)) return odd(event, "which has not 3 words");
    const auto& said = event.arguments;
    const auto generation = number(said[1]);
    if (!generation) return odd(event, "with a generation that is no number");
    if (said[0] == "refused" || said[0] == "superseded") return fail(said[2]);
    if (said[0] != "changed" && said[0] != "unchanged") return odd(event, "with an outcome that cannot be");
    return Changed{said[0] == "changed", *generation, said[2], {}};
}

Result<Verification> read_verified(const remote::HostEvent& event) {
    if (!sane(event, 2)) return odd(event, "which has not 2 words");
    const auto packages = number(event.arguments[0]);
    if (!packages) return odd(event, "with a count that is no number");
    return Verification{*packages, {}};
}

}  // namespace gachette::stacks
