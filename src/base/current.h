// The newest version of a value that many threads read and one replaces (the configuration on SIGHUP). Readers hold
// what they got as long as they like.
#pragma once
#include <memory>
#include <mutex>

namespace gachette {

template <typename T>
class Current {
public:
    explicit Current(std::shared_ptr<const T> value) : value_(std::move(value)) {}
    std::shared_ptr<const T> get() const {
        const std::lock_guard lock(mutex_);
        return value_;
    }
    void set(std::shared_ptr<const T> value) {
        const std::lock_guard lock(mutex_);
        value_ = std::move(value);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const T> value_;
};

}  // namespace gachette
