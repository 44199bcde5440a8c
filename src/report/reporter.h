// Empties the outbox: sends what is due, in order per commit, and notes what became of it. step() does what is due and
// says when to come back; run() is a wait around it. A destination in trouble rests as a whole and holds up no other.
#pragma once
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>

#include "base/current.h"
#include "model/configuration.h"
#include "report/judge.h"
#include "report/message.h"
#include "store/store.h"

namespace gachette::report {

struct ReporterOptions {
    std::function<double()> random;  // in [0, 1); for delays
    Send send;                       // empty: by HTTP
};

class Reporter {
public:
    Reporter(Store& store, const Current<Configuration>& configuration, const Clock& clock, ReporterOptions options);
    Reporter(const Reporter&) = delete;
    Reporter& operator=(const Reporter&) = delete;

    // Sends what is due; returns how long nothing will be due unless wake() is called (at most 60 s). What `stop`
    // interrupts stays in the outbox and is sent again by the next process. StoreError if the store cannot.
    Milliseconds step(std::stop_token stop = {});
    void wake();  // any thread: there may be something new
    void run(std::stop_token stop);

private:
    struct Rest {
        int failures = 0;        // in a row
        Milliseconds until = 0;  // steady
    };
    void work_off(const std::string& name, const Configuration& configuration, std::stop_token stop);
    void deliver(const Report& report, const Destination& destination, const Configuration& configuration,
                 std::stop_token stop);
    Result<Request> request_for(const Report& report, const Destination& destination,
                                const Configuration& configuration) const;
    void note(const Report& report, const Destination& destination, const Judgement& judgement);
    void give_up(const Report& report, const std::string& reason, ReportState state = ReportState::given_up);
    void take_rest(const std::string& name, const Judgement& judgement);
    void forget_old();

    Store& store_;
    const Current<Configuration>& configuration_;
    const Clock& clock_;
    const ReporterOptions options_;

    // Of the thread that calls step():
    std::map<std::string, Rest> rests_;
    std::shared_ptr<const Configuration> configured_;
    Milliseconds forgot_at_ = 0;
    bool forgot_ = false;

    std::mutex wake_mutex_;
    std::condition_variable_any wake_signal_;
    bool woken_ = false;
};

}  // namespace gachette::report
