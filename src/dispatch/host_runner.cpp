#include "dispatch/host_runner.h"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "build/job.h"
#include "dispatch/log_files.h"

namespace gachette::dispatch {

namespace {

constexpr Milliseconds first_pause = 500;
constexpr Milliseconds longest_pause = 15'000;

// The log of an attempt, written where the host says it belongs: attaching again leaves no gap and no double.
class LogFile {
public:
    LogFile(const std::string& path) : path_(path), file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) {
        if (!file_)
            log::error("the log of a job cannot be written", {{"path", path}, {"reason", system_error_text(errno)}});
    }

    std::int64_t size() const { return file_ ? std::max<std::int64_t>(::lseek(file_.get(), 0, SEEK_END), 0) : 0; }

    void write(std::int64_t offset, std::string_view bytes) {
        while (file_ && !bytes.empty()) {
            const ssize_t count = ::pwrite(file_.get(), bytes.data(), bytes.size(), offset);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) {
                log::error("the log of a job cannot be written",
                           {{"path", path_}, {"reason", system_error_text(errno)}});
                file_.reset();
                return;
            }
            bytes.remove_prefix(static_cast<std::size_t>(count));
            offset += count;
        }
    }

private:
    const std::string path_;
    Descriptor file_;
};

std::vector<build::BuiltPackage> packages_to_reuse(const Store& store, const Job& job) {
    std::vector<build::BuiltPackage> packages;
    if (job.same_build_as == 0 || job.force_build) return packages;
    const auto sibling = store.job(job.same_build_as);
    if (!sibling || sibling->state != JobState::done) return packages;
    for (const Package& package : sibling->packages)
        packages.push_back(
            {package.name, package.version, package.architecture, package.file, package.sha256, package.size});
    return packages;
}

build::JobRequest request_for(const Store& store, const Assignment& assignment) {
    const Job& job = assignment.job;
    build::JobRequest request;
    request.id = fmt::format("{}-{}-{}", store.instance(), job.id, job.attempts);
    request.host = *assignment.host;
    request.project = *assignment.project;
    request.kind = job.kind;
    request.ref = job.ref;
    request.commit = job.commit;
    request.paths = job.paths;
    for (const TargetState& target : job.targets) request.targets.push_back(target.target);
    request.debs_path = assignment.configuration->debs_path;
    request.meta_path = assignment.configuration->meta_path;
    request.arrival = job.arrival;
    request.delivery = std::to_string(job.delivery);
    request.job = std::to_string(job.id);
    request.requested_by = job.requested_by.empty() ? fmt::format("delivery {}", job.delivery) : job.requested_by;
    request.reuse = packages_to_reuse(store, job);
    return request;
}

Outcome outcome_of(build::JobResult result, const Job& job) {
    Outcome outcome;
    outcome.result = result.result;
    outcome.reason = std::move(result.reason);
    outcome.commit = std::move(result.commit);
    outcome.version = std::move(result.version);
    for (build::BuiltPackage& package : result.packages)
        outcome.packages.push_back({std::move(package.name), std::move(package.version),
                                    std::move(package.architecture), std::move(package.file), std::move(package.sha256),
                                    package.size});
    for (std::size_t i = 0; i < job.targets.size(); ++i) {
        TargetState state = job.targets[i];
        if (i < result.targets.size()) {
            state.outcome = result.targets[i].outcome;
            state.reason = result.targets[i].reason;
            state.generation = result.targets[i].generation;
        }
        outcome.targets.push_back(std::move(state));
    }
    return outcome;
}

}  // namespace

HostRunner::HostRunner(const Store& store, const Clock& clock) : store_(store), clock_(clock) {}
HostRunner::~HostRunner() = default;

std::string HostRunner::shell_key(const BuildHost& host, int slot) {
    std::string keys;
    for (const std::string& key : host.host_keys) keys += key + " ";
    return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", host.name, slot, host.local, host.address, host.port,
                       host.user, host.key_filename, host.use_ssh_config, host.known_hosts, keys, host.forward_agent);
}

std::shared_ptr<remote::Shell> HostRunner::shell_of(const BuildHost& host, int slot) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<remote::Shell>& shell = shells_[shell_key(host, slot)];
    if (!shell) shell = remote::make_shell(host);
    return shell;
}

void HostRunner::forget_shell(const BuildHost& host, int slot) {
    const std::lock_guard lock(mutex_);
    shells_.erase(shell_key(host, slot));
}

std::optional<Outcome> HostRunner::run(const Assignment& assignment, Control& control,
                                       const std::function<void(Step, const std::string&)>& step) {
    build::JobRequest request = request_for(store_, assignment);
    LogFile file(log_path(assignment.configuration->state_folder, assignment.job.id, assignment.job.attempts));
    bool begun = assignment.attach;
    build::JobListener listener;
    listener.step = [&](Step now, const std::string& version) {
        begun = true;
        step(now, version);
    };
    listener.log = [&](std::int64_t offset, std::string_view bytes) {
        begun = true;
        file.write(offset, bytes);
    };
    listener.note = [&](const std::string& sentence) {
        log::warning("a build host says",
                     {{"job", assignment.job.id}, {"build_host", assignment.host->name}, {"note", sentence}});
    };
    listener.stop_requested = [&] { return control.stop_requested(); };
    listener.detach_requested = [&] { return control.detach_requested(); };
    listener.wake_descriptor = control.wake_descriptor();

    const Milliseconds patience = clock_.steady() + request.project.limits.grace / 2;
    for (Milliseconds pause = first_pause;; pause = std::min(pause * 2, longest_pause)) {
        try {
            request.log_offset = file.size();
            const auto shell = shell_of(*assignment.host, assignment.slot);
            auto result = build::run_job(*shell, request, listener, clock_);
            if (!result) return std::nullopt;
            return outcome_of(std::move(*result), assignment.job);
        } catch (const HostError& problem) {
            forget_shell(*assignment.host, assignment.slot);
            if (control.detach_requested()) return std::nullopt;
            // Nothing had begun there: somebody else may have the job. Else it may go on there, and is looked for.
            if (!begun || clock_.steady() >= patience) throw;
            log::warning(
                "the link to a build host broke, attaching again",
                {{"job", assignment.job.id}, {"build_host", assignment.host->name}, {"reason", problem.what()}});
        }
        pause_for(control, pause);
    }
}

// A cancel must not cut the pause short: the host is asked again at the same pace, and told then.
void HostRunner::pause_for(const Control& control, Milliseconds pause) {
    const Milliseconds end = clock_.steady() + pause;
    while (!control.detach_requested() && clock_.steady() < end) ::usleep(20'000);
}

}  // namespace gachette::dispatch
