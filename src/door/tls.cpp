#include "door/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace gachette::door {

namespace {

// Of the first error: what comes after it only says which function passed it on.
std::string openssl_reason() {
    const unsigned long code = ERR_peek_error();
    const char* const text = code ? ERR_reason_error_string(code) : nullptr;
    ERR_clear_error();
    if (ERR_SYSTEM_ERROR(code)) return system_error_text(ERR_GET_REASON(code));
    return text ? text : "unknown error";
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                    void*) {
    static constexpr unsigned char ours[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_size, ours, sizeof ours, in, in_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

// OpenSSL counts in int; nobody moves that much at once.
int clamp(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max())); }

}  // namespace

class TlsSession::Implementation {
public:
    explicit Implementation(SSL* ssl) : ssl_(ssl) {}
    Implementation(const Implementation&) = delete;
    Implementation& operator=(const Implementation&) = delete;
    ~Implementation() { SSL_free(ssl_); }

    template <typename Call>
    Transfer attempt(Call call) {
        if (broken_) return {Transfer::Outcome::failed, 0};
        ERR_clear_error();
        const int result = call(ssl_);
        if (result > 0) return {Transfer::Outcome::done, static_cast<std::size_t>(result)};
        const int reason = SSL_get_error(ssl_, result);
        if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return {Transfer::Outcome::blocked, 0};
        if (reason == SSL_ERROR_ZERO_RETURN) return {Transfer::Outcome::ended, 0};
        broken_ = true;
        ERR_clear_error();
        return {Transfer::Outcome::failed, 0};
    }

    bool broken() const { return broken_; }
    SSL* ssl() const { return ssl_; }

private:
    SSL* ssl_;
    bool broken_ = false;  // after a fatal error nothing may be called, not even SSL_shutdown
};

TlsSession::TlsSession(std::unique_ptr<Implementation> implementation) : self_(std::move(implementation)) {}
TlsSession::TlsSession(TlsSession&&) noexcept = default;
TlsSession& TlsSession::operator=(TlsSession&&) noexcept = default;
TlsSession::~TlsSession() = default;

Transfer TlsSession::handshake() {
    return self_->attempt([](SSL* ssl) { return SSL_do_handshake(ssl); });
}

Transfer TlsSession::receive(char* buffer, std::size_t size) {
    return self_->attempt([&](SSL* ssl) { return SSL_read(ssl, buffer, clamp(size)); });
}

Transfer TlsSession::send(const char* bytes, std::size_t size) {
    return self_->attempt([&](SSL* ssl) { return SSL_write(ssl, bytes, clamp(size)); });
}

void TlsSession::finish() {
    if (self_->broken() || !SSL_is_init_finished(self_->ssl())) return;
    ERR_clear_error();
    SSL_shutdown(self_->ssl());
    ERR_clear_error();
}

class TlsContext::Implementation {
public:
    explicit Implementation(const Tls& files) : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
        SSL_CTX* const context = context_.get();
        if (!context) throw std::runtime_error("cannot set up TLS: " + openssl_reason());
        SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
        SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
        SSL_CTX_set_mode(
            context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
        // A key with a passphrase must not make the daemon ask at a terminal.
        SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return -1; });
        if (SSL_CTX_use_certificate_chain_file(context, files.certificate_path.c_str()) != 1)
            throw std::runtime_error("TLS certificate " + files.certificate_path +
                                     " cannot be used: " + openssl_reason());
        if (SSL_CTX_use_PrivateKey_file(context, files.key_path.c_str(), SSL_FILETYPE_PEM) != 1)
            throw std::runtime_error("TLS key " + files.key_path + " cannot be used: " + openssl_reason());
        if (SSL_CTX_check_private_key(context) != 1)
            throw std::runtime_error("TLS key " + files.key_path + " does not belong to certificate " +
                                     files.certificate_path);
    }
    SSL_CTX* get() const { return context_.get(); }

private:
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
};

TlsContext::TlsContext(const Tls& files) : self_(std::make_unique<Implementation>(files)) {}
TlsContext::~TlsContext() = default;

std::unique_ptr<TlsSession> TlsContext::accept(int socket) const {
    SSL* const ssl = SSL_new(self_->get());
    if (!ssl) return nullptr;
    auto session = std::make_unique<TlsSession::Implementation>(ssl);
    if (SSL_set_fd(ssl, socket) != 1) return nullptr;
    SSL_set_accept_state(ssl);
    return std::make_unique<TlsSession>(std::move(session));
}

}  // namespace gachette::door
