// prepare, build and quick: the original's steps on the build host, straight over its shell, without the daemon.
#include <algorithm>
#include <thread>

#include "base/crypto.h"
#include "base/error.h"
#include "base/text.h"
#include "build/job.h"
#include "build/working_copy.h"
#include "cli/json_text.h"
#include "cli/stack_access.h"
#include "cli/tasks.h"
#include "model/names.h"
#include "model/repository.h"

namespace gachette::cli {

namespace {

using build::JobListener;
using build::JobResult;

const char* const default_ref = "origin/master";

std::string job_id() { return "cli-" + random_hex(8) + "-1"; }

// Whole lines of the log, made fit for a terminal, as they come.
class LogPrinter {
public:
    explicit LogPrinter(std::ostream& out) : out_(out) {}
    ~LogPrinter() { flush(); }
    void take(std::int64_t offset, std::string_view bytes) {
        end_ = offset + static_cast<std::int64_t>(bytes.size());
        heard_ = true;
        pending_ += bytes;
        const std::size_t line = pending_.rfind('\n');
        if (line == std::string::npos && pending_.size() < 64 * 1024) return;
        const std::size_t count = line == std::string::npos ? pending_.size() : line + 1;
        out_ << printable_lines(std::string_view(pending_).substr(0, count));
        out_.flush();
        pending_.erase(0, count);
    }
    void flush() {
        if (pending_.empty()) return;
        out_ << printable_lines(pending_) << "\n";
        out_.flush();
        pending_.clear();
    }
    std::int64_t end() const { return end_; }
    bool heard() const { return heard_; }

private:
    std::ostream& out_;
    std::string pending_;
    std::int64_t end_ = 0;
    bool heard_ = false;
};

// Runs the work and, when the link breaks under it, attaches to it again; the host keeps it going meanwhile.
template <typename Request, typename Work>
JobResult follow(Session& session, const Call& call, Request request, std::ostream& log_out, Work work) {
    const Interrupt interrupt;
    LogPrinter log(log_out);
    JobListener listener;
    listener.log = [&](std::int64_t offset, std::string_view bytes) { log.take(offset, bytes); };
    listener.note = [&](const std::string& sentence) { session.note(sentence); };
    listener.stop_requested = [] { return Interrupt::requested(); };
    listener.wake_descriptor = interrupt.descriptor();
    for (int tries = 1;; ++tries) {
        try {
            std::optional<JobResult> result = work(session.shell(call), request, listener, session.clock());
            if (!result) throw HostError("the build host gave no result; call again");
            return *result;
        } catch (const HostError& problem) {
            if (!log.heard() || tries >= 4 || Interrupt::requested()) throw;
            session.note(std::string(problem.what()) + "; looking after it again");
            request.log_offset = log.end();
            std::this_thread::sleep_for(std::chrono::seconds(tries));
        }
    }
}

// Throws what an unlucky end means for the exit code; the sentence starts with the command.
void need_success(const std::string& command, const JobResult& result) {
    if (result.result == AttemptClass::ok) return;
    const std::string reason = result.reason.empty() ? std::string(to_string(result.result)) : result.reason;
    if (result.result == AttemptClass::unreachable || result.result == AttemptClass::lost)
        throw HostError(command + ": " + reason);
    throw std::runtime_error(command + ": " + reason);
}

void need_url(const std::string& command, const std::string& url, const std::string& key) {
    if (url.empty())
        throw UsageError(command + ": url is missing; give it as argument or set " + key + " in the configuration");
    if (!valid_clone_url(url))
        throw UsageError(command + ": \"" + printable(url, 300) +
                         "\" is no address to clone from; write https://, ssh://, git@host:path or an absolute path");
}

// What the configuration knows of the project, or what the arguments say of it.
Project project_of(Session& session, const Call& call, const std::string& name) {
    const Project* known = session.configuration().find_project(name);
    Project project = known ? *known : Project{};
    project.name = name;
    const std::string key = "projects." + name + ".";
    project.url = session.setting(call, "url", project.url, key + "url");
    // The built-in default is no setting: only what the file says wins over the argument.
    const bool configured = known && known->path_to_missile != Project{}.path_to_missile;
    const std::string missile =
        session.setting(call, "path_to_missile", configured ? known->path_to_missile : "", key + "path_to_missile");
    if (!missile.empty()) project.path_to_missile = missile;
    return project;
}

// The line that trebuchet prints and that scripts look for. Names, versions and files hold no quotes (model/names.h).
std::string built_line(const build::BuiltPackage& package) {
    return "Built: {'name': '" + printable(package.name) + "', 'version': '" + printable(package.version) +
           "', 'file_name': '" + printable(package.file) + "'}\n";
}

JsonText as_json(const build::BuiltPackage& package) {
    return JsonText()
        .text("name", package.name)
        .text("version", package.version)
        .text("architecture", package.architecture)
        .text("file_name", package.file)
        .text("sha256", package.sha256)
        .number("size", package.size);
}

JsonText as_json(const JobResult& result) {
    JsonText json;
    json.text_if("commit", result.commit).text_if("version", result.version);
    std::vector<JsonText> packages;
    for (const build::BuiltPackage& package : result.packages) packages.push_back(as_json(package));
    return json.objects("packages", packages);
}

build::JobRequest quick_request(Session& session, const Call& call) {
    const Configuration& configuration = session.configuration();
    build::JobRequest request;
    request.id = job_id();
    request.host = session.host(call);
    request.project = project_of(session, call, call.text("project_name"));
    need_name("project", request.project.name);
    need_url("quick", request.project.url, "projects." + request.project.name + ".url");
    request.revision = call.text("ref", default_ref);
    request.debs_path = session.folder(call, "debs_path", configuration.debs_path);
    request.meta_path = session.folder(call, "meta_path", configuration.meta_path);
    request.requested_by = asked_by();
    Target target;
    target.domain = call.text("domain");
    target.stack = call.text("stack_version");
    target.rule = "quick";
    need_name("domain", target.domain);
    need_name("stack", target.stack);
    request.targets = {target};
    return request;
}

// The highest arrival number among what the stack holds of the project. A person's order has none of its own: it counts
// as the newest there is, without taking a number that a later delivery will have.
std::int64_t newest_arrival(const stacks::StackState& state, const std::string& project) {
    std::int64_t newest = 0;
    for (const stacks::StackEntry& entry : state.packages)
        if (entry.project == project) newest = std::max(newest, entry.arrival);
    return newest;
}

// After a forced push the stack holds a commit that the new one does not follow, and of two with one arrival number the
// stack keeps the first. Who calls quick means the new one: it is added with the next number, from the packages that
// were built. The repository is asked once more whether the ref really is there.
bool lost_to_diverged(const JobResult& result) {
    if (result.packages.empty() || result.targets.empty()) return false;
    const build::TargetOutcome& outcome = result.targets.front();
    return outcome.outcome == "superseded" && outcome.reason.find(" does not follow ") != std::string::npos;
}

}  // namespace

int prepare(Session& session, const Call& call) {
    build::PrepareRequest request;
    request.id = job_id();
    request.name = call.text("name");
    need_name("working copy", request.name);
    const Project project = project_of(session, call, request.name);
    need_url("prepare", project.url, "projects." + project.name + ".url");
    request.url = project.url;
    request.revision = call.text("ref", default_ref);
    request.limits = project.limits;
    request.host = session.host(call);
    const JobResult result = follow(session, call, request, session.err(), build::prepare_working_copy);
    need_success("prepare", result);
    if (session.options().json)
        session.out()
            << JsonText().text("name", request.name).text("commit", result.commit).text("folder", result.reason).str();
    else
        session.out() << result.commit;
    session.out() << "\n";
    return 0;
}

int build(Session& session, const Call& call) {
    build::BuildRequest request;
    request.id = job_id();
    request.name = call.text("name");
    need_name("working copy", request.name);
    request.project = project_of(session, call, request.name);
    request.debs_path = session.folder(call, "debs_path", session.configuration().debs_path);
    request.meta_path = session.configuration().meta_path;
    request.app_version = call.text("app_version");
    request.env_version = call.text("env_version");
    request.service_version = call.text("service_version");
    request.web_callback = call.text("webcallback");
    request.host = session.host(call);
    const JobResult result = follow(session, call, request, session.err(), build::build_working_copy);
    need_success("build", result);
    if (session.options().json) {
        session.out() << as_json(result).text("debs_path", request.debs_path).str() << "\n";
        return 0;
    }
    for (const build::BuiltPackage& package : result.packages) session.out() << built_line(package);
    return 0;
}

int quick(Session& session, const Call& call) {
    build::JobRequest request = quick_request(session, call);
    const Target target = request.targets.front();
    request.arrival = newest_arrival(need_stack(session, call, target.domain, target.stack), request.project.name);
    std::ostream& log = session.options().json ? session.err() : session.out();
    JobResult result = follow(session, call, request, log, build::run_job);
    if (lost_to_diverged(result)) {
        request.id = job_id();
        request.reuse = result.packages;
        ++request.arrival;
        result = follow(session, call, request, log, build::run_job);
    }
    need_success("quick", result);
    const build::TargetOutcome outcome = result.targets.empty() ? build::TargetOutcome{} : result.targets.front();
    const std::string stack = target.domain + "/" + target.stack;
    if (outcome.outcome == "refused" || outcome.outcome == "superseded")
        throw std::runtime_error("quick: the packages were built, but not added to stack " + stack + ": " +
                                 outcome.reason);
    if (session.options().json) {
        session.out() << as_json(result)
                             .text("domain", target.domain)
                             .text("stack", target.stack)
                             .text("outcome", outcome.outcome)
                             .number("generation", outcome.generation)
                             .text_if("reason", outcome.reason)
                             .str()
                      << "\n";
        return 0;
    }
    for (const build::BuiltPackage& package : result.packages)
        session.out() << "built " << printable(package.name) << " " << printable(package.version) << " ("
                      << printable(package.file) << ") from " << result.commit << "\n";
    if (outcome.outcome == "unchanged")
        session.out() << "stack " << stack << " holds them already\n";
    else
        session.out() << "added to stack " << stack << " as generation " << outcome.generation << "\n";
    return 0;
}

}  // namespace gachette::cli
