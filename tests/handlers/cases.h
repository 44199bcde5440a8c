// Payloads of the forges and what is to be read from them: tests/handlers/payloads/<forge>/cases.txt. A case is
//
//     == file.json             beside cases.txt; its last line end is not part of the body
//     header Name: value       any number
//     setting name: value      any number
//     encode form              or query: the body travels as the field "payload"
//     --
//     what describe(Reading) says, to the next "== "
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "tests/handlers/handlers_support.h"

namespace gachette::testing {

struct PayloadCase {
    std::string name;  // "github/ping.json", and how it is encoded
    Hook hook;
    OwnedRequest request;
    std::string expected;
    bool encoded = false;
};

// A secret that a forge takes: the two with keys of their own kind have that kind.
inline std::string sample_secret(const std::string& forge) {
    if (forge == "standard-webhooks") return "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    return "a secret of good length";
}

inline std::string read_text(const std::string& path) {
    auto text = read_file(path);
    if (!text) throw std::runtime_error(text.error());
    return *text;
}

inline std::string form_encode(const std::string& text) {
    std::string out = "payload=";
    for (const char c : text) out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return out;
}

inline void encode(PayloadCase& one, const std::string& how) {
    one.encoded = true;
    one.name += " as " + how;
    const std::string form = form_encode(one.request.body);
    one.request.body = how == "form" ? form : "";
    one.request.query = how == "query" ? form : "";
    if (how == "form") one.request.headers.add("Content-Type", "application/x-www-form-urlencoded");
}

inline void read_option(PayloadCase& one, const std::string& line) {
    const std::size_t space = line.find(' ');
    const std::string key = line.substr(0, space);
    const std::string rest = line.substr(space + 1);
    if (key == "encode") return encode(one, rest);
    const std::size_t colon = rest.find(": ");
    if (colon == std::string::npos) throw std::runtime_error("not understood: " + line);
    const std::string name = rest.substr(0, colon);
    if (key == "header")
        one.request.headers.add(name, rest.substr(colon + 2));
    else if (key == "setting")
        one.hook.settings[name] = rest.substr(colon + 2);
    else
        throw std::runtime_error("not understood: " + line);
}

inline std::vector<PayloadCase> cases_of(const std::string& forge) {
    const std::string folder = std::string(GACHETTE_SOURCE_DIR) + "/tests/handlers/payloads/" + forge + "/";
    std::vector<PayloadCase> cases;
    bool options = false;
    for (const std::string& line : split(read_text(folder + "cases.txt"), '\n')) {
        if (line.starts_with("== ")) {
            PayloadCase& one = cases.emplace_back();
            one.name = forge + "/" + line.substr(3);
            one.hook = hook_of(forge, {sample_secret(forge)});
            one.request.body = read_text(folder + line.substr(3));
            one.request.body.pop_back();
            options = true;
        } else if (options && line == "--") {
            options = false;
        } else if (options) {
            read_option(cases.back(), line);
        } else if (!cases.empty() && !line.empty()) {
            cases.back().expected += (cases.back().expected.empty() ? "" : "\n") + line;
        }
    }
    return cases;
}

inline std::vector<PayloadCase> all_cases() {
    std::vector<PayloadCase> all;
    for (const handlers::Forge& forge : handlers::all_forges())
        for (PayloadCase& one : cases_of(std::string(forge.name))) all.push_back(std::move(one));
    return all;
}

}  // namespace gachette::testing
