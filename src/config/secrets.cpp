#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "config/reader.h"

namespace gachette::config {

namespace {

constexpr std::size_t shortest_secret = 16;
constexpr std::size_t longest_secret = 4096;
constexpr std::string_view forms = "{file: ...}, {credential: ...} or {environment: ...}";

Result<std::string> read_descriptor(int number, const std::string& path) {
    std::string content(longest_secret + 1, '\0');
    std::size_t filled = 0;
    while (filled < content.size()) {
        const ssize_t got = read(number, content.data() + filled, content.size() - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(fmt::format("{} cannot be read: {}", path, system_error_text(errno)));
        if (got == 0) break;
        filled += static_cast<std::size_t>(got);
    }
    content.resize(filled);
    return content;
}

// Looks at the opened file, not at its name, so that nothing can be put in its place in between.
Result<std::string> read_secret_file(const std::string& path, bool private_folder) {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (!file || fstat(file.get(), &status) != 0)
        return fail(fmt::format("{} cannot be read: {}", printable(path), system_error_text(errno)));
    if (!S_ISREG(status.st_mode)) return fail(fmt::format("{} is not a regular file", printable(path)));
    if (!private_folder && (status.st_mode & (S_IROTH | S_IWOTH)) != 0)
        return fail(fmt::format("{} is open to everybody (mode {:04o}); run: chmod 640 {}", printable(path),
                                status.st_mode & 07777, printable(path)));
    return read_descriptor(file.get(), printable(path));
}

// One line end at the end belongs to the editor, not to the secret.
Result<std::string> trimmed(std::string value) {
    if (value.ends_with('\n')) value.pop_back();
    if (value.ends_with('\r')) value.pop_back();
    if (value.size() > longest_secret) return fail(fmt::format("is longer than {} bytes", longest_secret));
    if (value.find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos)
        return fail("holds several lines or a NUL; a secret is one line");
    if (value.size() < shortest_secret)
        return fail(
            fmt::format("has {} bytes; at least {} are needed, shorter ones can be guessed; make one with: "
                        "openssl rand -hex 32",
                        value.size(), shortest_secret));
    return value;
}

Result<std::string> from_credential(const Reader& reader, const std::string& name) {
    const std::optional<std::string> folder = reader.variable("CREDENTIALS_DIRECTORY");
    if (!folder || folder->empty())
        return fail(
            "there are no credentials (CREDENTIALS_DIRECTORY is not set); start gachette by its systemd unit, or "
            "use {file: ...}");
    if (name.find('/') != std::string::npos || name == "." || name == "..")
        return fail("a credential is named without a folder");
    return read_secret_file(*folder + "/" + name, true);
}

Result<std::string> from_environment(const Reader& reader, const std::string& name) {
    const std::optional<std::string> value = reader.variable(name);
    if (!value) return fail(fmt::format("the environment has no variable {}", printable(name)));
    return *value;
}

}  // namespace

std::optional<Secret> read_secret(Reader& reader, const Node& node, const std::string& place) {
    Problems& problems = reader.problems;
    if (node.kind == Node::Kind::text) {
        problems.add(node.line, place,
                     fmt::format("a secret must not stand in this file, which is copied and shown; write {}", forms));
        return std::nullopt;
    }
    Section section(node, place, problems);
    std::string file, credential, variable;
    const int given = int{section.text("file", file)} + int{section.text("credential", credential)} +
                      int{section.text("environment", variable)};
    section.finish();
    if (given != 1) {
        if (node.kind == Node::Kind::map) problems.add(node.line, place, fmt::format("give exactly one of {}", forms));
        return std::nullopt;
    }
    const std::string origin = !file.empty()         ? "file " + reader.resolve(file)
                               : !credential.empty() ? "credential " + credential
                                                     : "environment " + variable;
    if (!reader.options.with_secrets) return Secret{origin, ""};
    Result<std::string> value = !file.empty()         ? read_secret_file(reader.resolve(file), false)
                                : !credential.empty() ? from_credential(reader, credential)
                                                      : from_environment(reader, variable);
    if (value) value = trimmed(std::move(*value));
    if (!value) {
        problems.add(node.line, place, fmt::format("({}) {}", printable(origin), value.error()));
        return std::nullopt;
    }
    const auto [first, fresh] = reader.secrets.try_emplace(*value, Place{node.line, place});
    if (!fresh) {
        problems.add(node.line, place,
                     fmt::format("is the same secret as {} in line {}; give each its own", first->second.text,
                                 first->second.line));
        return std::nullopt;
    }
    return Secret{origin, std::move(*value)};
}

void read_secrets(Reader& reader, Section& section, const std::string& key, std::vector<Secret>& out) {
    section.each_item(key, [&](const std::string& place, const Node& node) {
        if (std::optional<Secret> secret = read_secret(reader, node, place)) out.push_back(std::move(*secret));
    });
}

}  // namespace gachette::config
