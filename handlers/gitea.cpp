// Gitea.
//
// Wire facts (Gitea documentation: "Webhooks"; Gitea's services/webhook/deliver.go and notifier.go):
// - X-Gitea-Event, X-Gitea-Delivery (new with every redelivery), and the same under GitHub's and Gogs' names.
// - X-Gitea-Signature is HMAC-SHA256 in bare hex over the JSON text, also where it travels in a form or, by GET, in the
//   query. Without a secret the header is there and empty.
// - push tells moved, created and (tags) deleted refs; a deleted branch comes as "delete" only; create and release come
//   beside a push. A moved tag looks like a new one. `head_commit` of a tag is the peeled commit.
// - The test button sends a push whose before equals its after.
#include "handlers/forges.h"
#include "handlers/gitea_kin.h"

namespace gachette::handlers {

namespace {

constexpr std::string_view kept[] = {"content-type", "user-agent", "x-gitea-delivery", "x-gitea-event",
                                     "x-gitea-event-type"};

Authenticity authentic(const Request& request, const Hook& hook, Milliseconds) {
    return check_json_hmac(request, hook, "X-Gitea-Signature");
}

Reading read(const Request& request, const Hook&) { return read_gitea(request, "gitea", "X-Gitea-Event"); }

std::string delivery_id(const Request& request) { return header_text(request.headers, "X-Gitea-Delivery"); }

std::string event_name(const Request& request) { return header_text(request.headers, "X-Gitea-Event"); }

std::string settings_problem(const Hook& hook) { return unknown_setting(hook, {}); }

Headers sign(const Hook&, const Secret& secret, std::string_view event, std::string_view body, Milliseconds now) {
    return sign_kin("Gitea", secret, event, body, now);
}

}  // namespace

Forge gitea() { return {"gitea", authentic, read, delivery_id, event_name, kept, settings_problem, sign}; }

}  // namespace gachette::handlers
