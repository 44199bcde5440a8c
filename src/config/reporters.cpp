// reporters: where the states of jobs are told.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/crypto.h"
#include "base/text.h"
#include "config/reader.h"

namespace gachette::config {

namespace {

struct Kind {
    std::string_view name;
    std::string_view url;      // default; empty: must be given
    std::string_view example;  // for sentences
    bool forge = true;
    bool needs_link = false;  // the forge takes no status without a link to a page
};
constexpr std::array<Kind, 8> kinds = {{
    {"github", "https://api.github.com", "https://github.example.com/api/v3"},
    {"gitlab", "https://gitlab.com", "https://gitlab.example.com"},
    {"gitea", "", "https://gitea.example.com"},
    {"forgejo", "", "https://forgejo.example.com"},
    {"bitbucket-cloud", "https://api.bitbucket.org", "https://api.bitbucket.org", true, true},
    {"bitbucket-datacenter", "", "https://bitbucket.example.com", true, true},
    {"webhook", "", "https://example.com/gachette", false},
    {"callback", "", "https://example.com/packages", false},
}};

std::string kind_names() {
    std::string names;
    for (const Kind& kind : kinds) names.append(names.empty() ? "" : ", ").append(kind.name);
    return names;
}

const Kind* read_kind(Section& section, Destination& destination) {
    if (!section.text("kind", destination.kind)) {
        if (!section.take("kind")) section.missing("kind", fmt::format("give one of {}", kind_names()));
        return nullptr;
    }
    const auto found =
        std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) { return kind.name == destination.kind; });
    if (found != kinds.end()) return &*found;
    section.problem("kind", fmt::format("\"{}\" is no kind of reporter; known are {}", printable(destination.kind, 60),
                                        kind_names()));
    return nullptr;
}

// http or https, a host, no user, no fragment, no blanks.
bool valid_url(std::string_view url) {
    const std::size_t start = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
    if (start == 0 || url.size() > 2'000) return false;
    if (std::any_of(url.begin(), url.end(), [](char c) { return c <= ' ' || c == 0x7f || (c & 0x80) != 0; }))
        return false;
    if (url.find_first_of("\"'<>\\#`{}|^") != std::string_view::npos) return false;
    const std::string_view host = url.substr(start, url.find_first_of("/?", start) - start);
    return !host.empty() && host.front() != ':' && host.front() != '-' && host.find('@') == std::string_view::npos;
}

void read_url(Section& section, const Kind& kind, Destination& destination) {
    destination.url = kind.url;
    std::string url;
    if (section.text("url", url)) {
        const bool query = kind.forge && url.find('?') != std::string::npos;
        if (!valid_url(url) || query)  // not shown: the address of a webhook may be a secret itself
            section.problem("url", fmt::format("is no address that can be used; write it like {}", kind.example));
        else
            destination.url = url;
    } else if (!section.take("url") && kind.url.empty()) {
        section.missing("url", fmt::format("write it like {}", kind.example));
    }
    while (kind.forge && destination.url.ends_with('/')) destination.url.pop_back();
}

void read_one_secret(Reader& reader, Section& section, const std::string& key, const std::string& advice, Secret& out) {
    const Node* node = section.take(key);
    if (!node)
        section.missing(key, advice);
    else if (std::optional<Secret> secret = read_secret(reader, *node, section.place_of(key)))
        out = std::move(*secret);
}

void check_signing_secret(const Section& section, const Secret& secret) {
    if (secret.value.empty()) return;
    const bool marked = secret.value.starts_with("whsec_");
    const auto key = marked ? base64_decode(secret.value.substr(6)) : std::nullopt;
    if (key && key->size() >= 24 && key->size() <= 64) return;
    section.problem("secret", fmt::format("({}) must be whsec_ and 24 to 64 bytes in base64; make one with: "
                                          "echo whsec_$(openssl rand -base64 32)",
                                          printable(secret.origin)));
}

void check_context(Section& section, Destination& destination) {
    std::string context;
    if (!section.text("context", context)) return;
    std::string rest = context;
    for (const std::string_view field : {"{project}", "{ref}"})
        for (std::size_t at; (at = rest.find(field)) != std::string::npos;) rest.erase(at, field.size());
    if (rest.find_first_of("{}") != std::string::npos)
        section.problem("context", fmt::format("\"{}\" has an unknown field; known are {{project}} and {{ref}}",
                                               printable(context, 100)));
    else
        destination.context = context;
}

void read_forge_keys(Reader& reader, Section& section, const Kind& kind, Destination& destination) {
    read_one_secret(reader, section, "token", "give one that may write statuses, as {file: ...}", destination.token);
    if (kind.name.starts_with("bitbucket-")) section.text("user", destination.user);
    if (destination.user.find(':') != std::string::npos) section.problem("user", "must not hold a colon");
    check_context(section, destination);
    if (kind.needs_link && reader.configuration.external_url.empty())
        section.problem("kind", fmt::format("{} takes no status without a link; set external_url", kind.name));
}

}  // namespace

void read_reporters(Reader& reader, Section& root) {
    root.each_named("reporters", "reporter", [&](const std::string& name, int line, const Node& node) {
        Destination destination;
        destination.name = name;
        Section section(node, "reporters." + name, reader.problems, line);
        const Kind* kind = read_kind(section, destination);
        if (!kind) {  // what else may stand there depends on it
            destination.kind.clear();
            reader.configuration.reporters.push_back(std::move(destination));
            return;
        }
        read_url(section, *kind, destination);
        if (kind->forge) read_forge_keys(reader, section, *kind, destination);
        if (kind->name == "webhook") {
            read_one_secret(reader, section, "secret", "give what the receiver verifies the signature with",
                            destination.secret);
            check_signing_secret(section, destination.secret);
        }
        if (section.text("authority", destination.authority_file))
            destination.authority_file = reader.resolve(destination.authority_file);
        section.duration("give_up", destination.give_up, 60'000);
        section.finish();
        reader.configuration.reporters.push_back(std::move(destination));
    });
}

void read_report(Reader& reader, Section& section, Hook& hook) {
    section.texts("report", hook.report);
    const auto kin = [](std::string_view forge) {  // they speak one language
        return forge == "forgejo" ? std::string_view("gitea") : forge;
    };
    for (const std::string& name : hook.report) {
        const Destination* destination = reader.configuration.find_reporter(name);
        if (!destination) {
            section.problem("report", fmt::format("no reporter is called \"{}\"; add reporters.{}", printable(name, 60),
                                                  printable(name, 60)));
            continue;
        }
        const auto is = [&](const Kind& kind) { return kind.forge && kind.name == hook.forge; };
        const bool known = std::any_of(kinds.begin(), kinds.end(), is);
        if (known && !destination->kind.empty() && destination->report_kind() == ReportKind::status &&
            kin(destination->kind) != kin(hook.forge))
            section.problem("report", fmt::format("reporter {} speaks to {}, but this hook hears from {}; name one "
                                                  "of kind {}",
                                                  name, destination->kind, hook.forge, hook.forge));
    }
}

}  // namespace gachette::config
