// Fuzzes the head parser. The first byte chooses how the rest is cut. The oracle: what is said never depends on the
// cuts; and what is accepted, written again in its plainest form, is accepted with the same meaning.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "door/head.h"

using gachette::Header;
using gachette::door::Head;
using gachette::door::HeadReader;
using gachette::door::Limits;

namespace {

const Limits limits;

void demand(bool truth) {
    if (!truth) std::abort();
}

std::size_t read_in_pieces(HeadReader& reader, std::string_view bytes, std::size_t piece) {
    std::size_t used = 0;
    while (!bytes.empty() && reader.state() == HeadReader::State::reading) {
        const std::string_view next = bytes.substr(0, piece);
        used += reader.read(next);
        bytes.remove_prefix(next.size());
    }
    return used;
}

void demand_same(const Head& a, const Head& b) {
    demand(a.method == b.method && a.target == b.target && a.path == b.path && a.query == b.query);
    demand(a.minor_version == b.minor_version && a.headers.all() == b.headers.all());
    demand(a.length == b.length && a.close == b.close && a.expects_continue == b.expects_continue);
}

void demand_sound(const Head& head) {
    demand(!head.path.empty() && head.path.front() == '/');
    demand(head.path.find('\0') == std::string::npos);
    demand((head.path + "/").find("/../") == std::string::npos && (head.path + "/").find("/./") == std::string::npos);
    demand(head.length >= 0 && head.length <= limits.body_bytes);
    demand(head.headers.count("host") == 1 || head.minor_version == 0);
    demand(head.headers.count("transfer-encoding") == 0 && head.headers.count("content-length") <= 1);
    demand(head.headers.all().size() <= static_cast<std::size_t>(limits.head_fields));
}

std::string written(const Head& head) {
    std::string out = head.method + " " + head.target + " HTTP/1." + std::to_string(head.minor_version) + "\r\n";
    for (const Header& field : head.headers.all()) out += field.name + ":" + field.value + "\r\n";
    return out + "\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    HeadReader whole(limits), pieces(limits), single(limits);
    const std::size_t used = whole.read(bytes);
    demand(used <= bytes.size() && used <= static_cast<std::size_t>(limits.head_bytes));
    demand(read_in_pieces(pieces, bytes, 1 + data[0]) == used);
    demand(read_in_pieces(single, bytes, 1) == used);
    demand(pieces.state() == whole.state() && single.state() == whole.state());
    if (whole.state() == HeadReader::State::refused) {
        demand(whole.refusal().status >= 400 && !whole.refusal().sentence.empty());
        demand(pieces.refusal().status == whole.refusal().status &&
               single.refusal().sentence == whole.refusal().sentence);
    }
    if (whole.state() != HeadReader::State::complete) return 0;
    demand_same(whole.head(), pieces.head());
    demand_same(whole.head(), single.head());
    demand_sound(whole.head());
    HeadReader again(limits);
    const std::string plain = written(whole.head());
    demand(again.read(plain) == plain.size() && again.state() == HeadReader::State::complete);
    demand_same(whole.head(), again.head());
    return 0;
}
