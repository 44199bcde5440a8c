// Answers complete requests: the hooks for everybody, the admin API for the UNIX socket and for bearers of a token. One
// object for the life of the daemon; its methods may be called from any thread.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "base/current.h"
#include "dispatch/dispatcher.h"
#include "door/door.h"
#include "intake/intake.h"
#include "serve/routes.h"
#include "serve/stack_reader.h"
#include "serve/workers.h"

namespace gachette::serve {

class Api {
public:
    Api(const Current<Configuration>& configuration, Store& store, const intake::Intake& intake,
        dispatch::Dispatcher& dispatcher, StackReader& stacks, Workers& hook_workers, Workers& admin_workers);

    // For the door: refuses by the head alone (404, 405, 401) before a body is read.
    std::optional<door::Response> gate(const door::Request& head) const;
    // For the door: hands the request to the workers, which answer.
    void handle(door::Request request, door::Responder responder) const;
    // For metrics: how the door is doing.
    void watch(std::function<door::Counters()> counters) { counters_ = std::move(counters); }

private:
    std::optional<door::Response> refuse_hook(const Route& asked, const door::Request& head) const;
    void answer(door::Request request, door::Responder responder) const;
    void answer_hook(const Route& route, door::Request request, door::Responder responder) const;
    door::Response answer_admin(const Route& route, const door::Request& request) const;
    door::Response list_deliveries(const door::Request& request) const;
    door::Response list_jobs(const door::Request& request) const;
    door::Response show_delivery(DeliveryId id) const;
    std::vector<Job> jobs_of(const Delivery& delivery) const;
    door::Response show_log(const Route& route, const door::Request& request) const;
    door::Response metrics() const;
    std::optional<door::Response> refuse_stranger(const door::Request& request) const;

    const Current<Configuration>& configuration_;
    Store& store_;
    const intake::Intake& intake_;
    dispatch::Dispatcher& dispatcher_;
    StackReader& stacks_;
    Workers& hook_workers_;  // verify, read, plan: never wait for a build host
    Workers& admin_workers_;
    std::function<door::Counters()> counters_;
};

}  // namespace gachette::serve
