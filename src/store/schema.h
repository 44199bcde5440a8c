// The database file: where it lies, its tables, its settings, and how an older one becomes today's.
#pragma once
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/file.h"
#include "store/sqlite.h"

namespace gachette::store {

inline constexpr int schema_version = 3;

std::string database_path(const std::string& folder);

// Makes the folder when it is missing and keeps every other gachette out of it until the descriptor closes. Throws
// StoreError with a sentence that says who holds it and what to do.
Descriptor lock_folder(const std::string& folder);

// The one connection that writes: settings made and read back. Throws StoreError.
std::unique_ptr<sqlite::Connection> open_writer(const std::string& folder);
// A connection that only reads.
std::unique_ptr<sqlite::Connection> open_reader(const std::string& folder);

// Makes or upgrades the tables, each version in one transaction. Throws StoreError for a newer schema or another
// program's file.
void migrate(sqlite::Connection& connection, const std::string& folder);

// Looks for damage, for at most `budget`: what a large store could not check in that time waits for Store::check().
// Throws StoreError with what to do.
void quick_check(sqlite::Connection& connection, const std::string& folder, Milliseconds budget);

// The sentence for trouble on opening: what is wrong with which folder and what to do.
std::string opening_sentence(const std::string& folder, const sqlite::Error& error);

}  // namespace gachette::store
