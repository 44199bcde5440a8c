#include "door/door.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "base/log.h"
#include "door/reactor.h"
#include "door/tls.h"

namespace gachette::door {

namespace {

int port_of(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
    if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
    if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
    return 0;
}

int first_port(const std::vector<Listener>& listeners) {
    for (const Listener& listener : listeners)
        if (const int port = port_of(listener.socket.get())) return port;
    return 0;
}

// Sockets from the service manager come with whatever options it chose; a blocking one would stop everything.
void prepare(const Listener& listener) {
    const int socket = listener.socket.get();
    const int yes = 1;
    if (port_of(socket) != 0) ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const int flags = ::fcntl(socket, F_GETFL);
    if (flags < 0 || ::fcntl(socket, F_SETFL, flags | O_NONBLOCK) != 0 || ::fcntl(socket, F_SETFD, FD_CLOEXEC) != 0)
        throw std::runtime_error("a listening socket cannot be used: " + system_error_text(errno));
}

// Signals are for the main thread; and a peer that is gone must not end the process while TLS writes to it.
void block_signals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

class Door::Implementation {
public:
    Implementation(std::vector<Listener> listeners, Limits limits, std::vector<std::string> trusted_proxies,
                   std::optional<Tls> tls, const Clock& clock, Gate gate, Handler handler)
        : listeners_(std::move(listeners)),
          port_(first_port(listeners_)),
          mailbox_(std::make_shared<Mailbox>()),
          reactor_(listeners_,
                   std::make_unique<Common>(limits, TrustedProxies(trusted_proxies), clock, std::move(gate),
                                            std::move(handler), mailbox_, counters_),
                   [this](int socket) { return tls_context()->accept(socket); }) {
        if (tls) reload_tls(*tls);
        const bool needs_tls =
            std::any_of(listeners_.begin(), listeners_.end(), [](const Listener& l) { return l.tls; });
        if (needs_tls && !tls) throw std::runtime_error("a listener with TLS needs a certificate and a key");
        std::for_each(listeners_.begin(), listeners_.end(), prepare);
    }

    ~Implementation() { drain(0); }

    void start() {
        if (thread_.joinable() || ended_) throw std::logic_error("the door is started once");
        thread_ = std::thread([this] { work(); });
    }

    void drain(Milliseconds patience) {
        const std::lock_guard one_at_a_time(drain_mutex_);
        if (thread_.joinable()) {
            reactor_.drain();
            {
                std::unique_lock lock(mutex_);
                changed_.wait_for(lock, std::chrono::milliseconds(patience), [this] { return ended_; });
            }
            reactor_.stop();
            thread_.join();
        }
        mailbox_->close();
    }

    void wake() { reactor_.wake_streams(); }

    void reload_tls(const Tls& files) {
        auto context = std::make_shared<const TlsContext>(files);
        const std::lock_guard lock(mutex_);
        tls_.swap(context);
    }

    Counters counters() const {
        Counters now;
        now.accepted = counters_.accepted;
        now.requests = counters_.requests;
        now.refused = counters_.refused;
        now.timed_out = counters_.timed_out;
        now.open = counters_.open;
        now.body_bytes = counters_.body_bytes;
        return now;
    }

    int port() const { return port_; }

private:
    void work() {
        block_signals();
        pthread_setname_np(pthread_self(), "door");
        try {
            reactor_.run();
        } catch (const std::exception& error) {
            log::error("the door broke and takes no more requests; restart gachette", {{"reason", error.what()}});
            mailbox_->close();
        }
        const std::lock_guard lock(mutex_);
        ended_ = true;
        changed_.notify_all();
    }

    std::shared_ptr<const TlsContext> tls_context() const {
        const std::lock_guard lock(mutex_);
        return tls_;
    }

    std::vector<Listener> listeners_;
    const int port_;
    std::shared_ptr<Mailbox> mailbox_;
    AtomicCounters counters_;
    mutable std::mutex mutex_;
    std::shared_ptr<const TlsContext> tls_;
    Reactor reactor_;
    std::mutex drain_mutex_;
    std::condition_variable changed_;
    bool ended_ = false;
    std::thread thread_;
};

Door::Door(std::vector<Listener> listeners, Limits limits, std::vector<std::string> trusted_proxies,
           std::optional<Tls> tls, const Clock& clock, Gate gate, Handler handler)
    : self_(std::make_shared<Implementation>(std::move(listeners), limits, std::move(trusted_proxies), std::move(tls),
                                             clock, std::move(gate), std::move(handler))) {}

Door::~Door() = default;
void Door::start() { self_->start(); }
void Door::drain(Milliseconds patience) { self_->drain(patience); }
void Door::wake() { self_->wake(); }
void Door::reload_tls(const Tls& tls) { self_->reload_tls(tls); }
Counters Door::counters() const { return self_->counters(); }
int Door::port() const { return self_->port(); }

}  // namespace gachette::door
