// A request that goes out and what came back. Plain values.
#pragma once
#include <functional>
#include <stop_token>
#include <string>

#include "base/headers.h"

namespace gachette::report {

struct Request {
    std::string method = "POST";
    std::string url;
    Headers headers;
    std::string body;
    std::string authority_file;  // certificates to trust in place of the system's; empty: the system's
};

struct Answer {
    int status = 0;            // 0: none came; `problem` says why
    std::string problem;       // in plain words, without addresses that hold secrets
    Headers headers;           // of the final answer
    std::string body;          // at most 64 KiB
    bool interrupted = false;  // by the stop token: nothing is known
};

using Send = std::function<Answer(const Request& request, std::stop_token stop)>;

}  // namespace gachette::report
