// What the fields of a complete head mean for the connection: where the body ends, whether it may come at all, and
// whether the connection goes on. And what a request target means. Pure functions.
#pragma once
#include <optional>
#include <string_view>

#include "door/head.h"

namespace gachette::door {

bool token_character(char c);    // RFC 9110, section 5.6.2
bool control_character(char c);  // below space, except the tab; and DEL

// Fills path and query of `head` from its target, or says why the target is not taken.
std::optional<Refusal> settle_target(Head& head);
// Fills length, close and expects_continue of `head` from its fields, or says why the request is not taken.
std::optional<Refusal> settle_fields(Head& head, const Limits& limits);

}  // namespace gachette::door
