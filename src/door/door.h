// The door: one reactor thread holds all connections, reads strictly parsed, bounded, complete requests with deadlines,
// and hands each to the handler. It knows nothing of gachette. Limits: model/configuration.h has the values, here they
// are plain numbers again so that the room stays on the ground floor.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/headers.h"

namespace gachette::door {

struct Limits {
    std::int64_t head_bytes = 16 * 1024;
    int head_fields = 64;
    std::int64_t target_bytes = 2 * 1024;
    std::int64_t body_bytes = 25 * 1024 * 1024;
    std::int64_t total_body_bytes = 128LL * 1024 * 1024;
    Milliseconds head_time = 5'000;  // from the first byte (or accept) to the end of the head
    Milliseconds body_time = 30'000;
    Milliseconds answer_time = 10'000;  // for the peer to take the answer
    Milliseconds idle_time = 15'000;    // between two requests of a connection
    Milliseconds tls_time = 5'000;
    int connections = 8'192;
    int connections_per_address = 64;  // IPv6: per /64; not for trusted proxies and UNIX sockets
    int streams = 256;                 // answers that go on (live logs)
};

struct Request {
    std::string method;  // upper case token
    std::string target;  // as sent
    std::string path;    // percent-decoded, starts with "/", no NUL, no "." or ".." parts
    std::string query;   // as sent, without "?"
    Headers headers;     // as sent, values not decoded; without Range, which is never honoured
    std::string body;
    std::string peer;            // address of the client: of the socket, or what a trusted proxy says of it
    bool local = false;          // came over a UNIX socket listener
    std::int64_t peer_uid = -1;  // of the UNIX socket's peer (SO_PEERCRED)
};

// Pulls the next piece of an endless answer; called on the reactor thread, must not block. `finished` ends the answer;
// an empty piece without it means "nothing yet", the reactor asks again after wake() or 250 ms.
struct Piece {
    std::string bytes;
    bool finished = false;
};
using Source = std::function<Piece()>;

struct Response {
    int status = 200;
    Headers headers;  // Content-Length, Connection and Date are the door's
    std::string body;
    Source source;  // if set, sent chunked after body
};

// Answers one request, from any thread, exactly once. Dropping it unanswered sends 500. Copyable handle.
class Responder {
public:
    class Implementation;
    explicit Responder(std::shared_ptr<Implementation> implementation) : self_(std::move(implementation)) {}
    void send(Response response) const;

private:
    std::shared_ptr<Implementation> self_;
};

// Asked on the reactor thread as soon as the head is complete, before the body is read: an answer here refuses the
// request early (unknown hook, wrong method) and closes the connection; nullopt lets it in.
using Gate = std::function<std::optional<Response>(const Request& head)>;
// Called on the reactor thread with a complete request; must hand work elsewhere and return at once.
using Handler = std::function<void(Request, Responder)>;

struct Listener {
    Descriptor socket;  // bound and listening, or taken over from the service manager
    bool tls = false;
    // Somebody else (the service manager) holds the socket too: drain() leaves what waits in its queue to them. Without
    // it drain() takes in what waits and closes the socket.
    bool shared = false;
};

struct Tls {
    std::string certificate_path;
    std::string key_path;
};

struct Counters {
    std::int64_t accepted = 0, requests = 0, refused = 0, timed_out = 0, open = 0, body_bytes = 0;
};

class Door {
public:
    // Takes the listeners. Throws std::runtime_error if TLS files cannot be used.
    Door(std::vector<Listener> listeners, Limits limits, std::vector<std::string> trusted_proxies,
         std::optional<Tls> tls, const Clock& clock, Gate gate, Handler handler);
    ~Door();  // as drain() with no patience
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    void start();  // runs the reactor on its own thread
    // Stops accepting (listeners stay open for whoever else holds them), answers what was fully received, closes idle
    // connections, and returns when all is sent or `patience` is over.
    void drain(Milliseconds patience);
    void wake();                      // streams have news
    void reload_tls(const Tls& tls);  // throws and keeps the old one if the files are bad
    Counters counters() const;
    int port() const;  // of the first TCP listener; for tests
private:
    class Implementation;
    std::shared_ptr<Implementation> self_;
};

// "0.0.0.0:8080", "[::]:8080", "127.0.0.1:0" -> a listening, non-blocking, close-on-exec socket with the largest
// backlog. Throws std::runtime_error with address and reason.
Descriptor listen_on(const std::string& address);
// A UNIX stream socket with this mode; an old socket file that nobody listens on is replaced.
Descriptor listen_on_unix(const std::string& path, unsigned mode);

}  // namespace gachette::door
