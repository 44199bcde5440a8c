// Deliveries and jobs as they stand in the database. Every function reads through the connection it is given, inside
// the caller's transaction if there is one; StoreError if it cannot.
#pragma once
#include <optional>
#include <vector>

#include "store/sqlite.h"
#include "store/store.h"

namespace gachette::store {

std::optional<Delivery> read_delivery(sqlite::Connection& connection, DeliveryId id);
std::vector<Delivery> list_deliveries(sqlite::Connection& connection, const ListOptions& options);
// Checked against the delivery's SHA-256.
std::optional<std::string> read_body(sqlite::Connection& connection, DeliveryId id);

std::optional<Job> read_job(sqlite::Connection& connection, JobId id);
std::vector<Job> list_jobs(sqlite::Connection& connection, const ListOptions& options);
std::vector<Target> read_targets(sqlite::Connection& connection, JobId id);
std::vector<JobId> jobs_of_delivery(sqlite::Connection& connection, DeliveryId id);

std::vector<Job> due_jobs(sqlite::Connection& connection, Milliseconds now, int limit);
std::optional<Milliseconds> next_due(sqlite::Connection& connection, Milliseconds after);

std::map<std::string, std::string> read_repositories(sqlite::Connection& connection);

}  // namespace gachette::store
