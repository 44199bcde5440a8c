#include "store/care.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/file.h"
#include "base/text.h"
#include "store/reading.h"

namespace gachette::store {

using sqlite::Connection;
using sqlite::Query;

namespace {

std::int64_t body_bytes(Connection& connection) {
    return connection.number("SELECT value FROM counters WHERE name = 'body_bytes'").value_or(0);
}

void give_up_body(Connection& connection, DeliveryId id, std::int64_t body, std::int64_t bytes) {
    connection.run("UPDATE deliveries SET body = NULL WHERE id = ?1", id);
    connection.run("UPDATE bodies SET uses = uses - 1 WHERE id = ?1", body);
    connection.run("DELETE FROM bodies WHERE id = ?1 AND uses <= 0", body);
    if (connection.changes() > 0)
        connection.run("UPDATE counters SET value = value - ?1 WHERE name = 'body_bytes'", bytes);
}

// Makes the rename last.
void sync_folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent || ::fsync(parent.get()) != 0)
        throw StoreError("backup to " + path + ": cannot sync its folder: " + system_error_text(errno));
}

}  // namespace

std::int64_t retire_some(Connection& connection, Milliseconds before, std::int64_t keep_bytes, int limit) {
    struct Candidate {
        DeliveryId id;
        std::int64_t body, bytes;
        Milliseconds received;
    };
    std::vector<Candidate> candidates;
    {
        Query rows(connection,
                   "SELECT id, body, body_bytes, received FROM deliveries AS delivery INDEXED BY deliveries_with_body "
                   "WHERE body IS NOT NULL AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.delivery = delivery.id "
                   "AND jobs.state IN (1, 2)) ORDER BY id LIMIT ?1");
        rows.bind(limit);
        while (rows.step()) candidates.push_back({rows.number(0), rows.number(1), rows.number(2), rows.number(3)});
    }
    std::int64_t retired = 0;
    for (const Candidate& candidate : candidates) {
        if (candidate.received >= before && body_bytes(connection) <= keep_bytes) break;
        give_up_body(connection, candidate.id, candidate.body, candidate.bytes);
        ++retired;
    }
    return retired;
}

std::vector<DeliveryId> forgettable(Connection& connection, Milliseconds before, DeliveryId after, int limit) {
    std::vector<DeliveryId> ids;
    Query rows(connection,
               "SELECT id FROM deliveries AS delivery WHERE id > ?2 AND received < ?1 AND body IS NULL "
               "AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.delivery = delivery.id) ORDER BY id LIMIT ?3");
    rows.bind(before, after, limit);
    while (rows.step()) ids.push_back(rows.number(0));
    return ids;
}

void forget(Connection& connection, const std::vector<DeliveryId>& ids) {
    for (const DeliveryId id : ids) {
        connection.run("DELETE FROM deliveries WHERE id = ?1 AND body IS NULL", id);
        connection.run("UPDATE counters SET value = value - ?1 WHERE name = 'deliveries'", connection.changes());
    }
}

std::vector<std::string> check_everything(Connection& connection) {
    std::vector<std::string> problems;
    const sqlite::Transaction snapshot(connection, sqlite::Transaction::Kind::snapshot);
    try {
        Query rows(connection, "PRAGMA integrity_check");
        while (rows.step())
            if (rows.bytes(0) != "ok") problems.push_back("the database: " + printable(rows.bytes(0), 200));
        Query references(connection, "PRAGMA foreign_key_check");
        while (references.step())
            problems.push_back("the database: row " + std::to_string(references.number(1)) + " of " +
                               references.text(0) + " refers to a row of " + references.text(2) + " that is not there");
        Query ids(connection, "SELECT id FROM deliveries WHERE body IS NOT NULL ORDER BY id");
        while (ids.step()) {
            try {
                read_body(connection, ids.number(0));
            } catch (const StoreError& error) {
                problems.push_back(error.what());
            }
        }
    } catch (const StoreError& error) {
        problems.push_back("the check could not go on: " + std::string(error.what()));
    }
    return problems;
}

void copy_database(Connection& connection, const std::string& path) {
    const std::string beside = path + ".new." + std::to_string(::getpid());
    ::unlink(beside.c_str());
    try {
        connection.copy_to(beside);
    } catch (const StoreError& error) {
        ::unlink(beside.c_str());
        throw StoreError("backup to " + path + ": " + error.what());
    }
    if (::rename(beside.c_str(), path.c_str()) != 0)
        throw StoreError("backup to " + path + ": cannot rename the copy: " + system_error_text(errno));
    sync_folder_of(path);
}

}  // namespace gachette::store
