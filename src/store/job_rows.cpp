// How jobs come: rows, supersession, siblings.
#include <algorithm>

#include "store/job_end.h"
#include "store/job_life.h"
#include "store/outbox.h"
#include "store/packing.h"
#include "store/reading.h"

namespace gachette::store {

using sqlite::Connection;
using sqlite::Query;

bool covers(const std::vector<Target>& newer, const std::vector<Target>& older) {
    return std::all_of(older.begin(), older.end(), [&newer](const Target& target) {
        return std::any_of(newer.begin(), newer.end(), [&target](const Target& candidate) {
            return candidate.domain == target.domain && candidate.stack == target.stack;
        });
    });
}

namespace {

JobId insert_row(Connection& connection, const NewJob& job, Milliseconds now) {
    const std::string paths = pack(job.planned.paths);
    connection.run(
        "INSERT INTO jobs (delivery, arrival, project, ref, kind, commit_id, build_key, paths, state, rebuild_of, "
        "requested_by, force_build, created, next_try, before_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, ?10, "
        "?11, ?12, ?12, ?13)",
        job.delivery, job.arrival, job.planned.project, job.planned.ref, job.planned.kind == RefKind::branch ? 0 : 1,
        job.planned.commit, job.planned.build_key, sqlite::Blob{paths}, job.rebuild_of, job.requested_by,
        job.force_build, now, job.planned.before);
    const JobId id = connection.last_id();
    int position = 0;
    for (const Target& target : job.planned.targets)
        connection.run(
            "INSERT INTO targets (job, position, domain, stack, from_stack, create_empty, forced, rule) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            id, position++, target.domain, target.stack, target.from, target.create, target.forced, target.rule);
    if (const std::string reporting = pack_reporting(job.planned.reporting); !reporting.empty())
        connection.run("UPDATE jobs SET reporting = ?2 WHERE id = ?1", id, sqlite::Blob{reporting});
    else if (job.rebuild_of != 0)
        connection.run("UPDATE jobs SET reporting = (SELECT reporting FROM jobs WHERE id = ?2) WHERE id = ?1", id,
                       job.rebuild_of);
    return id;
}

// Arrival decides, except where the queued push itself says that it came after this commit: then the senders' order was
// swapped on the way, and the queued one stays. What else was discarded wrongly is found by asking the repository,
// which happens soon after every supersession (dispatch/reconciler.h).
std::vector<JobId> supersede_older(Connection& connection, JobId id, const NewJob& job, Milliseconds now) {
    std::vector<JobId> older;
    {
        Query rows(connection,
                   "SELECT id FROM jobs INDEXED BY jobs_open WHERE project = ?1 AND ref = ?2 AND state = 1 "
                   "AND state IN (1, 2) AND arrival < ?3 AND (before_id = '' OR before_id <> ?4) ORDER BY id");
        rows.bind(job.planned.project, job.planned.ref, job.arrival, job.planned.commit);
        while (rows.step()) older.push_back(rows.number(0));
    }
    std::erase_if(older,
                  [&](JobId candidate) { return !covers(job.planned.targets, read_targets(connection, candidate)); });
    for (const JobId candidate : older) {
        connection.run("UPDATE jobs SET superseded_by = ?2 WHERE id = ?1", candidate, id);
        end_job(connection, candidate, JobState::superseded, superseded_sentence(id), now);
    }
    return older;
}

struct Builder {
    JobId id = 0;
    bool wait = false;
};

// The job that made or will make the packages of this build key.
Builder find_builder(Connection& connection, const std::string& build_key, JobId own) {
    if (build_key.empty()) return {};
    if (const auto done = connection.number(
            "SELECT id FROM jobs INDEXED BY jobs_by_build WHERE build_key = ?1 AND build_key <> '' AND state = 10 "
            "AND id <> ?2 AND EXISTS (SELECT 1 FROM packages WHERE job = jobs.id) ORDER BY id DESC LIMIT 1",
            build_key, own))
        return {*done, false};
    if (const auto open = connection.number(
            "SELECT id FROM jobs INDEXED BY jobs_by_build WHERE build_key = ?1 AND build_key <> '' AND state IN (1, 2) "
            "AND waits = 0 AND id <> ?2 ORDER BY state DESC, id LIMIT 1",
            build_key, own))
        return {*open, true};
    return {};
}

}  // namespace

std::string superseded_sentence(JobId by) { return "job " + std::to_string(by) + " of a newer push took its place"; }

AcceptedJob insert_job(Connection& connection, const NewJob& job, Milliseconds now) {
    AcceptedJob accepted;
    accepted.id = insert_row(connection, job, now);
    accepted.project = job.planned.project;
    accepted.ref = job.planned.ref;
    accepted.commit = job.planned.commit;
    accepted.targets = job.planned.targets;
    if (job.supersedes) accepted.superseded = supersede_older(connection, accepted.id, job, now);
    const Builder builder = job.force_build ? Builder{} : find_builder(connection, job.planned.build_key, accepted.id);
    accepted.same_build_as = builder.id;
    if (builder.id != 0)
        connection.run("UPDATE jobs SET same_build_as = ?2, waits = ?3 WHERE id = ?1", accepted.id, builder.id,
                       builder.wait);
    if (job.planned.reporting || job.rebuild_of != 0) announce(connection, accepted.id, now);
    return accepted;
}

NewJob again(const Job& job, const std::string& by, bool force_build) {
    NewJob repeated;
    repeated.delivery = job.delivery;
    repeated.arrival = job.arrival;
    repeated.planned = {job.project, job.kind, job.ref, job.commit, job.paths, {}, job.build_key};
    for (const TargetState& state : job.targets) repeated.planned.targets.push_back(state.target);
    repeated.rebuild_of = job.id;
    repeated.requested_by = by;
    repeated.force_build = force_build;
    return repeated;
}

}  // namespace gachette::store
