#include "model/pattern.h"

#include <catch2/catch.hpp>
#include <chrono>

using namespace gachette;

namespace {

struct Row {
    const char* pattern;
    const char* text;
    bool matches;
};

}  // namespace

TEST_CASE("patterns") {
    const std::vector<Row> rows{
        {"main", "main", true},
        {"main", "Main", false},
        {"main", "main2", false},
        {"main", "xmain", false},
        {"", "", true},
        {"", "x", false},
        {"*", "", true},
        {"*", "main", true},
        {"*", "feature/x", false},
        {"**", "feature/x/y", true},
        {"***", "feature/x/y", true},
        {"feature/*", "feature/x", true},
        {"feature/*", "feature/x/y", false},
        {"feature/**", "feature/x/y", true},
        {"feature/**", "feature", false},
        {"v*", "v1.4", true},
        {"v*.*", "v1", false},
        {"v?", "v1", true},
        {"v?", "v", false},
        {"v?", "v12", false},
        {"a?b", "a/b", false},
        {"k?se", "k\xc3\xa4se", true},
        {"k\xc3\xa4se", "k\xc3\xa4se", true},
        {"?", "\xff", true},
        {"**/*.md", "README.md", true},
        {"**/*.md", "docs/a/b.md", true},
        {"**/x", "yx", false},
        {"a/**/b", "a/b", true},
        {"a/**/b", "a/x/y/b", true},
        {"a/**/b", "a/xb", false},
        {"a**b", "a/x/b", true},
        {"*a*b", "xaxaxb", true},
        {"*a*b", "xaxaxbx", false},
        {"ops-hero/*", "ops-hero/gachette", true},
        {"ops-hero/*", "ops-heroes/gachette", false},
        {"a.c", "abc", false},
        {"[a]", "a", false},
        {"\\*", "*", false},
    };
    for (const Row& row : rows) {
        INFO(row.pattern << " against " << row.text);
        CHECK(pattern_matches(row.pattern, row.text) == row.matches);
    }
}

TEST_CASE("lists of patterns take back and give again, the last word counts") {
    CHECK(patterns_match({"main", "release/*"}, "release/1"));
    CHECK_FALSE(patterns_match({}, "main"));
    CHECK_FALSE(patterns_match({"*", "!wip-*"}, "wip-1"));
    CHECK(patterns_match({"*", "!wip-*"}, "main"));
    CHECK(patterns_match({"*", "!wip-*", "wip-keep"}, "wip-keep"));
    CHECK(patterns_match({"!wip-*", "*"}, "wip-1"));
    CHECK_FALSE(patterns_match({"!wip-*"}, "main"));
}

TEST_CASE("no pattern makes matching slow") {
    std::string pattern;
    for (int i = 0; i < 60; ++i) pattern += i % 2 ? "**a" : "*a";
    const auto start = std::chrono::steady_clock::now();
    CHECK_FALSE(pattern_matches(pattern + "b", std::string(1024, 'a')));
    CHECK_FALSE(pattern_matches(pattern + "b", std::string(512, 'a') + "/" + std::string(511, 'a')));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
}
