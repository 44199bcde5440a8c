#include "door/connection.h"

#include <sys/epoll.h>

#include <algorithm>

namespace gachette::door {

Connection::Connection(Common& common, std::uint64_t name, Transport transport, Peer peer)
    : common_(common), name_(name), transport_(std::move(transport)), peer_(peer) {
    deadline_.owner = name;
    if (transport_.has_tls())
        enter(Phase::handshake, Wait::tls);
    else
        enter(Phase::head, Wait::head);
}

Connection::~Connection() { common_.deadlines.clear(deadline_); }

void Connection::react(std::uint32_t events) {
    if (events & (EPOLLERR | EPOLLHUP)) return close();  // both directions are gone: nobody to answer
    if (events & EPOLLRDHUP) finished_ = true;
    const bool in = events & (EPOLLIN | EPOLLRDHUP);
    const bool out = events & EPOLLOUT;
    readable_ = readable_ || in || (transport_.has_tls() && out);
    writable_ = writable_ || out || (transport_.has_tls() && in);
    advance();
}

void Connection::advance() {
    turn_ = 0;
    Step step = Step::go_on;
    while (step == Step::go_on) {
        switch (phase_) {
            case Phase::handshake:
                step = handshake();
                break;
            case Phase::idle:
            case Phase::head:
                step = read_head();
                break;
            case Phase::body:
                step = read_body();
                break;
            case Phase::answering:
                step = write_answer();
                break;
            case Phase::streaming:
                step = stream();
                break;
            case Phase::lingering:
                step = linger();
                break;
            case Phase::working:
            case Phase::closed:
                step = Step::wait;
                break;
        }
    }
}

void Connection::resume() {
    waits_for_room_ = false;
    advance();
}

Connection::Step Connection::handshake() {
    const Transfer transfer = transport_.handshake();
    if (transfer.outcome == Transfer::Outcome::blocked) return Step::wait;
    if (transfer.outcome != Transfer::Outcome::done) return end(false);
    enter(Phase::head, Wait::head);
    return Step::go_on;
}

std::string_view Connection::receive(std::size_t most) {
    if (!readable_ || ended_) return {};
    const std::size_t wanted = std::min(most, common_.scratch.size());
    const Transfer transfer = transport_.receive(common_.scratch.data(), wanted);
    if (transfer.outcome == Transfer::Outcome::done) {
        turn_ += transfer.bytes;
        // Fewer bytes than asked for: the socket is empty, and new bytes or the end raise a new event.
        if (transfer.bytes < wanted && !transport_.has_tls() && !finished_) readable_ = false;
        return {common_.scratch.data(), transfer.bytes};
    }
    if (transfer.outcome == Transfer::Outcome::blocked) readable_ = false;
    if (transfer.outcome == Transfer::Outcome::ended) ended_ = true;
    if (transfer.outcome == Transfer::Outcome::failed) close();
    return {};
}

void Connection::yield() { common_.again.push_back(name_); }

Connection::Step Connection::end(bool politely) {
    if (politely && phase_ != Phase::lingering && transport_.has_tls()) transport_.half_close();
    close();
    return Step::wait;
}

void Connection::expire() {
    switch (phase_) {
        case Phase::streaming:
            if (deadline_.kind == Wait::stream) return advance();
            [[fallthrough]];
        case Phase::answering:
            if (peer_took_enough()) {
                common_.deadlines.set(deadline_, Wait::answer, common_.now);
                return advance();
            }
            transport_.abort_on_close();
            ++common_.counters.timed_out;
            return close();
        case Phase::body:
            ++common_.counters.timed_out;
            refuse({408, "the body took longer than " + std::to_string(common_.limits.body_time) + " ms"});
            return advance();
        case Phase::head:
            if (!reader_) break;
            ++common_.counters.timed_out;
            refuse({408, "the head took longer than " + std::to_string(common_.limits.head_time) + " ms"});
            return advance();
        case Phase::idle:
        case Phase::lingering:
            end(true);
            return;
        case Phase::handshake:
        case Phase::working:
        case Phase::closed:
            break;
    }
    ++common_.counters.timed_out;
    end(false);
}

void Connection::begin_drain() {
    if (phase_ == Phase::idle || (phase_ == Phase::head && !reader_) || phase_ == Phase::streaming) {
        readable_ = true;  // what has just arrived still counts
        advance();
    }
    if (phase_ == Phase::idle) end(true);
    if (phase_ == Phase::head && !reader_ && common_.limits.head_time > grace_time)
        common_.deadlines.set(deadline_, Wait::grace, common_.now);
}

void Connection::enter(Phase phase, Wait wait) {
    phase_ = phase;
    common_.deadlines.set(deadline_, wait, common_.now);
}

void Connection::release_body() {
    common_.budget.release(name_, held_);
    held_ = length_ = 0;
    waits_for_room_ = false;
}

void Connection::close() {
    if (phase_ == Phase::closed) return;
    phase_ = Phase::closed;
    common_.deadlines.clear(deadline_);
    release_body();
    if (streams_) --common_.streams;
    streams_ = false;
    common_.closed.push_back(name_);
}

}  // namespace gachette::door
