#include "door/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "door/answer.h"

namespace gachette::door {

Mailbox::Mailbox() : bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!bell_) throw std::runtime_error("cannot make an eventfd: " + system_error_text(errno));
}

void Mailbox::put(Letter letter) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        first = letters_.empty();
        letters_.push_back(std::move(letter));
    }
    if (first && std::this_thread::get_id() != owner_.load()) ring();
}

void Mailbox::ring() {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the bell rings anyway.
    [[maybe_unused]] const ssize_t written = ::write(bell_.get(), &one, sizeof one);
}

void Mailbox::silence() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t taken = ::read(bell_.get(), &count, sizeof count);
}

void Mailbox::close() {
    std::vector<Letter> dropped;
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(letters_);
}

bool Mailbox::empty() const {
    const std::lock_guard lock(mutex_);
    return letters_.empty();
}

void Mailbox::take(std::vector<Letter>& letters) {
    const std::lock_guard lock(mutex_);
    letters.swap(letters_);
}

Responder::Implementation::~Implementation() {
    if (!sent_)
        mailbox_->put(
            {connection_, refusal_response({500, "the request was taken but nobody answered it; see the log"})});
}

void Responder::Implementation::send(Response response) {
    if (!sent_.exchange(true)) mailbox_->put({connection_, std::move(response)});
}

void Responder::send(Response response) const { self_->send(std::move(response)); }

}  // namespace gachette::door
