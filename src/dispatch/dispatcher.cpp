#include "dispatch/dispatcher.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"

namespace gachette::dispatch {

namespace {

constexpr int due_at_once = 64;
constexpr Milliseconds longest_wait = 60'000;

}  // namespace

// One running attempt: what it needs for as long as its thread lives.
struct Dispatcher::Attempt {
    std::shared_ptr<const Configuration> configuration;
    Assignment assignment;
    Hosts::Reservation reservation;
    Control control;
    std::atomic<bool> over{false};
    std::jthread thread;  // last: joined before the rest goes
};

Dispatcher::Dispatcher(Store& store, Runner& runner, const Current<Configuration>& configuration, const Clock& clock,
                       DispatcherOptions options)
    : store_(store), runner_(runner), configuration_(configuration), clock_(clock), options_(std::move(options)) {}

Dispatcher::~Dispatcher() { detach(); }

void Dispatcher::detach() {
    for (auto& [id, attempt] : attempts_) attempt->control.request_detach();
    attempts_.clear();
}

int Dispatcher::running() const {
    const std::lock_guard lock(hosts_mutex_);
    return running_;
}

std::vector<HostState> Dispatcher::hosts() const {
    const std::lock_guard lock(hosts_mutex_);
    return hosts_.states();
}

void Dispatcher::wake() {
    const std::lock_guard lock(wake_mutex_);
    woken_ = true;
    wake_signal_.notify_all();
}

void Dispatcher::run(std::stop_token stop) {
    while (!stop.stop_requested()) {
        Milliseconds wait = 1'000;
        try {
            wait = step();
        } catch (const std::exception& problem) {
            log::error("the dispatcher has to wait", {{"reason", problem.what()}});
        }
        std::unique_lock lock(wake_mutex_);
        wake_signal_.wait_for(lock, stop, std::chrono::milliseconds(wait), [&] { return woken_; });
        woken_ = false;
    }
}

void Dispatcher::adopt(LastEnd last_end) {
    const auto configuration = configuration_.get();
    for (Job& job : store_.adopt(options_.owner, clock_.wall() + options_.lease, last_end)) {
        log::info("taking up a job that was running", {{"job", job.id}, {"build_host", job.build_host}});
        const std::lock_guard lock(hosts_mutex_);
        Hosts::Reservation reservation = hosts_.reserve_on(job.build_host);
        start(std::move(job), std::move(reservation), configuration, true);
    }
}

Milliseconds Dispatcher::step() {
    const auto configuration = configuration_.get();
    if (configuration != configured_) {
        const std::lock_guard lock(hosts_mutex_);
        hosts_.configure(configuration->build_hosts);
        configured_ = configuration;
    }
    reap();
    pass_on_cancels();
    renew_leases();
    // One time for both questions: a job that becomes due in between is neither started nor forgotten.
    const Milliseconds now_wall = clock_.wall();
    const bool waiting_for_host = start_due(configuration, now_wall);

    Milliseconds wait = longest_wait;
    if (const auto due = store_.next_due(now_wall))
        wait = std::clamp<Milliseconds>(*due - clock_.wall(), 1, longest_wait);
    if (waiting_for_host) {
        const std::lock_guard lock(hosts_mutex_);
        const Milliseconds now = clock_.steady();
        if (const auto ready = hosts_.next_ready(now)) wait = std::min(wait, std::max<Milliseconds>(*ready - now, 1));
    }
    if (!attempts_.empty()) wait = std::min(wait, options_.lease / 3);
    return wait;
}

void Dispatcher::reap() {
    for (auto entry = attempts_.begin(); entry != attempts_.end();) {
        if (!entry->second->over) {
            ++entry;
            continue;
        }
        entry = attempts_.erase(entry);
    }
}

void Dispatcher::pass_on_cancels() {
    for (auto& [id, attempt] : attempts_) {
        if (attempt->control.stop_requested()) continue;
        const auto job = store_.job(id);
        if (job && job->cancel_requested) attempt->control.request_stop();
    }
}

void Dispatcher::renew_leases() {
    const Milliseconds now = clock_.steady();
    if (now - renewed_at_ < options_.lease / 3) return;
    renewed_at_ = now;
    for (const auto& [id, attempt] : attempts_) store_.renew(id, options_.owner, clock_.wall() + options_.lease);
}

// True when a due job found no free host.
bool Dispatcher::start_due(const std::shared_ptr<const Configuration>& configuration, Milliseconds now) {
    bool waiting = false;
    for (const Job& job : store_.due_jobs(now, due_at_once)) {
        if (attempts_.contains(job.id)) continue;
        const Project* project = configuration->find_project(job.project);
        if (!project) {
            end_without_host(job, "project " + job.project + " is no longer configured");
            continue;
        }
        std::optional<Hosts::Reservation> reservation;
        {
            const std::lock_guard lock(hosts_mutex_);
            reservation = hosts_.reserve(project->build_hosts, job.project, clock_.steady());
        }
        if (!reservation) {
            waiting = true;
            continue;
        }
        auto claimed = store_.claim(job.id, reservation->host, options_.owner, clock_.wall() + options_.lease);
        const std::lock_guard lock(hosts_mutex_);
        if (claimed)
            start(std::move(*claimed), *reservation, configuration, false);
        else
            hosts_.release(*reservation);
    }
    return waiting;
}

void Dispatcher::end_without_host(const Job& job, const std::string& reason) {
    if (!store_.claim(job.id, "", options_.owner, clock_.wall() + options_.lease)) return;
    Outcome outcome;
    outcome.result = AttemptClass::refused;
    outcome.reason = reason;
    store_.finish(job.id, outcome);
}

// Called with hosts_mutex_ held.
void Dispatcher::start(Job job, Hosts::Reservation reservation,
                       const std::shared_ptr<const Configuration>& configuration, bool attach) {
    const JobId id = job.id;
    auto attempt = std::make_unique<Attempt>();
    attempt->configuration = configuration;
    attempt->reservation = reservation;
    attempt->assignment.project = configuration->find_project(job.project);
    attempt->assignment.host = configuration->find_build_host(reservation.host);
    attempt->assignment.configuration = configuration.get();
    attempt->assignment.slot = reservation.slot;
    attempt->assignment.attach = attach;
    attempt->assignment.job = std::move(job);
    ++running_;
    Attempt& started = *attempt;
    attempts_[id] = std::move(attempt);
    started.thread = std::jthread([this, &started] { run_attempt(started); });
}

void Dispatcher::run_attempt(Attempt& attempt) {
    const Job& job = attempt.assignment.job;
    try {
        std::optional<Outcome> outcome;
        if (!attempt.assignment.host || !attempt.assignment.project) {
            outcome.emplace();
            outcome->result = AttemptClass::lost;
            outcome->reason =
                "build host " + job.build_host + " or project " + job.project + " is no longer configured";
        } else {
            try {
                outcome = runner_.run(attempt.assignment, attempt.control, [&](Step step, const std::string& version) {
                    store_.set_step(job.id, step, version);
                });
            } catch (const HostError& problem) {
                outcome.emplace();
                outcome->result = AttemptClass::unreachable;
                outcome->reason = problem.what();
            }
        }
        if (outcome) record(attempt, *outcome);
    } catch (const std::exception& problem) {
        // Nothing is recorded: the job stays running under our lease and is adopted when gachette starts again.
        log::error("a job was left as it is", {{"job", job.id}, {"reason", problem.what()}});
    }
    {
        const std::lock_guard lock(hosts_mutex_);
        hosts_.release(attempt.reservation);
        --running_;
    }
    attempt.over = true;
    wake();
}

// Tries until the store takes it: the end of an attempt is not lost because a disk is full for a while.
void Dispatcher::record(Attempt& attempt, const Outcome& outcome) {
    for (;;) {
        try {
            return end_attempt(attempt, outcome);
        } catch (const StoreError& problem) {
            log::error("the end of a job cannot be recorded yet",
                       {{"job", attempt.assignment.job.id}, {"reason", problem.what()}});
        }
        for (int pause = 0; pause < 10; ++pause) {
            if (attempt.control.detach_requested()) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
    }
}

void Dispatcher::end_attempt(Attempt& attempt, const Outcome& outcome) {
    const Job& job = attempt.assignment.job;
    const bool trouble_of_host = outcome.result == AttemptClass::unreachable || outcome.result == AttemptClass::lost;
    {
        const std::lock_guard lock(hosts_mutex_);
        if (trouble_of_host)
            hosts_.failed(attempt.reservation.host, outcome.reason, clock_.steady(), options_.random());
        else if (outcome.result == AttemptClass::ok || outcome.result == AttemptClass::failed)
            hosts_.worked(attempt.reservation.host, job.project);
    }
    const bool again = may_retry(outcome.result) && job.attempts < options_.tries && !attempt.control.stop_requested();
    if (again)
        store_.retry(job.id, outcome, clock_.wall() + retry_delay(job.attempts, options_.random()));
    else
        store_.finish(job.id, outcome);
    // What the store made of it: an attempt may be fine and the stack refuse its packages all the same.
    const auto now = store_.job(job.id);
    log::info(again ? "a job will be tried again" : "a job has ended",
              {{"job", job.id},
               {"project", job.project},
               {"state", now ? to_string(now->state) : ""},
               {"result", to_string(outcome.result)},
               {"build_host", attempt.reservation.host},
               {"reason", now ? now->reason : outcome.reason}});
}

}  // namespace gachette::dispatch
