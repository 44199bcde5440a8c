#include "store/sqlite.h"

#include <sqlite3.h>

#include "base/log.h"

namespace gachette::sqlite {

namespace {

// A statement's first words are enough to know what was being done.
std::string shortened(std::string_view sql) {
    std::string text;
    for (const char c : sql.substr(0, 200)) {
        const bool space = c == ' ' || c == '\n';
        if (space && (text.empty() || text.back() == ' ')) continue;
        text += space ? ' ' : c;
    }
    return text.size() > 80 ? text.substr(0, 77) + "..." : text;
}

int note_log_pages(void* counter, sqlite3*, const char*, int pages) {
    *static_cast<std::int64_t*>(counter) = pages;
    return SQLITE_OK;
}

}  // namespace

bool Error::fatal() const {
    switch (code & 0xff) {
        case SQLITE_FULL:
        case SQLITE_IOERR:
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_READONLY:
        case SQLITE_CANTOPEN:
        case SQLITE_NOMEM:
        case SQLITE_PROTOCOL:
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_MISUSE:
            return true;
        default:
            return false;
    }
}

bool Error::damaged() const { return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB; }
bool Error::interrupted() const { return (code & 0xff) == SQLITE_INTERRUPT; }

// --- Query ---------------------------------------------------------------------------------------------------------

Query::Query(Connection& connection, std::string_view sql) : connection_(connection), sql_(sql) {
    const auto found = connection_.idle_.find(sql);
    if (found != connection_.idle_.end() && !found->second.empty()) {
        statement_ = found->second.back();
        found->second.pop_back();
        return;
    }
    const int result = sqlite3_prepare_v3(connection_.handle_, sql.data(), static_cast<int>(sql.size()),
                                          SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
    if (result != SQLITE_OK) connection_.fail(result, shortened(sql));
}

Query::~Query() {
    sqlite3_reset(statement_);  // repeats the code of the last step, which was told already
    sqlite3_clear_bindings(statement_);
    try {
        auto found = connection_.idle_.find(sql_);
        if (found == connection_.idle_.end()) found = connection_.idle_.emplace(std::string(sql_), 0).first;
        found->second.push_back(statement_);
    } catch (const std::bad_alloc&) {
        sqlite3_finalize(statement_);
    }
}

bool Query::step() {
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result == SQLITE_DONE) return false;
    connection_.fail(result, shortened(sql_));
}

void Query::check(int result) const {
    if (result != SQLITE_OK) connection_.fail(result, shortened(sql_));
}

void Query::put(int position, std::int64_t value) { check(sqlite3_bind_int64(statement_, position, value)); }
void Query::put(int position, std::string_view value) {
    const char* data = value.data() ? value.data() : "";
    check(sqlite3_bind_text64(statement_, position, data, value.size(), SQLITE_STATIC, SQLITE_UTF8));
}
void Query::put(int position, Blob value) {
    const char* data = value.bytes.data() ? value.bytes.data() : "";
    check(sqlite3_bind_blob64(statement_, position, data, value.bytes.size(), SQLITE_STATIC));
}
void Query::put(int position, std::nullopt_t) { check(sqlite3_bind_null(statement_, position)); }
void Query::put(int position, std::optional<std::int64_t> value) {
    if (value)
        put(position, *value);
    else
        put(position, std::nullopt);
}

std::int64_t Query::number(int column) const { return sqlite3_column_int64(statement_, column); }
std::string Query::text(int column) const { return std::string(bytes(column)); }
std::string_view Query::bytes(int column) const {
    const void* data = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    if (!data && size == 0 && sqlite3_errcode(connection_.handle_) == SQLITE_NOMEM)
        connection_.fail(SQLITE_NOMEM, shortened(sql_));
    return data ? std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size)) : std::string_view();
}
bool Query::null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

// --- Connection ----------------------------------------------------------------------------------------------------

Connection::Connection(const std::string& path, Mode mode, int busy_milliseconds) : path_(path) {
    const int flags = mode == Mode::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    const int result = sqlite3_open_v2(path.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    try {
        if (!handle_) throw Error(path + ": opening: no memory", SQLITE_NOMEM);
        if (result != SQLITE_OK) fail(result, "opening");
        sqlite3_extended_result_codes(handle_, 1);
        sqlite3_busy_timeout(handle_, busy_milliseconds);
        sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
        sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
        script(
            "PRAGMA wal_autocheckpoint=0; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
            "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;");
        sqlite3_wal_hook(handle_, note_log_pages, &log_pages_);  // replaces SQLite's own hook, which would checkpoint
    } catch (...) {
        sqlite3_close_v2(handle_);
        throw;
    }
}

Connection::~Connection() {
    for (auto& [sql, statements] : idle_)
        for (sqlite3_stmt* statement : statements) sqlite3_finalize(statement);
    if (sqlite3_close(handle_) != SQLITE_OK) {
        log::error("the database could not be closed", {{"file", path_}, {"reason", sqlite3_errmsg(handle_)}});
        sqlite3_close_v2(handle_);
    }
}

void Connection::fail(int result, std::string_view doing) const {
    std::string message = handle_ ? sqlite3_errmsg(handle_) : "";
    // The connection may hold the words of another error; the code decides.
    if (!handle_ || (sqlite3_errcode(handle_) & 0xff) != (result & 0xff)) message = sqlite3_errstr(result);
    const int system = handle_ ? sqlite3_system_errno(handle_) : 0;
    const int kind = result & 0xff;
    if (system != 0 && (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN || kind == SQLITE_FULL))
        message += " (" + std::string(sqlite3_errstr(result)) + ", system error " + std::to_string(system) + ")";
    throw Error(path_ + ": " + std::string(doing) + ": " + message, result);
}

void Connection::script(const std::string& sql) {
    const int result = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
    if (result != SQLITE_OK) fail(result, shortened(sql));
}

std::int64_t Connection::last_id() const { return sqlite3_last_insert_rowid(handle_); }
std::int64_t Connection::changes() const { return sqlite3_changes64(handle_); }
bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

void Connection::abandon() {
    if (in_transaction() && sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr) != SQLITE_OK)
        log::error("a transaction could not be rolled back", {{"reason", sqlite3_errmsg(handle_)}});
}

int Connection::checkpoint(bool truncate) {
    int in_log = 0;
    int moved = 0;
    const int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
    const int result = sqlite3_wal_checkpoint_v2(handle_, "main", mode, &in_log, &moved);
    if (result != SQLITE_OK && (result & 0xff) != SQLITE_BUSY) fail(result, "moving the log into the file");
    return in_log < 0 ? 0 : in_log - moved;
}

void Connection::interrupt() { sqlite3_interrupt(handle_); }
void Connection::release_memory() { sqlite3_db_release_memory(handle_); }

void Connection::copy_to(const std::string& path) {
    Connection copy(path, Mode::write);
    copy.script("PRAGMA synchronous=FULL;");
    sqlite3_backup* backup = sqlite3_backup_init(copy.handle_, "main", handle_, "main");
    if (!backup) copy.fail(sqlite3_extended_errcode(copy.handle_), "beginning a copy");
    const int stepped = sqlite3_backup_step(backup, -1);
    const int finished = sqlite3_backup_finish(backup);
    if (stepped != SQLITE_DONE) copy.fail(stepped, "copying");
    if (finished != SQLITE_OK) copy.fail(finished, "ending a copy");
}

// --- Transaction ---------------------------------------------------------------------------------------------------

Transaction::Transaction(Connection& connection, Kind kind) : connection_(connection) {
    connection_.run(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
    if (open_) connection_.abandon();  // SQLite has rolled back by itself after some errors
}

void Transaction::commit() {
    connection_.run("COMMIT");
    open_ = false;
}

Savepoint::Savepoint(Connection& connection) : connection_(connection) { connection_.run("SAVEPOINT entry"); }

Savepoint::~Savepoint() {
    if (!open_ || !connection_.in_transaction()) return;
    for (const char* sql : {"ROLLBACK TO entry", "RELEASE entry"}) {
        try {
            connection_.run(sql);
        } catch (const StoreError& error) {
            log::error("a part of a transaction could not be rolled back", {{"reason", error.what()}});
            connection_.abandon();
            return;
        }
    }
}

void Savepoint::keep() {
    connection_.run("RELEASE entry");
    open_ = false;
}

}  // namespace gachette::sqlite
