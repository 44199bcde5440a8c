#include "store/job_life.h"

#include <algorithm>

#include "store/job_end.h"
#include "store/outbox.h"
#include "store/reading.h"

namespace gachette::store {

using sqlite::Connection;
using sqlite::Query;

namespace {

constexpr int takes_before_dead = 3;
// A crash of ours weighs as one of three; an end that leaves no trace (kill -9, power) as one of 24: it tells little
// about the job, but a job that is killed for its memory must end, too.
constexpr int crash_weight = 8;
constexpr int dead_weight = takes_before_dead * crash_weight;
constexpr const char* dead_reason = "taken up again and again and never ended; gachette went down each time";

struct State {
    JobState state;
    int attempts;
    bool cancel_requested;
    std::string cancelled_by;
};

std::optional<State> state_of(Connection& connection, JobId id) {
    Query row(connection, "SELECT state, attempts, cancel_requested, cancelled_by FROM jobs WHERE id = ?1");
    if (!row.bind(id).step()) return std::nullopt;
    return State{static_cast<JobState>(row.small(0)), row.small(1), row.number(2) != 0, row.text(3)};
}

std::string cancelled_sentence(const std::string& by) { return "cancelled by " + by; }

// Attempts during which gachette went down and that led nowhere.
std::int64_t crashed_attempts(Connection& connection, JobId id) {
    return connection
        .number("SELECT count(*) FROM attempts WHERE job = ?1 AND adoptions > 0 AND (result IS NULL OR result = ?2)",
                id, static_cast<int>(AttemptClass::lost))
        .value_or(0);
}

void end_attempt(Connection& connection, JobId id, AttemptClass result, const std::string& reason, Milliseconds now) {
    connection.run("UPDATE attempts SET finished = ?2, result = ?3, reason = ?4 WHERE job = ?1 AND result IS NULL", id,
                   now, static_cast<int>(result), reason);
}

void record(Connection& connection, JobId id, const Outcome& outcome, Milliseconds now) {
    end_attempt(connection, id, outcome.result, outcome.reason, now);
    if (!outcome.commit.empty()) {
        const std::string before = connection.text("SELECT commit_id FROM jobs WHERE id = ?1", id).value_or("");
        connection.run("UPDATE jobs SET commit_id = ?2 WHERE id = ?1", id, outcome.commit);
        if (before != outcome.commit) announce_other_commit(connection, id, before, now);
    }
    if (!outcome.version.empty()) connection.run("UPDATE jobs SET version = ?2 WHERE id = ?1", id, outcome.version);
    for (const TargetState& state : outcome.targets)
        connection.run(
            "UPDATE targets SET outcome = ?4, reason = ?5, generation = ?6 WHERE job = ?1 AND domain = ?2 AND stack = "
            "?3",
            id, state.target.domain, state.target.stack, state.outcome, state.reason, state.generation);
    if (outcome.packages.empty()) return;
    connection.run("DELETE FROM packages WHERE job = ?1", id);
    int position = 0;
    for (const Package& package : outcome.packages)
        connection.run("INSERT INTO packages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", id, position++, package.name,
                       package.version, package.architecture, package.file, package.sha256, package.size);
}

// The newest later job of the same project and ref; 0: none.
JobId newer_job(Connection& connection, JobId id) {
    return connection
        .number(
            "SELECT newer.id FROM jobs AS job, jobs AS newer INDEXED BY jobs_by_project WHERE job.id = ?1 "
            "AND newer.project = job.project AND newer.id > job.id AND newer.ref = job.ref "
            "AND newer.arrival > job.arrival ORDER BY newer.id DESC LIMIT 1",
            id)
        .value_or(0);
}

std::string reason_of(const Outcome& outcome) {
    if (!outcome.reason.empty()) return outcome.reason;
    for (const TargetState& state : outcome.targets)
        if (state.outcome == "refused" || state.outcome == "superseded") return state.reason;
    return "";
}

// The queued job of a newer push that makes another try of this one pointless; 0: none.
JobId covering_job(Connection& connection, JobId id) {
    const std::vector<Target> targets = read_targets(connection, id);
    Query rows(connection,
               "SELECT newer.id FROM jobs AS job, jobs AS newer INDEXED BY jobs_open WHERE job.id = ?1 "
               "AND newer.project = job.project AND newer.ref = job.ref AND newer.state = 1 AND newer.state IN (1, 2) "
               "AND newer.arrival > job.arrival ORDER BY newer.id DESC");
    rows.bind(id);
    while (rows.step())
        if (covers(read_targets(connection, rows.number(0)), targets)) return rows.number(0);
    return 0;
}

}  // namespace

JobState state_after(const Outcome& outcome, bool cancel_requested) {
    const auto is = [](const char* word) { return [word](const TargetState& state) { return state.outcome == word; }; };
    switch (outcome.result) {
        case AttemptClass::ok:
            if (std::any_of(outcome.targets.begin(), outcome.targets.end(), is("refused"))) return JobState::refused;
            if (!outcome.targets.empty() &&
                std::all_of(outcome.targets.begin(), outcome.targets.end(), is("superseded")))
                return JobState::superseded;
            return JobState::done;
        case AttemptClass::failed:
            return JobState::failed;
        case AttemptClass::refused:
            return JobState::refused;
        case AttemptClass::superseded:
            return JobState::superseded;
        case AttemptClass::cancelled:
            return JobState::cancelled;
        case AttemptClass::infrastructure:
        case AttemptClass::lost:
        case AttemptClass::unreachable:
            return cancel_requested ? JobState::cancelled : JobState::gave_up;
    }
    return JobState::gave_up;
}

std::optional<Job> claim(Connection& connection, JobId id, const std::string& build_host, const std::string& owner,
                         Milliseconds lease_until, Milliseconds now) {
    const auto free = connection.number(
        "SELECT attempts FROM jobs AS job WHERE id = ?1 AND state = 1 AND waits = 0 AND NOT EXISTS (SELECT 1 FROM jobs "
        "AS "
        "other INDEXED BY jobs_open WHERE other.project = job.project AND other.ref = job.ref AND other.state = 2 "
        "AND other.state IN (1, 2))",
        id);
    if (!free) return std::nullopt;
    if (crashed_attempts(connection, id) >= takes_before_dead) {
        end_job(connection, id, JobState::dead, dead_reason, now);
        return std::nullopt;
    }
    const std::int64_t number = *free + 1;
    connection.run(
        "UPDATE jobs SET state = 2, step = 0, attempts = ?2, started = ?3, build_host = ?4, lease_owner = ?5, "
        "lease_until = ?6 WHERE id = ?1",
        id, number, now, build_host, owner, lease_until);
    connection.run("INSERT INTO attempts (job, number, build_host, started) VALUES (?1, ?2, ?3, ?4)", id, number,
                   build_host, now);
    announce(connection, id, now);
    return read_job(connection, id);
}

void renew(Connection& connection, JobId id, const std::string& owner, Milliseconds lease_until) {
    connection.run("UPDATE jobs SET lease_until = ?3 WHERE id = ?1 AND state = 2 AND lease_owner = ?2", id, owner,
                   lease_until);
}

std::vector<Job> adopt(Connection& connection, const std::string& owner, Milliseconds lease_until, LastEnd last_end,
                       Milliseconds now) {
    std::vector<JobId> left;
    {
        Query rows(connection, "SELECT id FROM jobs WHERE state = 2 AND lease_owner <> ?1 ORDER BY arrival, id");
        rows.bind(owner);
        while (rows.step()) left.push_back(rows.number(0));
    }
    std::vector<Job> adopted;
    for (const JobId id : left) {
        connection.run("UPDATE attempts SET adoptions = adoptions + ?2 WHERE job = ?1 AND result IS NULL", id,
                       last_end == LastEnd::crashed ? crash_weight : 1);
        if (connection.number("SELECT max(adoptions) FROM attempts WHERE job = ?1 AND result IS NULL", id)
                .value_or(0) >= dead_weight) {
            end_attempt(connection, id, AttemptClass::lost, dead_reason, now);
            end_job(connection, id, JobState::dead, dead_reason, now);
            continue;
        }
        connection.run("UPDATE jobs SET lease_owner = ?2, lease_until = ?3 WHERE id = ?1", id, owner, lease_until);
        adopted.push_back(*read_job(connection, id));
    }
    return adopted;
}

void set_step(Connection& connection, JobId id, Step step, const std::string& version) {
    connection.run(
        "UPDATE jobs SET step = ?2, version = CASE WHEN ?3 = '' THEN version ELSE ?3 END WHERE id = ?1 AND state = 2",
        id, static_cast<int>(step), version);
}

void finish(Connection& connection, JobId id, const Outcome& outcome, Milliseconds now) {
    const auto current = state_of(connection, id);
    if (!current || ended(current->state)) return;  // said twice: the first word counts
    record(connection, id, outcome, now);
    const JobState state = state_after(outcome, current->cancel_requested);
    std::string reason = reason_of(outcome);
    if (state == JobState::cancelled && reason.empty()) reason = cancelled_sentence(current->cancelled_by);
    if (state == JobState::superseded)
        connection.run("UPDATE jobs SET superseded_by = ?2 WHERE id = ?1", id, newer_job(connection, id));
    end_job(connection, id, state, reason, now);
}

void retry(Connection& connection, JobId id, const Outcome& outcome, Milliseconds next_try, Milliseconds now) {
    const auto current = state_of(connection, id);
    if (!current || ended(current->state)) return;
    record(connection, id, outcome, now);
    if (current->cancel_requested) {
        end_job(connection, id, JobState::cancelled, cancelled_sentence(current->cancelled_by), now);
        return;
    }
    if (const JobId newer = covering_job(connection, id)) {
        connection.run("UPDATE jobs SET superseded_by = ?2 WHERE id = ?1", id, newer);
        end_job(connection, id, JobState::superseded, superseded_sentence(newer), now);
        return;
    }
    connection.run(
        "UPDATE jobs SET state = 1, step = 0, reason = ?2, next_try = ?3, lease_owner = '', lease_until = 0 WHERE id = "
        "?1",
        id, outcome.reason, next_try);
}

Result<JobState> cancel(Connection& connection, JobId id, const std::string& by, Milliseconds now) {
    const auto current = state_of(connection, id);
    const std::string name = "job " + std::to_string(id);
    if (!current) return fail(name + " does not exist; see the list of jobs");
    if (ended(current->state))
        return fail(name + " cannot be cancelled: it has ended already (" + std::string(to_string(current->state)) +
                    ")");
    if (!current->cancel_requested)
        connection.run("UPDATE jobs SET cancel_requested = 1, cancelled_by = ?2 WHERE id = ?1", id, by);
    if (current->state == JobState::running) return JobState::running;
    end_job(connection, id, JobState::cancelled, cancelled_sentence(by), now);
    return JobState::cancelled;
}

Result<JobId> rebuild(Connection& connection, JobId id, const std::string& by, Milliseconds now) {
    const auto job = read_job(connection, id);
    const std::string name = "job " + std::to_string(id);
    if (!job) return fail(name + " does not exist; see the list of jobs");
    if (!ended(job->state))
        return fail(name + " cannot be built again yet: it is " + std::string(to_string(job->state)) +
                    "; wait for its end or cancel it");
    return insert_job(connection, again(*job, by, true), now).id;
}

}  // namespace gachette::store
