#include "serve/stack_reader.h"

#include "base/error.h"
#include "serve/stack_json.h"
#include "stacks/stacks.h"

namespace gachette::serve {

namespace {

constexpr std::int64_t longest_log = 1'000;

Result<stacks::StackState> read(stacks::StackHost& host, const std::string& domain, const std::string& stack) {
    const auto name = stacks::parse_stack_name(stack);
    if (!name) return fail(name.error());
    return host.show(domain, name->stack, name->generation);
}

}  // namespace

StackReader::StackReader(const Current<Configuration>& configuration, const Clock& clock)
    : configuration_(configuration), clock_(clock) {}

StackReader::~StackReader() = default;

// Called with mutex_ held. Build hosts share one tree, so the first one is asked.
stacks::StackHost StackReader::host() {
    const auto configuration = configuration_.get();
    if (configuration->build_hosts.empty() || configuration->meta_path.empty())
        throw HostError("no build host or no meta_path is configured, so there are no stacks to read");
    if (configuration != used_) {
        shell_ = remote::make_shell(configuration->build_hosts.front());
        used_ = configuration;
    }
    return {*shell_, used_->meta_path, used_->debs_path, clock_};
}

std::string StackReader::list(const std::string& domain) {
    const std::lock_guard lock(mutex_);
    const auto found = host().list(domain);
    return stacks_json(found.value_or(std::vector<stacks::StackSummary>{}));
}

Result<std::string> StackReader::show(const std::string& domain, const std::string& stack) {
    const std::lock_guard lock(mutex_);
    stacks::StackHost asked = host();
    return read(asked, domain, stack).map(stack_json);
}

Result<std::string> StackReader::log(const std::string& domain, const std::string& stack) {
    const std::lock_guard lock(mutex_);
    const auto name = stacks::parse_stack_name(stack);
    if (!name) return fail(name.error());
    return host().log(domain, name->stack, longest_log).map(stack_log_json);
}

Result<std::string> StackReader::diff(const std::string& domain, const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    stacks::StackHost asked = host();
    const auto old_state = read(asked, domain, from);
    if (!old_state) return fail(old_state.error());
    const auto new_state = read(asked, domain, to);
    if (!new_state) return fail(new_state.error());
    return stack_diff_json(stacks::difference(*old_state, *new_state));
}

}  // namespace gachette::serve
