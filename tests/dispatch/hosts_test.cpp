#include <catch2/catch.hpp>

#include "dispatch/hosts.h"

using namespace gachette;
using dispatch::Hosts;

namespace {

BuildHost host(const std::string& name, int slots) {
    BuildHost result;
    result.name = name;
    result.slots = slots;
    return result;
}

}  // namespace

TEST_CASE("a slot is given to one attempt at a time") {
    Hosts hosts;
    hosts.configure({host("a", 2)});
    const auto first = hosts.reserve({}, "x", 0);
    const auto second = hosts.reserve({}, "x", 0);
    REQUIRE(first);
    REQUIRE(second);
    CHECK(first->slot != second->slot);
    CHECK_FALSE(hosts.reserve({}, "x", 0));
    hosts.release(*first);
    CHECK(hosts.reserve({}, "x", 0)->slot == first->slot);
}

TEST_CASE("the host with the fewest jobs per slot is taken, among equals the one that knows the project") {
    Hosts hosts;
    hosts.configure({host("a", 1), host("b", 1)});
    CHECK(hosts.reserve({}, "x", 0)->host == "a");
    CHECK(hosts.reserve({}, "x", 0)->host == "b");
    hosts.configure({host("a", 1), host("b", 1)});
    Hosts other;
    other.configure({host("a", 1), host("b", 1)});
    other.worked("b", "x");
    CHECK(other.reserve({}, "x", 0)->host == "b");
}

TEST_CASE("a project stays on its allowed hosts") {
    Hosts hosts;
    hosts.configure({host("a", 1), host("b", 1)});
    CHECK(hosts.reserve({"b"}, "x", 0)->host == "b");
    CHECK_FALSE(hosts.reserve({"b"}, "x", 0));
}

TEST_CASE("a host in trouble rests for a growing time, and jobs go elsewhere") {
    Hosts hosts;
    hosts.configure({host("a", 2), host("b", 1)});
    hosts.failed("a", "no route", 1000, 0.0);
    CHECK(hosts.reserve({}, "x", 1001)->host == "b");
    CHECK_FALSE(hosts.reserve({"a"}, "x", 1000 + 9'999));
    CHECK(hosts.next_ready(1000) == 1000 + 10'000);
    CHECK(hosts.reserve({"a"}, "x", 1000 + 10'000)->host == "a");
    SECTION("failures seen together count once") {
        hosts.failed("a", "no route", 1500, 0.0);
        CHECK(hosts.states()[0].failures == 1);
    }
    SECTION("the next failure makes the rest longer") {
        hosts.failed("a", "no route", 40'000, 0.0);
        CHECK(hosts.states()[0].failures == 2);
        CHECK(hosts.states()[0].rests_until == 40'000 + 30'000);
    }
    SECTION("success ends all of it") {
        hosts.worked("a", "x");
        CHECK(hosts.states()[0].failures == 0);
        CHECK(hosts.states()[0].problem.empty());
    }
}

TEST_CASE("attaching takes a slot whatever the host's state") {
    Hosts hosts;
    hosts.configure({host("a", 1)});
    hosts.failed("a", "no route", 0, 0.0);
    const auto first = hosts.reserve_on("a");
    const auto second = hosts.reserve_on("a");
    CHECK(first.slot != second.slot);
    hosts.release(first);
    hosts.release(second);
    CHECK(hosts.states()[0].running == 0);
}
