// Which build host takes a job: slots, rests of hosts in trouble, and a preference for the host that knows the project.
// A value without threads or IO; the dispatcher owns it.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/configuration.h"

namespace gachette::dispatch {

struct HostState {
    std::string name;
    int slots = 1;
    int running = 0;
    int failures = 0;              // in a row
    Milliseconds rests_until = 0;  // steady time
    std::string problem;           // of the last failure
};

class Hosts {
public:
    // Takes over the configured hosts; what is known of those that stay is kept.
    void configure(const std::vector<BuildHost>& hosts);

    struct Reservation {
        std::string host;
        int slot = 0;
    };
    // A free slot on one of `allowed` (empty: any) that does not rest at `now`: fewest running per slot, then the host
    // that built `project` last, then the first configured. nullopt: none now.
    std::optional<Reservation> reserve(const std::vector<std::string>& allowed, const std::string& project,
                                       Milliseconds now);
    // Exactly this host, for attaching to what runs there; takes a slot even if the host rests or all are taken.
    Reservation reserve_on(const std::string& host);
    void release(const Reservation& reservation);

    // Trouble of the host, not of a build: it rests for a growing time. Failures within 30 s count once.
    void failed(const std::string& host, const std::string& problem, Milliseconds now, double random);
    void worked(const std::string& host, const std::string& project);
    // The earliest end of a rest after `now`.
    std::optional<Milliseconds> next_ready(Milliseconds now) const;
    std::vector<HostState> states() const;

private:
    struct Entry {
        HostState state;
        std::vector<bool> taken;
        Milliseconds failed_at = -1'000'000'000;
        bool configured = true;
    };
    Entry& entry(const std::string& name);
    static int first_free(const Entry& entry);

    std::vector<std::string> order_;
    std::map<std::string, Entry> entries_;
    std::map<std::string, std::string> last_host_of_project_;
};

}  // namespace gachette::dispatch
