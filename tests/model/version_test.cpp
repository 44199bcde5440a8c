#include "model/version.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <vector>

using namespace gachette;

namespace {

const std::string commit = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";

VersionFacts facts(RefKind kind, std::string short_ref) {
    return {"0.0.1", commit, "test_application", kind, std::move(short_ref), 1'385'136'000, 57};
}

// What Debian's own dpkg says.
bool dpkg_accepts(const std::string& version) {
    const pid_t child = fork();
    if (child == 0) {
        close(2);
        execlp("dpkg", "dpkg", "--validate-version", version.c_str(), static_cast<char*>(nullptr));
        _exit(127);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) != 127);
    return WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("the original's format, byte by byte") {
    CHECK(*expand_version(original_version_template, facts(RefKind::branch, "master")) ==
          "0.0.1rev1a2b3c4-origin-master");
    CHECK(*expand_version(original_version_template, facts(RefKind::branch, "feature/a_b")) ==
          "0.0.1rev1a2b3c4-origin-feature-a-b");
    CHECK(*expand_version(original_version_template, facts(RefKind::tag, "v1.4")) == "0.0.1rev1a2b3c4-v1.4");
    CHECK(*expand_version(original_version_template, facts(RefKind::branch, "")) == "0.0.1rev1a2b3c4");
}

TEST_CASE("templates") {
    struct Row {
        const char* text;
        RefKind kind;
        const char* ref;
        const char* version;
    };
    const std::vector<Row> rows{
        {"{base}rev{short_sha}", RefKind::branch, "main", "0.0.1rev1a2b3c4"},
        {"{base}+{date}.{count}.g{short_sha:8}", RefKind::branch, "main", "0.0.1+20131122.57.g1a2b3c4d"},
        {"{base}+git{date:%Y%m%d%H%M%S}.{short_sha}", RefKind::branch, "main", "0.0.1+git20131122160000.1a2b3c4"},
        {"{base}[~{branch}].{count}", RefKind::branch, "feature/x-y", "0.0.1~feature.x.y.57"},
        {"{base}[~{branch}].{count}", RefKind::tag, "v1", "0.0.1.57"},
        {"{tag}", RefKind::tag, "v1.4", "1.4"},
        {"{tag}", RefKind::tag, "1.4-rc1", "1.4.rc1"},
        {"{base}.{tag}", RefKind::tag, "version", "0.0.1.version"},
        {"{base}+{sha}", RefKind::branch, "main", "0.0.1+1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"},
        {"{base}+{project}", RefKind::branch, "main", "0.0.1+test.application"},
        {"1:{base}", RefKind::branch, "main", "1:0.0.1"},
        {"2[.{tag}][.{branch}]", RefKind::branch, "main", "2.main"},
        {"2[.{tag}{branch}]", RefKind::branch, "main", "2"},
        {"2[+x]", RefKind::branch, "main", "2+x"},
        {"{base}+{branch}", RefKind::branch, "a///b", "0.0.1+a.b"},
        {"{base}+{branch}", RefKind::branch, "k\xc3\xa4se", "0.0.1+k.se"},
        {"{base}+{branch}", RefKind::branch, "0123456789012345678901234567890123456789xyz",
         "0.0.1+0123456789012345678901234567890123456789"},
        {"{base}+{short_sha:64}", RefKind::branch, "main", "0.0.1+1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"},
    };
    for (const Row& row : rows) {
        INFO(row.text);
        const Result<std::string> version = expand_version(row.text, facts(row.kind, row.ref));
        REQUIRE(version);
        CHECK(*version == row.version);
        CHECK(dpkg_accepts(*version));
    }
}

TEST_CASE("what a template asks for") {
    CHECK_FALSE(version_needs("{base}rev{short_sha}")->count);
    CHECK(version_needs("{base}.{count}")->count);
    CHECK(version_needs("{base}[.{branch}]")->branch);
    CHECK_FALSE(version_needs("{base}[.{branch}]")->tag);
    CHECK(version_needs("{tag}")->tag);
    CHECK_FALSE(version_needs("{tag}")->branch);
    CHECK(version_needs(original_version_template)->branch);
    CHECK(version_needs(original_version_template)->tag);
    CHECK_FALSE(version_needs("{{branch}}")->branch);
}

TEST_CASE("templates that cannot be read") {
    const std::vector<std::pair<const char*, const char*>> rows{
        {"{bse}",
         "version template \"{bse}\": unknown field {bse}; known are {base}, {short_sha}, {sha}, {branch}, {tag}, "
         "{date}, "
         "{count}, {project}, {ref}"},
        {"{}",
         "version template \"{}\": unknown field {}; known are {base}, {short_sha}, {sha}, {branch}, {tag}, {date}, "
         "{count}, {project}, {ref}"},
        {"{base", "version template \"{base\": a { is not closed; write {{ for a brace"},
        {"base}", "version template \"base}\": a } closes nothing; write }} for a brace"},
        {"1[{base}", "version template \"1[{base}\": a [ is not closed"},
        {"1]", "version template \"1]\": a ] closes nothing"},
        {"1[[{tag}]]", "version template \"1[[{tag}]]\": a [ stands within [...]; close the first one before"},
        {"{short_sha:3}", "version template \"{short_sha:3}\": {short_sha:3} wants a number of digits from 4 to 64"},
        {"{short_sha:-8}", "version template \"{short_sha:-8}\": {short_sha:-8} wants a number of digits from 4 to 64"},
        {"{short_sha:}", "version template \"{short_sha:}\": {short_sha:} has nothing after its colon"},
        {"{base:1}", "version template \"{base:1}\": {base} takes nothing after a colon"},
        {"{date:%s}",
         "version template \"{date:%s}\": {date:%s} may hold %Y %y %m %d %j %H %M %S and other characters, no other %"},
        {"{date:%}",
         "version template \"{date:%}\": {date:%} may hold %Y %y %m %d %j %H %M %S and other characters, no other %"},
    };
    for (const auto& [text, sentence] : rows) {
        INFO(text);
        REQUIRE_FALSE(version_needs(text));
        CHECK(version_needs(text).error() == sentence);
        CHECK(expand_version(text, facts(RefKind::branch, "main")).error() == sentence);
    }
}

TEST_CASE("versions that Debian would refuse are refused before the build") {
    const auto error = [](const char* text, RefKind kind, const std::string& ref) {
        const Result<std::string> version = expand_version(text, facts(kind, ref));
        return version ? "gave " + *version : version.error();
    };
    CHECK(error("{tag}", RefKind::tag, "release-1") ==
          "version template \"{tag}\" gives \"release.1\": it must begin with a digit");
    CHECK(error("{tag}", RefKind::branch, "main") ==
          "version template \"{tag}\" gives \"\": {tag} is empty here; write [...] around what may be left out");
    CHECK(error("{base}_{sha}", RefKind::branch, "main") ==
          "version template \"{base}_{sha}\" gives \"0.0.1_1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d\": only letters, "
          "digits "
          "and . + - ~ are allowed");
    CHECK(error("{base}-", RefKind::branch, "main") ==
          "version template \"{base}-\" gives \"0.0.1-\": nothing follows the last \"-\" (the Debian revision)");
    CHECK(error("x:{base}", RefKind::branch, "main") ==
          "version template \"x:{base}\" gives \"x:0.0.1\": what stands before the colon (the epoch) must be a number");
    CHECK(error("1:2:{base}", RefKind::branch, "main") ==
          "version template \"1:2:{base}\" gives \"1:2:0.0.1\": only letters, digits and . + - ~ are allowed");
    CHECK(error("", RefKind::branch, "main") == "version template \"\" gives \"\": it is empty");
    const std::string long_ref(190, 'x');
    CHECK(error("{base}rev{short_sha}[-{ref}]", RefKind::branch, long_ref) ==
          "version template \"{base}rev{short_sha}[-{ref}]\" gives \"0.0.1rev1a2b3c4-origin-" + long_ref +
              "\": it has 213 bytes; at most 200 are allowed");
    VersionFacts unknown = facts(RefKind::branch, "main");
    unknown.count = 0;
    CHECK(expand_version("{base}+{count}", unknown).error() ==
          "version template \"{base}+{count}\" gives \"0.0.1+\": {count} is empty here; write [...] around what may be "
          "left "
          "out");
}

TEST_CASE("no name of a ref makes a version that dpkg refuses") {
    const std::vector<std::string> refs{"--upload-pack=x",
                                        "$(id)",
                                        "$(touch${IFS}pwned)",
                                        ";id",
                                        "x;id",
                                        "x|y&z",
                                        "it's",
                                        "`id`",
                                        "a`id`",
                                        "<script>",
                                        "-",
                                        "--",
                                        "@",
                                        "HEAD",
                                        "x-",
                                        "x_",
                                        "_",
                                        "a:b",
                                        "#1",
                                        "100%",
                                        "a+b~c",
                                        "~",
                                        "k\xc3\xa4se",
                                        "\xe2\x80\xae"
                                        "x",
                                        "\xc2\xa0",
                                        "a/b/c",
                                        "refs/heads/x",
                                        "=",
                                        ",",
                                        "!",
                                        "\"",
                                        "{",
                                        "}",
                                        "]",
                                        "a.",
                                        ".",
                                        "1a2b3c4d",
                                        "v",
                                        "v1",
                                        "\xf0\x9f\x8d\xba",
                                        "{base}",
                                        "[x]",
                                        "%Y"};
    for (const RefKind kind : {RefKind::branch, RefKind::tag})
        for (const std::string& ref : refs)
            for (const char* text : {"{base}rev{short_sha}[-{ref}]", "{base}[~{branch}][+{tag}].{count}"}) {
                INFO(text << " with " << ref);
                const Result<std::string> version = expand_version(text, facts(kind, ref));
                REQUIRE(version);
                CHECK(version_problem(*version).empty());
                CHECK(dpkg_accepts(*version));
            }
}

TEST_CASE("version_problem is never laxer than dpkg") {
    for (const char* good : {"1", "0.0.1", "1.4-12", "1:2.0-1", "1~rc1", "1+b1", "2-a-b", "0~20261122.1", "0:1"}) {
        INFO(good);
        CHECK(version_problem(good).empty());
        CHECK(dpkg_accepts(good));
    }
    for (const char* bad : {"",
                            " 1",
                            "1 ",
                            "v1",
                            "-1",
                            "1-",
                            "a1",
                            ":1",
                            "x:1",
                            "1:",
                            "1_2",
                            "1/2",
                            "1\n",
                            "1:2:3",
                            "1$",
                            "-1:1",
                            "99999999999:1",
                            "caf\xc3\xa9",
                            "1\xc3\xa4",
                            "~1",
                            "1-\xff"}) {
        INFO(bad);
        CHECK_FALSE(version_problem(bad).empty());
    }
    CHECK(version_problem(std::string(200, '1')).empty());
    CHECK(version_problem(std::string(201, '1')) == "it has 201 bytes; at most 200 are allowed");
}
