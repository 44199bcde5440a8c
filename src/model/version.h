// The version of a package from its commit: a template per project, expanded and checked against Debian's rules before
// anything is built. Fields: {base} {short_sha} {short_sha:N} {sha} {branch} {tag} {date} {date:FORMAT} {count} {project}
// {ref}; "[...]" is left out when a field in it is empty; "{{" and "}}" are braces.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/event.h"

namespace gachette {

// The original's format: 0.0.1rev1a2b3c4-origin-master (contracts.md 3).
inline constexpr std::string_view original_version_template = "{base}rev{short_sha}[-{ref}]";

struct VersionFacts {
    std::string base;
    std::string commit;        // full object id
    std::string project;
    RefKind kind = RefKind::branch;
    std::string short_ref;     // "main", "v1.4"; empty when only a commit was asked for
    std::int64_t commit_time = 0;  // seconds since 1970, committer date
    std::int64_t count = 0;        // first-parent commits up to this one; 0: unknown
};

// What a template asks for, so that only that is fetched and build keys depend on no more.
struct VersionNeeds {
    bool count = false;
    bool branch = false;
    bool tag = false;
};
// Fails with a sentence for an unknown field or a bracket that does not close.
Result<VersionNeeds> version_needs(std::string_view version_template);

// The expanded version, already valid for Debian (policy 5.6.12, first character a digit, at most 200 bytes). {ref} is the
// original's spelling: origin-<branch> or <tag>, "/" and "_" to "-", and anything else Debian forbids to ".".
// {branch} and {tag}: characters outside [A-Za-z0-9.+~] become ".", runs joined, at most 40; a tag loses its "v".
// Fails with a sentence that names the template, what came out and what is wrong with it.
Result<std::string> expand_version(std::string_view version_template, const VersionFacts& facts);

// Debian policy 5.6.12 without epoch surprises: [epoch:]upstream[-revision]. Empty result: valid; else what is wrong.
std::string version_problem(std::string_view version);

}  // namespace gachette
