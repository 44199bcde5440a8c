// The loop of the door's one thread: waits for sockets, deadlines and answers, and moves each connection on.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "door/acceptor.h"
#include "door/common.h"
#include "door/connection.h"

namespace gachette::door {

class Reactor {
public:
    using SessionMaker = std::function<std::unique_ptr<TlsSession>(int socket)>;

    // Throws std::runtime_error if epoll cannot be had. `make_session` is called for listeners with TLS.
    Reactor(std::vector<Listener>& listeners, std::unique_ptr<Common> common, SessionMaker make_session);
    ~Reactor();
    Reactor(const Reactor&) = delete;
    Reactor& operator=(const Reactor&) = delete;

    // Until drain() is through or stop(). Call on the thread that shall be the reactor.
    void run();

    // From any thread:
    void drain();
    void stop();
    void wake_streams();

private:
    struct Slot {
        std::uint32_t generation = 1;
        std::unique_ptr<Connection> connection;
    };

    void round();
    int sleep_time() const;
    void dispatch(std::uint64_t name, std::uint32_t events);
    void accept_from(const Listener& listener);
    void make_room();
    bool welcome(const Listener& listener, Newcomer newcomer);
    // `count` is that of its address, if that has a limit.
    void open(const Listener& listener, Newcomer newcomer, int* count);
    void turn_away(const Listener& listener, const Newcomer& newcomer);
    void watch_listeners(bool wanted);
    void update_listening();
    void deliver_letters();
    void tell_streams();
    void expire_deadlines();
    void hand_out_room();
    void take_turns();
    void bury();
    void begin_drain();
    Connection* find(std::uint64_t name);
    // Calls `act` on the connection of this name if it is still there; lack of memory costs that connection only.
    template <typename Act>
    void with(std::uint64_t name, Act act);

    std::vector<Listener>& listeners_;
    std::unique_ptr<Common> common_;
    SessionMaker make_session_;
    Acceptor acceptor_;
    Descriptor epoll_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::unordered_map<Address, int, AddressHash> per_address_;
    std::vector<Mailbox::Letter> letters_;
    int open_ = 0;
    bool listening_ = false;
    Milliseconds rest_until_ = 0;  // accepting rests after a lack of descriptors or memory
    Milliseconds complained_at_ = -1;
    enum class Order { run, drain, stop };
    std::atomic<Order> order_{Order::run};
    std::atomic<bool> stream_news_{false};
};

}  // namespace gachette::door
