// The outbox: what is to be told of a job, written in the transaction that changes the job, so that neither can be
// without the other. Every function works inside the caller's transaction; StoreError if it cannot.
#pragma once
#include <string>
#include <vector>

#include "store/sqlite.h"
#include "store/store.h"

namespace gachette::store {

// Writes what follows from the job's present state for everybody who hears of it. A waiting status of the same commit
// and name is overtaken by the new one.
void announce(sqlite::Connection& connection, JobId id, Milliseconds now);
// The repository confirmed another commit than the one that was announced: that one must not stay on pending.
void announce_other_commit(sqlite::Connection& connection, JobId id, const std::string& before, Milliseconds now);

// How a job's `reporting` column looks; empty for nobody.
std::string pack_reporting(const std::optional<Reporting>& reporting);

std::map<std::string, Milliseconds> next_reports(sqlite::Connection& connection, Milliseconds now);
std::vector<Report> due_reports(sqlite::Connection& connection, const std::string& reporter, Milliseconds now,
                                int limit);
std::vector<Report> list_reports(sqlite::Connection& connection, JobId job);
void note_report(sqlite::Connection& connection, std::int64_t id, const ReportNote& note, Milliseconds now);
std::int64_t retry_denied_reports(sqlite::Connection& connection, Milliseconds now);
std::int64_t forget_reports(sqlite::Connection& connection, Milliseconds before);

}  // namespace gachette::store
