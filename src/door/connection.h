// One connection and where it stands: TLS handshake, head, body, waiting for the answer, sending it, and again. It
// never blocks and never calls back into the reactor; what it needs lies in Common. Used by the reactor thread only.
#pragma once
#include <memory>
#include <string>

#include "door/answer.h"
#include "door/common.h"
#include "door/transport.h"

namespace gachette::door {

struct Peer {
    Address address;
    bool local = false;    // UNIX socket
    bool trusted = false;  // a proxy of ours: no limit of connections
    std::int64_t uid = -1;
};

class Connection {
public:
    Connection(Common& common, std::uint64_t name, Transport transport, Peer peer);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // What epoll says of the socket (edge-triggered), then as far as it goes.
    void react(std::uint32_t events);
    // Goes on as far as it can without blocking.
    void advance();
    // There is room for its body again.
    void resume();
    // Its deadline is over.
    void expire();
    // The handler's answer to the request it was given.
    void answer(Response response);
    // The door closes: idle connections end, silent ones get a last moment, all others are answered and then end.
    void begin_drain();
    void close();

    bool closed() const { return phase_ == Phase::closed; }
    int number() const { return transport_.number(); }
    const Peer& peer() const { return peer_; }

private:
    enum class Phase { handshake, idle, head, body, working, answering, streaming, lingering, closed };
    enum class Step { go_on, wait };

    Step handshake();
    Step read_head();
    Step take_head_bytes(std::string_view bytes);
    Step admit(std::string_view rest);
    Step read_body();
    Step hand_over();
    Step write_answer();
    Step stream();
    Step pull();
    Step linger();
    Step refuse(const Refusal& refusal);
    Step finish_answer();
    Step end(bool politely);

    // Reads into the scratch buffer. Nothing if there is nothing to read now; sets ended_ at the end.
    std::string_view receive(std::size_t most);
    // True if all of out_ and body_ is sent; false if the peer must read first or is gone.
    bool flush();
    // True if the peer took so much of the answer since its time began that the time begins anew.
    bool peer_took_enough();
    Request build_request();
    // Asks the gate; a gate that fails answers 500.
    std::optional<Response> ask_gate() const;
    void send_answer(Response response, bool linger_after);
    void enter(Phase phase, Wait wait);
    void yield();
    void release_body();

    Common& common_;
    const std::uint64_t name_;
    Transport transport_;
    const Peer peer_;
    Deadline deadline_;
    Phase phase_ = Phase::head;
    bool readable_ = true;  // as far as we know
    bool writable_ = true;
    bool finished_ = false;  // epoll saw the end of what the peer sends
    bool ended_ = false;     // and we have read it
    bool waits_for_room_ = false;
    bool close_after_ = false;
    bool linger_after_ = false;
    bool streams_ = false;       // counted in Common::streams
    bool plain_stream_ = false;  // without the chunked coding, for HTTP/1.0
    bool to_head_ = false;
    int minor_version_ = 1;
    std::int64_t served_ = 0;
    std::int64_t length_ = 0;  // of the present body
    std::int64_t held_ = 0;    // of it counted in the budget
    std::string ahead_;        // read, but of the next request
    std::unique_ptr<HeadReader> reader_;
    std::unique_ptr<Request> request_;
    std::string out_;       // to be sent, first this
    std::string body_;      // then this
    std::size_t sent_ = 0;  // of both
    Source source_;
    std::int64_t sent_in_all_ = 0;   // since the connection began
    std::int64_t taken_before_ = 0;  // of it taken by the peer when its time last began
    std::size_t turn_ = 0;           // bytes moved in this turn
    std::size_t lingered_ = 0;       // bytes thrown away since the last answer
};

}  // namespace gachette::door
