// A store in a folder of its own that can be opened anew at any step, and deliveries to put into it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "store/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/folder.h"

namespace gachette::testing {

inline StoreOptions options_for(const std::string& folder) {
    StoreOptions options;
    options.folder = folder;
    options.free_bytes = 0;
    return options;
}

// every(): the store opened anew for each question, so that nothing can hide in memory. same(): as it is.
class Box {
public:
    Store& every() {
        store_.reset();
        return same();
    }
    Store& same() {
        if (!store_) store_ = std::make_unique<Store>(options, clock);
        return *store_;
    }
    void close() { store_.reset(); }

    TemporaryFolder folder;
    FakeClock clock;
    StoreOptions options = options_for(folder.path());

private:
    std::unique_ptr<Store> store_;
};

inline Target target(const std::string& stack, const std::string& domain = "backend") {
    return {domain, stack, "", false, "take", "rule of " + stack};
}

inline PlannedJob planned(const std::string& ref, const std::string& commit,
                          const std::vector<std::string>& stacks = {"edge"}, const std::string& project = "app") {
    PlannedJob job;
    job.project = project;
    job.kind = ref.rfind("refs/tags/", 0) == 0 ? RefKind::tag : RefKind::branch;
    job.ref = ref;
    job.commit = commit;
    for (const std::string& stack : stacks) job.targets.push_back(target(stack));
    job.build_key = commit.empty() ? "" : project + " " + commit;
    return job;
}

inline NewDelivery push(const std::string& sender_id, const std::string& body, std::vector<PlannedJob> jobs = {}) {
    NewDelivery delivery;
    delivery.hook = "github";
    delivery.forge = "github";
    delivery.peer = "192.0.2.7";
    delivery.event_name = "push";
    delivery.sender_id = sender_id;
    delivery.secret_origin = "github.secret";
    delivery.headers = {{"X-GitHub-Event", "push"}, {"User-Agent", "a:b,c\n"}};
    delivery.body = body;
    delivery.plan.jobs = std::move(jobs);
    delivery.plan.decisions = {{true, "refs/heads/main", "will be built"}, {false, "project x", "not for this branch"}};
    return delivery;
}

inline NewDelivery simple(const std::string& ref, const std::string& commit,
                          const std::vector<std::string>& stacks = {"edge"}) {
    return push("", "body of " + ref + " " + commit, {planned(ref, commit, stacks)});
}

inline Outcome outcome(AttemptClass result, const std::string& reason = "") {
    Outcome made;
    made.result = result;
    made.reason = reason;
    return made;
}

inline Package package(const std::string& name) {
    return {name, "1.0", "all", name + "_1.0_all.deb", std::string(64, 'a'), 1234};
}

inline Outcome built(const std::string& stack = "edge", const std::string& what = "changed") {
    Outcome made;
    made.commit = "";
    made.version = "1.0";
    made.packages = {package("one"), package("two")};
    made.targets = {{target(stack), what, what == "changed" ? "" : "because", 7}};
    return made;
}

inline std::vector<JobId> ids(const std::vector<Job>& jobs) {
    std::vector<JobId> numbers;
    for (const Job& job : jobs) numbers.push_back(job.id);
    return numbers;
}
inline std::vector<DeliveryId> ids(const std::vector<Delivery>& deliveries) {
    std::vector<DeliveryId> numbers;
    for (const Delivery& delivery : deliveries) numbers.push_back(delivery.id);
    return numbers;
}

// What `act` throws, as text; "nothing was thrown" otherwise.
template <typename Act>
std::string thrown(Act act) {
    try {
        act();
    } catch (const StoreError& error) {
        return error.what();
    }
    return "nothing was thrown";
}

constexpr const char* main_ref = "refs/heads/main";
inline std::string commit(char digit) { return std::string(40, digit); }

}  // namespace gachette::testing
