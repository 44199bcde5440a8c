// What the tests of the forges share: requests that own their bytes, hooks, and readings as text to compare whole.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "handlers/handlers.h"

namespace gachette::testing {

// A request that owns what it shows.
struct OwnedRequest {
    Headers headers;
    std::string body;
    std::string query;
    handlers::Request view() const { return {headers, body, query}; }
};

inline Hook hook_of(std::string forge, std::vector<std::string> secrets,
                    std::map<std::string, std::string> settings = {}) {
    Hook hook;
    hook.name = "x";
    hook.forge = std::move(forge);
    for (std::string& secret : secrets)
        hook.secrets.push_back({fmt::format("file {}", hook.secrets.size()), std::move(secret)});
    hook.settings = std::move(settings);
    return hook;
}

inline const handlers::Forge& forge_of(const Hook& hook) {
    const handlers::Forge* forge = handlers::find_forge(hook.forge);
    if (!forge) throw std::runtime_error("no forge " + hook.forge);
    return *forge;
}

inline handlers::Authenticity authentic(const Hook& hook, const OwnedRequest& request, Milliseconds now = 0) {
    return forge_of(hook).authentic(request.view(), hook, now);
}

inline bool accepted(const Hook& hook, const OwnedRequest& request, Milliseconds now = 0) {
    return authentic(hook, request, now).verdict == handlers::Verdict::accepted;
}

// The same headers with one of them changed, or with all of that name taken out when there is no value.
inline Headers with_header(const Headers& headers, std::string_view name, std::optional<std::string> value) {
    Headers changed;
    for (const Header& field : headers.all())
        if (field.name != name) changed.add(field.name, field.value);
    if (value) changed.add(std::string(name), *value);
    return changed;
}

// "1*40" for an id of one digit, so that tables stay readable.
inline std::string short_id(const std::string& id) {
    if (id.empty()) return "-";
    const bool uniform = std::all_of(id.begin(), id.end(), [&](char c) { return c == id.front(); });
    return uniform ? fmt::format("{}*{}", id.front(), id.size()) : id;
}

inline std::string describe(const Event& event) {
    std::string text = fmt::format("{} {} {} {} -> {} build {}", to_string(event.kind), to_string(event.change),
                                   event.ref, short_id(event.old_id), short_id(event.new_id), short_id(event.commit));
    if (event.forced) text += " forced";
    if (event.ref_protected) text += *event.ref_protected ? " protected" : " unprotected";
    if (!event.pusher.empty()) text += fmt::format("\n  pusher {}", event.pusher);
    if (!event.head_author.empty()) text += fmt::format("\n  author {}", event.head_author);
    if (!event.head_message.empty()) {
        std::string message = event.head_message;
        std::replace(message.begin(), message.end(), '\n', '/');
        text += fmt::format("\n  message {}", message);
    }
    return text;
}

inline std::string describe(const RepositoryIdentity& repository) {
    std::string text = fmt::format("repository {} instance={} id={} name={}", repository.forge, repository.instance,
                                   repository.id, repository.full_name);
    for (const std::string& url : repository.urls) text += "\n  " + url;
    return text;
}

inline std::string describe(const handlers::Reading& reading) {
    using Kind = handlers::Reading::Kind;
    if (reading.kind == Kind::ignored) return "ignored: " + reading.reason;
    if (reading.kind == Kind::malformed) return "malformed: " + reading.reason;
    std::string text = describe(reading.events.front().repository);
    for (const Event& event : reading.events) text += "\n" + describe(event);
    if (!reading.reason.empty()) text += "\n" + reading.reason;
    return text;
}

}  // namespace gachette::testing
