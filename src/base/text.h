// Text from strangers made fit to be shown, and small helpers on strings. Pure functions, thread-safe.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gachette {

// One line that is safe for a terminal, a log and JSON: valid UTF-8, no control bytes (C0, DEL, C1), no bidirectional
// controls, no line or paragraph separators. What is taken out stands there as \xNN or \u{NNNN}; a backslash stays one.
// Cut to `limit` bytes of output with "..." when longer. Idempotent.
std::string printable(std::string_view text, std::size_t limit = 512);
// As printable(), for many lines of program output: line feed and tab stay, a carriage return becomes a line feed
// (CR LF becomes one). No limit. Feed whole lines: a UTF-8 sequence must not be cut between two calls.
std::string printable_lines(std::string_view text);
bool valid_utf8(std::string_view text);

std::vector<std::string> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);  // ASCII only
bool starts_with_dash(std::string_view text);
// 1 to 18 plain decimal digits, nothing else.
std::optional<std::int64_t> parse_decimal(std::string_view text);

// Application/x-www-form-urlencoded and percent decoding (WHATWG URL, section 5.1). nullopt on a broken escape.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
// The decoded value of `name` in a form body or query; nullopt when it is missing, there twice, or broken.
std::optional<std::string> form_value(std::string_view form, std::string_view name);

}  // namespace gachette
