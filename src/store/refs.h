// The refs of projects' repositories as they were last told, in the caller's transaction. StoreError if that fails.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "store/sqlite.h"
#include "store/store.h"

namespace gachette::store {

// Takes over what a delivery says of refs.
void remember_refs(sqlite::Connection& connection, const std::vector<SeenRef>& refs);
// Whether every ref is known exactly so; one with empty ids: not known.
bool known_so(sqlite::Connection& connection, const std::vector<SeenRef>& refs);

// As in store.h.
std::optional<std::vector<SeenRef>> read_refs(sqlite::Connection& connection, const std::string& project,
                                              const std::string& address);
void note_refs(sqlite::Connection& connection, const std::string& project, const std::string& address,
               const std::vector<SeenRef>& refs);
void forget_ref(sqlite::Connection& connection, const SeenRef& ref);

}  // namespace gachette::store
