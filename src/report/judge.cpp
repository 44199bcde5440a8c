#include "report/judge.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace gachette::report {

namespace {

using Verdict = Judgement::Verdict;

constexpr Milliseconds first_wait = 5'000;
constexpr Milliseconds longest_back_off = 15LL * 60 * 1000;
constexpr Milliseconds longest_wait = 60LL * 60 * 1000;   // that a destination may ask for
constexpr Milliseconds wait_of_secondary_limit = 60'000;  // GitHub: "at least one minute"

std::optional<Milliseconds> bounded(Milliseconds wait) { return std::clamp<Milliseconds>(wait, 1'000, longest_wait); }

// "120" or "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<Milliseconds> retry_after(const Answer& answer, Milliseconds now) {
    const auto value = answer.headers.only("Retry-After");
    if (!value) return std::nullopt;
    if (const auto seconds = parse_decimal(*value)) return bounded(std::min(*seconds, longest_wait) * 1000);
    tm date{};
    const std::string text(*value);
    const char* rest = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
    if (!rest || *rest != '\0') return std::nullopt;
    return bounded(static_cast<Milliseconds>(timegm(&date)) * 1000 - now);
}

// When the allowance is used up: until it is filled again.
std::optional<Milliseconds> allowance(const Answer& answer, Milliseconds now) {
    for (const std::string start : {"X-RateLimit-", "RateLimit-"}) {
        const auto remaining = answer.headers.only(start + "Remaining");
        const auto reset = answer.headers.only(start + "Reset");
        if (!remaining || *remaining != "0" || !reset) continue;
        const auto seconds = parse_decimal(*reset);
        if (!seconds || *seconds > 1'000'000'000'000) continue;
        // A moment (GitHub, GitLab) or, in the IETF's draft, a number of seconds.
        const bool moment = *seconds > 1'000'000'000;
        return bounded(moment ? *seconds * 1000 - now : std::min(*seconds, longest_wait) * 1000);
    }
    return std::nullopt;
}

// The first words of the answer's body, for people.
std::string own_words(const Destination& destination, const Answer& answer) {
    std::string text = answer.body.substr(0, 2'000);
    for (const std::string& secret : {destination.token.value, destination.secret.value})
        for (std::size_t at; !secret.empty() && (at = text.find(secret)) != std::string::npos;)
            text.replace(at, secret.size(), "***");
    text = printable(trim(text), 200);
    return text.empty() ? "" : "; its words: " + text;
}

std::string advice(const Destination& destination, int status) {
    const std::string key = "reporters." + destination.name;
    const bool status_report = destination.report_kind() == ReportKind::status;
    if (status == 401)
        return status_report ? fmt::format("the token is not accepted; give {}.token a valid one", key)
                             : fmt::format("it asks for a login; see {}.url", key);
    if (status == 403)
        return status_report ? fmt::format("the token may not write statuses there; give {}.token that right", key)
                             : fmt::format("it refuses us; see {}.url", key);
    if (status == 404)
        return status_report ? fmt::format(
                                   "there is no such repository or commit, or the token of {} may not see it; "
                                   "see {}.url and the token's rights",
                                   destination.name, key)
                             : fmt::format("nothing is there; see {}.url", key);
    if (status == 422 || status == 400)
        return status_report ? "the forge does not take this status (too many for one commit, or no such commit)"
                             : "the receiver does not take this message";
    if (status == 410) return fmt::format("the receiver is gone; take reporters.{} away", destination.name);
    return fmt::format("see {}.url", key);
}

Judgement trouble(const Answer& answer, int tries, Milliseconds now, double random, std::string reason) {
    const Milliseconds wait = retry_after(answer, now).value_or(back_off(tries, random));
    return {Verdict::again, wait, wait, std::move(reason)};
}

bool contains(const Answer& answer, std::string_view words) { return answer.body.find(words) != std::string::npos; }

// 429, and the 403 by which GitHub says the same.
std::optional<Judgement> limited(const Destination& destination, const Answer& answer, int tries, Milliseconds now,
                                 double random) {
    if (answer.status != 429 && answer.status != 403) return std::nullopt;
    std::optional<Milliseconds> wait = retry_after(answer, now);
    if (!wait) wait = allowance(answer, now);
    if (!wait && contains(answer, "secondary rate limit"))
        wait = std::max(wait_of_secondary_limit, back_off(tries, random));
    if (!wait && answer.status == 429) wait = back_off(tries, random);
    if (!wait) return std::nullopt;
    return Judgement{Verdict::again, *wait, *wait,
                     fmt::format("{} asks us to slow down ({})", destination.name, answer.status)};
}

Judgement refused(const Destination& destination, const Answer& answer, int tries, double random) {
    std::string reason = fmt::format("{} answers {}: {}{}", destination.name, answer.status,
                                     advice(destination, answer.status), own_words(destination, answer));
    const bool passing = answer.status == 408 || answer.status == 425 ||
                         (destination.kind == "gitlab" && answer.status == 409) ||  // another update at the same time
                         // Receivers of messages are tried for long, as Standard Webhooks asks; only "gone" is final.
                         (destination.report_kind() != ReportKind::status && answer.status != 410);
    const bool login =
        destination.report_kind() == ReportKind::status && (answer.status == 401 || answer.status == 403);
    if (login) return {Verdict::denied, 0, 0, std::move(reason)};
    if (passing) return {Verdict::again, back_off(tries, random), 0, std::move(reason)};
    return {Verdict::give_up, 0, 0, std::move(reason)};
}

}  // namespace

Milliseconds back_off(int tries, double random) {
    const int doublings = std::clamp(tries - 1, 0, 12);
    const double wait = static_cast<double>(first_wait << doublings) * (0.8 + 0.4 * random);
    return std::min(static_cast<Milliseconds>(wait), longest_back_off);
}

Judgement judge(const Destination& destination, const Answer& answer, int tries, Milliseconds now, double random) {
    const int status = answer.status;
    if (status == 0)
        return trouble(answer, tries, now, random,
                       fmt::format("{} cannot be reached: {}", destination.name, printable(answer.problem, 200)));
    const bool callback = destination.report_kind() == ReportKind::callback;
    if (callback ? status == 200 : status >= 200 && status < 300)
        return {Verdict::sent, 0, allowance(answer, now).value_or(0), ""};
    if (destination.kind == "gitlab" && status == 400 && contains(answer, "Cannot transition"))
        return {Verdict::sent, 0, 0, ""};  // it is in that state already
    if (status >= 500)
        return trouble(
            answer, tries, now, random,
            fmt::format("{} is in trouble ({}){}", destination.name, status, own_words(destination, answer)));
    if (auto slower = limited(destination, answer, tries, now, random)) return *slower;
    if (status >= 300 && status < 400)
        return {Verdict::give_up, 0, 0,
                fmt::format("{} answers {}, a redirect, which is not followed; change reporters.{}.url to where it is "
                            "now",
                            destination.name, status, destination.name)};
    return refused(destination, answer, tries, random);
}

}  // namespace gachette::report
