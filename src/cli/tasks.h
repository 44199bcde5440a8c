// The commands: each does one call and returns the exit code 0 or 1; what cannot be done at all is thrown
// (base/error.h: UsageError and ConfigError mean 2, HostError and DaemonError 3).
#pragma once
#include "cli/invocation.h"
#include "cli/session.h"

namespace gachette::cli {

// The original's tasks.
int version(Session& session, const Call& call);
int show_config(Session& session, const Call& call);
int stack_create(Session& session, const Call& call);
int prepare(Session& session, const Call& call);
int build(Session& session, const Call& call);
int add_to_stack(Session& session, const Call& call);
int quick(Session& session, const Call& call);

// The daemon's configuration and hooks; nothing but reading.
int serve(Session& session, const Call& call);
int check_config(Session& session, const Call& call);
int explain(Session& session, const Call& call);
int sign(Session& session, const Call& call);

// Asked of the running daemon.
int deliveries(Session& session, const Call& call);
int jobs(Session& session, const Call& call);
int logs(Session& session, const Call& call);
int replay(Session& session, const Call& call);
int rebuild(Session& session, const Call& call);
int cancel(Session& session, const Call& call);

// Stacks on the build host, without the daemon.
int stacks(Session& session, const Call& call);
int stack_show(Session& session, const Call& call);
int stack_diff(Session& session, const Call& call);
int stack_log(Session& session, const Call& call);
int stack_rollback(Session& session, const Call& call);
int stack_remove(Session& session, const Call& call);
int stack_promote(Session& session, const Call& call);
int stack_alias(Session& session, const Call& call);
int stack_freeze(Session& session, const Call& call);
int stack_thaw(Session& session, const Call& call);
int stack_verify(Session& session, const Call& call);

}  // namespace gachette::cli
