// GitHub: github.com, Enterprise Cloud and Enterprise Server.
//
// Wire facts (GitHub documentation: "Webhook events and payloads", "Validating webhook deliveries", "Best practices for
// using webhooks"):
// - X-GitHub-Event names the event, X-GitHub-Delivery the event too: a redelivery keeps it and all hooks that hear of
// the
//   event share it.
// - X-Hub-Signature-256 is "sha256=" and HMAC-SHA256 in hex over the bytes on the wire, also where these are a form
// with the
//   field "payload" (what hooks made by the API send unless told otherwise). X-Hub-Signature is SHA-1: never looked at.
// - push tells everything about branches and tags; `after` of an annotated tag is the tag object, `head_commit.id` the
//   commit. create, delete and release come beside a push and name no object.
// - ping comes when a hook is made. Nothing is sent for more than three tags pushed at once.
#include "handlers/forges.h"
#include "handlers/reading.h"
#include "handlers/signatures.h"

namespace gachette::handlers {

namespace {

constexpr SignatureHeader signature{"X-Hub-Signature-256", "sha256="};
constexpr std::string_view kept[] = {"content-type",      "user-agent",
                                     "x-github-delivery", "x-github-enterprise-host",
                                     "x-github-event",    "x-github-hook-id"};

Authenticity authentic(const Request& request, const Hook& hook, Milliseconds) {
    Authenticity checked = check_hmac(request, hook, signature, request.body);
    if (checked.verdict == Verdict::missing && request.headers.count("X-Hub-Signature") > 0 &&
        probable_forge(request.headers, request.body) == hook.forge)
        checked.reason = "X-Hub-Signature-256 is missing; X-Hub-Signature alone (SHA-1) is not enough";
    return unless_other_forge(request, hook, std::move(checked));
}

RepositoryIdentity repository_of(Value repository) {
    RepositoryIdentity identity;
    identity.forge = "github";
    identity.id = repository_id(repository["id"]);
    identity.full_name = bounded(repository["full_name"], 512);
    identity.instance = host_of(bounded(repository["html_url"], 2048));
    add_urls(identity, {repository["html_url"], repository["clone_url"], repository["ssh_url"], repository["git_url"]});
    return identity;
}

// The commit of a tag is the peeled one of head_commit. Before October 2021 that could be null: then nobody knows.
std::string tag_commit(Value head_commit, std::string& problem) {
    auto id = object_id(head_commit["id"], "head_commit.id", false);
    if (!id) problem = id.error();
    return id ? *id : "";
}

Reading read_push(Value root) {
    if (!root["repository"].present()) return malformed(not_a_text(root["repository"], "repository"));
    Gathering gathering(repository_of(root["repository"]));
    Event* event = gathering.add({root["ref"], "ref", root["before"], "before", root["after"], "after"});
    if (!event) return std::move(gathering).finish();
    const Value head = root["head_commit"];
    event->forced = root["forced"].boolean().value_or(false);
    event->pusher = first_text({root["pusher"]["name"], root["sender"]["login"]});
    if (event->change == Change::deleted) return std::move(gathering).finish();
    if (event->kind == RefKind::tag) {
        std::string problem;
        event->commit = tag_commit(head, problem);
        if (!problem.empty()) return malformed(problem);
    } else {
        event->head_message = message_of(head["message"]);
        event->head_author = person(bounded(head["author"]["name"]), bounded(head["author"]["email"]));
    }
    return std::move(gathering).finish();
}

Reading read(const Request& request, const Hook&) {
    const std::string kind = header_text(request.headers, "X-GitHub-Event");
    if (kind.empty()) return malformed("X-GitHub-Event is missing");
    if (kind == "ping") return ignored("ping");
    if (kind == "push") return read_request(request, read_push);
    if (kind == "create" || kind == "delete" || kind == "release")
        return ignored(kind + " is a companion of the push event, which tells the same change with its commit");
    return not_about_refs(kind);
}

std::string delivery_id(const Request& request) { return header_text(request.headers, "X-GitHub-Delivery"); }

std::string event_name(const Request& request) { return header_text(request.headers, "X-GitHub-Event"); }

std::string settings_problem(const Hook& hook) { return unknown_setting(hook, {}); }

Headers sign(const Hook&, const Secret& secret, std::string_view event, std::string_view body, Milliseconds now) {
    const bool form = body.starts_with("payload=");
    return {{"Content-Type", form ? "application/x-www-form-urlencoded" : "application/json"},
            {"X-GitHub-Event", std::string(event.empty() ? "push" : event)},
            {"X-GitHub-Delivery", made_up_id(body, now)},
            {"X-Hub-Signature-256", hmac_value(signature, secret, body)}};
}

}  // namespace

Forge github() { return {"github", authentic, read, delivery_id, event_name, kept, settings_problem, sign}; }

}  // namespace gachette::handlers
