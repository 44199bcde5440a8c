// accept_bench PORT PATH SECRET PROCESS CONNECTIONS close|keep SECONDS: loads one hook and prints one line,
//   deliveries/s  p50 ms  p99 ms  answers that were no 2xx  CPU us per delivery  peak MB
// tests/bench/run calls it in alternation for gachette and for what it is compared with.
#include <fmt/format.h>

#include <cstdlib>
#include <exception>

#include "load.h"

int main(int count, char** words) {
    using namespace gachette::bench;
    if (count != 8) {
        fmt::print(stderr, "usage: accept_bench PORT PATH SECRET PROCESS CONNECTIONS close|keep SECONDS\n");
        return 2;
    }
    try {
        LoadPlan plan;
        plan.port = std::atoi(words[1]);
        plan.path = words[2];
        plan.secret = words[3];
        plan.connections = std::atoi(words[5]);
        plan.keep_alive = std::string(words[6]) == "keep";
        plan.seconds = std::atof(words[7]);
        const int process = std::atoi(words[4]);
        const Usage before = usage_of(process);
        const LoadResult result = run_load(plan);
        const Usage after = usage_of(process);
        const double each =
            result.answered ? (after.cpu_seconds - before.cpu_seconds) * 1e6 / double(result.answered) : 0;
        fmt::print("{:.0f}\t{:.2f}\t{:.2f}\t{}\t{:.0f}\t{:.1f}\n", result.rate(), result.quantile(0.5),
                   result.quantile(0.99), result.bad, each, after.peak_mb);
        return result.answered ? 0 : 1;
    } catch (const std::exception& problem) {
        fmt::print(stderr, "accept_bench: {}\n", problem.what());
        return 1;
    }
}
