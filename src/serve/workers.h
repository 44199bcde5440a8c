// A few threads that take work off the reactor: verify, read, plan, and the API. All are joined on destruction, after
// what waits was done.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace gachette::serve {

class Workers {
public:
    explicit Workers(int threads);
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    // Any thread. What a task throws is logged.
    void submit(std::function<void()> task);

private:
    void work();

    std::mutex mutex_;
    std::condition_variable signal_;
    std::deque<std::function<void()>> tasks_;
    bool closing_ = false;
    std::vector<std::jthread> threads_;
};

}  // namespace gachette::serve
