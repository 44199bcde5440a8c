// The host's version templates and patterns against those of src/model: one table for both, so that they cannot drift.
#include <catch2/catch.hpp>

#include "build/host_program.h"
#include "model/pattern.h"
#include "model/version.h"
#include "remote/conversation.h"
#include "remote/host_program.h"
#include "stacks/host_program.h"
#include "tests/build/site.h"

using namespace gachette;

namespace {

struct Asked {
    std::string version_template;
    VersionFacts facts;
};

std::vector<Asked> table() {
    const std::vector<std::string> templates{std::string(original_version_template),
                                             "{base}+git{date}.{short_sha}",
                                             "1.{count}",
                                             "{tag}",
                                             "{branch}",
                                             "0~{date:%Y%m%d%H%M%S}.{sha}",
                                             "{base}[~{branch}][+{tag}]",
                                             "1{{}}",
                                             "{base}-{project}",
                                             "{short_sha:12}",
                                             "1-",
                                             "{base}rev{short_sha:4}-{ref}",
                                             "9999999999:{base}",
                                             "2:{base}[.{count}]x",
                                             "{base}{date:%j%y-%H.%M.%S}",
                                             ""};
    const std::vector<std::string> refs{"main",
                                        "v1.4",
                                        "feature/x_y",
                                        "a b",
                                        "v",
                                        "vx",
                                        "$(id)",
                                        "--upload-pack=x",
                                        "k\xc3\xa4se",
                                        "\xff\xfe",
                                        "a/",
                                        "a_",
                                        "x~y^z",
                                        "\xe2\x80\xae"
                                        "abc",
                                        std::string(120, 'n'),
                                        std::string(250, 'a') + "/",
                                        "1..2",
                                        ""};
    std::vector<Asked> all;
    for (const std::string& one : templates)
        for (const std::string& ref : refs)
            for (const RefKind kind : {RefKind::branch, RefKind::tag})
                all.push_back({one,
                               {"0.0.1", "1a2b3c4d5e6f1a2b3c4d5e6f1a2b3c4d5e6f1a2b", "my_project", kind, ref,
                                1'763'822'400, static_cast<std::int64_t>(ref.size() % 3) * 7}});
    return all;
}

// Runs lines of Perl with the whole host program; the arguments of its "answer" events.
std::vector<std::string> answers(const std::string& code, const remote::Parameters& parameters) {
    std::vector<std::string> out;
    remote::Listener listener;
    listener.event = [&](const remote::HostEvent& event) { out.push_back(event.arguments[0]); };
    BuildHost host;
    host.local = true;
    const auto shell = remote::make_shell(host);
    const std::string program = std::string(remote::host_program_part) + std::string(stacks::host_program_part) +
                                std::string(build::host_program_part) + code + "event('end', 'ok', '');";
    remote::converse(*shell, program, parameters, listener, SystemClock());
    return out;
}

}  // namespace

TEST_CASE("the host expands versions as the model does") {
    const std::vector<Asked> all = table();
    remote::Parameters parameters;
    for (const Asked& asked : all) {
        parameters.insert(parameters.end(), {{"t", asked.version_template},
                                             {"r", asked.facts.short_ref},
                                             {"k", std::string(to_string(asked.facts.kind))},
                                             {"c", std::to_string(asked.facts.count)}});
    }
    const std::vector<std::string> found = answers(
        "my @r = parameters('r'); my @k = parameters('k'); my @c = parameters('c'); my $i = 0; for my $t "
        "(parameters('t')) { "
        "my $v = eval { expand_version($t, { base => '0.0.1', commit => '1a2b3c4d5e6f1a2b3c4d5e6f1a2b3c4d5e6f1a2b', "
        "project => "
        "'my_project', kind => $k[$i], short_ref => $r[$i], commit_time => 1763822400, count => $c[$i] }) }; "
        "event('answer', defined $v ? $v : 'no'); $i++ }",
        parameters);
    REQUIRE(found.size() == all.size());
    int good = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        INFO(all[i].version_template << " with " << all[i].facts.short_ref);
        const Result<std::string> expected = expand_version(all[i].version_template, all[i].facts);
        CHECK(found[i] == (expected ? *expected : "no"));
        good += expected ? 1 : 0;
    }
    CHECK(good > 150);
}

TEST_CASE("the host matches patterns as the model does") {
    const std::vector<std::string> patterns{"*",    "**",         "src/**", "src/*", "**/x", "a?c", "a\xc3\xa4", "?",
                                            "*.md", "src/**/x.c", "***",    "a.c",   "(",    "[a]", "src/**x",   ""};
    const std::vector<std::string> texts{
        "x",           "src/a", "src/a/b", "a/x", "abc", "a/c", "a\xc3\xa4", "\xc3\xa4", "x.md",    "d/x.md", "src/x.c",
        "src/a/b/x.c", "a.c",   "axc",     "(",   "[a]", "a",   "src/",      "src/yx",   "src/y/x", ""};
    remote::Parameters parameters;
    for (const std::string& pattern : patterns) parameters.emplace_back("p", pattern);
    for (const std::string& text : texts) parameters.emplace_back("x", text);
    const std::vector<std::string> found = answers(
        "for my $p (parameters('p')) { for my $x (parameters('x')) { event('answer', patterns_match([$p, '!**/b'], "
        "$x)) } }",
        parameters);
    REQUIRE(found.size() == patterns.size() * texts.size());
    std::size_t i = 0;
    for (const std::string& pattern : patterns)
        for (const std::string& text : texts) {
            INFO(pattern << " on " << text);
            CHECK(found[i++] == (patterns_match({pattern, "!**/b"}, text) ? "1" : "0"));
        }
}
