// JSON for --json: an object that is written as it is filled. Texts are made valid UTF-8 by printable().
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gachette::cli {

class JsonText {
public:
    JsonText& text(std::string_view key, std::string_view value);
    // Left out when empty.
    JsonText& text_if(std::string_view key, std::string_view value);
    JsonText& number(std::string_view key, std::int64_t value);
    JsonText& flag(std::string_view key, bool value);
    JsonText& object(std::string_view key, const JsonText& value);
    JsonText& objects(std::string_view key, const std::vector<JsonText>& values);
    JsonText& texts(std::string_view key, const std::vector<std::string>& values);
    // "{...}", without a line feed.
    std::string str() const { return "{" + body_ + "}"; }

private:
    JsonText& raw(std::string_view key, const std::string& value);
    std::string body_;
};

}  // namespace gachette::cli
