// Bitbucket Cloud.
//
// Wire facts (Atlassian support documentation: "Event payloads", "Manage webhooks", "Troubleshoot webhooks"):
// - X-Event-Key names the event, X-Request-UUID the delivery (the same over X-Attempt-Number 1 to 3), X-Hook-UUID the
// hook.
// - X-Hub-Signature is "sha256=" and HMAC-SHA256 in hex over the raw body: the name is SHA-1's, the value is not.
// - repo:push lists every ref of one `git push` in push.changes[], which may be empty. Names are short; `new` is null
// for a
//   deletion, `old` for a creation; target.hash is a commit, also for an annotated tag.
// - No ping, no create or delete events, no clone address in the payload. Bodies over 256 KB are never sent.
#include <fmt/format.h>

#include "base/text.h"
#include "handlers/forges.h"
#include "handlers/reading.h"
#include "handlers/signatures.h"

namespace gachette::handlers {

namespace {

constexpr SignatureHeader signature{"X-Hub-Signature", "sha256="};
constexpr std::string_view kept[] = {"content-type", "user-agent",  "x-attempt-number",
                                     "x-event-key",  "x-hook-uuid", "x-request-uuid"};

Authenticity authentic(const Request& request, const Hook& hook, Milliseconds) {
    return unless_other_forge(request, hook, check_hmac(request, hook, signature, request.body));
}

RepositoryIdentity repository_of(Value repository) {
    RepositoryIdentity identity;
    identity.forge = "bitbucket-cloud";
    identity.id = repository_id(repository["uuid"]);
    identity.full_name = bounded(repository["full_name"], 512);
    const std::string page = bounded(repository["links"]["html"]["href"], 2048);
    identity.instance = page.empty() ? "bitbucket.org" : host_of(page);
    add_url(identity, page);
    if (!identity.full_name.empty()) {
        add_url(identity, fmt::format("https://bitbucket.org/{}.git", identity.full_name));
        add_url(identity, fmt::format("git@bitbucket.org:{}.git", identity.full_name));
    }
    return identity;
}

// Mercurial's names are still in the documents of old repositories.
std::string_view prefix_of(std::string_view type) {
    if (type == "tag" || type == "annotated_tag") return "refs/tags/";
    if (type == "branch" || type == "named_branch" || type == "bookmark") return "refs/heads/";
    return {};
}

void read_change(Value change, const std::string& path, const std::string& pusher, Gathering& gathering) {
    const bool deleted = !change["new"].present();
    const Value side = deleted ? change["old"] : change["new"];
    const std::string side_path = path + (deleted ? ".old" : ".new");
    if (!side.present()) return gathering.refuse(fmt::format("{} has neither old nor new", path));
    const auto type = side["type"].text();
    const auto name = side["name"].text();
    if (!type) return gathering.refuse(not_a_text(side["type"], side_path + ".type"));
    if (!name) return gathering.refuse(not_a_text(side["name"], side_path + ".name"));
    const std::string_view prefix = prefix_of(*type);
    if (prefix.empty())
        return gathering.ignore(fmt::format("{}.type {} is neither branch nor tag", side_path, printable(*type, 100)));
    auto before = object_id(change["old"]["target"]["hash"], path + ".old.target.hash", change["old"].present());
    auto after = object_id(change["new"]["target"]["hash"], path + ".new.target.hash", !deleted);
    if (!before || !after) return gathering.refuse(before ? after.error() : before.error());
    if (!deleted && after->empty()) return gathering.refuse(fmt::format("{}.new.target.hash names no object", path));
    Event* event = gathering.add_ref(fmt::format("{}{}", prefix, *name), side_path + ".name", *before, *after);
    if (!event) return;
    event->commit = *after;
    event->forced = change["forced"].boolean().value_or(false);
    event->pusher = pusher;
    if (deleted || event->kind == RefKind::tag) return;
    const Value target = side["target"];
    event->head_message = message_of(target["message"]);
    event->head_author = first_text({target["author"]["raw"], target["author"]["user"]["display_name"]});
}

Reading read_push(Value root) {
    const Value changes = root["push"]["changes"];
    if (!root["repository"].present()) return malformed(not_a_text(root["repository"], "repository"));
    if (changes.type() != Value::Type::list)
        return malformed(changes.missing() ? "push.changes is missing" : "push.changes is not a list");
    if (changes.empty_list()) return ignored("push.changes is empty: no ref changed");
    Gathering gathering(repository_of(root["repository"]));
    const std::string pusher = first_text({root["actor"]["nickname"], root["actor"]["display_name"]});
    std::size_t index = 0;
    changes.each([&](Value change) {
        read_change(change, fmt::format("push.changes[{}]", index++), pusher, gathering);
        return true;
    });
    return std::move(gathering).finish();
}

Reading read(const Request& request, const Hook&) {
    const std::string kind = header_text(request.headers, "X-Event-Key");
    if (kind.empty()) return malformed("X-Event-Key is missing");
    if (kind == "repo:push") return read_document(request.body, read_push);
    return not_about_refs(kind);
}

std::string delivery_id(const Request& request) { return header_text(request.headers, "X-Request-UUID"); }

std::string event_name(const Request& request) { return header_text(request.headers, "X-Event-Key"); }

std::string settings_problem(const Hook& hook) { return unknown_setting(hook, {}); }

Headers sign(const Hook& hook, const Secret& secret, std::string_view event, std::string_view body, Milliseconds now) {
    return {{"Content-Type", "application/json"},
            {"X-Event-Key", std::string(event.empty() || event == "push" ? "repo:push" : event)},
            {"X-Hook-UUID", made_up_id(hook.name, 0)},
            {"X-Request-UUID", made_up_id(body, now)},
            {"X-Attempt-Number", "1"},
            {"X-Hub-Signature", hmac_value(signature, secret, body)}};
}

}  // namespace

Forge bitbucket_cloud() {
    return {"bitbucket-cloud", authentic, read, delivery_id, event_name, kept, settings_problem, sign};
}

}  // namespace gachette::handlers
