#include "door/head.h"

#include <algorithm>

#include "door/framing.h"

namespace gachette::door {

namespace {

constexpr std::size_t longest_method = 32;
constexpr std::string_view version_form = "HTTP/1.1";

bool is_token(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), token_character); }

bool has_control(std::string_view text) { return std::any_of(text.begin(), text.end(), control_character); }

bool lower_case(char c) { return c >= 'a' && c <= 'z'; }

bool digit(char c) { return c >= '0' && c <= '9'; }

std::string_view trim_blanks(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

// 1.1 and 1.0 are spoken; another number of this form is a version we do not speak, anything else is no HTTP.
std::optional<Refusal> read_version(std::string_view text, int& minor_version) {
    if (text.size() != version_form.size() || text.substr(0, 5) != "HTTP/" || !digit(text[5]) || text[6] != '.' ||
        !digit(text[7]))
        return Refusal{
            400, "the request line must end in HTTP/1.1; send METHOD, one space, the target, one space, HTTP/1.1"};
    if (text[5] != '1' || text[7] > '1') return Refusal{505, "this version of HTTP is not spoken here; send HTTP/1.1"};
    minor_version = text[7] - '0';
    return std::nullopt;
}

}  // namespace

std::size_t HeadReader::read(std::string_view bytes) {
    std::size_t used = 0;
    while (state_ == State::reading && used < bytes.size()) {
        const std::string_view rest = bytes.substr(used);
        if (finished_bytes_ == 0 && line_.empty() && !token_character(rest.front())) {
            refuse(400, "this is not an HTTP request; send METHOD, one space, the target, one space, HTTP/1.1");
            break;
        }
        const std::size_t room = line_limit() - line_.size();
        const std::size_t end = rest.substr(0, room).find('\n');
        const std::size_t taken = end == std::string_view::npos ? std::min(room, rest.size()) : end + 1;
        used += taken;
        if (end != std::string_view::npos && line_.empty()) {
            take_line(rest.substr(0, taken));
            continue;
        }
        line_.append(rest.substr(0, taken));
        if (end != std::string_view::npos) {
            take_line(line_);
            line_.clear();
        } else if (line_.size() == line_limit()) {
            refuse_long_line();
        }
    }
    return used;
}

std::size_t HeadReader::line_limit() const {
    const auto head_bytes = static_cast<std::size_t>(limits_.head_bytes);
    if (request_line_seen_) return head_bytes - finished_bytes_;
    const std::size_t longest =
        longest_method + 1 + static_cast<std::size_t>(limits_.target_bytes) + 1 + version_form.size() + 2;
    return std::min(head_bytes, longest);
}

void HeadReader::refuse(int status, std::string sentence) {
    state_ = State::refused;
    refusal_ = {status, std::move(sentence)};
    line_ = {};
}

void HeadReader::refuse_long_line() {
    if (request_line_seen_)
        refuse(431, "the head is longer than " + std::to_string(limits_.head_bytes) +
                        " bytes; send fewer or shorter fields");
    else if (line_.find(' ') > longest_method)
        refuse(400, "the method is longer than " + std::to_string(longest_method) + " bytes");
    else
        refuse(414, "the target is longer than " + std::to_string(limits_.target_bytes) + " bytes");
}

void HeadReader::take_line(std::string_view line) {
    finished_bytes_ += line.size();
    line.remove_suffix(1);
    if (line.empty() || line.back() != '\r')
        return refuse(400, "a line of the head ends in a bare line feed; end every line with CR LF");
    line.remove_suffix(1);
    if (line.find('\r') != std::string_view::npos)
        return refuse(400, "a line of the head has a CR that is not followed by LF");
    if (!request_line_seen_) return take_request_line(line);
    if (!line.empty()) return take_field(line);
    if (auto refusal = settle_fields(head_, limits_)) return refuse(refusal->status, std::move(refusal->sentence));
    state_ = State::complete;
}

void HeadReader::take_request_line(std::string_view line) {
    request_line_seen_ = true;
    const std::size_t first = line.find(' ');
    const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos || second == first + 1)
        return refuse(400, "the request line is not METHOD, one space, the target, one space, HTTP/1.1");
    const std::string_view method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, second - first - 1);
    if (method.size() > longest_method)
        return refuse(400, "the method is longer than " + std::to_string(longest_method) + " bytes");
    if (!is_token(method) || std::any_of(method.begin(), method.end(), lower_case))
        return refuse(400, "the method is not an upper case word");
    if (target.size() > static_cast<std::size_t>(limits_.target_bytes))
        return refuse(414, "the target is longer than " + std::to_string(limits_.target_bytes) + " bytes");
    if (auto refusal = read_version(line.substr(second + 1), head_.minor_version))
        return refuse(refusal->status, std::move(refusal->sentence));
    head_.method = method;
    head_.target = target;
    if (auto refusal = settle_target(head_)) return refuse(refusal->status, std::move(refusal->sentence));
    if (finished_bytes_ >= static_cast<std::size_t>(limits_.head_bytes)) refuse_long_line();
}

void HeadReader::take_field(std::string_view line) {
    if (line.front() == ' ' || line.front() == '\t')
        return refuse(400, "a field is folded over several lines; send each field on one line");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return refuse(400, "a line of the head has no colon");
    if (colon == 0) return refuse(400, "a field has no name");
    const std::string_view name = line.substr(0, colon);
    if (name.back() == ' ' || name.back() == '\t') return refuse(400, "a field has a space before its colon");
    if (!is_token(name)) return refuse(400, "the name of a field has a character that is not allowed in names");
    const std::string_view value = trim_blanks(line.substr(colon + 1));
    if (has_control(value)) return refuse(400, "the value of a field has a control character");
    if (head_.headers.all().size() >= static_cast<std::size_t>(limits_.head_fields))
        return refuse(431, "the head has more than " + std::to_string(limits_.head_fields) + " fields");
    head_.headers.add(std::string(name), std::string(value));
    if (finished_bytes_ >= static_cast<std::size_t>(limits_.head_bytes)) refuse_long_line();
}

}  // namespace gachette::door
