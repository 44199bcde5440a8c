#include "model/recovered.h"

#include <fmt/format.h>

#include "model/repository.h"

namespace gachette {

namespace {

// Refs, ids and addresses hold no control bytes.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

}  // namespace

const Hook& reconciler_hook() {
    static const Hook hook = [] {
        Hook made;
        made.name = reconciler_name;
        made.forge = reconciler_name;
        return made;
    }();
    return hook;
}

RepositoryIdentity recovered_repository(std::string_view url) {
    return {std::string(reconciler_name), "", "", full_name_of(url), {std::string(url)}};
}

std::string recovered_body(const Project& project, const Event& event, Milliseconds found) {
    return fmt::format(R"({{"project":{},"repository":{},"ref":{},"before":{},"after":{},"commit":{},"found":{}}})",
                       quoted(project.name), quoted(project.url), quoted(event.ref),
                       event.old_id.empty() ? "null" : quoted(event.old_id), quoted(event.new_id), quoted(event.commit),
                       found);
}

}  // namespace gachette
