#include "cli/json_text.h"

#include "base/text.h"

namespace gachette::cli {

namespace {

// printable() leaves no control bytes, so only the two characters that JSON itself uses are left.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : printable(text, 64 * 1024)) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

}  // namespace

JsonText& JsonText::raw(std::string_view key, const std::string& value) {
    body_ += (body_.empty() ? "" : ",") + quoted(key) + ":" + value;
    return *this;
}

JsonText& JsonText::text(std::string_view key, std::string_view value) { return raw(key, quoted(value)); }
JsonText& JsonText::text_if(std::string_view key, std::string_view value) {
    return value.empty() ? *this : text(key, value);
}
JsonText& JsonText::number(std::string_view key, std::int64_t value) { return raw(key, std::to_string(value)); }
JsonText& JsonText::flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
JsonText& JsonText::object(std::string_view key, const JsonText& value) { return raw(key, value.str()); }

JsonText& JsonText::objects(std::string_view key, const std::vector<JsonText>& values) {
    std::string list;
    for (const JsonText& value : values) list += (list.empty() ? "" : ",") + value.str();
    return raw(key, "[" + list + "]");
}

JsonText& JsonText::texts(std::string_view key, const std::vector<std::string>& values) {
    std::string list;
    for (const std::string& value : values) list += (list.empty() ? "" : ",") + quoted(value);
    return raw(key, "[" + list + "]");
}

}  // namespace gachette::cli
