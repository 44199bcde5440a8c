#include "serve/api.h"

#include <fmt/format.h>

#include "base/crypto.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "serve/json.h"
#include "serve/log_stream.h"
#include "serve/pages.h"

namespace gachette::serve {

namespace {

constexpr int default_page = 50;
constexpr int largest_page = 500;
constexpr int rows_of_overview = 25;

door::Response json_response(int status, std::string body) {
    door::Response response;
    response.status = status;
    response.headers.add("Content-Type", "application/json");
    response.headers.add("Cache-Control", "no-store");
    response.headers.add("X-Content-Type-Options", "nosniff");
    response.body = std::move(body);
    return response;
}

door::Response error(int status, const std::string& sentence) {
    return json_response(status, intake::error_answer(status, sentence).body);
}

door::Response text_response(std::string body) {
    door::Response response;
    response.headers.add("Content-Type", "text/plain; charset=utf-8");
    response.headers.add("X-Content-Type-Options", "nosniff");
    response.headers.add("Cache-Control", "no-store");
    response.body = std::move(body);
    return response;
}

// Who asks, for the record: the user at the UNIX socket, or the token's bearer at an address.
std::string who(const door::Request& request) {
    if (request.local) return fmt::format("uid {} at the admin socket", request.peer_uid);
    return "bearer of an admin token at " + request.peer;
}

// nullopt when a number is none.
std::optional<ListOptions> page_of(const std::string& query) {
    ListOptions options;
    for (const char* name : {"limit", "before"})
        if (const auto value = form_value(query, name); value && !parse_decimal(*value)) return std::nullopt;
    if (const auto limit = form_value(query, "limit"))
        options.limit =
            static_cast<int>(std::min<std::int64_t>(parse_decimal(*limit).value_or(default_page), largest_page));
    if (options.limit < 1) options.limit = default_page;
    if (const auto before = form_value(query, "before")) options.before = parse_decimal(*before).value_or(0);
    options.hook = form_value(query, "hook").value_or("");
    options.project = form_value(query, "project").value_or("");
    return options;
}

// The number of a state by its name; -1 for a name that is none.
template <typename State>
std::optional<int> state_of(const std::string& query, std::initializer_list<State> states) {
    const auto name = form_value(query, "state");
    if (!name || name->empty()) return std::nullopt;
    for (const State state : states)
        if (to_string(state) == *name) return static_cast<int>(state);
    return -1;
}

door::Response found_or(int status, Result<std::string> result) {
    if (!result) return error(status, result.error());
    return json_response(200, std::move(*result));
}

// The token of a request: a bearer's, or for reading in a browser the password of Basic authentication (RFC 7617). A
// browser sends a password by itself, so it must never be enough to change anything.
std::string token_of(const door::Request& request) {
    const auto authorization = request.headers.only("authorization");
    const std::size_t space = authorization ? authorization->find(' ') : std::string_view::npos;
    if (space == std::string_view::npos) return "";
    const std::string scheme = lower(authorization->substr(0, space));
    const std::string_view rest = authorization->substr(space + 1);
    if (scheme == "bearer") return std::string(rest);
    if (scheme != "basic" || (request.method != "GET" && request.method != "HEAD")) return "";
    const auto decoded = base64_decode(rest);
    const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
    return colon == std::string::npos ? "" : decoded->substr(colon + 1);
}

bool is_page(Action action) {
    return action == Action::overview_page || action == Action::job_page || action == Action::delivery_page ||
           action == Action::page_log;
}

door::Response page_response(std::string body) {
    door::Response response;
    response.headers.add("Content-Type", "text/html; charset=utf-8");
    response.headers.add("Content-Security-Policy",
                         "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'");
    response.headers.add("X-Content-Type-Options", "nosniff");
    response.headers.add("Referrer-Policy", "no-referrer");
    response.headers.add("Cache-Control", "no-store");
    response.body = std::move(body);
    return response;
}

ListOptions newest() {
    ListOptions options;
    options.limit = rows_of_overview;
    return options;
}

}  // namespace

Api::Api(const Current<Configuration>& configuration, Store& store, const intake::Intake& intake,
         dispatch::Dispatcher& dispatcher, StackReader& stacks, Workers& hook_workers, Workers& admin_workers)
    : configuration_(configuration),
      store_(store),
      intake_(intake),
      dispatcher_(dispatcher),
      stacks_(stacks),
      hook_workers_(hook_workers),
      admin_workers_(admin_workers) {}

std::optional<door::Response> Api::refuse_stranger(const door::Request& request) const {
    if (request.local) return std::nullopt;
    const auto configuration = configuration_.get();
    if (configuration->admin_tokens.empty())
        return error(403, "the API answers only on the UNIX socket; configure admin.tokens to use it from here");
    const std::string given = token_of(request);
    bool known = false;
    for (const Secret& token : configuration->admin_tokens) known = secret_equals(given, token.value) || known;
    if (known) return std::nullopt;
    door::Response refusal =
        error(401, "the API needs a header Authorization: Bearer TOKEN with a token of admin.tokens");
    const bool page = is_page(route(request.method, request.path).action);
    refusal.headers.add("WWW-Authenticate",
                        page ? "Basic realm=\"gachette: any name, an admin token as password\"" : "Bearer");
    return refusal;
}

std::optional<door::Response> Api::gate(const door::Request& head) const {
    const Route asked = route(head.method, head.path);
    if (asked.action == Action::unknown) return error(404, "there is nothing here; hooks are at /hooks/<name>");
    if (asked.admin)
        if (auto refusal = refuse_stranger(head)) return refusal;
    if (asked.action == Action::wrong_method) {
        door::Response refusal = error(405, fmt::format("{} is not possible here; use {}", head.method, asked.allowed));
        refusal.headers.add("Allow", std::string(asked.allowed));
        return refusal;
    }
    if (asked.action == Action::hook) return refuse_hook(asked, head);
    return std::nullopt;
}

std::optional<door::Response> Api::refuse_hook(const Route& asked, const door::Request& head) const {
    const auto configuration = configuration_.get();
    const Hook* hook = configuration->find_hook(asked.name);
    if (!hook) return error(404, "there is no hook of this name");
    // Only these two can be set to send by GET, with the payload in the query.
    if (head.method == "POST" || hook->forge == "gitea" || hook->forge == "forgejo") return std::nullopt;
    door::Response refusal = error(405, fmt::format("{} is not possible here; use POST", head.method));
    refusal.headers.add("Allow", "POST");
    return refusal;
}

void Api::handle(door::Request request, door::Responder responder) const {
    auto shared = std::make_shared<door::Request>(std::move(request));
    Workers& workers = route(shared->method, shared->path).admin ? admin_workers_ : hook_workers_;
    workers.submit([this, shared, responder] { answer(std::move(*shared), responder); });
}

void Api::answer(door::Request request, door::Responder responder) const {
    const Route asked = route(request.method, request.path);
    try {
        if (asked.action == Action::hook) return answer_hook(asked, std::move(request), std::move(responder));
        if (asked.action == Action::replay) {
            if (auto refusal = refuse_stranger(request)) return responder.send(std::move(*refusal));
            return intake_.replay(asked.id, who(request), [responder](intake::Answer answer) {
                responder.send(json_response(answer.status, std::move(answer.body)));
            });
        }
        responder.send(answer_admin(asked, request));
    } catch (const HostError& problem) {
        responder.send(error(502, problem.what()));
    } catch (const StoreError& problem) {
        log::error("the API cannot read or write the store", {{"reason", problem.what()}});
        responder.send(error(503, "the store does not answer; see /health"));
    }
}

void Api::answer_hook(const Route& asked, door::Request request, door::Responder responder) const {
    intake::Incoming incoming{asked.name, request.peer, std::move(request.headers), request.query,
                              std::move(request.body)};
    if (request.method == "GET") {
        // A hook set to GET carries its payload in the query; stored as the form it is, it can be replayed.
        incoming.headers.add("Content-Type", "application/x-www-form-urlencoded");
        incoming.body = incoming.query;
    }
    intake_.receive(std::move(incoming), [responder](intake::Answer answer) {
        responder.send(json_response(answer.status, std::move(answer.body)));
    });
}

door::Response Api::answer_admin(const Route& asked, const door::Request& request) const {
    if (asked.admin)
        if (auto refusal = refuse_stranger(request)) return std::move(*refusal);
    const std::string number = std::to_string(asked.id);
    switch (asked.action) {
        case Action::health: {
            const Health health = store_.health();
            return json_response(health.good ? 200 : 503, health_json(health));
        }
        case Action::metrics:
            return metrics();
        case Action::overview_page:
            return page_response(overview_page(store_.health(), store_.jobs(newest()), store_.deliveries(newest()),
                                               dispatcher_.hosts()));
        case Action::job_page: {
            const auto job = store_.job(asked.id);
            return job ? page_response(job_page(*job)) : error(404, "there is no job " + number);
        }
        case Action::delivery_page: {
            const auto delivery = store_.delivery(asked.id);
            if (!delivery) return error(404, "there is no delivery " + number);
            return page_response(delivery_page(*delivery, jobs_of(*delivery)));
        }
        case Action::page_log:
        case Action::deliveries:
            return list_deliveries(request);
        case Action::delivery:
            return show_delivery(asked.id);
        case Action::delivery_body: {
            auto body = store_.body(asked.id);
            if (!body) return error(404, "there is no delivery " + number + ", or its body is no longer kept");
            door::Response response;
            response.headers.add("Content-Type", "application/octet-stream");
            response.headers.add("X-Content-Type-Options", "nosniff");
            response.body = std::move(*body);
            return response;
        }
        case Action::jobs:
            return list_jobs(request);
        case Action::job: {
            const auto job = store_.job(asked.id);
            return job ? json_response(200, job_json(*job)) : error(404, "there is no job " + number);
        }
        case Action::job_log:
            return show_log(asked, request);
        case Action::rebuild: {
            const auto job = store_.rebuild(asked.id, who(request));
            return job ? json_response(202, fmt::format("{{\"job\":{}}}\n", *job)) : error(409, job.error());
        }
        case Action::cancel: {
            const auto state = store_.cancel(asked.id, who(request));
            return state ? json_response(202,
                                         fmt::format("{{\"job\":{},\"state\":\"{}\"}}\n", asked.id, to_string(*state)))
                         : error(409, state.error());
        }
        case Action::stacks:
            return json_response(200, stacks_.list(asked.name));
        case Action::stack:
            return found_or(404, stacks_.show(asked.name, asked.stack));
        case Action::stack_log:
            return found_or(404, stacks_.log(asked.name, asked.stack));
        case Action::stack_diff:
            return found_or(404, stacks_.diff(asked.name, asked.stack, asked.other));
        case Action::hook:
        case Action::replay:
        case Action::unknown:
        case Action::wrong_method:
            break;
    }
    return error(404, "there is nothing here");
}

door::Response Api::list_deliveries(const door::Request& request) const {
    const auto page = page_of(request.query);
    if (!page) return error(400, "limit and before are whole numbers");
    ListOptions options = *page;
    options.state = state_of(request.query, {DeliveryState::accepted, DeliveryState::ignored, DeliveryState::malformed,
                                             DeliveryState::repeat});
    if (options.state == -1) return error(400, "state is one of accepted, ignored, malformed, repeat");
    return json_response(200, deliveries_json(store_.deliveries(options), options.limit));
}

door::Response Api::list_jobs(const door::Request& request) const {
    const auto page = page_of(request.query);
    if (!page) return error(400, "limit and before are whole numbers");
    ListOptions options = *page;
    options.state = state_of(request.query,
                             {JobState::queued, JobState::running, JobState::done, JobState::failed, JobState::gave_up,
                              JobState::superseded, JobState::cancelled, JobState::refused, JobState::dead});
    if (options.state == -1)
        return error(400,
                     "state is one of queued, running, done, failed, gave up, superseded, cancelled, refused, dead");
    return json_response(200, jobs_json(store_.jobs(options), options.limit));
}

door::Response Api::show_delivery(DeliveryId id) const {
    const auto delivery = store_.delivery(id);
    if (!delivery) return error(404, fmt::format("there is no delivery {}", id));
    return json_response(200, delivery_json(*delivery, jobs_of(*delivery)));
}

std::vector<Job> Api::jobs_of(const Delivery& delivery) const {
    std::vector<Job> jobs;
    for (const JobId id : delivery.jobs)
        if (auto job = store_.job(id)) jobs.push_back(std::move(*job));
    return jobs;
}

door::Response Api::show_log(const Route& asked, const door::Request& request) const {
    if (!store_.job(asked.id)) return error(404, fmt::format("there is no job {}", asked.id));
    const auto offset = parse_decimal(form_value(request.query, "offset").value_or("0"));
    if (!offset) return error(400, "offset is a number of bytes");
    const bool follow = form_value(request.query, "follow").value_or("0") == "1";
    door::Response response = text_response("");
    response.source = log_source(store_, configuration_.get()->state_folder, asked.id, *offset, follow);
    return response;
}

// Prometheus text format, version 0.0.4.
door::Response Api::metrics() const {
    const Health health = store_.health();
    std::string text = fmt::format(
        "# TYPE gachette_good gauge\ngachette_good {}\n# TYPE gachette_deliveries_total counter\n"
        "gachette_deliveries_total {}\n# TYPE gachette_jobs gauge\ngachette_jobs{{state=\"queued\"}} {}\n"
        "gachette_jobs{{state=\"running\"}} {}\n",
        health.good ? 1 : 0, health.deliveries, health.jobs_queued, health.jobs_running);
    if (counters_) {
        const door::Counters door = counters_();
        text += fmt::format(
            "# TYPE gachette_connections gauge\ngachette_connections {}\n# TYPE gachette_connections_total counter\n"
            "gachette_connections_total {}\n# TYPE gachette_requests_total counter\ngachette_requests_total {}\n"
            "# TYPE gachette_requests_refused_total counter\ngachette_requests_refused_total {}\n"
            "# TYPE gachette_connections_timed_out_total counter\ngachette_connections_timed_out_total {}\n",
            door.open, door.accepted, door.requests, door.refused, door.timed_out);
    }
    text += "# TYPE gachette_build_host_running gauge\n# TYPE gachette_build_host_failures gauge\n";
    for (const dispatch::HostState& host : dispatcher_.hosts())
        text += fmt::format(
            "gachette_build_host_running{{host=\"{0}\"}} {1}\ngachette_build_host_failures{{host=\"{0}\"}} {2}\n",
            host.name, host.running, host.failures);
    return text_response(std::move(text));
}

}  // namespace gachette::serve
