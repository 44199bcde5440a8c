// What a delivery says, in words that do not depend on the forge. Plain values.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace gachette {

enum class RefKind { branch, tag };
enum class Change { created, moved, deleted };

std::string_view to_string(RefKind kind);  // "branch", "tag"
std::string_view to_string(Change change);  // "created", "moved", "deleted"

// How a forge names a repository. `id` never changes (rename, transfer); the names and addresses may.
struct RepositoryIdentity {
    std::string forge;              // handler name: "github", "gitlab", ...
    std::string instance;           // host of the forge as its payload tells it, lower case; may be empty
    std::string id;                 // the forge's own id as text; may be empty
    std::string full_name;          // "ops-hero/gachette"; may be empty
    std::vector<std::string> urls;  // clone and page addresses of the payload: for comparing, never for fetching
    friend bool operator==(const RepositoryIdentity&, const RepositoryIdentity&) = default;
};

// One ref of one repository that changed. Object ids are 40 or 64 lower-case hex digits, or empty: empty old_id on
// creation, empty new_id on deletion.
struct Event {
    RepositoryIdentity repository;
    RefKind kind = RefKind::branch;
    Change change = Change::moved;
    std::string ref;      // full: refs/heads/main, refs/tags/v1
    std::string old_id;
    std::string new_id;   // what the ref points at now; the tag object for an annotated tag
    std::string commit;   // the commit to build; empty when the payload does not tell it (the repository is asked)
    std::string pusher;
    bool forced = false;
    std::string head_message;  // message of the newest commit, for skip marks; empty for tags
    std::string head_author;
    std::optional<bool> ref_protected;
    friend bool operator==(const Event&, const Event&) = default;

    // "main" for refs/heads/main, "v1" for refs/tags/v1.
    std::string short_ref() const;
};

// 40 or 64 lower-case hex digits, not all zero.
bool valid_object_id(std::string_view text);
// 40 or 64 zeros: "no object" on the wire.
bool zero_object_id(std::string_view text);
// A full ref below refs/heads/ or refs/tags/ that git would accept (git-check-ref-format), at most 1,024 bytes, valid
// UTF-8 and without control bytes. Everything else must not leave a handler.
bool valid_full_ref(std::string_view ref);

}  // namespace gachette
