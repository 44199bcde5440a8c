// Forgejo.
//
// Wire facts (Forgejo documentation: "Webhooks"; Forgejo's services/webhook/shared/payloader.go):
// - All that Gitea sends, under Gitea's, Gogs' and GitHub's names, and once more as X-Forgejo-*.
// - X-Forgejo-Signature is HMAC-SHA256 in bare hex over the JSON text (indented by two spaces), also where it travels
// in a
//   form or, by GET, in the query. Without a secret the header is there and empty.
// - Events and their meaning are Gitea's (gitea.cpp). `ref` of create and delete is full or short, by the hook's type.
#include "handlers/forges.h"
#include "handlers/gitea_kin.h"

namespace gachette::handlers {

namespace {

constexpr std::string_view kept[] = {"content-type", "user-agent", "x-forgejo-delivery", "x-forgejo-event",
                                     "x-forgejo-event-type"};

Authenticity authentic(const Request& request, const Hook& hook, Milliseconds) {
    return check_json_hmac(request, hook, "X-Forgejo-Signature");
}

Reading read(const Request& request, const Hook&) { return read_gitea(request, "forgejo", "X-Forgejo-Event"); }

std::string delivery_id(const Request& request) { return header_text(request.headers, "X-Forgejo-Delivery"); }

std::string event_name(const Request& request) { return header_text(request.headers, "X-Forgejo-Event"); }

std::string settings_problem(const Hook& hook) { return unknown_setting(hook, {}); }

Headers sign(const Hook&, const Secret& secret, std::string_view event, std::string_view body, Milliseconds now) {
    return sign_kin("Forgejo", secret, event, body, now);
}

}  // namespace

Forge forgejo() { return {"forgejo", authentic, read, delivery_id, event_name, kept, settings_problem, sign}; }

}  // namespace gachette::handlers
