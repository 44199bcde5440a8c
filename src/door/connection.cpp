#include "door/connection.h"

#include <sys/epoll.h>

#include <algorithm>
#include <exception>

#include "base/log.h"
#include "base/text.h"

namespace gachette::door {

namespace {

constexpr std::size_t turn_bytes = 256 * 1024;       // then others get their turn
constexpr std::size_t joined_body = 16 * 1024;       // smaller bodies are sent with the head as one text
constexpr std::int64_t answer_progress = 64 * 1024;  // taking this much gives the peer the answer's time anew
constexpr std::size_t first_reserve = 16 * 1024;     // for a body
constexpr std::size_t earnest_body = 256 * 1024;     // from here on the announced length is believed
constexpr std::size_t most_lingering = 64 * 1024;    // of what a refused client still sends

// A range of an answer would only multiply our work (RFC 9110, section 14.2: a server may ignore it).
Headers without_range(Headers headers) {
    if (headers.count("range") + headers.count("if-range") == 0) return headers;
    Headers kept;
    for (const Header& field : headers.all()) {
        const std::string name = lower(field.name);
        if (name != "range" && name != "if-range") kept.add(field.name, field.value);
    }
    return kept;
}

}  // namespace

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

Connection::Step Connection::read_head() {
    if (!ahead_.empty()) {
        const std::string bytes = std::exchange(ahead_, {});
        return take_head_bytes(bytes);
    }
    if (turn_ >= turn_bytes) return yield(), Step::wait;
    const std::string_view bytes = receive(static_cast<std::size_t>(common_.limits.head_bytes));
    if (!bytes.empty()) return take_head_bytes(bytes);
    if (!ended_) return Step::wait;
    if (!reader_) return end(true);
    return refuse({400, "the request ends in the middle of its head"});
}

Connection::Step Connection::take_head_bytes(std::string_view bytes) {
    if (!reader_) {
        reader_ = std::make_unique<HeadReader>(common_.limits);
        // The time of a first head runs since the connection was accepted.
        if (served_ > 0 || deadline_.kind == Wait::grace) enter(Phase::head, Wait::head);
    }
    const std::size_t used = reader_->read(bytes);
    if (reader_->state() == HeadReader::State::reading) return Step::go_on;
    if (reader_->state() == HeadReader::State::refused) return refuse(reader_->refusal());
    return admit(bytes.substr(used));
}

Request Connection::build_request() {
    Head& head = reader_->head();
    Request request;
    request.peer = peer_.local ? "unix" : client_address(peer_.address, head.headers, common_.proxies).text();
    request.local = peer_.local;
    request.peer_uid = peer_.uid;
    request.method = std::move(head.method);
    request.target = std::move(head.target);
    request.path = std::move(head.path);
    request.query = std::move(head.query);
    request.headers = without_range(std::move(head.headers));
    return request;
}

std::optional<Response> Connection::ask_gate() const {
    try {
        return common_.gate ? common_.gate(*request_) : std::nullopt;
    } catch (const std::exception& error) {
        log::error("the gate failed; the request is answered with 500", {{"reason", error.what()}});
        return refusal_response({500, "the request could not be looked at; see the log"});
    }
}

Connection::Step Connection::admit(std::string_view rest) {
    const Head& head = reader_->head();
    const bool expects_continue = head.expects_continue;
    length_ = head.length;
    minor_version_ = head.minor_version;
    to_head_ = head.method == "HEAD";
    close_after_ = head.close;
    request_ = std::make_unique<Request>(build_request());
    reader_.reset();
    if (std::optional<Response> refusal = ask_gate()) {
        ++common_.counters.refused;
        send_answer(std::move(*refusal), true);
        return Step::go_on;
    }
    const std::size_t taken = std::min(rest.size(), static_cast<std::size_t>(length_));
    // Memory is given for bytes that came, not for bytes that were promised.
    request_->body.reserve(std::min(static_cast<std::size_t>(length_), first_reserve));
    request_->body.append(rest.substr(0, taken));
    ahead_ = rest.substr(taken);
    held_ = static_cast<std::int64_t>(taken);
    common_.budget.take(held_);
    if (held_ == length_) return hand_over();
    enter(Phase::body, Wait::body);
    // So short a text always fits: whatever was sent before has left us completely.
    if (expects_continue && transport_.send(continue_line, {}).bytes != continue_line.size()) return end(false);
    return Step::go_on;
}

Connection::Step Connection::read_body() {
    if (waits_for_room_ || !readable_) return Step::wait;
    if (turn_ >= turn_bytes) return yield(), Step::wait;
    const auto wanted = std::min<std::int64_t>(length_ - held_, static_cast<std::int64_t>(common_.scratch.size()));
    const std::int64_t granted = common_.budget.grant(name_, length_, wanted);
    if (granted == 0) {
        waits_for_room_ = true;
        return Step::wait;
    }
    const std::string_view bytes = receive(static_cast<std::size_t>(granted));
    if (bytes.empty()) return ended_ ? refuse({400, "the request ends in the middle of its body"}) : Step::go_on;
    if (request_->body.size() >= earnest_body) request_->body.reserve(static_cast<std::size_t>(length_));
    request_->body.append(bytes);
    held_ += static_cast<std::int64_t>(bytes.size());
    common_.budget.take(static_cast<std::int64_t>(bytes.size()));
    return held_ == length_ ? hand_over() : Step::go_on;
}

Connection::Step Connection::hand_over() {
    common_.deadlines.clear(deadline_);
    phase_ = Phase::working;
    ++served_;
    ++common_.counters.requests;
    const std::unique_ptr<Request> request = std::move(request_);
    const Responder responder(std::make_shared<Responder::Implementation>(common_.mailbox, name_));
    try {
        common_.handler(std::move(*request), responder);
    } catch (const std::exception& error) {
        log::error("the handler failed; the request is answered with 500", {{"reason", error.what()}});
        responder.send(refusal_response({500, "the request could not be worked on; see the log"}));
    }
    return Step::wait;
}

void Connection::answer(Response response) {
    if (phase_ != Phase::working) return;
    send_answer(std::move(response), false);
    advance();
}

Connection::Step Connection::refuse(const Refusal& refusal) {
    ++common_.counters.refused;
    if (reader_) to_head_ = reader_->head().method == "HEAD";
    send_answer(refusal_response(refusal), true);
    return Step::go_on;
}

void Connection::send_answer(Response response, bool linger_after) {
    release_body();
    reader_.reset();
    request_.reset();
    if (response.source && !to_head_ && common_.streams >= common_.limits.streams) {
        response = refusal_response({503, "too many answers go on already; try again later"});
        response.headers.add("Retry-After", "30");
    }
    linger_after_ = linger_after;
    close_after_ = close_after_ || linger_after || (common_.draining && ahead_.empty());
    const bool has_body = !to_head_ && !bodiless(response.status);
    Framing framing;
    if (response.source && has_body) {
        framing.chunked = minor_version_ > 0;
        framing.until_close = plain_stream_ = minor_version_ == 0;
        close_after_ = close_after_ || plain_stream_;
        streams_ = true;
        ++common_.streams;
        source_ = std::move(response.source);
    } else if (response.source) {
        framing.until_close = true;  // the length is not known
    }
    framing.close = close_after_;
    out_ = render_head(response, framing, common_.date());
    if (has_body) body_ = framing.chunked ? chunk(response.body) : std::move(response.body);
    if (body_.size() <= joined_body) out_ += std::exchange(body_, {});
    sent_ = 0;
    taken_before_ = sent_in_all_;
    enter(Phase::answering, Wait::answer);
}

bool Connection::flush() {
    const std::size_t all = out_.size() + body_.size();
    while (sent_ < all) {
        if (!writable_) return false;
        const std::string_view first = std::string_view(out_).substr(std::min(sent_, out_.size()));
        const std::string_view second = std::string_view(body_).substr(sent_ - std::min(sent_, out_.size()));
        const Transfer transfer = transport_.send(first, second);
        if (transfer.outcome == Transfer::Outcome::blocked) {
            writable_ = false;
            if (peer_took_enough()) common_.deadlines.set(deadline_, Wait::answer, common_.now);
            return false;
        }
        if (transfer.outcome != Transfer::Outcome::done) {
            close();
            return false;
        }
        sent_ += transfer.bytes;
        sent_in_all_ += static_cast<std::int64_t>(transfer.bytes);
        turn_ += transfer.bytes;
    }
    out_.clear();
    body_ = {};
    sent_ = 0;
    return true;
}

// The kernel says "writable" only when a good part of its large buffer is free, so the buffer itself is asked.
bool Connection::peer_took_enough() {
    const std::int64_t taken = sent_in_all_ - transport_.untaken();
    if (taken - taken_before_ < answer_progress) return false;
    taken_before_ = taken;
    return true;
}

Connection::Step Connection::write_answer() {
    if (!flush()) return Step::wait;
    if (source_) {
        phase_ = Phase::streaming;
        return Step::go_on;
    }
    return finish_answer();
}

Connection::Step Connection::stream() {
    if (!flush()) return Step::wait;
    if (!source_) return finish_answer();
    if (turn_ >= turn_bytes) return yield(), Step::wait;
    return pull();
}

Connection::Step Connection::pull() {
    Piece piece;
    try {
        piece = source_();
    } catch (const std::exception& error) {
        // Without the last chunk the client knows that something is missing.
        log::error("an answer that goes on failed and is cut off", {{"reason", error.what()}});
        return end(false);
    }
    if (piece.bytes.empty() && !piece.finished) {
        // A client that sends no more is most likely gone; only news would tell, and there is none.
        if (common_.draining || finished_) return end(true);
        common_.deadlines.set(deadline_, Wait::stream, common_.now);
        return Step::wait;
    }
    common_.deadlines.set(deadline_, Wait::answer, common_.now);
    out_ = plain_stream_ ? std::move(piece.bytes) : chunk(piece.bytes);
    if (piece.finished) {
        if (!plain_stream_) out_ += last_chunk;
        source_ = nullptr;
    }
    return Step::go_on;
}

Connection::Step Connection::finish_answer() {
    if (streams_) --common_.streams;
    streams_ = plain_stream_ = false;
    // Closing a socket with unread bytes resets it, and the reset can overtake the answer.
    if (close_after_ && ahead_.empty()) ahead_ = receive(1);
    if (closed()) return Step::wait;
    if (linger_after_ || (close_after_ && !ahead_.empty())) {
        ahead_ = {};
        transport_.half_close();
        lingered_ = 0;
        enter(Phase::lingering, Wait::linger);
        return Step::go_on;
    }
    if (close_after_) return end(true);
    if (out_.capacity() > joined_body) out_ = {};
    enter(Phase::idle, Wait::idle);
    return Step::go_on;
}

Connection::Step Connection::linger() {
    const std::string_view bytes = receive(common_.scratch.size());
    lingered_ += bytes.size();
    if (closed() || ended_ || lingered_ >= most_lingering) return end(true);
    return bytes.empty() ? Step::wait : Step::go_on;
}

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
