// GitLab: gitlab.com, Dedicated and self-managed; project, group and system hooks.
//
// Wire facts (GitLab documentation: "Webhooks", "Webhook events", "System hooks"; GitLab's web_hook_service.rb):
// - X-Gitlab-Token holds the secret itself, line breaks taken out; nothing of the body is protected by it.
// - From 19.0 a signing token ("whsec_" and base64) signs id, timestamp and body as Standard Webhooks do. Where a hook
// has
//   such a secret and the delivery is signed, the signature decides and the token is not looked at.
// - Idempotency-Key (17.4) is the delivery and stays when it is resent; X-Gitlab-Webhook-UUID is new with every
// request.
// - X-Gitlab-Event of a system hook is always "System Hook", so `object_kind` of the body says what it is.
// - `after` of an annotated tag is the tag object, `checkout_sha` the commit, null for a deletion. No forced flag.
// - More refs of a kind than push_event_hooks_limit (3) in one push: no hook for any of them. There is no ping.
#include "base/text.h"
#include "handlers/forges.h"
#include "handlers/reading.h"
#include "handlers/signatures.h"

namespace gachette::handlers {

namespace {

constexpr std::string_view kept[] = {"content-type",        "idempotency-key",   "user-agent",
                                     "webhook-id",          "webhook-timestamp", "x-gitlab-event",
                                     "x-gitlab-event-uuid", "x-gitlab-instance"};

bool signing_token(const Secret& secret) { return secret.value.starts_with("whsec_"); }

// The hook with either its signing tokens or its plain tokens made unmatchable, so that secrets keep their numbers.
Hook only_secrets(const Hook& hook, bool signing) {
    Hook reduced;
    reduced.name = hook.name;
    reduced.forge = hook.forge;
    reduced.tolerance = hook.tolerance;
    for (const Secret& secret : hook.secrets) {
        Secret& copy = reduced.secrets.emplace_back();
        if (signing_token(secret) != signing) continue;
        for (const char c : secret.value)
            if (c != '\r' && c != '\n') copy.value += c;
    }
    return reduced;
}

Authenticity authentic(const Request& request, const Hook& hook, Milliseconds now) {
    bool signing = false;
    bool plain = false;
    for (const Secret& secret : hook.secrets) (signing_token(secret) ? signing : plain) = true;
    const bool is_signed = request.headers.count("webhook-signature") > 0;
    const bool by_signature = signing && (is_signed || !plain);
    const Hook reduced = only_secrets(hook, by_signature);
    Authenticity checked =
        by_signature ? check_standard_webhook(request, reduced, now) : check_token(request, reduced, "X-Gitlab-Token");
    // A signed delivery that was saved without X-Gitlab-Event has the headers of any Standard Webhook.
    const bool by_body = request.body.substr(0, 16 * 1024).find("\"object_kind\"") != std::string_view::npos;
    if (by_body && probable_forge(request.headers, {}) == "standard-webhooks") return checked;
    return unless_other_forge(request, hook, std::move(checked));
}

RepositoryIdentity repository_of(Value root) {
    const Value project = root["project"];
    RepositoryIdentity identity;
    identity.forge = "gitlab";
    identity.id = repository_id(root["project_id"].present() ? root["project_id"] : project["id"]);
    identity.full_name = bounded(project["path_with_namespace"], 512);
    identity.instance = host_of(bounded(project["web_url"], 2048));
    add_urls(identity, {project["web_url"], project["git_http_url"], project["git_ssh_url"], project["http_url"],
                        project["ssh_url"]});
    return identity;
}

// commits[] is oldest first and holds the newest 20: the head is the last one, if it is listed at all.
Value head_of(Value commits, std::string_view id) {
    Value head;
    commits.each([&](Value commit) {
        if (commit["id"].text() == id) head = commit;
        return true;
    });
    return head;
}

Reading read_push(Value root) {
    if (!root["project"].present()) return malformed(not_a_text(root["project"], "project"));
    Gathering gathering(repository_of(root));
    Event* event = gathering.add({root["ref"], "ref", root["before"], "before", root["after"], "after"});
    if (!event) return std::move(gathering).finish();
    event->pusher = first_text({root["user_username"], root["user_name"]});
    event->ref_protected = root["ref_protected"].boolean();
    if (event->change == Change::deleted) return std::move(gathering).finish();
    auto commit = object_id(root["checkout_sha"], "checkout_sha", false);
    if (!commit) return malformed(commit.error());
    if (!commit->empty() || event->kind == RefKind::tag) event->commit = *commit;
    if (event->kind == RefKind::branch) {
        const Value head = head_of(root["commits"], event->commit);
        event->head_message = message_of(head["message"]);
        event->head_author = person(bounded(head["author"]["name"]), bounded(head["author"]["email"]));
    }
    return std::move(gathering).finish();
}

Reading read_body(Value root) {
    std::string kind = bounded(root["object_kind"]);
    if (kind.empty()) kind = bounded(root["event_name"]);
    if (kind.empty()) return malformed("object_kind is missing; is a custom template set at the hook?");
    if (kind == "push" || kind == "tag_push") return read_push(root);
    if (kind == "release" || kind == "repository_update")
        return ignored(kind + " is a companion of the push events, which tell the same change with its commit");
    return not_about_refs(kind);
}

Reading read(const Request& request, const Hook&) { return read_document(request.body, read_body); }

std::string delivery_id(const Request& request) {
    std::string id = header_text(request.headers, "Idempotency-Key");
    return id.empty() ? header_text(request.headers, "webhook-id") : id;
}

std::string event_name(const Request& request) { return header_text(request.headers, "X-Gitlab-Event"); }

std::string settings_problem(const Hook& hook) {
    for (std::size_t i = 0; i < hook.secrets.size(); ++i) {
        std::string key;
        if (signing_token(hook.secrets[i]) && standard_webhook_key(hook.secrets[i].value, key) != KeyKind::symmetric)
            return "secrets[" + std::to_string(i) +
                   "] starts like a signing token but is not \"whsec_\" and base64 of 16 to 64 bytes";
    }
    return unknown_setting(hook, {});
}

std::string event_of(std::string_view event, std::string_view body) {
    if (!event.empty() && event != "push" && event != "tag_push") return std::string(event);
    const bool tag = event == "tag_push" || body.find("\"tag_push\"") != std::string_view::npos;
    return tag ? "Tag Push Hook" : "Push Hook";
}

Headers sign(const Hook&, const Secret& secret, std::string_view event, std::string_view body, Milliseconds now) {
    const std::string id = made_up_id(body, now);
    Headers headers{
        {"Content-Type", "application/json"}, {"X-Gitlab-Event", event_of(event, body)}, {"Idempotency-Key", id}};
    if (!signing_token(secret)) {
        headers.add("X-Gitlab-Token", secret.value);
        return headers;
    }
    const std::string timestamp = std::to_string(now / 1000);
    headers.add("webhook-id", id);
    headers.add("webhook-timestamp", timestamp);
    headers.add("webhook-signature", standard_webhook_value(secret, id, timestamp, body));
    return headers;
}

}  // namespace

Forge gitlab() { return {"gitlab", authentic, read, delivery_id, event_name, kept, settings_problem, sign}; }

}  // namespace gachette::handlers
