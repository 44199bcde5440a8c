// Stacks as the API and the command line show them: JSON texts.
#pragma once
#include <string>
#include <vector>

#include "stacks/stacks.h"

namespace gachette::serve {

std::string stacks_json(const std::vector<stacks::StackSummary>& summaries);
std::string stack_json(const stacks::StackState& state);
std::string stack_log_json(const std::vector<stacks::LogEntry>& entries);
std::string stack_diff_json(const stacks::Difference& difference);

}  // namespace gachette::serve
