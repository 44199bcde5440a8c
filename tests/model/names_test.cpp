#include "model/names.h"

#include <catch2/catch.hpp>

#include "model/configuration.h"

using namespace gachette;

TEST_CASE("names that may become paths and words") {
    for (const char* good : {"a", "0", "main", "0.0.1", "A.b_c+d-e", "v1.2", "x..y"}) CHECK(valid_name(good));
    CHECK(valid_name(std::string(128, 'a')));
    for (const char* bad :
         {"", ".", "..", "-x", "_x", "+x", "a b", "a/b", "a@1", "a~1", "caf\xc3\xa9", "a\n", "a'", "$(id)"})
        CHECK_FALSE(valid_name(bad));
    CHECK_FALSE(valid_name(std::string(129, 'a')));
    CHECK_FALSE(valid_name(std::string_view("a\0b", 3)));
}

TEST_CASE("what is wrong with a name is said") {
    CHECK(check_name("stack", "foobar1"));
    CHECK(check_name("stack", "a b").error() ==
          "stack \"a b\": only letters, digits and . _ + - are allowed, the first a letter or digit");
    CHECK(check_name("domain", "").error() == "domain \"\": is empty; give it a name");
    CHECK(check_name("stack", std::string(129, 'a')).error() ==
          "stack \"" + std::string(57, 'a') + "...\": has 129 bytes; at most 128 are allowed");
    CHECK(check_name("stack", "\x1b[31m").error() ==
          "stack \"\\x1b[31m\": only letters, digits and . _ + - are allowed, the first a letter or digit");
}

TEST_CASE("package names by Debian policy") {
    for (const char* good : {"ab", "dh-secret-sauce-live", "libstdc++6", "0ad", "a.b"}) CHECK(valid_package_name(good));
    for (const char* bad : {"", "a", "-ab", ".ab", "+a", "Ab", "a_b", "a b", "a/b", "ab\n", "a~b"})
        CHECK_FALSE(valid_package_name(bad));
    CHECK(valid_package_name(std::string(128, 'a')));
    CHECK_FALSE(valid_package_name(std::string(129, 'a')));
}

TEST_CASE("file names of packages") {
    for (const char* good : {"x.deb", "dh-secret-sauce-live-1.0.0-all.deb", "a_1.0~rc1+b_amd64.deb"})
        CHECK(valid_deb_file_name(good));
    for (const char* bad :
         {"", ".deb", "x", "x.deb.", "-x.deb", "a/x.deb", "../x.deb", "x.deb\n", "a b.deb", "a:b.deb"})
        CHECK_FALSE(valid_deb_file_name(bad));
    CHECK(valid_deb_file_name(std::string(196, 'a') + ".deb"));
    CHECK_FALSE(valid_deb_file_name(std::string(197, 'a') + ".deb"));
}

TEST_CASE("the configuration finds by name") {
    Configuration configuration;
    configuration.hooks.emplace_back().name = "github";
    configuration.projects.emplace_back().name = "x";
    configuration.domains.emplace_back().name = "backend";
    configuration.build_hosts.emplace_back().name = "default";
    CHECK(configuration.find_hook("github") == &configuration.hooks[0]);
    CHECK(configuration.find_project("x") == &configuration.projects[0]);
    CHECK(configuration.find_domain("backend") == &configuration.domains[0]);
    CHECK(configuration.find_build_host("default") == &configuration.build_hosts[0]);
    CHECK(configuration.find_hook("Github") == nullptr);
    CHECK(configuration.find_project("") == nullptr);
    CHECK(to_string(BuilderKind::command) == "command");
    CHECK(to_string(BuilderKind::automatic) == "automatic");
}
