// A sender that no file here knows, described in the hook's settings so that it needs no code:
//   signature_header    the header that holds HMAC-SHA256 over the raw body (required)
//   signature_prefix    what stands before the digest, "sha256=" for example (default: nothing)
//   signature_encoding  hex (lower case, the default) or base64
//   algorithm           sha256, the only one
//   event_header        names the event (default: the setting "event")
// and the payload as in described.h. The delivery's id is looked for under its customary names.
#include <fmt/format.h>

#include "base/text.h"
#include "handlers/described.h"
#include "handlers/forges.h"
#include "handlers/reading.h"
#include "handlers/signatures.h"

namespace gachette::handlers {

namespace {

constexpr std::string_view delivery_headers[] = {"idempotency-key",    "webhook-id",   "x-delivery-id",
                                                 "x-webhook-delivery", "x-webhook-id", "x-request-id"};
constexpr std::string_view event_headers[] = {"x-event", "x-event-type", "x-event-name", "x-event-key",
                                              "x-webhook-event"};
constexpr std::string_view kept[] = {"content-type",      "user-agent",     "idempotency-key", "webhook-id",
                                     "x-delivery-id",     "x-webhook-id",   "x-request-id",    "x-webhook-delivery",
                                     "webhook-timestamp", "x-event",        "x-event-type",    "x-event-name",
                                     "x-event-key",       "x-webhook-event"};

template <std::size_t count>
std::string first_of(const Headers& headers, const std::string_view (&names)[count]) {
    for (const std::string_view name : names)
        if (std::string value = header_text(headers, name); !value.empty()) return value;
    return "";
}

SignatureHeader signature_of(const Hook& hook) {
    return {setting(hook, "signature_header"), setting(hook, "signature_prefix"),
            setting(hook, "signature_encoding") == "base64" ? Encoding::base64 : Encoding::hex};
}

Authenticity authentic(const Request& request, const Hook& hook, Milliseconds) {
    const SignatureHeader signature = signature_of(hook);
    if (signature.name.empty())
        return {Verdict::missing, 0, fmt::format("hook \"{}\" has no setting \"signature_header\"", hook.name)};
    return check_hmac(request, hook, signature, request.body);
}

Reading read(const Request& request, const Hook& hook) {
    const std::string_view header = setting(hook, "event_header");
    return read_described(request, hook, header.empty() ? "" : header_text(request.headers, header));
}

std::string delivery_id(const Request& request) { return first_of(request.headers, delivery_headers); }

std::string event_name(const Request& request) { return first_of(request.headers, event_headers); }

std::string settings_problem(const Hook& hook) {
    std::string problem = described_problem(
        hook, {"signature_header", "signature_prefix", "signature_encoding", "algorithm", "event_header"});
    if (!problem.empty()) return problem;
    if (setting(hook, "signature_header").empty())
        return "setting \"signature_header\" is missing: the header that holds the HMAC-SHA256 of the body";
    for (const char* name : {"signature_header", "event_header"})
        if (problem.empty()) problem = bad_header_name(hook, name);
    if (!problem.empty()) return problem;
    const std::string_view encoding = setting(hook, "signature_encoding");
    if (!encoding.empty() && encoding != "hex" && encoding != "base64")
        return fmt::format("setting \"signature_encoding\" is \"{}\"; it can be hex or base64",
                           printable(encoding, 100));
    const std::string_view algorithm = setting(hook, "algorithm");
    if (!algorithm.empty() && algorithm != "sha256")
        return fmt::format("setting \"algorithm\" is \"{}\"; only sha256 is enough", printable(algorithm, 100));
    return "";
}

Headers sign(const Hook& hook, const Secret& secret, std::string_view event, std::string_view body, Milliseconds now) {
    const SignatureHeader signature = signature_of(hook);
    Headers headers{{"Content-Type", "application/json"},
                    {std::string(signature.name), hmac_value(signature, secret, body)}};
    const std::string_view event_header = setting(hook, "event_header");
    if (!event_header.empty()) headers.add(std::string(event_header), std::string(event.empty() ? "push" : event));
    headers.add("Idempotency-Key", made_up_id(body, now));
    return headers;
}

}  // namespace

Forge generic() { return {"generic", authentic, read, delivery_id, event_name, kept, settings_problem, sign}; }

}  // namespace gachette::handlers
