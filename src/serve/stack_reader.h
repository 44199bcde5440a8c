// The stacks on the build host, for the API: JSON texts, over a connection that is kept warm. Thread-safe, one question
// at a time.
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include "base/current.h"
#include "base/result.h"
#include "model/configuration.h"
#include "remote/shell.h"

namespace gachette::stacks {
class StackHost;
}

namespace gachette::serve {

class StackReader {
public:
    StackReader(const Current<Configuration>& configuration, const Clock& clock);
    ~StackReader();

    // All stacks, or those of one domain. Throws HostError when the build host does not answer.
    std::string list(const std::string& domain);
    // One stack ("edge" or "edge@4"); the error says that there is none.
    Result<std::string> show(const std::string& domain, const std::string& stack);
    Result<std::string> log(const std::string& domain, const std::string& stack);
    Result<std::string> diff(const std::string& domain, const std::string& from, const std::string& to);

private:
    stacks::StackHost host();

    const Current<Configuration>& configuration_;
    const Clock& clock_;
    std::mutex mutex_;
    std::shared_ptr<const Configuration> used_;
    std::unique_ptr<remote::Shell> shell_;
};

}  // namespace gachette::serve
