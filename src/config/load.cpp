#include "config/load.h"

#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "config/node.h"
#include "config/reader.h"

namespace gachette {

namespace config {

std::optional<std::string> Reader::variable(const std::string& name) const {
    if (options.variable) return options.variable(name);
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
}

std::string Reader::resolve(const std::string& path) const {
    if (path.empty() || path.front() == '/') return path;
    const std::optional<std::string> home = variable("HOME");
    if (path.starts_with("~/") && home && !home->empty()) return *home + path.substr(1);
    const std::size_t slash = configuration.path.rfind('/');
    return slash == std::string::npos ? path : configuration.path.substr(0, slash + 1) + path;
}

}  // namespace config

Configuration parse_configuration(std::string_view text, const std::string& path, const LoadOptions& options) {
    config::Reader reader(options, path);
    const std::optional<config::Node> tree = config::parse_tree(text, reader.problems);
    if (!tree) reader.problems.raise();
    config::Section root(*tree, "", reader.problems);
    config::read_server(reader, root);
    config::read_reporters(reader, root);
    config::read_hooks(reader, root);
    config::read_projects(reader, root);
    config::read_domains(reader, root);
    config::read_hosts(reader, root);
    config::read_legacy(reader, root);
    root.finish();
    reader.problems.raise();
    config::add_notes(reader.configuration);
    return std::move(reader.configuration);
}

Configuration load_configuration(const std::string& path, const LoadOptions& options) {
    constexpr std::size_t limit = 1024 * 1024;  // the tree's own limit is stricter and says so better
    const Result<std::string> text = read_file(path, limit);
    if (!text) throw ConfigError(text.error());
    return parse_configuration(*text, path, options);
}

}  // namespace gachette
