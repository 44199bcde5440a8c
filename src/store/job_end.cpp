#include "store/job_end.h"

#include "store/outbox.h"

namespace gachette::store {

using sqlite::Connection;
using sqlite::Query;

namespace {

bool packages_usable(Connection& connection, JobId id, JobState state) {
    // Refused: the stack said no, but what was built is there.
    if (state != JobState::done && state != JobState::refused) return false;
    return connection.number("SELECT 1 FROM packages WHERE job = ?1 LIMIT 1", id).has_value();
}

void release_waiting(Connection& connection, JobId id, bool usable, Milliseconds now) {
    if (usable) {
        connection.run("UPDATE jobs SET waits = 0, next_try = ?2 WHERE same_build_as = ?1 AND waits = 1", id, now);
        return;
    }
    const auto first = connection.number(
        "SELECT id FROM jobs INDEXED BY jobs_waiting WHERE same_build_as = ?1 AND waits = 1 ORDER BY arrival, id LIMIT "
        "1",
        id);
    if (!first) return;
    connection.run("UPDATE jobs SET waits = 0, same_build_as = 0, next_try = ?2 WHERE id = ?1", *first, now);
    connection.run("UPDATE jobs SET same_build_as = ?2 WHERE same_build_as = ?1 AND waits = 1", id, *first);
}

}  // namespace

void end_job(Connection& connection, JobId id, JobState state, const std::string& reason, Milliseconds now) {
    connection.run(
        "UPDATE jobs SET state = ?2, reason = ?3, finished = ?4, waits = 0, lease_owner = '', lease_until = 0 WHERE id "
        "= ?1",
        id, static_cast<int>(state), reason, now);
    release_waiting(connection, id, packages_usable(connection, id, state), now);
    announce(connection, id, now);
}

}  // namespace gachette::store
