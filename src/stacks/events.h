// What the host program tells about stacks, turned into values. Nothing from a host is believed unchecked: the error
// says which word was wrong. Pure.
#pragma once
#include "remote/conversation.h"
#include "stacks/stacks.h"

namespace gachette::stacks {

Result<StackSummary> read_stack(const remote::HostEvent& event);  // "stack"
Result<StackSummary> read_alias(const remote::HostEvent& event);  // "alias"
Result<StackEntry> read_package(const remote::HostEvent& event);  // "package"
Result<Changed> read_change(const remote::HostEvent& event);  // "change"; outcomes refused and superseded are errors
Result<Verification> read_verified(
    const remote::HostEvent& event);  // "verified": the count; problems come as "problem"

}  // namespace gachette::stacks
