#include "model/event.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace gachette;

namespace {

// What git itself says of a name.
bool git_allows(const std::string& ref) {
    const pid_t child = fork();
    if (child == 0) {
        execlp("git", "git", "check-ref-format", ref.c_str(), static_cast<char*>(nullptr));
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) <= 1);
    return WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("the gate for refs agrees with git") {
    const std::vector<std::string> names{"main",
                                         "a/b/c",
                                         "--upload-pack=x",
                                         "-x",
                                         "$(id)",
                                         ";id",
                                         "`id`",
                                         "<script>",
                                         "a|b",
                                         "a&b",
                                         "a'b",
                                         "a\"b",
                                         "a#b",
                                         "a%b",
                                         "a!b",
                                         "a,b",
                                         "a=b",
                                         "a+b",
                                         "a(b)",
                                         "a{b}",
                                         "@",
                                         "a@b",
                                         "a@{b",
                                         "@{",
                                         "{@",
                                         "v1.0",
                                         "1",
                                         "HEAD",
                                         "refs/heads/x",
                                         "a.b",
                                         "\xc3\xa4",
                                         "\xe5\x90\x8d\xe5\x89\x8d",
                                         "\xe2\x80\xae"
                                         "gnp",
                                         "a b",
                                         " ",
                                         "a~b",
                                         "a^b",
                                         "a:b",
                                         "a?b",
                                         "a*b",
                                         "a[b",
                                         "a]b",
                                         "a\\b",
                                         "a..b",
                                         "..",
                                         ".",
                                         ".a",
                                         "a/.b",
                                         "a.",
                                         "a./b",
                                         "a.lock",
                                         "a.lock/b",
                                         "a.lockx",
                                         ".lock",
                                         "a/",
                                         "/a",
                                         "a//b",
                                         "",
                                         "a\tb",
                                         "a\nb",
                                         "a\rb",
                                         "a\x01"
                                         "b",
                                         "a\x1b[2J",
                                         "a\x7f",
                                         "lock",
                                         "a/b.lock",
                                         "a-",
                                         "a_b",
                                         "~",
                                         "^",
                                         "a.LOCK"};
    for (const std::string& name : names)
        for (const std::string prefix : {"refs/heads/", "refs/tags/"}) {
            INFO(prefix << name);
            CHECK(valid_full_ref(prefix + name) == git_allows(prefix + name));
        }
}

TEST_CASE("only refs below heads and tags, short enough, in UTF-8 and without NUL leave a handler") {
    CHECK_FALSE(valid_full_ref("main"));
    CHECK_FALSE(valid_full_ref("refs/pull/1/head"));
    CHECK_FALSE(valid_full_ref("refs/notes/x"));
    CHECK_FALSE(valid_full_ref("Refs/heads/x"));
    CHECK_FALSE(valid_full_ref("refs/heads"));
    CHECK_FALSE(valid_full_ref("refs/heads/"));
    CHECK_FALSE(valid_full_ref(""));
    CHECK_FALSE(valid_full_ref("refs/heads/\xff"));
    CHECK_FALSE(valid_full_ref("refs/heads/\xc0\xaf"));
    CHECK_FALSE(valid_full_ref(std::string("refs/heads/a\0b", 14)));
    CHECK(valid_full_ref("refs/heads/" + std::string(1024 - 11, 'a')));
    CHECK_FALSE(valid_full_ref("refs/heads/" + std::string(1025 - 11, 'a')));
}

TEST_CASE("object ids are 40 or 64 lower-case hex digits and not zero") {
    for (const std::size_t size : {40u, 64u}) {
        CHECK(valid_object_id(std::string(size, 'a')));
        CHECK(valid_object_id(std::string(size - 1, '0') + "1"));
        CHECK_FALSE(valid_object_id(std::string(size, '0')));
        CHECK(zero_object_id(std::string(size, '0')));
        CHECK_FALSE(zero_object_id(std::string(size - 1, '0')));
        CHECK_FALSE(zero_object_id(std::string(size - 1, '0') + "1"));
        CHECK_FALSE(valid_object_id(std::string(size, 'A')));
        CHECK_FALSE(valid_object_id(std::string(size, 'g')));
        CHECK_FALSE(valid_object_id(std::string(size - 1, 'a')));
        CHECK_FALSE(valid_object_id(std::string(size + 1, 'a')));
        CHECK_FALSE(valid_object_id(std::string(size - 1, 'a') + "\n"));
    }
    CHECK_FALSE(valid_object_id(""));
    CHECK_FALSE(zero_object_id(""));
    CHECK_FALSE(valid_object_id("HEAD"));
}

TEST_CASE("short names and words") {
    Event event;
    event.ref = "refs/heads/feature/x";
    CHECK(event.short_ref() == "feature/x");
    event.ref = "refs/tags/v1";
    CHECK(event.short_ref() == "v1");
    event.ref = "refs/heads/refs/tags/x";
    CHECK(event.short_ref() == "refs/tags/x");
    CHECK(to_string(RefKind::branch) == "branch");
    CHECK(to_string(RefKind::tag) == "tag");
    CHECK(to_string(Change::created) == "created");
    CHECK(to_string(Change::moved) == "moved");
    CHECK(to_string(Change::deleted) == "deleted");
}
