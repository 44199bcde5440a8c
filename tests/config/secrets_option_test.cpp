// Commands that need no secret must work for people who may not read them.
#include <catch2/catch.hpp>

#include "base/error.h"
#include "config/load.h"

using namespace gachette;

TEST_CASE("without secrets a configuration loads although their files cannot be read") {
    const std::string text =
        "hooks:\n  github:\n    forge: github\n    secrets: [{file: /nowhere/github.secret}, {credential: other}]\n"
        "admin:\n  tokens: [{file: /nowhere/token}]\n";
    LoadOptions options;
    CHECK_THROWS_AS(parse_configuration(text, "/tmp/config.yml", options), ConfigError);
    options.with_secrets = false;
    const Configuration configuration = parse_configuration(text, "/tmp/config.yml", options);
    REQUIRE(configuration.hooks.at(0).secrets.size() == 2);
    CHECK(configuration.hooks[0].secrets[0].origin == "file /nowhere/github.secret");
    CHECK(configuration.hooks[0].secrets[0].value.empty());
    CHECK(configuration.admin_tokens.size() == 1);
}
