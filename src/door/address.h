// Addresses of peers: read, written, grouped for limits, and what trusted proxies say of the real client. Pure.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/headers.h"

struct sockaddr_storage;

namespace gachette::door {

// An IPv4 or IPv6 address without port. IPv4 is kept as IPv4-mapped IPv6, so that both spellings are equal.
class Address {
public:
    // "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"; nothing for anything else.
    static std::optional<Address> parse(std::string_view text);
    // Nothing for families other than IPv4 and IPv6.
    static std::optional<Address> from_socket(const sockaddr_storage& socket_address);

    std::string text() const;
    bool is_ipv4() const;
    // Who counts as one for the limit of connections: the IPv4 address, the /64 network of an IPv6 address.
    Address group() const { return is_ipv4() ? *this : first_bits(64); }
    // All bits after the first `count` cleared.
    Address first_bits(int count) const;
    const std::array<unsigned char, 16>& bytes() const { return bytes_; }
    friend bool operator==(const Address&, const Address&) = default;

private:
    std::array<unsigned char, 16> bytes_{};
};

struct AddressHash {
    std::size_t operator()(const Address& address) const;
};

// Networks whose X-Forwarded-For is believed: "10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32".
class TrustedProxies {
public:
    // Throws std::runtime_error naming the entry that is no address or network.
    explicit TrustedProxies(const std::vector<std::string>& networks);
    bool contains(const Address& address) const;

private:
    struct Network {
        Address first;
        int bits = 0;
    };
    std::vector<Network> networks_;
};

// The client behind a connection: the peer of the socket, or, if that is a trusted proxy, the right-most address of
// X-Forwarded-For that is not one. What cannot be read ends the walk: only what a trusted hop wrote is believed.
Address client_address(const Address& peer, const Headers& headers, const TrustedProxies& proxies);

}  // namespace gachette::door
