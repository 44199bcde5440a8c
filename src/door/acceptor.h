// Takes new connections from the listening sockets, whatever goes wrong with one of them. Used by the reactor thread
// only.
#pragma once
#include <optional>

#include "door/address.h"
#include "door/connection.h"
#include "door/door.h"

namespace gachette::door {

struct Newcomer {
    Descriptor socket;
    Peer peer;
};

class Acceptor {
public:
    // Why accepting stopped for now.
    enum class Outcome {
        taken,      // there is a newcomer
        nobody,     // the queue is empty
        try_again,  // that connection is lost, the next may be fine
        exhausted,  // no descriptors or memory: rest before the next attempt
    };
    struct Result {
        Outcome outcome = Outcome::nobody;
        std::optional<Newcomer> newcomer;
    };

    explicit Acceptor(const TrustedProxies& proxies);
    // Accepts one connection. When the process has no descriptor left, the spare one is given up for a moment so that
    // the client is turned away at once instead of hanging in the queue.
    Result accept(int listener);

private:
    Result turn_away(int listener);
    Peer describe(int socket, const struct sockaddr_storage& address) const;

    const TrustedProxies& proxies_;
    Descriptor spare_;
};

}  // namespace gachette::door
