#include "handlers/document.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "tests/handlers/handlers_support.h"

using namespace gachette;
using namespace gachette::testing;
using handlers::Document;
using handlers::Value;

namespace {

std::string problem(std::string_view json) {
    const auto document = Document::parse(json);
    return document ? "" : document.error();
}

}  // namespace

TEST_CASE("missing, null and wrong types are told apart") {
    const auto document = Document::parse(
        R"({"a":null,"b":"text","c":7,"d":[1,{"e":true}],"f":18446744073709551615,"g":-3,"h":1.5,"i":"","j":{}, "k":[]})");
    REQUIRE(document);
    const Value root = document->root();
    CHECK(root.type() == Value::Type::object);
    CHECK(root["none"].type() == Value::Type::missing);
    CHECK(root["none"]["deeper"].missing());
    CHECK(root["a"].type() == Value::Type::null);
    CHECK_FALSE(root["a"].present());
    CHECK(root["b"].text() == "text");
    CHECK(root["b"]["x"].missing());
    CHECK_FALSE(root["c"].text());
    CHECK(root["c"].id() == "7");
    CHECK(root["b"].id() == "text");
    CHECK(root["f"].id() == "18446744073709551615");
    CHECK(root["g"].id() == "-3");
    CHECK_FALSE(root["h"].id());
    CHECK_FALSE(root["d"].id());
    CHECK(root["i"].text() == "");
    CHECK(root["d"].at(1)["e"].boolean() == true);
    CHECK(root["d"].at(2).missing());
    CHECK(root["j"].at(0).missing());
    CHECK(root["k"].empty_list());
    CHECK_FALSE(root["d"].empty_list());
    CHECK_FALSE(root["j"].empty_list());
    CHECK(Value().missing());
}

TEST_CASE("pointers follow RFC 6901") {
    const auto document = Document::parse(R"({"a/b":1,"m~n":2,"":3,"l":[10,[20]],"o":{"p":4}})");
    REQUIRE(document);
    const Value root = document->root();
    CHECK(root.at_pointer("").type() == Value::Type::object);
    CHECK(root.at_pointer("/a~1b").id() == "1");
    CHECK(root.at_pointer("/m~0n").id() == "2");
    CHECK(root.at_pointer("/").id() == "3");
    CHECK(root.at_pointer("/l/1/0").id() == "20");
    CHECK(root.at_pointer("/l/01").missing());
    CHECK(root.at_pointer("/l/-").missing());
    CHECK(root.at_pointer("/l/2").missing());
    CHECK(root.at_pointer("/o/p").id() == "4");
    CHECK(root.at_pointer("/o/p/q").missing());
    CHECK(handlers::valid_pointer("/a~0~1"));
    CHECK_FALSE(handlers::valid_pointer("a"));
    CHECK_FALSE(handlers::valid_pointer("/~2"));
    CHECK_FALSE(handlers::valid_pointer("/~"));
}

TEST_CASE("a key that is read and there twice is found, however it is spelled") {
    const auto document = Document::parse(R"({"x":{"ref":1,"r\u0065f":2},"y":{"z":1,"z":2}})");
    REQUIRE(document);
    CHECK(document->root()["x"].type() == Value::Type::object);
    CHECK(document->key_found_twice().empty());
    (void)document->root()["x"]["ref"];
    (void)document->root()["y"]["z"];
    CHECK(document->key_found_twice() == "ref");
}

TEST_CASE("depth is limited to 64") {
    const auto nested = [](std::size_t levels) { return std::string(levels, '[') + "1" + std::string(levels, ']'); };
    CHECK(problem(nested(64)).empty());
    CHECK(problem(nested(65)) == "it is nested deeper than 64 levels");
    CHECK(problem(nested(1'000'000)) == "it is nested deeper than 64 levels");
    CHECK_FALSE(problem(std::string(1'000'000, '[')).empty());
    std::string objects;
    for (int i = 0; i < 64; ++i) objects += R"({"a":)";
    CHECK(problem(objects + "1" + std::string(64, '}')).empty());
    CHECK(problem(R"({"a":)" + objects + "1" + std::string(65, '}')) == "it is nested deeper than 64 levels");
}

TEST_CASE("what is not exactly one JSON document is refused") {
    using namespace std::string_literals;
    CHECK(problem("") == "it is empty");
    CHECK(problem(" \n") == "it is empty");
    CHECK(problem("\xef\xbb\xbf{}") == "a byte order mark stands before the document");
    CHECK(problem("{\"a\":\"\xff\"}") == "it is not valid UTF-8");
    CHECK(problem("{\"a\":\"\xc0\xaf\"}") == "it is not valid UTF-8");
    CHECK(problem("{\"a\":\"\xed\xa0\x80\"}") == "it is not valid UTF-8");
    CHECK(problem(R"({"a":"\ud800"})") == "a text holds a broken escape or a control character");
    CHECK(problem(R"({"a":"\x"})") == "a text holds a broken escape or a control character");
    CHECK(problem("{\"a\":\"\n\"}") == "a text holds a broken escape or a control character");
    CHECK(problem(R"({"a":"b)") == "a text does not end");
    CHECK(problem(R"({"a":1e400})") == "a number is malformed or too large");
    CHECK(problem(R"({"a":01})") == "a number is malformed or too large");
    for (const std::string& text :
         {"{\"a\":1}\0junk"s, "{}\0"s, "\0{}"s, "{\0}"s, "{}{}"s, "{},"s, "{'a':1}"s, "{\"a\":1,}"s, "[1 2]"s, "{"s,
          "}"s, "{\"a\"}"s, "nul"s, "{\"a\":NaN}"s, "/**/{}"s, "{\"a\":1}x"s, "\xff\xfe{\0}\0"s}) {
        INFO(text);
        CHECK_FALSE(problem(text).empty());
    }
}

TEST_CASE("a document of nothing but values is refused before it takes memory") {
    std::string values = "[";
    while (values.size() < 9'000'000) values += "1,";
    CHECK(problem(values + "1]") == "it has more than 4000000 values");
    CHECK(problem("[" + std::string(9'000'000, ' ') + "1]").empty());
}

TEST_CASE("documents can be open side by side, large ones are given back") {
    auto first = Document::parse(R"({"a":"first"})");
    auto second = Document::parse(R"({"a":"second"})");
    REQUIRE((first && second));
    CHECK(first->root()["a"].text() == "first");
    CHECK(second->root()["a"].text() == "second");
    for (int i = 0; i < 2; ++i) {
        const std::string large = R"({"a":")" + std::string(3'000'000, 'x') + R"("})";
        const auto document = Document::parse(large);
        REQUIRE(document);
        CHECK(document->root()["a"].text()->size() == 3'000'000);
    }
    CHECK(first->root()["a"].text() == "first");
}

TEST_CASE("every malformed document is a malformed reading at every forge") {
    for (const handlers::Forge& forge : handlers::all_forges()) {
        INFO(forge.name);
        const Hook hook = hook_of(std::string(forge.name), {"a secret of good length"},
                                  {{"header", "X-Token"}, {"signature_header", "X-Signature"}});
        for (const std::string& body : {std::string(), std::string("{"), std::string("[]"), std::string("{}"),
                                        std::string("null"), std::string("payload=%7B"), std::string("payload=%"),
                                        std::string("\xef\xbb\xbf{}"), std::string(1000, '[')}) {
            INFO(body.substr(0, 20));
            OwnedRequest request{forge.sign(hook, hook.secrets[0], "", body, 0), body, ""};
            CHECK(forge.read(request.view(), hook).kind == handlers::Reading::Kind::malformed);
        }
    }
}
