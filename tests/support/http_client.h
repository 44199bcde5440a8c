// A small HTTP/1.1 client for tests: one request per connection, over TCP to loopback or a UNIX socket.
#pragma once
#include <string>

#include "base/headers.h"

namespace gachette::testing {

struct HttpAnswer {
    int status = 0;  // 0: no answer came (refused, cut, nothing)
    std::string head;
    std::string body;  // chunks joined
};

struct Endpoint {
    int port = 0;
    std::string socket;  // path; used when port is 0
};

HttpAnswer http(const Endpoint& endpoint, const std::string& method, const std::string& target,
                const Headers& headers = {}, const std::string& body = "");

}  // namespace gachette::testing
