// The real gachette program, for tests of this room: its outputs apart, its exit status.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "tests/support/folder.h"

namespace gachette::testing {

struct Said {
    int status = -1;
    std::string output;
    std::string errors;
};

// A home of its own and nothing of the caller's environment but PATH.
class Binary {
public:
    Binary();
    Said operator()(const std::vector<std::string>& words, const std::string& input = "") const;
    std::map<std::string, std::string> environment;
    const std::string& home() const { return home_.path(); }

private:
    TemporaryFolder home_;
};

std::string read_text(const std::string& path);
void write_text_file(const std::string& path, const std::string& text, bool executable = false);

}  // namespace gachette::testing
