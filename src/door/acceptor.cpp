#include "door/acceptor.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

namespace gachette::door {

namespace {

Descriptor open_spare() { return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

Acceptor::Acceptor(const TrustedProxies& proxies) : proxies_(proxies), spare_(open_spare()) {}

Acceptor::Result Acceptor::accept(int listener) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    Descriptor socket(::accept4(listener, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) {
        Peer peer = describe(socket.get(), address);
        return {Outcome::taken, Newcomer{std::move(socket), peer}};
    }
    switch (errno) {
        case EAGAIN:
            return {Outcome::nobody, {}};
        case EMFILE:
        case ENFILE:
            return turn_away(listener);
        case ENOMEM:
        case ENOBUFS:
            return {Outcome::exhausted, {}};
        default:
            return {Outcome::try_again, {}};  // that connection broke, or a firewall forbids it: nobody else's loss
    }
}

Acceptor::Result Acceptor::turn_away(int listener) {
    if (!spare_) spare_ = open_spare();
    if (!spare_) return {Outcome::exhausted, {}};
    spare_.reset();
    Descriptor refused(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const Outcome outcome = refused ? Outcome::try_again : errno == EAGAIN ? Outcome::nobody : Outcome::exhausted;
    refused.reset();
    spare_ = open_spare();
    return {outcome, {}};
}

Peer Acceptor::describe(int socket, const sockaddr_storage& address) const {
    Peer peer;
    if (const auto known = Address::from_socket(address)) {
        peer.address = *known;
        peer.trusted = proxies_.contains(*known);
        return peer;
    }
    peer.local = true;
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0) peer.uid = who.uid;
    return peer;
}

}  // namespace gachette::door
