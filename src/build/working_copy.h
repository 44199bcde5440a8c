// The original's separate tasks: a named working copy that is prepared now and built later. For the command line and
// for programs that use the library.
#pragma once
#include "build/job.h"

namespace gachette::build {

struct PrepareRequest {
    std::string id;  // as JobRequest::id
    BuildHost host;
    std::string name;  // of the working copy
    std::string url;
    std::string revision;  // origin/<branch>, tag, origin/<abbreviated commit>, commit, HEAD
    bool submodules = true;
    JobLimits limits;
    std::int64_t log_offset = 0;
};

// Makes the working copy hold exactly the revision. The result's `commit` is the full id, `reason` its folder on the
// host.
std::optional<JobResult> prepare_working_copy(remote::Shell& shell, const PrepareRequest& request,
                                              const JobListener& listener, const Clock& clock);

struct BuildRequest {
    std::string id;
    BuildHost host;
    std::string name;  // of a working copy that was prepared
    Project project;   // builder, command, path_to_missile, environment, limits
    std::string debs_path;
    std::string
        meta_path;  // where stacks lie; a package file that none of them refers to may be replaced; may be empty
    std::string app_version, env_version, service_version;  // empty ones are left out
    std::string web_callback;
    std::int64_t log_offset = 0;
    bool isolate = true;
};

// Builds in the working copy; the packages go into debs_path. `refused` when the copy was never prepared.
std::optional<JobResult> build_working_copy(remote::Shell& shell, const BuildRequest& request,
                                            const JobListener& listener, const Clock& clock);

}  // namespace gachette::build
