#include "store/packing.h"

#include "base/error.h"
#include "base/text.h"

namespace gachette::store {

namespace {

void append(std::string& packed, std::string_view text) {
    packed += std::to_string(text.size());
    packed += ':';
    packed += text;
    packed += ',';
}

[[noreturn]] void broken() {
    throw StoreError("the database holds a list that is not whole: the file is damaged; put a backup in its place");
}

std::vector<std::string> unpack_groups(std::string_view packed, std::size_t group) {
    std::vector<std::string> texts = unpack(packed);
    if (texts.size() % group != 0) broken();
    return texts;
}

}  // namespace

std::string pack(const std::vector<std::string>& texts) {
    std::string packed;
    for (const std::string& text : texts) append(packed, text);
    return packed;
}

std::vector<std::string> unpack(std::string_view packed) {
    std::vector<std::string> texts;
    while (!packed.empty()) {
        const std::size_t colon = packed.find(':');
        if (colon == std::string_view::npos) broken();
        const auto size = parse_decimal(packed.substr(0, colon));
        packed.remove_prefix(colon + 1);
        if (!size || static_cast<std::size_t>(*size) >= packed.size()) broken();
        const std::size_t length = static_cast<std::size_t>(*size);
        if (packed[length] != ',') broken();
        texts.emplace_back(packed.substr(0, length));
        packed.remove_prefix(length + 1);
    }
    return texts;
}

std::string pack_headers(const Headers& headers) {
    std::string packed;
    for (const Header& header : headers.all()) {
        append(packed, header.name);
        append(packed, header.value);
    }
    return packed;
}

Headers unpack_headers(std::string_view packed) {
    std::vector<std::string> texts = unpack_groups(packed, 2);
    Headers headers;
    for (std::size_t i = 0; i < texts.size(); i += 2) headers.add(std::move(texts[i]), std::move(texts[i + 1]));
    return headers;
}

std::string pack_decisions(const std::vector<Decision>& decisions) {
    std::string packed;
    for (const Decision& decision : decisions) {
        append(packed, decision.taken ? "yes" : "no");
        append(packed, decision.subject);
        append(packed, decision.sentence);
    }
    return packed;
}

std::vector<Decision> unpack_decisions(std::string_view packed) {
    std::vector<std::string> texts = unpack_groups(packed, 3);
    std::vector<Decision> decisions;
    for (std::size_t i = 0; i < texts.size(); i += 3)
        decisions.push_back({texts[i] == "yes", std::move(texts[i + 1]), std::move(texts[i + 2])});
    return decisions;
}

}  // namespace gachette::store
