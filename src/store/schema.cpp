#include "store/schema.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/crypto.h"
#include "base/text.h"

namespace gachette::store {

namespace {

constexpr int application_id = 0x67616368;  // "gach"

// States, steps and classes are the numbers of model/job.h. Lists of texts (headers, decisions, paths) are packed by
// store/packing.h. Deliveries and bodies are apart, so that lists never touch bodies. `sender_key` is what makes a
// repeat: the hook and the sender's id, then the body (store/accepting.cpp).
constexpr const char* tables_1 = R"sql(
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counters VALUES ('deliveries', 0), ('body_bytes', 0), ('probe', 0);
CREATE TABLE repositories (key TEXT PRIMARY KEY, project TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE bodies (id INTEGER PRIMARY KEY, uses INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    arrival INTEGER NOT NULL, received INTEGER NOT NULL,
    hook TEXT NOT NULL, forge TEXT NOT NULL, peer TEXT NOT NULL, event_name TEXT NOT NULL, sender_id TEXT NOT NULL,
    sender_key BLOB, secret_origin TEXT NOT NULL, state INTEGER NOT NULL, reason TEXT NOT NULL,
    requested_by TEXT NOT NULL, repeats INTEGER NOT NULL, repeated INTEGER NOT NULL DEFAULT 0,
    replay_of INTEGER NOT NULL, body INTEGER, body_bytes INTEGER NOT NULL, body_sha256 BLOB NOT NULL,
    headers BLOB NOT NULL, decisions BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX deliveries_by_sender ON deliveries (sender_key) WHERE sender_key IS NOT NULL;
CREATE INDEX deliveries_by_hook ON deliveries (hook);
CREATE INDEX deliveries_by_hook_and_state ON deliveries (hook, state);
CREATE INDEX deliveries_by_state ON deliveries (state);
CREATE INDEX deliveries_by_first ON deliveries (repeats) WHERE repeats > 0;
CREATE INDEX deliveries_with_body ON deliveries (id) WHERE body IS NOT NULL;
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery INTEGER NOT NULL REFERENCES deliveries (id), arrival INTEGER NOT NULL,
    project TEXT NOT NULL, ref TEXT NOT NULL, kind INTEGER NOT NULL, commit_id TEXT NOT NULL, build_key TEXT NOT NULL,
    paths BLOB NOT NULL, state INTEGER NOT NULL, step INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
    waits INTEGER NOT NULL DEFAULT 0, superseded_by INTEGER NOT NULL DEFAULT 0,
    same_build_as INTEGER NOT NULL DEFAULT 0, rebuild_of INTEGER NOT NULL DEFAULT 0,
    requested_by TEXT NOT NULL, force_build INTEGER NOT NULL, cancel_requested INTEGER NOT NULL DEFAULT 0,
    cancelled_by TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL, started INTEGER NOT NULL DEFAULT 0, finished INTEGER NOT NULL DEFAULT 0,
    next_try INTEGER NOT NULL, build_host TEXT NOT NULL DEFAULT '', version TEXT NOT NULL DEFAULT '',
    lease_owner TEXT NOT NULL DEFAULT '', lease_until INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX jobs_by_delivery ON jobs (delivery);
CREATE INDEX jobs_by_project ON jobs (project);
CREATE INDEX jobs_by_project_and_state ON jobs (project, state);
CREATE INDEX jobs_by_state ON jobs (state);
CREATE INDEX jobs_by_build ON jobs (build_key, state) WHERE build_key <> '';
CREATE INDEX jobs_by_rebuild ON jobs (rebuild_of) WHERE rebuild_of > 0;
CREATE INDEX jobs_open ON jobs (project, ref, state) WHERE state IN (1, 2);
CREATE INDEX jobs_waiting ON jobs (same_build_as) WHERE waits = 1;
CREATE INDEX jobs_due ON jobs (arrival, id) WHERE state = 1 AND waits = 0;
CREATE INDEX jobs_by_time ON jobs (next_try) WHERE state = 1 AND waits = 0;
CREATE TABLE targets (
    job INTEGER NOT NULL REFERENCES jobs (id), position INTEGER NOT NULL,
    domain TEXT NOT NULL, stack TEXT NOT NULL, from_stack TEXT NOT NULL, create_empty INTEGER NOT NULL,
    forced TEXT NOT NULL, rule TEXT NOT NULL, outcome TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '',
    generation INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (job, position)) STRICT, WITHOUT ROWID;
CREATE TABLE attempts (
    job INTEGER NOT NULL REFERENCES jobs (id), number INTEGER NOT NULL, build_host TEXT NOT NULL,
    started INTEGER NOT NULL, finished INTEGER NOT NULL DEFAULT 0, result INTEGER, reason TEXT NOT NULL DEFAULT '',
    adoptions INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (job, number)) STRICT, WITHOUT ROWID;
CREATE TABLE packages (
    job INTEGER NOT NULL REFERENCES jobs (id), position INTEGER NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
    architecture TEXT NOT NULL, file TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (job, position)) STRICT, WITHOUT ROWID;
)sql";

// Reporting back: who hears of a job (store/outbox.cpp), and what waits to be told. `order_key` is what goes in order.
constexpr const char* tables_2 = R"sql(
ALTER TABLE jobs ADD COLUMN reporting BLOB NOT NULL DEFAULT x'';
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, reporter TEXT NOT NULL, kind INTEGER NOT NULL, order_key TEXT NOT NULL,
    job INTEGER NOT NULL, facts BLOB NOT NULL, created INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    next_try INTEGER NOT NULL, last_error TEXT NOT NULL DEFAULT '', state INTEGER NOT NULL,
    finished INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX outbox_waiting ON outbox (reporter, id) WHERE state = 1;
CREATE INDEX outbox_in_order ON outbox (order_key, id) WHERE state = 1;
CREATE INDEX outbox_of_key ON outbox (order_key, id);
CREATE INDEX outbox_denied ON outbox (id) WHERE state = 5;
CREATE INDEX outbox_by_job ON outbox (job);
CREATE INDEX outbox_ended ON outbox (finished) WHERE state <> 1;
)sql";

// What the reconciler compares with (store/refs.cpp): refs as deliveries told them, and which repositories were asked.
constexpr const char* tables_3 = R"sql(
CREATE TABLE IF NOT EXISTS refs (
    project TEXT NOT NULL, ref TEXT NOT NULL, object_id TEXT NOT NULL, commit_id TEXT NOT NULL,
    PRIMARY KEY (project, ref)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS asked (project TEXT PRIMARY KEY, address TEXT NOT NULL) STRICT, WITHOUT ROWID;
ALTER TABLE jobs ADD COLUMN before_id TEXT NOT NULL DEFAULT '';
)sql";

const char* const migrations[schema_version] = {tables_1, tables_2, tables_3};

void expect(sqlite::Connection& connection, const std::string& folder, const char* setting, const std::string& wanted) {
    const std::string found = connection.text("PRAGMA " + std::string(setting)).value_or("");
    if (found == wanted) return;
    throw StoreError("state folder " + folder + ": the database does not take the setting " + setting + "=" + wanted +
                     " (it says \"" + found + "\"); use a folder on a local file system");
}

// Ends the connection's statement after a while, unless destroyed before.
class Deadline {
public:
    Deadline(sqlite::Connection& connection, Milliseconds budget)
        : thread_([this, &connection, budget] {
              std::unique_lock lock(mutex_);
              if (!ended_.wait_for(lock, std::chrono::milliseconds(budget), [this] { return over_; }))
                  connection.interrupt();
          }) {}
    ~Deadline() {
        {
            const std::lock_guard lock(mutex_);
            over_ = true;
        }
        ended_.notify_all();
        thread_.join();
    }
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

private:
    std::mutex mutex_;
    std::condition_variable ended_;
    bool over_ = false;
    std::thread thread_;
};

std::string damaged_sentence(const std::string& folder, const std::string& reason) {
    return "state folder " + folder + ": the database gachette.db is damaged (" + reason +
           "); stop gachette, then put a backup in its place or move gachette.db and gachette.db-wal away to begin "
           "anew";
}

}  // namespace

std::string database_path(const std::string& folder) { return folder + "/gachette.db"; }

std::string opening_sentence(const std::string& folder, const sqlite::Error& error) {
    if (error.damaged()) return damaged_sentence(folder, error.what());
    return "state folder " + folder + ": the database gachette.db cannot be opened (" + error.what() +
           "); see that the folder can be written and the disk has room";
}

Descriptor lock_folder(const std::string& folder) {
    if (auto made = make_folders(folder); !made)
        throw StoreError("state folder " + folder + ": cannot be made: " + made.error());
    const std::string path = folder + "/gachette.lock";
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file) throw StoreError("state folder " + folder + ": cannot open gachette.lock: " + system_error_text(errno));
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            throw StoreError("state folder " + folder + ": cannot lock gachette.lock: " + system_error_text(errno));
        const std::string holder = printable(trim(read_file(path, 64).value_or("")), 20);
        throw StoreError("state folder " + folder + ": another gachette uses it (process " +
                         (holder.empty() ? "unknown" : holder) +
                         " holds gachette.lock); stop that one or give this one a state_folder of its own");
    }
    const std::string own = std::to_string(::getpid()) + "\n";
    // Only for the sentence above: a full disk must not keep us from starting.
    if (::ftruncate(file.get(), 0) == 0) (void)!::pwrite(file.get(), own.data(), own.size(), 0);
    return file;
}

std::unique_ptr<sqlite::Connection> open_writer(const std::string& folder) {
    auto connection = std::make_unique<sqlite::Connection>(database_path(folder), sqlite::Connection::Mode::write);
    connection->script("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8000;");
    for (const auto& [setting, wanted] : {std::pair{"journal_mode", "wal"},
                                          {"synchronous", "2"},
                                          {"foreign_keys", "1"},
                                          {"trusted_schema", "0"},
                                          {"cell_size_check", "1"},
                                          {"wal_autocheckpoint", "0"}})
        expect(*connection, folder, setting, wanted);
#ifdef GACHETTE_TEETH
    const char* tooth = std::getenv("GACHETTE_TOOTH");
    if (tooth && std::string_view(tooth) == "synchronous-normal") connection->script("PRAGMA synchronous=NORMAL;");
#endif
    return connection;
}

std::unique_ptr<sqlite::Connection> open_reader(const std::string& folder) {
    auto connection = std::make_unique<sqlite::Connection>(database_path(folder), sqlite::Connection::Mode::read);
    connection->script("PRAGMA query_only=ON; PRAGMA cache_size=-1000;");
    return connection;
}

void migrate(sqlite::Connection& connection, const std::string& folder) {
    const std::int64_t found = connection.number("PRAGMA user_version").value_or(0);
    const std::int64_t owner = connection.number("PRAGMA application_id").value_or(0);
    const std::int64_t things = connection.number("SELECT count(*) FROM sqlite_schema").value_or(0);
    if (owner != application_id && (owner != 0 || found != 0 || things != 0))
        throw StoreError("state folder " + folder +
                         ": gachette.db is the database of another program; give gachette a state_folder of its own");
    if (found > schema_version)
        throw StoreError("state folder " + folder + ": gachette.db was written by a newer gachette (schema " +
                         std::to_string(found) + ", this one knows " + std::to_string(schema_version) +
                         "); install that version again or put a backup from before the upgrade in its place");
    for (std::int64_t version = found; version < schema_version; ++version) {
        sqlite::Transaction transaction(connection, sqlite::Transaction::Kind::write);
        connection.script(migrations[version]);
        if (version == 0) {
            connection.script("PRAGMA application_id=" + std::to_string(application_id));
            connection.run("INSERT INTO meta VALUES ('instance', ?1)", random_hex(8));
        }
        connection.script("PRAGMA user_version=" + std::to_string(version + 1));
        transaction.commit();
    }
}

void quick_check(sqlite::Connection& connection, const std::string& folder, Milliseconds budget) {
    const Deadline deadline(connection, budget);
    try {
        const std::string found = connection.text("PRAGMA quick_check(1)").value_or("no answer");
        if (found != "ok") throw StoreError(damaged_sentence(folder, printable(found, 200)));
    } catch (const sqlite::Error& error) {
        if (!error.interrupted()) throw;
    }
}

}  // namespace gachette::store
