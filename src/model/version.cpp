#include "model/version.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <vector>

#include "base/text.h"

namespace gachette {

namespace {

constexpr std::size_t longest_version = 200;
constexpr std::size_t longest_ref_text = 40;
constexpr std::size_t usual_short_sha = 7;
constexpr std::int64_t last_second_of_9999 = 253'402'300'799;

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter_or_digit(char c) { return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// A piece of a template: literal text, or a field with its argument ("7" of {short_sha:7}).
struct Part {
    bool field = false;
    std::string text;  // the literal, or the field's name
    std::string argument;
    int group = -1;  // number of the [...] it stands in; -1: none
};

struct Template {
    std::vector<Part> parts;
    int groups = 0;
};

tl::unexpected<std::string> template_error(std::string_view version_template, const std::string& sentence) {
    return fail(fmt::format("version template \"{}\": {}", printable(version_template, 200), sentence));
}

std::string field_problem(const Part& part) {
    constexpr std::string_view known = "base short_sha sha branch tag date count project ref";
    const std::vector<std::string> names = split(known, ' ');
    if (std::find(names.begin(), names.end(), part.text) == names.end())
        return fmt::format("unknown field {{{}}}; known are {{{}}}", printable(part.text, 40),
                           fmt::join(names, "}, {"));
    if (part.argument.empty()) return "";
    if (part.text == "short_sha") {
        const std::optional<std::int64_t> length = parse_decimal(part.argument);
        if (length && *length >= 4 && *length <= 64) return "";
        return fmt::format("{{short_sha:{}}} wants a number of digits from 4 to 64", printable(part.argument, 40));
    }
    if (part.text == "date") {
        for (std::size_t i = 0; i < part.argument.size(); ++i) {
            if (part.argument[i] != '%') continue;
            if (++i >= part.argument.size() ||
                std::string_view("YmdHMSjy").find(part.argument[i]) == std::string_view::npos)
                return fmt::format("{{date:{}}} may hold %Y %y %m %d %j %H %M %S and other characters, no other %",
                                   printable(part.argument, 40));
        }
        return "";
    }
    return fmt::format("{{{}}} takes nothing after a colon", part.text);
}

// Reads {name} or {name:argument} at `position`, which is moved behind it.
Result<Part> read_field(std::string_view text, std::size_t& position) {
    const std::size_t end = text.find('}', position);
    if (end == std::string_view::npos) return template_error(text, "a { is not closed; write {{ for a brace");
    const std::string_view inside = text.substr(position + 1, end - position - 1);
    const std::size_t colon = inside.find(':');
    Part part;
    part.field = true;
    part.text = inside.substr(0, colon);
    if (colon != std::string_view::npos) part.argument = inside.substr(colon + 1);
    const bool empty_argument = colon != std::string_view::npos && part.argument.empty();
    if (const std::string problem = field_problem(part); !problem.empty()) return template_error(text, problem);
    if (empty_argument) return template_error(text, fmt::format("{{{}:}} has nothing after its colon", part.text));
    position = end + 1;
    return part;
}

Result<Template> read_template(std::string_view text) {
    Template result;
    int group = -1;
    const auto add_literal = [&](char c) {
        if (result.parts.empty() || result.parts.back().field || result.parts.back().group != group)
            result.parts.push_back({false, "", "", group});
        result.parts.back().text += c;
    };
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        if ((c == '{' || c == '}') && i + 1 < text.size() && text[i + 1] == c) {
            add_literal(c);
            i += 2;
        } else if (c == '{') {
            Result<Part> part = read_field(text, i);
            if (!part) return tl::unexpected(part.error());
            part->group = group;
            result.parts.push_back(*part);
        } else if (c == '}') {
            return template_error(text, "a } closes nothing; write }} for a brace");
        } else if (c == '[') {
            if (group >= 0) return template_error(text, "a [ stands within [...]; close the first one before");
            group = result.groups++;
            ++i;
        } else if (c == ']') {
            if (group < 0) return template_error(text, "a ] closes nothing");
            group = -1;
            ++i;
        } else {
            add_literal(c);
            ++i;
        }
    }
    if (group >= 0) return template_error(text, "a [ is not closed");
    return result;
}

// Every character that is not kept becomes one "."; runs of them, too.
std::string dotted(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool kept = letter_or_digit(c) || c == '+' || c == '~';
        if (kept)
            out += c;
        else if (!out.ends_with('.'))
            out += '.';
    }
    return out.substr(0, longest_ref_text);
}

std::string tag_text(std::string_view tag) {
    if (tag.size() > 1 && tag.front() == 'v' && digit(tag[1])) tag.remove_prefix(1);
    return dotted(tag);
}

// origin-<branch> or <tag> as the original wrote it, mended where Debian would have refused the package at the end.
std::string original_ref(const VersionFacts& facts) {
    if (facts.short_ref.empty()) return "";
    std::string out = facts.kind == RefKind::branch ? "origin-" : "";
    for (const char c : facts.short_ref) {
        if (c == '/' || c == '_')
            out += '-';
        else if (letter_or_digit(c) || c == '-' || c == '+' || c == '~' || c == '.')
            out += c;
        else if (!continuation(c))
            out += '.';
    }
    if (out.ends_with('-')) out.back() = '.';  // a revision must not be empty
    return out;
}

std::string date_text(std::int64_t seconds, const std::string& format) {
    const std::time_t time = std::clamp<std::int64_t>(seconds, 0, last_second_of_9999);
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::string buffer(longest_version * 4, '\0');
    buffer.resize(std::strftime(buffer.data(), buffer.size(), format.empty() ? "%Y%m%d" : format.c_str(), &parts));
    return buffer;
}

std::string field_value(const Part& part, const VersionFacts& facts) {
    const bool branch = facts.kind == RefKind::branch;
    if (part.text == "base") return facts.base;
    if (part.text == "sha") return facts.commit;
    if (part.text == "short_sha") {
        const std::optional<std::int64_t> length = parse_decimal(part.argument);
        return facts.commit.substr(0, length ? static_cast<std::size_t>(*length) : usual_short_sha);
    }
    if (part.text == "branch") return branch ? dotted(facts.short_ref) : "";
    if (part.text == "tag") return branch ? "" : tag_text(facts.short_ref);
    if (part.text == "date") return date_text(facts.commit_time, part.argument);
    if (part.text == "count") return facts.count > 0 ? std::to_string(facts.count) : "";
    if (part.text == "project") return dotted(facts.project);
    return original_ref(facts);
}

std::string epoch_problem(std::string_view epoch) {
    const std::optional<std::int64_t> number = parse_decimal(epoch);
    if (number && *number <= 2'147'483'647) return "";
    return "what stands before the colon (the epoch) must be a number";
}

}  // namespace

Result<VersionNeeds> version_needs(std::string_view version_template) {
    const Result<Template> parsed = read_template(version_template);
    if (!parsed) return tl::unexpected(parsed.error());
    VersionNeeds needs;
    for (const Part& part : parsed->parts) {
        if (!part.field) continue;
        const bool ref = part.text == "ref";
        needs.count = needs.count || part.text == "count";
        needs.branch = needs.branch || ref || part.text == "branch";
        needs.tag = needs.tag || ref || part.text == "tag";
    }
    return needs;
}

Result<std::string> expand_version(std::string_view version_template, const VersionFacts& facts) {
    const Result<Template> parsed = read_template(version_template);
    if (!parsed) return tl::unexpected(parsed.error());
    std::vector<std::string> values;
    std::vector<char> left_out(static_cast<std::size_t>(parsed->groups), 0);
    std::string empty_field;
    for (const Part& part : parsed->parts) {
        values.push_back(part.field ? field_value(part, facts) : part.text);
        if (!part.field || !values.back().empty()) continue;
        if (part.group >= 0)
            left_out[static_cast<std::size_t>(part.group)] = 1;
        else
            empty_field = part.text;
    }
    std::string version;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const int group = parsed->parts[i].group;
        if (group < 0 || !left_out[static_cast<std::size_t>(group)]) version += values[i];
    }
    std::string problem = version_problem(version);
    if (!empty_field.empty())
        problem = fmt::format("{{{}}} is empty here; write [...] around what may be left out", empty_field);
    if (problem.empty()) return version;
    return fail(fmt::format("version template \"{}\" gives \"{}\": {}", printable(version_template, 200),
                            printable(version, 250), problem));
}

std::string version_problem(std::string_view version) {
    if (version.empty()) return "it is empty";
    if (version.size() > longest_version)
        return fmt::format("it has {} bytes; at most {} are allowed", version.size(), longest_version);
    if (const std::size_t colon = version.find(':'); colon != std::string_view::npos) {
        if (std::string problem = epoch_problem(version.substr(0, colon)); !problem.empty()) return problem;
        version.remove_prefix(colon + 1);
    }
    if (version.empty() || !digit(version.front())) return "it must begin with a digit";
    for (const char c : version)
        if (!letter_or_digit(c) && c != '.' && c != '+' && c != '-' && c != '~')
            return "only letters, digits and . + - ~ are allowed";
    if (version.ends_with('-')) return "nothing follows the last \"-\" (the Debian revision)";
    return "";
}

}  // namespace gachette
