// Finds the pushes that no delivery told of: every so often, and at start, it asks the repositories of configured
// projects for their refs on a build host, compares them with what the store knows of them, and files the difference as
// recovered events, at most once each. step() does what is due and says when to come back; run() is a wait around it.
#pragma once
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "base/current.h"
#include "build/refs.h"
#include "dispatch/runner.h"
#include "model/event.h"
#include "remote/shell.h"
#include "store/store.h"

namespace gachette::dispatch {

// How what is known of a project's refs differs from what is there.
struct Recovery {
    struct Found {
        Event event;    // created or moved
        SeenRef known;  // how the store knows the ref; without ids: not at all
        friend bool operator==(const Found&, const Found&) = default;
    };
    std::vector<Found> found;      // what no delivery told, in the order of the answer
    std::vector<SeenRef> gone;     // known, but no longer there
    std::vector<SeenRef> learned;  // known without an id: as it is there now, its delivery will have meant it
    friend bool operator==(const Recovery&, const Recovery&) = default;
};

// Pure. A tag counts as known by its object or by the commit that this means, whichever its delivery told.
Recovery recover(const Project& project, const std::vector<SeenRef>& known,
                 const std::vector<build::RemoteRef>& present);

// What is filed for one finding: planned with this configuration, for this project only.
NewDelivery recovered_delivery(const Recovery::Found& found, const Project& project, const Configuration& configuration,
                               Milliseconds now);

class Reconciler {
public:
    using MakeShell = std::function<std::unique_ptr<remote::Shell>(const BuildHost&)>;
    Reconciler(Store& store, const Current<Configuration>& configuration, const Clock& clock,
               MakeShell make_shell = remote::make_shell);
    Reconciler(const Reconciler&) = delete;
    Reconciler& operator=(const Reconciler&) = delete;

    // Asks for one project that is due (those that answered last time first) and returns 0; without one, how long none
    // will be due unless wake() is called (at most 60 s). A project that cannot be asked is a warning in the log and is
    // asked again a round later, if there are several build hosts by the next one. Never throws.
    Milliseconds step();
    void wake();  // any thread: there is a new configuration
    // Any thread: a push of this project took the place of another one, and senders reorder; its repository is asked in
    // five seconds, so that what was discarded wrongly is found.
    void look_at(const std::string& project);
    // Returns soon after a stop was requested, also while a repository is asked.
    void run(std::stop_token stop);

private:
    struct Round {
        std::optional<Milliseconds> asked;  // steady; never: due now
        int failures = 0;                   // in a row
    };
    void ask(const Configuration& configuration, const Project& project, Round& round);
    void compare(const Configuration& configuration, const Project& project, const std::vector<SeenRef>& known,
                 const std::vector<build::RemoteRef>& present);
    remote::Shell& shell_of(const BuildHost& host);
    std::optional<Milliseconds> look_due(const std::string& project);
    void looked_at(const std::string& project, Milliseconds asked);

    Store& store_;
    const Current<Configuration>& configuration_;
    const Clock& clock_;
    const MakeShell make_shell_;
    Control control_;  // ends the asking

    // Of the thread that calls step():
    std::map<std::string, Round> rounds_;  // by project
    std::shared_ptr<const Configuration> shells_of_;
    std::map<std::string, std::unique_ptr<remote::Shell>> shells_;  // by host, while projects are due

    std::mutex wake_mutex_;
    std::condition_variable_any wake_signal_;
    bool woken_ = false;
    std::map<std::string, Milliseconds> looks_;  // project to steady time; guarded by wake_mutex_
};

}  // namespace gachette::dispatch
