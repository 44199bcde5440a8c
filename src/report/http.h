// One HTTP request over libcurl: TLS verified, no redirects, http and https only, bounded in time and size. http.cpp is
// the one file that knows libcurl.
#pragma once
#include "base/clock.h"
#include "report/message.h"

namespace gachette::report {

struct HttpLimits {
    Milliseconds connect = 5'000;
    Milliseconds total = 15'000;
    std::size_t answer_bytes = 64 * 1024;  // what is longer is cut; the status counts all the same
};

// Sends and waits; ends early when `stop` is requested. Never throws for what the network does. Any thread.
Answer send(const Request& request, std::stop_token stop, const HttpLimits& limits = {});

}  // namespace gachette::report
