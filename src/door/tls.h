// TLS for the door: certificates and the sessions of connections. The one file that knows libssl is tls.cpp.
#pragma once
#include <memory>
#include <string>

#include "door/door.h"

namespace gachette::door {

// What came of trying to move bytes. `bytes` is 0 unless the outcome is done.
struct Transfer {
    enum class Outcome { done, blocked, ended, failed };
    Outcome outcome = Outcome::failed;
    std::size_t bytes = 0;
};

// One connection's TLS. Used by the reactor thread only; the calling thread must have SIGPIPE blocked or ignored.
class TlsSession {
public:
    class Implementation;
    explicit TlsSession(std::unique_ptr<Implementation> implementation);
    TlsSession(TlsSession&&) noexcept;
    TlsSession& operator=(TlsSession&&) noexcept;
    ~TlsSession();

    Transfer handshake();
    Transfer receive(char* buffer, std::size_t size);
    Transfer send(const char* bytes, std::size_t size);
    // Tells the peer that no more comes (close_notify), once, without waiting.
    void finish();

private:
    std::unique_ptr<Implementation> self_;
};

// A loaded certificate with its key: TLS 1.2 and later, no renegotiation, "http/1.1" as the only protocol.
class TlsContext {
public:
    // Throws std::runtime_error with file and reason if the files cannot be used or do not belong together.
    explicit TlsContext(const Tls& files);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;
    // A session on a connected, non-blocking socket, which stays the caller's. Nothing if there is no memory.
    std::unique_ptr<TlsSession> accept(int socket) const;

private:
    class Implementation;
    std::unique_ptr<Implementation> self_;
};

}  // namespace gachette::door
