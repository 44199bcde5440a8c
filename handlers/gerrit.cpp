// Gerrit with its webhooks plugin.
//
// Wire facts (Gerrit documentation: "gerrit stream-events", "JSON data formats"; the plugin's documentation):
// - Nothing is signed and there is no delivery id. The hook's setting "header" (a header that a proxy or the plugin
// adds and
//   that holds the secret) or "user" (HTTP Basic) says how it is known; without one of them the hook is refused.
// - The body is a stream event: `type` "ref-updated" with refUpdate{oldRev, newRev, refName, project}; zeros where
// there is
//   no object; "batch-ref-updated" has a list refUpdates. Any attribute may be missing. X-Origin-Url is the server.
// - newRev of an annotated tag is the tag object. Most events are about refs/changes/* and refs/meta/*: not ours.
#include <fmt/format.h>

#include "base/text.h"
#include "handlers/forges.h"
#include "handlers/reading.h"
#include "handlers/signatures.h"

namespace gachette::handlers {

namespace {

constexpr std::string_view kept[] = {"content-type", "user-agent", "x-origin-url"};

Authenticity authentic(const Request& request, const Hook& hook, Milliseconds) {
    return check_header_or_basic(request, hook);
}

RepositoryIdentity repository_of(std::string_view project, std::string_view origin) {
    RepositoryIdentity identity;
    identity.forge = "gerrit";
    identity.full_name = project.substr(0, 512);
    if (origin.empty()) return identity;
    identity.instance = host_of(origin);
    while (origin.ends_with('/')) origin.remove_suffix(1);
    add_url(identity, fmt::format("{}/{}", origin, identity.full_name));
    add_url(identity, fmt::format("{}/a/{}", origin, identity.full_name));
    return identity;
}

// Old versions say "master" for refs/heads/master.
std::string full_ref(std::string_view name) {
    return name.starts_with("refs/") ? std::string(name) : fmt::format("refs/heads/{}", name);
}

void read_update(Value update, const std::string& path, const std::string& submitter, Gathering& gathering) {
    const auto name = update["refName"].text();
    if (!name) return gathering.refuse(not_a_text(update["refName"], path + ".refName"));
    auto before = object_id(update["oldRev"], path + ".oldRev", false);
    auto after = object_id(update["newRev"], path + ".newRev");
    if (!before || !after) return gathering.refuse(before ? after.error() : before.error());
    if (Event* event = gathering.add_ref(full_ref(*name), path + ".refName", *before, *after))
        event->pusher = submitter;
}

Reading read_ref_update(Value root, std::string_view origin) {
    const Value list = root["refUpdates"];
    const bool batch = list.type() == Value::Type::list;
    const Value first = batch ? list.at(0) : root["refUpdate"];
    if (!first.present()) return malformed(not_a_text(first, batch ? "refUpdates[0]" : "refUpdate"));
    const auto project = first["project"].text();
    if (!project) return malformed(not_a_text(first["project"], batch ? "refUpdates[0].project" : "refUpdate.project"));
    Gathering gathering(repository_of(*project, origin));
    const std::string submitter =
        first_text({root["submitter"]["username"], root["submitter"]["email"], root["submitter"]["name"]});
    if (!batch) {
        read_update(first, "refUpdate", submitter, gathering);
        return std::move(gathering).finish();
    }
    std::size_t index = 0;
    list.each([&](Value update) {
        const std::string path = fmt::format("refUpdates[{}]", index++);
        if (update["project"].text() == project)
            read_update(update, path, submitter, gathering);
        else
            gathering.refuse(path + ".project is not that of refUpdates[0]");
        return true;
    });
    return std::move(gathering).finish();
}

Reading read(const Request& request, const Hook&) {
    const std::string origin = header_text(request.headers, "X-Origin-Url");
    return read_document(request.body, [&](Value root) {
        const auto kind = root["type"].text();
        if (!kind) return malformed(not_a_text(root["type"], "type"));
        if (*kind != "ref-updated" && *kind != "batch-ref-updated") return not_about_refs(*kind);
        return read_ref_update(root, origin);
    });
}

std::string delivery_id(const Request&) { return ""; }

std::string event_name(const Request& request) { return body_text(request, "/type"); }

Headers sign(const Hook& hook, const Secret& secret, std::string_view, std::string_view, Milliseconds) {
    Headers headers{{"Content-Type", "application/json; charset=utf-8"}};
    const Header proof = header_or_basic_value(hook, secret);
    headers.add(proof.name, proof.value);
    return headers;
}

}  // namespace

Forge gerrit() { return {"gerrit", authentic, read, delivery_id, event_name, kept, header_or_basic_problem, sign}; }

}  // namespace gachette::handlers
