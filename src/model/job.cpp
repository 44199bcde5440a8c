#include "model/job.h"

#include <algorithm>
#include <cmath>

namespace gachette {

std::string_view to_string(DeliveryState state) {
    switch (state) {
        case DeliveryState::accepted:
            return "accepted";
        case DeliveryState::ignored:
            return "ignored";
        case DeliveryState::malformed:
            return "malformed";
        case DeliveryState::repeat:
            return "repeat";
    }
    return "unknown";
}

std::string_view to_string(JobState state) {
    switch (state) {
        case JobState::queued:
            return "queued";
        case JobState::running:
            return "running";
        case JobState::done:
            return "done";
        case JobState::failed:
            return "failed";
        case JobState::gave_up:
            return "gave_up";
        case JobState::superseded:
            return "superseded";
        case JobState::cancelled:
            return "cancelled";
        case JobState::refused:
            return "refused";
        case JobState::dead:
            return "dead";
    }
    return "unknown";
}

std::string_view to_string(Step step) {
    switch (step) {
        case Step::none:
            return "none";
        case Step::prepare:
            return "prepare";
        case Step::build:
            return "build";
        case Step::add_to_stack:
            return "add_to_stack";
    }
    return "unknown";
}

std::string_view to_string(AttemptClass kind) {
    switch (kind) {
        case AttemptClass::ok:
            return "ok";
        case AttemptClass::failed:
            return "failed";
        case AttemptClass::refused:
            return "refused";
        case AttemptClass::superseded:
            return "superseded";
        case AttemptClass::cancelled:
            return "cancelled";
        case AttemptClass::infrastructure:
            return "infrastructure";
        case AttemptClass::lost:
            return "lost";
        case AttemptClass::unreachable:
            return "unreachable";
    }
    return "unknown";
}

bool ended(JobState state) { return state != JobState::queued && state != JobState::running; }

bool may_retry(AttemptClass kind) {
    return kind == AttemptClass::infrastructure || kind == AttemptClass::lost || kind == AttemptClass::unreachable;
}

namespace {

Milliseconds scaled(Milliseconds base, double factor) {
    return static_cast<Milliseconds>(std::llround(static_cast<double>(base) * factor));
}

}  // namespace

Milliseconds retry_delay(int attempt, double random) {
    const Milliseconds base = attempt <= 1 ? 10'000 : attempt == 2 ? 60'000 : 300'000;
    return scaled(base, 0.8 + 0.4 * random);
}

Milliseconds host_rest(int failures, double random) {
    constexpr Milliseconds longest = 15 * 60 * 1000;
    Milliseconds rest = 10'000;
    for (int failure = 1; failure < failures && rest < longest; ++failure) rest *= 3;
    return scaled(std::min(rest, longest), 1.0 + 0.3 * random);
}

}  // namespace gachette
