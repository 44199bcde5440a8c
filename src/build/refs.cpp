#include "build/refs.h"

#include <set>

#include "base/error.h"
#include "base/text.h"
#include "build/host_program.h"
#include "model/event.h"
#include "remote/conversation.h"
#include "remote/host_program.h"

namespace gachette::build {

namespace {

constexpr std::size_t most_refs = 50'000;

const std::string& program() {
    static const std::string text =
        std::string(remote::host_program_part) + std::string(build::host_program_part) + "\njob_main();\n";
    return text;
}

// Takes one in. Names that we would build under no circumstances (not UTF-8) are left out.
void take(const std::vector<std::string>& arguments, std::set<std::string>& names, std::vector<RemoteRef>& refs) {
    if (arguments.size() < 3 || names.size() >= most_refs || !valid_object_id(arguments[1]) ||
        !valid_object_id(arguments[2]) || !names.insert(arguments[0]).second)
        throw HostError("the build host told a ref that cannot be; its answer is not believed");
    if (valid_full_ref(arguments[0])) refs.push_back({arguments[0], arguments[1], arguments[2]});
}

}  // namespace

std::optional<std::vector<RemoteRef>> list_refs(remote::Shell& shell, const BuildHost& host, const Project& project,
                                                const Clock& clock, const Interruption& interruption) {
    std::vector<RemoteRef> refs;
    std::set<std::string> names;
    remote::Listener words;
    words.event = [&](const remote::HostEvent& event) {
        if (event.word == "ref") take(event.arguments, names, refs);
    };
    words.detach_requested = interruption.wanted;
    words.wake_descriptor = interruption.wake_descriptor;
    const remote::HostEvent end = remote::converse(
        shell, program(), {{"mode", "refs"}, {"base", host.base_path}, {"url", project.url}}, words, clock);
    if (end.word == "detached") return std::nullopt;
    if (end.arguments.empty() || end.arguments[0] != "ok")
        throw HostError(
            printable(end.arguments.size() > 1 ? end.arguments[1] : "the build host ended without a reason", 1000));
    return refs;
}

}  // namespace gachette::build
