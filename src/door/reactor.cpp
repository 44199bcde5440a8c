#include "door/reactor.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <stdexcept>

#include "base/log.h"

namespace gachette::door {

namespace {

// Names of connections are slot and generation; small numbers are the bell and the listeners.
constexpr std::uint64_t bell_name = 0;
constexpr std::uint64_t first_connection_name = std::uint64_t{1} << 32;
constexpr int events_a_round = 256;
constexpr int accepts_a_round = 128;
constexpr Milliseconds rest_time = 100;
constexpr Milliseconds complaint_pause = 10'000;

std::uint64_t name_of(std::uint32_t generation, std::uint32_t slot) {
    return (static_cast<std::uint64_t>(generation) << 32) | slot;
}

}  // namespace

Reactor::Reactor(std::vector<Listener>& listeners, std::unique_ptr<Common> common, SessionMaker make_session)
    : listeners_(listeners),
      common_(std::move(common)),
      make_session_(std::move(make_session)),
      acceptor_(common_->proxies),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event bell{};
    bell.events = EPOLLIN;
    bell.data.u64 = bell_name;
    if (!epoll_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, common_->mailbox->bell(), &bell) != 0)
        throw std::runtime_error("cannot set up epoll: " + system_error_text(errno));
}

Reactor::~Reactor() {
    common_->mailbox->close();
    slots_.clear();
}

void Reactor::drain() {
    Order expected = Order::run;
    order_.compare_exchange_strong(expected, Order::drain);
    common_->mailbox->ring();
}

void Reactor::stop() {
    order_ = Order::stop;
    common_->mailbox->ring();
}

void Reactor::wake_streams() {
    stream_news_ = true;
    common_->mailbox->ring();
}

void Reactor::run() {
    common_->mailbox->own();
    common_->now = common_->clock.steady();
    update_listening();
    while (order_ != Order::stop) {
        if (order_ == Order::drain && !common_->draining) begin_drain();
        if (common_->draining && open_ == 0) break;
        try {
            round();
        } catch (const std::bad_alloc&) {
            log::error("the door ran out of memory and goes on; lower its limits or give it more");
        }
    }
    common_->mailbox->close();
    for (Slot& slot : slots_)
        if (slot.connection) slot.connection->close();
    bury();
}

void Reactor::round() {
    epoll_event events[events_a_round];
    const int count = ::epoll_wait(epoll_.get(), events, events_a_round, sleep_time());
    common_->now = common_->clock.steady();
    for (int i = 0; i < count; ++i) dispatch(events[i].data.u64, events[i].events);
    take_turns();
    if (stream_news_.exchange(false)) tell_streams();
    deliver_letters();
    expire_deadlines();
    hand_out_room();
    bury();
    update_listening();
    common_->counters.body_bytes = common_->budget.used();
}

int Reactor::sleep_time() const {
    if (!common_->again.empty() || !common_->mailbox->empty()) return 0;
    const Deadline* const first = common_->deadlines.earliest();
    Milliseconds until = first ? first->at : -1;
    if (rest_until_ != 0) until = until < 0 ? rest_until_ : std::min(until, rest_until_);
    if (until < 0) return -1;
    return static_cast<int>(std::clamp<Milliseconds>(until - common_->clock.steady(), 0, 60'000));
}

Connection* Reactor::find(std::uint64_t name) {
    const auto slot = static_cast<std::uint32_t>(name);
    if (slot >= slots_.size() || slots_[slot].generation != name >> 32) return nullptr;
    Connection* const connection = slots_[slot].connection.get();
    return connection && !connection->closed() ? connection : nullptr;
}

template <typename Act>
void Reactor::with(std::uint64_t name, Act act) {
    Connection* const connection = find(name);
    if (!connection) return;
    try {
        act(*connection);
    } catch (const std::bad_alloc&) {
        connection->close();
    }
}

void Reactor::dispatch(std::uint64_t name, std::uint32_t events) {
    if (name == bell_name)
        common_->mailbox->silence();
    else if (name < first_connection_name)
        accept_from(listeners_[name - 1]);
    else
        with(name, [&](Connection& connection) { connection.react(events); });
}

void Reactor::accept_from(const Listener& listener) {
    for (int i = 0; i < accepts_a_round; ++i) {
        const bool full = open_ >= common_->limits.connections;
        if (full && !common_->deadlines.first(Wait::idle)) return;
        Acceptor::Result result = acceptor_.accept(listener.socket.get());
        if (result.outcome == Acceptor::Outcome::nobody) return;
        if (result.outcome == Acceptor::Outcome::exhausted) {
            rest_until_ = common_->now + rest_time;
            if (complained_at_ < 0 || common_->now - complained_at_ >= complaint_pause) {
                complained_at_ = common_->now;
                log::warning("no descriptors or memory for new connections; raise LimitNOFILE or lower the limits",
                             {{"open", open_}});
            }
            return;
        }
        if (result.newcomer && full) make_room();
        if (result.newcomer && !welcome(listener, std::move(*result.newcomer))) ++common_->counters.refused;
    }
}

// Idle connections give way to new ones, the longest idle first.
void Reactor::make_room() {
    if (const Deadline* const idle = common_->deadlines.first(Wait::idle))
        with(idle->owner, [](Connection& connection) { connection.close(); });
    bury();
}

bool Reactor::welcome(const Listener& listener, Newcomer newcomer) {
    ++common_->counters.accepted;
    try {
        int* count = nullptr;
        if (!newcomer.peer.local && !newcomer.peer.trusted) {
            count = &per_address_[newcomer.peer.address.group()];
            if (*count >= common_->limits.connections_per_address) {
                turn_away(listener, newcomer);
                return false;
            }
        }
        open(listener, std::move(newcomer), count);
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

// As far as it goes without waiting: who opens too many connections gets no more of our time.
void Reactor::turn_away(const Listener& listener, const Newcomer& newcomer) {
    if (listener.tls) return;
    const Response response =
        refusal_response({429, "too many connections from this address; close some or use them again"});
    Framing framing;
    framing.close = true;
    const std::string text = render_head(response, framing, common_->date()) + response.body;
    const int socket = newcomer.socket.get();
    ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(socket, SHUT_WR);
    ::recv(socket, common_->scratch.data(), common_->scratch.size(), MSG_DONTWAIT);
}

void Reactor::open(const Listener& listener, Newcomer newcomer, int* count) {
    std::unique_ptr<TlsSession> session;
    if (listener.tls) {
        session = make_session_(newcomer.socket.get());
        if (!session) return;
    }
    if (free_slots_.empty()) {
        slots_.emplace_back();
        free_slots_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
    }
    const std::uint32_t slot = free_slots_.back();
    const std::uint64_t name = name_of(slots_[slot].generation, slot);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = name;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, newcomer.socket.get(), &event) != 0) return;
    const Peer peer = newcomer.peer;
    slots_[slot].connection =
        std::make_unique<Connection>(*common_, name, Transport(std::move(newcomer.socket), std::move(session)), peer);
    free_slots_.pop_back();
    common_->counters.open = ++open_;
    if (count) ++*count;
    with(name, [](Connection& connection) { connection.advance(); });
}

void Reactor::bury() {
    for (const std::uint64_t name : common_->closed) {
        Slot& slot = slots_[static_cast<std::uint32_t>(name)];
        const Peer peer = slot.connection->peer();
        slot.connection.reset();
        if (++slot.generation == 0) slot.generation = 1;
        free_slots_.push_back(static_cast<std::uint32_t>(name));
        common_->counters.open = --open_;
        if (peer.local || peer.trusted) continue;
        const auto counted = per_address_.find(peer.address.group());
        if (counted != per_address_.end() && --counted->second <= 0) per_address_.erase(counted);
    }
    common_->closed.clear();
}

void Reactor::watch_listeners(bool wanted) {
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = i + 1;
        if (listeners_[i].socket)
            ::epoll_ctl(epoll_.get(), wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listeners_[i].socket.get(), &event);
    }
    listening_ = wanted;
}

// New connections wait in the kernel's queue while there is no room for them.
void Reactor::update_listening() {
    if (rest_until_ != 0 && common_->now >= rest_until_) rest_until_ = 0;
    const bool full = open_ >= common_->limits.connections && !common_->deadlines.first(Wait::idle);
    const bool wanted = !common_->draining && rest_until_ == 0 && !full;
    if (wanted != listening_) watch_listeners(wanted);
}

void Reactor::take_turns() {
    std::vector<std::uint64_t> again;
    again.swap(common_->again);
    for (const std::uint64_t name : again) with(name, [](Connection& connection) { connection.advance(); });
}

void Reactor::deliver_letters() {
    common_->mailbox->take(letters_);
    for (Mailbox::Letter& letter : letters_)
        with(letter.connection, [&](Connection& connection) { connection.answer(std::move(letter.response)); });
    letters_.clear();
}

void Reactor::tell_streams() {
    std::vector<std::uint64_t> names;
    for (const Deadline* at = common_->deadlines.first(Wait::stream); at; at = at->after) names.push_back(at->owner);
    for (const std::uint64_t name : names) with(name, [](Connection& connection) { connection.advance(); });
}

void Reactor::expire_deadlines() {
    for (Deadline* first = common_->deadlines.earliest(); first && first->at <= common_->now;
         first = common_->deadlines.earliest()) {
        const std::uint64_t owner = first->owner;
        common_->deadlines.clear(*first);
        with(owner, [](Connection& connection) { connection.expire(); });
    }
}

void Reactor::hand_out_room() {
    while (const std::uint64_t name = common_->budget.next())
        with(name, [](Connection& connection) { connection.resume(); });
}

// What already waits in the queue is taken in too, unless somebody else holds the socket and will serve it.
void Reactor::begin_drain() {
    common_->draining = true;
    watch_listeners(false);
    for (Listener& listener : listeners_) {
        if (listener.shared) continue;
        for (int i = 0; i < 64; ++i) accept_from(listener);
        listener.socket.reset();
    }
    for (std::size_t slot = 0; slot < slots_.size(); ++slot)
        with(name_of(slots_[slot].generation, static_cast<std::uint32_t>(slot)),
             [](Connection& connection) { connection.begin_drain(); });
    bury();
}

}  // namespace gachette::door
