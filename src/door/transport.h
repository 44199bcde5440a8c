// The bytes of one connection, plain or through TLS, never blocking. Used by the reactor thread only.
#pragma once
#include <memory>
#include <string_view>

#include "base/file.h"
#include "door/tls.h"

namespace gachette::door {

class Transport {
public:
    // Takes a connected, non-blocking socket; `tls` may be empty.
    Transport(Descriptor socket, std::unique_ptr<TlsSession> tls) : socket_(std::move(socket)), tls_(std::move(tls)) {}

    bool has_tls() const { return tls_ != nullptr; }
    int number() const { return socket_.get(); }
    Transfer handshake() { return tls_->handshake(); }
    // `ended`: the peer sends no more. A result shorter than `size` means the socket had no more at that moment, but
    // only without TLS.
    Transfer receive(char* buffer, std::size_t size);
    // Sends what the socket takes of both texts, in one call.
    Transfer send(std::string_view first, std::string_view second);
    // Bytes sent that the peer's machine has not taken yet.
    std::int64_t untaken() const;
    // No more bytes from us; the peer reads the end after what was sent.
    void half_close();
    // Drops what the peer did not take, and says so (RST).
    void abort_on_close();

private:
    Descriptor socket_;
    std::unique_ptr<TlsSession> tls_;
};

}  // namespace gachette::door
