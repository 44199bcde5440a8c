// The bytes of request bodies in memory, of all connections together. Nobody is refused for want of room: a connection
// that gets nothing stops reading (so TCP slows its sender) and is called again when room is free.
// Two rules keep it moving. Large bodies leave a share to small ones, so that a push still comes in while ten big
// uploads fill the rest. And when the room is full of unfinished bodies, one of them may go on beyond it until it is
// complete: without that all would wait for each other. Used by the reactor thread only.
#pragma once
#include <cstdint>
#include <deque>

namespace gachette::door {

class Budget {
public:
    // `total` for all bodies, `largest` for one; both in bytes.
    Budget(std::int64_t total, std::int64_t largest);

    // How many of the next `wanted` bytes of a body of this length may be read now; with 0 the connection is put at the
    // end of those who wait.
    std::int64_t grant(std::uint64_t connection, std::int64_t length, std::int64_t wanted);
    // Bytes that are in memory, or no longer.
    void take(std::int64_t bytes) { used_ += bytes; }
    // The body of this connection is answered for or given up: `bytes` are free and so is its right to go on.
    void release(std::uint64_t connection, std::int64_t bytes);
    // Takes the next who waits off the queue if there is reason to try again; 0 if not. Connections may be gone.
    std::uint64_t next();
    std::int64_t used() const { return used_; }

private:
    bool small(std::int64_t length) const { return length <= small_length_; }
    bool may_try(std::int64_t limit) const { return privileged_ == 0 || limit > used_; }

    std::int64_t total_;
    std::int64_t large_total_;
    std::int64_t small_length_;
    std::int64_t used_ = 0;
    std::uint64_t privileged_ = 0;
    std::deque<std::uint64_t> small_waiting_;
    std::deque<std::uint64_t> large_waiting_;
};

}  // namespace gachette::door
