#include "door/deadlines.h"

namespace gachette::door {

void Deadlines::set(Deadline& deadline, Wait kind, Milliseconds now) {
    clear(deadline);
    Queue& queue = queues_[static_cast<std::size_t>(kind)];
    deadline.at = now + durations_[static_cast<std::size_t>(kind)];
    deadline.kind = kind;
    deadline.set = true;
    deadline.before = queue.last;
    deadline.after = nullptr;
    (queue.last ? queue.last->after : queue.first) = &deadline;
    queue.last = &deadline;
}

void Deadlines::clear(Deadline& deadline) {
    if (!deadline.set) return;
    Queue& queue = queues_[static_cast<std::size_t>(deadline.kind)];
    (deadline.before ? deadline.before->after : queue.first) = deadline.after;
    (deadline.after ? deadline.after->before : queue.last) = deadline.before;
    deadline.set = false;
    deadline.before = deadline.after = nullptr;
}

Deadline* Deadlines::earliest() const {
    Deadline* found = nullptr;
    for (const Queue& queue : queues_)
        if (queue.first && (!found || queue.first->at < found->at)) found = queue.first;
    return found;
}

}  // namespace gachette::door
