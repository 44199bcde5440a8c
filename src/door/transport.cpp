#include "door/transport.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

namespace gachette::door {

namespace {

Transfer failure(int error) {
    const bool later = error == EAGAIN || error == EWOULDBLOCK;
    return {later ? Transfer::Outcome::blocked : Transfer::Outcome::failed, 0};
}

iovec part(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

}  // namespace

Transfer Transport::receive(char* buffer, std::size_t size) {
    if (tls_) return tls_->receive(buffer, size);
    ssize_t count = 0;
    do count = ::recv(socket_.get(), buffer, size, 0);
    while (count < 0 && errno == EINTR);
    if (count < 0) return failure(errno);
    if (count == 0) return {Transfer::Outcome::ended, 0};
    return {Transfer::Outcome::done, static_cast<std::size_t>(count)};
}

Transfer Transport::send(std::string_view first, std::string_view second) {
    if (tls_) {
        const std::string_view next = first.empty() ? second : first;
        return tls_->send(next.data(), next.size());
    }
    iovec parts[] = {part(first), part(second)};
    msghdr message{};
    message.msg_iov = first.empty() ? parts + 1 : parts;
    message.msg_iovlen = first.empty() || second.empty() ? 1 : 2;
    ssize_t count = 0;
    do count = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    while (count < 0 && errno == EINTR);
    if (count < 0) return failure(errno);
    return {Transfer::Outcome::done, static_cast<std::size_t>(count)};
}

std::int64_t Transport::untaken() const {
    int bytes = 0;
    return ::ioctl(socket_.get(), SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

void Transport::half_close() {
    if (tls_) tls_->finish();
    ::shutdown(socket_.get(), SHUT_WR);
}

void Transport::abort_on_close() {
    const linger none{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

}  // namespace gachette::door
