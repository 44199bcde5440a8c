// How a connection takes a request in: head, gate, body, handler.
#include "door/connection.h"

#include <algorithm>
#include <exception>

#include "base/log.h"
#include "base/text.h"

namespace gachette::door {

namespace {

constexpr std::size_t first_reserve = 16 * 1024;  // for a body
constexpr std::size_t earnest_body = 256 * 1024;  // from here on the announced length is believed

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

}  // namespace gachette::door
