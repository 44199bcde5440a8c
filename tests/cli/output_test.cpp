// Tables and JSON.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/json_text.h"
#include "cli/table.h"

using namespace gachette::cli;

TEST_CASE("columns are aligned and nothing dangerous reaches the terminal") {
    Table table({"JOB", "REF", "STATE"});
    CHECK(table.empty());
    table.add({"1", "refs/heads/m\u00e4in", "done"});
    table.add({"22", "refs/\033[31mx", ""});
    CHECK(table.text(false) ==
          "JOB  REF              STATE\n"
          "1    refs/heads/m\u00e4in  done\n"
          "22   refs/\\x1b[31mx\n");
    const std::string coloured = table.text(true);
    CHECK(coloured.find("\033[32mdone\033[0m") != std::string::npos);
    CHECK(coloured.find("\033[31mx") == std::string::npos);
}

TEST_CASE("an empty cell keeps the columns after it in place") {
    Table table({"A", "B", "C"});
    table.add({"1", "", "x"});
    CHECK(table.text(false) == "A  B  C\n1     x\n");
}

TEST_CASE("times and commits are shortened") {
    CHECK(short_time("2026-11-22T14:30:00Z") == "2026-11-22 14:30:00");
    CHECK(short_time("") == "-");
    CHECK(short_commit("0123456789abcdef") == "0123456789");
    CHECK(short_commit("") == "-");
}

TEST_CASE("JSON is valid whatever is in it") {
    JsonText json;
    json.text("quote\"", "a\"b\\c\n\x01\xff\u2028")
        .text_if("none", "")
        .number("n", -5)
        .flag("yes", true)
        .flag("no", false);
    json.object("o", JsonText().text("k", "v"))
        .objects("list", {JsonText(), JsonText().number("x", 1)})
        .texts("t", {"a", "b\""});
    const auto parsed = nlohmann::json::parse(json.str());
    CHECK(parsed["quote\""].get<std::string>().starts_with("a\"b\\c"));
    CHECK_FALSE(parsed.contains("none"));
    CHECK(parsed["n"] == -5);
    CHECK(parsed["yes"] == true);
    CHECK(parsed["no"] == false);
    CHECK(parsed["o"]["k"] == "v");
    CHECK(parsed["list"].size() == 2);
    CHECK(parsed["t"][1] == "b\"");
    CHECK(nlohmann::json::parse(JsonText().str()).empty());
}
