#include "config/node.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include "base/text.h"

namespace gachette::config {

namespace {

constexpr std::size_t most_bytes = 256 * 1024;
constexpr std::size_t most_levels = 32;
constexpr std::size_t most_nodes = 10'000;

// Thrown through yaml-cpp to end the parsing; the reason is in the problems already.
struct Enough {};

// Builds the tree from yaml-cpp's events, so that an alias is never followed and a limit stops the parser at once.
class Builder final : public YAML::EventHandler {
public:
    explicit Builder(Problems& problems) : problems_(problems) {}

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(make(mark, "?", anchor)); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        problems_.add(mark.line + 1, "", "aliases (*name) are not understood; write the value out");
        add(make(mark, "?", 0));
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        Node node = make(mark, tag, anchor);
        node.kind = Node::Kind::text;
        node.text = value;
        node.quoted = tag == "!";
        add(std::move(node));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(make(mark, tag, anchor), Node::Kind::list);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(make(mark, tag, anchor), Node::Kind::map);
    }
    void OnMapEnd() override { close(); }

    std::optional<Node> root;

private:
    // A list or map that is being filled; of a map the key that waits for its value.
    struct Open {
        Node node;
        std::optional<Node> key;
    };

    Node make(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        Node node;
        node.line = mark.line + 1;
        node.column = mark.column + 1;
        if (++nodes_ > most_nodes) stop(node.line, fmt::format("has more than {} values; split the file", most_nodes));
        if (anchor != 0) problems_.add(node.line, "", "anchors (&name) are not understood; write the value out");
        if (!tag.empty() && tag != "?" && tag != "!")
            problems_.add(node.line, "", fmt::format("tags ({}) are not understood; leave it out", printable(tag, 60)));
        return node;
    }

    [[noreturn]] void stop(int line, const std::string& sentence) {
        problems_.add(line, "", sentence);
        throw Enough{};
    }

    void open(Node node, Node::Kind kind) {
        if (open_.size() >= most_levels) stop(node.line, fmt::format("is nested deeper than {} levels", most_levels));
        node.kind = kind;
        open_.push_back({std::move(node), std::nullopt});
    }

    void close() {
        Node node = std::move(open_.back().node);
        open_.pop_back();
        add(std::move(node));
    }

    void add(Node node) {
        if (open_.empty()) {
            root = std::move(node);
            return;
        }
        Open& parent = open_.back();
        if (parent.node.kind == Node::Kind::list) {
            parent.node.items.push_back(std::move(node));
        } else if (!parent.key) {
            parent.key = std::move(node);
        } else {
            add_entry(parent.node, std::move(*parent.key), std::move(node));
            parent.key.reset();
        }
    }

    void add_entry(Node& map, Node key, Node value) {
        if (key.kind != Node::Kind::text) {
            problems_.add(key.line, "", fmt::format("a key must be text, not {}", to_string(key.kind)));
            return;
        }
        if (key.text == "<<" && !key.quoted) {
            problems_.add(key.line, "", "merge keys (<<) are not understood; write the values out");
            return;
        }
        const auto first = std::find_if(map.entries.begin(), map.entries.end(),
                                        [&](const Entry& entry) { return entry.key == key.text; });
        if (first != map.entries.end()) {
            problems_.add(key.line, "",
                          fmt::format("key \"{}\" stands twice in one map, first in line {}", printable(key.text, 100),
                                      first->line));
            return;
        }
        // yaml-cpp places a missing value where the next thing stands.
        if (value.kind == Node::Kind::nothing) value.line = key.line;
        map.entries.push_back({std::move(key.text), key.line, key.column, std::move(value)});
    }

    Problems& problems_;
    std::vector<Open> open_;
    std::size_t nodes_ = 0;
};

bool readable(std::string_view text, Problems& problems) {
    if (text.size() > most_bytes) {
        problems.add(0, "", fmt::format("has {} bytes; at most {} are read", text.size(), most_bytes));
        return false;
    }
    int line = 1;
    for (const std::string& part : split(text, '\n')) {
        const bool control = std::any_of(part.begin(), part.end(), [](char c) {
            return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\r') || c == 0x7f;
        });
        if (!valid_utf8(part) || control) {
            problems.add(line, "",
                         control ? "holds a control character" : "is not valid UTF-8; save the file as UTF-8");
            return false;
        }
        ++line;
    }
    return true;
}

}  // namespace

std::string_view to_string(Node::Kind kind) {
    switch (kind) {
        case Node::Kind::nothing:
            return "nothing";
        case Node::Kind::text:
            return "text";
        case Node::Kind::list:
            return "a list";
        case Node::Kind::map:
            return "a map";
    }
    return "unknown";
}

std::optional<Node> parse_tree(std::string_view text, Problems& problems) {
    if (!readable(text, problems)) return std::nullopt;
    Builder builder(problems);
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        if (!parser.HandleNextDocument(builder)) {
            problems.add(0, "", "is empty; see config/gachette.yml for an example");
            return std::nullopt;
        }
        Node first = std::move(*builder.root);
        builder.root.reset();
        if (parser.HandleNextDocument(builder)) {
            problems.add(builder.root ? builder.root->line : 0, "",
                         "a second YAML document begins here; one file holds one");
            return std::nullopt;
        }
        builder.root = std::move(first);
    } catch (const Enough&) {
        return std::nullopt;
    } catch (const YAML::Exception& error) {
        problems.add(std::max(error.mark.line + 1, 1), "",
                     fmt::format("is not YAML that can be read: {} (column {})", printable(error.msg, 200),
                                 std::max(error.mark.column + 1, 1)));
        return std::nullopt;
    }
    if (builder.root->kind == Node::Kind::map) return std::move(builder.root);
    problems.add(builder.root->line, "",
                 fmt::format("the file must be a map (key: value), it is {}", to_string(builder.root->kind)));
    return std::nullopt;
}

}  // namespace gachette::config
