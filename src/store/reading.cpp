#include "store/reading.h"

#include <algorithm>

#include "base/crypto.h"
#include "store/packing.h"

namespace gachette::store {

namespace {

using sqlite::Connection;
using sqlite::Query;

#define DELIVERY_COLUMNS                                                                                      \
    "id, hook, forge, peer, event_name, sender_id, secret_origin, body_sha256, reason, requested_by, state, " \
    "repeats, replay_of, received, body_bytes, repeated"

Delivery delivery_of(const Query& row) {
    Delivery delivery;
    delivery.id = row.number(0);
    delivery.hook = row.text(1);
    delivery.forge = row.text(2);
    delivery.peer = row.text(3);
    delivery.event_name = row.text(4);
    delivery.sender_id = row.text(5);
    delivery.secret_origin = row.text(6);
    delivery.body_sha256 = hex(row.bytes(7));
    delivery.reason = row.text(8);
    delivery.requested_by = row.text(9);
    delivery.state = static_cast<DeliveryState>(row.small(10));
    delivery.repeats = row.number(11);
    delivery.replay_of = row.number(12);
    delivery.received = row.number(13);
    delivery.body_bytes = row.number(14);
    delivery.repeated = row.number(15);
    return delivery;
}

#define JOB_COLUMNS                                                                                         \
    "id, delivery, arrival, project, ref, commit_id, build_key, kind, paths, state, step, reason, "         \
    "superseded_by, same_build_as, rebuild_of, requested_by, force_build, cancel_requested, cancelled_by, " \
    "attempts, created, started, finished, next_try, build_host, version, lease_owner, lease_until"

Job job_of(const Query& row) {
    Job job;
    job.id = row.number(0);
    job.delivery = row.number(1);
    job.arrival = row.number(2);
    job.project = row.text(3);
    job.ref = row.text(4);
    job.commit = row.text(5);
    job.build_key = row.text(6);
    job.kind = row.number(7) == 0 ? RefKind::branch : RefKind::tag;
    job.paths = unpack(row.bytes(8));
    job.state = static_cast<JobState>(row.small(9));
    job.step = static_cast<Step>(row.small(10));
    job.reason = row.text(11);
    job.superseded_by = row.number(12);
    job.same_build_as = row.number(13);
    job.rebuild_of = row.number(14);
    job.requested_by = row.text(15);
    job.force_build = row.number(16) != 0;
    job.cancel_requested = row.number(17) != 0;
    job.cancelled_by = row.text(18);
    job.attempts = row.small(19);
    job.created = row.number(20);
    job.started = row.number(21);
    job.finished = row.number(22);
    job.next_try = row.number(23);
    job.build_host = row.text(24);
    job.version = row.text(25);
    job.lease_owner = row.text(26);
    job.lease_until = row.number(27);
    return job;
}

std::vector<TargetState> read_target_states(Connection& connection, JobId id) {
    std::vector<TargetState> states;
    Query rows(connection,
               "SELECT domain, stack, from_stack, create_empty, forced, rule, outcome, reason, generation "
               "FROM targets WHERE job = ?1 ORDER BY position");
    rows.bind(id);
    while (rows.step()) {
        TargetState state;
        state.target = {rows.text(0), rows.text(1), rows.text(2), rows.number(3) != 0, rows.text(4), rows.text(5)};
        state.outcome = rows.text(6);
        state.reason = rows.text(7);
        state.generation = rows.number(8);
        states.push_back(std::move(state));
    }
    return states;
}

std::vector<Package> read_packages(Connection& connection, JobId id) {
    std::vector<Package> packages;
    Query rows(connection,
               "SELECT name, version, architecture, file, sha256, size FROM packages WHERE job = ?1 ORDER BY position");
    rows.bind(id);
    while (rows.step())
        packages.push_back({rows.text(0), rows.text(1), rows.text(2), rows.text(3), rows.text(4), rows.number(5)});
    return packages;
}

std::vector<Attempt> read_attempts(Connection& connection, JobId id) {
    std::vector<Attempt> attempts;
    Query rows(
        connection,
        "SELECT number, build_host, started, finished, result, reason FROM attempts WHERE job = ?1 ORDER BY number");
    rows.bind(id);
    while (rows.step()) {
        Attempt attempt;
        attempt.number = rows.small(0);
        attempt.build_host = rows.text(1);
        attempt.started = rows.number(2);
        attempt.finished = rows.number(3);
        if (!rows.null(4)) attempt.result = static_cast<AttemptClass>(rows.small(4));
        attempt.reason = rows.text(5);
        attempts.push_back(std::move(attempt));
    }
    return attempts;
}

void complete(Connection& connection, std::vector<Job>& jobs) {
    for (Job& job : jobs) {
        job.targets = read_target_states(connection, job.id);
        job.packages = read_packages(connection, job.id);
        job.tries = read_attempts(connection, job.id);
    }
}

std::vector<Job> take_jobs(Connection& connection, Query& rows) {
    std::vector<Job> jobs;
    while (rows.step()) jobs.push_back(job_of(rows));
    complete(connection, jobs);
    return jobs;
}

std::int64_t below(const ListOptions& options) { return options.before > 0 ? options.before : INT64_MAX; }
int page(const ListOptions& options) { return std::clamp(options.limit, 1, 500); }

}  // namespace

std::vector<JobId> jobs_of_delivery(Connection& connection, DeliveryId id) {
    std::vector<JobId> ids;
    Query rows(connection, "SELECT id FROM jobs WHERE delivery = ?1 ORDER BY id");
    rows.bind(id);
    while (rows.step()) ids.push_back(rows.number(0));
    return ids;
}

std::vector<Target> read_targets(Connection& connection, JobId id) {
    std::vector<Target> targets;
    for (TargetState& state : read_target_states(connection, id)) targets.push_back(std::move(state.target));
    return targets;
}

std::optional<Delivery> read_delivery(Connection& connection, DeliveryId id) {
    Query row(connection, "SELECT " DELIVERY_COLUMNS ", headers, decisions FROM deliveries WHERE id = ?1");
    if (!row.bind(id).step()) return std::nullopt;
    Delivery delivery = delivery_of(row);
    delivery.headers = unpack_headers(row.bytes(16));
    delivery.decisions = unpack_decisions(row.bytes(17));
    delivery.jobs = jobs_of_delivery(connection, id);
    return delivery;
}

std::vector<Delivery> list_deliveries(Connection& connection, const ListOptions& options) {
    std::string sql = "SELECT " DELIVERY_COLUMNS " FROM deliveries WHERE id < ?1";
    if (!options.hook.empty()) sql += " AND hook = ?3";
    if (options.state) sql += " AND state = ?4";
    sql += " ORDER BY id DESC LIMIT ?2";
    std::vector<Delivery> deliveries;
    Query rows(connection, sql);
    // Unused numbers are known to SQLite only up to the highest that occurs.
    if (options.state)
        rows.bind(below(options), page(options), options.hook, *options.state);
    else if (!options.hook.empty())
        rows.bind(below(options), page(options), options.hook);
    else
        rows.bind(below(options), page(options));
    while (rows.step()) deliveries.push_back(delivery_of(rows));
    for (Delivery& delivery : deliveries) delivery.jobs = jobs_of_delivery(connection, delivery.id);
    return deliveries;
}

std::optional<std::string> read_body(Connection& connection, DeliveryId id) {
    Query row(
        connection,
        "SELECT bodies.body, deliveries.body_sha256 FROM deliveries LEFT JOIN bodies ON bodies.id = deliveries.body "
        "WHERE deliveries.id = ?1 AND deliveries.body IS NOT NULL");
    if (!row.bind(id).step()) return std::nullopt;
    const Digest digest = sha256(row.bytes(0));
    const std::string_view found(reinterpret_cast<const char*>(digest.data()), digest.size());
    if (row.null(0) || found != row.bytes(1))
        throw StoreError(
            "the stored body of delivery " + std::to_string(id) +
            " is damaged: it does not match its SHA-256; let the sender send it again or put a backup in place");
    return row.text(0);
}

std::optional<Job> read_job(Connection& connection, JobId id) {
    Query row(connection, "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?1");
    if (!row.bind(id).step()) return std::nullopt;
    std::vector<Job> jobs{job_of(row)};
    complete(connection, jobs);
    return std::move(jobs.front());
}

std::vector<Job> list_jobs(Connection& connection, const ListOptions& options) {
    std::string sql = "SELECT " JOB_COLUMNS " FROM jobs WHERE id < ?1";
    if (!options.project.empty()) sql += " AND project = ?3";
    if (options.state) sql += " AND state = ?4";
    sql += " ORDER BY id DESC LIMIT ?2";
    Query rows(connection, sql);
    if (options.state)
        rows.bind(below(options), page(options), options.project, *options.state);
    else if (!options.project.empty())
        rows.bind(below(options), page(options), options.project);
    else
        rows.bind(below(options), page(options));
    return take_jobs(connection, rows);
}

// A job is not due while another of its project and ref runs: INDEXED BY the small indexes of open jobs, whatever the
// planner thinks of a table without statistics.
#define NO_RUNNING_JOB_OF_ITS_REF                                                                                     \
    "NOT EXISTS (SELECT 1 FROM jobs AS other INDEXED BY jobs_open WHERE other.project = job.project AND other.ref = " \
    "job.ref AND other.state = 2 AND other.state IN (1, 2))"

std::vector<Job> due_jobs(Connection& connection, Milliseconds now, int limit) {
    Query rows(connection, "SELECT " JOB_COLUMNS
                           " FROM jobs AS job INDEXED BY jobs_due WHERE state = 1 AND waits = 0 AND next_try <= ?1 "
                           "AND " NO_RUNNING_JOB_OF_ITS_REF " ORDER BY arrival, id LIMIT ?2");
    rows.bind(now, limit);
    return take_jobs(connection, rows);
}

std::optional<Milliseconds> next_due(Connection& connection, Milliseconds after) {
    return connection.number(
        "SELECT next_try FROM jobs AS job INDEXED BY jobs_by_time WHERE state = 1 AND waits = 0 AND next_try > ?1 "
        "AND " NO_RUNNING_JOB_OF_ITS_REF " ORDER BY next_try LIMIT 1",
        after);
}

std::map<std::string, std::string> read_repositories(Connection& connection) {
    std::map<std::string, std::string> repositories;
    Query rows(connection, "SELECT key, project FROM repositories");
    while (rows.step()) repositories.emplace(rows.text(0), rows.text(1));
    return repositories;
}

}  // namespace gachette::store
