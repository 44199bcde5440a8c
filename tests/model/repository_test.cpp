#include "model/repository.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace gachette;

namespace {

struct Row {
    const char* url;
    const char* host;
    const char* path;
};

}  // namespace

TEST_CASE("addresses in all their spellings") {
    const std::vector<Row> rows{
        {"git@github.com:ops-hero/x", "github.com", "ops-hero/x"},
        {"git@github.com:ops-hero/x.git", "github.com", "ops-hero/x"},
        {"git@github.com:/ops-hero/x.git/", "github.com", "ops-hero/x"},
        {"github.com:ops-hero/x", "github.com", "ops-hero/x"},
        {"ssh://git@GitHub.com:22/ops-hero/x.git", "github.com", "ops-hero/x"},
        {"ssh://git@github.com/ops-hero/x", "github.com", "ops-hero/x"},
        {"ssh://git@git.example:2222/ops-hero/x", "git.example:2222", "ops-hero/x"},
        {"git+ssh://git@github.com/ops-hero/x", "github.com", "ops-hero/x"},
        {"https://github.com/ops-hero/x.git", "github.com", "ops-hero/x"},
        {"https://user@github.com:443/ops-hero/x.git/", "github.com", "ops-hero/x"},
        {"https://user:word@github.com//ops-hero//x", "github.com", "ops-hero/x"},
        {"HTTPS://GITHUB.COM./ops-hero/x", "github.com", "ops-hero/x"},
        {"http://git.example:80/x", "git.example", "x"},
        {"http://git.example:443/x", "git.example:443", "x"},
        {"https://dev.azure.com/org/My%20Project/_git/x", "dev.azure.com", "org/My Project/_git/x"},
        {"git://git.example:9418/a/b/c.git", "git.example", "a/b/c"},
        {"git@[2001:db8::1]:a/b", "[2001:db8::1]", "a/b"},
        {"ssh://git@[::1]:22/a/b", "[::1]", "a/b"},
        {"ssh://git@ssh.github.com:443/a/b", "github.com", "a/b"},
        {"git@git.sr.ht:~user/x", "git.sr.ht", "~user/x"},
        {"/srv/git/b.git", "", "srv/git/b"},
        {"/srv/git/b/.git", "", "srv/git/b"},
        {"file:///srv/git/b.git", "", "srv/git/b"},
        {"file://localhost/srv/git/b", "", "srv/git/b"},
        {"a/b", "", "a/b"},
        {"/srv/a:b", "", "srv/a:b"},
        {"", "", ""},
        {"ext::sh -c id", "", ""},
        {"ftp://git.example/a/b", "", ""},
        {"file://other/srv", "", ""},
        {"https://git.example:port/a", "", ""},
    };
    for (const Row& row : rows) {
        INFO(row.url);
        const RepositoryAddress address = parse_repository_address(row.url);
        CHECK(address.host == row.host);
        CHECK(address.path == row.path);
    }
}

TEST_CASE("two spellings of one repository") {
    const std::vector<std::string> same{"git@github.com:Ops-Hero/x",       "ssh://git@github.com:22/ops-hero/x.git",
                                        "https://github.com/ops-hero/X/",  "http://github.com/ops-hero/x",
                                        "git://github.com/ops-hero/x.git", "https://me@github.com:443/ops-hero/x.git/"};
    for (const std::string& a : same)
        for (const std::string& b : same) {
            INFO(a << " and " << b);
            CHECK(same_repository(a, b));
        }
    const std::vector<std::string> others{"git@gitlab.com:ops-hero/x",
                                          "git@github.com:ops-hero/xy",
                                          "git@github.com:hero/x",
                                          "git@github.com:ops-hero/x/y",
                                          "ssh://git@github.com:2222/ops-hero/x",
                                          "/ops-hero/x",
                                          "ops-hero/x",
                                          "https://github.com.evil/ops-hero/x",
                                          "https://evil/github.com/ops-hero/x",
                                          ""};
    for (const std::string& other : others) {
        INFO(other);
        CHECK_FALSE(same_repository(same[0], other));
        CHECK_FALSE(same_repository(other, same[1]));
    }
    CHECK(same_repository("/srv/git/b", "file:///srv/git/b.git"));
    CHECK_FALSE(same_repository("/srv/git/b", "/srv/git/B"));
    CHECK_FALSE(same_repository("/srv/git/b", "srv/git/b"));
    CHECK_FALSE(same_repository("", ""));
    CHECK_FALSE(same_repository("ext::a", "ext::a"));
}

TEST_CASE("full names") {
    CHECK(full_name_of("git@github.com:ops-hero/x.git") == "ops-hero/x");
    CHECK(full_name_of("https://gitlab.com/group/sub/x") == "sub/x");
    CHECK(full_name_of("/srv/git/b.git") == "git/b");
    CHECK(full_name_of("https://git.example/x").empty());
    CHECK(full_name_of("").empty());
}

TEST_CASE("what may be handed to git") {
    for (const char* good :
         {"https://github.com/a/b.git", "http://git.example:8080/a", "ssh://git@host:22/a/b.git", "git://host/a",
          "git@github.com:a/b", "host:a/b", "git@host:~me/a", "git@[::1]:a", "ssh://[::1]:2222/a", "file:///srv/git/b",
          "/srv/git/b", "https://user:word@host/a", "https://dev.azure.com/o/My%20P/_git/x", "git@host:/srv/a b"}) {
        INFO(good);
        CHECK(valid_clone_url(good));
    }
    for (const char* bad : {"",
                            "-x",
                            "--upload-pack=id",
                            "a/b",
                            "./a",
                            "../a",
                            "ext::sh -c id",
                            "ext::sh -c id://x",
                            "fd::3",
                            "fd::3/a",
                            "host::a",
                            "ssh://-oProxyCommand=id/a",
                            "ssh://git@-oProxyCommand=id/a",
                            "-oProxyCommand=id:a",
                            "git@-oProxyCommand=id:a",
                            "-git@host:a",
                            "ssh://-u@host/a",
                            "git@host:-a",
                            "ssh://host/-a",
                            "ssh://host/%2da",
                            "ssh://host/a%0ab",
                            "ssh://host/a%",
                            "https://host/a\nb",
                            "/srv/\x01",
                            "/srv/\x7f",
                            "https://",
                            "https://host",
                            "https://host/",
                            "https:///a",
                            "ftp://host/a",
                            "javascript://host/a",
                            "ssh://ho st/a",
                            "ssh://$(id)/a",
                            "ssh://`id`@host/a",
                            "ssh://host:0/a",
                            "ssh://host:70000/a",
                            "ssh://host:x/a",
                            "file://other/a",
                            "file://",
                            "/",
                            "host:",
                            "git+ssh://host/a",
                            "ssh+git://host/a",
                            "https://h\xff/a",
                            "/srv/\xff",
                            "ssh://%2dx/a"}) {
        INFO(bad);
        CHECK_FALSE(valid_clone_url(bad));
    }
    CHECK_FALSE(valid_clone_url("/" + std::string(2048, 'a')));
    CHECK_FALSE(valid_clone_url(std::string_view("/srv\0x", 6)));
}
