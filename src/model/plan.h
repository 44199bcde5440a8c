// From events to jobs: which projects, domains, rules and stacks. A pure function; every "no" has a reason that a
// person can read.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/configuration.h"
#include "model/event.h"

namespace gachette {

// Where the packages of a job go.
struct Target {
    std::string domain;
    std::string stack;
    std::string from;     // make the stack from this one when it is missing
    bool create = false;  // make it empty when it is missing
    std::string forced = "take";
    std::string rule;  // text of the rule, for the record
    friend bool operator==(const Target&, const Target&) = default;
};

// Who hears of a job's states, and how its repository is called there.
struct Reporting {
    struct To {
        std::string reporter;  // name of a destination
        ReportKind kind = ReportKind::status;
        std::string context;  // of a commit status, filled in
        friend bool operator==(const To&, const To&) = default;
    };
    std::string repository_id;  // the forge's own; may be empty
    std::string repository;     // full name
    std::vector<To> to;
    friend bool operator==(const Reporting&, const Reporting&) = default;
};

// One commit of one project, built once, for one or more stacks.
struct PlannedJob {
    std::string project;
    RefKind kind = RefKind::branch;
    std::string ref;     // full
    std::string commit;  // empty: whatever the ref points at
    std::vector<std::string>
        paths;  // build only if one of these changed since the commit the stack holds; empty: always
    std::vector<Target> targets;
    // Jobs with the same key make the same packages: project, commit and, where the project's version template asks
    // for them, branch or tag. Empty when the commit is not known yet.
    std::string build_key;
    std::optional<Reporting> reporting = std::nullopt;  // nothing: nobody hears of it
    // Where the branch stood before, as the push says; empty: not told, or a tag. A push of exactly that commit that
    // comes later is the older one.
    std::string before = std::string();
    friend bool operator==(const PlannedJob&, const PlannedJob&) = default;
};

// One sentence of the answer: what will be done, or what not and why.
struct Decision {
    bool taken = false;
    std::string subject;  // "refs/heads/main of ops-hero/x", "project x", "rule domains.backend.stacks[0]"
    std::string sentence;
    friend bool operator==(const Decision&, const Decision&) = default;
};

// Where a ref of a project's repository is, by what was said of it. Ids that were not told are empty.
struct SeenRef {
    std::string project;
    std::string ref;     // full
    std::string id;      // what it points at
    std::string commit;  // that, or the commit that a tag object means
    bool deleted = false;
    friend bool operator==(const SeenRef&, const SeenRef&) = default;
};

struct Plan {
    std::vector<PlannedJob> jobs;
    std::vector<Decision> decisions;
    // What the events say of refs of configured projects, in their order, whether a job comes of it or not. For the
    // store, so that the reconciler knows what never arrived.
    std::vector<SeenRef> refs;
    // Projects of which a forge's repository id was seen: project name (several: separated by spaces, which no name
    // holds) by "forge instance id". For the store.
    std::map<std::string, std::string> seen;
};

// `known` maps "forge instance id" to a project's name (several: separated by spaces) as the store remembers it, so
// that a renamed repository keeps its project. How a project matches: model/matching.h. Never throws.
Plan plan(const std::vector<Event>& events, const Hook& hook, const Configuration& configuration,
          const std::map<std::string, std::string>& known);

// The key of `known` for a repository; empty when the forge gave no id.
std::string repository_key(const RepositoryIdentity& repository);

}  // namespace gachette
