// What the parts of the loader share, and the parts: one function for each part of the file. Inside of this room only.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "config/load.h"
#include "config/problems.h"
#include "config/section.h"
#include "model/configuration.h"

namespace gachette::config {

// Where something stands in the file, for checks after everything is read.
struct Place {
    int line = 0;
    std::string text;
};

struct Reader {
    const LoadOptions& options;
    Problems problems;
    Configuration configuration;
    std::map<std::string, Place> secrets;  // value of every secret to its first place: none may serve twice
    std::map<std::string, int> lines;      // of keys that are checked when everything is read

    Reader(const LoadOptions& load_options, std::string path) : options(load_options), problems(path) {
        configuration.path = std::move(path);
    }

    std::optional<std::string> variable(const std::string& name) const;
    // "~/x" below HOME, anything relative below the folder of the configuration file.
    std::string resolve(const std::string& path) const;
};

// {file: ...}, {credential: ...} or {environment: ...}; nullopt with a problem otherwise.
std::optional<Secret> read_secret(Reader& reader, const Node& node, const std::string& place);
void read_secrets(Reader& reader, Section& section, const std::string& key, std::vector<Secret>& out);

void read_server(Reader& reader, Section& root);     // listen, state_folder, tls, admin, limits, reconcile, paths
void read_reporters(Reader& reader, Section& root);  // after the server
void read_hooks(Reader& reader, Section& root);      // after the reporters
void read_report(Reader& reader, Section& section, Hook& hook);  // hooks.<name>.report
void read_projects(Reader& reader, Section& root);
void read_domains(Reader& reader, Section& root);  // after the projects
void read_hosts(Reader& reader, Section& root);    // build_hosts, hosts and their common settings; after the projects
void read_legacy(Reader& reader, Section& root);   // settings of Fabric; after everything else
// What an old or incomplete file means for a server.
void add_notes(Configuration& configuration);

// Patterns of branches, tags, repositories or paths: one problem per pattern that can never be meant.
void check_patterns(const Section& section, const std::string& key, const std::vector<std::string>& patterns);

}  // namespace gachette::config
