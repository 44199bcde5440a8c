// explain and sign: what a request to a hook would do, and which headers it needs. Nothing is sent, stored or built.
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/json_text.h"
#include "cli/tasks.h"
#include "handlers/handlers.h"
#include "intake/intake.h"

namespace gachette::cli {

namespace {

std::string read_input(const std::string& command, const std::string& path, std::int64_t limit) {
    const Result<std::string> content = read_file(path == "-" ? "/dev/stdin" : path, static_cast<std::size_t>(limit));
    if (!content) throw UsageError(command + ": " + content.error());
    return *content;
}

const Hook& choose_hook(const Configuration& configuration, const Call& call) {
    std::string names;
    for (const Hook& hook : configuration.hooks) names += (names.empty() ? "" : ", ") + hook.name;
    const std::string wanted = call.text("hook");
    if (configuration.hooks.empty())
        throw UsageError(call.command + ": " + configuration.path + " has no hooks; add one below hooks:");
    if (wanted.empty() && configuration.hooks.size() > 1)
        throw UsageError(call.command + ": the configuration has several hooks (" + names +
                         "); say which one with --hook");
    const Hook* hook = wanted.empty() ? &configuration.hooks.front() : configuration.find_hook(wanted);
    if (!hook)
        throw UsageError(call.command + ": there is no hook \"" + printable(wanted, 80) + "\"; the configuration has " +
                         names);
    return *hook;
}

const handlers::Forge& forge_of(const Hook& hook) {
    const handlers::Forge* forge = handlers::find_forge(hook.forge);
    if (!forge) throw ConfigError("hooks." + hook.name + ": there is no forge \"" + hook.forge + "\"");
    return *forge;
}

Header read_header(const std::string& text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos || colon == 0)
        throw UsageError("--header: \"" + printable(text, 100) + "\" is no header; write 'Name: value'");
    return {text.substr(0, colon), std::string(trim(std::string_view(text).substr(colon + 1)))};
}

// The headers that were given, and for the rest those the forge would send beside its signature.
Headers complete_headers(const Headers& given, const Hook& hook, const handlers::Forge& forge, const std::string& event,
                         const std::string& body, Milliseconds now) {
    Headers headers = given;
    const Headers complete = forge.sign(hook, hook.secrets.front(), event, body, now);
    for (const Header& made : complete.all())
        if (given.count(made.name) == 0) headers.add(made.name, made.value);
    return headers;
}

struct Explanation {
    std::string signature;
    bool refused = false;
    handlers::Reading reading;
    NewDelivery delivery;
};

Explanation explain_request(const Hook& hook, const Configuration& configuration, const Headers& given,
                            const std::string& event, const std::string& body, Milliseconds now) {
    const handlers::Forge& forge = forge_of(hook);
    Explanation explanation;
    const handlers::Authenticity checked = forge.authentic({given, body, ""}, hook, now);
    if (checked.verdict == handlers::Verdict::accepted) {
        explanation.signature = "right, by the secret from " + hook.secrets.at(checked.secret).origin;
    } else if (checked.verdict == handlers::Verdict::missing) {
        explanation.signature = "not checked; give the request's headers with --header to check it";
    } else {
        explanation.signature = "refused with 401: " + checked.reason;
        explanation.refused = true;
    }
    const Headers headers = complete_headers(given, hook, forge, event, body, now);
    explanation.reading = forge.read({headers, body, ""}, hook);
    explanation.delivery = intake::understand({hook.name, "", headers, "", body}, hook, configuration, {});
    return explanation;
}

std::string sentence_of(const Event& event) {
    const std::string to = event.new_id.empty() ? "" : " to " + event.new_id;
    const std::string from = event.old_id.empty() ? "" : " from " + event.old_id;
    const std::string commit =
        event.commit.empty() || event.commit == event.new_id ? "" : " (commit " + event.commit + ")";
    return std::string(to_string(event.kind)) + " " + event.ref + " of " + event.repository.full_name + " " +
           std::string(to_string(event.change)) + from + to + commit +
           (event.pusher.empty() ? "" : " by " + event.pusher);
}

std::string stacks_of(const PlannedJob& job) {
    std::string stacks;
    for (const Target& target : job.targets)
        stacks += (stacks.empty() ? "" : ", ") + target.domain + "/" + target.stack +
                  (target.from.empty() ? "" : " (made from " + target.from + " when missing)");
    return stacks;
}

std::string as_json(const Hook& hook, const Explanation& explanation) {
    JsonText json;
    json.text("hook", hook.name).text("forge", hook.forge).text("signature", explanation.signature);
    json.flag("refused", explanation.refused).text_if("event", explanation.delivery.event_name);
    json.text("state", to_string(explanation.delivery.state)).text_if("reason", explanation.delivery.reason);
    std::vector<JsonText> events, jobs, decisions;
    for (const Event& event : explanation.reading.events)
        events.push_back(JsonText()
                             .text("repository", event.repository.full_name)
                             .text("kind", to_string(event.kind))
                             .text("change", to_string(event.change))
                             .text("ref", event.ref)
                             .text_if("old", event.old_id)
                             .text_if("new", event.new_id)
                             .text_if("commit", event.commit)
                             .text_if("pusher", event.pusher));
    for (const PlannedJob& job : explanation.delivery.plan.jobs) {
        std::vector<JsonText> targets;
        for (const Target& target : job.targets)
            targets.push_back(JsonText()
                                  .text("domain", target.domain)
                                  .text("stack", target.stack)
                                  .text_if("from", target.from)
                                  .text_if("rule", target.rule));
        JsonText shown;
        shown.text("project", job.project)
            .text("ref", job.ref)
            .text_if("commit", job.commit)
            .objects("targets", targets);
        jobs.push_back(shown);
    }
    for (const Decision& decision : explanation.delivery.plan.decisions)
        decisions.push_back(JsonText()
                                .flag("taken", decision.taken)
                                .text("subject", decision.subject)
                                .text("sentence", decision.sentence));
    return json.objects("events", events).objects("jobs", jobs).objects("decisions", decisions).str() + "\n";
}

void print(Session& session, const Hook& hook, const Explanation& explanation) {
    const NewDelivery& delivery = explanation.delivery;
    std::ostream& out = session.out();
    out << "hook       " << hook.name << " (forge " << hook.forge << ")\n";
    out << "signature  " << printable(explanation.signature, 2000) << "\n";
    if (!delivery.event_name.empty()) out << "event      " << printable(delivery.event_name) << "\n";
    for (const Event& event : explanation.reading.events)
        out << "says       " << printable(sentence_of(event), 4000) << "\n";
    for (const Decision& decision : delivery.plan.decisions)
        out << (decision.taken ? "will       " : "not        ") << printable(decision.subject, 2000) << ": "
            << printable(decision.sentence, 2000) << "\n";
    for (const PlannedJob& job : delivery.plan.jobs)
        out << "job        " << printable(job.project) << ": "
            << (job.commit.empty() ? "what the repository says " + printable(job.ref, 1200) + " is" : job.commit)
            << " -> " << printable(stacks_of(job), 2000) << "\n";
    out << "state      " << to_string(delivery.state);
    if (!delivery.reason.empty()) out << ": " << printable(delivery.reason, 2000);
    out << "\nNothing was done.\n";
}

// For sh: one word, whatever is in it.
std::string shell_word(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'')
            quoted += "'\\''";
        else
            quoted += c;
    }
    return quoted + "'";
}

std::string hook_url(const Configuration& configuration, const Hook& hook) {
    std::string base = configuration.external_url;
    if (base.empty()) {
        std::string listen = configuration.listen;
        if (listen.starts_with("0.0.0.0:")) listen = "127.0.0.1" + listen.substr(7);
        if (listen.starts_with("[::]:")) listen = "[::1]" + listen.substr(4);
        base = (configuration.tls_certificate.empty() ? "http://" : "https://") + listen;
    }
    while (base.ends_with('/')) base.pop_back();
    return base + "/hooks/" + hook.name;
}

std::string curl_command(const std::string& url, const Headers& headers, const std::string& data) {
    std::string command = "curl -X POST";
    for (const Header& header : headers.all()) command += " -H " + shell_word(header.name + ": " + header.value);
    return command + " --data-binary " + shell_word(data) + " " + shell_word(url);
}

}  // namespace

int explain(Session& session, const Call& call) {
    const Configuration& configuration = session.needed_configuration("explain");
    const Hook& hook = choose_hook(configuration, call);
    Headers given;
    for (const std::string& text : call.texts("header")) {
        const Header header = read_header(text);
        given.add(header.name, header.value);
    }
    const std::string body = read_input("explain", call.text("payload"), configuration.door.body_bytes);
    const Explanation explanation =
        explain_request(hook, configuration, given, call.text("event"), body, session.clock().wall());
    if (session.options().json)
        session.out() << as_json(hook, explanation);
    else
        print(session, hook, explanation);
    return explanation.refused || explanation.delivery.state == DeliveryState::malformed ? 1 : 0;
}

int sign(Session& session, const Call& call) {
    const Configuration& configuration = session.needed_configuration("sign");
    const Hook& hook = choose_hook(configuration, call);
    if (call.flag("form") && !call.flag("curl"))
        throw UsageError(
            "sign: --form needs --curl, because the body that is signed is then another one than the file");
    std::string body = read_input("sign", call.text("body"), configuration.door.body_bytes);
    std::string data = "@" + call.text("body");
    if (call.flag("form")) data = body = "payload=" + query_value(body);
    const Headers headers =
        forge_of(hook).sign(hook, hook.secrets.front(), call.text("event"), body, session.clock().wall());
    const std::string url = hook_url(configuration, hook);
    if (session.options().json) {
        JsonText fields;
        for (const Header& header : headers.all()) fields.text(header.name, header.value);
        session.out() << JsonText().text("url", url).object("headers", fields).str() << "\n";
    } else if (call.flag("curl")) {
        session.out() << curl_command(url, headers, data) << "\n";
    } else {
        for (const Header& header : headers.all())
            session.out() << "-H " << shell_word(header.name + ": " + header.value) << "\n";
    }
    return 0;
}

}  // namespace gachette::cli
