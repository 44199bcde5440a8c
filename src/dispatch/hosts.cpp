#include "dispatch/hosts.h"

#include <algorithm>

#include "model/job.h"

namespace gachette::dispatch {

namespace {
constexpr Milliseconds same_trouble = 30'000;
}

Hosts::Entry& Hosts::entry(const std::string& name) {
    Entry& found = entries_[name];
    found.state.name = name;
    return found;
}

void Hosts::configure(const std::vector<BuildHost>& hosts) {
    for (auto& [name, known] : entries_) known.configured = false;
    order_.clear();
    for (const BuildHost& host : hosts) {
        Entry& known = entry(host.name);
        known.configured = true;
        known.state.slots = host.slots;
        if (known.taken.size() < static_cast<std::size_t>(host.slots)) known.taken.resize(host.slots, false);
        order_.push_back(host.name);
    }
}

int Hosts::first_free(const Entry& entry) {
    for (int slot = 0; slot < entry.state.slots && slot < static_cast<int>(entry.taken.size()); ++slot)
        if (!entry.taken[slot]) return slot;
    return -1;
}

std::optional<Hosts::Reservation> Hosts::reserve(const std::vector<std::string>& allowed, const std::string& project,
                                                 Milliseconds now) {
    Entry* best = nullptr;
    const auto load = [](const Entry& candidate) {
        return static_cast<double>(candidate.state.running) / std::max(1, candidate.state.slots);
    };
    const auto known = last_host_of_project_.find(project);
    for (const std::string& name : order_) {
        if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), name) == allowed.end()) continue;
        Entry& candidate = entries_.at(name);
        if (candidate.state.rests_until > now || first_free(candidate) < 0) continue;
        const bool knows = known != last_host_of_project_.end() && known->second == name;
        if (!best || load(candidate) < load(*best) || (load(candidate) == load(*best) && knows)) best = &candidate;
    }
    if (!best) return std::nullopt;
    const int slot = first_free(*best);
    best->taken[slot] = true;
    ++best->state.running;
    return Reservation{best->state.name, slot};
}

Hosts::Reservation Hosts::reserve_on(const std::string& host) {
    Entry& wanted = entry(host);
    int slot = first_free(wanted);
    if (slot < 0) {
        slot = static_cast<int>(wanted.taken.size());
        wanted.taken.push_back(false);
    }
    wanted.taken[slot] = true;
    ++wanted.state.running;
    return {host, slot};
}

void Hosts::release(const Reservation& reservation) {
    Entry& held = entry(reservation.host);
    held.taken[reservation.slot] = false;
    --held.state.running;
}

void Hosts::failed(const std::string& host, const std::string& problem, Milliseconds now, double random) {
    Entry& sick = entry(host);
    sick.state.problem = problem;
    if (sick.state.failures > 0 && now - sick.failed_at < same_trouble) {
        // The same trouble seen by another job of this host.
        sick.state.rests_until = std::max(sick.state.rests_until, now + host_rest(sick.state.failures, random));
        return;
    }
    sick.failed_at = now;
    ++sick.state.failures;
    sick.state.rests_until = now + host_rest(sick.state.failures, random);
}

void Hosts::worked(const std::string& host, const std::string& project) {
    Entry& well = entry(host);
    well.state.failures = 0;
    well.state.rests_until = 0;
    well.state.problem.clear();
    last_host_of_project_[project] = host;
}

std::optional<Milliseconds> Hosts::next_ready(Milliseconds now) const {
    std::optional<Milliseconds> earliest;
    for (const std::string& name : order_) {
        const Milliseconds until = entries_.at(name).state.rests_until;
        if (until > now && (!earliest || until < *earliest)) earliest = until;
    }
    return earliest;
}

std::vector<HostState> Hosts::states() const {
    std::vector<HostState> result;
    for (const std::string& name : order_) result.push_back(entries_.at(name).state);
    return result;
}

}  // namespace gachette::dispatch
