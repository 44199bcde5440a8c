// One repository, many spellings: git@host:a/b.git, ssh://git@host:22/a/b, https://user@host/a/b.git/, /srv/git/b.git.
#pragma once
#include <string>
#include <string_view>

namespace gachette {

struct RepositoryAddress {
    std::string host;  // lower case, without user and default port; empty for a folder or an unknown form
    std::string path;  // "a/b": without leading slash, trailing slashes and ".git"
    friend bool operator==(const RepositoryAddress&, const RepositoryAddress&) = default;
};

// Understands scp-like, ssh, git, http, https and file addresses and plain folders.
RepositoryAddress parse_repository_address(std::string_view url);
// Whether two spellings mean one repository: same host (without case) and same path (without case for hosts that are
// not folders). Ports other than the protocol's own count.
bool same_repository(std::string_view a, std::string_view b);
// The last two parts of the path ("a/b"), which forges call the full name; empty if there are not two.
std::string full_name_of(std::string_view url);
// A url that may be handed to git on a build host: https, http, ssh, git, scp-like, file or an absolute folder; no leading dash in
// user, host or path, no control bytes, no "ext::" and other remote helpers.
bool valid_clone_url(std::string_view url);

}  // namespace gachette
