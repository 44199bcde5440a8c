#include "base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <memory>
#include <stdexcept>
#include <vector>

namespace gachette {

namespace {

constexpr char hex_digits[] = "0123456789abcdef";

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

}  // namespace

Digest sha256(std::string_view data) {
    Digest digest;
    unsigned int length = 0;
    if (EVP_Digest(data.data(), data.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("SHA-256 is not available in this OpenSSL");
    return digest;
}

// The HMAC_* functions are deprecated in OpenSSL 3 in favour of EVP_MAC, whose fetch costs more than the digest of a
// small body; they stay until 4.0.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
namespace {
struct HmacDeleter {
    void operator()(HMAC_CTX* context) const { HMAC_CTX_free(context); }
};
}  // namespace

Digest hmac_sha256(std::string_view key, std::initializer_list<std::string_view> parts) {
    std::unique_ptr<HMAC_CTX, HmacDeleter> context(HMAC_CTX_new());
    // A null pointer means "keep the key" to HMAC_Init_ex, so an empty key needs an address.
    const char* key_bytes = key.empty() ? "" : key.data();
    if (!context || HMAC_Init_ex(context.get(), key_bytes, static_cast<int>(key.size()), EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("HMAC-SHA256 is not available in this OpenSSL");
    for (std::string_view part : parts) HMAC_Update(context.get(), bytes(part), part.size());
    Digest digest;
    unsigned int length = 0;
    HMAC_Final(context.get(), digest.data(), &length);
    return digest;
}
#pragma GCC diagnostic pop

bool equal_in_constant_time(const Digest& a, const Digest& b) {
    return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool secret_equals(std::string_view a, std::string_view b) {
    const bool same = equal_in_constant_time(sha256(a), sha256(b));
    return same && !a.empty();
}

bool ed25519_verify(std::string_view key, std::string_view message, std::string_view signature) {
    if (key.size() != 32 || signature.size() != 64) return false;
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> public_key(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(key), key.size()), EVP_PKEY_free);
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (!public_key || !context) return false;
    if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) != 1) return false;
    return EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(message), message.size()) == 1;
}

std::string hex(std::string_view data) {
    std::string text;
    text.reserve(data.size() * 2);
    for (const char c : data) {
        const auto byte = static_cast<unsigned char>(c);
        text += hex_digits[byte >> 4];
        text += hex_digits[byte & 15];
    }
    return text;
}

std::string hex(const Digest& digest) {
    return hex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

std::optional<Digest> digest_from_hex(std::string_view text) {
    Digest digest;
    if (text.size() != digest.size() * 2) return std::nullopt;
    for (std::size_t i = 0; i < digest.size(); ++i) {
        const int high = hex_value(text[2 * i]);
        const int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        digest[i] = static_cast<unsigned char>(high * 16 + low);
    }
    return digest;
}

std::string base64_encode(std::string_view data) {
    std::string text(4 * ((data.size() + 2) / 3), '\0');
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes(data), static_cast<int>(data.size()));
    return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0 || text.empty()) return std::nullopt;
    std::size_t padding = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool letter =
            (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
        if (c == '=' && i + 2 >= text.size())
            ++padding;
        else if (!letter || padding > 0)
            return std::nullopt;
    }
    std::string data(text.size() / 4 * 3, '\0');
    if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(data.data()), bytes(text), static_cast<int>(text.size())) < 0)
        return std::nullopt;
    data.resize(data.size() - padding);
    // Two texts must not mean the same bytes: the unused bits of the last digit have to be zero.
    if (base64_encode(data) != text) return std::nullopt;
    return data;
}

std::string random_hex(std::size_t count) {
    std::vector<unsigned char> random(count);
    if (RAND_bytes(random.data(), static_cast<int>(count)) != 1)
        throw std::runtime_error("no random numbers to be had");
    return hex(std::string_view(reinterpret_cast<const char*>(random.data()), random.size()));
}

}  // namespace gachette
