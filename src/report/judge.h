// What an answer means for a report: it arrived, try again later, or there is no point. A pure function.
#pragma once
#include "model/configuration.h"
#include "report/message.h"

namespace gachette::report {

struct Judgement {
    enum class Verdict { sent, again, give_up, denied };  // denied: the login must change first
    Verdict verdict = Verdict::sent;
    Milliseconds wait = 0;  // again: until the next try
    Milliseconds rest = 0;  // so long nothing else goes to this destination either; 0: it is well
    std::string reason;     // a sentence with what to do; empty when sent
};

// `tries` counts this one (1: the first); `now` is wall time, for dates in the answer; `random` in [0, 1).
// Honoured: Retry-After (seconds and dates), X-RateLimit-Remaining/-Reset and RateLimit-Remaining/-Reset, for at most
// an hour. The forge's own words go into the reason, without the token.
Judgement judge(const Destination& destination, const Answer& answer, int tries, Milliseconds now, double random);

// 5 s * 2^(tries-1), plus or minus 20 %, at most 15 min.
Milliseconds back_off(int tries, double random);

}  // namespace gachette::report
