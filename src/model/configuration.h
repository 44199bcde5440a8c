// The configuration as plain structs, complete and checked by src/config; nothing here reads a file. Times are in
// milliseconds, sizes in bytes.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace gachette {

// A secret and where it came from. `origin` ("file /etc/gachette/github.secret") is for people and the record; the value
// never leaves the process.
struct Secret {
    std::string origin;
    std::string value;
};

struct Hook {
    std::string name;   // POST /hooks/<name>
    std::string forge;  // a row of handlers/handlers.cpp
    std::vector<Secret> secrets;             // any of them is accepted; at least one
    std::vector<std::string> repositories;   // patterns of full names that may speak through this hook; empty: all
    Milliseconds tolerance = 300'000;        // for senders that sign a timestamp (Standard Webhooks)
    std::map<std::string, std::string> settings;  // what else the forge's handler needs (generic: header, pointers, ...)
    std::vector<std::string> report = {};    // names of destinations that hear of the jobs of its deliveries
};

enum class ReportKind : int { status = 1, webhook = 2, callback = 3 };  // stored: the numbers never change
std::string_view to_string(ReportKind kind);

// Where the states of jobs are told: the commit statuses of a forge, a signed webhook, or the original's web callback.
// Its address comes from the configuration only, never from a payload.
struct Destination {
    std::string name;
    std::string kind;          // github, gitlab, gitea, forgejo, bitbucket-cloud, bitbucket-datacenter, webhook, callback
    std::string url;           // http or https; of a forge: of its API, without slash at the end
    Secret token;              // forges need one
    std::string user;          // bitbucket-*: Basic with this user; empty: Bearer
    Secret secret;             // webhook: whsec_...
    std::string context = "gachette/{project}";  // the name of a commit status; may hold {project} and {ref}
    std::string authority_file;                  // certificates (PEM) to trust in place of the system's
    Milliseconds give_up = 3LL * 24 * 3'600'000;  // age after which a report is not tried again

    ReportKind report_kind() const;
};

enum class BuilderKind { automatic, trebuchet, debian, command };
std::string_view to_string(BuilderKind kind);

struct JobLimits {
    Milliseconds prepare = 600'000;
    Milliseconds total = 4 * 3'600'000;   // the build step
    Milliseconds silence = 1'800'000;     // no output for so long ends the build
    Milliseconds grace = 900'000;         // without word from gachette the build ends itself
    std::int64_t log_bytes = 64 * 1024 * 1024;
    std::int64_t packages = 100;
    std::int64_t package_bytes = 2LL * 1024 * 1024 * 1024;
};

struct Project {
    std::string name;
    std::string url;                          // what the build host clones; also tells which repository it is
    std::vector<std::string> repositories;    // further spellings: full names or urls
    BuilderKind builder = BuilderKind::automatic;
    std::vector<std::string> command;         // builder: command
    std::string path_to_missile = ".missile.yml";
    std::string version;                      // template, empty: the original's format (model/version.h)
    std::string version_base = "0.0.1";
    bool submodules = false;
    std::map<std::string, std::string> environment;  // handed to the build, never secrets
    std::vector<std::string> build_hosts;     // names; empty: any
    JobLimits limits;
};

// On this branch or tag pattern, put the project's packages into that stack.
struct Rule {
    std::vector<std::string> branches;  // patterns, "!" excludes (model/pattern.h); one of the two lists is empty
    std::vector<std::string> tags;
    std::string stack;                  // may hold {branch}, {tag}, {project}
    std::string from;                   // create the stack from this one when it is missing; empty: stack must exist
    bool create = false;                // create it empty when it is missing
    std::vector<std::string> projects;  // only these of the domain; empty: all
    std::vector<std::string> paths;     // only if one of these changed (asked of git on the host)
    std::vector<std::string> authors;   // only if one of these wrote or pushed it; patterns, "!" excludes
    bool only_protected = false;        // only refs that the forge reports as protected
    std::string forced = "take";        // a diverged push confirmed by the repository: take or refuse
    std::string text;                   // "domains.backend.stacks[0] (branch main -> edge)", for reasons
};

struct Domain {
    std::string name;
    std::vector<std::string> projects;
    std::vector<Rule> rules;
};

struct BuildHost {
    std::string name;
    bool local = false;         // run on this machine without SSH
    std::string address;        // host name, address or alias of ~/.ssh/config
    int port = 0;               // 0: by ~/.ssh/config or 22
    std::string user;           // empty: by ~/.ssh/config or the caller's name
    std::string key_filename;   // empty: agent and ~/.ssh defaults
    bool use_ssh_config = false;
    std::string known_hosts;    // empty: ~/.ssh/known_hosts
    std::vector<std::string> host_keys;  // pinned "SHA256:..." fingerprints; then known_hosts is not asked
    bool forward_agent = false;
    std::string base_path;      // empty: .gachette in the home folder of the user there
    int slots = 1;
    std::string trebuchet_bin = "trebuchet";
    Milliseconds connect_timeout = 10'000;
};

struct DoorLimits {
    std::int64_t head_bytes = 16 * 1024;
    int head_fields = 64;
    std::int64_t body_bytes = 25 * 1024 * 1024;
    std::int64_t total_body_bytes = 128LL * 1024 * 1024;
    Milliseconds head_time = 5'000;
    Milliseconds body_time = 30'000;
    Milliseconds answer_time = 10'000;
    Milliseconds idle_time = 15'000;
    int connections = 8'192;
    int connections_per_address = 64;
};

struct Configuration {
    std::string path;   // of the file, for messages
    std::string state_folder;
    std::string listen = "127.0.0.1:8080";
    std::string tls_certificate, tls_key;       // both or none
    std::vector<std::string> trusted_proxies;   // addresses or CIDR
    std::string admin_socket;                   // empty: <state_folder>/admin.sock
    std::vector<Secret> admin_tokens;           // none: the API answers only on the UNIX socket
    std::string external_url;                   // how people reach the pages; for links
    Milliseconds reconcile_every = 600'000;     // how often repositories are asked for their refs; 0: never
    DoorLimits door;
    std::vector<Hook> hooks;
    std::vector<Destination> reporters;
    std::vector<Project> projects;
    std::vector<Domain> domains;
    std::vector<BuildHost> build_hosts;
    std::string debs_path;
    std::string meta_path;
    std::map<std::string, std::string> legacy;  // settings of the original that mean nothing to us, as they stood
    std::vector<std::string> notes;             // what an old file means for a server, in sentences

    const Hook* find_hook(std::string_view name) const;
    const Destination* find_reporter(std::string_view name) const;
    const Project* find_project(std::string_view name) const;
    const Domain* find_domain(std::string_view name) const;
    const BuildHost* find_build_host(std::string_view name) const;
};

}  // namespace gachette
