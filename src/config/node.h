// A YAML file as a strict tree with the place of everything. What YAML can do beyond plain maps, lists and texts
// (anchors, aliases, merge keys, tags, several documents, duplicate keys) is refused here. Values own their children.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problems.h"

namespace gachette::config {

struct Entry;

struct Node {
    enum class Kind { nothing, text, list, map };
    Kind kind = Kind::nothing;
    int line = 0;    // from 1
    int column = 0;  // from 1
    std::string text;
    bool quoted = false;         // "..." , '...' or a block: never a number or a flag
    std::vector<Node> items;     // of a list
    std::vector<Entry> entries;  // of a map, in the order of the file, keys unique
};

struct Entry {
    std::string key;
    int line = 0;
    int column = 0;
    Node value;
};

// Limits of a file: 256 KiB, 32 levels, 10,000 nodes.
// The root, which is a map; nullopt when the text is not even that, with the reasons in `problems`.
std::optional<Node> parse_tree(std::string_view text, Problems& problems);

// "a map", "a list", "text", "nothing": for sentences.
std::string_view to_string(Node::Kind kind);

}  // namespace gachette::config
