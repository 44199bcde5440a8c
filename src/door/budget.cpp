#include "door/budget.h"

#include <algorithm>

namespace gachette::door {

namespace {

constexpr std::int64_t longest_small_body = 64 * 1024;

}  // namespace

Budget::Budget(std::int64_t total, std::int64_t largest)
    : total_(total),
      large_total_(std::max<std::int64_t>(0, total - std::max(largest, total / 4))),
      small_length_(std::min(longest_small_body, total / 16)) {}

std::int64_t Budget::grant(std::uint64_t connection, std::int64_t length, std::int64_t wanted) {
    if (privileged_ == connection) return wanted;
    const std::int64_t free = (small(length) ? total_ : large_total_) - used_;
    if (free > 0) return std::min(free, wanted);
    if (privileged_ == 0) {
        privileged_ = connection;
        return wanted;
    }
    (small(length) ? small_waiting_ : large_waiting_).push_back(connection);
    return 0;
}

void Budget::release(std::uint64_t connection, std::int64_t bytes) {
    used_ -= bytes;
    if (privileged_ == connection) privileged_ = 0;
}

std::uint64_t Budget::next() {
    std::deque<std::uint64_t>* queue = nullptr;
    if (!small_waiting_.empty() && may_try(total_))
        queue = &small_waiting_;
    else if (!large_waiting_.empty() && may_try(large_total_))
        queue = &large_waiting_;
    if (!queue) return 0;
    const std::uint64_t connection = queue->front();
    queue->pop_front();
    return connection;
}

}  // namespace gachette::door
