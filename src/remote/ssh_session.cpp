#include "remote/ssh_session.h"

#include <fmt/format.h>
#include <libssh/libssh.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/text.h"
#include "remote/tcp.h"

namespace gachette::remote {

namespace {

std::string last_error(ssh_session session) { return printable(ssh_get_error(session), 300); }

std::string option(ssh_session session, ssh_options_e which) {
    char* value = nullptr;
    if (ssh_options_get(session, which, &value) != SSH_OK || !value) return "";
    std::string text = value;
    ssh_string_free_char(value);
    return text;
}

void set(ssh_session session, ssh_options_e which, const void* value, const char* what, const BuildHost& host) {
    if (ssh_options_set(session, which, value) != SSH_OK)
        throw HostError(fmt::format("{}: {} cannot be used: {}", host_words(host), what, last_error(session)));
}

std::string with_home(const std::string& path) {
    const char* home = std::getenv("HOME");
    return path.starts_with("~/") && home ? home + path.substr(1) : path;
}

// The alias first, then the file, then what gachette's configuration says: in this order the last word is ours.
void set_options(ssh_session session, const BuildHost& host, const SshFiles& files) {
    if (starts_with_dash(host.address) || starts_with_dash(host.user))
        throw HostError(host_words(host) + ": an address or a user that begins with \"-\" is refused");
    set(session, SSH_OPTIONS_HOST, host.address.c_str(), "its address", host);
    const bool nothing_given = host.user.empty() && host.key_filename.empty() && host.port == 0 &&
                               host.known_hosts.empty() && host.host_keys.empty();
    const bool no = false;
    set(session, SSH_OPTIONS_PROCESS_CONFIG, &no, "its configuration", host);
    if (host.use_ssh_config || nothing_given) {
        if (ssh_options_parse_config(session, files.config.empty() ? nullptr : files.config.c_str()) != SSH_OK)
            throw HostError(fmt::format("{}: the ssh configuration file cannot be understood: {}", host_words(host),
                                        last_error(session)));
    }
    if (!host.user.empty()) set(session, SSH_OPTIONS_USER, host.user.c_str(), "its user", host);
    if (host.port != 0) set(session, SSH_OPTIONS_PORT, &host.port, "its port", host);
    const std::string known = with_home(host.known_hosts.empty() ? files.known_hosts : host.known_hosts);
    if (!known.empty()) {
        set(session, SSH_OPTIONS_KNOWNHOSTS, known.c_str(), "known_hosts", host);
        set(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null", "known_hosts", host);
    }
    const int one = 1;
    const long seconds = std::max<long>(1, static_cast<long>((host.connect_timeout + 999) / 1000));
    set(session, SSH_OPTIONS_STRICTHOSTKEYCHECK, &one, "the check of host keys", host);
    set(session, SSH_OPTIONS_NODELAY, &one, "its connection", host);
    set(session, SSH_OPTIONS_TIMEOUT, &seconds, "connect_timeout", host);
}

void connect(ssh_session session, const BuildHost& host) {
    const std::string proxy = option(session, SSH_OPTIONS_PROXYCOMMAND);
    const std::string address = option(session, SSH_OPTIONS_HOST);
    unsigned port = 22;
    ssh_options_get_port(session, &port);
    if (proxy.empty() || proxy == "none") {
        Result<Descriptor> connected = connect_tcp(address, port, host.connect_timeout);
        if (!connected)
            throw HostError(
                fmt::format("{} cannot be reached at {}:{}: {}", host_words(host), address, port, connected.error()));
        const socket_t descriptor = connected->release();
        if (ssh_options_set(session, SSH_OPTIONS_FD, &descriptor) != SSH_OK) {
            close(descriptor);
            throw HostError(host_words(host) + ": its connection cannot be used");
        }
    } else if (!host.use_ssh_config) {
        throw HostError(
            fmt::format("{}: the ssh configuration asks for a proxy command; set use_ssh_config: true to allow that",
                        host_words(host)));
    }
    if (ssh_connect(session) != SSH_OK)
        throw HostError(fmt::format("{} at {}:{} does not speak ssh with us: {}", host_words(host), address, port,
                                    last_error(session)));
}

struct HostKey {
    std::string type, fingerprint;
};

HostKey shown_key(ssh_session session, const BuildHost& host) {
    ssh_key key = nullptr;
    unsigned char* hash = nullptr;
    std::size_t length = 0;
    if (ssh_get_server_publickey(session, &key) != SSH_OK ||
        ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &length) != 0) {
        ssh_key_free(key);
        throw HostError(host_words(host) + " shows no usable host key");
    }
    char* text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, length);
    HostKey shown{ssh_key_type_to_char(ssh_key_type(key)), text ? text : ""};
    ssh_string_free_char(text);
    ssh_clean_pubkey_hash(&hash);
    ssh_key_free(key);
    return shown;
}

// Goes on only for a key that is pinned, or that known_hosts has for this very host.
void check_host_key(ssh_session session, const BuildHost& host) {
    const HostKey key = shown_key(session, host);
    if (!host.host_keys.empty()) {
        if (std::find(host.host_keys.begin(), host.host_keys.end(), key.fingerprint) != host.host_keys.end()) return;
        throw HostError(
            fmt::format("{} shows the {} key {}, which is not one of its host_keys; if the host was set up anew, put "
                        "the new one there",
                        host_words(host), key.type, key.fingerprint));
    }
    const std::string compare =
        fmt::format("compare it with \"ssh-keygen -lf /etc/ssh/ssh_host_{}_key.pub\" on the host",
                    key.type.substr(0, 5) == "ecdsa" ? "ecdsa"
                    : key.type.starts_with("ssh-")   ? key.type.substr(4)
                                                     : key.type);
    switch (ssh_session_is_known_server(session)) {
        case SSH_KNOWN_HOSTS_OK:
            return;
        case SSH_KNOWN_HOSTS_CHANGED:
            throw HostError(
                fmt::format("{} shows another {} key than known_hosts has: {}; somebody may stand in between. If the "
                            "host was set up "
                            "anew, {} and replace its line in known_hosts",
                            host_words(host), key.type, key.fingerprint, compare));
        case SSH_KNOWN_HOSTS_OTHER:
            throw HostError(fmt::format(
                "{} shows the {} key {}, but known_hosts has keys of other types for it; {} and add it to known_hosts",
                host_words(host), key.type, key.fingerprint, compare));
        case SSH_KNOWN_HOSTS_UNKNOWN:
        case SSH_KNOWN_HOSTS_NOT_FOUND:
            throw HostError(
                fmt::format("{} is not in known_hosts; it shows the {} key {}. If that is right ({}), add it "
                            "to known_hosts or to its host_keys",
                            host_words(host), key.type, key.fingerprint, compare));
        case SSH_KNOWN_HOSTS_ERROR:
            break;
    }
    throw HostError(fmt::format("{}: known_hosts cannot be read: {}", host_words(host), last_error(session)));
}

// Adds KEY-cert.pub where it stands beside the key.
void add_certificate(const std::string& path, ssh_key key) {
    ssh_key certificate = nullptr;
    const std::string beside = path + "-cert.pub";
    if (access(beside.c_str(), R_OK) != 0) return;
    if (ssh_pki_import_cert_file(beside.c_str(), &certificate) == SSH_OK)
        ssh_pki_copy_cert_to_privkey(certificate, key);
    ssh_key_free(certificate);
}

int no_passphrase(const char*, char*, std::size_t, int, int, void*) { return -1; }

void log_in_with_file(ssh_session session, const BuildHost& host, const std::string& user) {
    const std::string path = with_home(host.key_filename);
    if (access(path.c_str(), R_OK) != 0)
        throw HostError(fmt::format("{}: the key {} cannot be read; check key_filename and who may read it",
                                    host_words(host), path));
    ssh_key key = nullptr;
    if (ssh_pki_import_privkey_file(path.c_str(), nullptr, no_passphrase, nullptr, &key) != SSH_OK) {
        // Perhaps the agent has it open.
        if (std::getenv("SSH_AUTH_SOCK") && ssh_userauth_agent(session, nullptr) == SSH_AUTH_SUCCESS) return;
        throw HostError(
            fmt::format("{}: the key {} is encrypted or no private key; add it to an ssh-agent, or use one "
                        "without a passphrase",
                        host_words(host), path));
    }
    add_certificate(path, key);
    const int answer = ssh_userauth_publickey(session, nullptr, key);
    ssh_key_free(key);
    if (answer == SSH_AUTH_SUCCESS) return;
    throw HostError(fmt::format(
        "{} does not let user \"{}\" in with the key {}: {}; put its public half into ~/.ssh/authorized_keys there",
        host_words(host), user, path, last_error(session)));
}

void log_in(ssh_session session, const BuildHost& host) {
    const std::string user = option(session, SSH_OPTIONS_USER);
    if (!host.key_filename.empty()) return log_in_with_file(session, host, user);
    if (ssh_userauth_publickey_auto(session, nullptr, nullptr) == SSH_AUTH_SUCCESS) return;
    throw HostError(
        fmt::format("{} does not let user \"{}\" in with the agent's or the usual keys: {}; name the right one "
                    "with key_filename",
                    host_words(host), user, last_error(session)));
}

}  // namespace

std::string host_words(const BuildHost& host) { return fmt::format("build host \"{}\"", printable(host.name, 100)); }

void SessionCloser::operator()(ssh_session_struct* session) const {
    ssh_disconnect(session);
    ssh_free(session);
}

Session connect_session(const BuildHost& host, const SshFiles& files) {
    Session session(ssh_new());
    if (!session) throw HostError(host_words(host) + ": no memory for a connection");
    set_options(session.get(), host, files);
    connect(session.get(), host);
    check_host_key(session.get(), host);
    log_in(session.get(), host);
    ssh_set_blocking(session.get(), 0);
    return session;
}

}  // namespace gachette::remote
