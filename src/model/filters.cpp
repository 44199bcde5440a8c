#include "model/filters.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "model/pattern.h"

namespace gachette {

namespace {

using Texts = std::vector<std::string>;

// "Ada <ada@example.org>" may be meant by all of it, by "Ada" or by "ada@example.org".
Texts spellings_of(const std::string& person) {
    Texts spellings;
    if (person.empty()) return spellings;
    spellings.push_back(lower(person));
    const std::size_t open = person.rfind('<');
    if (open == std::string::npos || !person.ends_with('>')) return spellings;
    spellings.push_back(lower(trim(std::string_view(person).substr(0, open))));
    spellings.push_back(lower(std::string_view(person).substr(open + 1, person.size() - open - 2)));
    return spellings;
}

bool authors_fit(const Texts& authors, const Event& event) {
    Texts patterns, wanted;
    for (const std::string& pattern : authors) {
        patterns.push_back(lower(pattern));
        if (!pattern.starts_with('!')) wanted.push_back(patterns.back());
    }
    bool found = false;
    for (const std::string& person : {event.head_author, event.pusher})
        for (const std::string& spelling : spellings_of(person)) {
            const bool fits = patterns_match(patterns, spelling);
            if (!fits && patterns_match(wanted, spelling)) return false;
            found = found || fits;
        }
    return found;
}

std::string people_of(const Event& event) {
    const auto shown = [](const std::string& person) { return printable(person, 100); };
    if (event.head_author.empty()) return "pushed by " + shown(event.pusher);
    if (event.pusher.empty()) return "written by " + shown(event.head_author);
    return fmt::format("written by {} and pushed by {}", shown(event.head_author), shown(event.pusher));
}

}  // namespace

std::string filtered_out(const Rule& rule, const Event& event) {
    if (rule.only_protected && !event.ref_protected)
        return "is for protected refs, and nothing tells whether this one is";
    if (rule.only_protected && !*event.ref_protected) return "is for protected refs, this one is not";
    if (rule.authors.empty() || authors_fit(rule.authors, event)) return "";
    const std::string patterns = printable(fmt::format("{}", fmt::join(rule.authors, ", ")), 200);
    if (event.head_author.empty() && event.pusher.empty())
        return fmt::format("is for authors {}, and nothing tells who wrote or pushed this", patterns);
    return fmt::format("is for authors {}, this was {}", patterns, people_of(event));
}

}  // namespace gachette
