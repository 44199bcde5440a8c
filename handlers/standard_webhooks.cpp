// Any sender that follows Standard Webhooks (standardwebhooks.com), Svix and those who send through it among them.
//
// Wire facts (the Standard Webhooks specification and its reference libraries):
// - webhook-id is the message and stays over retries; webhook-timestamp is of the attempt; webhook-signature is a list
// of
//   "v1,<base64 HMAC-SHA256>" and "v1a,<base64 Ed25519>" over id, dot, timestamp, dot, raw body: one match is enough.
//   Svix calls them svix-id, svix-timestamp, svix-signature.
// - Secrets are "whsec_" and base64 of 24 to 64 bytes (Svix has had 18), public keys "whpk_" and base64 of 32. The
// tolerance of the hook
//   (5 minutes) holds for the past and for the future.
// - What the body says is the sender's: the settings describe it (described.h); `event` is /type unless set.
#include <fmt/format.h>

#include "handlers/described.h"
#include "handlers/forges.h"
#include "handlers/reading.h"
#include "handlers/signatures.h"

namespace gachette::handlers {

namespace {

constexpr std::string_view kept[] = {"content-type", "svix-id",    "svix-timestamp",
                                     "user-agent",   "webhook-id", "webhook-timestamp"};

Authenticity authentic(const Request& request, const Hook& hook, Milliseconds now) {
    return unless_other_forge(request, hook, check_standard_webhook(request, hook, now));
}

std::string event_name(const Request& request) { return body_text(request, "/type"); }

Reading read(const Request& request, const Hook& hook) {
    return read_described(request, hook, hook.settings.contains("event") ? "" : event_name(request));
}

std::string delivery_id(const Request& request) {
    std::string id = header_text(request.headers, "webhook-id");
    return id.empty() ? header_text(request.headers, "svix-id") : id;
}

std::string settings_problem(const Hook& hook) {
    for (std::size_t i = 0; i < hook.secrets.size(); ++i) {
        std::string key;
        if (standard_webhook_key(hook.secrets[i].value, key) == KeyKind::none)
            return fmt::format(
                "secrets[{}] is neither \"whsec_\" and base64 of 16 to 64 bytes nor \"whpk_\" and base64 of 32", i);
    }
    return described_problem(hook, {});
}

Headers sign(const Hook&, const Secret& secret, std::string_view, std::string_view body, Milliseconds now) {
    const std::string id = "msg_" + made_up_id(body, now);
    const std::string timestamp = std::to_string(now / 1000);
    const std::string value = standard_webhook_value(secret, id, timestamp, body);
    if (value.empty()) return {};  // a public key signs nothing
    return {{"Content-Type", "application/json"},
            {"webhook-id", id},
            {"webhook-timestamp", timestamp},
            {"webhook-signature", value}};
}

}  // namespace

Forge standard_webhooks() {
    return {"standard-webhooks", authentic, read, delivery_id, event_name, kept, settings_problem, sign};
}

}  // namespace gachette::handlers
