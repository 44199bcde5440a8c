// Files, headers, clock and the log's fields.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "base/headers.h"
#include "base/log.h"
#include "tests/support/folder.h"

using namespace gachette;

TEST_CASE("a file is written whole and read back, errors name the path") {
    const testing::TemporaryFolder folder;
    CHECK(write_file_synced(folder / "a", "text", 0640));
    CHECK(read_file(folder / "a") == "text");
    struct stat status {};
    ::stat((folder / "a").c_str(), &status);
    CHECK((status.st_mode & 0777) == 0640);
    CHECK(read_file(folder / "none").error() == folder / "none" + ": No such file or directory");
    CHECK(read_file(folder / "a", 3).error() == folder / "a" + ": larger than 3 bytes");
    CHECK_FALSE(write_file_synced(folder / "no/such", "x"));
}

TEST_CASE("folders are made with their parents") {
    const testing::TemporaryFolder folder;
    CHECK(make_folders(folder / "a/b/c"));
    CHECK(make_folders(folder / "a/b/c"));
    CHECK(write_file_synced(folder / "file", "x"));
    CHECK(make_folders(folder / "file").error() == folder / "file" + ": not a folder");
}

TEST_CASE("header names compare without case, and a double one is as good as none") {
    const Headers headers{{"X-One", "1"}, {"x-two", "2"}, {"X-TWO", "3"}};
    CHECK(headers.only("x-one") == "1");
    CHECK_FALSE(headers.only("X-Two"));
    CHECK_FALSE(headers.only("X-None"));
    CHECK(headers.count("x-Two") == 2);
}

TEST_CASE("times are shown in UTC") {
    CHECK(iso8601(0) == "1970-01-01T00:00:00Z");
    CHECK(iso8601(1'700'000'000'123) == "2023-11-14T22:13:20Z");
}

TEST_CASE("a log field cannot forge another one or another line") {
    CHECK(log::Field("ref", "main").value == "main");
    CHECK(log::Field("ref", "a b").value == "\"a b\"");
    CHECK(log::Field("ref", "a\" state=done").value == "\"a\\\" state=done\"");
    CHECK(log::Field("ref", "a\nb").value == "a\\x0ab");
    CHECK(log::Field("ref", "").value == "\"\"");
    CHECK(log::Field("n", 7).value == "7");
}
