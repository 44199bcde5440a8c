// The mistakes of one configuration file, collected so that all of them are told at once. Not thread-safe.
#pragma once
#include <string>
#include <vector>

namespace gachette::config {

class Problems {
public:
    explicit Problems(std::string file) : file_(std::move(file)) {}

    // One mistake: "<file>:<line>: <place>: <sentence>". Line 0: of the file as a whole; an empty place is left out.
    void add(int line, const std::string& place, const std::string& sentence);
    bool empty() const { return found_.empty(); }
    const std::string& file() const { return file_; }
    // Throws ConfigError with one mistake per line, in the order of the file, if there is any. At most 100 are told.
    void raise() const;

private:
    struct Problem {
        int line;
        std::string text;
    };
    std::string file_;
    std::vector<Problem> found_;
};

}  // namespace gachette::config
