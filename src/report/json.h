// The JSON bodies of what goes out. json.cpp is the one file of this room that knows nlohmann.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"

namespace gachette::report {

// An object of texts in this order; empty ones are left out.
std::string json_object(const std::vector<std::pair<const char*, std::string>>& fields);
// {"type", "timestamp", "data": {...}} for "job.ended" and "stack.changed"; `link` may be empty.
std::string webhook_body(const Report& report, const std::string& link);
// All fields, also empty ones.
std::string callback_body(const Package& package);

}  // namespace gachette::report
