// One attempt of one job on one build host: prepare, build, collect, add to stacks, in one conversation. The work
// itself is the program in host/*.pl; here its parameters are made and everything that it says is checked again.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/configuration.h"
#include "model/event.h"
#include "model/job.h"
#include "model/plan.h"
#include "remote/shell.h"

namespace gachette::build {

struct BuiltPackage {
    std::string name, version, architecture, file, sha256;
    std::int64_t size = 0;
    friend bool operator==(const BuiltPackage&, const BuiltPackage&) = default;
};

struct JobRequest {
    // Letters, digits and "-": "<instance>-<job>-<attempt>". The same id again attaches to the job that runs or ended.
    std::string id;
    BuildHost host;  // base_path and trebuchet_bin are used
    Project project;
    RefKind kind = RefKind::branch;
    std::string ref;                 // full; may be empty with `revision`
    std::string commit;              // full id; empty: what the ref or revision points at
    std::string revision;            // what a person typed (contracts.md 1); wins over ref when commit is empty
    std::vector<std::string> paths;  // build only if one of these changed since the commit the stacks hold
    std::vector<Target> targets;
    std::string debs_path, meta_path;  // absolute, on the host
    std::int64_t arrival = 0;
    std::string delivery, job, requested_by;  // provenance, recorded with the stack
    std::vector<BuiltPackage> reuse;  // packages of the same build: taken if they still lie in debs_path, else built
    std::string web_callback;         // trebuchet only; empty: none
    std::int64_t log_offset = 0;      // how much of the log the caller has already
    bool isolate = true;              // false: never in a pid name space (for hosts where builds need sudo)
};

struct TargetOutcome {
    std::string outcome;  // "changed", "unchanged", "superseded", "refused"; empty: not decided
    std::string reason;
    std::int64_t generation = 0;
};

struct JobResult {
    AttemptClass result = AttemptClass::lost;
    std::string reason;
    std::string commit;  // as confirmed by the repository
    std::string ref;     // full; what a revision turned out to be, may be empty
    std::string version;
    std::int64_t commit_time = 0;  // seconds since 1970
    std::vector<BuiltPackage> packages;
    std::vector<TargetOutcome> targets;  // one for each of the request, in its order
};

// Called on the thread that runs the job. All may be empty.
struct JobListener {
    std::function<void(Step step, const std::string& version)> step;  // version: once known
    std::function<void(std::int64_t offset, std::string_view bytes)> log;
    std::function<void(const std::string& sentence)> note;  // warnings of the host, printable
    std::function<bool()> stop_requested;                   // true: end the job on the host
    std::function<bool()> detach_requested;                 // true: leave it running there
    int wake_descriptor = -1;                               // readable when the two should be asked at once
};

// Runs or attaches to the job. nullopt when detached. Throws HostError when the host cannot be reached or the link
// breaks: then the job may go on there; call again with the same id and the new log_offset.
std::optional<JobResult> run_job(remote::Shell& shell, const JobRequest& request, const JobListener& listener,
                                 const Clock& clock);

// Removes on the host what nothing uses: old job folders, work trees unused for 14 days. Returns how many. Throws
// HostError.
std::int64_t collect_garbage(remote::Shell& shell, const BuildHost& host, const Clock& clock);

}  // namespace gachette::build
