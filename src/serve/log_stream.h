// The log of a job as an answer that goes on: what is there now, and with `follow` whatever comes until the job has
// ended.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "door/door.h"
#include "store/store.h"

namespace gachette::serve {

// A source for the door (called on its thread, one file read a call). Lines are made printable. `offset` counts bytes
// of the raw log. Follows further attempts of the job while it lasts, with a line between them.
door::Source log_source(const Store& store, std::string state_folder, JobId job, std::int64_t offset, bool follow);

}  // namespace gachette::serve
