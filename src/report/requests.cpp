#include "report/requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/crypto.h"
#include "base/text.h"
#include "report/json.h"

namespace gachette::report {

namespace {

constexpr std::size_t longest_text = 255;  // of most fields of most forges
constexpr std::size_t longest_github_description = 140;
constexpr std::size_t longest_bitbucket_key = 40;
constexpr std::size_t longest_datacenter_url = 450;

using Fields = std::vector<std::pair<const char*, std::string>>;

// What a job's state is called at a forge.
struct Words {
    std::string_view kind, queued, running, success, failure, trouble, superseded, cancelled;
};
constexpr std::array<Words, 6> words = {{
    {"github", "pending", "pending", "success", "failure", "error", "error", "error"},
    {"gitlab", "pending", "running", "success", "failed", "failed", "canceled", "canceled"},
    {"gitea", "pending", "pending", "success", "failure", "error", "warning", "error"},
    {"forgejo", "pending", "pending", "success", "failure", "error", "warning", "error"},
    {"bitbucket-cloud", "INPROGRESS", "INPROGRESS", "SUCCESSFUL", "FAILED", "FAILED", "STOPPED", "STOPPED"},
    {"bitbucket-datacenter", "INPROGRESS", "INPROGRESS", "SUCCESSFUL", "FAILED", "FAILED", "CANCELLED", "CANCELLED"},
}};

std::string_view word_of(const Words& forge, JobState state) {
    switch (state) {
        case JobState::queued:
            return forge.queued;
        case JobState::running:
            return forge.running;
        case JobState::done:
            return forge.success;
        case JobState::failed:
        case JobState::refused:
            return forge.failure;
        case JobState::gave_up:
        case JobState::dead:
            return forge.trouble;
        case JobState::superseded:
            return forge.superseded;
        case JobState::cancelled:
            return forge.cancelled;
    }
    return forge.trouble;
}

std::string joined_stacks(const ReportFacts& facts) {
    std::string text;
    for (const TargetState& state : facts.targets)
        text.append(text.empty() ? "" : ", ").append(state.target.domain).append("/").append(state.target.stack);
    return text;
}

std::string sentence_of(const ReportFacts& facts) {
    if (facts.state == JobState::done) {
        const std::string stacks = joined_stacks(facts);
        return fmt::format("{} is {}", facts.version.empty() ? "the package" : "version " + facts.version,
                           stacks.empty() ? "built" : "in " + stacks);
    }
    std::string word(to_string(facts.state));
    std::replace(word.begin(), word.end(), '_', ' ');
    const std::string start = fmt::format("job {} {}{}", facts.job, ended(facts.state) ? "" : "is ", word);
    return facts.reason.empty() || !ended(facts.state) ? start : start + ": " + facts.reason;
}

std::string percent_encoded(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view("-._~").find(c) != std::string_view::npos;
        if (plain)
            encoded += c;
        else
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return encoded;
}

bool usable_part(const std::string& part) { return !part.empty() && part != "." && part != ".."; }

// The two parts of "owner/name", encoded; the name came in a payload and must not lead anywhere else.
Result<std::pair<std::string, std::string>> owner_and_name(const std::string& full_name) {
    const std::vector<std::string> parts = split(full_name, '/');
    if (parts.size() != 2 || !usable_part(parts[0]) || !usable_part(parts[1]))
        return fail(
            fmt::format("the delivery calls its repository \"{}\", which is no owner/name", printable(full_name, 100)));
    return std::pair{percent_encoded(parts[0]), percent_encoded(parts[1])};
}

std::string short_ref(const std::string& ref) {
    for (const std::string_view start : {"refs/heads/", "refs/tags/"})
        if (ref.starts_with(start)) return ref.substr(start.size());
    return ref;
}

// A ref that is too long is left out, since a cut one would be another ref.
std::string ref_that_fits(const std::string& ref) { return ref.size() <= longest_text ? ref : ""; }

Request json_request(std::string url, const Destination& destination, const Fields& fields) {
    Request request;
    request.url = std::move(url);
    request.headers = {{"Content-Type", "application/json"}, {"User-Agent", "gachette/" GACHETTE_VERSION}};
    request.body = json_object(fields);
    request.authority_file = destination.authority_file;
    return request;
}

std::string bearer(const Destination& destination) { return "Bearer " + destination.token.value; }
std::string bearer_or_basic(const Destination& destination) {
    if (destination.user.empty()) return bearer(destination);
    return "Basic " + base64_encode(destination.user + ":" + destination.token.value);
}

struct Status {
    const Destination& destination;
    const ReportFacts& facts;
    std::string state, sentence, link;
};

Result<Request> github(const Status& status) {
    const auto name = owner_and_name(status.facts.repository);
    if (!name) return fail(name.error());
    Request request = json_request(fmt::format("{}/repos/{}/{}/statuses/{}", status.destination.url, name->first,
                                               name->second, status.facts.commit),
                                   status.destination,
                                   {{"state", status.state},
                                    {"target_url", status.link},
                                    {"description", shortened(status.sentence, longest_github_description)},
                                    {"context", shortened(status.facts.context, longest_text)}});
    request.headers.add("Accept", "application/vnd.github+json");
    request.headers.add("X-GitHub-Api-Version", "2022-11-28");
    request.headers.add("Authorization", bearer(status.destination));
    return request;
}

Result<Request> gitlab(const Status& status) {
    const bool by_id = parse_decimal(status.facts.repository_id).has_value();
    if (!by_id && status.facts.repository.empty()) return fail("the delivery names neither id nor path of its project");
    Request request = json_request(
        fmt::format("{}/api/v4/projects/{}/statuses/{}", status.destination.url,
                    by_id ? status.facts.repository_id : percent_encoded(status.facts.repository), status.facts.commit),
        status.destination,
        {{"state", status.state},
         {"name", shortened(status.facts.context, longest_text)},
         {"ref", ref_that_fits(short_ref(status.facts.ref))},
         {"target_url", status.link.size() <= longest_text ? status.link : ""},
         {"description", shortened(status.sentence, longest_text)}});
    request.headers.add("PRIVATE-TOKEN", status.destination.token.value);
    return request;
}

Result<Request> gitea(const Status& status) {
    const auto name = owner_and_name(status.facts.repository);
    if (!name) return fail(name.error());
    Request request = json_request(fmt::format("{}/api/v1/repos/{}/{}/statuses/{}", status.destination.url, name->first,
                                               name->second, status.facts.commit),
                                   status.destination,
                                   {{"state", status.state},
                                    {"target_url", status.link},
                                    {"description", shortened(status.sentence, longest_text)},
                                    {"context", shortened(status.facts.context, longest_text)}});
    request.headers.add("Authorization", "token " + status.destination.token.value);
    return request;
}

Result<Request> bitbucket_cloud(const Status& status) {
    const auto name = owner_and_name(status.facts.repository);
    if (!name) return fail(name.error());
    if (status.link.empty()) return fail("Bitbucket takes no status without a link; set external_url");
    Request request = json_request(fmt::format("{}/2.0/repositories/{}/{}/commit/{}/statuses/build",
                                               status.destination.url, name->first, name->second, status.facts.commit),
                                   status.destination,
                                   {{"key", short_key(status.facts.context, longest_bitbucket_key)},
                                    {"state", status.state},
                                    {"url", status.link},
                                    {"name", shortened(status.facts.context, longest_text)},
                                    {"description", shortened(status.sentence, longest_text)},
                                    {"refname", ref_that_fits(short_ref(status.facts.ref))}});
    request.headers.add("Authorization", bearer_or_basic(status.destination));
    return request;
}

Result<Request> bitbucket_datacenter(const Status& status) {
    const auto name = owner_and_name(status.facts.repository);
    if (!name) return fail(name.error());
    if (status.link.empty()) return fail("Bitbucket takes no status without a link; set external_url");
    if (status.link.size() > longest_datacenter_url)
        return fail(fmt::format("Bitbucket takes links of at most {} bytes; use a shorter external_url",
                                longest_datacenter_url));
    Request request = json_request(fmt::format("{}/rest/api/latest/projects/{}/repos/{}/commits/{}/builds",
                                               status.destination.url, name->first, name->second, status.facts.commit),
                                   status.destination,
                                   {{"key", short_key(status.facts.context, longest_text)},
                                    {"state", status.state},
                                    {"url", status.link},
                                    {"name", shortened(status.facts.context, longest_text)},
                                    {"description", shortened(status.sentence, longest_text)},
                                    {"ref", ref_that_fits(status.facts.ref)}});
    request.headers.add("Authorization", bearer_or_basic(status.destination));
    return request;
}

struct Forge {
    std::string_view kind;
    Result<Request> (*request)(const Status&);
};
constexpr std::array<Forge, 6> forges = {{{"github", github},
                                          {"gitlab", gitlab},
                                          {"gitea", gitea},
                                          {"forgejo", gitea},
                                          {"bitbucket-cloud", bitbucket_cloud},
                                          {"bitbucket-datacenter", bitbucket_datacenter}}};

template <typename Table>
auto* row_of(const Table& table, std::string_view kind) {
    for (const auto& row : table)
        if (row.kind == kind) return &row;
    return static_cast<decltype(&table[0])>(nullptr);
}

std::string link_of(const std::string& external_url, JobId job) {
    return external_url.empty() ? "" : fmt::format("{}/jobs/{}", external_url, job);
}

}  // namespace

Result<Request> status_request(const Destination& destination, const ReportFacts& facts,
                               const std::string& external_url) {
    const Forge* forge = row_of(forges, destination.kind);
    const Words* vocabulary = row_of(words, destination.kind);
    if (!forge || !vocabulary) return fail("kind " + printable(destination.kind, 60) + " has no commit statuses");
    if (!valid_object_id(facts.commit)) return fail("the job has no commit that a status could be given to");
    return forge->request({destination, facts, std::string(word_of(*vocabulary, facts.state)), sentence_of(facts),
                           link_of(external_url, facts.job)});
}

Result<std::string> webhook_signature(const std::string& secret, const std::string& id, const std::string& timestamp,
                                      const std::string& body) {
    const auto key = secret.starts_with("whsec_") ? base64_decode(secret.substr(6)) : std::nullopt;
    if (!key || key->empty()) return fail("the secret is not whsec_ and base64");
    const Digest digest = hmac_sha256(*key, {id, ".", timestamp, ".", body});
    return "v1," + base64_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Result<Request> webhook_request(const Destination& destination, const Report& report, const std::string& id,
                                Milliseconds now, const std::string& external_url) {
    Request request = json_request(destination.url, destination, {});
    request.body = webhook_body(report, link_of(external_url, report.facts.job));
    const std::string timestamp = std::to_string(now / 1000);
    const auto signature = webhook_signature(destination.secret.value, id, timestamp, request.body);
    if (!signature) return fail(signature.error());
    request.headers.add("webhook-id", id);
    request.headers.add("webhook-timestamp", timestamp);
    request.headers.add("webhook-signature", *signature);
    return request;
}

Result<Request> callback_request(const Destination& destination, const ReportFacts& facts) {
    if (facts.packages.empty()) return fail("the report names no package");
    Request request = json_request(destination.url, destination, {});
    request.body = callback_body(facts.packages.front());
    return request;
}

std::string shortened(std::string_view text, std::size_t limit) {
    const std::string clean = printable(text, 8'000);
    std::vector<std::size_t> starts;  // of characters
    for (std::size_t i = 0; i < clean.size(); ++i)
        if ((static_cast<unsigned char>(clean[i]) & 0xc0) != 0x80) starts.push_back(i);
    if (starts.size() <= limit) return clean;
    return clean.substr(0, starts[limit - 3]) + "...";
}

std::string short_key(const std::string& text, std::size_t limit) {
    const std::string clean = printable(text, 8'000);
    if (clean.size() <= limit) return clean;
    constexpr std::size_t digits = 8;
    std::size_t cut = limit - digits - 1;
    while (cut > 0 && (static_cast<unsigned char>(clean[cut]) & 0xc0) == 0x80) --cut;  // no half character
    return clean.substr(0, cut) + "-" + hex(sha256(text)).substr(0, digits);
}

}  // namespace gachette::report
