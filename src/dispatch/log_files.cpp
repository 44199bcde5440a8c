#include "dispatch/log_files.h"

namespace gachette::dispatch {

std::string log_path(const std::string& state_folder, JobId job, int attempt) {
    return state_folder + "/logs/" + std::to_string(job) + "-" + std::to_string(attempt) + ".log";
}

}  // namespace gachette::dispatch
