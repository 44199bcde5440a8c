// What happens when a delivery is stored: repeat or new, body, decisions, jobs, repositories seen.
#pragma once
#include <string>

#include "base/crypto.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace gachette::store {

// A delivery with what can be computed before its turn comes.
struct Prepared {
    NewDelivery delivery;
    Digest body_sha256{};
    std::string sender_key;  // empty: never a repeat (no sender id, or a replay)
    std::string headers, decisions;
};
Prepared prepare(NewDelivery delivery);

// Stores it inside the caller's write transaction, by the rules of Store::accept. StoreError if it cannot.
Accepted accept(sqlite::Connection& connection, const Prepared& prepared, Milliseconds now);

}  // namespace gachette::store
