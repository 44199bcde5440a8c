#include "dispatch/reconciler.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

namespace gachette::dispatch {

namespace {

constexpr Milliseconds longest_wait = 60'000;
constexpr Milliseconds look_delay = 5'000;
constexpr std::size_t most_at_once = 1'000;  // findings of one project in one round; the rest is found in the next

bool contains(const std::vector<std::string>& list, const std::string& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

// Projects whose pushes could build anything.
std::vector<const Project*> projects_to_ask(const Configuration& configuration) {
    std::vector<const Project*> projects;
    for (const Project& project : configuration.projects)
        if (std::any_of(configuration.domains.begin(), configuration.domains.end(), [&](const Domain& domain) {
                return !domain.rules.empty() && contains(domain.projects, project.name);
            }))
            projects.push_back(&project);
    return projects;
}

// One of the project's hosts; after a failure the next.
const BuildHost* host_for(const Configuration& configuration, const Project& project, int failures) {
    std::vector<const BuildHost*> hosts;
    for (const BuildHost& host : configuration.build_hosts)
        if (project.build_hosts.empty() || contains(project.build_hosts, host.name)) hosts.push_back(&host);
    return hosts.empty() ? nullptr : hosts[static_cast<std::size_t>(failures) % hosts.size()];
}

}  // namespace

Reconciler::Reconciler(Store& store, const Current<Configuration>& configuration, const Clock& clock,
                       MakeShell make_shell)
    : store_(store), configuration_(configuration), clock_(clock), make_shell_(std::move(make_shell)) {}

void Reconciler::wake() {
    const std::lock_guard lock(wake_mutex_);
    woken_ = true;
    wake_signal_.notify_all();
}

void Reconciler::look_at(const std::string& project) {
    const std::lock_guard lock(wake_mutex_);
    looks_.try_emplace(project, clock_.steady() + look_delay);
    woken_ = true;
    wake_signal_.notify_all();
}

std::optional<Milliseconds> Reconciler::look_due(const std::string& project) {
    const std::lock_guard lock(wake_mutex_);
    const auto look = looks_.find(project);
    return look == looks_.end() ? std::nullopt : std::optional(look->second);
}

// A look that came up while the repository was asked stays: the answer may be older.
void Reconciler::looked_at(const std::string& project, Milliseconds asked) {
    const std::lock_guard lock(wake_mutex_);
    const auto look = looks_.find(project);
    if (look != looks_.end() && look->second <= asked) looks_.erase(look);
}

void Reconciler::run(std::stop_token stop) {
    const std::stop_callback end_asking(stop, [this] { control_.request_detach(); });
    while (!stop.stop_requested()) {
        const Milliseconds wait = step();
        std::unique_lock lock(wake_mutex_);
        wake_signal_.wait_for(lock, stop, std::chrono::milliseconds(wait), [&] { return woken_; });
        woken_ = false;
    }
}

Milliseconds Reconciler::step() {
    const auto configuration = configuration_.get();
    if (configuration != shells_of_) shells_.clear();
    shells_of_ = configuration;
    const Milliseconds every = configuration->reconcile_every, now = clock_.steady();
    if (every <= 0) return longest_wait;

    const std::vector<const Project*> projects = projects_to_ask(*configuration);
    std::erase_if(rounds_, [&](const auto& entry) {
        return std::none_of(projects.begin(), projects.end(),
                            [&](const Project* project) { return project->name == entry.first; });
    });
    const Project* due = nullptr;
    Milliseconds wait = longest_wait;
    for (const Project* project : projects) {
        const Round& round = rounds_[project->name];
        Milliseconds left = round.asked ? *round.asked + every - now : 0;
        if (const auto look = look_due(project->name)) left = std::min(left, *look - now);
        if (left > 0)
            wait = std::min(wait, left);
        else if (!due || round.failures < rounds_[due->name].failures)
            due = project;
    }
    if (!due) {
        shells_.clear();
        return wait;
    }
    looked_at(due->name, now);
    ask(*configuration, *due, rounds_[due->name]);
    return 0;
}

void Reconciler::ask(const Configuration& configuration, const Project& project, Round& round) {
    const BuildHost* host = host_for(configuration, project, round.failures);
    try {
        if (!host) throw HostError("it has no build host; add one to build_hosts");
        // Before the repository is asked: what arrives meanwhile is then newer than what is compared with.
        const auto known = store_.known_refs(project.name, project.url);
        const auto present =
            build::list_refs(shell_of(*host), *host, project, clock_,
                             {[this] { return control_.detach_requested(); }, control_.wake_descriptor()});
        if (!present) return;
        round.failures = 0;
        if (known && !known->empty() && present->empty())
            log::warning("a repository answered without a single ref; nothing is taken from that",
                         {{"project", project.name}, {"build_host", host->name}});
        else if (known)
            compare(configuration, project, *known, *present);
        else {
            std::vector<SeenRef> first;
            for (const build::RemoteRef& ref : *present)
                first.push_back({project.name, ref.ref, ref.id, ref.commit, false});
            store_.note_refs(project.name, project.url, first);
        }
    } catch (const std::exception& problem) {
        ++round.failures;
        if (host) shells_.erase(host->name);
        log::warning("a repository could not be asked for pushes that no delivery told of",
                     {{"project", project.name}, {"build_host", host ? host->name : ""}, {"reason", problem.what()}});
    }
    round.asked = clock_.steady();
}

void Reconciler::compare(const Configuration& configuration, const Project& project, const std::vector<SeenRef>& known,
                         const std::vector<build::RemoteRef>& present) {
    const Recovery recovery = recover(project, known, present);
    for (const SeenRef& ref : recovery.gone) store_.forget_ref(ref);
    if (!recovery.learned.empty()) store_.note_refs(project.name, project.url, recovery.learned);
    if (recovery.found.size() > most_at_once)
        log::warning("many refs changed without a delivery; the rest waits for the next round",
                     {{"project", project.name}, {"refs", static_cast<std::int64_t>(recovery.found.size())}});
    for (std::size_t i = 0; i < std::min(recovery.found.size(), most_at_once); ++i) {
        const Recovery::Found& found = recovery.found[i];
        if (control_.detach_requested()) return;
        const Accepted accepted =
            store_.accept_and_wait(recovered_delivery(found, project, configuration, clock_.wall()));
        if (accepted.id == 0) continue;  // its delivery came meanwhile
        log::info("found what no delivery told of", {{"id", accepted.id},
                                                     {"project", project.name},
                                                     {"ref", printable(found.event.ref, 200)},
                                                     {"commit", found.event.commit},
                                                     {"jobs", static_cast<std::int64_t>(accepted.jobs.size())}});
    }
}

remote::Shell& Reconciler::shell_of(const BuildHost& host) {
    std::unique_ptr<remote::Shell>& shell = shells_[host.name];
    if (!shell) shell = make_shell_(host);
    return *shell;
}

}  // namespace gachette::dispatch
