#include "handlers/described.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"
#include "handlers/reading.h"
#include "handlers/signatures.h"
#include "model/repository.h"

namespace gachette::handlers {

namespace {

constexpr std::string_view pointers[] = {"repository", "ref",    "after",   "commit", "before",
                                         "deleted",    "pusher", "message", "author", "event"};

std::string pointer_of(const Hook& hook, const std::string& name, std::string_view fallback = {}) {
    const auto found = hook.settings.find(name);
    return found == hook.settings.end() ? std::string(fallback) : found->second;
}

// The value a setting points at; missing where there is neither setting nor default.
Value described(Value root, const Hook& hook, const std::string& name, std::string_view fallback = {}) {
    const std::string pointer = pointer_of(hook, name, fallback);
    return pointer.empty() ? Value() : root.at_pointer(pointer);
}

// Absent, null, false and an empty text mean "not deleted".
bool marked(Value value) {
    if (!value.present()) return false;
    if (const auto flag = value.boolean()) return *flag;
    return value.text() != std::string_view();
}

RepositoryIdentity repository_of(Value root, const Hook& hook, std::string_view name) {
    RepositoryIdentity identity;
    identity.forge = hook.forge;
    const bool address = name.find("://") != std::string_view::npos || name.find('@') != std::string_view::npos;
    identity.full_name = address ? full_name_of(name) : std::string(name.substr(0, 512));
    identity.instance = address ? host_of(name) : "";
    if (address) add_url(identity, name);
    const Value object = root["repository"];
    add_urls(identity, {object["clone_url"], object["ssh_url"], object["html_url"]});
    return identity;
}

// A kind that nothing tells is tried: a replay has kept customary headers only.
bool about_refs(const Hook& hook, std::string_view kind) {
    const std::string_view list = setting(hook, "push_events");
    if (list.empty() || kind.empty()) return true;
    const auto kinds = split(list, ',');
    return std::any_of(kinds.begin(), kinds.end(), [&](const std::string& one) { return trim(one) == kind; });
}

Reading read_body(Value root, const Hook& hook) {
    const std::string name_pointer = pointer_of(hook, "repository", "/repository");
    const Value name = root.at_pointer(name_pointer);
    if (!name.text()) return malformed(not_a_text(name, name_pointer));
    const std::string ref_pointer = pointer_of(hook, "ref", "/ref");
    const Value ref = root.at_pointer(ref_pointer);
    if (!ref.text()) return malformed(not_a_text(ref, ref_pointer));
    std::string full(*ref.text());
    if (!full.starts_with("refs/")) full = pointer_of(hook, "ref_prefix", "refs/heads/") + full;

    const std::string after_pointer = pointer_of(hook, "after", "/after");
    const bool deleted = marked(described(root, hook, "deleted"));
    const bool commit_only = !hook.settings.contains("after") && hook.settings.contains("commit");
    auto before = object_id(described(root, hook, "before", "/before"), pointer_of(hook, "before", "/before"), false);
    auto after = object_id(root.at_pointer(after_pointer), after_pointer, !deleted && !commit_only);
    auto commit = object_id(described(root, hook, "commit"), pointer_of(hook, "commit"), !deleted && commit_only);
    if (!before || !after || !commit)
        return malformed(!before ? before.error() : !after ? after.error() : commit.error());
    if (deleted) after->clear();
    if (!deleted && after->empty() && commit_only) *after = *commit;
    Gathering gathering(repository_of(root, hook, *name.text()));
    Event* event = gathering.add_ref(full, ref_pointer, *before, *after);
    if (!event) return std::move(gathering).finish();
    event->pusher = bounded(described(root, hook, "pusher"));
    if (event->change == Change::deleted) return std::move(gathering).finish();
    if (!commit->empty()) event->commit = *commit;
    if (event->kind == RefKind::tag) return std::move(gathering).finish();
    event->head_message = message_of(described(root, hook, "message"));
    event->head_author = bounded(described(root, hook, "author"));
    return std::move(gathering).finish();
}

}  // namespace

Reading read_described(const Request& request, const Hook& hook, std::string kind) {
    if (lower(kind) == "ping") return ignored("ping");
    return read_request(request, [&](Value root) {
        if (kind.empty()) kind = bounded(described(root, hook, "event"));
        if (lower(kind) == "ping") return ignored("ping");
        if (!about_refs(hook, kind)) return not_about_refs(kind);
        return read_body(root, hook);
    });
}

std::string described_problem(const Hook& hook, std::initializer_list<std::string_view> own) {
    for (const auto& [name, value] : hook.settings) {
        const bool pointer = std::find(std::begin(pointers), std::end(pointers), name) != std::end(pointers);
        const bool known = pointer || name == "push_events" || name == "ref_prefix" ||
                           std::find(own.begin(), own.end(), name) != own.end();
        if (!known)
            return fmt::format("setting \"{}\" means nothing to forge {}; it has {}{}{}, ref_prefix, push_events", name,
                               hook.forge, fmt::join(own, ", "), own.size() > 0 ? ", " : "", fmt::join(pointers, ", "));
        if (pointer && (value.empty() || !valid_pointer(value)))
            return fmt::format("setting \"{}\" is \"{}\", which is not a JSON pointer such as /repository/full_name",
                               name, printable(value, 100));
        if (name == "ref_prefix" && value != "refs/heads/" && value != "refs/tags/")
            return fmt::format("setting \"ref_prefix\" is \"{}\"; it can be refs/heads/ or refs/tags/",
                               printable(value, 100));
    }
    return "";
}

}  // namespace gachette::handlers
