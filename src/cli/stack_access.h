// What the commands that touch stacks share.
#pragma once
#include <string>

#include "cli/session.h"
#include "stacks/stacks.h"

namespace gachette::cli {

// The stacks below the meta_path of the call's build host. Lives as long as the session.
stacks::StackHost stack_host(Session& session, const Call& call);
// Who stands in the record: "command line of hero".
std::string asked_by();
// Throws UsageError (exit 2) with the sentence of check_name() when this is no name.
void need_name(const std::string& what, const std::string& name);
// What the stack holds. Throws std::runtime_error with "command: ..." (exit 1) when it does not exist.
stacks::StackState need_stack(Session& session, const Call& call, const std::string& domain, const std::string& stack);

}  // namespace gachette::cli
