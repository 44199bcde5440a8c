#include "handlers/signatures.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/crypto.h"
#include "base/text.h"

namespace gachette::handlers {

namespace {

Authenticity refuse(Verdict verdict, std::string reason) { return {verdict, 0, std::move(reason)}; }

std::string_view as_text(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

// Tries all secrets, also after one matched, so that time does not tell which one it was.
template <typename Matches>
Authenticity try_secrets(const Hook& hook, std::string_view header, Matches matches) {
    std::optional<std::size_t> match;
    for (std::size_t i = 0; i < hook.secrets.size(); ++i) {
        const bool right = matches(hook.secrets[i].value);
        if (right && !match) match = i;
    }
    if (match) return {Verdict::accepted, *match, ""};
    return refuse(Verdict::wrong,
                  fmt::format("{} matches no secret of hook \"{}\"; set the same secret at the forge and in "
                              "hooks.{}.secrets",
                              header, hook.name, hook.name));
}

// The value of a header that must be there once; else the refusal is in `answer`.
std::optional<std::string_view> single(const Request& request, const Hook& hook, std::string_view header,
                                       Authenticity& answer) {
    const std::size_t count = request.headers.count(header);
    if (count == 1) return request.headers.only(header);
    if (count == 0)
        answer = refuse_missing(request, hook, header);
    else
        answer = refuse(Verdict::malformed, fmt::format("{} comes {} times; exactly one is expected", header, count));
    return std::nullopt;
}

std::optional<Digest> digest_from_base64(std::string_view text) {
    const auto bytes = base64_decode(text);
    Digest digest;
    if (!bytes || bytes->size() != digest.size()) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), digest.begin());
    return digest;
}

struct StandardHeaders {
    std::string_view id, timestamp, signature;
};

// Which spelling a sender uses; Svix named its headers before there was a standard.
StandardHeaders standard_headers(const Headers& headers) {
    if (headers.count("webhook-signature") == 0 && headers.count("svix-signature") > 0)
        return {"svix-id", "svix-timestamp", "svix-signature"};
    return {"webhook-id", "webhook-timestamp", "webhook-signature"};
}

struct StandardSignatures {
    std::vector<Digest> symmetric;
    std::vector<std::string> asymmetric;
};

// The entries of a list "v1,<base64> v1a,<base64>"; unknown versions are passed over, broken entries are none.
StandardSignatures parse_list(std::string_view list) {
    constexpr std::size_t most_entries = 32;
    StandardSignatures found;
    for (const std::string& entry : split(list, ' ')) {
        const std::string_view text = entry;
        if (text.starts_with("v1,")) {
            if (const auto digest = digest_from_base64(text.substr(3))) found.symmetric.push_back(*digest);
        } else if (text.starts_with("v1a,")) {
            const auto bytes = base64_decode(text.substr(4));
            if (bytes && bytes->size() == 64) found.asymmetric.push_back(*bytes);
        }
        if (found.symmetric.size() + found.asymmetric.size() == most_entries) break;
    }
    return found;
}

bool any_entry_matches(const StandardSignatures& entries, std::string_view secret,
                       std::initializer_list<std::string_view> parts) {
    std::string key;
    bool match = false;
    switch (standard_webhook_key(secret, key)) {
        case KeyKind::none:
            break;
        case KeyKind::symmetric: {
            const Digest expected = hmac_sha256(key, parts);
            for (const Digest& digest : entries.symmetric) match |= equal_in_constant_time(digest, expected);
            break;
        }
        case KeyKind::asymmetric: {
            std::string message;
            for (const std::string_view part : parts) message += part;
            for (const std::string& signature : entries.asymmetric) match |= ed25519_verify(key, message, signature);
            break;
        }
    }
    return match;
}

Authenticity check_age(Authenticity accepted, const Hook& hook, std::string_view header, Milliseconds seconds,
                       Milliseconds now) {
    const Milliseconds age = now - seconds * 1000;
    if (age <= hook.tolerance && -age <= hook.tolerance) return accepted;
    return refuse(
        Verdict::stale,
        fmt::format("{} is {} seconds {}; hook \"{}\" accepts {} (a replay, or a clock that is wrong)", header,
                    std::abs(age) / 1000, age > 0 ? "old" : "in the future", hook.name, hook.tolerance / 1000));
}

}  // namespace

Authenticity unless_other_forge(const Request& request, const Hook& hook, Authenticity checked) {
    const std::string_view probable = probable_forge(request.headers, request.body);
    if (probable.empty() || probable == hook.forge || checked.verdict == Verdict::missing) return checked;
    return refuse(Verdict::malformed, fmt::format("this looks like a delivery of {}, but hook \"{}\" is of forge {}",
                                                  probable, hook.name, hook.forge));
}

Authenticity refuse_missing(const Request& request, const Hook& hook, std::string_view header) {
    const std::string_view probable = probable_forge(request.headers, request.body);
    if (!probable.empty() && probable != hook.forge)
        return refuse(Verdict::missing,
                      fmt::format("{} is missing; this looks like a delivery of {}, but hook \"{}\" is of forge {}",
                                  header, probable, hook.name, hook.forge));
    return refuse(
        Verdict::missing,
        fmt::format("{} is missing; set the same secret at the forge and in hooks.{}.secrets", header, hook.name));
}

std::string_view setting(const Hook& hook, const std::string& name) {
    const auto found = hook.settings.find(name);
    return found == hook.settings.end() ? std::string_view() : std::string_view(found->second);
}

std::string unknown_setting(const Hook& hook, std::initializer_list<std::string_view> known) {
    for (const auto& [name, value] : hook.settings) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        if (known.size() == 0)
            return fmt::format("setting \"{}\" means nothing to forge {}, which has none", name, hook.forge);
        return fmt::format("setting \"{}\" means nothing to forge {}; it has {}", name, hook.forge,
                           fmt::join(known, ", "));
    }
    return "";
}

std::string bad_header_name(const Hook& hook, const std::string& name) {
    constexpr std::string_view signs = "!#$%&'*+-.^_`|~";
    const std::string_view value = setting(hook, name);
    const bool token = std::all_of(value.begin(), value.end(), [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               signs.find(c) != signs.npos;
    });
    if (token && (!value.empty() || !hook.settings.contains(name)) && value.size() <= 100) return "";
    return fmt::format("setting \"{}\" is \"{}\", which is not the name of a header", name, printable(value, 100));
}

std::string made_up_id(std::string_view body, Milliseconds now) {
    const std::string digits = hex(hmac_sha256(std::to_string(now), {body}));
    const std::string_view view = digits;
    return fmt::format("{}-{}-{}-{}-{}", view.substr(0, 8), view.substr(8, 4), view.substr(12, 4), view.substr(16, 4),
                       view.substr(20, 12));
}

Authenticity check_hmac(const Request& request, const Hook& hook, const SignatureHeader& header,
                        std::string_view text) {
    Authenticity answer;
    const auto value = single(request, hook, header.name, answer);
    if (!value) return answer;
    if (value->empty() || *value == header.prefix)
        return refuse(Verdict::malformed,
                      fmt::format("{} is empty: the forge has no secret for this hook; set the same "
                                  "secret there and in hooks.{}.secrets",
                                  header.name, hook.name));
    std::optional<Digest> given;
    if (value->starts_with(header.prefix)) {
        const std::string_view digits = value->substr(header.prefix.size());
        given = header.encoding == Encoding::hex ? digest_from_hex(digits) : digest_from_base64(digits);
    }
    if (!given)
        return refuse(
            Verdict::malformed,
            fmt::format("{} is not {}{}", header.name,
                        header.prefix.empty() ? "" : fmt::format("\"{}\" and ", header.prefix),
                        header.encoding == Encoding::hex ? "64 lower-case hex digits" : "base64 of 32 bytes"));
    return try_secrets(hook, header.name, [&](const std::string& secret) {
        return equal_in_constant_time(hmac_sha256(secret, {text}), *given) && !secret.empty();
    });
}

std::string hmac_value(const SignatureHeader& header, const Secret& secret, std::string_view text) {
    const Digest digest = hmac_sha256(secret.value, {text});
    return std::string(header.prefix) +
           (header.encoding == Encoding::hex ? hex(digest) : base64_encode(as_text(digest)));
}

Authenticity check_token(const Request& request, const Hook& hook, std::string_view header) {
    Authenticity answer;
    const auto value = single(request, hook, header, answer);
    if (!value) return answer;
    if (value->empty()) return refuse(Verdict::malformed, fmt::format("{} is empty", header));
    return try_secrets(hook, header, [&](const std::string& secret) { return secret_equals(*value, secret); });
}

Authenticity check_basic(const Request& request, const Hook& hook, std::string_view user) {
    Authenticity answer;
    const auto value = single(request, hook, "Authorization", answer);
    if (!value) return answer;
    const std::size_t space = std::min(value->find(' '), value->size());
    std::optional<std::string> pair;
    if (lower(value->substr(0, space)) == "basic" && space < value->size())
        pair = base64_decode(value->substr(space + 1));
    const std::size_t colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos)
        return refuse(Verdict::malformed, "Authorization is not \"Basic\" and base64 of user:password");
    const std::string_view password = std::string_view(*pair).substr(colon + 1);
    const bool same_user = secret_equals(std::string_view(*pair).substr(0, colon), user);
    return try_secrets(hook, "Authorization", [&](const std::string& secret) {
        const bool same_password = secret_equals(password, secret);
        return same_user && same_password;
    });
}

std::string basic_value(std::string_view user, const Secret& secret) {
    return "Basic " + base64_encode(fmt::format("{}:{}", user, secret.value));
}

Authenticity check_header_or_basic(const Request& request, const Hook& hook) {
    const std::string_view header = setting(hook, "header");
    const std::string_view user = setting(hook, "user");
    if (header.empty() && user.empty())
        return refuse(Verdict::missing,
                      fmt::format("hook \"{}\" has neither setting \"header\" nor \"user\", and {} signs nothing",
                                  hook.name, hook.forge));
    return unless_other_forge(request, hook,
                              header.empty() ? check_basic(request, hook, user) : check_token(request, hook, header));
}

std::string header_or_basic_problem(const Hook& hook) {
    if (std::string problem = unknown_setting(hook, {"header", "user"}); !problem.empty()) return problem;
    const bool header = !setting(hook, "header").empty();
    const bool user = !setting(hook, "user").empty();
    if (header == user)
        return fmt::format(
            "{} signs nothing, so the hook needs one of the settings \"header\" (a header that holds the "
            "secret) and \"user\" (of HTTP Basic, the secret is the password){}",
            hook.forge, header ? ", not both" : "");
    if (user && setting(hook, "user").find(':') != std::string_view::npos)
        return "setting \"user\" holds a colon, which HTTP Basic cannot carry";
    return header ? bad_header_name(hook, "header") : "";
}

Header header_or_basic_value(const Hook& hook, const Secret& secret) {
    const std::string_view header = setting(hook, "header");
    if (!header.empty()) return {std::string(header), secret.value};
    return {"Authorization", basic_value(setting(hook, "user"), secret)};
}

Authenticity check_nonce_signature(const Request& request, const Hook& hook) {
    constexpr std::string_view header = "X-Payload-Signature";
    Authenticity answer;
    const auto value = single(request, hook, header, answer);
    if (!value) return answer;
    const auto nonce = single(request, hook, "X-Payload-Nonce", answer);
    if (!nonce) return answer;
    const bool nonce_fine = !nonce->empty() && nonce->size() <= 64 &&
                            nonce->find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (!nonce_fine) return refuse(Verdict::malformed, "X-Payload-Nonce is not lower-case hex digits");
    const auto signature = base64_decode(*value);
    if (!signature || signature->size() != 64)
        return refuse(Verdict::malformed, fmt::format("{} is not base64 of 64 bytes", header));
    const std::string message = std::string(request.body) + std::string(*nonce);
    return try_secrets(hook, header, [&](const std::string& secret) {
        const auto key = base64_decode(secret);
        return key && ed25519_verify(*key, message, *signature);
    });
}

KeyKind standard_webhook_key(std::string_view secret, std::string& bytes) {
    const bool asymmetric = secret.starts_with("whpk_");
    if (asymmetric)
        secret.remove_prefix(5);
    else if (secret.starts_with("whsec_"))
        secret.remove_prefix(6);
    // Some senders leave the padding out.
    std::string padded(secret);
    while (padded.size() % 4 != 0 && !padded.empty()) padded += '=';
    const auto decoded = base64_decode(padded);
    if (!decoded) return KeyKind::none;
    bytes = *decoded;
    if (asymmetric) return bytes.size() == 32 ? KeyKind::asymmetric : KeyKind::none;
    return bytes.size() >= 16 && bytes.size() <= 64 ? KeyKind::symmetric : KeyKind::none;
}

Authenticity check_standard_webhook(const Request& request, const Hook& hook, Milliseconds now) {
    const StandardHeaders names = standard_headers(request.headers);
    Authenticity answer;
    const auto list = single(request, hook, names.signature, answer);
    if (!list) return answer;
    const auto id = single(request, hook, names.id, answer);
    if (!id) return answer;
    const auto timestamp = single(request, hook, names.timestamp, answer);
    if (!timestamp) return answer;
    // A dot in the id would let one signed text be read as two different messages.
    if (id->empty() || id->find('.') != std::string_view::npos)
        return refuse(Verdict::malformed, fmt::format("{} is empty or holds a dot", names.id));
    const auto seconds = timestamp->size() <= 12 ? parse_decimal(*timestamp) : std::nullopt;
    if (!seconds) return refuse(Verdict::malformed, fmt::format("{} is not a number of seconds", names.timestamp));
    const StandardSignatures entries = parse_list(*list);
    if (entries.symmetric.empty() && entries.asymmetric.empty())
        return refuse(Verdict::malformed,
                      fmt::format("{} holds no \"v1,\" or \"v1a,\" signature in base64", names.signature));
    answer = try_secrets(hook, names.signature, [&](const std::string& secret) {
        return any_entry_matches(entries, secret, {*id, ".", *timestamp, ".", request.body});
    });
    return answer.verdict == Verdict::accepted ? check_age(answer, hook, names.timestamp, *seconds, now) : answer;
}

std::string standard_webhook_value(const Secret& secret, std::string_view id, std::string_view timestamp,
                                   std::string_view body) {
    std::string key;
    if (standard_webhook_key(secret.value, key) != KeyKind::symmetric) return "";
    return "v1," + base64_encode(as_text(hmac_sha256(key, {id, ".", timestamp, ".", body})));
}

}  // namespace gachette::handlers
