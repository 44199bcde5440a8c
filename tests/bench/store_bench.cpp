// How many deliveries the store accepts a second (8 KB body, one job each, synced before the answer) with 1, 16 and 64
// clients that each wait for their answer; with --rows N also on top of N stored deliveries, as a ratio to the empty
// store, together with repeats and the newest pages. Usage: store_bench [--rows N] [--seconds S] [folder]
#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/crypto.h"
#include "base/text.h"
#include "store/store.h"

using namespace gachette;

namespace {

using Moment = std::chrono::steady_clock::time_point;
Moment now() { return std::chrono::steady_clock::now(); }
double seconds_since(Moment start) { return std::chrono::duration<double>(now() - start).count(); }

NewDelivery sample(std::int64_t number, std::size_t bytes) {
    const std::string name = hex(sha256(std::to_string(number)));
    NewDelivery delivery;
    delivery.hook = "github";
    delivery.forge = "github";
    delivery.peer = "192.0.2.7";
    delivery.event_name = "push";
    delivery.sender_id = name.substr(0, 36);
    delivery.secret_origin = "github.secret";
    delivery.headers = {{"X-GitHub-Event", "push"}, {"User-Agent", "GitHub-Hookshot/1"}};
    delivery.body = name + std::string(bytes - name.size(), 'b');
    PlannedJob job;
    job.project = "project-" + std::to_string(number % 200);
    job.ref = "refs/heads/main";
    job.commit = name.substr(0, 40);
    job.build_key = job.project + " " + job.commit;
    job.targets = {{"backend", "edge", "", false, "take", "domains.backend.stacks[0]"}};
    delivery.plan.jobs = {job};
    delivery.plan.decisions = {{true, "refs/heads/main of ops-hero/x", "will be built for backend/edge"}};
    return delivery;
}

std::atomic<std::int64_t> next_number = 1;

struct Measured {
    double per_second = 0, p50 = 0, p99 = 0;  // milliseconds
    double cpu = 0;                           // microseconds of processor time per delivery, making it included
};

double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto in_seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return in_seconds(used.ru_utime) + in_seconds(used.ru_stime);
}

Measured clients(Store& store, int count, double seconds) {
    std::vector<std::vector<double>> waits(static_cast<std::size_t>(count));
    const Moment start = now();
    const double cpu = cpu_seconds();
    {
        std::vector<std::jthread> threads;
        for (auto& own : waits)
            threads.emplace_back([&store, &own, start, seconds] {
                while (seconds_since(start) < seconds) {
                    NewDelivery delivery = sample(next_number++, 8192);
                    const Moment sent = now();
                    store.accept_and_wait(std::move(delivery));
                    own.push_back(seconds_since(sent) * 1000);
                }
            });
    }
    const double took = seconds_since(start);
    const double spent = cpu_seconds() - cpu;
    std::vector<double> all;
    for (const auto& own : waits) all.insert(all.end(), own.begin(), own.end());
    std::sort(all.begin(), all.end());
    const double rows = static_cast<double>(all.size());
    return {rows / took, all.at(all.size() / 2), all.at(static_cast<std::size_t>(rows * 0.99)), spent / rows * 1e6};
}

// Microseconds of one call, the median of many.
template <typename Call>
double microseconds(Call call) {
    std::vector<double> times;
    for (int i = 0; i < 300; ++i) {
        const Moment start = now();
        call();
        times.push_back(seconds_since(start) * 1e6);
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

struct Report {
    Measured one, sixteen, sixty_four;
    double repeat = 0, deliveries = 0, by_hook = 0, by_state = 0, jobs = 0, by_project = 0, health = 0, start = 0;
};

std::unique_ptr<Store> open(const std::string& folder, const Clock& clock, double& took) {
    StoreOptions options;
    options.folder = folder;
    const Moment start = now();
    auto store = std::make_unique<Store>(options, clock);
    took = seconds_since(start) * 1000;
    return store;
}

Report measure(const std::string& folder, double seconds) {
    const SystemClock clock;
    Report report;
    const auto store = open(folder, clock, report.start);
    report.one = clients(*store, 1, seconds);
    report.sixteen = clients(*store, 16, seconds);
    report.sixty_four = clients(*store, 64, seconds);
    const NewDelivery known = sample(next_number - 1, 8192);
    store->accept_and_wait(known);
    report.repeat = microseconds([&] { store->accept_and_wait(known); });
    ListOptions plain, hook, state, project;
    hook.hook = "github";
    state.state = static_cast<int>(DeliveryState::accepted);
    project.project = "project-7";
    report.deliveries = microseconds([&] { store->deliveries(plain); });
    report.by_hook = microseconds([&] { store->deliveries(hook); });
    report.by_state = microseconds([&] { store->deliveries(state); });
    report.jobs = microseconds([&] { store->jobs(plain); });
    report.by_project = microseconds([&] { store->jobs(project); });
    report.health = microseconds([&] { store->health(); });
    return report;
}

void prefill(const std::string& folder, std::int64_t rows) {
    const SystemClock clock;
    double took = 0;
    const auto store = open(folder, clock, took);
    std::mutex mutex;
    std::condition_variable room;
    std::int64_t waiting = 0;
    for (std::int64_t i = 0; i < rows; ++i) {
        std::unique_lock lock(mutex);
        room.wait(lock, [&] { return waiting < 1'500; });
        ++waiting;
        lock.unlock();
        store->accept(sample(next_number++, 512), [&](Result<Accepted>) {
            const std::lock_guard guard(mutex);
            --waiting;
            room.notify_one();
        });
        if (i % 100'000 == 0) fmt::print(stderr, "filling: {} of {}\n", i, rows);
    }
    std::unique_lock lock(mutex);
    room.wait(lock, [&] { return waiting == 0; });
}

void line(const char* what, double value, const char* unit, double base, bool more_is_better) {
    fmt::print("{:<34} {:>10.1f} {}", what, value, unit);
    if (base > 0) fmt::print("   {:.2f} x the time of an empty store", more_is_better ? base / value : value / base);
    fmt::print("\n");
}

void print(const Report& report, const Report& base) {
    const auto accepts = [](const char* what, const Measured& measured, const Measured& empty) {
        line(what, measured.per_second, "/s", empty.per_second, true);
        fmt::print("{:<34} {:>10.2f} ms p50, {:.2f} ms p99, {:.0f} us of processor\n", "", measured.p50, measured.p99,
                   measured.cpu);
    };
    line("open", report.start, "ms", base.start, false);
    accepts("accept, 1 client", report.one, base.one);
    accepts("accept, 16 clients", report.sixteen, base.sixteen);
    accepts("accept, 64 clients", report.sixty_four, base.sixty_four);
    line("repeat, 1 client", report.repeat, "us", base.repeat, false);
    line("newest 50 deliveries", report.deliveries, "us", base.deliveries, false);
    line("newest 50 of a hook", report.by_hook, "us", base.by_hook, false);
    line("newest 50 accepted", report.by_state, "us", base.by_state, false);
    line("newest 50 jobs", report.jobs, "us", base.jobs, false);
    line("newest 50 jobs of a project", report.by_project, "us", base.by_project, false);
    line("health", report.health, "us", base.health, false);
}

}  // namespace

int main(int argc, char** argv) {
    std::int64_t rows = 0;
    double seconds = 2;
    std::string base = std::filesystem::temp_directory_path() / ("store-bench." + random_hex(4));
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const auto value = i + 1 < argc ? parse_decimal(argv[i + 1]) : std::nullopt;
        if ((word == "--rows" || word == "--seconds") && value) {
            if (word == "--rows")
                rows = *value;
            else
                seconds = static_cast<double>(*value);
            ++i;
        } else if (!word.empty() && word[0] != '-') {
            base = word;
        } else {
            fmt::print(stderr, "usage: store_bench [--rows N] [--seconds S] [folder]\n");
            return 2;
        }
    }
    std::filesystem::create_directories(base);
    fmt::print("empty store\n");
    const Report empty = measure(base + "/empty", seconds);
    print(empty, {});
    if (rows > 0) {
        prefill(base + "/full", rows);
        fmt::print("{} deliveries stored\n", rows);
        print(measure(base + "/full", seconds), empty);
    }
    std::filesystem::remove_all(base + "/empty");
    std::filesystem::remove_all(base + "/full");
    std::error_code ignored;
    std::filesystem::remove(base, ignored);
    return 0;
}
