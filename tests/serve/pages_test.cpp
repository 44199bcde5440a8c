#include <catch2/catch.hpp>

#include "serve/pages.h"

using namespace gachette;
using namespace gachette::serve;

TEST_CASE("html() leaves nothing that a browser would obey") {
    CHECK(html("<script>alert('x')&\"") == "&lt;script&gt;alert(&#39;x&#39;)&amp;&quot;");
    CHECK(html("\x1b[1m") == "\\x1b[1m");
}

TEST_CASE("every field of a job and a delivery is escaped on its page") {
    const std::string nasty = "<img src=x onerror=alert(1)>";
    Job job;
    job.id = 12;
    job.project = job.ref = job.commit = job.reason = job.requested_by = job.build_host = job.version = nasty;
    job.cancelled_by = nasty;
    job.packages.push_back({nasty, nasty, nasty, nasty, nasty, 1});
    Attempt attempt;
    attempt.build_host = attempt.reason = nasty;
    job.tries.push_back(attempt);
    TargetState target;
    target.target.domain = target.target.stack = target.outcome = target.reason = nasty;
    job.targets.push_back(target);
    Delivery delivery;
    delivery.hook = delivery.event_name = delivery.sender_id = delivery.peer = delivery.reason = nasty;
    delivery.requested_by = delivery.body_sha256 = nasty;
    delivery.decisions.push_back({true, nasty, nasty});
    Health health;
    health.good = false;
    health.problem = nasty;
    dispatch::HostState host;
    host.name = host.problem = nasty;
    for (const std::string& page :
         {job_page(job), delivery_page(delivery, {job}), overview_page(health, {job}, {delivery}, {host})}) {
        CHECK(page.find("<img") == std::string::npos);
        CHECK(page.find("&lt;img") != std::string::npos);
        CHECK(page.find("<script") == std::string::npos);
    }
}

TEST_CASE("a page of a job that goes on looks again by itself, one of an ended job does not") {
    Job job;
    job.state = JobState::running;
    CHECK(job_page(job).find("http-equiv=\"refresh\"") != std::string::npos);
    job.state = JobState::done;
    CHECK(job_page(job).find("http-equiv=\"refresh\"") == std::string::npos);
}
