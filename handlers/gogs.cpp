// Gogs.
//
// Wire facts (Gogs documentation: "Webhooks"; Gogs' internal/database/webhook.go and actions.go):
// - X-Gogs-Event, X-Gogs-Delivery (stays when redelivered), X-Github-Event. X-Gogs-Signature is HMAC-SHA256 in bare hex
// over
//   the JSON text, also where it travels in a form; empty without a secret.
// - push is for branches only. A tag, new or moved, comes as "create" alone, with the tag object's id if it is
// annotated, so
//   the commit is not told. Deletions come as "delete" alone. A new branch comes as push and as create without an id.
// - The test button sends a push whose before equals its after; in an empty repository both are zeros.
#include "base/text.h"
#include "handlers/forges.h"
#include "handlers/gitea_kin.h"

namespace gachette::handlers {

namespace {

constexpr std::string_view kept[] = {"content-type", "user-agent", "x-gogs-delivery", "x-gogs-event"};

Authenticity authentic(const Request& request, const Hook& hook, Milliseconds) {
    return check_json_hmac(request, hook, "X-Gogs-Signature");
}

Reading read_create(Value root) {
    if (root["ref_type"].text() == "branch")
        return ignored(
            "create of a branch is a companion of the push event, which tells the same change with its commit");
    if (!root["repository"].present()) return malformed(not_a_text(root["repository"], "repository"));
    std::string problem;
    const std::string ref = kin_ref(root, problem);
    if (!problem.empty()) return malformed(problem);
    auto id = object_id(root["sha"], "sha");
    if (!id) return malformed(id.error());
    if (id->empty()) return malformed("sha names no object");
    Gathering gathering(kin_repository(root["repository"], "gogs"));
    if (Event* event = gathering.add_ref(ref, "ref", "", std::move(*id))) event->pusher = kin_user(root);
    return std::move(gathering).finish();
}

Reading read(const Request& request, const Hook&) {
    const std::string kind = header_text(request.headers, "X-Gogs-Event");
    if (kind.empty()) return malformed("X-Gogs-Event is missing");
    if (kind == "ping") return ignored("ping");
    if (kind == "push") return read_request(request, [](Value root) { return read_kin_push(root, "gogs"); });
    if (kind == "create") return read_request(request, read_create);
    if (kind == "delete") return read_request(request, [](Value root) { return read_kin_deletion(root, "gogs"); });
    if (kind == "release")
        return ignored("release is a companion of the create event, which tells the same tag with its id");
    return not_about_refs(kind);
}

std::string delivery_id(const Request& request) { return header_text(request.headers, "X-Gogs-Delivery"); }

std::string event_name(const Request& request) { return header_text(request.headers, "X-Gogs-Event"); }

std::string settings_problem(const Hook& hook) { return unknown_setting(hook, {}); }

Headers sign(const Hook&, const Secret& secret, std::string_view event, std::string_view body, Milliseconds now) {
    return sign_kin("Gogs", secret, event, body, now);
}

}  // namespace

Forge gogs() { return {"gogs", authentic, read, delivery_id, event_name, kept, settings_problem, sign}; }

}  // namespace gachette::handlers
