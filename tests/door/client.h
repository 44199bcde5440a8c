// A raw client and a small door for the tests of this room. Everything waits for the socket with a deadline.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include "door/door.h"

namespace gachette::testing {

inline constexpr int patience = 10'000;  // milliseconds until a test gives up

struct Answer {
    int status = 0;  // 0: none came
    std::string head;
    std::string body;
    std::string field(const std::string& name) const {
        const std::size_t at = head.find("\r\n" + name + ": ");
        if (at == std::string::npos) return "";
        const std::size_t start = at + name.size() + 4;
        return head.substr(start, head.find("\r\n", start) - start);
    }
};

class Client {
public:
    explicit Client(int port, const char* source = nullptr)
        : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const int yes = 1;
        ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        if (source) {
            sockaddr_in from{};
            from.sin_family = AF_INET;
            ::inet_pton(AF_INET, source, &from.sin_addr);
            ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&from), sizeof from);
        }
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(port));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    }
    explicit Client(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        std::strncpy(to.sun_path, path.c_str(), sizeof to.sun_path - 1);
        connected_ = ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    }

    bool connected() const { return connected_; }
    int number() const { return socket_.get(); }
    void close() { socket_.reset(); }
    void half_close() { ::shutdown(socket_.get(), SHUT_WR); }

    // False if the peer does not take it (any more).
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            pollfd wait{socket_.get(), POLLOUT, 0};
            if (::poll(&wait, 1, patience) != 1) return false;
            const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count < 0 && errno == EAGAIN) continue;
            if (count < 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }
    // As much as the socket buffers take at once.
    std::size_t send_some(std::string_view bytes) {
        const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return count < 0 ? 0 : static_cast<std::size_t>(count);
    }

    // Reads more into the buffer. False at the end or when nothing comes in time.
    bool more(int timeout = patience) {
        pollfd wait{socket_.get(), POLLIN, 0};
        if (::poll(&wait, 1, timeout) != 1) return false;
        char bytes[65536];
        const ssize_t count = ::recv(socket_.get(), bytes, sizeof bytes, 0);
        if (count <= 0) ended_ = true;
        if (count > 0) buffer_.append(bytes, static_cast<std::size_t>(count));
        return count > 0;
    }
    // Only the head of the next answer; for streams.
    Answer read_head() { return read_answer(true); }
    // The next answer, framed by Content-Length, by chunks, or by the end.
    Answer read_answer(bool to_head = false) {
        Answer answer;
        std::size_t end = 0;
        while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
            if (!more()) return answer;
        last_chunk_ = false;
        answer.head = buffer_.substr(0, end + 2);
        buffer_.erase(0, end + 4);
        answer.status = std::atoi(answer.head.substr(9, 3).c_str());
        if (to_head || answer.status == 100 || answer.status == 204 || answer.status == 304) return answer;
        if (answer.field("Transfer-Encoding") == "chunked") {
            read_chunks(answer);
        } else if (const std::string length = answer.field("Content-Length"); !length.empty()) {
            const auto wanted = static_cast<std::size_t>(std::stoll(length));
            while (buffer_.size() < wanted && more()) {
            }
            answer.body = buffer_.substr(0, wanted);
            buffer_.erase(0, wanted);
        } else {
            while (more()) {
            }
            answer.body.swap(buffer_);
        }
        return answer;
    }
    // One chunk's bytes; empty at the last chunk or when the connection ends.
    std::string read_chunk() {
        std::size_t end = 0;
        while ((end = buffer_.find("\r\n")) == std::string::npos)
            if (!more()) return "";
        const std::size_t size = std::stoul(buffer_.substr(0, end), nullptr, 16);
        while (buffer_.size() < end + 2 + size + 2)
            if (!more()) return "";
        std::string bytes = buffer_.substr(end + 2, size);
        buffer_.erase(0, end + 2 + size + 2);
        if (size == 0) last_chunk_ = true;
        return bytes;
    }
    bool saw_last_chunk() const { return last_chunk_; }
    // True if the door has closed and nothing unread is left.
    bool at_end() {
        while (!ended_ && more()) {
        }
        return ended_ && buffer_.empty();
    }
    // True if nothing but an open connection is there.
    bool still_open() { return buffer_.empty() && !more(0) && !ended_; }

private:
    void read_chunks(Answer& answer) {
        while (!last_chunk_) {
            const std::string bytes = read_chunk();
            if (bytes.empty()) return;
            answer.body += bytes;
        }
    }

    Descriptor socket_;
    bool connected_ = false;
    bool ended_ = false;
    bool last_chunk_ = false;
    std::string buffer_;
};

inline std::optional<door::Response> let_in(const door::Request&) { return std::nullopt; }

// METHOD path length-of-body
inline void describe(door::Request request, const door::Responder& responder) {
    door::Response response;
    response.body = request.method + " " + request.path + " " + std::to_string(request.body.size());
    responder.send(std::move(response));
}

// A door on a loopback port, started.
class House {
public:
    explicit House(door::Limits limits = {}, door::Handler handler = describe, door::Gate gate = let_in,
                   std::vector<std::string> proxies = {})
        : door_(one_listener(), limits, std::move(proxies), std::nullopt, clock_, std::move(gate), std::move(handler)) {
        door_.start();
    }
    door::Door& door() { return door_; }
    int port() const { return door_.port(); }

    static std::vector<door::Listener> one_listener() {
        std::vector<door::Listener> listeners;
        listeners.push_back({door::listen_on("127.0.0.1:0")});
        return listeners;
    }

private:
    SystemClock clock_;
    door::Door door_;
};

// Waits until `done` says so, looking again and again; for counters, which have no event.
inline bool eventually(const std::function<bool()>& done, int timeout = patience) {
    const SystemClock clock;
    const Milliseconds end = clock.steady() + timeout;
    while (!done()) {
        if (clock.steady() > end) return false;
        std::this_thread::yield();
        ::poll(nullptr, 0, 1);
    }
    return true;
}

inline std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"; }

inline std::string post(const std::string& path, const std::string& body) {
    return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

}  // namespace gachette::testing
