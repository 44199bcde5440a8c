#include "door/address.h"

#include <catch2/catch.hpp>

namespace gachette::door {

namespace {

std::string client_of(const std::string& peer, const Headers& headers, const std::vector<std::string>& proxies) {
    return client_address(*Address::parse(peer), headers, TrustedProxies(proxies)).text();
}

}  // namespace

TEST_CASE("addresses are read and written in one spelling") {
    CHECK(Address::parse("192.0.2.1")->text() == "192.0.2.1");
    CHECK(Address::parse("::ffff:192.0.2.1")->text() == "192.0.2.1");
    CHECK(*Address::parse("::ffff:192.0.2.1") == *Address::parse("192.0.2.1"));
    CHECK(Address::parse("2001:DB8:0::1")->text() == "2001:db8::1");
    for (const char* bad :
         {"", "x", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4:80", "[::1]", "::1%lo", "01.2.3.4x", " 1.2.3.4"})
        CHECK_FALSE(Address::parse(bad));
    CHECK_FALSE(Address::parse(std::string_view("1.2.3.4\0x", 9)));
}

TEST_CASE("an IPv6 /64 counts as one, an IPv4 address as one") {
    CHECK(Address::parse("2001:db8:0:1::1")->group() == Address::parse("2001:db8:0:1:ffff::2")->group());
    CHECK_FALSE(Address::parse("2001:db8:0:1::1")->group() == Address::parse("2001:db8:0:2::1")->group());
    CHECK_FALSE(Address::parse("192.0.2.1")->group() == Address::parse("192.0.2.2")->group());
}

TEST_CASE("only trusted proxies say who the client is") {
    const std::vector<std::string> none;
    const std::vector<std::string> ours{"10.0.0.0/8", "::1", "192.0.2.7"};
    const Headers forwarded{{"X-Forwarded-For", "203.0.113.1, 203.0.113.2"}};
    CHECK(client_of("198.51.100.1", forwarded, none) == "198.51.100.1");
    CHECK(client_of("198.51.100.1", forwarded, ours) == "198.51.100.1");
    CHECK(client_of("10.1.2.3", forwarded, ours) == "203.0.113.2");
    CHECK(client_of("::1", forwarded, ours) == "203.0.113.2");
    CHECK(client_of("192.0.2.7", forwarded, ours) == "203.0.113.2");
    CHECK(client_of("192.0.2.8", forwarded, ours) == "192.0.2.8");
    CHECK(client_of("11.0.0.1", forwarded, ours) == "11.0.0.1");
    CHECK(client_of("10.1.2.3", {}, ours) == "10.1.2.3");
    CHECK(client_of("10.1.2.3", {{"X-Forwarded-For", "203.0.113.1, 10.9.9.9"}}, ours) == "203.0.113.1");
    CHECK(client_of("10.1.2.3", {{"x-forwarded-for", "203.0.113.9"}, {"X-FORWARDED-FOR", "203.0.113.1"}}, ours) ==
          "203.0.113.1");
    CHECK(client_of("10.1.2.3", {{"X-Forwarded-For", "10.0.0.1,10.0.0.2"}}, ours) == "10.0.0.1");
    CHECK(client_of("10.1.2.3", {{"X-Forwarded-For", "203.0.113.1, unknown"}}, ours) == "10.1.2.3");
    CHECK(client_of("10.1.2.3", {{"X-Forwarded-For", "203.0.113.1, , 10.0.0.1"}}, ours) == "10.0.0.1");
    CHECK(client_of("10.1.2.3", {{"X-Forwarded-For", "203.0.113.5:4711"}}, ours) == "203.0.113.5");
    CHECK(client_of("10.1.2.3", {{"X-Forwarded-For", "[2001:db8::5]:4711"}}, ours) == "2001:db8::5");
    CHECK(client_of("10.1.2.3", {{"X-Forwarded-For", "2001:db8::5"}}, ours) == "2001:db8::5");
}

TEST_CASE("a network that is none is named") {
    for (const char* bad : {"x", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "", "/8"})
        CHECK_THROWS_WITH(TrustedProxies({bad}),
                          "trusted proxy \"" + std::string(bad) +
                              "\" is neither an address nor a network; write 192.0.2.1 or 2001:db8::/32");
    CHECK(TrustedProxies({"0.0.0.0/0"}).contains(*Address::parse("1.2.3.4")));
    CHECK_FALSE(TrustedProxies({"0.0.0.0/0"}).contains(*Address::parse("::2")));
    CHECK(TrustedProxies({"::/0"}).contains(*Address::parse("::2")));
    CHECK(TrustedProxies({"192.0.2.128/25"}).contains(*Address::parse("192.0.2.129")));
    CHECK_FALSE(TrustedProxies({"192.0.2.128/25"}).contains(*Address::parse("192.0.2.127")));
}

}  // namespace gachette::door
