#include "handlers/reading.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/repository.h"

namespace gachette::handlers {

namespace {

constexpr std::size_t most_events = 5'000;
constexpr std::size_t longest_message = 16 * 1024;
constexpr std::size_t longest_url = 2'048;
constexpr std::size_t most_urls = 8;

bool form_body(const Request& request) {
    if (request.body.starts_with("payload=")) return true;
    const auto type = request.headers.only("Content-Type");
    return type && lower(trim(type->substr(0, type->find(';')))) == "application/x-www-form-urlencoded";
}

std::string cut(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return std::string(text);
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
    return std::string(text.substr(0, limit));
}

// "first reason (and 2 more)"
std::string summary(const std::vector<std::string>& first, const std::vector<std::string>& second) {
    const std::string& head = first.empty() ? second.front() : first.front();
    const std::size_t more = first.size() + second.size() - 1;
    return more == 0 ? head : fmt::format("{} (and {} more)", head, more);
}

}  // namespace

Reading ignored(std::string reason) { return {Reading::Kind::ignored, {}, std::move(reason)}; }

Reading malformed(std::string reason) { return {Reading::Kind::malformed, {}, std::move(reason)}; }

Reading not_about_refs(std::string_view kind) {
    return ignored(fmt::format("kind {} is not about refs", printable(kind, 200)));
}

Result<std::string_view> json_text(const Request& request, std::string& storage) {
    const std::size_t start = std::min(request.body.find_first_not_of(" \t\r\n"), request.body.size());
    const bool object = start < request.body.size() && request.body[start] == '{';
    const bool in_query = request.body.empty() && !request.query.empty();
    if (object || !(in_query || form_body(request))) return request.body;
    auto value = form_value(in_query ? request.query : request.body, "payload");
    if (!value)
        return fail(fmt::format("payload is missing from the {}, or there twice", in_query ? "query" : "form body"));
    storage = std::move(*value);
    return std::string_view(storage);
}

Reading read_document(std::string_view json, const std::function<Reading(Value root)>& read) {
    const auto document = Document::parse(json);
    if (!document) return malformed("not JSON: " + document.error());
    if (document->root().type() != Value::Type::object) return malformed("the document is not an object");
    Reading reading = read(document->root());
    if (!document->key_found_twice().empty())
        return malformed(fmt::format("key {} is there twice", printable(document->key_found_twice(), 200)));
    return reading;
}

Reading read_request(const Request& request, const std::function<Reading(Value root)>& read) {
    std::string storage;
    const auto json = json_text(request, storage);
    return json ? read_document(*json, read) : malformed(json.error());
}

std::string header_text(const Headers& headers, std::string_view name) {
    const auto value = headers.only(name);
    return value ? printable(*value, 200) : "";
}

std::string body_text(const Request& request, std::string_view pointer) {
    std::string storage;
    const auto json = json_text(request, storage);
    if (!json) return "";
    const auto document = Document::parse(*json);
    if (!document) return "";
    const auto id = document->root().at_pointer(pointer).id();
    return id ? printable(*id, 200) : "";
}

std::string bounded(Value value, std::size_t limit) {
    const auto text = value.text();
    return text ? cut(*text, limit) : "";
}

std::string repository_id(Value value) {
    auto id = value.id();
    return id && id->size() <= 128 ? std::move(*id) : "";
}

std::string first_text(std::initializer_list<Value> values) {
    for (const Value& value : values) {
        std::string text = bounded(value);
        if (!text.empty()) return text;
    }
    return "";
}

std::string person(std::string_view name, std::string_view address) {
    if (address.empty()) return std::string(name);
    return name.empty() ? fmt::format("<{}>", address) : fmt::format("{} <{}>", name, address);
}

std::string message_of(Value message) { return bounded(message, longest_message); }

void add_url(RepositoryIdentity& repository, std::string_view url) {
    if (url.empty() || url.size() > longest_url || repository.urls.size() == most_urls) return;
    if (std::find(repository.urls.begin(), repository.urls.end(), url) == repository.urls.end())
        repository.urls.emplace_back(url);
}

void add_urls(RepositoryIdentity& repository, std::initializer_list<Value> urls) {
    for (const Value& url : urls)
        if (const auto text = url.text()) add_url(repository, *text);
}

std::string host_of(std::string_view url) { return cut(parse_repository_address(url).host, 255); }

std::string not_a_text(Value value, std::string_view path) {
    if (value.missing()) return fmt::format("{} is missing", path);
    return fmt::format("{} is {}", path, value.present() ? "not a text" : "null");
}

Result<std::string> object_id(Value value, std::string_view path, bool required) {
    if (!value.present() && required) return fail(fmt::format("{} is {}", path, value.missing() ? "missing" : "null"));
    if (!value.present()) return std::string();
    const std::string_view text = value.text().value_or("");
    if (zero_object_id(text)) return std::string();
    if (!valid_object_id(text)) return fail(fmt::format("{} is not an object id", path));
    return std::string(text);
}

Event* Gathering::add(const RefUpdate& update) {
    const auto ref = update.ref.text();
    auto before = object_id(update.before, update.before_path, false);
    auto after = object_id(update.after, update.after_path);
    if (before && after && before->empty() && after->empty() && update.before.present() && update.after.present()) {
        refuse(fmt::format("{} and {} both say that there is no object", update.before_path, update.after_path));
        return nullptr;
    }
    if (ref && before && after) return add_ref(*ref, update.ref_path, std::move(*before), std::move(*after));
    refuse(!ref ? not_a_text(update.ref, update.ref_path) : !before ? before.error() : after.error());
    return nullptr;
}

Event* Gathering::add_ref(std::string_view ref, std::string_view ref_path, std::string before, std::string after) {
    const bool tag = ref.starts_with("refs/tags/");
    if (!tag && !ref.starts_with("refs/heads/")) {
        if (ref.starts_with("refs/"))
            ignore(fmt::format("ref {} is neither a branch nor a tag", printable(ref, 200)));
        else
            refuse(fmt::format("{} \"{}\" does not start with refs/", ref_path, printable(ref, 200)));
        return nullptr;
    }
    if (!valid_full_ref(ref)) {
        refuse(fmt::format("{} \"{}\" is not a name that git allows", ref_path, printable(ref, 200)));
        return nullptr;
    }
    if (events_.size() == most_events) {
        ignore(fmt::format("ref {} is one too many: at most {} in one delivery", printable(ref, 200), most_events));
        return nullptr;
    }
    Event& event = events_.emplace_back();
    event.repository = repository_;
    event.kind = tag ? RefKind::tag : RefKind::branch;
    event.change = after.empty() ? Change::deleted : before.empty() ? Change::created : Change::moved;
    event.ref = ref;
    event.old_id = std::move(before);
    event.new_id = std::move(after);
    if (!tag) event.commit = event.new_id;
    return &event;
}

void Gathering::ignore(std::string reason) { ignored_.push_back(std::move(reason)); }

void Gathering::refuse(std::string reason) { malformed_.push_back(std::move(reason)); }

Reading Gathering::finish() && {
    const bool left_out = !ignored_.empty() || !malformed_.empty();
    if (!events_.empty()) {
        std::string reason = left_out ? "left out: " + summary(malformed_, ignored_) : "";
        return {Reading::Kind::events, std::move(events_), std::move(reason)};
    }
    if (!left_out) return ignored("no ref changed");
    std::string reason = summary(malformed_, ignored_);
    return malformed_.empty() ? ignored(std::move(reason)) : malformed(std::move(reason));
}

}  // namespace gachette::handlers
