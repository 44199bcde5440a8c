// The ways senders prove who they are. Pure functions, thread-safe. Each asks for exactly one header of exact form,
// tries every secret of the hook whatever matched before, and compares in constant time. SHA-1 is nowhere.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "handlers/handlers.h"

namespace gachette::handlers {

enum class Encoding { hex, base64 };

// A header that holds an HMAC-SHA256: `prefix`, then 64 lower-case hex digits or 44 base64 characters.
struct SignatureHeader {
    std::string_view name;
    std::string_view prefix;
    Encoding encoding = Encoding::hex;
};

// HMAC-SHA256 over `text`, keyed with each secret as it stands.
Authenticity check_hmac(const Request& request, const Hook& hook, const SignatureHeader& header, std::string_view text);
std::string hmac_value(const SignatureHeader& header, const Secret& secret, std::string_view text);

// The header holds the secret itself.
Authenticity check_token(const Request& request, const Hook& hook, std::string_view header);

// HTTP Basic (RFC 7617) with this user and a secret as the password.
Authenticity check_basic(const Request& request, const Hook& hook, std::string_view user);
std::string basic_value(std::string_view user, const Secret& secret);

// For senders that sign nothing: the settings of the hook name a header of its own that holds the secret ("header"), or
// the user of HTTP Basic whose password the secret is ("user").
Authenticity check_header_or_basic(const Request& request, const Hook& hook);
std::string header_or_basic_problem(const Hook& hook);
Header header_or_basic_value(const Hook& hook, const Secret& secret);

// Ed25519 over body and nonce (SourceHut); secrets are public keys in base64.
Authenticity check_nonce_signature(const Request& request, const Hook& hook);

// Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature (or svix-*), a list of v1 (HMAC) and v1a
// (Ed25519) entries of which one must match. Secrets that are no such keys are passed over.
Authenticity check_standard_webhook(const Request& request, const Hook& hook, Milliseconds now);
std::string standard_webhook_value(const Secret& secret, std::string_view id, std::string_view timestamp,
                                   std::string_view body);
enum class KeyKind { none, symmetric, asymmetric };
// Which key a secret is: whsec_... and plain base64 (16 to 64 bytes: the standard asks for 24, senders have less) or
// whpk_... (32 bytes).
KeyKind standard_webhook_key(std::string_view secret, std::string& bytes);

// What a check said, unless the request is another forge's: then the refusal names that forge. Gitea, Forgejo and Gogs
// also send GitHub's headers, so a valid signature does not say that the payload is what this forge's reader expects.
Authenticity unless_other_forge(const Request& request, const Hook& hook, Authenticity checked);
// "X is missing; ..." with the probable forge, or with what to do about it.
Authenticity refuse_missing(const Request& request, const Hook& hook, std::string_view header);

// Checks of a hook at load; each returns a sentence or nothing.
// `setting "x" means nothing to forge github`
std::string unknown_setting(const Hook& hook, std::initializer_list<std::string_view> known);
// A setting that names a header must be a token (RFC 9110, section 5.6.2).
std::string bad_header_name(const Hook& hook, const std::string& setting);
// A setting's value, empty if it is not there.
std::string_view setting(const Hook& hook, const std::string& name);

// A delivery id for a body that no forge sent, in the shape of a UUID.
std::string made_up_id(std::string_view body, Milliseconds now);

}  // namespace gachette::handlers
