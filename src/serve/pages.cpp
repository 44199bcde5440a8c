#include "serve/pages.h"

#include <fmt/format.h>

#include "base/text.h"

namespace gachette::serve {

namespace {

constexpr int refresh_seconds = 5;

constexpr std::string_view style =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;color:#222;background:#fff}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3em .8em .3em 0;border-bottom:1px solid "
    "#ddd;"
    "vertical-align:top}th{color:#666;font-weight:600}code{font:13px ui-monospace,monospace}a{color:#06c}"
    ".done,.ok{color:#080}.failed,.dead,.bad{color:#b00}.running{color:#06c}.refused,.gave{color:#a50}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}th{color:#999}th,td{border-color:#333}a{"
    "color:#6bf}}";

std::string page(const std::string& title, bool refresh, const std::string& body) {
    return fmt::format(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width\">{}<title>{} - gachette</title><style>{}</style></head><body><p><a "
        "href=\"/\">gachette</a></p><h1>{}</h1>{}</body></html>\n",
        refresh ? fmt::format("<meta http-equiv=\"refresh\" content=\"{}\">", refresh_seconds) : "", html(title), style,
        html(title), body);
}

std::string state_mark(JobState state) {
    const std::string name(to_string(state));
    return fmt::format("<span class=\"{}\">{}</span>", name.substr(0, name.find(' ')), html(name));
}

std::string row(std::string_view name, const std::string& value) {
    return value.empty() ? "" : fmt::format("<tr><th>{}</th><td>{}</td></tr>", name, value);
}

std::string link(const char* folder, std::int64_t id) {
    return id ? fmt::format("<a href=\"/{0}/{1}\">{1}</a>", folder, id) : "";
}

std::string time_of(Milliseconds time) { return time ? iso8601(time) : ""; }

std::string short_commit(const std::string& commit) {
    return commit.empty() ? "" : "<code>" + html(commit.substr(0, 10)) + "</code>";
}

std::string stacks_of(const Job& job) {
    std::string text;
    for (const TargetState& target : job.targets) {
        text += (text.empty() ? "" : "<br>") + html(target.target.domain + "/" + target.target.stack);
        if (target.generation) text += "@" + std::to_string(target.generation);
        if (!target.outcome.empty()) text += ": " + html(target.outcome);
        if (!target.reason.empty()) text += " (" + html(target.reason) + ")";
    }
    return text;
}

std::string jobs_table(const std::vector<Job>& jobs) {
    std::string rows;
    for (const Job& job : jobs)
        rows += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                            link("jobs", job.id), state_mark(job.state), html(job.project), html(job.ref),
                            short_commit(job.commit), stacks_of(job), time_of(job.created));
    return "<table><tr><th>job</th><th>state</th><th>project</th><th>ref</th><th>commit</th><th>stacks</"
           "th><th>created</th></tr>" +
           rows + "</table>";
}

std::string deliveries_table(const std::vector<Delivery>& deliveries) {
    std::string rows;
    for (const Delivery& delivery : deliveries)
        rows += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                            link("deliveries", delivery.id), html(delivery.hook), html(delivery.event_name),
                            to_string(delivery.state), html(delivery.reason), time_of(delivery.received));
    return "<table><tr><th>delivery</th><th>hook</th><th>event</th><th>state</th><th>reason</th><th>received</th></"
           "tr>" +
           rows + "</table>";
}

}  // namespace

std::string html(std::string_view text) {
    std::string out;
    for (const char c : printable(text, 2000)) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string overview_page(const Health& health, const std::vector<Job>& jobs, const std::vector<Delivery>& deliveries,
                          const std::vector<dispatch::HostState>& hosts) {
    std::string body = health.good ? "<p class=\"ok\">everything is in order</p>"
                                   : "<p class=\"bad\">" + html(health.problem) + "</p>";
    std::string host_rows;
    for (const dispatch::HostState& host : hosts)
        host_rows += fmt::format("<tr><td>{}</td><td>{} of {}</td><td>{}</td></tr>", html(host.name), host.running,
                                 host.slots, html(host.problem));
    body += "<h2>Jobs</h2>" + jobs_table(jobs) + "<h2>Deliveries</h2>" + deliveries_table(deliveries);
    body += "<h2>Build hosts</h2><table><tr><th>host</th><th>running</th><th>last trouble</th></tr>" + host_rows +
            "</table>";
    return page("Overview", true, body);
}

std::string job_page(const Job& job) {
    std::string body =
        "<table>" + row("state", state_mark(job.state)) + row("reason", html(job.reason)) +
        row("step", job.step == Step::none ? "" : html(to_string(job.step))) + row("project", html(job.project)) +
        row("ref", html(job.ref)) + row("commit", "<code>" + html(job.commit) + "</code>") +
        row("version", html(job.version)) + row("stacks", stacks_of(job)) +
        row("delivery", link("deliveries", job.delivery)) + row("superseded by", link("jobs", job.superseded_by)) +
        row("same build as", link("jobs", job.same_build_as)) + row("rebuild of", link("jobs", job.rebuild_of)) +
        row("asked by", html(job.requested_by)) + row("cancelled by", html(job.cancelled_by)) +
        row("build host", html(job.build_host)) + row("created", time_of(job.created)) +
        row("started", time_of(job.started)) + row("finished", time_of(job.finished)) +
        row("log",
            fmt::format("<a href=\"/jobs/{0}/log\">whole</a>, <a href=\"/jobs/{0}/log?follow=1\">as it grows</a>",
                        job.id)) +
        "</table>";
    std::string packages;
    for (const Package& package : job.packages)
        packages +=
            fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>", html(package.name),
                        html(package.version), html(package.architecture), html(package.sha256));
    if (!packages.empty())
        body += "<h2>Packages</h2><table><tr><th>name</th><th>version</th><th>architecture</th><th>SHA-256</th></tr>" +
                packages + "</table>";
    std::string tries;
    for (const Attempt& attempt : job.tries)
        tries += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", attempt.number,
                             html(attempt.build_host), time_of(attempt.started),
                             attempt.result ? html(to_string(*attempt.result)) : "runs", html(attempt.reason));
    if (!tries.empty())
        body +=
            "<h2>Attempts</h2><table><tr><th>number</th><th>build "
            "host</th><th>started</th><th>result</th><th>reason</th></tr>" +
            tries + "</table>";
    return page(fmt::format("Job {}", job.id), !ended(job.state), body);
}

std::string delivery_page(const Delivery& delivery, const std::vector<Job>& jobs) {
    std::string body =
        "<table>" + row("state", html(to_string(delivery.state))) + row("reason", html(delivery.reason)) +
        row("hook", html(delivery.hook)) + row("event", html(delivery.event_name)) +
        row("sender's id", html(delivery.sender_id)) + row("received", time_of(delivery.received)) +
        row("from", html(delivery.peer)) + row("repeats", link("deliveries", delivery.repeats)) +
        row("replay of", link("deliveries", delivery.replay_of)) + row("asked by", html(delivery.requested_by)) +
        row("SHA-256", html(delivery.body_sha256)) + "</table>";
    std::string decisions;
    for (const Decision& decision : delivery.decisions)
        decisions += fmt::format("<tr><td class=\"{}\">{}</td><td>{}</td><td>{}</td></tr>", decision.taken ? "ok" : "",
                                 decision.taken ? "yes" : "no", html(decision.subject), html(decision.sentence));
    if (!decisions.empty()) body += "<h2>Decisions</h2><table>" + decisions + "</table>";
    if (!jobs.empty()) body += "<h2>Jobs</h2>" + jobs_table(jobs);
    return page(fmt::format("Delivery {}", delivery.id), false, body);
}

}  // namespace gachette::serve
