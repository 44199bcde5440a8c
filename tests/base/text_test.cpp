#include <catch2/catch.hpp>

#include "base/text.h"

using namespace gachette;
using namespace std::string_literals;

TEST_CASE("printable() leaves nothing that a terminal or a log would obey") {
    CHECK(printable("plain text, \xc3\xa4\xe2\x82\xac") == "plain text, \xc3\xa4\xe2\x82\xac");
    CHECK(printable("a\nb\rc\td") == "a\\x0ab\\x0dc\\x09d");
    CHECK(printable("\x1b]52;c;x\x07") == "\\x1b]52;c;x\\x07");
    CHECK(printable("nul\0end"s) == "nul\\x00end");
    CHECK(printable("\x7f\xc2\x9b"s) == "\\x7f\\x9b");
    CHECK(printable("\xe2\x80\xae"
                    "abc") == "\\u{202e}abc");
    CHECK(printable("\xe2\x80\xa8|\xef\xbb\xbf") == "\\u{2028}|\\u{feff}");
    CHECK(printable("\xff\xfe") == "\\xff\\xfe");
    CHECK(printable("\xc0\xaf") == "\\xc0\\xaf");           // overlong
    CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // surrogate
    CHECK(printable("\xe2\x82") == "\\xe2\\x82");           // cut
}

TEST_CASE("printable() is idempotent and bounded") {
    const std::string wild = "a\x1b\xff\xe2\x80\xae\n\\x41";
    CHECK(printable(printable(wild)) == printable(wild));
    CHECK(printable(std::string(600, 'x'), 512) == std::string(509, 'x') + "...");
    CHECK(printable(std::string(512, 'x'), 512) == std::string(512, 'x'));
    for (std::size_t limit = 8; limit < 40; ++limit) {
        std::string many;
        for (int i = 0; i < 30; ++i) many += "\xe2\x82\xac";
        const std::string cut = printable(many, limit);
        CHECK(cut.size() <= limit);
        CHECK(valid_utf8(cut));
    }
}

TEST_CASE("printable_lines() keeps lines and tabs") {
    CHECK(printable_lines("a\tb\r\nc\rd\n") == "a\tb\nc\nd\n");
    CHECK(printable_lines("\x1b[31mred\x1b[0m\n") == "\\x1b[31mred\\x1b[0m\n");
}

TEST_CASE("split, trim, lower, parse_decimal") {
    CHECK(split("a,b,,c", ',') == std::vector<std::string>{"a", "b", "", "c"});
    CHECK(split("", ',') == std::vector<std::string>{""});
    CHECK(trim(" \t a b \r\n") == "a b");
    CHECK(lower("X-GitHub-Event") == "x-github-event");
    CHECK(parse_decimal("42") == 42);
    for (const char* wrong : {"", "-1", "+1", " 1", "1 ", "0x1", "1e3", "9999999999999999999"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_decimal(wrong));
    }
}

TEST_CASE("percent and form decoding") {
    CHECK(percent_decode("a%20b%41+", true) == "a bA ");
    CHECK(percent_decode("a+b", false) == "a+b");
    CHECK_FALSE(percent_decode("%", false));
    CHECK_FALSE(percent_decode("%4", false));
    CHECK_FALSE(percent_decode("%zz", false));
    CHECK(form_value("payload=%7B%7D&x=1", "payload") == "{}");
    CHECK(form_value("x=1&payload=a%26b", "payload") == "a&b");
    CHECK(form_value("payload", "payload") == "");
    CHECK_FALSE(form_value("x=1", "payload"));
    CHECK_FALSE(form_value("payload=1&payload=2", "payload"));
    CHECK_FALSE(form_value("payload=%z", "payload"));
}
