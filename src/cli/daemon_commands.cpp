// deliveries, jobs, logs, replay, rebuild, cancel: asked of the running daemon over its API, shown as tables.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "cli/catalog.h"
#include "cli/table.h"
#include "cli/tasks.h"

namespace gachette::cli {

namespace {

using Json = nlohmann::ordered_json;

std::string text(const Json& json, const char* key, const char* fallback = "") {
    const auto found = json.is_object() ? json.find(key) : json.end();
    if (!json.is_object() || found == json.end()) return fallback;
    if (found->is_string()) return found->get<std::string>().empty() ? fallback : found->get<std::string>();
    return found->dump();
}

Json parse_answer(const std::string& body) {
    Json json = Json::parse(body, nullptr, false);
    if (json.is_discarded())
        throw std::runtime_error("the daemon's answer is not JSON; is something else listening at its address?");
    return json;
}

std::string id_of(const Call& call, const char* parameter) {
    const std::string given = call.text(parameter);
    if (!parse_decimal(given))
        throw UsageError(natural_name(call.command) + ": \"" + printable(given, 80) + "\" is no number of a " +
                         parameter + "; gachette " + (std::string_view(parameter) == "job" ? "jobs" : "deliveries") +
                         " lists them");
    return given;
}

// The body of a good answer; the daemon's own sentence is thrown otherwise.
std::string good(const ApiAnswer& answer) {
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    const Json json = Json::parse(answer.body, nullptr, false);
    std::string sentence = text(json, "error");
    if (sentence.empty()) sentence = "the daemon answered with status " + std::to_string(answer.status);
    throw std::runtime_error(sentence);
}

const Json& list(const Json& json, const char* key) {
    static const Json empty = Json::array();
    const auto found = json.find(key);
    return found != json.end() && found->is_array() ? *found : empty;
}

std::string query(const Call& call, std::initializer_list<const char*> names) {
    std::string text = "?limit=" + std::to_string(call.text("limit").empty() ? 20 : [&] {
                           const auto number = parse_decimal(call.text("limit"));
                           if (!number || *number < 1 || *number > 500)
                               throw UsageError("--limit: \"" + printable(call.text("limit"), 40) +
                                                "\" is not a number from 1 to 500");
                           return static_cast<int>(*number);
                       }());
    for (const char* name : names)
        if (!call.text(name).empty()) text += std::string("&") + name + "=" + query_value(call.text(name));
    return text;
}

std::string stacks_of(const Json& job) {
    std::string stacks;
    for (const Json& target : list(job, "targets"))
        stacks += (stacks.empty() ? "" : ", ") + text(target, "domain") + "/" + text(target, "stack");
    return stacks;
}

void print_line(Session& session, const std::string& name, const std::string& value) {
    if (!value.empty())
        session.out() << name << std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') << printable(value, 2000)
                      << "\n";
}

void print_more(Session& session, const Json& json, const std::string& command) {
    if (const std::string next = text(json, "next"); !next.empty())
        session.out() << "more: gachette " << command << " --before " << printable(next, 40) << "\n";
}

void show_decisions(Session& session, const Json& json) {
    for (const Json& decision : list(json, "decisions"))
        session.out() << (decision.value("taken", false) ? "  will  " : "  not   ")
                      << printable(text(decision, "subject"), 1200) << ": "
                      << printable(text(decision, "sentence"), 2000) << "\n";
}

void show_delivery(Session& session, const Json& json) {
    print_line(session, "delivery", text(json, "id"));
    print_line(session, "hook", text(json, "hook") + " (" + text(json, "forge") + ")");
    print_line(session, "event", text(json, "event"));
    print_line(session, "sender's id", text(json, "sender_id"));
    print_line(session, "state", text(json, "state"));
    print_line(session, "reason", text(json, "reason"));
    print_line(session, "received", short_time(text(json, "received")));
    print_line(session, "from", text(json, "peer"));
    print_line(session, "bytes", text(json, "bytes"));
    print_line(session, "repeats", text(json, "repeats"));
    print_line(session, "replay of", text(json, "replay_of"));
    print_line(session, "asked by", text(json, "requested_by"));
    if (!list(json, "decisions").empty()) session.out() << "decisions\n";
    show_decisions(session, json);
    for (const Json& job : list(json, "jobs")) print_line(session, "job", text(job, "id") + " " + text(job, "state"));
}

void show_job(Session& session, const Json& json) {
    for (const char* name : {"project", "ref", "commit", "version", "state", "step", "reason", "superseded_by",
                             "same_build_as", "rebuild_of", "requested_by", "delivery", "build_host"}) {
        if (std::string_view(name) == "project") print_line(session, "job", text(json, "id"));
        std::string shown = name;
        for (char& c : shown)
            if (c == '_') c = ' ';
        print_line(session, shown, text(json, name));
    }
    for (const char* name : {"created", "started", "finished"})
        if (!text(json, name).empty()) print_line(session, name, short_time(text(json, name)));
    if (!text(json, "next_try").empty()) print_line(session, "next try", short_time(text(json, "next_try")));
    for (const Json& target : list(json, "targets")) {
        const std::string generation = text(target, "generation");
        const std::string reason = text(target, "reason");
        print_line(session, "stack",
                   text(target, "domain") + "/" + text(target, "stack") + " " + text(target, "outcome", "undecided") +
                       (generation.empty() ? "" : " (generation " + generation + ")") +
                       (reason.empty() ? "" : ": " + reason));
    }
    for (const Json& package : list(json, "packages"))
        print_line(session, "package",
                   text(package, "name") + " " + text(package, "version") + " " + text(package, "architecture") + " " +
                       text(package, "file"));
    for (const Json& attempt : list(json, "tries")) {
        const std::string reason = text(attempt, "reason");
        print_line(session, "try " + text(attempt, "number"),
                   text(attempt, "build_host") + " " + text(attempt, "result", "running") +
                       (reason.empty() ? "" : ": " + reason));
    }
}

int show_one(Session& session, const std::string& path, void (*show)(Session&, const Json&)) {
    const std::string body = good(session.daemon().get(path));
    if (session.options().json)
        session.out() << body;
    else
        show(session, parse_answer(body));
    return 0;
}

}  // namespace

int deliveries(Session& session, const Call& call) {
    if (!call.text("delivery").empty()) {
        const std::string path = "/api/v1/deliveries/" + id_of(call, "delivery");
        if (!call.flag("body")) return show_one(session, path, show_delivery);
        session.out() << good(session.daemon().get(path + "/body"));
        return 0;
    }
    if (call.flag("body")) throw UsageError("deliveries: --body needs the number of a delivery");
    const std::string body =
        good(session.daemon().get("/api/v1/deliveries" + query(call, {"before", "hook", "state"})));
    if (session.options().json) {
        session.out() << body;
        return 0;
    }
    const Json json = parse_answer(body);
    Table table({"DELIVERY", "RECEIVED", "HOOK", "EVENT", "STATE", "REASON"});
    for (const Json& row : list(json, "deliveries")) {
        const std::string repeats = text(row, "repeats");
        table.add({text(row, "id"), short_time(text(row, "received")), text(row, "hook"), text(row, "event", "-"),
                   text(row, "state"), text(row, "reason", repeats.empty() ? "" : ("repeats " + repeats).c_str())});
    }
    session.out() << (table.empty() ? "no deliveries\n" : table.text(session.colours()));
    print_more(session, json, "deliveries");
    return 0;
}

int jobs(Session& session, const Call& call) {
    if (!call.text("job").empty()) return show_one(session, "/api/v1/jobs/" + id_of(call, "job"), show_job);
    const std::string body = good(session.daemon().get("/api/v1/jobs" + query(call, {"before", "project", "state"})));
    if (session.options().json) {
        session.out() << body;
        return 0;
    }
    const Json json = parse_answer(body);
    Table table({"JOB", "CREATED", "PROJECT", "REF", "COMMIT", "STATE", "STACKS", "REASON"});
    for (const Json& row : list(json, "jobs"))
        table.add({text(row, "id"), short_time(text(row, "created")), text(row, "project"), text(row, "ref"),
                   short_commit(text(row, "commit")), text(row, "state"), stacks_of(row), text(row, "reason")});
    session.out() << (table.empty() ? "no jobs\n" : table.text(session.colours()));
    print_more(session, json, "jobs");
    return 0;
}

namespace {

// The log as JSON, one object a line, as it grows: {"line":"..."}.
class LogLines {
public:
    explicit LogLines(std::ostream& out) : out_(out) {}
    void add(std::string_view piece) {
        rest_ += piece;
        for (std::size_t end; (end = rest_.find('\n')) != std::string::npos; rest_.erase(0, end + 1))
            show(rest_.substr(0, end));
        out_.flush();
    }
    void finish() {
        if (!rest_.empty()) show(rest_);
    }

private:
    void show(const std::string& line) {
        out_ << Json{{"line", line}}.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
    }
    std::ostream& out_;
    std::string rest_;
};

}  // namespace

int logs(Session& session, const Call& call) {
    const std::string path = "/api/v1/jobs/" + id_of(call, "job");
    std::string offset = call.text("offset");
    if (!offset.empty() && !parse_decimal(offset))
        throw UsageError("--offset: \"" + printable(offset, 40) + "\" is not a number of bytes");
    const ApiClient daemon = session.daemon();
    std::string parameters = call.flag("follow") ? "?follow=1" : "";
    if (!offset.empty()) parameters += (parameters.empty() ? "?offset=" : "&offset=") + offset;
    LogLines lines(session.out());
    const ApiAnswer answer = daemon.stream(path + "/log" + parameters, [&](std::string_view piece) {
        if (session.options().json) return lines.add(piece);
        session.out() << piece;
        session.out().flush();
    });
    good(answer);
    lines.finish();
    if (!call.flag("follow")) return 0;
    const Json job = parse_answer(good(daemon.get(path)));
    const std::string state = text(job, "state");
    if (state == "done") return 0;
    const std::string reason = text(job, "reason");
    throw std::runtime_error("job " + call.text("job") + " ended as " + state + (reason.empty() ? "" : ": " + reason));
}

int replay(Session& session, const Call& call) {
    const std::string id = id_of(call, "delivery");
    const std::string body = good(session.daemon().post("/api/v1/deliveries/" + id + "/replay"));
    if (session.options().json) {
        session.out() << body;
        return 0;
    }
    const Json json = parse_answer(body);
    session.out() << "delivery " << text(json, "delivery") << " replays delivery " << id << "\n";
    for (const Json& job : list(json, "jobs"))
        session.out() << "  job " << text(job, "id") << ": " << printable(text(job, "project")) << " "
                      << printable(text(job, "ref"), 1200) << " " << short_commit(text(job, "commit")) << "\n";
    for (const char* why : {"ignored", "malformed"})
        if (!text(json, why).empty()) session.out() << "  " << why << ": " << printable(text(json, why), 2000) << "\n";
    show_decisions(session, json);
    return 0;
}

int rebuild(Session& session, const Call& call) {
    const std::string id = id_of(call, "job");
    const std::string body = good(session.daemon().post("/api/v1/jobs/" + id + "/rebuild"));
    if (session.options().json) {
        session.out() << body;
        return 0;
    }
    const std::string job = text(parse_answer(body), "job");
    session.out() << "job " << printable(job, 40) << " builds job " << id << " again; follow it with gachette logs -f "
                  << printable(job, 40) << "\n";
    return 0;
}

int cancel(Session& session, const Call& call) {
    const std::string id = id_of(call, "job");
    const std::string body = good(session.daemon().post("/api/v1/jobs/" + id + "/cancel"));
    if (session.options().json) {
        session.out() << body;
        return 0;
    }
    if (text(parse_answer(body), "state") == "running")
        session.out() << "job " << id << " is running and was told to end\n";
    else
        session.out() << "job " << id << " is cancelled\n";
    return 0;
}

}  // namespace gachette::cli
