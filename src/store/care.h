// Retention and inspection of the database.
#pragma once
#include <string>
#include <vector>

#include "store/sqlite.h"
#include "store/store.h"

namespace gachette::store {

// One piece of Store::retire, small enough to leave the writer free between two: at most `limit` deliveries lose their
// body. Returns how many did; fewer than `limit`: nothing is left to retire.
std::int64_t retire_some(sqlite::Connection& connection, Milliseconds before, std::int64_t keep_bytes, int limit);
// Deliveries after `after` from before that time that made no jobs and have no body any more: at most `limit`, by
// number.
std::vector<DeliveryId> forgettable(sqlite::Connection& connection, Milliseconds before, DeliveryId after, int limit);
void forget(sqlite::Connection& connection, const std::vector<DeliveryId>& ids);

// Every problem found in the file and in the stored bodies, as sentences.
std::vector<std::string> check_everything(sqlite::Connection& connection);

// Copies one consistent state to `path`, which is replaced when the copy is whole and synced.
void copy_database(sqlite::Connection& connection, const std::string& path);

}  // namespace gachette::store
