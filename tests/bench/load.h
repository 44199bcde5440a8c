// A load generator for hooks: signed GitHub pushes over N connections from one thread, every answer timed. Used by the
// benchmarks; for one target at a time, on loopback.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace gachette::bench {

struct LoadPlan {
    int port = 0;
    std::string path;
    std::string secret;  // the pushes are signed with it (X-Hub-Signature-256)
    std::string repository = "bench/large";
    std::string ref = "refs/heads/main";
    int connections = 1;
    bool keep_alive = false;  // else one connection per delivery
    double seconds = 4;
    int body_bytes = 7'700;  // about
};

struct LoadResult {
    std::int64_t answered = 0;  // 2xx
    std::int64_t bad = 0;       // any other answer, or none
    double seconds = 0;
    std::vector<double>
        milliseconds;  // of each 2xx, from connect (or, kept alive, from the first byte) to the last byte
    double rate() const { return seconds > 0 ? static_cast<double>(answered) / seconds : 0; }
    double quantile(double part) const;  // of milliseconds; 0 when there are none
};

// Runs for plan.seconds. Throws std::runtime_error when nobody listens.
LoadResult run_load(const LoadPlan& plan);

// What a process has used so far, by /proc.
struct Usage {
    double cpu_seconds = 0;
    double peak_mb = 0;  // VmHWM
};
// Throws std::runtime_error when there is no such process.
Usage usage_of(int process);

}  // namespace gachette::bench
