// The options that every command shares, read by hand for the original's form; natural.cpp tells CLI11 the same ones.
#pragma once
#include <string>
#include <vector>

#include "cli/invocation.h"

namespace gachette::cli {

struct SharedOption {
    char letter;       // 0: none
    std::string name;  // without dashes
    bool value;        // takes one
    std::string description;
    void (*set)(Options&, const std::string& value);
};

const std::vector<SharedOption>& shared_options();

struct Sorted {
    Options options;
    std::vector<std::string> words;  // what is no option, in order
    bool list = false, help = false, version = false;
};
// Options may stand anywhere, as with the original. Throws UsageError for unknown ones and missing values.
Sorted sort_options(const std::vector<std::string>& words);
// The words that are no options, skipping the values of options; unknown options are skipped. Never throws.
std::vector<std::string> plain_words(const std::vector<std::string>& words);

// A whole number between 1 and `highest`. Throws UsageError that names `what`.
int parse_number(const std::string& what, const std::string& text, int highest);

}  // namespace gachette::cli
