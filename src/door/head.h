// The strict reader of one HTTP/1.1 request head. Pure: no sockets, no clock. It takes the bytes as they come, in
// pieces of any size; what it says depends on the bytes alone, never on how they were cut. It keeps at most one
// unfinished line beside the finished fields, so a silent or dripping client costs little. Anything that two programs
// could understand in two ways is refused.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/headers.h"
#include "door/door.h"

namespace gachette::door {

struct Head {
    std::string method;
    std::string target;
    std::string path;
    std::string query;
    int minor_version = 1;  // 0 for HTTP/1.0
    Headers headers;
    std::int64_t length = 0;  // of the body that follows; never above Limits::body_bytes
    bool close = false;       // the client asks for it, or speaks HTTP/1.0
    bool expects_continue = false;
};

// Why a request is not taken: the status and one sentence for the client. Never holds a byte that the client sent.
struct Refusal {
    int status = 400;
    std::string sentence;
};

class HeadReader {
public:
    enum class State { reading, complete, refused };

    explicit HeadReader(const Limits& limits) : limits_(limits) {}
    // Takes the next bytes and returns how many of them belong to the head; the rest is body or the next request. Call
    // only while state() is `reading`.
    std::size_t read(std::string_view bytes);
    State state() const { return state_; }
    // After `complete`; may be moved from.
    Head& head() { return head_; }
    // After `refused`.
    const Refusal& refusal() const { return refusal_; }

private:
    std::size_t line_limit() const;
    void take_line(std::string_view line);
    void take_request_line(std::string_view line);
    void take_field(std::string_view line);
    void refuse(int status, std::string sentence);
    void refuse_long_line();

    const Limits& limits_;
    State state_ = State::reading;
    bool request_line_seen_ = false;
    std::size_t finished_bytes_ = 0;  // of complete lines
    std::string line_;                // the unfinished line
    Head head_;
    Refusal refusal_;
};

}  // namespace gachette::door
