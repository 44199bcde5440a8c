#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace gachette {

namespace {

// Reads one code point at `position`. Returns its length in bytes, 0 if there is no valid UTF-8 sequence (RFC 3629).
std::size_t decode(std::string_view text, std::size_t position, char32_t& code) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[position + i]); };
    const unsigned char first = at(0);
    if (first < 0x80) {
        code = first;
        return 1;
    }
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || position + length > text.size()) return 0;
    code = first & (0xff >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((at(i) & 0xc0) != 0x80) return 0;
        code = (code << 6) | (at(i) & 0x3f);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return overlong || surrogate || code > 0x10ffff ? 0 : length;
}

bool hidden(char32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

std::string clean(std::string_view text, bool lines) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (lines && (c == '\n' || c == '\t')) {
            out += c;
            ++i;
        } else if (lines && c == '\r') {
            i += i + 1 < text.size() && text[i + 1] == '\n' ? 2 : 1;
            out += '\n';
        } else {
            char32_t code = 0;
            const std::size_t length = decode(text, i, code);
            if (length == 0)
                out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
            else if (hidden(code))
                out += code < 0x100 ? fmt::format("\\x{:02x}", static_cast<unsigned>(code))
                                    : fmt::format("\\u{{{:04x}}}", static_cast<unsigned>(code));
            else
                out.append(text.substr(i, length));
            i += length == 0 ? 1 : length;
        }
    }
    return out;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
    std::string out = clean(text.substr(0, limit + 4), false);
    if (out.size() <= limit && text.size() <= limit + 4) return out;
    std::size_t end = std::min(out.size(), limit - 3);
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
    return out.substr(0, end) + "...";
}

std::string printable_lines(std::string_view text) { return clean(text, true); }

bool valid_utf8(std::string_view text) {
    char32_t code = 0;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = decode(text, i, code);
        if (length == 0) return false;
        i += length;
    }
    return true;
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (std::size_t start = 0;;) {
        const std::size_t end = text.find(separator, start);
        parts.emplace_back(text.substr(start, end == std::string_view::npos ? end : end - start));
        if (end == std::string_view::npos) return parts;
        start = end + 1;
    }
}

std::string_view trim(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

bool starts_with_dash(std::string_view text) { return !text.empty() && text.front() == '-'; }

std::optional<std::int64_t> parse_decimal(std::string_view text) {
    if (text.empty() || text.size() > 18) return std::nullopt;
    std::int64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    return value;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex_value(text[i + 1]);
            const int low = hex_value(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += plus_is_space && text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

std::optional<std::string> form_value(std::string_view form, std::string_view name) {
    std::optional<std::string> value;
    for (std::size_t start = 0; start <= form.size();) {
        const std::size_t end = std::min(form.find('&', start), form.size());
        const std::string_view pair = form.substr(start, end - start);
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const auto key = percent_decode(pair.substr(0, equals), true);
        if (key && *key == name) {
            if (value) return std::nullopt;
            value = percent_decode(equals < pair.size() ? pair.substr(equals + 1) : "", true);
            if (!value) return std::nullopt;
        }
        start = end + 1;
    }
    return value;
}

}  // namespace gachette
