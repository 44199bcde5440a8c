// Azure DevOps Services and Server.
//
// Wire facts (Microsoft documentation: "Webhooks" under service hooks, "Service hooks events", "Troubleshoot service
// hooks"):
// - Nothing is signed. A subscription can send HTTP Basic or headers of one's own; the hook's setting "user" or
// "header" says
//   which. Without one of them the hook is refused.
// - The body says all: `eventType` ("git.push"), `id` of the event (kept over retries), resource.refUpdates[] with full
// names
//   and ids, zeros where there is no object. "Minimal" and "None" as resource details leave `resource` out.
// - newObjectId of an annotated tag is taken for the tag object: no document says so, and then the repository is asked.
// - The test button sends the sample of the documentation (Fabrikam).
// - Any answer but 2xx puts the subscription on probation, where it loses events.
#include <fmt/format.h>

#include "base/text.h"
#include "handlers/forges.h"
#include "handlers/reading.h"
#include "handlers/signatures.h"
#include "model/repository.h"

namespace gachette::handlers {

namespace {

constexpr std::string_view kept[] = {"content-type", "request-id", "user-agent", "x-vss-activityid",
                                     "x-vss-subscriptionid"};

Authenticity authentic(const Request& request, const Hook& hook, Milliseconds) {
    return check_header_or_basic(request, hook);
}

// https://dev.azure.com/org/project/_git/name is cloned by SSH as git@ssh.dev.azure.com:v3/org/project/name.
void add_ssh_url(RepositoryIdentity& identity, std::string_view url) {
    const RepositoryAddress address = parse_repository_address(url);
    const std::size_t mark = address.path.find("/_git/");
    if (address.host != "dev.azure.com" || mark == std::string::npos) return;
    add_url(identity,
            fmt::format("git@ssh.dev.azure.com:v3/{}/{}", address.path.substr(0, mark), address.path.substr(mark + 6)));
}

RepositoryIdentity repository_of(Value repository) {
    RepositoryIdentity identity;
    identity.forge = "azure-devops";
    identity.id = repository_id(repository["id"]);
    const std::string project = bounded(repository["project"]["name"]);
    const std::string name = bounded(repository["name"]);
    if (!project.empty() && !name.empty()) identity.full_name = project + "/" + name;
    identity.instance = host_of(bounded(repository["remoteUrl"], 2048));
    add_urls(identity, {repository["remoteUrl"], repository["sshUrl"], repository["webUrl"]});
    add_ssh_url(identity, bounded(repository["remoteUrl"], 2048));
    return identity;
}

Value commit_of(Value commits, std::string_view id) {
    Value found;
    commits.each([&](Value commit) {
        if (commit["commitId"].text() != id) return true;
        found = commit;
        return false;
    });
    return found;
}

bool sample(Value repository) {
    return bounded(repository["remoteUrl"], 2048).find("fabrikam-fiber-inc.visualstudio.com") != std::string::npos;
}

Reading read_push(Value resource) {
    const Value updates = resource["refUpdates"];
    const Value repository = resource["repository"];
    if (!repository.present()) return malformed(not_a_text(repository, "resource.repository"));
    if (sample(repository)) return ignored("ping: test delivery (the documentation's Fabrikam sample)");
    if (updates.type() != Value::Type::list)
        return malformed(updates.missing() ? "resource.refUpdates is missing" : "resource.refUpdates is not a list");
    if (updates.empty_list()) return ignored("resource.refUpdates is empty: no ref changed");
    Gathering gathering(repository_of(repository));
    const std::string pusher = first_text({resource["pushedBy"]["uniqueName"], resource["pushedBy"]["displayName"]});
    std::size_t index = 0;
    updates.each([&](Value update) {
        const std::string path = fmt::format("resource.refUpdates[{}]", index++);
        Event* event = gathering.add({update["name"], path + ".name", update["oldObjectId"], path + ".oldObjectId",
                                      update["newObjectId"], path + ".newObjectId"});
        if (!event) return true;
        event->pusher = pusher;
        if (event->kind == RefKind::tag || event->change == Change::deleted) return true;
        const Value commit = commit_of(resource["commits"], event->new_id);
        event->head_message = message_of(commit["comment"]);
        event->head_author = person(bounded(commit["author"]["name"]), bounded(commit["author"]["email"]));
        return true;
    });
    return std::move(gathering).finish();
}

Reading read_body(Value root) {
    const auto kind = root["eventType"].text();
    if (!kind) return malformed(not_a_text(root["eventType"], "eventType"));
    if (*kind != "git.push") return not_about_refs(*kind);
    const Value resource = root["resource"];
    if (!resource["refUpdates"].present() && !resource["repository"].present())
        return malformed("resource says nothing; set \"Resource details to send\" of the subscription to \"All\"");
    return read_push(resource);
}

Reading read(const Request& request, const Hook&) { return read_document(request.body, read_body); }

std::string delivery_id(const Request& request) { return body_text(request, "/id"); }

std::string event_name(const Request& request) { return body_text(request, "/eventType"); }

Headers sign(const Hook& hook, const Secret& secret, std::string_view, std::string_view, Milliseconds) {
    Headers headers{{"Content-Type", "application/json; charset=utf-8"}};
    const Header proof = header_or_basic_value(hook, secret);
    headers.add(proof.name, proof.value);
    return headers;
}

}  // namespace

Forge azure_devops() {
    return {"azure-devops", authentic, read, delivery_id, event_name, kept, header_or_basic_problem, sign};
}

}  // namespace gachette::handlers
