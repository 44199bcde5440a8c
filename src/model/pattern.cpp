#include "model/pattern.h"

#include <algorithm>
#include <cstdint>

namespace gachette {

namespace {

// A pattern as a small automaton that is run over all its states at once, so that no pattern costs more than
// length times length.
enum class Kind : std::uint8_t {
    literal,
    any_one,         // ?
    any_in_folder,   // *
    any,             // **
    folders,         // the start of "**/" after a slash or at the beginning: may be nothing at all
    inside_folders,  // within the folders of "**/", left behind each slash
};

struct Token {
    Kind kind;
    std::string_view text;  // of a literal: one character
};

// One character: a UTF-8 sequence, or one byte where there is none.
std::string_view next_character(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t wanted = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    std::size_t length = 1;
    while (length < wanted && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
        ++length;
    return text.substr(0, length);
}

std::vector<Token> tokens_of(std::string_view pattern) {
    std::vector<Token> tokens;
    bool folder_start = true;
    while (!pattern.empty()) {
        std::string_view taken = next_character(pattern);
        if (taken == "*") {
            taken = pattern.substr(0, pattern.find_first_not_of('*'));
            if (taken.size() == 2 && folder_start && pattern.substr(2).starts_with('/')) {
                taken = pattern.substr(0, 3);
                tokens.push_back({Kind::folders, {}});
                tokens.push_back({Kind::inside_folders, {}});
            } else {
                tokens.push_back({taken.size() == 1 ? Kind::any_in_folder : Kind::any, {}});
            }
        } else {
            tokens.push_back({taken == "?" ? Kind::any_one : Kind::literal, taken});
        }
        folder_start = taken.back() == '/';
        pattern.remove_prefix(taken.size());
    }
    return tokens;
}

// Marks `state` and all that is reached from it without reading a character.
void enter(std::vector<char>& states, const std::vector<Token>& tokens, std::size_t state) {
    while (!states[state]) {
        states[state] = 1;
        if (state == tokens.size()) return;
        const Kind kind = tokens[state].kind;
        if (kind == Kind::folders) {
            enter(states, tokens, state + 2);
        } else if (kind != Kind::any && kind != Kind::any_in_folder) {
            return;
        }
        ++state;
    }
}

}  // namespace

bool pattern_matches(std::string_view pattern, std::string_view text) {
    const std::vector<Token> tokens = tokens_of(pattern);
    std::vector<char> states(tokens.size() + 1, 0), next(tokens.size() + 1, 0);
    enter(states, tokens, 0);
    while (!text.empty()) {
        const std::string_view character = next_character(text);
        const bool slash = character == "/";
        std::fill(next.begin(), next.end(), 0);
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            if (!states[i]) continue;
            switch (tokens[i].kind) {
                case Kind::literal:
                    if (tokens[i].text == character) enter(next, tokens, i + 1);
                    break;
                case Kind::any_one:
                    if (!slash) enter(next, tokens, i + 1);
                    break;
                case Kind::any_in_folder:
                    if (!slash) enter(next, tokens, i);
                    break;
                case Kind::any:
                    enter(next, tokens, i);
                    break;
                case Kind::folders:
                    break;
                case Kind::inside_folders:
                    enter(next, tokens, i);
                    if (slash) enter(next, tokens, i + 1);
                    break;
            }
        }
        states.swap(next);
        text.remove_prefix(character.size());
    }
    return states[tokens.size()] != 0;
}

bool patterns_match(const std::vector<std::string>& patterns, std::string_view text) {
    bool matches = false;
    for (const std::string& pattern : patterns) {
        const bool takes_back = pattern.starts_with('!');
        if (matches != takes_back) continue;
        if (pattern_matches(std::string_view(pattern).substr(takes_back ? 1 : 0), text)) matches = !takes_back;
    }
    return matches;
}

}  // namespace gachette
