#include "door/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <stdexcept>

#include "base/text.h"

namespace gachette::door {

namespace {

constexpr std::array<unsigned char, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// An entry of X-Forwarded-For; some proxies write a port behind it.
std::optional<Address> parse_hop(std::string_view text) {
    text = trim(text);
    if (text.starts_with('[')) return Address::parse(text.substr(1, std::min(text.find(']'), text.size()) - 1));
    if (std::count(text.begin(), text.end(), ':') == 1) text = text.substr(0, text.find(':'));
    return Address::parse(text);
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
    Address address;
    const std::string terminated(text);
    if (terminated.size() != std::strlen(terminated.c_str())) return std::nullopt;
    if (inet_pton(AF_INET6, terminated.c_str(), address.bytes_.data()) == 1) return address;
    std::copy(mapped_prefix.begin(), mapped_prefix.end(), address.bytes_.begin());
    if (inet_pton(AF_INET, terminated.c_str(), address.bytes_.data() + mapped_prefix.size()) == 1) return address;
    return std::nullopt;
}

std::optional<Address> Address::from_socket(const sockaddr_storage& socket_address) {
    Address address;
    if (socket_address.ss_family == AF_INET6) {
        const auto& six = reinterpret_cast<const sockaddr_in6&>(socket_address);
        std::memcpy(address.bytes_.data(), &six.sin6_addr, address.bytes_.size());
        return address;
    }
    if (socket_address.ss_family != AF_INET) return std::nullopt;
    const auto& four = reinterpret_cast<const sockaddr_in&>(socket_address);
    std::copy(mapped_prefix.begin(), mapped_prefix.end(), address.bytes_.begin());
    std::memcpy(address.bytes_.data() + mapped_prefix.size(), &four.sin_addr, 4);
    return address;
}

bool Address::is_ipv4() const { return std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes_.begin()); }

std::string Address::text() const {
    char buffer[INET6_ADDRSTRLEN] = {};
    if (is_ipv4())
        inet_ntop(AF_INET, bytes_.data() + mapped_prefix.size(), buffer, sizeof buffer);
    else
        inet_ntop(AF_INET6, bytes_.data(), buffer, sizeof buffer);
    return buffer;
}

Address Address::first_bits(int count) const {
    Address cut;
    for (int i = 0; i < 16 && count > 0; ++i, count -= 8) {
        const auto mask = static_cast<unsigned char>(count >= 8 ? 0xff : 0xff << (8 - count));
        cut.bytes_[static_cast<std::size_t>(i)] = bytes_[static_cast<std::size_t>(i)] & mask;
    }
    return cut;
}

std::size_t AddressHash::operator()(const Address& address) const {
    const auto& bytes = address.bytes();
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

TrustedProxies::TrustedProxies(const std::vector<std::string>& networks) {
    for (const std::string& text : networks) {
        const std::size_t slash = std::min(text.find('/'), text.size());
        const auto address = Address::parse(std::string_view(text).substr(0, slash));
        const bool four = address && text.find(':') == std::string::npos;
        const std::int64_t longest = four ? 32 : 128;
        const auto bits =
            slash == text.size() ? std::optional(longest) : parse_decimal(std::string_view(text).substr(slash + 1));
        if (!address || !bits || *bits > longest)
            throw std::runtime_error("trusted proxy \"" + printable(text) +
                                     "\" is neither an address nor a network; write 192.0.2.1 or 2001:db8::/32");
        const int all_bits = static_cast<int>(*bits) + (four ? 96 : 0);
        networks_.push_back({address->first_bits(all_bits), all_bits});
    }
}

bool TrustedProxies::contains(const Address& address) const {
    return std::any_of(networks_.begin(), networks_.end(),
                       [&](const Network& network) { return address.first_bits(network.bits) == network.first; });
}

Address client_address(const Address& peer, const Headers& headers, const TrustedProxies& proxies) {
    Address client = peer;
    if (!proxies.contains(client)) return client;
    const auto& fields = headers.all();
    for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
        if (lower(field->name) != "x-forwarded-for") continue;
        const std::vector<std::string> hops = split(field->value, ',');
        for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
            const auto address = parse_hop(*hop);
            if (!address) return client;
            client = *address;
            if (!proxies.contains(client)) return client;
        }
    }
    return client;
}

}  // namespace gachette::door
