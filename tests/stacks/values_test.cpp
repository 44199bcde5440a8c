// Pure parts: comparing two states, reading a host's words and journal lines, names.
#include <catch2/catch.hpp>

#include "stacks/events.h"
#include "stacks/stacks.h"

using namespace gachette::stacks;

namespace {

StackEntry entry(std::string name, std::string version, std::string sha = "", std::string commit = "") {
    StackEntry made;
    made.name = std::move(name);
    made.version = std::move(version);
    made.sha256 = std::move(sha);
    made.commit = std::move(commit);
    return made;
}

StackState state(std::int64_t generation, std::vector<StackEntry> packages) {
    StackState made;
    made.summary.domain = "main";
    made.summary.stack = "s";
    made.summary.generation = generation;
    made.packages = std::move(packages);
    return made;
}

}  // namespace

TEST_CASE("two states are compared package by package") {
    const auto from =
        state(1, {entry("a", "1"), entry("b", "1", "x", "c1"), entry("c", "1", "", "c1"), entry("e", "1", "x")});
    const auto to =
        state(2, {entry("b", "2", "y", "c2"), entry("c", "1", "z", "c2"), entry("d", "1"), entry("e", "1", "y")});
    const Difference result = difference(from, to);
    CHECK(result.from == "main/s@1");
    CHECK(result.to == "main/s@2");
    CHECK(result.changes ==
          std::vector<Change>{
              {"a", "1", "", "", ""}, {"b", "1", "2", "c1", "c2"}, {"d", "", "1", "", ""}, {"e", "1", "1", "", ""}});
    CHECK(difference(from, from).changes.empty());
    CHECK(difference(state(0, {}), state(0, {})).from == "main/s");
}

TEST_CASE("words of a host are checked") {
    const gachette::remote::HostEvent good{
        "package", {"app", "1.0", "all", "app.deb", std::string(64, 'a'), "12", "p", "r", "c", "3", "s@1"}};
    REQUIRE(read_package(good));
    CHECK(read_package(good)->size == 12);
    CHECK(read_package(good)->arrival == 3);
    const std::pair<std::size_t, const char*> odd[] = {{0, ""},   {0, "../x"}, {3, "../x.deb"},
                                                       {4, "zz"}, {5, "-1"},   {9, "many"}};
    for (const auto& [index, value] : odd) {
        auto event = good;
        event.arguments[index] = value;
        INFO(index << " " << value);
        CHECK(!read_package(event));
    }
    CHECK(read_package({"package", {"app"}}).error() ==
          "the host program said something odd about stacks: event \"package\", which has not 11 words");
    CHECK(!read_stack({"stack", {"main", "../s", "1", "1", "plain", "", "", "", "", "", "0", "", "", ""}}));
    CHECK(!read_stack({"stack", {"main", "s", "1", "1", "odd", "", "", "", "", "", "0", "", "", ""}}));
    const auto frozen = read_stack(
        {"stack", {"main", "s", "4", "2", "link", "add", "now", "me", "s@3", "why", "1", "hero", "then", "rest"}});
    REQUIRE(frozen);
    CHECK(frozen->frozen == Freeze{"hero", "then", "rest"});
    CHECK(frozen->form == Form::link);
    CHECK(read_change({"change", {"refused", "0", "no"}}).error() == "no");
    CHECK(read_change({"change", {"unchanged", "3", ""}})->changed == false);
    CHECK(!read_change({"change", {"perhaps", "3", ""}}));
}

TEST_CASE("a broken journal line is told as such") {
    CHECK(parse_journal_line("{\"generation\":1").error() == "a journal line is not a JSON object: {\"generation\":1");
    CHECK(!parse_journal_line("[]"));
    CHECK(!parse_journal_line("{}"));
    CHECK(!parse_journal_line("{\"operation\":\"add\",\"changes\":[1]}"));
    CHECK(parse_journal_line("{\"operation\":\"add\",\"generation\":\"x\"}")->generation == 0);
}

TEST_CASE("names of stacks and generations") {
    CHECK(parse_stack_name("edge")->generation == 0);
    CHECK(parse_stack_name("edge@12")->generation == 12);
    CHECK(parse_stack_name("edge@12")->stack == "edge");
    for (const char* odd : {"", "@1", "edge@", "edge@0", "edge@-1", "edge@1@2", "a/b", "edge@1x"})
        CHECK(!parse_stack_name(odd));
}
