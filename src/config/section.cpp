#include "config/section.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/values.h"
#include "model/names.h"

namespace gachette::config {

namespace {

constexpr std::size_t longest_text = 4096;

std::string shown(const std::string& text) { return printable(text, 100); }

// Letters to change, add, take away or swap to get from one word to the other.
std::size_t distance(const std::string& a, const std::string& b) {
    std::vector<std::vector<std::size_t>> table(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i)
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                table[i][j] = i + j;
                continue;
            }
            const std::size_t change = table[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            table[i][j] = std::min({table[i - 1][j] + 1, table[i][j - 1] + 1, change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
        }
    return table[a.size()][b.size()];
}

}  // namespace

const Node Section::nothing_{};

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
    if (word.size() > 60) return "";
    std::string spelled = lower(word);
    std::replace(spelled.begin(), spelled.end(), '-', '_');
    std::string best;
    std::size_t least = std::min<std::size_t>(2, word.size() / 2) + 1;
    for (const std::string& candidate : known) {
        const std::size_t away = distance(spelled, candidate);
        if (away >= least) continue;
        least = away;
        best = candidate;
    }
    return best;
}

Section::Section(const Node& node, std::string place, Problems& problems, int line)
    : node_(&node), place_(std::move(place)), problems_(problems), line_(line > 0 ? line : node.line) {
    if (node.kind == Node::Kind::map) return;
    problems_.add(line_, place_, fmt::format("must be a map (key: value), it is {}", to_string(node.kind)));
    node_ = &nothing_;
}

const Entry* Section::find(const std::string& key) const {
    const auto found = std::find_if(node_->entries.begin(), node_->entries.end(),
                                    [&](const Entry& entry) { return entry.key == key; });
    return found == node_->entries.end() ? nullptr : &*found;
}

const Node* Section::take(const std::string& key) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
    const Entry* entry = find(key);
    return entry ? &entry->value : nullptr;
}

std::string Section::place_of(const std::string& key) const {
    return place_.empty() ? shown(key) : place_ + "." + shown(key);
}

int Section::line_of(const std::string& key) const {
    const Entry* entry = find(key);
    return entry ? entry->line : line_;
}

void Section::problem(const std::string& key, const std::string& sentence) const {
    problems_.add(line_of(key), place_of(key), sentence);
}

void Section::missing(const std::string& key, const std::string& advice) const {
    // The map itself was no map: that has been said.
    if (node_ != &nothing_) problem(key, "is missing; " + advice);
}

bool Section::scalar(const Node& node, const std::string& place, std::string& out, bool lines) const {
    const auto no = [&](const std::string& sentence) {
        problems_.add(node.line, place, sentence);
        return false;
    };
    if (node.kind == Node::Kind::nothing || (node.kind == Node::Kind::text && node.text.empty()))
        return no("is empty; give it a value or leave it out");
    if (node.kind != Node::Kind::text) return no(fmt::format("must be text, it is {}", to_string(node.kind)));
    if (node.text.size() > longest_text)
        return no(fmt::format("has {} bytes; at most {} are allowed", node.text.size(), longest_text));
    const bool control = std::any_of(node.text.begin(), node.text.end(), [&](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && !(lines && (c == '\n' || c == '\t'))) || c == 0x7f;
    });
    if (control) return no("holds a control character");
    out = node.text;
    return true;
}

bool Section::text(const std::string& key, std::string& out) {
    const Node* node = take(key);
    return node && scalar(*node, place_of(key), out);
}

// A value that must not be quoted: a number, a flag, a time.
bool Section::plain(const std::string& key, const std::string& wanted, std::string& out) {
    const Node* node = take(key);
    if (!node || !scalar(*node, place_of(key), out)) return false;
    if (!node->quoted) return true;
    problem(key, fmt::format("is quoted; write {} without quotes", wanted));
    return false;
}

bool Section::flag(const std::string& key, bool& out) {
    std::string value;
    if (!plain(key, "true or false", value)) return false;
    if (value == "true" || value == "false") {
        out = value == "true";
        return true;
    }
    problem(key, fmt::format("is \"{}\"; write true or false", shown(value)));
    return false;
}

bool Section::number(const std::string& key, std::int64_t& out, std::int64_t least, std::int64_t most) {
    std::string value;
    if (!plain(key, "a number", value)) return false;
    const std::optional<std::int64_t> number = parse_decimal(value);
    const bool octal = value.size() > 1 && value.front() == '0';
    if (number && !octal && *number >= least && *number <= most) {
        out = *number;
        return true;
    }
    problem(key, fmt::format("is \"{}\"; write a whole number from {} to {}", shown(value), least, most));
    return false;
}

bool Section::number(const std::string& key, int& out, int least, int most) {
    std::int64_t value = 0;
    if (!number(key, value, static_cast<std::int64_t>(least), static_cast<std::int64_t>(most))) return false;
    out = static_cast<int>(value);
    return true;
}

bool Section::duration(const std::string& key, Milliseconds& out, Milliseconds least) {
    std::string value;
    if (!plain(key, "a time such as 30s", value)) return false;
    const std::optional<Milliseconds> time = parse_duration(value);
    if (time && *time >= least) {
        out = *time;
        return true;
    }
    problem(key,
            time ? fmt::format("is \"{}\"; at least {} ms are needed", shown(value), least)
                 : fmt::format("is \"{}\"; write a whole number and ms, s, m, h or d, for example 30s", shown(value)));
    return false;
}

bool Section::size(const std::string& key, std::int64_t& out, std::int64_t least) {
    std::string value;
    if (!plain(key, "a size such as 25MiB", value)) return false;
    const std::optional<std::int64_t> bytes = parse_size(value);
    if (bytes && *bytes >= least) {
        out = *bytes;
        return true;
    }
    problem(key, bytes ? fmt::format("is \"{}\"; at least {} bytes are needed", shown(value), least)
                       : fmt::format("is \"{}\"; write a whole number and B, KiB, MiB or GiB, for example 25MiB",
                                     shown(value)));
    return false;
}

bool Section::texts(const std::string& key, std::vector<std::string>& out) {
    const Node* node = take(key);
    if (!node) return false;
    std::vector<std::string> found;
    std::string value;
    if (node->kind != Node::Kind::list) {
        if (!scalar(*node, place_of(key), value)) return false;
        out = {value};
        return true;
    }
    bool good = true;
    for (std::size_t i = 0; i < node->items.size(); ++i) {
        const std::string place = fmt::format("{}[{}]", place_of(key), i);
        if (!scalar(node->items[i], place, value)) {
            good = false;
        } else if (std::find(found.begin(), found.end(), value) != found.end()) {
            problems_.add(node->items[i].line, place, fmt::format("\"{}\" stands in the list twice", shown(value)));
            good = false;
        } else {
            found.push_back(value);
        }
    }
    if (node->items.empty()) problem(key, "is an empty list; give at least one value or leave it out");
    out = found;
    return good && !found.empty();
}

bool Section::words(const std::string& key, std::vector<std::string>& out) {
    const Node* node = take(key);
    if (!node) return false;
    if (node->kind != Node::Kind::list || node->items.empty()) {
        problem(key, fmt::format("must be a list of words, for example [make, deb]; it is {}",
                                 node->kind == Node::Kind::list ? "empty" : to_string(node->kind)));
        return false;
    }
    bool good = true;
    for (std::size_t i = 0; i < node->items.size(); ++i) {
        std::string value;
        good = scalar(node->items[i], fmt::format("{}[{}]", place_of(key), i), value, true) && good;
        out.push_back(value);
    }
    return good;
}

bool Section::text_map(const std::string& key, std::map<std::string, std::string>& out) {
    const Node* node = take(key);
    if (!node) return false;
    const Section map(*node, place_of(key), problems_);
    bool good = true;
    for (const Entry& entry : map.node_->entries) {
        std::string value;
        if (map.scalar(entry.value, map.place_of(entry.key), value, true))
            out[entry.key] = value;
        else
            good = false;
    }
    return good && node->kind == Node::Kind::map;
}

void Section::each_named(const std::string& key, const std::string& what,
                         const std::function<void(const std::string&, int, const Node&)>& read) {
    const Node* node = take(key);
    if (!node) return;
    const Section map(*node, place_of(key), problems_);
    for (const Entry& entry : map.node_->entries) {
        if (const Result<void> good = check_name(what, entry.key); !good)
            problems_.add(entry.line, place_of(key), good.error());
        else
            read(entry.key, entry.line, entry.value);
    }
}

void Section::each_item(const std::string& key, const std::function<void(const std::string&, const Node&)>& read) {
    const Node* node = take(key);
    if (!node) return;
    if (node->kind != Node::Kind::list) {
        problem(key, fmt::format("must be a list, it is {}", to_string(node->kind)));
        return;
    }
    for (std::size_t i = 0; i < node->items.size(); ++i) read(fmt::format("{}[{}]", place_of(key), i), node->items[i]);
}

void Section::finish() const {
    for (const Entry& entry : node_->entries) {
        if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
        const std::string meant = nearest(entry.key, known_);
        problems_.add(entry.line, place_of(entry.key),
                      meant.empty() ? fmt::format("is not known here; known are {}", fmt::join(known_, ", "))
                                    : fmt::format("is not known here; did you mean {}?", meant));
    }
}

}  // namespace gachette::config
