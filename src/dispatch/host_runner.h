// Runs attempts on real build hosts: a warm shell per slot, the log into its file, a broken link attached to again.
#pragma once
#include <map>
#include <memory>
#include <mutex>

#include "dispatch/runner.h"
#include "remote/shell.h"

namespace gachette::dispatch {

class HostRunner final : public Runner {
public:
    HostRunner(const Store& store, const Clock& clock);
    ~HostRunner() override;
    // As Runner. When the link breaks the job is attached to again, for half of its grace time; only then HostError.
    std::optional<Outcome> run(const Assignment& assignment, Control& control,
                               const std::function<void(Step, const std::string&)>& step) override;

private:
    std::shared_ptr<remote::Shell> shell_of(const BuildHost& host, int slot);
    void forget_shell(const BuildHost& host, int slot);
    void pause_for(const Control& control, Milliseconds pause);
    static std::string shell_key(const BuildHost& host, int slot);

    const Store& store_;
    const Clock& clock_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<remote::Shell>> shells_;  // by shell_key()
};

}  // namespace gachette::dispatch
