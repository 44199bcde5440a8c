#include "model/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "model/filters.h"
#include "model/matching.h"
#include "model/names.h"
#include "model/pattern.h"
#include "model/skip_mark.h"
#include "model/version.h"

namespace gachette {

namespace {

constexpr std::size_t most_refusals = 2'000;  // sentences about what is not done; jobs are never cut

std::string shown(std::string_view text) { return printable(text, 200); }

std::string joined(const std::vector<std::string>& list) { return shown(fmt::format("{}", fmt::join(list, ", "))); }

bool contains(const std::vector<std::string>& list, std::string_view item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

std::string subject_of(const Event& event) { return shown(event.ref) + " of " + label_of(event.repository); }

using Field = std::pair<std::string_view, std::string_view>;  // "{project}" and what it means

// In one pass: what is filled in is not looked at again.
std::string filled(std::string_view rest, std::initializer_list<Field> fields) {
    std::string text;
    while (!rest.empty()) {
        const std::size_t open = std::min(rest.find('{'), rest.size());
        text += rest.substr(0, open);
        rest.remove_prefix(open);
        const auto field = std::find_if(fields.begin(), fields.end(),
                                        [&](const Field& candidate) { return rest.starts_with(candidate.first); });
        if (rest.empty()) break;
        text += field == fields.end() ? rest.substr(0, 1) : field->second;
        rest.remove_prefix(field == fields.end() ? 1 : field->first.size());
    }
    return text;
}

// {branch}, {tag} and {project} filled in; "/" becomes "-", as a stack is one folder.
std::string stack_name(const Rule& rule, const Event& event, const Project& project) {
    std::string text = event.short_ref();
    std::replace(text.begin(), text.end(), '/', '-');
    const bool branch = event.kind == RefKind::branch;
    return filled(rule.stack, {{"{branch}", branch ? std::string_view(text) : ""},
                               {"{tag}", branch ? "" : std::string_view(text)},
                               {"{project}", project.name}});
}

std::string build_key(const Project& project, const Event& event) {
    if (event.commit.empty()) return "";
    std::string key = project.name + " " + event.commit;
    if (project.version.empty()) return key;  // the original's format: whichever ref came first names the packages
    const Result<VersionNeeds> needs = version_needs(project.version);
    const bool by_ref = !needs || (event.kind == RefKind::branch ? needs->branch : needs->tag);
    return by_ref ? fmt::format("{} {} {}", key, to_string(event.kind), event.short_ref()) : key;
}

std::string short_commit(const Event& event) {
    return event.commit.empty() ? "the head of " + shown(event.ref) : event.commit.substr(0, 7);
}

std::string rule_place(const Rule& rule) { return rule.text.substr(0, rule.text.find(" (")); }

// Collects jobs and sentences while the events are walked through.
class Planner {
public:
    Planner(const Hook& hook, const Configuration& configuration, const std::map<std::string, std::string>& known)
        : hook_(hook), configuration_(configuration), known_(known) {}

    void add(const Event& event, bool comes_again);
    Plan result();

private:
    void refuse(std::string subject, std::string sentence);
    bool wanted(const Event& event, bool comes_again);
    void see(const Event& event);
    const MatchingProjects& projects_of(const RepositoryIdentity& repository);
    void remember(const RepositoryIdentity& repository, const MatchingProjects& found);
    void add_project(const Event& event, const Project& project);
    void add_domain(const Event& event, const Project& project, const Domain& domain);
    bool add_rule(const Event& event, const Project& project, const Domain& domain, const Rule& rule);
    bool rule_fits(const Event& event, const Project& project, const Rule& rule);
    void take(const Event& event, const Project& project, const Rule& rule, Target target);
    std::optional<Reporting> reporting_of(const Event& event, const Project& project) const;
    PlannedJob& job_for(const Event& event, const Project& project, const Rule& rule);

    const Hook& hook_;
    const Configuration& configuration_;
    const std::map<std::string, std::string>& known_;
    std::optional<RepositoryIdentity> last_;  // most deliveries speak of one repository
    MatchingProjects last_found_;
    Plan plan_;
    std::map<std::string, std::size_t> jobs_;  // index by what makes a job one
    std::size_t refusals_ = 0;
};

void Planner::refuse(std::string subject, std::string sentence) {
    if (++refusals_ <= most_refusals) plan_.decisions.push_back({false, std::move(subject), std::move(sentence)});
}

const MatchingProjects& Planner::projects_of(const RepositoryIdentity& repository) {
    if (last_ == repository) return last_found_;
    last_ = repository;
    last_found_ = find_projects(repository, configuration_, known_);
    if (!last_found_.projects.empty()) remember(repository, last_found_);
    return last_found_;
}

void Planner::remember(const RepositoryIdentity& repository, const MatchingProjects& found) {
    if (const std::string key = repository_key(repository); !key.empty()) {
        std::string& names = plan_.seen[key];
        names.clear();
        for (const Project* project : found.projects) names.append(names.empty() ? "" : " ").append(project->name);
    }
    if (found.by_id)
        for (const Project* project : found.projects)
            refuse("project " + project->name,
                   fmt::format("is known by the forge's id of its repository, which is called {} now; change "
                               "projects.{}.url",
                               label_of(repository), project->name));
    for (const Project* project : found.left_behind)
        refuse("project " + project->name,
               fmt::format("was built from {} before, but its url names another repository now; if that is not meant, "
                           "change projects.{}.url",
                           label_of(repository), project->name));
}

void Planner::see(const Event& event) {
    for (const Project* project : projects_of(event.repository).projects)
        plan_.refs.push_back({project->name, event.ref, event.new_id, event.commit, event.change == Change::deleted});
}

// What speaks against an event before any rule is asked.
bool Planner::wanted(const Event& event, bool comes_again) {
    const auto no = [&](std::string sentence) {
        refuse(subject_of(event), std::move(sentence));
        return false;
    };
    if (!may_speak_for(hook_, event.repository))
        return no(fmt::format("hook {} may not speak for it; add {} to hooks.{}.repositories", hook_.name,
                              label_of(event.repository), hook_.name));
    if (projects_of(event.repository).projects.empty()) {
        const std::vector<std::string>& urls = event.repository.urls;
        return no(
            fmt::format("no project builds this repository; add projects.<name>.url: {}, or add {} to "
                        "projects.<name>.repositories",
                        urls.empty() ? "<clone url>" : shown(urls.front()), label_of(event.repository)));
    }
    if (!valid_full_ref(event.ref)) return no("is not a ref that git accepts; nothing is built");
    see(event);
    if (event.change == Change::deleted) return no(fmt::format("nothing to build: {} was deleted", shown(event.ref)));
    if (comes_again) return no("stands again further on in this delivery; only the last one counts");
    if (event.kind == RefKind::tag) return true;
    const std::string_view mark = skip_mark(event.head_message);
    if (mark.empty()) return true;
    return no(fmt::format("nothing to build: the message of its newest commit says {}", mark));
}

void Planner::add(const Event& event, bool comes_again) {
    if (!wanted(event, comes_again)) return;
    for (const Project* project : projects_of(event.repository).projects) add_project(event, *project);
}

void Planner::add_project(const Event& event, const Project& project) {
    bool in_a_domain = false;
    for (const Domain& domain : configuration_.domains) {
        if (!contains(domain.projects, project.name)) continue;
        in_a_domain = true;
        add_domain(event, project, domain);
    }
    if (!in_a_domain)
        refuse("project " + project.name,
               fmt::format("is in no domain; add {} to domains.<name>.projects", project.name));
}

void Planner::add_domain(const Event& event, const Project& project, const Domain& domain) {
    if (domain.rules.empty()) {
        refuse("domain " + domain.name,
               fmt::format("has no rules; add one to domains.{}.stacks, for example {{{}: {}, stack: latest}}",
                           domain.name, to_string(event.kind), shown(event.short_ref())));
        return;
    }
    bool fits = false;
    for (const Rule& rule : domain.rules)
        if (add_rule(event, project, domain, rule)) fits = true;
    if (!fits)
        refuse(subject_of(event),
               fmt::format("no rule of domain {} takes {} {} of project {}; add one to domains.{}.stacks, for example "
                           "{{{}: {}, stack: latest}}",
                           domain.name, to_string(event.kind), shown(event.short_ref()), project.name, domain.name,
                           to_string(event.kind), shown(event.short_ref())));
}

// Whether the rule is meant for this ref; a rule that cannot name its stack is, but builds nothing.
bool Planner::add_rule(const Event& event, const Project& project, const Domain& domain, const Rule& rule) {
    if (!rule_fits(event, project, rule)) return false;
    if (const std::string problem = filtered_out(rule, event); !problem.empty()) {
        refuse("rule " + rule_place(rule), fmt::format("{}: {}", shown(event.ref), problem));
        return true;
    }
    Target target{domain.name, stack_name(rule, event, project), rule.from, rule.create, rule.forced, rule.text};
    if (const Result<void> good = check_name("stack", target.stack); !good) {
        refuse("rule " + rule_place(rule),
               fmt::format("{}: nothing is built, as {} would become {}", shown(event.ref), rule.stack, good.error()));
        return true;
    }
    take(event, project, rule, std::move(target));
    return true;
}

bool Planner::rule_fits(const Event& event, const Project& project, const Rule& rule) {
    const auto no = [&](std::string sentence) {
        refuse("rule " + rule_place(rule), fmt::format("{}: {}", shown(event.ref), sentence));
        return false;
    };
    if (!rule.projects.empty() && !contains(rule.projects, project.name))
        return no(fmt::format("is for {}, not for project {}", joined(rule.projects), project.name));
    const bool branch = event.kind == RefKind::branch;
    const std::vector<std::string>& patterns = branch ? rule.branches : rule.tags;
    if (patterns.empty()) return no(branch ? "is for tags, this is a branch" : "is for branches, this is a tag");
    if (!patterns_match(patterns, event.short_ref()))
        return no(
            fmt::format("{} {} does not match {}", to_string(event.kind), shown(event.short_ref()), joined(patterns)));
    return true;
}

// Who is told of the job: what the hook names and the configuration has.
std::optional<Reporting> Planner::reporting_of(const Event& event, const Project& project) const {
    Reporting reporting{event.repository.id, event.repository.full_name, {}};
    for (const std::string& name : hook_.report) {
        const Destination* destination = configuration_.find_reporter(name);
        if (!destination) continue;
        const ReportKind kind = destination->report_kind();
        const bool status = kind == ReportKind::status;
        const std::string ref = event.short_ref();
        reporting.to.push_back(
            {name, kind, status ? filled(destination->context, {{"{project}", project.name}, {"{ref}", ref}}) : ""});
    }
    if (reporting.to.empty()) return std::nullopt;
    return reporting;
}

// One job per project, commit and ref; tags with the same packages share one. Branches do not, since a newer push of
// one branch must be able to supersede what the older one asked for; the store lets such jobs share one build.
PlannedJob& Planner::job_for(const Event& event, const Project& project, const Rule& rule) {
    const std::string packages = build_key(project, event);
    const bool shared = event.kind == RefKind::tag && !packages.empty();
    const std::string what = shared ? "tags " + packages : event.ref + " " + event.commit;
    const std::string key = fmt::format("{}\n{}\n{}", project.name, what, fmt::join(rule.paths, "\n"));
    const auto [place, fresh] = jobs_.try_emplace(key, plan_.jobs.size());
    if (fresh)
        plan_.jobs.push_back({project.name,
                              event.kind,
                              event.ref,
                              event.commit,
                              rule.paths,
                              {},
                              packages,
                              reporting_of(event, project),
                              event.kind == RefKind::branch ? event.old_id : ""});
    return plan_.jobs[place->second];
}

void Planner::take(const Event& event, const Project& project, const Rule& rule, Target target) {
    PlannedJob& job = job_for(event, project, rule);
    const std::string where = target.domain + "/" + target.stack;
    const auto same = std::find_if(job.targets.begin(), job.targets.end(), [&](const Target& other) {
        return other.domain == target.domain && other.stack == target.stack;
    });
    if (same != job.targets.end()) {
        refuse("rule " + rule_place(rule),
               fmt::format("{}: {} gets this commit already by another rule or ref", shown(event.ref), where));
        return;
    }
    job.targets.push_back(std::move(target));
    plan_.decisions.push_back(
        {true, subject_of(event), fmt::format("job for {} at {} -> {}", project.name, short_commit(event), where)});
}

Plan Planner::result() {
    if (refusals_ > most_refusals)
        plan_.decisions.push_back(
            {false, "this delivery",
             fmt::format("{} further reasons why nothing is done are not listed", refusals_ - most_refusals)});
    return std::move(plan_);
}

}  // namespace

Plan plan(const std::vector<Event>& events, const Hook& hook, const Configuration& configuration,
          const std::map<std::string, std::string>& known) {
    Planner planner(hook, configuration, known);
    // A sender may report one ref several times in one delivery; the last state is the one that counts.
    std::map<std::string, std::size_t> last_of;
    const auto ref_key = [](const Event& event) { return label_of(event.repository) + "\n" + event.ref; };
    for (std::size_t i = 0; i < events.size(); ++i)
        if (events[i].change != Change::deleted) last_of[ref_key(events[i])] = i;
    for (std::size_t i = 0; i < events.size(); ++i)
        planner.add(events[i], events[i].change != Change::deleted && last_of[ref_key(events[i])] != i);
    return planner.result();
}

std::string repository_key(const RepositoryIdentity& repository) {
    if (repository.id.empty()) return "";
    return fmt::format("{} {} {}", repository.forge, repository.instance, repository.id);
}

}  // namespace gachette
