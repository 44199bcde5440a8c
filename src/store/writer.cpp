#include "store/writer.h"

#include <sys/stat.h>

#include <chrono>
#include <cstdlib>

#include "base/log.h"
#include "store/schema.h"

namespace gachette::store {

namespace {

constexpr std::size_t batch_bytes = 8 * 1024 * 1024;
constexpr std::int64_t log_pages = 4'000;                     // of 4 KiB: then the log is moved into the file
constexpr std::int64_t large_log_bytes = 64LL * 1024 * 1024;  // a log file of this size is cut when there is time
constexpr auto idle_before_checkpoint = std::chrono::milliseconds(1'000);
constexpr auto wait_before_probe = std::chrono::milliseconds(2'000);

std::int64_t file_size(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_size : 0;
}

bool tooth([[maybe_unused]] std::string_view name) {
#ifdef GACHETTE_TEETH
    const char* chosen = std::getenv("GACHETTE_TOOTH");
    return chosen && name == chosen;
#else
    return false;
#endif
}

}  // namespace

Writer::Writer(const StoreOptions& options, const Clock& clock, std::unique_ptr<sqlite::Connection> opened,
               std::function<void()> changed)
    : options_(options), clock_(clock), changed_(std::move(changed)), connection_(std::move(opened)) {
    thread_ = std::thread([this] { loop(); });
}

Writer::~Writer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    come_.notify_all();
    thread_.join();
}

void Writer::submit_delivery(Entry entry) {
    {
        const std::lock_guard lock(mutex_);
        const std::int64_t rows = static_cast<std::int64_t>(queue_.size()) + in_flight_;
        const std::int64_t bytes = static_cast<std::int64_t>(queued_bytes_ + in_flight_bytes_ + entry.bytes);
        const Milliseconds oldest = in_flight_ > 0 ? in_flight_since_ : queue_.empty() ? 0 : queue_.front().second;
        const Milliseconds now = clock_.steady();
        const std::string busy = "the store is busy: ";
        if (rows >= options_.queue_rows)
            throw StoreError(busy + std::to_string(rows) + " deliveries wait for the disk; send it again later");
        if (rows > 0 && bytes > options_.queue_bytes)
            throw StoreError(busy + std::to_string(bytes) + " bytes wait for the disk; send it again later");
        if (rows > 0 && now - oldest > options_.queue_age)
            throw StoreError(busy + "the disk has not answered for " + std::to_string((now - oldest) / 1000) +
                             " s; send it again later");
        queued_bytes_ += entry.bytes;
        queue_.emplace_back(std::move(entry), now);
    }
    come_.notify_one();
}

void Writer::submit(Entry entry) {
    {
        const std::lock_guard lock(mutex_);
        queued_bytes_ += entry.bytes;
        queue_.emplace_back(std::move(entry), clock_.steady());
    }
    come_.notify_one();
}

std::string Writer::problem() const {
    const std::lock_guard lock(mutex_);
    return commit_problem_.empty() ? checkpoint_problem_ : commit_problem_;
}

std::int64_t Writer::waiting() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::int64_t>(queue_.size()) + in_flight_;
}

std::int64_t Writer::commits() const {
    const std::lock_guard lock(mutex_);
    return commits_;
}

// --- the writer's thread ---------------------------------------------------------------------------------

void Writer::loop() {
    for (;;) {
        Batch batch;
        {
            std::unique_lock lock(mutex_);
            const bool work = wait_for_work(lock);
            if (queue_.empty() && stopping_) break;
            if (work) batch = take();
        }
        if (batch.empty())
            rest();
        else
            write(batch);
    }
    checkpoint(When::ending);
}

// True: entries wait. False: it is time to rest (idle) or to probe (in trouble).
bool Writer::wait_for_work(std::unique_lock<std::mutex>& lock) {
    const auto ready = [this] { return stopping_ || !queue_.empty(); };
    if (!commit_problem_.empty() || !checkpoint_problem_.empty()) return come_.wait_for(lock, wait_before_probe, ready);
    if (log_in_use_) return come_.wait_for(lock, idle_before_checkpoint, ready);
    come_.wait(lock, ready);
    return true;
}

Writer::Batch Writer::take() {
    Batch batch;
    std::size_t bytes = 0;
    while (!queue_.empty() && (batch.empty() || bytes + queue_.front().first.bytes <= batch_bytes)) {
        bytes += queue_.front().first.bytes;
        batch.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    queued_bytes_ -= bytes;
    in_flight_ = static_cast<std::int64_t>(batch.size());
    in_flight_bytes_ = bytes;
    in_flight_since_ = batch.empty() ? 0 : batch.front().second;
    return batch;
}

// Opened anew after trouble. What keeps that from working is trouble as well.
sqlite::Connection& Writer::connection() {
    if (connection_) return *connection_;
    try {
        auto opened = open_writer(options_.folder);
        if (opened->number("PRAGMA user_version") != schema_version)
            throw StoreError("state folder " + options_.folder +
                             ": gachette.db is not the store any more that it was; put it back and restart gachette");
        connection_ = std::move(opened);
        return *connection_;
    } catch (const StoreError& trouble) {
        failed(trouble.what());
        throw;
    }
}

void Writer::run_entry(Entry& entry, std::string& error, bool alone) {
    try {
        if (alone) {
            entry.work(*connection_);
            return;
        }
        sqlite::Savepoint part(*connection_);
        entry.work(*connection_);
        part.keep();
    } catch (const sqlite::Error& trouble) {
        if (alone || trouble.fatal() || !connection_->in_transaction()) throw;
        error = trouble.what();
    } catch (const std::exception& trouble) {
        if (alone || !connection_->in_transaction()) throw;
        error = trouble.what();
    }
}

void Writer::write_entries(Batch& batch, std::vector<std::string>& errors) {
    sqlite::Transaction transaction(connection(), sqlite::Transaction::Kind::write);
    for (std::size_t i = 0; i < batch.size(); ++i) run_entry(batch[i].first, errors[i], batch.size() == 1);
    if (tooth("ack-before-commit")) tell(batch, errors);
    transaction.commit();
    log_in_use_ = true;
}

void Writer::write(Batch& batch) {
    std::vector<std::string> errors(batch.size());
    try {
        write_entries(batch, errors);
        worked();
    } catch (const sqlite::Error& trouble) {
        errors.assign(batch.size(), trouble.what());
        if (trouble.fatal()) failed(trouble.what());
    } catch (const std::exception& trouble) {  // of the work itself: the disk is well
        errors.assign(batch.size(), trouble.what());
    }
    {
        const std::lock_guard lock(mutex_);
        in_flight_ = 0;
        in_flight_bytes_ = 0;
    }
    if (!tooth("ack-before-commit")) tell(batch, errors);
    batch.clear();
    checkpoint(When::working);
}

void Writer::tell(Batch& batch, const std::vector<std::string>& errors) {
    bool committed = false;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        committed = committed || errors[i].empty();
        try {
            batch[i].first.done(errors[i]);
        } catch (const std::exception& trouble) {
            log::error("somebody who waited for a commit failed on hearing of it", {{"reason", trouble.what()}});
        }
    }
    if (committed) {
        try {
            changed_();
        } catch (const std::exception& trouble) {
            log::error("the news of a change did not arrive", {{"reason", trouble.what()}});
        }
    }
}

void Writer::rest() {
    if (!problem().empty())
        probe();
    else
        checkpoint(When::idle);
}

// Whether a commit works again, asked without anybody waiting for it.
void Writer::probe() {
    try {
        sqlite::Transaction transaction(connection(), sqlite::Transaction::Kind::write);
        connection_->run("UPDATE counters SET value = value + 1 WHERE name = 'probe'");
        transaction.commit();
        log_in_use_ = true;
        worked();
        checkpoint(When::idle);
    } catch (const StoreError& trouble) {
        failed(trouble.what());
    }
}

void Writer::checkpoint(When when) {
    if (!connection_ || !log_in_use_) return;
    const std::int64_t pages = connection_->log_pages();
    if (pages < checked_in_) checked_in_ = 0;  // the log began anew
    if (when == When::working && pages - checked_in_ < log_pages) return;
    try {
        const bool large = file_size(database_path(options_.folder) + "-wal") > large_log_bytes;
        connection_->checkpoint(when == When::ending || (when == When::idle && large));
        checked_in_ = pages;
        if (when == When::idle) connection_->release_memory();
        log_in_use_ = when == When::working;
        const std::lock_guard lock(mutex_);
        checkpoint_problem_.clear();
    } catch (const StoreError& trouble) {
        const std::lock_guard lock(mutex_);
        if (checkpoint_problem_.empty())
            log::error("the store's log could not be moved into its file", {{"reason", trouble.what()}});
        checkpoint_problem_ = trouble.what();
    }
}

void Writer::failed(const std::string& reason) {
    connection_.reset();  // what SQLite believes of the file may be wrong now
    const std::lock_guard lock(mutex_);
    if (commit_problem_.empty()) log::error("the store cannot write", {{"reason", reason}});
    commit_problem_ = reason;
}

void Writer::worked() {
    const std::lock_guard lock(mutex_);
    ++commits_;
    if (!commit_problem_.empty()) log::info("the store can write again");
    commit_problem_.clear();
}

}  // namespace gachette::store
