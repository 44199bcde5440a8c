// A small HTTP server on loopback that behaves as a test tells it and remembers what it heard. One request per
// connection, one at a time.
#pragma once
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/headers.h"
#include "base/text.h"

namespace gachette::testing {

struct Received {
    std::string method, target;
    Headers headers;
    std::string body;
};

struct Reply {
    int status = 201;
    Headers headers;
    std::string body = "{}";
    bool hang = false;  // no answer until the client goes
};

class ForgeServer {
public:
    using Behave = std::function<Reply(const Received&)>;

    explicit ForgeServer(Behave behave = [](const Received&) { return Reply{}; }) : behave_(std::move(behave)) {
        socket_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
            ::listen(socket_.get(), 64) != 0 ||
            ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
            throw std::runtime_error("the test's server cannot listen on loopback");
        port_ = ntohs(address.sin_port);
        thread_ = std::jthread([this](std::stop_token stop) { serve(stop); });
    }

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    std::vector<Received> received() const {
        const std::lock_guard lock(mutex_);
        return received_;
    }
    // What the bodies say of "state", in the order of arrival.
    std::vector<std::string> states() const {
        std::vector<std::string> found;
        for (const Received& one : received()) {
            const std::size_t at = one.body.find("\"state\":\"");
            found.push_back(at == std::string::npos ? ""
                                                    : one.body.substr(at + 9, one.body.find('"', at + 9) - at - 9));
        }
        return found;
    }

private:
    static bool readable(int descriptor, const std::stop_token& stop) {
        pollfd wait{descriptor, POLLIN, 0};
        while (!stop.stop_requested())
            if (::poll(&wait, 1, 20) > 0) return true;
        return false;
    }

    void serve(const std::stop_token& stop) {
        while (readable(socket_.get(), stop)) {
            const Descriptor client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (client) answer(client.get(), stop);
        }
    }

    static bool more(int client, std::string& text, const std::stop_token& stop) {
        char piece[4096];
        if (!readable(client, stop)) return false;
        const ssize_t got = ::read(client, piece, sizeof piece);
        if (got <= 0) return false;
        text.append(piece, static_cast<std::size_t>(got));
        return true;
    }

    void answer(int client, const std::stop_token& stop) {
        std::string text;
        while (text.find("\r\n\r\n") == std::string::npos)
            if (!more(client, text, stop)) return;
        const std::size_t end = text.find("\r\n\r\n");
        Received request;
        const std::vector<std::string> lines = split(text.substr(0, end), '\n');
        const std::vector<std::string> words = split(lines[0], ' ');
        request.method = words[0];
        request.target = words[1];
        for (std::size_t i = 1; i < lines.size(); ++i) {
            const std::size_t colon = lines[i].find(':');
            request.headers.add(lines[i].substr(0, colon), std::string(trim(lines[i].substr(colon + 1))));
        }
        const auto length = parse_decimal(request.headers.only("Content-Length").value_or("0"));
        text.erase(0, end + 4);
        while (text.size() < static_cast<std::size_t>(length.value_or(0)))
            if (!more(client, text, stop)) return;
        request.body = text;
        Reply reply;
        {
            const std::lock_guard lock(mutex_);
            received_.push_back(request);
        }
        reply = behave_(request);
        if (reply.hang) {
            while (more(client, text, stop)) {
            }
            return;
        }
        std::string answer = "HTTP/1.1 " + std::to_string(reply.status) + " So\r\nConnection: close\r\n";
        for (const Header& header : reply.headers.all()) answer += header.name + ": " + header.value + "\r\n";
        answer += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n\r\n" + reply.body;
        for (std::size_t sent = 0; sent < answer.size();) {
            const ssize_t some = ::send(client, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
            if (some <= 0) return;
            sent += static_cast<std::size_t>(some);
        }
    }

    Behave behave_;
    Descriptor socket_;
    int port_ = 0;
    mutable std::mutex mutex_;
    std::vector<Received> received_;
    std::jthread thread_;
};

}  // namespace gachette::testing
