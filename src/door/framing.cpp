#include "door/framing.h"

#include <algorithm>

#include "base/text.h"

namespace gachette::door {

namespace {

bool letter_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// The characters of RFC 3986 for an authority without user: registered name, IPv4, IPv6 in brackets, port.
bool host_character(char c) {
    return letter_or_digit(c) || std::string_view("-._~%!$&'()*+;=:[]").find(c) != std::string_view::npos;
}

bool has_dot_segment(std::string_view path) {
    while (!path.empty()) {
        path.remove_prefix(1);  // the slash
        const std::string_view part = path.substr(0, path.find('/'));
        if (part == "." || part == "..") return true;
        path.remove_prefix(part.size());
    }
    return false;
}

// True if one of the comma-separated words of any field of this name is `word`.
bool has_word(const Headers& headers, std::string_view name, std::string_view word) {
    for (const Header& field : headers.all()) {
        if (lower(field.name) != name) continue;
        for (const std::string& part : split(field.value, ','))
            if (lower(trim(part)) == word) return true;
    }
    return false;
}

std::optional<Refusal> check_host(const Head& head) {
    const std::size_t count = head.headers.count("host");
    if (count == 0 && head.minor_version == 0) return std::nullopt;
    if (count == 0) return Refusal{400, "the Host field is missing"};
    if (count > 1) return Refusal{400, "the Host field is there more than once"};
    const std::string_view host = *head.headers.only("host");
    if (host.empty() || !std::all_of(host.begin(), host.end(), host_character))
        return Refusal{400, "the Host field is not a host name with an optional port"};
    return std::nullopt;
}

std::optional<Refusal> settle_length(Head& head, const Limits& limits) {
    const std::size_t lengths = head.headers.count("content-length");
    const std::size_t codings = head.headers.count("transfer-encoding");
    if (lengths > 0 && codings > 0) return Refusal{400, "Content-Length and Transfer-Encoding exclude each other"};
    if (codings > 0) return Refusal{501, "Transfer-Encoding is not taken here; send the body with Content-Length"};
    if (lengths > 1) return Refusal{400, "the Content-Length field is there more than once"};
    if (lengths == 0) return std::nullopt;
    const std::string_view text = *head.headers.only("content-length");
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
        return Refusal{400, "Content-Length is not a plain decimal number"};
    const auto length = parse_decimal(text);
    if (!length || *length > limits.body_bytes)
        return Refusal{413, "the body is larger than " + std::to_string(limits.body_bytes) + " bytes"};
    head.length = *length;
    if (head.length > 0 && (head.method == "GET" || head.method == "HEAD" || head.method == "TRACE"))
        return Refusal{400, "a request of this method has no body here; leave Content-Length out"};
    return std::nullopt;
}

}  // namespace

bool token_character(char c) {
    return letter_or_digit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool control_character(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

std::optional<Refusal> settle_target(Head& head) {
    const std::string_view target = head.target;
    if (target.front() != '/')
        return Refusal{400, "the target does not start with \"/\"; send only path and query, not a whole address"};
    const auto odd = [](char c) { return c <= ' ' || c >= 0x7f || c == '#'; };
    if (std::any_of(target.begin(), target.end(), odd))
        return Refusal{400, "the target has a character that must be percent-encoded"};
    const std::size_t question = std::min(target.find('?'), target.size());
    auto path = percent_decode(target.substr(0, question), false);
    if (!path) return Refusal{400, "the path has a broken percent escape"};
    if (std::any_of(path->begin(), path->end(), [](char c) { return c == '\t' || control_character(c); }))
        return Refusal{400, "the path has a control character"};
    if (has_dot_segment(*path)) return Refusal{400, "the path has a \".\" or \"..\" part"};
    head.path = std::move(*path);
    if (question < target.size()) head.query = target.substr(question + 1);
    return std::nullopt;
}

std::optional<Refusal> settle_fields(Head& head, const Limits& limits) {
    if (auto refusal = check_host(head)) return refusal;
    if (auto refusal = settle_length(head, limits)) return refusal;
    for (const Header& field : head.headers.all()) {
        const std::string name = lower(field.name);
        if (name == "content-encoding" && lower(field.value) != "identity")
            return Refusal{415, "Content-Encoding is not taken here; send the body as it is"};
        if (name != "expect" || head.minor_version == 0) continue;
        if (lower(field.value) != "100-continue")
            return Refusal{417, "the only expectation known here is 100-continue"};
        head.expects_continue = true;
    }
    head.close = head.minor_version == 0 || has_word(head.headers, "connection", "close");
    return std::nullopt;
}

}  // namespace gachette::door
