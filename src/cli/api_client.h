// Speaks to the daemon: HTTP over its admin socket, or over TCP with a token. The one file of this room that knows
// cpp-httplib is api_client.cpp.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gachette::cli {

// Nobody answers at the daemon's address. Exit 3; the sentence names the address and says how to start the daemon.
struct DaemonError : HostError {
    using HostError::HostError;
};

struct DaemonAddress {
    std::string socket;  // path; used when `server` is empty
    std::string server;  // "http://127.0.0.1:8080" or "https://..."
    std::string token;   // for `server`
};

struct ApiAnswer {
    int status = 0;
    std::string body;
};

class ApiClient {
public:
    explicit ApiClient(DaemonAddress address);

    // Throw DaemonError when nobody answers or the answer breaks off.
    ApiAnswer get(const std::string& path) const;
    ApiAnswer post(const std::string& path) const;
    // Hands every piece of a 200 to `piece` as it comes; other answers come back with their body. No limit of time.
    ApiAnswer stream(const std::string& path, const std::function<void(std::string_view)>& piece) const;

private:
    [[noreturn]] void fail_to_reach(const std::string& why) const;

    DaemonAddress address_;
};

// The value of a query, percent-encoded.
std::string query_value(std::string_view text);

}  // namespace gachette::cli
