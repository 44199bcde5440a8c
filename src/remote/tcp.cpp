#include "remote/tcp.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

namespace gachette::remote {

namespace {

void set(int descriptor, int level, int option, int value) {
    setsockopt(descriptor, level, option, &value, sizeof value);
}

// Empty when connected, else what went wrong.
std::string try_address(const addrinfo& address, Milliseconds timeout, Descriptor& into) {
    Descriptor descriptor(socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!descriptor) return system_error_text(errno);
    if (connect(descriptor.get(), address.ai_addr, address.ai_addrlen) != 0) {
        if (errno != EINPROGRESS) return system_error_text(errno);
        pollfd waiting{descriptor.get(), POLLOUT, 0};
        if (poll(&waiting, 1, static_cast<int>(timeout)) <= 0) return "no answer in " + std::to_string(timeout) + " ms";
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(descriptor.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return system_error_text(error);
    }
    set(descriptor.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    set(descriptor.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    set(descriptor.get(), IPPROTO_TCP, TCP_KEEPIDLE, 15);
    set(descriptor.get(), IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set(descriptor.get(), IPPROTO_TCP, TCP_KEEPCNT, 3);
    set(descriptor.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
    into = std::move(descriptor);
    return "";
}

}  // namespace

Result<Descriptor> connect_tcp(const std::string& address, unsigned port, Milliseconds timeout) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int error = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &list);
    if (error != 0) return fail(std::string("its name cannot be resolved: ") + gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
    std::string problem = "no address";
    for (const addrinfo* one = list; one; one = one->ai_next) {
        Descriptor descriptor;
        problem = try_address(*one, timeout, descriptor);
        if (descriptor) return descriptor;
    }
    return fail(problem);
}

void acknowledge_at_once(int descriptor) { set(descriptor, IPPROTO_TCP, TCP_QUICKACK, 1); }

}  // namespace gachette::remote
