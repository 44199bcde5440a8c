// How jobs come, change and end in the database. Every function works inside the caller's write transaction; StoreError
// if it cannot. Times are wall milliseconds.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "store/sqlite.h"
#include "store/store.h"

namespace gachette::store {

// --- coming ----------------------------------------------------------------------------------------------
struct NewJob {
    DeliveryId delivery = 0;
    std::int64_t arrival = 0;
    PlannedJob planned;
    JobId rebuild_of = 0;
    std::string requested_by;
    bool force_build = false;
    bool supersedes = true;  // takes the place of older queued jobs
};
// The row and its targets, then what follows from it: older queued jobs of the ref are superseded, a job that makes or
// made the same packages becomes its sibling (not when force_build is set).
AcceptedJob insert_job(sqlite::Connection& connection, const NewJob& job, Milliseconds now);

// A new attempt row for an ended job: same delivery, arrival, commit and targets.
NewJob again(const Job& job, const std::string& by, bool force_build);

// --- dispatch and people: as in store.h ------------------------------------------------------------------
std::optional<Job> claim(sqlite::Connection& connection, JobId id, const std::string& build_host,
                         const std::string& owner, Milliseconds lease_until, Milliseconds now);
void renew(sqlite::Connection& connection, JobId id, const std::string& owner, Milliseconds lease_until);
std::vector<Job> adopt(sqlite::Connection& connection, const std::string& owner, Milliseconds lease_until,
                       LastEnd last_end, Milliseconds now);
void set_step(sqlite::Connection& connection, JobId id, Step step, const std::string& version);
void finish(sqlite::Connection& connection, JobId id, const Outcome& outcome, Milliseconds now);
void retry(sqlite::Connection& connection, JobId id, const Outcome& outcome, Milliseconds next_try, Milliseconds now);
Result<JobState> cancel(sqlite::Connection& connection, JobId id, const std::string& by, Milliseconds now);
Result<JobId> rebuild(sqlite::Connection& connection, JobId id, const std::string& by, Milliseconds now);

// --- rules, pure -----------------------------------------------------------------------------------------
// Whether every target (domain and stack) of `older` is one of `newer`.
bool covers(const std::vector<Target>& newer, const std::vector<Target>& older);
// The state that an outcome leads to.
JobState state_after(const Outcome& outcome, bool cancel_requested);

}  // namespace gachette::store
