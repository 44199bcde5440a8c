// SQLite in three small classes: a connection, a statement in use, a transaction. Every return code is checked; what
// goes wrong is thrown as sqlite::Error with what was being done and SQLite's own words. A connection belongs to one
// thread at a time. sqlite.cpp is the one file that includes sqlite3.h.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace gachette::sqlite {

struct Error : StoreError {
    Error(const std::string& sentence, int result_code) : StoreError(sentence), code(result_code) {}
    // The disk, the file or the memory is in trouble, not the one statement: the whole transaction is lost and the
    // connection should be opened anew.
    bool fatal() const;
    bool damaged() const;      // the file is not a whole database
    bool interrupted() const;  // by Connection::interrupt
    int code;                  // SQLite's extended result code
};

class Connection;

// Bytes for a BLOB column; not owned.
struct Blob {
    std::string_view bytes;
};

// A prepared statement in use; goes back to its connection's cache at the end of its scope. Columns count from 0.
class Query {
public:
    Query(Connection& connection, std::string_view sql);
    ~Query();
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    // Binds the values to ?1, ?2, ... The texts must live until the statement is done.
    template <typename... Values>
    Query& bind(const Values&... values) {
        int position = 0;
        (put(++position, values), ...);
        return *this;
    }
    // The next row; false: there is none.
    bool step();
    // Runs a statement that gives no rows.
    void run() {
        while (step()) {
        }
    }

    std::int64_t number(int column) const;
    int small(int column) const { return static_cast<int>(number(column)); }
    std::string text(int column) const;
    std::string_view bytes(int column) const;  // until the next step
    bool null(int column) const;

private:
    void put(int position, std::int64_t value);
    void put(int position, int value) { put(position, static_cast<std::int64_t>(value)); }
    void put(int position, bool value) { put(position, static_cast<std::int64_t>(value)); }
    void put(int position, std::string_view value);
    void put(int position, const std::string& value) { put(position, std::string_view(value)); }
    void put(int position, const char* value) { put(position, std::string_view(value)); }
    void put(int position, Blob value);
    void put(int position, std::nullopt_t);
    void put(int position, std::optional<std::int64_t> value);
    void check(int result) const;

    Connection& connection_;
    std::string_view sql_;
    sqlite3_stmt* statement_ = nullptr;
};

class Connection {
public:
    enum class Mode { write, read };  // read: the file is never written, never checkpointed by this connection
    // Opens the file (write: makes it when it is missing) with checkpoints by hand only.
    Connection(const std::string& path, Mode mode, int busy_milliseconds = 5'000);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Several statements without values and rows.
    void script(const std::string& sql);
    template <typename... Values>
    void run(std::string_view sql, const Values&... values) {
        Query(*this, sql).bind(values...).run();
    }
    // First column of the first row; nothing if there is no row.
    template <typename... Values>
    std::optional<std::int64_t> number(std::string_view sql, const Values&... values) {
        Query query(*this, sql);
        if (!query.bind(values...).step()) return std::nullopt;
        return query.number(0);
    }
    template <typename... Values>
    std::optional<std::string> text(std::string_view sql, const Values&... values) {
        Query query(*this, sql);
        if (!query.bind(values...).step()) return std::nullopt;
        return query.text(0);
    }
    std::int64_t last_id() const;
    std::int64_t changes() const;  // rows changed by the last statement
    bool in_transaction() const;
    // Rolls the transaction back if there is one; never throws.
    void abandon();

    // Moves the write-ahead log into the file; truncate also empties the log. Returns the pages that stay in the log
    // because somebody still reads them.
    int checkpoint(bool truncate);
    // Pages in the write-ahead log after this connection's last commit.
    std::int64_t log_pages() const { return log_pages_; }
    // Ends the statement that runs in another thread with an Error of code interrupted. May be called from any thread.
    void interrupt();
    // Copies one consistent state into a new file.
    void copy_to(const std::string& path);
    // Gives page memory back.
    void release_memory();

private:
    friend class Query;
    [[noreturn]] void fail(int result, std::string_view doing) const;

    std::string path_;
    sqlite3* handle_ = nullptr;
    std::int64_t log_pages_ = 0;
    std::map<std::string, std::vector<sqlite3_stmt*>, std::less<>> idle_;
};

// BEGIN IMMEDIATE (a writer) or BEGIN (a reader that wants one snapshot); rolls back unless committed.
class Transaction {
public:
    enum class Kind { write, snapshot };
    Transaction(Connection& connection, Kind kind);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit();

private:
    Connection& connection_;
    bool open_ = true;
};

// A part of a transaction that can fail alone: takes its changes back unless kept.
class Savepoint {
public:
    explicit Savepoint(Connection& connection);
    ~Savepoint();
    Savepoint(const Savepoint&) = delete;
    Savepoint& operator=(const Savepoint&) = delete;
    void keep();

private:
    Connection& connection_;
    bool open_ = true;
};

}  // namespace gachette::sqlite
