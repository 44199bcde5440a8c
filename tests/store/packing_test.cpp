#include "store/packing.h"

#include <catch2/catch.hpp>

#include "base/error.h"

using namespace gachette;

TEST_CASE("lists of texts survive packing, whatever is in them") {
    const std::vector<std::vector<std::string>> lists = {
        {}, {""}, {"", ""}, {"plain"}, {"3:abc,", ",", ":"}, {std::string("\0\xff\n", 3), std::string(5000, 'x')}};
    for (const auto& list : lists) CHECK(store::unpack(store::pack(list)) == list);
    CHECK(store::pack({"hello", ""}) == "5:hello,0:,");
    const Headers headers = {{"A", "1"}, {"a", ""}, {"", "x"}};
    CHECK(store::unpack_headers(store::pack_headers(headers)).all() == headers.all());
    const std::vector<Decision> decisions = {{true, "s", "t"}, {false, "", ""}};
    CHECK(store::unpack_decisions(store::pack_decisions(decisions)) == decisions);
}

TEST_CASE("what is not a whole list is refused") {
    for (const char* broken : {"5", "5:", "5:hell,", "5:hello", "5:hello;", "-1:,", "x:,", "5:hello,3",
                               "99999999999999999:a,", "9999999999999999999999:a,"}) {
        INFO(broken);
        CHECK_THROWS_AS(store::unpack(broken), StoreError);
    }
    CHECK_THROWS_AS(store::unpack_headers("1:a,"), StoreError);
    CHECK_THROWS_AS(store::unpack_decisions("1:a,1:b,"), StoreError);
}
