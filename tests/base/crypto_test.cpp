#include <catch2/catch.hpp>

#include "base/crypto.h"

using namespace gachette;

TEST_CASE("SHA-256 and HMAC-SHA256 give the published values") {
    CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex(hmac_sha256("It's a Secret to Everybody", {"Hello, World!"})) ==
          "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    CHECK(hmac_sha256("It's a Secret to Everybody", {"Hello", ", ", "World!"}) ==
          hmac_sha256("It's a Secret to Everybody", {"Hello, World!"}));
    CHECK(hex(hmac_sha256("secret", {""})) == "f9e66e179b6747ae54108f82f8ade8b3c25d76fd30afde6c395822c530196169");
    CHECK(hex(hmac_sha256("", {""})) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("secrets compare equal only when they are, and never when empty") {
    CHECK(secret_equals("abc", "abc"));
    CHECK_FALSE(secret_equals("abc", "abd"));
    CHECK_FALSE(secret_equals("abc", "abcd"));
    CHECK_FALSE(secret_equals("", ""));
    CHECK_FALSE(secret_equals("", "abc"));
}

TEST_CASE("hex and base64 are strict") {
    const std::string digits(64, 'a');
    CHECK(digest_from_hex(digits));
    CHECK_FALSE(digest_from_hex(std::string(64, 'A')));
    CHECK_FALSE(digest_from_hex(digits.substr(1)));
    CHECK_FALSE(digest_from_hex(digits + "a"));
    CHECK_FALSE(digest_from_hex(std::string(63, 'a') + "g"));
    CHECK(base64_encode("any carnal pleas") == "YW55IGNhcm5hbCBwbGVhcw==");
    CHECK(base64_decode("YW55IGNhcm5hbCBwbGVhcw==") == "any carnal pleas");
    for (const char* wrong : {"", "YQ=", "YQ", "YR==", "Y Q=", "YQ==YQ==", "====", "YQ=a", "Y-_="}) {
        CAPTURE(wrong);
        CHECK_FALSE(base64_decode(wrong));
    }
}

// RFC 8032, section 7.1, test 2.
TEST_CASE("Ed25519 accepts the published signature and no neighbour") {
    const auto bytes = [](std::string_view text) {
        std::string out;
        for (std::size_t i = 0; i < text.size(); i += 2)
            out += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
        return out;
    };
    const std::string key = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    std::string signature = bytes(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302a"
        "eeb00d"
        "291612bb0c00");
    CHECK(ed25519_verify(key, "\x72", signature));
    CHECK_FALSE(ed25519_verify(key, "\x73", signature));
    CHECK_FALSE(ed25519_verify(key.substr(1), "\x72", signature));
    signature[0] ^= 1;
    CHECK_FALSE(ed25519_verify(key, "\x72", signature));
}

TEST_CASE("random hex has the asked length and does not repeat") {
    CHECK(random_hex(16).size() == 32);
    CHECK(random_hex(16) != random_hex(16));
}
