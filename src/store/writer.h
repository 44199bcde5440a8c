// The one thread that writes. It takes all entries that wait when the last commit ends, runs them in one transaction (a
// savepoint each, so that one that fails does not take the others along), syncs, and only then tells their owners. It
// alone moves the write-ahead log into the file, between its transactions. When the disk says no, everybody who waited
// hears the reason, the connection is opened anew, and the next write or a probe every few seconds finds out whether
// it works again. Idle and healthy it sleeps without waking.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "store/sqlite.h"
#include "store/store.h"

namespace gachette::store {

struct Entry {
    // Runs on the writer's thread inside the transaction; what it throws undoes this entry alone.
    std::function<void(sqlite::Connection&)> work;
    // Called on the writer's thread afterwards: empty error: committed and synced; else nothing of it was stored.
    std::function<void(const std::string& error)> done;
    std::size_t bytes = 0;  // of bodies, for the limits
};

class Writer {
public:
    // `opened` is the connection to begin with. `changed` is called on the writer's thread after each commit.
    Writer(const StoreOptions& options, const Clock& clock, std::unique_ptr<sqlite::Connection> opened,
           std::function<void()> changed);
    ~Writer();  // writes what waits, joins

    // A delivery: throws StoreError when more than the limits of StoreOptions waits.
    void submit_delivery(Entry entry);
    // Everything else: never refused.
    void submit(Entry entry);

    std::string problem() const;  // empty: the last commit worked
    std::int64_t waiting() const;
    std::int64_t commits() const;  // since the start

private:
    using Batch = std::deque<std::pair<Entry, Milliseconds>>;

    void loop();
    bool wait_for_work(std::unique_lock<std::mutex>& lock);
    Batch take();
    void write(Batch& batch);
    void write_entries(Batch& batch, std::vector<std::string>& errors);
    void run_entry(Entry& entry, std::string& error, bool alone);
    void tell(Batch& batch, const std::vector<std::string>& errors);
    void rest();
    void probe();
    enum class When { working, idle, ending };
    void checkpoint(When when);
    void failed(const std::string& reason);
    void worked();
    sqlite::Connection& connection();

    const StoreOptions options_;
    const Clock& clock_;
    const std::function<void()> changed_;
    std::unique_ptr<sqlite::Connection> connection_;  // writer's thread only; empty after trouble
    bool log_in_use_ = true;                          // writer's thread only: something to move when idle
    std::int64_t checked_in_ = 0;                     // writer's thread only: pages of the log already in the file

    mutable std::mutex mutex_;
    std::condition_variable come_;
    Batch queue_;
    std::size_t queued_bytes_ = 0;
    std::int64_t in_flight_ = 0;
    std::size_t in_flight_bytes_ = 0;
    Milliseconds in_flight_since_ = 0;  // steady; when the oldest of the batch in work came
    std::int64_t commits_ = 0;
    std::string commit_problem_, checkpoint_problem_;
    bool stopping_ = false;
    std::thread thread_;  // last: starts when all else is there
};

}  // namespace gachette::store
