// Listening sockets.
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "base/text.h"
#include "door/door.h"

namespace gachette::door {

namespace {

constexpr int backlog = 65'535;  // the kernel takes the smaller of this and net.core.somaxconn

[[noreturn]] void refuse(const std::string& address, const std::string& reason) {
    throw std::runtime_error("cannot listen on " + printable(address) + ": " + reason);
}

struct HostAndPort {
    std::string host;
    std::string port;
};

HostAndPort split_address(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    const auto port =
        colon == std::string::npos ? std::nullopt : parse_decimal(std::string_view(address).substr(colon + 1));
    if (!port || *port > 65'535) refuse(address, "write ADDRESS:PORT, such as 0.0.0.0:8080 or [::]:8080");
    std::string host = address.substr(0, colon);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (host.empty() || (!bracketed && host.find(':') != std::string::npos))
        refuse(address, "write ADDRESS:PORT, such as 0.0.0.0:8080 or [::]:8080");
    return {host, std::to_string(*port)};
}

void switch_on(int socket, int level, int option) {
    const int yes = 1;
    ::setsockopt(socket, level, option, &yes, sizeof yes);
}

// True if somebody accepts connections on this socket file.
bool answers(const sockaddr_un& name) {
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe) return true;
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 || errno == EAGAIN;
}

}  // namespace

Descriptor listen_on(const std::string& address) {
    const HostAndPort parts = split_address(address);
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &found);
    if (error != 0) refuse(address, gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
    Descriptor socket(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) refuse(address, system_error_text(errno));
    switch_on(socket.get(), SOL_SOCKET, SO_REUSEADDR);
    switch_on(socket.get(), IPPROTO_TCP, TCP_NODELAY);  // accepted sockets take it over
    if (::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(socket.get(), backlog) != 0)
        refuse(address, system_error_text(errno));
    return socket;
}

Descriptor listen_on_unix(const std::string& path, unsigned mode) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof name.sun_path)
        refuse(path, "the path of a UNIX socket has 1 to 107 bytes");
    std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) {
        if (!S_ISSOCK(status.st_mode))
            refuse(path, "there is something else than a socket; remove it or choose another path");
        if (answers(name)) refuse(path, "another program listens there");
        ::unlink(path.c_str());
    }
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) refuse(path, system_error_text(errno));
    // The mode is set on the socket before it gets its name, so that the file is never open to more than it says.
    if (::fchmod(socket.get(), mode) != 0 ||
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 ||
        ::chmod(path.c_str(), mode) != 0 || ::listen(socket.get(), backlog) != 0)
        refuse(path, system_error_text(errno));
    return socket;
}

}  // namespace gachette::door
