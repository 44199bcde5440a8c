// How a connection sends an answer, streams it, and ends after it.
#include "door/connection.h"

#include <algorithm>
#include <exception>

#include "base/log.h"

namespace gachette::door {

namespace {

constexpr std::size_t joined_body = 16 * 1024;       // smaller bodies are sent with the head as one text
constexpr std::int64_t answer_progress = 64 * 1024;  // taking this much gives the peer the answer's time anew
constexpr std::size_t most_lingering = 64 * 1024;    // of what a refused client still sends

}  // namespace

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

}  // namespace gachette::door
