// Payloads whose shape the hook's settings describe, for senders that no file here knows. Settings are JSON pointers
// (RFC 6901) into the body:
//   repository   its full name or clone address            (default /repository)
//   ref          the ref, full or short                    (default /ref)
//   ref_prefix   put before a short ref                    (default refs/heads/; no pointer)
//   after        what the ref points at now                (default /after)
//   commit       the commit to build                       (default: `after` of a branch; nothing for a tag)
//   before       what it pointed at                        (default /before)
//   deleted      there and neither null, false nor empty: the ref is gone
//   pusher, message, author                                (default: none)
//   event        the kind of the event
//   push_events  the kinds that are about refs, by commas  (default: all; no pointer)
#pragma once
#include <string>

#include "handlers/handlers.h"

namespace gachette::handlers {

// `kind` is the sender's name of the event where a header told it, else empty: then the setting "event" is asked.
Reading read_described(const Request& request, const Hook& hook, std::string kind);
// What is wrong with the settings above; `own` are the forge's further settings.
std::string described_problem(const Hook& hook, std::initializer_list<std::string_view> own);

}  // namespace gachette::handlers
