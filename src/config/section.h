// One map of the file, read key by key: each reader knows the type it wants and says what is wrong with file, line and
// key. Whoever has read all it knows calls finish(), which refuses the rest. Reads from a tree that must live longer.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "config/node.h"
#include "config/problems.h"

namespace gachette::config {

class Section {
public:
    // `place` is "projects.x"; empty for the file itself. `line` is that of its key, 0: of its first entry. A node that
    // is no map is one problem and an empty section.
    Section(const Node& node, std::string place, Problems& problems, int line = 0);

    // The value of a key, nullptr if it is not there. From then on the key is known.
    const Node* take(const std::string& key);
    // Whether the key is there; this alone does not make it known.
    bool has(const std::string& key) const { return find(key) != nullptr; }
    // "projects.x.url"
    std::string place_of(const std::string& key) const;
    // The line of the key, or of the map itself when the key is missing.
    int line_of(const std::string& key) const;
    int line() const { return line_; }
    const std::string& place() const { return place_; }

    // Each leaves `out` as it is when the key is missing or wrong, and returns whether it was there and right.
    bool text(const std::string& key, std::string& out);
    bool flag(const std::string& key, bool& out);
    bool number(const std::string& key, std::int64_t& out, std::int64_t least, std::int64_t most);
    bool number(const std::string& key, int& out, int least, int most);
    bool duration(const std::string& key, Milliseconds& out, Milliseconds least = 1);
    bool size(const std::string& key, std::int64_t& out, std::int64_t least = 1);
    // A list of texts; a single text is a list of one. Nothing may stand in it twice.
    bool texts(const std::string& key, std::vector<std::string>& out);
    // A list of words as they stand: repeated ones are fine, a single text is not, lines and tabs may be in them.
    bool words(const std::string& key, std::vector<std::string>& out);
    bool text_map(const std::string& key, std::map<std::string, std::string>& out);

    // Calls `read` for every entry of the map under `key`; names must be valid names.
    void each_named(const std::string& key, const std::string& what,
                    const std::function<void(const std::string& name, int line, const Node& value)>& read);
    // Calls `read` for every item of the list under `key`, with its place "hooks.x.secrets[0]".
    void each_item(const std::string& key, const std::function<void(const std::string& place, const Node& item)>& read);

    void problem(const std::string& key, const std::string& sentence) const;
    void missing(const std::string& key, const std::string& advice) const;
    // Every key that nobody has taken is a problem, with the nearest known one as advice.
    void finish() const;

private:
    const Entry* find(const std::string& key) const;
    bool scalar(const Node& node, const std::string& place, std::string& out, bool lines = false) const;
    bool plain(const std::string& key, const std::string& wanted, std::string& out);

    static const Node nothing_;
    const Node* node_;
    std::string place_;
    Problems& problems_;
    int line_;
    std::vector<std::string> known_;
};

// The one of `known` that `word` was probably meant to be; empty if none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& known);

}  // namespace gachette::config
