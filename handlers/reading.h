// What the files of the forges share: getting at the JSON of a request, and turning what a payload says of refs into
// checked events. Pure functions; nothing that fails a check leaves as an event.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handlers/document.h"
#include "handlers/handlers.h"

namespace gachette::handlers {

Reading ignored(std::string reason);
Reading malformed(std::string reason);
// "kind issues is not about refs"
Reading not_about_refs(std::string_view kind);

// The JSON text of a request: its body, or the decoded field "payload" of a form body, or of the query of a request
// without a body. `storage` holds what had to be decoded. What the body is, the body itself says: Content-Type is not
// signed. Fails with "payload is missing from the form body".
Result<std::string_view> json_text(const Request& request, std::string& storage);

// Parses, checks that it is an object, lets `read` look at it, and makes it malformed if a key that was read is there
// twice: two readers of such a document could see two different pushes.
Reading read_document(std::string_view json, const std::function<Reading(Value root)>& read);
// The same for the JSON text of a request, form encoding included.
Reading read_request(const Request& request, const std::function<Reading(Value root)>& read);

// The header's value, printable, at most 200 bytes; empty if it is not there once.
std::string header_text(const Headers& headers, std::string_view name);
// The same for a text or number of the body.
std::string body_text(const Request& request, std::string_view pointer);

// A text of the payload cut to `limit` bytes at a character's border; empty if it is no text.
std::string bounded(Value value, std::size_t limit = 200);
// The forge's id of a repository, text or number; one that is longer than 128 bytes is none.
std::string repository_id(Value value);
// The first of these that holds a text.
std::string first_text(std::initializer_list<Value> values);
// "Ada <ada@example.org>", or what there is of it.
std::string person(std::string_view name, std::string_view address);
// The message of a commit, as far as skip marks are looked for.
std::string message_of(Value message);

// Adds an address if it is a text, not too long and new.
void add_url(RepositoryIdentity& repository, std::string_view url);
void add_urls(RepositoryIdentity& repository, std::initializer_list<Value> urls);
// The host an address names, with its port if that is not the usual one; empty if it names none.
std::string host_of(std::string_view url);

// What a payload says of one ref, not yet checked. Paths are for reasons: "push.changes[1].new.name".
struct RefUpdate {
    Value ref;
    std::string ref_path;
    Value before;
    std::string before_path;
    Value after;
    std::string after_path;
};

// Collects the events of a delivery and remembers what was left out and why.
class Gathering {
public:
    explicit Gathering(RepositoryIdentity repository) : repository_(std::move(repository)) {}

    // Checks ref and ids. Zeros are "no object", and a `before` that is null or missing. Returns the event to be filled
    // in further, valid until the next call, or nullptr if this ref is left out. The commit of a branch is its new id.
    Event* add(const RefUpdate& update);
    // The same for a ref that is known by name, with its ids as texts (empty: no object).
    Event* add_ref(std::string_view ref, std::string_view ref_path, std::string before, std::string after);
    // Leaves a ref out.
    void ignore(std::string reason);
    void refuse(std::string reason);

    // Events if there are any (the reason then says what was left out), else malformed or ignored with the first
    // reason.
    Reading finish() &&;

private:
    RepositoryIdentity repository_;
    std::vector<Event> events_;
    std::vector<std::string> ignored_;
    std::vector<std::string> malformed_;
};

// An object id of a payload: empty for null, zeros and (unless required) missing. Fails with "after is not an object
// id".
Result<std::string> object_id(Value value, std::string_view path, bool required = true);
// "ref is missing", "ref is null", "ref is not a text".
std::string not_a_text(Value value, std::string_view path);

}  // namespace gachette::handlers
