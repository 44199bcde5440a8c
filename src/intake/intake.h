// From a complete request to a durable answer: verify, read, plan, accept. Nothing unverified is parsed; nothing is
// answered 2xx before the store has synced it. Thread-safe; knows neither connections nor the dispatcher.
#pragma once
#include <functional>
#include <string>

#include "base/current.h"
#include "base/headers.h"
#include "model/configuration.h"
#include "store/store.h"

namespace gachette::intake {

// A request to POST /hooks/<hook>.
struct Incoming {
    std::string hook;
    std::string peer;
    Headers headers;
    std::string query;
    std::string body;
};

struct Answer {
    int status = 500;
    std::string body;  // JSON, one object and a line feed
};

using Done = std::function<void(Answer)>;

class Intake {
public:
    // `superseded` (may be empty) hears of projects of which a push took the place of a waiting one; any thread, returns soon.
    Intake(const Current<Configuration>& configuration, Store& store, const Clock& clock,
           std::function<void(const std::string& project)> superseded = {});

    // Calls `done` exactly once, on this thread (refusals) or the store's (after the sync). 202 with jobs, 200 ignored,
    // malformed or a repeat, 401 not authentic, 404 no such hook, 503 not stored. Never throws.
    void receive(Incoming incoming, Done done) const;

    // Feeds a stored delivery in again, as a new delivery with its own number; `by` is who asked. 404 when the delivery
    // or its body is gone, 409 when its hook is no longer configured. No signature is asked: it was verified when it
    // came.
    void replay(DeliveryId id, const std::string& by, Done done) const;

private:
    void accept(NewDelivery delivery, Done done) const;

    const Current<Configuration>& configuration_;
    Store& store_;
    const Clock& clock_;
    const std::function<void(const std::string& project)> superseded_;
};

// Reads and plans without storing anything: what the body means for this configuration. For `gachette explain` as well.
// Fills state, reason, event name, sender id, kept headers and plan of the delivery.
NewDelivery understand(const Incoming& incoming, const Hook& hook, const Configuration& configuration,
                       const std::map<std::string, std::string>& known);

// The JSON answer to a sender: what was stored, what will be done, and for everything not done the reason.
Answer answer_for(const Accepted& accepted, const NewDelivery& delivery);
Answer error_answer(int status, const std::string& sentence);

}  // namespace gachette::intake
