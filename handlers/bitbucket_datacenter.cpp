// Bitbucket Data Center and Server.
//
// Wire facts (Atlassian documentation of Bitbucket Data Center: "Event payload", "Manage webhooks"):
// - X-Event-Key names the event, X-Request-Id the delivery. X-Hub-Signature is "sha256=" and HMAC-SHA256 in hex over
// the raw
//   body. "Test connection" sends diagnostics:ping without a signature, whatever secret is set: it is refused, and says
//   why.
// - repo:refs_changed lists every ref in changes[] with full names in ref.id; fromHash and toHash are zeros where there
// is no
//   object. toHash of an annotated tag is the tag object; `toCommit` beside changes[] (newer versions) is the commit of
//   the first change, so it is believed only where that is the only one.
// - mirror:repo_synchronized repeats what repo:refs_changed said, later and from a mirror.
#include <fmt/format.h>

#include "base/text.h"
#include "handlers/forges.h"
#include "handlers/reading.h"
#include "handlers/signatures.h"

namespace gachette::handlers {

namespace {

constexpr SignatureHeader signature{"X-Hub-Signature", "sha256="};
constexpr std::string_view kept[] = {"content-type", "user-agent", "x-event-key", "x-request-id"};

std::string delivery_id(const Request& request) { return header_text(request.headers, "X-Request-Id"); }

std::string event_name(const Request& request) { return header_text(request.headers, "X-Event-Key"); }

Authenticity authentic(const Request& request, const Hook& hook, Milliseconds) {
    Authenticity checked = check_hmac(request, hook, signature, request.body);
    if (checked.verdict == Verdict::missing && event_name(request) == "diagnostics:ping")
        checked.reason =
            "X-Hub-Signature is missing: the connection test of Bitbucket Data Center is never signed; push to try "
            "the hook";
    return unless_other_forge(request, hook, std::move(checked));
}

RepositoryIdentity repository_of(Value repository) {
    RepositoryIdentity identity;
    identity.forge = "bitbucket-datacenter";
    identity.id = repository_id(repository["id"]);
    const std::string project = bounded(repository["project"]["key"]);
    const std::string slug = bounded(repository["slug"]);
    if (!project.empty() && !slug.empty()) identity.full_name = project + "/" + slug;
    const auto add_links = [&](Value links) {
        links.each([&](Value link) {
            const std::string address = bounded(link["href"], 2048);
            if (identity.instance.empty() && address.starts_with("http")) identity.instance = host_of(address);
            add_url(identity, address);
            return true;
        });
    };
    add_links(repository["links"]["self"]);
    add_links(repository["links"]["clone"]);
    return identity;
}

void read_change(Value change, Value only_commit, const std::string& path, const std::string& pusher,
                 Gathering& gathering) {
    const bool old_form = !change["ref"]["id"].present() && change["refId"].present();
    Event* event =
        gathering.add({old_form ? change["refId"] : change["ref"]["id"], path + (old_form ? ".refId" : ".ref.id"),
                       change["fromHash"], path + ".fromHash", change["toHash"], path + ".toHash"});
    if (!event) return;
    event->pusher = pusher;
    if (event->change == Change::deleted) return;
    if (event->kind == RefKind::tag) {
        auto commit = object_id(only_commit["id"], "toCommit.id", false);
        if (commit) event->commit = *commit;
        return;
    }
    if (only_commit["id"].text() != event->new_id) return;
    event->head_message = message_of(only_commit["message"]);
    event->head_author = person(bounded(only_commit["author"]["name"]), bounded(only_commit["author"]["emailAddress"]));
}

Reading read_push(Value root) {
    const Value changes = root["changes"];
    if (!root["repository"].present()) return malformed(not_a_text(root["repository"], "repository"));
    if (changes.type() != Value::Type::list)
        return malformed(changes.missing() ? "changes is missing" : "changes is not a list");
    if (changes.empty_list()) return ignored("changes is empty: no ref changed");
    Gathering gathering(repository_of(root["repository"]));
    const std::string pusher = first_text({root["actor"]["name"], root["actor"]["slug"], root["actor"]["displayName"]});
    const Value only_commit = changes.at(1).missing() ? root["toCommit"] : Value();
    std::size_t index = 0;
    changes.each([&](Value change) {
        read_change(change, only_commit, fmt::format("changes[{}]", index++), pusher, gathering);
        return true;
    });
    return std::move(gathering).finish();
}

Reading read(const Request& request, const Hook&) {
    const std::string kind = event_name(request);
    if (kind.empty()) return malformed("X-Event-Key is missing");
    if (kind == "diagnostics:ping") return ignored("ping");
    if (kind == "repo:refs_changed") return read_document(request.body, read_push);
    if (kind == "mirror:repo_synchronized")
        return ignored(kind + " is a companion of the repo:refs_changed event, which tells the same change sooner");
    return not_about_refs(kind);
}

std::string settings_problem(const Hook& hook) { return unknown_setting(hook, {}); }

Headers sign(const Hook&, const Secret& secret, std::string_view event, std::string_view body, Milliseconds now) {
    return {{"Content-Type", "application/json; charset=utf-8"},
            {"X-Event-Key", std::string(event.empty() || event == "push" ? "repo:refs_changed" : event)},
            {"X-Request-Id", made_up_id(body, now)},
            {"X-Hub-Signature", hmac_value(signature, secret, body)}};
}

}  // namespace

Forge bitbucket_datacenter() {
    return {"bitbucket-datacenter", authentic, read, delivery_id, event_name, kept, settings_problem, sign};
}

}  // namespace gachette::handlers
