// Where the log of an attempt lies: one file of raw bytes per attempt below the state folder.
#pragma once
#include <string>

#include "store/store.h"

namespace gachette::dispatch {

// <state_folder>/logs/<job>-<attempt>.log
std::string log_path(const std::string& state_folder, JobId job, int attempt);

}  // namespace gachette::dispatch
