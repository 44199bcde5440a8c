// What the dispatcher needs of the rest of the world: somebody who runs one attempt of one job on one build host. The
// real one is HostRunner (host_runner.h); tests and the simulation use a scripted one.
#pragma once
#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "model/configuration.h"
#include "store/store.h"

namespace gachette::dispatch {

// How the dispatcher speaks to an attempt while it runs. Shared between its thread and the dispatcher's.
class Control {
public:
    Control();
    ~Control();
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;

    void request_stop();    // end the job on the host: somebody cancelled it
    void request_detach();  // leave it running on the host: we are shutting down
    bool stop_requested() const { return stop_; }
    bool detach_requested() const { return detach_; }
    // Readable as soon as one of the two was requested; never read from.
    int wake_descriptor() const { return wake_; }
    // Waits at most this long for one of the two; for pauses between tries.
    void wait(Milliseconds time) const;

private:
    std::atomic<bool> stop_{false};
    std::atomic<bool> detach_{false};
    int wake_ = -1;
};

struct Assignment {
    Job job;  // claimed: attempts is the number of this attempt
    const Project* project = nullptr;
    const BuildHost* host = nullptr;
    const Configuration* configuration = nullptr;
    int slot = 0;         // of the host, from 0; one attempt at a time has it
    bool attach = false;  // the attempt was started by a former process and may still run on the host
};

class Runner {
public:
    virtual ~Runner() = default;
    // Blocks until the attempt has ended; nullopt when it was detached. `step` tells how far it is, with the version
    // once known. Called from one thread per (host, slot). Throws HostError when the host cannot be reached or the link
    // breaks for good; nothing is known then about what happened there.
    virtual std::optional<Outcome> run(const Assignment& assignment, Control& control,
                                       const std::function<void(Step, const std::string& version)>& step) = 0;
};

}  // namespace gachette::dispatch
