#include "report/reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/log.h"
#include "report/http.h"
#include "report/requests.h"

namespace gachette::report {

namespace {

using Verdict = Judgement::Verdict;

constexpr Milliseconds longest_sleep = 60'000;
constexpr int batch = 20;
constexpr Milliseconds kept = 14LL * 24 * 3'600'000;    // of what was sent or given up
constexpr std::chrono::milliseconds between_looks(20);  // many commits of the store are one look
constexpr Milliseconds between_care = 3'600'000;

}  // namespace

Reporter::Reporter(Store& store, const Current<Configuration>& configuration, const Clock& clock,
                   ReporterOptions options)
    : store_(store), configuration_(configuration), clock_(clock), options_(std::move(options)) {}

Milliseconds Reporter::step(std::stop_token stop) {
    const auto configuration = configuration_.get();
    if (configuration != configured_) {  // a new token may work where the old one did not
        rests_.clear();
        store_.retry_denied_reports();
        configured_ = configuration;
    }
    forget_old();
    Milliseconds sleep = longest_sleep;
    for (const auto& [name, due] : store_.next_reports()) {
        if (stop.stop_requested()) return 0;
        const Milliseconds left = std::max(due - clock_.wall(), rests_[name].until - clock_.steady());
        if (left <= 0) work_off(name, *configuration, stop);
        sleep = std::min(sleep, std::max<Milliseconds>(left, 0));
    }
    return sleep;
}

void Reporter::work_off(const std::string& name, const Configuration& configuration, std::stop_token stop) {
    const Destination* destination = configuration.find_reporter(name);
    for (const Report& report : store_.due_reports(name, clock_.wall(), batch)) {
        if (stop.stop_requested()) return;
        if (!destination)
            give_up(report, fmt::format("no reporter is called {} any more; add reporters.{} again, or take it away "
                                        "from hooks.<name>.report",
                                        name, name));
        else
            deliver(report, *destination, configuration, stop);
        if (rests_[name].until > clock_.steady()) return;
    }
}

Result<Request> Reporter::request_for(const Report& report, const Destination& destination,
                                      const Configuration& configuration) const {
    if (report.kind != destination.report_kind())
        return fail(fmt::format("reporter {} is of kind {} now, which knows nothing of this report ({})",
                                destination.name, destination.kind, to_string(report.kind)));
    switch (report.kind) {
        case ReportKind::status:
            return status_request(destination, report.facts, configuration.external_url);
        case ReportKind::webhook:
            return webhook_request(destination, report, fmt::format("gachette-{}-{}", store_.instance(), report.id),
                                   clock_.wall(), configuration.external_url);
        case ReportKind::callback:
            return callback_request(destination, report.facts);
    }
    return fail("the report is of an unknown kind");
}

void Reporter::deliver(const Report& report, const Destination& destination, const Configuration& configuration,
                       std::stop_token stop) {
    const Result<Request> request = request_for(report, destination, configuration);
    if (!request) {
        give_up(report, request.error());
        return;
    }
    const Answer answer = options_.send ? options_.send(*request, stop) : send(*request, stop);
    if (answer.interrupted) return;
    const int tries = std::max(report.attempts, rests_[destination.name].failures) + 1;
    const Judgement judgement =
        judge(destination, answer, tries, clock_.wall(), options_.random ? options_.random() : 0.5);
    take_rest(destination.name, judgement);
    note(report, destination, judgement);
}

void Reporter::note(const Report& report, const Destination& destination, const Judgement& judgement) {
    switch (judgement.verdict) {
        case Verdict::sent:
            log::debug("reported", {{"reporter", report.reporter}, {"job", report.facts.job}});
            store_.note_report(report.id, {ReportState::sent, "", 0});
            return;
        case Verdict::give_up:
            give_up(report, judgement.reason);
            return;
        case Verdict::denied:
            give_up(report, judgement.reason, ReportState::denied);
            return;
        case Verdict::again:
            if (clock_.wall() - report.created > destination.give_up) {
                give_up(report, fmt::format("tried {} times for too long (reporters.{}.give_up): {}",
                                            report.attempts + 1, destination.name, judgement.reason));
                return;
            }
            log::debug("a report has to wait", {{"reporter", report.reporter},
                                                {"job", report.facts.job},
                                                {"reason", judgement.reason},
                                                {"milliseconds", judgement.wait}});
            store_.note_report(report.id, {ReportState::waiting, judgement.reason, clock_.wall() + judgement.wait});
            return;
    }
}

void Reporter::give_up(const Report& report, const std::string& reason, ReportState state) {
    log::warning("a report was given up", {{"reporter", report.reporter},
                                           {"job", report.facts.job},
                                           {"state", to_string(report.facts.state)},
                                           {"reason", reason}});
    store_.note_report(report.id, {state, reason, 0});
}

void Reporter::take_rest(const std::string& name, const Judgement& judgement) {
    Rest& rest = rests_[name];
    const bool trouble = judgement.rest > 0 && judgement.verdict == Verdict::again;
    if (trouble && rest.failures == 0)
        log::warning("reports have to wait", {{"reporter", name}, {"reason", judgement.reason}});
    if (!trouble && rest.failures > 0) log::info("reports arrive again", {{"reporter", name}});
    rest.failures = trouble ? rest.failures + 1 : 0;
    rest.until = judgement.rest > 0 ? clock_.steady() + judgement.rest : 0;
}

void Reporter::forget_old() {
    if (forgot_ && clock_.steady() - forgot_at_ < between_care) return;
    forgot_ = true;
    forgot_at_ = clock_.steady();
    store_.forget_reports(clock_.wall() - kept);
}

void Reporter::wake() {
    {
        const std::lock_guard lock(wake_mutex_);
        woken_ = true;
    }
    wake_signal_.notify_all();
}

void Reporter::run(std::stop_token stop) {
    while (!stop.stop_requested()) {
        Milliseconds sleep = 1'000;
        try {
            sleep = step(stop);
        } catch (const std::exception& problem) {
            log::error("reporting has to wait", {{"reason", problem.what()}});
        }
        std::unique_lock lock(wake_mutex_);
        wake_signal_.wait_for(lock, stop, std::chrono::milliseconds(sleep), [&] { return woken_; });
        if (sleep > 0) wake_signal_.wait_for(lock, stop, between_looks, [] { return false; });
        woken_ = false;
    }
}

}  // namespace gachette::report
