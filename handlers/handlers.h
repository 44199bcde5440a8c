// The table of forges. Each forge is one file with pure functions: is the request authentic, and what does it say. No
// IO, no clock, no state; adding a forge is one file and one row in handlers.cpp. Wire facts: shared in each file's
// head.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/headers.h"
#include "model/configuration.h"
#include "model/event.h"

namespace gachette::handlers {

// A request as it came; the views live as long as the caller's buffers.
struct Request {
    const Headers& headers;
    std::string_view body;   // raw bytes
    std::string_view query;  // of the target, without "?"
};

enum class Verdict {
    accepted,
    missing,    // no signature or token: 401
    malformed,  // there, but not of the exact form (twice, wrong prefix, not hex, ...): 401
    wrong,      // of the right form, matches no secret: 401
    stale,      // signed, but its timestamp is outside the tolerance: 401
};

struct Authenticity {
    Verdict verdict = Verdict::missing;
    std::size_t secret = 0;  // index into hook.secrets when accepted
    std::string
        reason;  // "X-Hub-Signature-256 is missing; set the same secret at the forge and in hooks.github.secrets"
};

struct Reading {
    enum class Kind { events, ignored, malformed };
    Kind kind = Kind::ignored;
    std::vector<Event> events;  // kind events: at least one
    // Kind ignored or malformed: "ping", "kind issues is not about refs", "ref is missing". Kind events: empty, or
    // which refs of the delivery were left out and why ("left out: ref refs/pull/3/merge is neither a branch nor a
    // tag").
    std::string reason;
};

struct Forge {
    std::string_view name;
    // `now` is wall time for senders that sign a timestamp. Constant time in the secrets. Never throws.
    Authenticity (*authentic)(const Request&, const Hook&, Milliseconds now);
    // Only called for authentic requests. Bounded in time and memory; never throws.
    Reading (*read)(const Request&, const Hook&);
    // The sender's own id of the delivery, empty if it has none. At most 200 printable bytes.
    std::string (*delivery_id)(const Request&);
    // The event as the sender names it ("push", "Push Hook"), empty if unknown. At most 200 printable bytes.
    std::string (*event_name)(const Request&);
    // The headers worth keeping, lower case; none of them ever holds a secret.
    std::span<const std::string_view> kept_headers;
    // Checks hook.settings of a hook of this forge at load; empty when fine, else a sentence for the error.
    std::string (*settings_problem)(const Hook&);
    // Headers that make a body authentic for this hook, for `gachette sign` and tests. A form body ("payload=...") is
    // signed as its forge does. SourceHut's have no signature: only the instance can make one; nor has a public key
    // one.
    Headers (*sign)(const Hook&, const Secret&, std::string_view event, std::string_view body, Milliseconds now);
};

// nullptr for an unknown name. Beside the table, "reconciler" is known: it reads what the reconciler filed and believes
// nobody.
const Forge* find_forge(std::string_view name);
std::span<const Forge> all_forges();
// Which forge most likely sent these headers; empty when nothing tells. Only for messages, never for trust.
std::string_view probable_forge(const Headers& headers, std::string_view body);

}  // namespace gachette::handlers
