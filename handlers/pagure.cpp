// Pagure.
//
// Wire facts (Pagure documentation: "Using web-hooks"; Pagure's hooks/default.py and lib/tasks_services.py):
// - X-Pagure-Topic and `topic` of the body name the event, `msg_id` the message (the same for all addresses of a
// project).
// - X-Pagure-Signature-256 is HMAC-SHA256 in bare hex over the raw body, keyed with the project's hook token;
//   X-Pagure-Signature is SHA-1: never looked at.
// - git.branch.creation, git.branch.deletion, git.tag.creation and git.tag.deletion tell a ref with `rev`, its value
// (of a
//   deletion the old one); for an annotated tag that is the tag object, so the commit is not told.
// - git.receive tells a moved branch. For a new ref it comes after the creation, with `old_commit` "^000...", and a new
//   tag's short name stands there as `branch`: a companion. A moved tag comes as git.receive with its full name.
#include <fmt/format.h>

#include "base/text.h"
#include "handlers/forges.h"
#include "handlers/reading.h"
#include "handlers/signatures.h"

namespace gachette::handlers {

namespace {

constexpr SignatureHeader signature{"X-Pagure-Signature-256", ""};
constexpr std::string_view kept[] = {"content-type", "user-agent", "x-pagure", "x-pagure-project", "x-pagure-topic"};

Authenticity authentic(const Request& request, const Hook& hook, Milliseconds) {
    return unless_other_forge(request, hook, check_hmac(request, hook, signature, request.body));
}

RepositoryIdentity repository_of(Value msg) {
    RepositoryIdentity identity;
    identity.forge = "pagure";
    identity.id = repository_id(msg["repo"]["id"]);
    identity.full_name = bounded(msg["project_fullname"], 512);
    if (identity.full_name.empty()) identity.full_name = bounded(msg["repo"]["fullname"], 512);
    std::string instance = bounded(msg["pagure_instance"], 1024);
    if (instance.empty() || identity.full_name.empty()) return identity;
    if (!instance.ends_with('/')) instance += '/';
    identity.instance = host_of(instance);
    const std::string page = bounded(msg["repo"]["url_path"], 512);
    if (!page.empty()) add_url(identity, instance + page);
    add_url(identity, fmt::format("{}{}.git", instance, identity.full_name));
    return identity;
}

std::string pusher_of(Value msg) { return first_text({msg["agent"], msg["agent"]["name"]}); }

Reading read_receive(Value msg) {
    const auto branch = msg["branch"].text();
    if (!branch) return malformed(not_a_text(msg["branch"], "msg.branch"));
    if (msg["old_commit"].text().value_or("").starts_with("^0"))
        return ignored("git.receive of a new ref is a companion of git.branch.creation or git.tag.creation");
    auto before = object_id(msg["old_commit"], "msg.old_commit", false);
    auto after = object_id(msg["end_commit"], "msg.end_commit");
    if (!before || !after) return malformed(before ? after.error() : before.error());
    if (after->empty()) return malformed("msg.end_commit names no object");
    Gathering gathering(repository_of(msg));
    const std::string ref = branch->starts_with("refs/") ? std::string(*branch) : fmt::format("refs/heads/{}", *branch);
    if (Event* event = gathering.add_ref(ref, "msg.branch", *before, *after)) {
        event->change = Change::moved;
        event->forced = msg["forced"].boolean().value_or(false);
        event->pusher = pusher_of(msg);
    }
    return std::move(gathering).finish();
}

// git.branch.creation and its three sisters.
Reading read_ref(Value msg, bool tag, bool deleted) {
    const std::string_view key = tag ? "tag" : "branch";
    const std::string path = fmt::format("msg.{}", key);
    const auto name = msg[key].text();
    if (!name) return malformed(not_a_text(msg[key], path));
    auto rev = object_id(msg["rev"], "msg.rev", !deleted);
    if (!rev) return malformed(rev.error());
    if (!deleted && rev->empty()) return malformed("msg.rev names no object");
    const std::string_view prefix = tag ? "refs/tags/" : "refs/heads/";
    const std::string ref = name->starts_with(prefix) ? std::string(*name) : fmt::format("{}{}", prefix, *name);
    Gathering gathering(repository_of(msg));
    Event* event = gathering.add_ref(ref, path, deleted ? *rev : "", deleted ? "" : *rev);
    if (event) event->pusher = pusher_of(msg);
    return std::move(gathering).finish();
}

Reading read_body(Value root) {
    const auto topic = root["topic"].text();
    if (!topic) return malformed(not_a_text(root["topic"], "topic"));
    const Value msg = root["msg"];
    const bool about_refs = topic->starts_with("git.");
    if (about_refs && msg.type() != Value::Type::object)
        return malformed(msg.missing() ? "msg is missing" : "msg is not an object");
    if (*topic == "git.receive") return read_receive(msg);
    for (const std::string_view kind : {"branch", "tag"}) {
        if (*topic == fmt::format("git.{}.creation", kind)) return read_ref(msg, kind == "tag", false);
        if (*topic == fmt::format("git.{}.deletion", kind)) return read_ref(msg, kind == "tag", true);
    }
    return not_about_refs(*topic);
}

Reading read(const Request& request, const Hook&) { return read_document(request.body, read_body); }

std::string delivery_id(const Request& request) { return body_text(request, "/msg_id"); }

std::string event_name(const Request& request) {
    std::string topic = header_text(request.headers, "X-Pagure-Topic");
    return topic.empty() ? body_text(request, "/topic") : topic;
}

std::string settings_problem(const Hook& hook) { return unknown_setting(hook, {}); }

Headers sign(const Hook&, const Secret& secret, std::string_view event, std::string_view body, Milliseconds) {
    return {{"Content-Type", "application/json"},
            {"X-Pagure-Topic", std::string(event.empty() || event == "push" ? "git.receive" : event)},
            {"X-Pagure-Signature-256", hmac_value(signature, secret, body)}};
}

}  // namespace

Forge pagure() { return {"pagure", authentic, read, delivery_id, event_name, kept, settings_problem, sign}; }

}  // namespace gachette::handlers
