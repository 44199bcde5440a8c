// How a job ends in the database, and what its end means for the jobs that wait for its packages.
#pragma once
#include <string>

#include "store/sqlite.h"
#include "store/store.h"

namespace gachette::store {

// Sets the final state and lets waiting siblings go: with usable packages they become due; without, the oldest of them
// builds itself and the others wait for that one.
void end_job(sqlite::Connection& connection, JobId id, JobState state, const std::string& reason, Milliseconds now);

// "job 12 of a newer push took its place"
std::string superseded_sentence(JobId by);

}  // namespace gachette::store
