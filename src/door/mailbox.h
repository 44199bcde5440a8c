// Where answers come back to the reactor from any thread. Outlives the door for as long as somebody holds a Responder;
// after close() what is put in is dropped.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/file.h"
#include "door/door.h"

namespace gachette::door {

class Mailbox {
public:
    struct Letter {
        std::uint64_t connection = 0;
        Response response;
    };

    // Throws std::runtime_error if there is no descriptor left.
    Mailbox();
    // Thread-safe. Wakes the reactor unless it is the reactor who calls: that looks here before it sleeps.
    void put(Letter letter);
    // Thread-safe: wakes the reactor for another reason.
    void ring();
    void close();

    // For the reactor thread:
    void own() { owner_ = std::this_thread::get_id(); }
    int bell() const { return bell_.get(); }
    void silence();  // takes the ringing away
    bool empty() const;
    // Swaps the letters out; `letters` must be empty.
    void take(std::vector<Letter>& letters);

private:
    Descriptor bell_;
    std::atomic<std::thread::id> owner_{};
    mutable std::mutex mutex_;
    bool closed_ = false;
    std::vector<Letter> letters_;
};

class Responder::Implementation {
public:
    Implementation(std::shared_ptr<Mailbox> mailbox, std::uint64_t connection)
        : mailbox_(std::move(mailbox)), connection_(connection) {}
    Implementation(const Implementation&) = delete;
    Implementation& operator=(const Implementation&) = delete;
    ~Implementation();
    void send(Response response);

private:
    std::shared_ptr<Mailbox> mailbox_;
    std::uint64_t connection_;
    std::atomic<bool> sent_ = false;
};

}  // namespace gachette::door
