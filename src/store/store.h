// The one memory of gachette: deliveries, jobs, attempts, leases and packages. Its words are deliveries and jobs, never
// SQL, so that another database can stand beside SQLite. Every method may be called from any thread. Anything that
// cannot be written or read throws StoreError.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/headers.h"
#include "base/result.h"
#include "model/job.h"
#include "model/plan.h"

namespace gachette {

using DeliveryId = std::int64_t;
using JobId = std::int64_t;

// A verified request, read and planned, ready to be stored.
struct NewDelivery {
    std::string hook;
    std::string forge;
    std::string peer;
    std::string event_name;
    std::string sender_id;      // the sender's delivery id; empty: none
    std::string secret_origin;  // which secret matched
    Headers headers;            // only those worth keeping
    std::string body;
    DeliveryState state = DeliveryState::accepted;
    std::string reason;  // for ignored and malformed
    Plan plan;
    // Found by the reconciler: filed only if the store still knows each of these refs as here (of those with empty ids:
    // does not know them), so that what arrived meanwhile wins. Its jobs take no other job's place.
    std::optional<std::vector<SeenRef>> found_instead_of = std::nullopt;
    DeliveryId replay_of = 0;  // set for replays
    std::string requested_by;  // who asked, for replays
};

struct AcceptedJob {
    JobId id = 0;
    std::string project, ref, commit;
    std::vector<Target> targets;
    JobId same_build_as = 0;        // packages come from that job
    std::vector<JobId> superseded;  // queued jobs that this one replaces
};

struct Accepted {
    DeliveryId id = 0;              // 0: not stored, as a ref is known otherwise by now (found_instead_of)
    DeliveryState state = DeliveryState::accepted;
    DeliveryId repeats = 0;         // state repeat: the first delivery with that id and body
    std::vector<AcceptedJob> jobs;  // of the first delivery if this one repeats it
    std::string note;               // what a repeat led to: "job 12 failed before; attempt 2 was started"
};

struct Package {
    std::string name, version, architecture, file, sha256;
    std::int64_t size = 0;
    friend bool operator==(const Package&, const Package&) = default;
};

struct TargetState {
    Target target;
    std::string outcome;  // "changed", "unchanged", "superseded", "refused"; empty while undecided
    std::string reason;
    std::int64_t generation = 0;
};

struct Attempt {
    int number = 0;
    std::string build_host;
    Milliseconds started = 0, finished = 0;
    std::optional<AttemptClass> result;
    std::string reason;
};

struct Job {
    JobId id = 0;
    DeliveryId delivery = 0;
    std::int64_t arrival = 0;  // the number that decides order; a replay keeps the one of its original
    std::string project, ref, commit, build_key;
    RefKind kind = RefKind::branch;
    std::vector<std::string> paths;
    JobState state = JobState::queued;
    Step step = Step::none;
    std::string reason;  // of the end, or of the last retry
    JobId superseded_by = 0;
    JobId same_build_as = 0;
    JobId rebuild_of = 0;
    std::string requested_by;  // empty: the push itself
    bool force_build = false;  // a rebuild: build even if packages exist
    bool cancel_requested = false;
    std::string cancelled_by;
    int attempts = 0;
    Milliseconds created = 0, started = 0, finished = 0, next_try = 0;
    std::string build_host;  // of the current or last attempt
    std::string version;
    std::string lease_owner;
    Milliseconds lease_until = 0;
    std::vector<TargetState> targets;
    std::vector<Package> packages;
    std::vector<Attempt> tries;
};

struct Delivery {
    DeliveryId id = 0;
    std::string hook, forge, peer, event_name, sender_id, secret_origin, body_sha256, reason, requested_by;
    DeliveryState state = DeliveryState::accepted;
    DeliveryId repeats = 0, replay_of = 0;
    std::int64_t repeated = 0;  // how often the sender sent it again
    Milliseconds received = 0;
    std::int64_t body_bytes = 0;
    Headers headers;
    std::vector<Decision> decisions;
    std::vector<JobId> jobs;
};

// What an attempt led to.
struct Outcome {
    AttemptClass result = AttemptClass::ok;
    std::string reason;
    std::string commit;  // as confirmed by the repository
    std::string version;
    std::vector<Package> packages;
    std::vector<TargetState> targets;
};

// What a report says: the job as it was when its state changed.
struct ReportFacts {
    std::string event;  // "status", "job.ended", "stack.changed" (of targets[0]), "package" (packages[0])
    JobId job = 0;
    DeliveryId delivery = 0;
    std::string project;
    std::string repository_id, repository;  // as its forge calls it: id (may be empty), full name
    std::string commit, ref;
    std::string context;  // name of the commit status
    JobState state = JobState::queued;
    std::string reason, version;
    std::vector<TargetState> targets;  // of the target itself only domain and stack
    std::vector<Package> packages;
};

// Stored: the numbers never change. Denied: the login was refused; it is tried again under a new configuration.
enum class ReportState : int { waiting = 1, sent = 2, given_up = 3, overtaken = 4, denied = 5 };

// A row of the outbox: one message for one destination. Rows about one commit (or one job) go in the order of their
// ids.
struct Report {
    std::int64_t id = 0;
    ReportKind kind = ReportKind::status;
    std::string reporter;
    ReportFacts facts;
    int attempts = 0;
    Milliseconds created = 0, next_try = 0;
    std::string last_error;
    ReportState state = ReportState::waiting;
};

// What became of one attempt to send a report.
struct ReportNote {
    ReportState state = ReportState::waiting;
    std::string error;  // empty when sent
    Milliseconds next_try = 0;
};

struct ListOptions {
    std::int64_t before = 0;  // keyset page: ids below this one; 0: newest
    int limit = 50;           // at most 500
    std::string project;      // jobs only; empty: all
    std::string hook;         // deliveries only
    std::optional<int> state;
};

struct StoreOptions {
    std::string folder;  // state folder; the database is <folder>/gachette.db, a lock file keeps a second daemon out
    std::int64_t queue_rows = 2'000;  // waiting for a commit; more throws StoreError
    std::int64_t queue_bytes = 64LL * 1024 * 1024;
    Milliseconds queue_age = 7'000;                // a commit that takes longer makes new ones fail at once
    std::int64_t free_bytes = 64LL * 1024 * 1024;  // refuse deliveries below that much free space
};

// How the former process ended: by its own crash (it left a mark), or nobody knows.
enum class LastEnd { unknown, crashed };

struct Health {
    bool good = true;
    std::string problem;  // one sentence when not good
    std::int64_t deliveries = 0, jobs_queued = 0, jobs_running = 0, waiting_for_commit = 0;
};

class Store {
public:
    // Opens or makes the store, migrates it, reads its settings back and quick-checks it. Throws StoreError with a
    // sentence that says what to do: a second daemon, a newer schema, a damaged file.
    Store(StoreOptions options, const Clock& clock);
    ~Store();  // writes what waits, joins the writer
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    // --- intake
    // ------------------------------------------------------------------------------------------------------- Stores a
    // delivery with its jobs in one synced transaction (grouped with whoever waits) and then calls `done` on the
    // writer's thread; an error means nothing was stored. Inside the transaction: the same hook, sender id and body is
    // a repeat (no jobs; a failed, given up or dead job of the first one gets a new attempt); queued jobs of the same
    // project and ref with a lower arrival whose targets are all covered are superseded; a job whose build key has a
    // done, running or queued job becomes its sibling (same_build_as). Throws StoreError at once, without calling
    // `done`, when too much waits for a commit or too little space is free.
    void accept(NewDelivery delivery, std::function<void(Result<Accepted>)> done);
    Accepted accept_and_wait(NewDelivery delivery);
    // Projects by repository key, as seen so far (model/plan.h). A copy of a cached map.
    std::map<std::string, std::string> known_repositories() const;

    // --- refs: what deliveries (replays apart) and the reconciler said of the repositories of projects
    // -----------------------------------------------------------------------------------------------------------
    // The refs of a project, by name; nullopt: its repository at this address was never asked before.
    std::optional<std::vector<SeenRef>> known_refs(const std::string& project, const std::string& address) const;
    // Takes these as known without a delivery, unless a delivery told of the ref before (and told an id). From now on
    // the repository at this address counts as asked; what was known of another address is forgotten.
    void note_refs(const std::string& project, const std::string& address, const std::vector<SeenRef>& refs);
    // Forgets a ref that is still known as here.
    void forget_ref(const SeenRef& ref);

    // --- reading
    // --------------------------------------------------------------------------------------------------------
    std::optional<Delivery> delivery(DeliveryId id) const;
    // The exact body, checked against its SHA-256; nullopt if the delivery does not exist or its body was retired.
    std::optional<std::string> body(DeliveryId id) const;
    std::vector<Delivery> deliveries(const ListOptions& options) const;  // newest first, without decisions and headers
    std::optional<Job> job(JobId id) const;
    std::vector<Job> jobs(const ListOptions& options) const;  // newest first
    Health health() const;
    // A random id made with the store: tells two gachettes on one build host apart. 16 hex digits.
    std::string instance() const;

    // --- dispatch
    // ------------------------------------------------------------------------------------------------------- Queued
    // jobs whose time has come, oldest first; not those whose project and ref has a running job, nor those that wait
    // for a sibling's build.
    std::vector<Job> due_jobs(Milliseconds now, int limit) const;
    // When the next of those jobs becomes due, of those due later than `after`; without `after` it may lie in the past
    // (due and not claimed yet). nullopt: there is none. A loop asks with the `now` that it gave to due_jobs.
    std::optional<Milliseconds> next_due(Milliseconds after = INT64_MIN) const;
    // Makes a queued job running under a lease and counts the attempt before any work starts. nullopt if somebody else
    // was faster or it is not queued any more. After three attempts that never ended the job is dead instead.
    std::optional<Job> claim(JobId id, const std::string& build_host, const std::string& owner,
                             Milliseconds lease_until);
    void renew(JobId id, const std::string& owner, Milliseconds lease_until);
    // Running jobs under a lease that is not `owner`'s: what a former process left. They are given to `owner`, attempt
    // number unchanged, so that their attempt can be attached to again. A job during whose attempt gachette crashed three
    // times (or went down 24 times for reasons unknown) is dead instead and not returned.
    std::vector<Job> adopt(const std::string& owner, Milliseconds lease_until, LastEnd last_end = LastEnd::unknown);
    void set_step(JobId id, Step step, const std::string& version);
    // Ends the attempt; the job's state follows from the class (and the targets: all superseded -> superseded, any
    // refused -> refused). Siblings that waited for this job's packages become due.
    void finish(JobId id, const Outcome& outcome);
    // Ends the attempt and queues the job again for `next_try`.
    void retry(JobId id, const Outcome& outcome, Milliseconds next_try);

    // --- people
    // --------------------------------------------------------------------------------------------------------- A
    // queued job ends as cancelled; a running one gets cancel_requested. The error says why neither was possible.
    Result<JobState> cancel(JobId id, const std::string& by);
    // A new job for the same project, ref, commit and targets; force_build is set. Error: no such job, or it still
    // runs.
    Result<JobId> rebuild(JobId id, const std::string& by);

    // Called (on any thread, must return at once) whenever there may be something new to dispatch or to show.
    void on_change(std::function<void()> callback);

    // --- reporting back: rows are written with the job's state, by accept, claim, finish and all other ends
    // -----------------------------------------------------------------------------------------------------------
    // When the next report of each destination is due; may lie in the past.
    std::map<std::string, Milliseconds> next_reports() const;
    // Reports that are due and not behind an older one about the same thing, oldest first.
    std::vector<Report> due_reports(const std::string& reporter, Milliseconds now, int limit) const;
    std::vector<Report> reports(JobId job) const;  // all that are kept, oldest first
    void note_report(std::int64_t id, const ReportNote& note);
    // Denied reports wait again, unless a newer one about the same thing was written since. Returns how many.
    std::int64_t retry_denied_reports();
    // Forgets reports that ended before this (wall) moment; returns how many.
    std::int64_t forget_reports(Milliseconds before);

    // --- care
    // -----------------------------------------------------------------------------------------------------------
    // Retires the bodies of deliveries older than this age, and the oldest while all bodies take more than
    // `keep_bytes`; never those with an open job. Deliveries that made no jobs are forgotten after 180 days (and that
    // age). Returns how many deliveries lost their body.
    std::int64_t retire(Milliseconds older_than, std::int64_t keep_bytes);
    // A consistent copy while in use; replaces `path` when it is whole.
    void backup(const std::string& path) const;
    // Everything that is wrong with the file and the stored bodies, one sentence each; reads all of it. For people.
    std::vector<std::string> check() const;

private:
    class Implementation;
    std::unique_ptr<Implementation> self_;
};

}  // namespace gachette
