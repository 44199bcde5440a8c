#include "handlers/handlers.h"

#include <array>

#include "handlers/forges.h"

namespace gachette::handlers {

namespace {

// The table: a new forge is a file and a row here.
const std::array table{
    github(),
    gitlab(),
    gitea(),
    forgejo(),
    gogs(),
    bitbucket_cloud(),
    bitbucket_datacenter(),
    azure_devops(),
    sourcehut(),
    pagure(),
    gerrit(),
    standard_webhooks(),
    generic(),
};

struct Mark {
    std::string_view header;
    std::string_view forge;
};

// Headers that tell a sender, the most special first: Gitea and Forgejo also send GitHub's and Gogs' names.
constexpr Mark marks[] = {
    {"X-Forgejo-Event", "forgejo"},
    {"X-Gitea-Event", "gitea"},
    {"X-Gogs-Event", "gogs"},
    {"X-Gitlab-Event", "gitlab"},
    {"X-Hook-UUID", "bitbucket-cloud"},
    {"X-Pagure", "pagure"},
    {"X-Pagure-Topic", "pagure"},
    {"X-Payload-Nonce", "sourcehut"},
    {"X-Origin-Url", "gerrit"},
    {"X-GitHub-Event", "github"},
    {"webhook-signature", "standard-webhooks"},
    {"svix-signature", "standard-webhooks"},
};

bool holds(std::string_view text, std::string_view word) { return text.find(word) != std::string_view::npos; }

}  // namespace

std::span<const Forge> all_forges() { return table; }

const Forge* find_forge(std::string_view name) {
    static const Forge own = reconciler();
    if (name == own.name) return &own;
    for (const Forge& forge : table)
        if (forge.name == name) return &forge;
    return nullptr;
}

std::string_view probable_forge(const Headers& headers, std::string_view body) {
    for (const Mark& mark : marks)
        if (headers.count(mark.header) > 0) return mark.forge;
    // Both Bitbuckets send X-Event-Key; proxies add an X-Request-Id of their own, so the key tells more than that.
    if (const auto key = headers.only("X-Event-Key"))
        return *key == "repo:push" || key->starts_with("pullrequest:") ? "bitbucket-cloud" : "bitbucket-datacenter";
    const std::string_view start = body.substr(0, 16 * 1024);
    if (holds(start, "\"publisherId\"") && holds(start, "\"eventType\"")) return "azure-devops";
    if (holds(start, "\"refUpdate\"") && holds(start, "\"type\"")) return "gerrit";
    return {};
}

}  // namespace gachette::handlers
