#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <random>

#include "base/crypto.h"
#include "base/error.h"
#include "base/log.h"
#include "config/load.h"
#include "dispatch/host_runner.h"
#include "dispatch/reconciler.h"
#include "handlers/handlers.h"
#include "report/reporter.h"
#include "serve/api.h"
#include "serve/crash_mark.h"
#include "serve/serve.h"
#include "serve/service_manager.h"

namespace gachette::serve {

namespace {

constexpr int hook_threads = 2;
constexpr int admin_threads = 2;
constexpr Milliseconds drain_patience = 10'000;

using ConfigurationPointer = std::shared_ptr<const Configuration>;

door::Limits door_limits(const DoorLimits& limits) {
    door::Limits result;
    result.head_bytes = limits.head_bytes;
    result.head_fields = limits.head_fields;
    result.body_bytes = limits.body_bytes;
    result.total_body_bytes = limits.total_body_bytes;
    result.head_time = limits.head_time;
    result.body_time = limits.body_time;
    result.answer_time = limits.answer_time;
    result.idle_time = limits.idle_time;
    result.connections = limits.connections;
    result.connections_per_address = limits.connections_per_address;
    return result;
}

std::optional<door::Tls> tls_of(const Configuration& configuration) {
    if (configuration.tls_certificate.empty()) return std::nullopt;
    return door::Tls{configuration.tls_certificate, configuration.tls_key};
}

std::string admin_socket_of(const Configuration& configuration) {
    return configuration.admin_socket.empty() ? configuration.state_folder + "/admin.sock" : configuration.admin_socket;
}

// The service manager's sockets if it gave any, else our own. The admin socket is always there.
std::vector<door::Listener> open_listeners(const Configuration& configuration) {
    std::vector<door::Listener> listeners;
    bool admin = false;
    const bool tls = tls_of(configuration).has_value();
    for (HandedSocket& handed : handed_sockets()) {
        admin = admin || handed.local;
        listeners.push_back({std::move(handed.socket), tls && !handed.local, true});
    }
    if (listeners.empty()) listeners.push_back({door::listen_on(configuration.listen), tls, false});
    if (!admin) listeners.push_back({door::listen_on_unix(admin_socket_of(configuration), 0600), false, false});
    return listeners;
}

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

double random_fraction() {
    thread_local std::mt19937_64 engine{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(engine);
}

sigset_t handled_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
    return signals;
}

ConfigurationPointer load(const std::string& path) {
    LoadOptions options;
    for (const handlers::Forge& forge : handlers::all_forges()) options.forges.emplace_back(forge.name);
    options.settings_problem = [](const Hook& hook) {
        const handlers::Forge* forge = handlers::find_forge(hook.forge);
        return forge ? forge->settings_problem(hook) : std::string();
    };
    return std::make_shared<const Configuration>(load_configuration(path, options));
}

// What is accepted at the very end may be answered when the reconciler is gone already.
std::function<void(const std::string&)> look_by(const std::weak_ptr<dispatch::Reconciler>& reconciler) {
    return [reconciler](const std::string& project) {
        if (const auto there = reconciler.lock()) there->look_at(project);
    };
}

// The parts in the order they need each other; destroyed the other way round.
class Daemon {
public:
    Daemon(std::string config_path, ConfigurationPointer configuration, LastEnd last_end)
        : config_path_(std::move(config_path)),
          last_end_(last_end),
          configuration_(configuration),
          owner_(fmt::format("{}-{}", ::getpid(), random_hex(4))),
          store_(StoreOptions{.folder = configuration->state_folder}, clock_),
          reconciler_(std::make_shared<dispatch::Reconciler>(store_, configuration_, clock_)),
          intake_(configuration_, store_, clock_, look_by(reconciler_)),
          runner_(store_, clock_),
          dispatcher_(store_, runner_, configuration_, clock_, {.owner = owner_, .random = random_fraction}),
          reporter_(store_, configuration_, clock_, {.random = random_fraction, .send = {}}),
          stacks_(configuration_, clock_),
          api_(configuration_, store_, intake_, dispatcher_, stacks_, hook_workers_, admin_workers_),
          door_(
              open_listeners(*configuration), door_limits(configuration->door), configuration->trusted_proxies,
              tls_of(*configuration), clock_, [this](const door::Request& head) { return api_.gate(head); },
              [this](door::Request request, door::Responder responder) {
                  api_.handle(std::move(request), std::move(responder));
              }) {
        api_.watch([this] { return door_.counters(); });
    }

    ~Daemon() { store_.on_change({}); }

    int run() {
        store_.on_change([this] {
            dispatcher_.wake();
            reporter_.wake();
            door_.wake();
        });
        dispatcher_.adopt(last_end_);
        std::jthread dispatching([this](std::stop_token stop) { dispatcher_.run(stop); });
        std::jthread reconciling([this](std::stop_token stop) { reconciler_->run(stop); });
        std::jthread reporting([this](std::stop_token stop) { reporter_.run(stop); });
        door_.start();
        log::info("gachette is ready", {{"version", GACHETTE_VERSION},
                                        {"listen", configuration_.get()->listen},
                                        {"port", door_.port()},
                                        {"admin", admin_socket_of(*configuration_.get())}});
        notify_ready("taking deliveries");
        wait_for_the_end();
        notify_stopping();
        log::info("stopping: what was received is answered, jobs go on on their hosts");
        reconciling.request_stop();
        door_.drain(drain_patience);
        reconciling.join();
        dispatching.request_stop();
        dispatching.join();
        dispatcher_.detach();
        reporting.request_stop();  // what was not told waits in the outbox
        reporting.join();
        return 0;
    }

private:
    void wait_for_the_end() {
        const sigset_t signals = handled_signals();
        const auto interval = watchdog_interval();
        for (;;) {
            timespec wait{static_cast<time_t>(interval.value_or(0) / 1000),
                          static_cast<long>(interval.value_or(0) % 1000) * 1'000'000};
            const int number = ::sigtimedwait(&signals, nullptr, interval ? &wait : nullptr);
            if (number == SIGHUP) reload();
            if (number == SIGTERM || number == SIGINT) return;
            if (interval) prove_alive();
        }
    }

    // The watchdog hears of us only after a round trip through the store's writer: a hung disk is a hung daemon.
    void prove_alive() {
        try {
            store_.renew(0, owner_, 0);
        } catch (const StoreError&) {
            // An error is an answer: the store is alive, its health is red.
        }
        notify_alive();
    }

    void reload() {
        notify_reloading();
        try {
            const ConfigurationPointer fresh = load(config_path_);
            if (const auto tls = tls_of(*fresh)) door_.reload_tls(*tls);
            configuration_.set(fresh);
            dispatcher_.wake();
            reconciler_->wake();
            reporter_.wake();
            log::info("configuration reloaded; listen, limits, state_folder and admin.socket need a restart");
            notify_ready("taking deliveries");
        } catch (const std::exception& problem) {
            log::error("the new configuration is refused, the old one goes on", {{"reason", problem.what()}});
            notify_ready("taking deliveries; the last reload was refused");
        }
    }

    const std::string config_path_;
    const LastEnd last_end_;
    SystemClock clock_;
    Current<Configuration> configuration_;
    const std::string owner_;
    Store store_;
    std::shared_ptr<dispatch::Reconciler> reconciler_;
    intake::Intake intake_;
    dispatch::HostRunner runner_;
    dispatch::Dispatcher dispatcher_;
    report::Reporter reporter_;
    StackReader stacks_;
    Workers admin_workers_{admin_threads};
    Workers hook_workers_{hook_threads};
    Api api_;
    door::Door door_;
};

}  // namespace

int run_daemon(const std::string& config_path) {
    const ConfigurationPointer configuration = load(config_path);
    ::signal(SIGPIPE, SIG_IGN);
    const sigset_t signals = handled_signals();
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    raise_descriptor_limit();
    if (const auto made = make_folders(configuration->state_folder + "/logs"); !made)
        throw StoreError("the state folder cannot be used: " + made.error());
    const LastEnd last_end = take_crash_mark(configuration->state_folder);
    leave_crash_mark_in(configuration->state_folder);
    log::start_background();
    int code = 0;
    {
        Daemon daemon(config_path, configuration, last_end);
        code = daemon.run();
    }
    log::stop();
    return code;
}

}  // namespace gachette::serve
