#include "load.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "base/crypto.h"
#include "base/file.h"

namespace gachette::bench {

namespace {

using Instant = std::chrono::steady_clock::time_point;

constexpr int different_pushes = 512;
constexpr int source_addresses = 50;  // of 127.0.0.0/8, so that ports do not run out

struct Push {
    std::string head;  // up to the delivery id
    std::string tail;  // from after the id, with the body
};

std::string push_body(const LoadPlan& plan, int number) {
    const std::string commit = hex(sha256(fmt::format("commit {}", number))).substr(0, 40);
    std::string body = fmt::format(
        R"({{"ref":"{}","before":"{}","after":"{}","created":false,"deleted":false,"forced":false,)"
        R"("repository":{{"id":4711,"full_name":"{}","clone_url":"https://git.invalid/{}.git","default_branch":"main"}},)"
        R"("pusher":{{"name":"bench"}},"sender":{{"login":"bench","id":7}},"commits":[)",
        plan.ref, std::string(40, 'a'), commit, plan.repository, plan.repository);
    for (int i = 0; static_cast<int>(body.size()) < plan.body_bytes - 600; ++i)
        body += fmt::format(
            R"({}{{"id":"{}","distinct":true,"message":"Change number {} of the benchmark","timestamp":"2026-01-01T00:00:00Z",)"
            R"("author":{{"name":"Bench","email":"bench@example.org"}},"added":["a/{}"],"removed":[],"modified":["b/{}"]}})",
            i ? "," : "", hex(sha256(fmt::format("{} {}", number, i))).substr(0, 40), i, i, i);
    body +=
        fmt::format(R"(],"head_commit":{{"id":"{}","message":"The newest","author":{{"name":"Bench"}}}}}})", commit);
    return body;
}

std::vector<Push> make_pushes(const LoadPlan& plan) {
    std::vector<Push> pushes;
    for (int i = 0; i < different_pushes; ++i) {
        const std::string body = push_body(plan, i);
        Push push;
        push.head = fmt::format(
            "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: GitHub-Hookshot/bench\r\nAccept: */*\r\n"
            "Content-Type: application/json\r\nX-GitHub-Event: push\r\nX-GitHub-Hook-ID: 1\r\nX-GitHub-Delivery: ",
            plan.path);
        push.tail = fmt::format("\r\nX-Hub-Signature-256: sha256={}\r\nContent-Length: {}\r\nConnection: {}\r\n\r\n{}",
                                hex(hmac_sha256(plan.secret, {body})), body.size(),
                                plan.keep_alive ? "keep-alive" : "close", body);
        pushes.push_back(std::move(push));
    }
    return pushes;
}

struct Connection {
    Descriptor socket;
    std::string out;
    std::size_t sent = 0;
    std::string in;
    Instant begun;
};

// -1: not complete yet; 0: no HTTP; else the status of a complete answer.
int status_of(const std::string& in, bool closed) {
    const std::size_t end = in.find("\r\n\r\n");
    if (end == std::string::npos) return closed ? 0 : -1;
    std::string head = in.substr(0, end);
    std::transform(head.begin(), head.end(), head.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    if (head.size() < 12 || !head.starts_with("http/1.")) return 0;
    const std::size_t length = head.find("\r\ncontent-length:");
    const std::size_t wanted = length == std::string::npos ? 0 : std::stoul(head.substr(length + 17));
    if (in.size() < end + 4 + wanted) return closed ? 0 : -1;
    return std::stoi(head.substr(9, 3));
}

class Load {
public:
    explicit Load(const LoadPlan& plan)
        : plan_(plan), pushes_(make_pushes(plan)), run_(random_hex(6)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

    LoadResult run() {
        const Instant start = std::chrono::steady_clock::now();
        const Instant end = start + std::chrono::microseconds(static_cast<std::int64_t>(plan_.seconds * 1e6));
        for (int i = 0; i < plan_.connections; ++i) {
            connections_.push_back(std::make_unique<Connection>());
            begin(*connections_.back());
        }
        epoll_event events[256];
        while (std::chrono::steady_clock::now() < end) {
            const int count = ::epoll_wait(epoll_.get(), events, 256, 20);
            for (int i = 0; i < count; ++i) serve(*static_cast<Connection*>(events[i].data.ptr));
        }
        result_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        std::sort(result_.milliseconds.begin(), result_.milliseconds.end());
        return std::move(result_);
    }

private:
    void begin(Connection& connection) {
        const Push& push = pushes_[static_cast<std::size_t>(number_ % different_pushes)];
        connection.out = fmt::format("{}{}-{:08}{}", push.head, run_, number_, push.tail);
        ++number_;
        connection.sent = 0;
        connection.in.clear();
        connection.begun = std::chrono::steady_clock::now();
        if (!connection.socket) connect(connection);
        write(connection);
    }

    void connect(Connection& connection) {
        connection.socket.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        const int on = 1;
        ::setsockopt(connection.socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(connection.socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(static_cast<std::uint32_t>((127u << 24) + 1 + number_ % source_addresses));
        ::bind(connection.socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(plan_.port));
        if (::connect(connection.socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
            errno != EINPROGRESS)
            throw std::runtime_error("port " + std::to_string(plan_.port) + ": " + system_error_text(errno));
        epoll_event event{EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = &connection}};
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.socket.get(), &event);
    }

    void write(Connection& connection) {
        while (connection.sent < connection.out.size()) {
            const ssize_t count = ::send(connection.socket.get(), connection.out.data() + connection.sent,
                                         connection.out.size() - connection.sent, MSG_NOSIGNAL);
            if (count <= 0) return;
            connection.sent += static_cast<std::size_t>(count);
        }
    }

    void serve(Connection& connection) {
        write(connection);
        bool closed = false;
        char bytes[16 * 1024];
        for (;;) {
            const ssize_t count = ::recv(connection.socket.get(), bytes, sizeof bytes, 0);
            if (count > 0) {
                connection.in.append(bytes, static_cast<std::size_t>(count));
                continue;
            }
            closed = count == 0 || (errno != EAGAIN && errno != EINTR);
            break;
        }
        const int status = status_of(connection.in, closed);
        if (status < 0) return;
        count_answer(connection, status);
        if (closed || !plan_.keep_alive) connection.socket.reset();
        begin(connection);
    }

    void count_answer(const Connection& connection, int status) {
        if (status < 200 || status > 299) {
            ++result_.bad;
            return;
        }
        ++result_.answered;
        result_.milliseconds.push_back(
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - connection.begun).count());
    }

    const LoadPlan plan_;
    const std::vector<Push> pushes_;
    const std::string run_;  // so that the delivery ids of two runs differ
    Descriptor epoll_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::int64_t number_ = 0;
    LoadResult result_;
};

}  // namespace

double LoadResult::quantile(double part) const {
    if (milliseconds.empty()) return 0;
    const auto index = static_cast<std::size_t>(std::floor(part * static_cast<double>(milliseconds.size())));
    return milliseconds[std::min(index, milliseconds.size() - 1)];
}

LoadResult run_load(const LoadPlan& plan) { return Load(plan).run(); }

Usage usage_of(int process) {
    Usage usage;
    std::ifstream stat(fmt::format("/proc/{}/stat", process));
    std::string line;
    if (!std::getline(stat, line)) throw std::runtime_error("there is no process " + std::to_string(process));
    std::istringstream fields(line.substr(line.rfind(')') + 2));
    std::string field;
    for (int number = 3; number <= 15 && fields >> field; ++number)
        if (number >= 14) usage.cpu_seconds += std::stod(field) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    std::ifstream status(fmt::format("/proc/{}/status", process));
    while (std::getline(status, line))
        if (line.starts_with("VmHWM:")) usage.peak_mb = std::stod(line.substr(6)) / 1024;
    return usage;
}

}  // namespace gachette::bench
