#include "cli/api_client.h"

#include <httplib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>

#include "base/file.h"
#include "base/text.h"

namespace gachette::cli {

namespace {

std::unique_ptr<httplib::Client> connect(const DaemonAddress& address) {
    std::unique_ptr<httplib::Client> client;
    if (address.server.empty()) {
        client = std::make_unique<httplib::Client>(address.socket);
        client->set_address_family(AF_UNIX);
    } else {
        client = std::make_unique<httplib::Client>(address.server);
        client->set_bearer_token_auth(address.token);
    }
    client->set_connection_timeout(5);
    client->set_read_timeout(60);
    return client;
}

// Over the socket the library would send the socket's path as Host.
httplib::Headers fields(const DaemonAddress& address) {
    return address.server.empty() ? httplib::Headers{{"Host", "localhost"}} : httplib::Headers{};
}

std::string reason(const DaemonAddress& address, httplib::Error error) {
    struct stat status {};
    if (address.server.empty() && ::stat(address.socket.c_str(), &status) != 0) return system_error_text(errno);
    if (error == httplib::Error::Connection)
        return address.server.empty() ? "nobody listens there, or you may not open it" : "nobody listens there";
    return "the connection broke off (" + lower(httplib::to_string(error)) + ")";
}

}  // namespace

ApiClient::ApiClient(DaemonAddress address) : address_(std::move(address)) {
    const std::string& server = address_.server;
    if (server.empty() || server.starts_with("http://") || server.starts_with("https://")) return;
    throw UsageError("--server: \"" + printable(server, 100) + "\" is no URL; write http://HOST:PORT or https://HOST");
}

void ApiClient::fail_to_reach(const std::string& why) const {
    if (!address_.server.empty())
        throw DaemonError("the daemon at " + printable(address_.server, 200) + " does not answer: " + why +
                          "; check the address, and that gachette serve runs there");
    throw DaemonError(
        "the daemon does not answer at " + printable(address_.socket, 200) + ": " + why +
        "; start it with gachette serve -c CONFIGURATION (or systemctl start gachette), or name its socket "
        "with --socket");
}

ApiAnswer ApiClient::get(const std::string& path) const {
    const auto client = connect(address_);
    const auto result = client->Get(path, fields(address_));
    if (!result) fail_to_reach(reason(address_, result.error()));
    return {result->status, result->body};
}

ApiAnswer ApiClient::post(const std::string& path) const {
    const auto client = connect(address_);
    const auto result = client->Post(path, fields(address_), "", "application/json");
    if (!result) fail_to_reach(reason(address_, result.error()));
    return {result->status, result->body};
}

ApiAnswer ApiClient::stream(const std::string& path, const std::function<void(std::string_view)>& piece) const {
    const auto client = connect(address_);
    client->set_read_timeout(24 * 3600);  // a quiet build says nothing for long
    ApiAnswer answer;
    const auto result = client->Get(
        path, fields(address_),
        [&](const httplib::Response& response) {
            answer.status = response.status;
            return true;
        },
        [&](const char* bytes, std::size_t count) {
            if (answer.status == 200)
                piece(std::string_view(bytes, count));
            else
                answer.body.append(bytes, count);
            return true;
        });
    if (!result) fail_to_reach(reason(address_, result.error()));
    return answer;
}

std::string query_value(std::string_view text) {
    static const char digits[] = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
            c == '_') {
            out += c;
        } else {
            out += '%';
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
    return out;
}

}  // namespace gachette::cli
