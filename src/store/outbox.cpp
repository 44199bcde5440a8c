#include "store/outbox.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "store/packing.h"
#include "store/reading.h"

namespace gachette::store {

using sqlite::Connection;
using sqlite::Query;

namespace {

// A row that is due this far in the future was written before the clock was put back: it is due now.
constexpr Milliseconds clock_jump = 2LL * 60 * 60 * 1000;

[[noreturn]] void broken() {
    throw StoreError("the database holds a report that is not whole: the file is damaged; put a backup in its place");
}

std::int64_t number_of(const std::string& text) {
    const auto number = parse_decimal(text);
    if (!number) broken();
    return *number;
}

std::optional<Reporting> unpack_reporting(std::string_view packed) {
    if (packed.empty()) return std::nullopt;
    const std::vector<std::string> texts = unpack(packed);
    if (texts.size() < 2 || (texts.size() - 2) % 3 != 0) broken();
    Reporting reporting{texts[0], texts[1], {}};
    for (std::size_t i = 2; i < texts.size(); i += 3)
        reporting.to.push_back({texts[i], static_cast<ReportKind>(number_of(texts[i + 1])), texts[i + 2]});
    return reporting;
}

// The facts in the order of their struct; lists are packed again.
std::string pack_facts(const ReportFacts& facts) {
    std::vector<std::string> targets, packages;
    for (const TargetState& state : facts.targets)
        targets.push_back(pack(
            {state.target.domain, state.target.stack, state.outcome, state.reason, std::to_string(state.generation)}));
    for (const Package& package : facts.packages)
        packages.push_back(pack({package.name, package.version, package.architecture, package.file, package.sha256,
                                 std::to_string(package.size)}));
    return pack({facts.event, std::to_string(facts.job), std::to_string(facts.delivery), facts.project,
                 facts.repository_id, facts.repository, facts.commit, facts.ref, facts.context,
                 std::to_string(static_cast<int>(facts.state)), facts.reason, facts.version, pack(targets),
                 pack(packages)});
}

ReportFacts unpack_facts(std::string_view packed) {
    const std::vector<std::string> texts = unpack(packed);
    if (texts.size() != 14) broken();
    ReportFacts facts;
    facts.event = texts[0];
    facts.job = number_of(texts[1]);
    facts.delivery = number_of(texts[2]);
    facts.project = texts[3];
    facts.repository_id = texts[4];
    facts.repository = texts[5];
    facts.commit = texts[6];
    facts.ref = texts[7];
    facts.context = texts[8];
    facts.state = static_cast<JobState>(number_of(texts[9]));
    facts.reason = texts[10];
    facts.version = texts[11];
    for (const std::string& target : unpack(texts[12])) {
        const std::vector<std::string> parts = unpack(target);
        if (parts.size() != 5) broken();
        TargetState state;
        state.target.domain = parts[0];
        state.target.stack = parts[1];
        state.outcome = parts[2];
        state.reason = parts[3];
        state.generation = number_of(parts[4]);
        facts.targets.push_back(state);
    }
    for (const std::string& package : unpack(texts[13])) {
        const std::vector<std::string> parts = unpack(package);
        if (parts.size() != 6) broken();
        facts.packages.push_back({parts[0], parts[1], parts[2], parts[3], parts[4], number_of(parts[5])});
    }
    return facts;
}

void write(Connection& connection, const Reporting::To& to, const ReportFacts& facts, const std::string& order_key,
           Milliseconds now) {
    Milliseconds next_try = now;
    if (to.kind == ReportKind::status) {  // the newest word counts; a wait that the forge asked for goes on
        next_try = std::max(now, connection
                                     .number("SELECT coalesce(max(next_try), 0) FROM outbox WHERE order_key = ?1 AND "
                                             "state = 1 AND next_try <= ?2",
                                             order_key, now + clock_jump)
                                     .value_or(0));
        connection.run("UPDATE outbox SET state = ?3, finished = ?2 WHERE order_key = ?1 AND state = 1", order_key, now,
                       static_cast<int>(ReportState::overtaken));
    }
    const std::string packed = pack_facts(facts);
    connection.run(
        "INSERT INTO outbox (reporter, kind, order_key, job, facts, created, next_try, state) VALUES (?1, ?2, ?3, ?4, "
        "?5, ?6, ?7, 1)",
        to.reporter, static_cast<int>(to.kind), order_key, facts.job, sqlite::Blob{packed}, now, next_try);
}

std::string status_key(const Reporting::To& to, const ReportFacts& facts) {
    const std::string repository = facts.repository_id.empty() ? facts.repository : facts.repository_id;
    return pack({to.reporter, repository, facts.commit, lower(to.context)});
}

void write_status(Connection& connection, const Reporting::To& to, ReportFacts facts, Milliseconds now) {
    if (facts.commit.empty()) return;  // not known yet: there is nothing that could stay on pending
    facts.context = to.context;
    facts.packages.clear();
    write(connection, to, facts, status_key(to, facts), now);
}

void write_webhooks(Connection& connection, const Reporting::To& to, ReportFacts facts, Milliseconds now) {
    if (!ended(facts.state)) return;
    const std::string key = pack({to.reporter, std::to_string(facts.job)});
    facts.event = "job.ended";
    write(connection, to, facts, key, now);
    facts.event = "stack.changed";
    const std::vector<TargetState> targets = std::move(facts.targets);
    for (const TargetState& state : targets) {
        if (state.outcome != "changed") continue;
        facts.targets = {state};
        write(connection, to, facts, key, now);
    }
}

// Packages that this job built itself, one row each.
void write_callbacks(Connection& connection, const Reporting::To& to, const Job& job, ReportFacts facts,
                     Milliseconds now) {
    if (job.same_build_as != 0 || (job.state != JobState::done && job.state != JobState::refused)) return;
    facts.event = "package";
    facts.targets.clear();
    for (const Package& package : job.packages) {
        facts.packages = {package};
        write(connection, to, facts, pack({to.reporter, std::to_string(job.id)}), now);
    }
}

ReportFacts facts_of(const Job& job, const Reporting& reporting) {
    ReportFacts facts;
    facts.event = "status";
    facts.job = job.id;
    facts.delivery = job.delivery;
    facts.project = job.project;
    facts.repository_id = reporting.repository_id;
    facts.repository = reporting.repository;
    facts.commit = job.commit;
    facts.ref = job.ref;
    facts.state = job.state;
    facts.reason = job.reason;
    facts.version = job.version;
    facts.targets = job.targets;
    facts.packages = job.packages;
    return facts;
}

std::optional<Reporting> reporting_of(Connection& connection, JobId id) {
    Query row(connection, "SELECT reporting FROM jobs WHERE id = ?1");
    if (!row.bind(id).step()) return std::nullopt;
    return unpack_reporting(row.bytes(0));
}

#define REPORT_COLUMNS "id, kind, reporter, facts, attempts, created, next_try, last_error, state"

Report report_of(const Query& row) {
    Report report;
    report.id = row.number(0);
    report.kind = static_cast<ReportKind>(row.small(1));
    report.reporter = row.text(2);
    report.facts = unpack_facts(row.bytes(3));
    report.attempts = row.small(4);
    report.created = row.number(5);
    report.next_try = row.number(6);
    report.last_error = row.text(7);
    report.state = static_cast<ReportState>(row.small(8));
    return report;
}

std::vector<Report> all_of(Query& rows) {
    std::vector<Report> reports;
    while (rows.step()) reports.push_back(report_of(rows));
    return reports;
}

}  // namespace

std::string pack_reporting(const std::optional<Reporting>& reporting) {
    if (!reporting) return "";
    std::vector<std::string> texts = {reporting->repository_id, reporting->repository};
    for (const Reporting::To& to : reporting->to)
        texts.insert(texts.end(), {to.reporter, std::to_string(static_cast<int>(to.kind)), to.context});
    return pack(texts);
}

void announce(Connection& connection, JobId id, Milliseconds now) {
    const std::optional<Reporting> reporting = reporting_of(connection, id);
    if (!reporting) return;
    const std::optional<Job> job = read_job(connection, id);
    if (!job) return;
    const ReportFacts facts = facts_of(*job, *reporting);
    for (const Reporting::To& to : reporting->to) switch (to.kind) {
            case ReportKind::status:
                write_status(connection, to, facts, now);
                break;
            case ReportKind::webhook:
                write_webhooks(connection, to, facts, now);
                break;
            case ReportKind::callback:
                write_callbacks(connection, to, *job, facts, now);
                break;
        }
}

void announce_other_commit(Connection& connection, JobId id, const std::string& before, Milliseconds now) {
    const std::optional<Reporting> reporting = reporting_of(connection, id);
    const std::optional<Job> job = reporting ? read_job(connection, id) : std::nullopt;
    if (!job || before.empty() || before == job->commit) return;
    ReportFacts facts = facts_of(*job, *reporting);
    facts.commit = before;
    facts.state = JobState::superseded;
    facts.reason = "the ref points at " + job->commit.substr(0, 10) + " now, which is built instead";
    for (const Reporting::To& to : reporting->to)
        if (to.kind == ReportKind::status) write_status(connection, to, facts, now);
}

std::map<std::string, Milliseconds> next_reports(Connection& connection, Milliseconds now) {
    std::map<std::string, Milliseconds> next;
    Query rows(connection,
               "SELECT reporter, min(CASE WHEN next_try > ?1 THEN 0 ELSE next_try END) FROM outbox AS row INDEXED BY "
               "outbox_waiting WHERE state = 1 AND NOT EXISTS (SELECT 1 FROM outbox AS older WHERE older.order_key = "
               "row.order_key AND older.state = 1 AND older.id < row.id) GROUP BY reporter");
    rows.bind(now + clock_jump);
    while (rows.step()) next[rows.text(0)] = rows.number(1);
    return next;
}

std::vector<Report> due_reports(Connection& connection, const std::string& reporter, Milliseconds now, int limit) {
    Query rows(connection,
               "SELECT " REPORT_COLUMNS
               " FROM outbox AS row INDEXED BY outbox_waiting WHERE state = 1 AND reporter = ?1 AND (next_try <= ?2 OR "
               "next_try > ?3) AND NOT EXISTS (SELECT 1 FROM outbox AS older WHERE older.order_key = row.order_key AND "
               "older.state = 1 AND older.id < row.id) ORDER BY id LIMIT ?4");
    rows.bind(reporter, now, now + clock_jump, limit);
    return all_of(rows);
}

std::vector<Report> list_reports(Connection& connection, JobId job) {
    Query rows(connection, "SELECT " REPORT_COLUMNS " FROM outbox WHERE job = ?1 ORDER BY id");
    rows.bind(job);
    return all_of(rows);
}

void note_report(Connection& connection, std::int64_t id, const ReportNote& note, Milliseconds now) {
    connection.run(
        "UPDATE outbox SET state = ?2, attempts = attempts + 1, next_try = ?3, last_error = ?4, finished = CASE WHEN "
        "?2 = 1 THEN 0 ELSE ?5 END WHERE id = ?1 AND state = 1",
        id, static_cast<int>(note.state), note.next_try, note.error, now);
}

std::int64_t retry_denied_reports(Connection& connection, Milliseconds now) {
    connection.run(
        "UPDATE outbox SET state = 1, next_try = ?1, finished = 0 WHERE state = 5 AND id = (SELECT max(newest.id) FROM "
        "outbox AS newest INDEXED BY outbox_of_key WHERE newest.order_key = outbox.order_key AND (newest.kind = 1 OR "
        "newest.id = outbox.id))",
        now);
    return connection.changes();
}

std::int64_t forget_reports(Connection& connection, Milliseconds before) {
    connection.run("DELETE FROM outbox WHERE state <> 1 AND finished < ?1", before);
    return connection.changes();
}

}  // namespace gachette::store
