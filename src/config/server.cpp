#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/reader.h"

namespace gachette::config {

namespace {

constexpr Milliseconds least_between_questions = 10'000;
constexpr std::size_t longest_socket_path = 107;  // sun_path

bool valid_network(const std::string& text) {
    const std::size_t slash = text.find('/');
    const std::string address = text.substr(0, slash);
    unsigned char bytes[16];
    const bool four = inet_pton(AF_INET, address.c_str(), bytes) == 1;
    if (!four && inet_pton(AF_INET6, address.c_str(), bytes) != 1) return false;
    if (slash == std::string::npos) return true;
    const std::optional<std::int64_t> bits = parse_decimal(text.substr(slash + 1));
    return bits && *bits <= (four ? 32 : 128);
}

// host:port or [address]:port.
bool valid_listen(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return false;
    const std::string host = text.substr(0, colon);
    const std::optional<std::int64_t> port = parse_decimal(text.substr(colon + 1));
    if (!port || *port > 65'535 || host.empty()) return false;
    unsigned char bytes[16];
    if (host.front() == '[')
        return host.back() == ']' && inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), bytes) == 1;
    return host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
           std::string::npos;
}

std::string default_state_folder(const Reader& reader) {
    const auto given = [&](const char* name) { return reader.variable(name).value_or(""); };
    if (const std::string folder = given("STATE_DIRECTORY"); !folder.empty()) return folder.substr(0, folder.find(':'));
    if (const std::string folder = given("XDG_STATE_HOME"); folder.starts_with('/')) return folder + "/gachette";
    if (const std::string folder = given("HOME"); folder.starts_with('/')) return folder + "/.local/state/gachette";
    return "/var/lib/gachette";
}

void read_absolute(Section& section, const std::string& key, std::string& out) {
    std::string path;
    if (!section.text(key, path)) return;
    if (path.front() != '/')
        section.problem(key, fmt::format("is \"{}\"; write an absolute path, beginning with /", printable(path, 100)));
    else if (("/" + path + "/").find("/../") != std::string::npos)
        section.problem(key, "must not hold \"..\"");
    else
        out = path.size() > 1 && path.ends_with('/') ? path.substr(0, path.find_last_not_of('/') + 1) : path;
}

void read_tls(Reader& reader, Section& root) {
    const Node* node = root.take("tls");
    if (!node) return;
    Section section(*node, "tls", reader.problems, root.line_of("tls"));
    std::string certificate, key;
    section.text("certificate", certificate);
    section.text("key", key);
    if (!section.take("certificate")) section.missing("certificate", "give the file of the certificate chain (PEM)");
    if (!section.take("key")) section.missing("key", "give the file of the private key (PEM)");
    reader.configuration.tls_certificate = reader.resolve(certificate);
    reader.configuration.tls_key = reader.resolve(key);
    section.finish();
}

void read_admin(Reader& reader, Section& root) {
    const Node* node = root.take("admin");
    if (!node) return;
    Section section(*node, "admin", reader.problems, root.line_of("admin"));
    read_absolute(section, "socket", reader.configuration.admin_socket);
    if (reader.configuration.admin_socket.size() > longest_socket_path)
        section.problem("socket", fmt::format("has {} bytes; the system allows a socket at most {}",
                                              reader.configuration.admin_socket.size(), longest_socket_path));
    read_secrets(reader, section, "tokens", reader.configuration.admin_tokens);
    section.finish();
}

void read_door_limits(Reader& reader, Section& root) {
    const Node* node = root.take("limits");
    if (!node) return;
    DoorLimits& limits = reader.configuration.door;
    Section section(*node, "limits", reader.problems, root.line_of("limits"));
    section.size("head", limits.head_bytes, 1024);
    section.number("head_fields", limits.head_fields, 16, 10'000);
    section.size("body", limits.body_bytes, 1024);
    section.size("total_body", limits.total_body_bytes, 1024);
    section.duration("head_time", limits.head_time, 100);
    section.duration("body_time", limits.body_time, 100);
    section.duration("answer_time", limits.answer_time, 100);
    section.duration("idle_time", limits.idle_time, 100);
    section.number("connections", limits.connections, 1, 1'000'000);
    section.number("connections_per_address", limits.connections_per_address, 1, 1'000'000);
    if (limits.total_body_bytes < limits.body_bytes)
        section.problem("total_body",
                        "is less than limits.body, so that no largest body could ever be read; make it larger");
    section.finish();
}

void read_reconcile(Reader& reader, Section& root) {
    const Node* node = root.take("reconcile");
    if (!node) return;
    Milliseconds& every = reader.configuration.reconcile_every;
    Section section(*node, "reconcile", reader.problems, root.line_of("reconcile"));
    const Node* value = section.take("every");
    if (value && value->kind == Node::Kind::text && value->text == "0")
        every = 0;
    else
        section.duration("every", every, least_between_questions);
    section.finish();
}

void read_external_url(Section& root, std::string& out) {
    std::string url;
    if (!root.text("external_url", url)) return;
    const bool web = url.starts_with("http://") || url.starts_with("https://");
    if (!web || url.find_first_of(" \"'<>\\?#") != std::string::npos || url.find("//") + 2 == url.size()) {
        root.problem("external_url", fmt::format("is \"{}\"; write how people reach the pages, for example "
                                                 "https://gachette.example.com",
                                                 printable(url, 100)));
        return;
    }
    while (url.ends_with('/')) url.pop_back();
    out = url;
}

}  // namespace

void read_server(Reader& reader, Section& root) {
    Configuration& configuration = reader.configuration;
    if (root.text("listen", configuration.listen) && !valid_listen(configuration.listen))
        root.problem("listen", fmt::format("is \"{}\"; write address:port, for example 127.0.0.1:8080 or [::]:8080",
                                           printable(configuration.listen, 100)));
    configuration.state_folder = default_state_folder(reader);
    read_absolute(root, "state_folder", configuration.state_folder);
    read_external_url(root, configuration.external_url);
    root.texts("trusted_proxies", configuration.trusted_proxies);
    for (const std::string& proxy : configuration.trusted_proxies)
        if (!valid_network(proxy))
            root.problem("trusted_proxies",
                         fmt::format("\"{}\" is no address and no network such as 10.0.0.0/8", printable(proxy, 100)));
    read_tls(reader, root);
    read_admin(reader, root);
    read_door_limits(reader, root);
    read_reconcile(reader, root);
    read_absolute(root, "debs_path", configuration.debs_path);
    read_absolute(root, "meta_path", configuration.meta_path);
}

}  // namespace gachette::config
