#include "build/job.h"

#include <fmt/format.h>

#include <map>

#include "base/error.h"
#include "base/text.h"
#include "build/host_program.h"
#include "build/parameters.h"
#include "model/names.h"
#include "model/version.h"
#include "remote/conversation.h"
#include "remote/host_program.h"
#include "stacks/host_program.h"

namespace gachette::build {

namespace {

// The stacks' part goes along as text that the job compiles while the build runs (load_stacks in host/60-job.pl).
const std::string& program() {
    static const std::string text = std::string(remote::host_program_part) + "our $STACKS_TEXT = <<'END OF STACKS';\n" +
                                    std::string(stacks::host_program_part) + "\nEND OF STACKS\n" +
                                    std::string(build::host_program_part) + "\njob_main();\n";
    return text;
}

AttemptClass class_of(const std::string& word) {
    static const std::map<std::string, AttemptClass> classes{{"ok", AttemptClass::ok},
                                                             {"failed", AttemptClass::failed},
                                                             {"refused", AttemptClass::refused},
                                                             {"superseded", AttemptClass::superseded},
                                                             {"cancelled", AttemptClass::cancelled},
                                                             {"infrastructure", AttemptClass::infrastructure},
                                                             {"lost", AttemptClass::lost}};
    const auto found = classes.find(word);
    if (found == classes.end()) throw HostError("the build host ended the job with \"" + printable(word, 40) + "\"");
    return found->second;
}

bool valid_sha256(const std::string& text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Takes the events of a job into its result; whatever is not as it must be ends the conversation.
class Collector {
public:
    Collector(JobResult& result, const JobListener& listener, std::int64_t most_packages)
        : result_(result), listener_(listener), most_packages_(most_packages) {}

    void take(const remote::HostEvent& event) {
        const auto found = handlers().find(event.word);
        if (found == handlers().end()) return;  // of a newer program
        if (event.arguments.size() < found->second.arguments) refuse(event.word);
        (this->*found->second.act)(event.arguments);
    }

private:
    using Arguments = std::vector<std::string>;
    struct Handler {
        std::size_t arguments;
        void (Collector::*act)(const Arguments&);
    };

    static const std::map<std::string, Handler>& handlers() {
        static const std::map<std::string, Handler> all{
            {"phase", {1, &Collector::phase}},        {"commit", {4, &Collector::commit}},
            {"version", {1, &Collector::version}},    {"package", {6, &Collector::package}},
            {"target", {4, &Collector::target}},      {"warn", {1, &Collector::warn}},
            {"isolation", {2, &Collector::isolation}}};
        return all;
    }

    [[noreturn]] static void refuse(const std::string& word) {
        throw HostError("the build host told a \"" + printable(word, 40) +
                        "\" that cannot be; the job is not believed");
    }

    void note(const std::string& sentence) {
        if (listener_.note) listener_.note(printable(sentence, 500));
    }

    void tell_step() {
        if (listener_.step) listener_.step(step_, result_.version);
    }

    void phase(const Arguments& arguments) {
        static const std::map<std::string, Step> steps{
            {"prepare", Step::prepare}, {"build", Step::build}, {"stack", Step::add_to_stack}};
        const auto found = steps.find(arguments[0]);
        if (found == steps.end()) refuse("phase");
        step_ = found->second;
        tell_step();
    }

    void commit(const Arguments& arguments) {
        const auto time = parse_decimal(arguments[1]);
        if (!valid_object_id(arguments[0]) || !time || !(arguments[3].empty() || valid_full_ref(arguments[3])))
            refuse("commit");
        result_.commit = arguments[0];
        result_.commit_time = *time;
        result_.ref = arguments[3];
    }

    void version(const Arguments& arguments) {
        if (!arguments[0].empty() && !version_problem(arguments[0]).empty()) refuse("version");
        result_.version = arguments[0];
        tell_step();
    }

    void package(const Arguments& arguments) {
        const auto size = parse_decimal(arguments[5]);
        const BuiltPackage package{arguments[0], arguments[1], arguments[2],
                                   arguments[3], arguments[4], size.value_or(-1)};
        const bool good = valid_package_name(package.name) && version_problem(package.version).empty() &&
                          valid_deb_file_name(package.file) && valid_sha256(package.sha256) && size &&
                          package.architecture.size() <= 40 && valid_name(package.architecture);
        if (!good || static_cast<std::int64_t>(result_.packages.size()) >= most_packages_) refuse("package");
        result_.packages.push_back(package);
    }

    void target(const Arguments& arguments) {
        const auto index = parse_decimal(arguments[0]);
        const auto generation = parse_decimal(arguments[2]);
        const std::string& outcome = arguments[1];
        const bool known =
            outcome == "changed" || outcome == "unchanged" || outcome == "superseded" || outcome == "refused";
        if (!index || static_cast<std::size_t>(*index) >= result_.targets.size() || !generation || !known)
            refuse("target");
        result_.targets[static_cast<std::size_t>(*index)] = {outcome, printable(arguments[3], 1000), *generation};
    }

    void warn(const Arguments& arguments) { note(arguments[0]); }

    void isolation(const Arguments& arguments) {
        if (arguments[0] == "pid-namespace") return;
        note("the build runs without a name space of its own (" + arguments[1] +
             "): processes that hide well may outlive it, and it can write to gachette's folders");
    }

    JobResult& result_;
    const JobListener& listener_;
    const std::int64_t most_packages_;
    Step step_ = Step::none;
};

std::optional<JobResult> run(remote::Shell& shell, const remote::Parameters& parameters, std::size_t targets,
                             std::int64_t most_packages, const JobListener& listener, const Clock& clock) {
    JobResult result;
    result.targets.resize(targets);
    Collector collector(result, listener, most_packages);
    remote::Listener words;
    words.event = [&](const remote::HostEvent& event) { collector.take(event); };
    words.log = listener.log;
    words.stop_requested = listener.stop_requested;
    words.detach_requested = listener.detach_requested;
    words.wake_descriptor = listener.wake_descriptor;
    const remote::HostEvent end = remote::converse(shell, program(), parameters, words, clock);
    if (end.word == "detached") return std::nullopt;
    if (end.arguments.size() < 2) throw HostError("the build host ended the job without a reason");
    result.result = class_of(end.arguments[0]);
    result.reason = printable(end.arguments[1], 2000);
    return result;
}

// What would be refused on the host as well, said before anybody is asked.
std::optional<JobResult> refused(const std::string& reason, std::size_t targets) {
    JobResult result;
    result.result = AttemptClass::refused;
    result.reason = reason;
    result.targets.resize(targets);
    return result;
}

}  // namespace

std::optional<JobResult> run_job(remote::Shell& shell, const JobRequest& request, const JobListener& listener,
                                 const Clock& clock) {
    const Project& project = request.project;
    if (const Result<VersionNeeds> needs =
            version_needs(project.version.empty() ? original_version_template : std::string_view(project.version));
        !needs)
        return refused(fmt::format("project \"{}\": {}", project.name, needs.error()), request.targets.size());
    if (!request.ref.empty() && !valid_full_ref(request.ref))
        return refused(fmt::format("\"{}\" is no branch or tag that git would accept", printable(request.ref, 200)),
                       request.targets.size());
    return run(shell, job_parameters(request), request.targets.size(), project.limits.packages, listener, clock);
}

std::optional<JobResult> prepare_working_copy(remote::Shell& shell, const PrepareRequest& request,
                                              const JobListener& listener, const Clock& clock) {
    return run(shell, prepare_parameters(request), 0, 0, listener, clock);
}

std::optional<JobResult> build_working_copy(remote::Shell& shell, const BuildRequest& request,
                                            const JobListener& listener, const Clock& clock) {
    return run(shell, build_parameters(request), 0, request.project.limits.packages, listener, clock);
}

std::int64_t collect_garbage(remote::Shell& shell, const BuildHost& host, const Clock& clock) {
    std::int64_t removed = 0;
    remote::Listener words;
    words.event = [&](const remote::HostEvent& event) {
        if (event.word == "removed" && event.arguments.size() == 1)
            removed = parse_decimal(event.arguments[0]).value_or(0);
    };
    const remote::HostEvent end =
        remote::converse(shell, program(), {{"mode", "gc"}, {"base", host.base_path}}, words, clock);
    if (end.arguments.empty() || end.arguments[0] != "ok")
        throw HostError(
            printable(end.arguments.size() > 1 ? end.arguments[1] : "the build host could not clean up", 1000));
    return removed;
}

}  // namespace gachette::build
