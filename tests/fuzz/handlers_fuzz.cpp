// Any bytes as a delivery of any forge. The first byte picks the forge, the second the event's name, the rest is the
// body, which is signed here, so that everything behind the signature is reached. Whatever it says, nothing leaves a
// handler that git would not take. Seeds from the payloads of the tests:
//   n=0; for f in tests/handlers/payloads/*/*.json; do n=$((n+1));
//     for i in 0 1 2 3 4 5 6 7 8 9 : \; \<; do { printf '%s0' "$i"; cat "$f"; } > corpus/$n-$i; done; done
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "handlers/handlers.h"

using namespace gachette;

namespace {

constexpr const char* events[] = {"",     "push",          "create",          "delete", "release",
                                  "ping", "Tag Push Hook", "GIT_PRE_RECEIVE", "issues", "System Hook"};
constexpr Milliseconds now = 1'700'000'000'000;

void must(bool condition) {
    if (!condition) std::abort();
}

bool id_or_empty(const std::string& id) { return id.empty() || valid_object_id(id); }

void check(const handlers::Reading& reading, const std::string& forge) {
    must((reading.kind == handlers::Reading::Kind::events) == !reading.events.empty());
    must(!reading.events.empty() || !reading.reason.empty());
    must(printable(reading.reason, 1 << 20) == reading.reason);
    for (const Event& event : reading.events) {
        must(valid_full_ref(event.ref));
        must((event.kind == RefKind::tag) == event.ref.starts_with("refs/tags/"));
        must(id_or_empty(event.old_id) && id_or_empty(event.new_id) && id_or_empty(event.commit));
        must(event.new_id.empty() == (event.change == Change::deleted));
        must(event.change != Change::deleted || event.commit.empty());
        must(event.repository.forge == forge);
        must(event.repository.id.size() <= 1024 && event.repository.full_name.size() <= 1100 &&
             event.head_message.size() <= 16384);
        must(valid_utf8(event.head_message) && valid_utf8(event.pusher) && valid_utf8(event.head_author));
        must(valid_utf8(event.repository.full_name) && valid_utf8(event.repository.id));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const auto forges = handlers::all_forges();
    const handlers::Forge& forge = forges[(data[0] + 4 * forges.size() - '0') % forges.size()];
    const std::string event = events[data[1] % std::size(events)];
    const std::string body(reinterpret_cast<const char*>(data) + 2, size - 2);
    Hook hook;
    hook.name = "x";
    hook.forge = forge.name;
    hook.secrets.push_back({"", "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q="});
    hook.settings = {
        {"header", "X-Token"}, {"signature_header", "X-Signature"}, {"deleted", "/deleted"}, {"commit", "/c/0/~1"}};
    const Headers headers = forge.sign(hook, hook.secrets[0], event, body, now);
    const handlers::Request request{headers, body, {}};
    const auto answer = forge.authentic(request, hook, now);
    must(answer.verdict == handlers::Verdict::accepted || !answer.reason.empty());
    check(forge.read(request, hook), hook.forge);
    must(forge.delivery_id(request).size() <= 200 && forge.event_name(request).size() <= 200);
    return 0;
}
