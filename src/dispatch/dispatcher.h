// Takes jobs out of the store and sees them to a recorded end: claims under a lease, slots of build hosts, retries,
// cancels. step() does what is due and says when to come back; run() is a wait around it.
#pragma once
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/current.h"
#include "dispatch/hosts.h"
#include "dispatch/runner.h"

namespace gachette::dispatch {

struct DispatcherOptions {
    std::string owner;  // of leases: unique for this process
    Milliseconds lease = 60'000;
    int tries = 4;                   // of infrastructure trouble, before a job is given up
    std::function<double()> random;  // in [0, 1); for delays
};

class Dispatcher {
public:
    Dispatcher(Store& store, Runner& runner, const Current<Configuration>& configuration, const Clock& clock,
               DispatcherOptions options);
    ~Dispatcher();  // detaches what runs and joins
    Dispatcher(const Dispatcher&) = delete;
    Dispatcher& operator=(const Dispatcher&) = delete;

    // Takes up what a former process left running. Call once, before the first step.
    void adopt(LastEnd last_end = LastEnd::unknown);
    // Does what is due; returns how long nothing will be due unless wake() is called (at most 60 s).
    Milliseconds step();
    void wake();  // any thread: there may be something new
    void run(std::stop_token stop);
    // Leaves running jobs on their hosts and joins their threads. They are taken up again by the next adopt().
    void detach();

    int running() const;
    std::vector<HostState> hosts() const;

private:
    struct Attempt;
    void start(Job job, Hosts::Reservation reservation, const std::shared_ptr<const Configuration>& configuration,
               bool attach);
    void run_attempt(Attempt& attempt);
    void record(Attempt& attempt, const Outcome& outcome);
    void end_attempt(Attempt& attempt, const Outcome& outcome);
    void reap();
    void pass_on_cancels();
    void renew_leases();
    bool start_due(const std::shared_ptr<const Configuration>& configuration, Milliseconds now);
    void end_without_host(const Job& job, const std::string& reason);

    Store& store_;
    Runner& runner_;
    const Current<Configuration>& configuration_;
    const Clock& clock_;
    const DispatcherOptions options_;

    // Of the thread that calls step():
    std::map<JobId, std::unique_ptr<Attempt>> attempts_;
    Milliseconds renewed_at_ = 0;
    std::shared_ptr<const Configuration> configured_;

    // Guarded by hosts_mutex_: the attempts' threads report trouble.
    mutable std::mutex hosts_mutex_;
    Hosts hosts_;
    int running_ = 0;

    std::mutex wake_mutex_;
    std::condition_variable_any wake_signal_;
    bool woken_ = false;
};

}  // namespace gachette::dispatch
