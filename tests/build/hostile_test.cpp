// Names made to run, split or escape go through the whole job; a canary must not appear, and nothing outside is
// touched.
#include <catch2/catch.hpp>
#include <filesystem>

#include "build/parameters.h"
#include "tests/build/site.h"

using namespace gachette;
using namespace gachette::testing;

namespace {

// Legal names of git refs that some shell, option parser or path would misunderstand.
std::vector<std::string> refs(const std::string& canary) {
    return {"$(touch${IFS}" + canary + ")",
            "`touch${IFS}" + canary + "`",
            "x;touch${IFS}" + canary,
            "x|touch${IFS}" + canary,
            "x&&touch${IFS}" + canary,
            "x>" + canary.substr(1),
            "-x",
            "--upload-pack=touch${IFS}" + canary,
            "--output=p",
            "a'b\"c",
            "a${IFS}b",
            "a$IFS",
            "{a,b}",
            "HEAD",
            "@",
            "<script>alert(1)</script>",
            "k\xc3\xa4se",
            "\xc2\xa0",
            "\xe2\x80\xae"
            "evil",
            "refs/heads/main",
            "0123456789012345678901234567890123456789",
            "a%0ab",
            "%2e%2e",
            "!x",
            "a=b",
            "#x",
            "x,y=z",
            std::string(200, 'n'),
            "(x)",
            "x!y"};
}

}  // namespace

TEST_CASE("hostile refs, branches and tags, are data") {
    BuildSite site;
    const std::string canary = site.folder() / "canary";
    const std::string id =
        site.commit({{"build.sh", BuildSite::script_for({"one"}, "printf '%s\\n' \"$GACHETTE_REF\"")}});
    int count = 0;
    for (const std::string& name : refs(canary)) {
        const bool tag = ++count % 2 == 0;
        const std::string ref = (tag ? "refs/tags/" : "refs/heads/") + name;
        INFO(name);
        site.git({"update-ref", ref, id});
        build::JobRequest request = site.request(count % 3 == 0 ? "" : id);
        request.ref = ref;
        request.kind = tag ? RefKind::tag : RefKind::branch;
        request.project.version = "{base}+{short_sha}[~{branch}][~{tag}]";
        Heard heard;
        const build::JobResult result = site.run(request, &heard);
        CHECK(result.reason == "");
        CHECK(result.commit == id);
        CHECK(heard.log.find(ref + "\n") != std::string::npos);
        CHECK(std::filesystem::exists(site.tree(ref)));
    }
    CHECK_FALSE(std::filesystem::exists(canary));
    CHECK(std::distance(std::filesystem::directory_iterator(site.base() + "/work/demo"), {}) == count);
}

TEST_CASE("hostile names of everything else are refused") {
    BuildSite site;
    const std::string canary = site.folder() / "canary";
    const std::string id = site.commit({{"build.sh", "touch " + canary}});
    const std::vector<std::string> names{"../x",
                                         "/etc",
                                         "a b",
                                         "$(touch " + canary + ")",
                                         "`touch " + canary + "`",
                                         "x;y",
                                         "-x",
                                         "--help",
                                         ".",
                                         "..",
                                         "a/b",
                                         "a\nb",
                                         std::string("a\0b", 3),
                                         "",
                                         "x'y",
                                         "<b>",
                                         "a\\b",
                                         std::string(300, 'a')};
    for (const std::string& name : names) {
        INFO(name);
        build::JobRequest request = site.request(id);
        request.targets[0].create = false;
        (name.empty() ? request.commit : request.project.name) = name.empty() ? "x" : name;
        CHECK(site.run(request).result == AttemptClass::refused);
        request = site.request(id);
        request.ref = "refs/heads/" + name + "..";
        CHECK(site.run(request).result == AttemptClass::refused);
        if (name.empty()) continue;
        request = site.request(id);
        request.id = name;
        CHECK(site.run(request).result == AttemptClass::refused);
    }
    CHECK_FALSE(std::filesystem::exists(canary));
}

TEST_CASE("hostile control data of packages never gets into a stack") {
    BuildSite site;
    const std::string canary = site.folder() / "canary";
    // Packages made by hand: dpkg-deb would refuse to make some of them.
    const std::vector<std::pair<std::string, std::string>> fields{{"../x", "1"},
                                                                  {"$(touch " + canary + ")", "1"},
                                                                  {"a", "1"},
                                                                  {"x;y", "1"},
                                                                  {"-x", "1"},
                                                                  {"Ab", "1"},
                                                                  {"one", "$(touch " + canary + ")"},
                                                                  {"one", "1 2"},
                                                                  {"one", "1/../.."},
                                                                  {"one", "-1"},
                                                                  {"one", "1_2"},
                                                                  {"one", "1\t2"},
                                                                  {"", "1"},
                                                                  {"one", ""}};
    std::string script =
        "make() { t=$(mktemp -d); mkdir $t/c; printf 'Package: %s\\nVersion: %s\\nArchitecture: all\\nDescription: "
        "d\\n' \"$1\" \"$2\" > "
        "$t/c/control; tar -C $t/c -cf $t/control.tar ./control; tar -C $t -cf $t/data.tar -T /dev/null; echo 2.0 > "
        "$t/debian-binary; "
        "(cd $t; ar rc \"$3\" debian-binary control.tar data.tar); }\n";
    int number = 0;
    for (const auto& [name, version] : fields) {
        INFO(name << " " << version);
        build::JobRequest request =
            site.request(site.commit({{"build.sh", script + "make '" + name + "' '" + version + "' $GACHETTE_OUTPUT/x" +
                                                       std::to_string(++number) + ".deb"}}));
        const build::JobResult result = site.run(request);
        CHECK(result.result == AttemptClass::failed);
        CHECK(result.packages.empty());
    }
    CHECK_FALSE(std::filesystem::exists(canary));
    CHECK_FALSE(std::filesystem::exists(site.meta() + "/domain/main/stacks/edge"));
}

TEST_CASE("no outside value is part of a command") {
    CHECK(remote::host_command.find('\'', 14) == remote::host_command.size() - 1);
    CHECK(remote::host_command.size() < 1'000);
    build::JobRequest request;
    request.ref = "refs/heads/a\nmode gc\nx";
    request.project.environment = {{"A", "b\nc d%"}};
    for (const auto& [name, value] : build::job_parameters(request))
        CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos);
    CHECK(build::slot_name("refs/heads/feature/x") != build::slot_name("refs/heads/feature-x"));
    CHECK(build::slot_name("refs/heads/\xff/../$(x)")
              .find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") ==
          std::string::npos);
}
