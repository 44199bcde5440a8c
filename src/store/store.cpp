#include "store/store.h"

#include <sys/statvfs.h>

#include <future>
#include <mutex>

#include "store/accepting.h"
#include "store/care.h"
#include "store/job_life.h"
#include "store/outbox.h"
#include "store/readers.h"
#include "store/reading.h"
#include "store/refs.h"
#include "store/schema.h"
#include "store/writer.h"

namespace gachette {

namespace {

constexpr Milliseconds start_check_budget = 400;
constexpr Milliseconds kept_at_least = 180LL * 24 * 60 * 60 * 1000;  // sender ids of deliveries, for repeats
constexpr int care_at_once = 200;

// Everything that opens the file, in order; the lock is held already.
std::unique_ptr<sqlite::Connection> opened(const std::string& folder) {
    try {
        auto connection = store::open_writer(folder);
        store::migrate(*connection, folder);
        store::quick_check(*connection, folder, start_check_budget);
        return connection;
    } catch (const sqlite::Error& error) {
        throw StoreError(store::opening_sentence(folder, error));
    }
}

}  // namespace

class Store::Implementation {
public:
    Implementation(StoreOptions given, const Clock& time)
        : options(std::move(given)),
          clock(time),
          lock(store::lock_folder(options.folder)),
          writer(options, clock, opened(options.folder), [this] { changed(); }),
          readers(options.folder) {
        readers.read([this](sqlite::Connection& connection) {
            repositories = store::read_repositories(connection);
            instance = connection.text("SELECT value FROM meta WHERE name = 'instance'").value_or("");
        });
    }

    void changed() {
        const std::lock_guard guard(callback_mutex);
        if (callback) callback();
    }

    // Runs work(connection) on the writer's thread and waits for the commit.
    template <typename Work>
    auto write(Work work) {
        using Value = std::invoke_result_t<Work, sqlite::Connection&>;
        struct Kept {
            std::optional<std::conditional_t<std::is_void_v<Value>, bool, Value>> value;
            std::promise<std::string> told;
        };
        auto kept = std::make_shared<Kept>();
        store::Entry entry;
        entry.work = [kept, work](sqlite::Connection& connection) {
            if constexpr (std::is_void_v<Value>)
                work(connection);
            else
                kept->value = work(connection);
        };
        entry.done = [kept](const std::string& error) { kept->told.set_value(error); };
        auto answer = kept->told.get_future();
        writer.submit(std::move(entry));
        if (const std::string error = answer.get(); !error.empty()) throw StoreError(error);
        if constexpr (!std::is_void_v<Value>) return std::move(*kept->value);
    }

    std::string space_problem() const {
        struct statvfs status {};
        if (::statvfs(options.folder.c_str(), &status) != 0) return "";
        const auto free = static_cast<std::int64_t>(status.f_bavail) * static_cast<std::int64_t>(status.f_frsize);
        if (free >= options.free_bytes) return "";
        return "state folder " + options.folder + ": only " + std::to_string(free / (1024 * 1024)) +
               " MB are free, deliveries need " + std::to_string(options.free_bytes / (1024 * 1024)) +
               " MB; free some space";
    }

    void remember(const std::map<std::string, std::string>& seen) {
        if (seen.empty()) return;
        const std::lock_guard guard(repositories_mutex);
        for (const auto& [key, project] : seen) repositories[key] = project;
    }

    const StoreOptions options;
    const Clock& clock;
    std::mutex callback_mutex;
    std::function<void()> callback;
    std::mutex repositories_mutex;
    std::map<std::string, std::string> repositories;
    std::string instance;
    const Descriptor lock;  // held until all else is closed
    store::Writer writer;
    store::Readers readers;  // closed before the writer ends, so that it can empty its log
};

Store::Store(StoreOptions options, const Clock& clock)
    : self_(std::make_unique<Implementation>(std::move(options), clock)) {}
Store::~Store() = default;

// --- intake ----------------------------------------------------------------------------------------------

void Store::accept(NewDelivery delivery, std::function<void(Result<Accepted>)> done) {
    if (const std::string problem = self_->space_problem(); !problem.empty()) throw StoreError(problem);
    struct Kept {
        store::Prepared prepared;
        Accepted accepted;
        std::function<void(Result<Accepted>)> done;
    };
    auto kept = std::make_shared<Kept>(Kept{store::prepare(std::move(delivery)), {}, std::move(done)});
    store::Entry entry;
    entry.bytes = kept->prepared.delivery.body.size();
    entry.work = [kept, self = self_.get()](sqlite::Connection& connection) {
        kept->accepted = store::accept(connection, kept->prepared, self->clock.wall());
    };
    entry.done = [kept, self = self_.get()](const std::string& error) {
        if (!error.empty()) {
            kept->done(fail(error));
            return;
        }
        self->remember(kept->prepared.delivery.plan.seen);
        kept->done(std::move(kept->accepted));
    };
    self_->writer.submit_delivery(std::move(entry));
}

Accepted Store::accept_and_wait(NewDelivery delivery) {
    auto told = std::make_shared<std::promise<Result<Accepted>>>();
    auto answer = told->get_future();
    accept(std::move(delivery), [told](Result<Accepted> result) { told->set_value(std::move(result)); });
    Result<Accepted> result = answer.get();
    if (!result) throw StoreError(result.error());
    return std::move(*result);
}

std::map<std::string, std::string> Store::known_repositories() const {
    const std::lock_guard guard(self_->repositories_mutex);
    return self_->repositories;
}

// --- refs ------------------------------------------------------------------------------------------------

std::optional<std::vector<SeenRef>> Store::known_refs(const std::string& project, const std::string& address) const {
    return self_->readers.read(
        [&](sqlite::Connection& connection) { return store::read_refs(connection, project, address); });
}
void Store::note_refs(const std::string& project, const std::string& address, const std::vector<SeenRef>& refs) {
    self_->write([&](sqlite::Connection& connection) { store::note_refs(connection, project, address, refs); });
}
void Store::forget_ref(const SeenRef& ref) {
    self_->write([&](sqlite::Connection& connection) { store::forget_ref(connection, ref); });
}

// --- reading ---------------------------------------------------------------------------------------------

std::optional<Delivery> Store::delivery(DeliveryId id) const {
    return self_->readers.read([&](sqlite::Connection& connection) { return store::read_delivery(connection, id); });
}
std::optional<std::string> Store::body(DeliveryId id) const {
    return self_->readers.read([&](sqlite::Connection& connection) { return store::read_body(connection, id); });
}
std::vector<Delivery> Store::deliveries(const ListOptions& options) const {
    return self_->readers.read(
        [&](sqlite::Connection& connection) { return store::list_deliveries(connection, options); });
}
std::optional<Job> Store::job(JobId id) const {
    return self_->readers.read([&](sqlite::Connection& connection) { return store::read_job(connection, id); });
}
std::vector<Job> Store::jobs(const ListOptions& options) const {
    return self_->readers.read([&](sqlite::Connection& connection) { return store::list_jobs(connection, options); });
}

Health Store::health() const {
    Health health;
    health.problem = self_->writer.problem();
    health.waiting_for_commit = self_->writer.waiting();
    try {
        self_->readers.read([&health](sqlite::Connection& connection) {
            const auto count = [&connection](const char* sql) { return connection.number(sql).value_or(0); };
            health.deliveries = count("SELECT value FROM counters WHERE name = 'deliveries'");
            health.jobs_queued = count("SELECT count(*) FROM jobs WHERE state = 1");
            health.jobs_running = count("SELECT count(*) FROM jobs WHERE state = 2");
        });
    } catch (const StoreError& error) {
        if (health.problem.empty()) health.problem = error.what();
    }
    if (health.problem.empty()) health.problem = self_->space_problem();
    health.good = health.problem.empty();
    return health;
}

std::string Store::instance() const { return self_->instance; }

// --- dispatch --------------------------------------------------------------------------------------------

std::vector<Job> Store::due_jobs(Milliseconds now, int limit) const {
    return self_->readers.read([&](sqlite::Connection& connection) { return store::due_jobs(connection, now, limit); });
}
std::optional<Milliseconds> Store::next_due(Milliseconds after) const {
    return self_->readers.read([&](sqlite::Connection& connection) { return store::next_due(connection, after); });
}
std::optional<Job> Store::claim(JobId id, const std::string& build_host, const std::string& owner,
                                Milliseconds lease_until) {
    return self_->write([&](sqlite::Connection& connection) {
        return store::claim(connection, id, build_host, owner, lease_until, self_->clock.wall());
    });
}
void Store::renew(JobId id, const std::string& owner, Milliseconds lease_until) {
    self_->write([&](sqlite::Connection& connection) { store::renew(connection, id, owner, lease_until); });
}
std::vector<Job> Store::adopt(const std::string& owner, Milliseconds lease_until, LastEnd last_end) {
    return self_->write([&](sqlite::Connection& connection) {
        return store::adopt(connection, owner, lease_until, last_end, self_->clock.wall());
    });
}
void Store::set_step(JobId id, Step step, const std::string& version) {
    self_->write([&](sqlite::Connection& connection) { store::set_step(connection, id, step, version); });
}
void Store::finish(JobId id, const Outcome& outcome) {
    self_->write([&](sqlite::Connection& connection) { store::finish(connection, id, outcome, self_->clock.wall()); });
}
void Store::retry(JobId id, const Outcome& outcome, Milliseconds next_try) {
    self_->write(
        [&](sqlite::Connection& connection) { store::retry(connection, id, outcome, next_try, self_->clock.wall()); });
}

// --- people ----------------------------------------------------------------------------------------------

Result<JobState> Store::cancel(JobId id, const std::string& by) {
    return self_->write(
        [&](sqlite::Connection& connection) { return store::cancel(connection, id, by, self_->clock.wall()); });
}
Result<JobId> Store::rebuild(JobId id, const std::string& by) {
    return self_->write(
        [&](sqlite::Connection& connection) { return store::rebuild(connection, id, by, self_->clock.wall()); });
}

void Store::on_change(std::function<void()> callback) {
    const std::lock_guard guard(self_->callback_mutex);
    self_->callback = std::move(callback);
}

// --- reporting back --------------------------------------------------------------------------------------

std::map<std::string, Milliseconds> Store::next_reports() const {
    return self_->readers.read(
        [&](sqlite::Connection& connection) { return store::next_reports(connection, self_->clock.wall()); });
}
std::vector<Report> Store::due_reports(const std::string& reporter, Milliseconds now, int limit) const {
    return self_->readers.read(
        [&](sqlite::Connection& connection) { return store::due_reports(connection, reporter, now, limit); });
}
std::vector<Report> Store::reports(JobId job) const {
    return self_->readers.read([&](sqlite::Connection& connection) { return store::list_reports(connection, job); });
}
void Store::note_report(std::int64_t id, const ReportNote& note) {
    self_->write(
        [&](sqlite::Connection& connection) { store::note_report(connection, id, note, self_->clock.wall()); });
}
std::int64_t Store::retry_denied_reports() {
    return self_->write(
        [&](sqlite::Connection& connection) { return store::retry_denied_reports(connection, self_->clock.wall()); });
}
std::int64_t Store::forget_reports(Milliseconds before) {
    return self_->write([&](sqlite::Connection& connection) { return store::forget_reports(connection, before); });
}

// --- care ------------------------------------------------------------------------------------------------

std::int64_t Store::retire(Milliseconds older_than, std::int64_t keep_bytes) {
    const Milliseconds now = self_->clock.wall();
    std::int64_t retired = 0;
    for (std::int64_t some = care_at_once; some == care_at_once; retired += some)
        some = self_->write([&](sqlite::Connection& connection) {
            return store::retire_some(connection, now - older_than, keep_bytes, care_at_once);
        });
    const Milliseconds before = now - std::max(older_than, kept_at_least);
    for (DeliveryId after = 0;;) {
        const auto ids = self_->readers.read([&](sqlite::Connection& connection) {
            return store::forgettable(connection, before, after, care_at_once);
        });
        if (ids.empty()) break;
        self_->write([&](sqlite::Connection& connection) { store::forget(connection, ids); });
        after = ids.back();
    }
    return retired;
}

void Store::backup(const std::string& path) const {
    self_->readers.use([&](sqlite::Connection& connection) { store::copy_database(connection, path); });
}

std::vector<std::string> Store::check() const {
    return self_->readers.use([](sqlite::Connection& connection) { return store::check_everything(connection); });
}

}  // namespace gachette
