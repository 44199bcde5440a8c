// SourceHut (git.sr.ht).
//
// Wire facts (SourceHut documentation: "GraphQL" and the schema of git.sr.ht; its services' webhook code):
// - The body is the answer to the subscriber's own GraphQL query, by custom at data.webhook. The README has the query
// that
//   is understood here: repository{id name owner{canonicalName} references{results{name target}}},
//   pusher{canonicalName}, updates{ref{name} old{id} new{id type ... on Tag{target{id}} ... on Commit{message
//   author{name email}}}}.
// - X-Payload-Signature is base64 of Ed25519 over body and X-Payload-Nonce; the key is the instance's, not the hook's.
// So it
//   proves that this instance sent it, not that our hook did: anyone with an account there can have a body of their own
//   choice signed. Setting "query_sha256" (SHA-256 of the query part that the hook's URL must carry) closes that.
// - `ref` is null for a new and for a deleted ref. A new one is named by the repository's references, if exactly one of
// them
//   is at the new object; a deleted one is not named by anything.
// - GIT_PRE_RECEIVE announces pushes that may still be refused.
#include <fmt/format.h>

#include "base/crypto.h"
#include "base/text.h"
#include "handlers/forges.h"
#include "handlers/reading.h"
#include "handlers/signatures.h"

namespace gachette::handlers {

namespace {

constexpr std::string_view kept[] = {"content-type", "user-agent", "x-payload-nonce", "x-webhook-delivery",
                                     "x-webhook-event"};

Authenticity authentic(const Request& request, const Hook& hook, Milliseconds) {
    Authenticity checked = check_nonce_signature(request, hook);
    const auto wanted = digest_from_hex(setting(hook, "query_sha256"));
    if (wanted && !equal_in_constant_time(sha256(request.query), *wanted) && checked.verdict == Verdict::accepted)
        return {Verdict::wrong, 0,
                fmt::format("the query of the URL is not the one that hook \"{}\" expects (setting \"query_sha256\")",
                            hook.name)};
    return unless_other_forge(request, hook, std::move(checked));
}

RepositoryIdentity repository_of(Value repository) {
    RepositoryIdentity identity;
    identity.forge = "sourcehut";
    identity.instance = "git.sr.ht";
    identity.id = repository_id(repository["id"]);
    const std::string owner = bounded(repository["owner"]["canonicalName"]);
    const std::string name = bounded(repository["name"]);
    if (owner.empty() || name.empty()) return identity;
    identity.full_name = owner + "/" + name;
    add_url(identity, "https://git.sr.ht/" + identity.full_name);
    add_url(identity, "git@git.sr.ht:" + identity.full_name);
    return identity;
}

// An object is there as {id} or as its id.
Value id_of(Value object) { return object.type() == Value::Type::object ? object["id"] : object; }

// The one reference at this object; more than one cannot be told apart. Empty with the reason in `problem`.
std::string find_reference(Value repository, std::string_view id, std::string& problem) {
    const Value results = repository["references"]["results"];
    std::string name;
    std::size_t found = 0;
    results.each([&](Value reference) {
        if (reference["target"].text() != id || !reference["name"].text()) return true;
        name = bounded(reference["name"], 1100);
        ++found;
        return true;
    });
    if (found == 1) return name;
    problem = results.type() != Value::Type::list
                  ? "ask for repository{references{results{name target}}} in the hook's query"
                  : fmt::format("{} of the repository's references are at its object", found);
    return "";
}

void read_update(Value update, Value repository, const std::string& path, const std::string& pusher,
                 Gathering& gathering) {
    auto before = object_id(id_of(update["old"]), path + ".old.id", update["old"].present());
    auto after = object_id(id_of(update["new"]), path + ".new.id", update["new"].present());
    if (!before || !after) return gathering.refuse(before ? after.error() : before.error());
    const Value ref = update["ref"].type() == Value::Type::object ? update["ref"]["name"] : update["ref"];
    std::string name = bounded(ref, 1100);
    if (name.empty() && ref.present()) return gathering.refuse(not_a_text(ref, path + ".ref.name"));
    if (name.empty() && after->empty())
        return gathering.ignore(path + ".ref is null: SourceHut does not name the refs that were deleted");
    if (name.empty()) {
        std::string problem;
        name = find_reference(repository, *after, problem);
        if (name.empty())
            return gathering.ignore(fmt::format("{}.ref is null: SourceHut does not name new refs; {}", path, problem));
    }
    Event* event = gathering.add_ref(name, path + ".ref.name", *before, *after);
    if (!event) return;
    event->pusher = pusher;
    if (event->change == Change::deleted) return;
    const Value object = update["new"];
    const auto peeled = object_id(id_of(object["target"]), path + ".new.target.id", false);
    if (!peeled) return;
    if (event->kind == RefKind::tag) event->commit = object["type"].text() == "COMMIT" ? event->new_id : *peeled;
    if (event->kind == RefKind::tag) return;
    event->head_message = message_of(object["message"]);
    event->head_author = person(bounded(object["author"]["name"]), bounded(object["author"]["email"]));
}

Reading read_push(Value webhook) {
    const Value repository = webhook["repository"];
    const Value updates = webhook["updates"];
    if (!repository.present()) return malformed(not_a_text(repository, "data.webhook.repository"));
    if (updates.type() != Value::Type::list)
        return malformed(updates.missing() ? "data.webhook.updates is missing" : "data.webhook.updates is not a list");
    if (updates.empty_list()) return ignored("data.webhook.updates is empty: no ref changed");
    Gathering gathering(repository_of(repository));
    const std::string pusher = first_text({webhook["pusher"]["canonicalName"]});
    std::size_t index = 0;
    updates.each([&](Value update) {
        read_update(update, repository, fmt::format("data.webhook.updates[{}]", index++), pusher, gathering);
        return true;
    });
    return std::move(gathering).finish();
}

Reading read(const Request& request, const Hook&) {
    const std::string header = header_text(request.headers, "X-Webhook-Event");
    return read_document(request.body, [&](Value root) {
        const Value webhook = root["data"]["webhook"];
        if (!webhook.present()) return malformed(not_a_text(webhook, "data.webhook"));
        std::string kind = bounded(webhook["event"]);
        if (kind.empty()) kind = header;
        if (kind == "GIT_POST_RECEIVE") return read_push(webhook);
        if (kind == "GIT_PRE_RECEIVE")
            return ignored("GIT_PRE_RECEIVE announces a push that may still be refused; subscribe to GIT_POST_RECEIVE");
        return kind.empty() ? malformed("X-Webhook-Event is missing") : not_about_refs(kind);
    });
}

std::string delivery_id(const Request& request) { return header_text(request.headers, "X-Webhook-Delivery"); }

std::string event_name(const Request& request) { return header_text(request.headers, "X-Webhook-Event"); }

std::string settings_problem(const Hook& hook) {
    for (std::size_t i = 0; i < hook.secrets.size(); ++i) {
        const auto key = base64_decode(hook.secrets[i].value);
        if (!key || key->size() != 32)
            return fmt::format("secrets[{}] is not the public key of a SourceHut instance: base64 of 32 bytes", i);
    }
    if (hook.settings.contains("query_sha256") && !digest_from_hex(setting(hook, "query_sha256")))
        return "setting \"query_sha256\" is not 64 lower-case hex digits";
    return unknown_setting(hook, {"query_sha256"});
}

// Only the instance can sign: there is no secret here that could. The rest of the headers is what `explain` needs.
Headers sign(const Hook&, const Secret&, std::string_view event, std::string_view body, Milliseconds now) {
    return {{"Content-Type", "application/json"},
            {"X-Webhook-Event", std::string(event.empty() || event == "push" ? "GIT_POST_RECEIVE" : event)},
            {"X-Webhook-Delivery", made_up_id(body, now)}};
}

}  // namespace

Forge sourcehut() { return {"sourcehut", authentic, read, delivery_id, event_name, kept, settings_problem, sign}; }

}  // namespace gachette::handlers
