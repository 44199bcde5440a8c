// What a rule asks of an event beyond its ref. Pure functions, thread-safe.
#pragma once
#include <string>

#include "model/configuration.h"
#include "model/event.h"

namespace gachette {

// Why the rule's filters (authors, protected) keep the event out, as a sentence that follows the ref; empty if they do
// not. Patterns of authors are compared without case with who wrote the newest commit and who pushed: whole, name or
// mail address. One of the two must match, and none may be excluded.
std::string filtered_out(const Rule& rule, const Event& event);

}  // namespace gachette
