#include "handlers/gitea_kin.h"

#include <fmt/format.h>

#include "base/text.h"

namespace gachette::handlers {

namespace {

// The head is `head_commit` (Gitea from 1.16), else the listed commit with the new id.
Value head_of(Value root, std::string_view id) {
    Value head = root["head_commit"];
    if (head.present()) return head;
    root["commits"].each([&](Value commit) {
        if (commit["id"].text() != id) return true;
        head = commit;
        return false;
    });
    return head;
}

bool test_delivery(Value root) {
    const auto before = root["before"].text();
    return before && !before->empty() && root["after"].text() == before;
}

}  // namespace

Authenticity check_json_hmac(const Request& request, const Hook& hook, std::string_view header) {
    std::string storage;
    const auto json = json_text(request, storage);
    const SignatureHeader signature{header, "", Encoding::hex};
    return unless_other_forge(request, hook, check_hmac(request, hook, signature, json ? *json : request.body));
}

RepositoryIdentity kin_repository(Value repository, std::string_view forge) {
    RepositoryIdentity identity;
    identity.forge = forge;
    identity.id = repository_id(repository["id"]);
    identity.full_name = bounded(repository["full_name"], 512);
    identity.instance = host_of(bounded(repository["html_url"], 2048));
    add_urls(identity, {repository["html_url"], repository["clone_url"], repository["ssh_url"]});
    return identity;
}

std::string kin_user(Value root) {
    const Value pusher = root["pusher"].present() ? root["pusher"] : root["sender"];
    return first_text({pusher["login"], pusher["username"], pusher["full_name"]});
}

std::string kin_ref(Value root, std::string& problem) {
    const auto name = root["ref"].text();
    const auto type = root["ref_type"].text();
    if (!name || !type) {
        problem = name ? not_a_text(root["ref_type"], "ref_type") : not_a_text(root["ref"], "ref");
        return "";
    }
    if (*type != "branch" && *type != "tag") {
        problem = fmt::format("ref_type \"{}\" is neither branch nor tag", printable(*type, 100));
        return "";
    }
    const std::string_view prefix = *type == "tag" ? "refs/tags/" : "refs/heads/";
    return name->starts_with(prefix) ? std::string(*name) : fmt::format("{}{}", prefix, *name);
}

Reading read_kin_push(Value root, std::string_view forge) {
    if (test_delivery(root)) return ignored("ping: test delivery (before equals after)");
    if (!root["repository"].present()) return malformed(not_a_text(root["repository"], "repository"));
    Gathering gathering(kin_repository(root["repository"], forge));
    Event* event = gathering.add({root["ref"], "ref", root["before"], "before", root["after"], "after"});
    if (!event) return std::move(gathering).finish();
    event->pusher = kin_user(root);
    if (event->change == Change::deleted) return std::move(gathering).finish();
    if (event->kind == RefKind::tag) {
        // `after` of an annotated tag is the tag object; head_commit is the peeled commit, or null before Gitea 1.16.
        auto commit = object_id(root["head_commit"]["id"], "head_commit.id", false);
        if (!commit) return malformed(commit.error());
        event->commit = *commit;
        return std::move(gathering).finish();
    }
    const Value head = head_of(root, event->new_id);
    event->head_message = message_of(head["message"]);
    event->head_author = person(bounded(head["author"]["name"]), bounded(head["author"]["email"]));
    return std::move(gathering).finish();
}

Reading read_kin_deletion(Value root, std::string_view forge) {
    if (!root["repository"].present()) return malformed(not_a_text(root["repository"], "repository"));
    std::string problem;
    const std::string ref = kin_ref(root, problem);
    if (!problem.empty()) return malformed(problem);
    Gathering gathering(kin_repository(root["repository"], forge));
    if (Event* event = gathering.add_ref(ref, "ref", "", "")) event->pusher = kin_user(root);
    return std::move(gathering).finish();
}

Reading read_gitea(const Request& request, std::string_view forge, std::string_view event_header) {
    const std::string kind = header_text(request.headers, event_header);
    if (kind.empty()) return malformed(fmt::format("{} is missing", event_header));
    if (kind == "ping") return ignored("ping");
    if (kind == "push") return read_request(request, [&](Value root) { return read_kin_push(root, forge); });
    if (kind == "create" || kind == "release")
        return ignored(kind + " is a companion of the push event, which tells the same change with its commit");
    if (kind != "delete") return not_about_refs(kind);
    return read_request(request, [&](Value root) {
        // A deleted tag comes as a push too, a deleted branch does not.
        if (root["ref_type"].text() == "tag")
            return ignored("delete of a tag is a companion of the push event, which tells the same change");
        return read_kin_deletion(root, forge);
    });
}

Headers sign_kin(std::string_view family, const Secret& secret, std::string_view event, std::string_view body,
                 Milliseconds now) {
    const Headers none;
    std::string storage;
    const auto json = json_text({none, body, {}}, storage);
    const SignatureHeader signature{"", "", Encoding::hex};
    const auto header = [&](std::string_view rest) { return fmt::format("X-{}-{}", family, rest); };
    return {{"Content-Type", body.starts_with("payload=") ? "application/x-www-form-urlencoded" : "application/json"},
            {header("Event"), std::string(event.empty() ? "push" : event)},
            {header("Delivery"), made_up_id(body, now)},
            {header("Signature"), hmac_value(signature, secret, json ? *json : body)}};
}

}  // namespace gachette::handlers
