#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "base/file.h"
#include "base/text.h"

namespace gachette::testing {

namespace {

Descriptor connect_to(const Endpoint& endpoint) {
    if (endpoint.port != 0) {
        Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(endpoint.port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return Descriptor();
        return socket;
    }
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, endpoint.socket.c_str(), sizeof address.sun_path - 1);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return Descriptor();
    return socket;
}

std::string join_chunks(const std::string& text) {
    std::string body;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find("\r\n", at);
        if (end == std::string::npos) break;
        const std::size_t size = std::strtoul(text.substr(at, end - at).c_str(), nullptr, 16);
        if (size == 0) break;
        body += text.substr(end + 2, size);
        at = end + 2 + size + 2;
    }
    return body;
}

}  // namespace

HttpAnswer http(const Endpoint& endpoint, const std::string& method, const std::string& target, const Headers& headers,
                const std::string& body) {
    HttpAnswer answer;
    const Descriptor socket = connect_to(endpoint);
    if (!socket) return answer;
    std::string request = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    for (const Header& header : headers.all()) request += header.name + ": " + header.value + "\r\n";
    if (!body.empty() || method == "POST") request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    request += "\r\n" + body;
    for (std::size_t sent = 0; sent < request.size();) {
        const ssize_t count = ::send(socket.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<std::size_t>(count);
    }
    std::string text;
    char buffer[65536];
    for (ssize_t count; (count = ::recv(socket.get(), buffer, sizeof buffer, 0)) > 0;)
        text.append(buffer, static_cast<std::size_t>(count));
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string::npos || text.size() < 12) return answer;
    answer.head = text.substr(0, end);
    answer.status = std::atoi(text.c_str() + 9);
    answer.body = text.substr(end + 4);
    if (lower(answer.head).find("transfer-encoding: chunked") != std::string::npos)
        answer.body = join_chunks(answer.body);
    return answer;
}

}  // namespace gachette::testing
