// Stacks on a build host: what they hold, how they are changed, read and compared. The work is done by the host program
// (host/*.pl); here are the values, the pure comparison of two states, and StackHost, which converses with a host.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "remote/shell.h"

namespace gachette::stacks {

// One package of a stack in its exact version. What is not known (a stack of the original) is empty.
struct StackEntry {
    std::string name, version, architecture, file, sha256;
    std::optional<std::int64_t> size;  // bytes
    std::string project, ref, commit;  // where it came from
    std::int64_t arrival = 0;          // number of the delivery that decided its order; 0: none
    std::string since;                 // "stack@n": the generation in which this version came in
    friend bool operator==(const StackEntry&, const StackEntry&) = default;
};

struct Freeze {
    std::string by, at, reason;
    friend bool operator==(const Freeze&, const Freeze&) = default;
};

// How the name of the stack looks on the disk.
enum class Form {
    plain,    // folders and files, as the original makes them
    link,     // a link to the generation, right after a clone or a large change
    foreign,  // made by another program; has no generation until the first change
};

// What a generation says of itself. Times are ISO 8601, UTC, of the host.
struct StackSummary {
    std::string domain, stack;
    std::int64_t generation = 0;  // 0: none yet (foreign)
    std::int64_t count = 0;       // packages
    Form form = Form::plain;
    std::string operation, at, by, parent, reason;
    std::optional<Freeze> frozen;
    std::string alias_of;  // set for an alias ("latest"); then nothing else is
    friend bool operator==(const StackSummary&, const StackSummary&) = default;
};

struct StackState {
    StackSummary summary;
    std::vector<StackEntry> packages;  // sorted by name
    std::vector<std::string> notes;    // sentences, for example of foreign changes not taken over yet
};

// One package that is not the same on both sides; an empty version means that it is not there.
struct Change {
    std::string package, from, to;
    std::string from_commit, to_commit;  // empty where unknown (always empty in a log)
    friend bool operator==(const Change&, const Change&) = default;
};

struct Difference {
    std::string from, to;         // "domain/stack@n"
    std::vector<Change> changes;  // sorted by package
};

// Pure. Compares version, file and content; packages that only changed hands (ref, commit) are no difference.
Difference difference(const StackState& from, const StackState& to);

struct LogEntry {
    std::int64_t generation = 0;  // made by it, or held while it happened (freeze, refusals)
    std::string at, operation, by, parent, project, ref, commit, delivery, job, rule, reason;
    std::int64_t arrival = 0;
    std::vector<Change> changes;
};

// One line of the journal; the error says what is wrong with it.
Result<LogEntry> parse_journal_line(std::string_view line);

// What a change led to.
struct Changed {
    bool changed = false;         // false: everything was so already
    std::int64_t generation = 0;  // now
    std::string reason;           // a sentence where there is something to say
    std::vector<std::string> notes;
};

// Who asks and why; recorded for ever.
struct Author {
    std::string by, reason;
};

struct NewPackage {
    std::string name, version, file;
};

struct Problem {
    std::string package, sentence;
    friend bool operator==(const Problem&, const Problem&) = default;
};

struct Verification {
    std::int64_t packages = 0;
    std::vector<Problem> problems;
};

// The stacks below one meta_path of one host. An expected no (missing, frozen, other content, bad name) is the error of
// a Result, one sentence. A host that cannot be reached, cannot do it or breaks off throws HostError; then the change
// was made whole or not at all, and asking again is safe. Used by one thread at a time, as the shell is; shell and
// clock must outlive it. Names are checked here and again on the host. A stack is named "stack"; reading also takes an
// alias.
class StackHost {
public:
    // debs_path may be empty: then package files are neither looked at nor summed.
    StackHost(remote::Shell& shell, std::string meta_path, std::string debs_path, const Clock& clock);

    // Empty, or in constant time from `from` ("stack" or "stack@n" of the same domain; "": empty). changed is false
    // when the stack exists already: then nothing was done, whatever `from` says.
    Result<Changed> create(std::string_view domain, std::string_view stack, std::string_view from,
                           const Author& author);
    // Registers packages whose files lie in debs_path, all or none; a missing file is a note.
    Result<Changed> add(std::string_view domain, std::string_view stack, const std::vector<NewPackage>& packages,
                        const Author& author);
    Result<Changed> remove(std::string_view domain, std::string_view stack, const std::vector<std::string>& packages,
                           const Author& author);
    // A new generation with the content of generation `to`.
    Result<Changed> rollback(std::string_view domain, std::string_view stack, std::int64_t to, const Author& author);
    // A new generation with the content of `from`, or with only the packages of `projects` taken from it.
    Result<Changed> promote(std::string_view domain, std::string_view stack, std::string_view from,
                            const std::vector<std::string>& projects, const Author& author);
    Result<Changed> freeze(std::string_view domain, std::string_view stack, const Author& author);
    Result<Changed> thaw(std::string_view domain, std::string_view stack, const Author& author);
    // `alias` becomes another name of the stack `to`; it may have meant another one before.
    Result<Changed> set_alias(std::string_view domain, std::string_view alias, std::string_view to,
                              const Author& author);

    // All domains when `domain` is empty. Sorted by domain and name.
    Result<std::vector<StackSummary>> list(std::string_view domain);
    // The current state (generation 0) or an earlier one.
    Result<StackState> show(std::string_view domain, std::string_view stack, std::int64_t generation = 0);
    // Newest first, at most `limit` (0: all).
    Result<std::vector<LogEntry>> log(std::string_view domain, std::string_view stack, std::int64_t limit = 0);
    // Compares view, generation, references and package files; with sums also every SHA-256.
    Result<Verification> verify(std::string_view domain, std::string_view stack, bool sums);
    // Waits until the stack is a plain folder (where the file system allows it).
    Result<Changed> settle(std::string_view domain, std::string_view stack);

private:
    remote::Shell& shell_;
    std::string meta_path_, debs_path_;
    const Clock& clock_;
};

// "stack" or "stack@n": the name and the number, 0 without one. The error says what is not a name.
struct StackName {
    std::string stack;
    std::int64_t generation = 0;
};
Result<StackName> parse_stack_name(std::string_view text);

std::string_view to_string(Form form);

}  // namespace gachette::stacks
