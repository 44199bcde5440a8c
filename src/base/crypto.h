// Digests, signatures and their text forms. All functions are pure and thread-safe. The one file that knows OpenSSL's
// libcrypto is crypto.cpp.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gachette {

using Digest = std::array<unsigned char, 32>;

Digest sha256(std::string_view data);
// HMAC-SHA256 (RFC 2104) of the concatenation of the parts; no copy is made of them.
Digest hmac_sha256(std::string_view key, std::initializer_list<std::string_view> parts);

// Compares in constant time (CRYPTO_memcmp). Only for digests of fixed length: hash texts of unknown length first.
bool equal_in_constant_time(const Digest& a, const Digest& b);
// Compares two texts without telling by time where they differ or how long they are: both are hashed, then compared.
// Two empty texts are not equal: an empty secret is never right.
bool secret_equals(std::string_view a, std::string_view b);

// Verifies an Ed25519 signature (RFC 8032). False for keys or signatures of wrong length.
bool ed25519_verify(std::string_view public_key_32_bytes, std::string_view message,
                    std::string_view signature_64_bytes);

std::string hex(const Digest& digest);
std::string hex(std::string_view bytes);
// Exactly 64 lower-case hex digits, else nothing.
std::optional<Digest> digest_from_hex(std::string_view text);
std::string base64_encode(std::string_view bytes);
// Standard alphabet with complete padding (RFC 4648 section 4); anything else gives nothing.
std::optional<std::string> base64_decode(std::string_view text);

// Bytes from the system's random source, as lower-case hex (2 digits a byte). Throws std::runtime_error if there is
// none.
std::string random_hex(std::size_t bytes);

}  // namespace gachette
