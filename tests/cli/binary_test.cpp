#include "tests/cli/binary.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/support/process.h"

namespace gachette::testing {

Binary::Binary() {
    environment["PATH"] = std::getenv("PATH") ? std::getenv("PATH") : "/usr/bin:/bin";
    environment["HOME"] = home_.path();
    environment["USER"] = "hero";
    environment["TERM"] = "dumb";
}

Said Binary::operator()(const std::vector<std::string>& words, const std::string& input) const {
    const std::string errors = home_ / "stderr";
    std::vector<std::string> arguments{"env", "-i"};
    for (const auto& [name, value] : environment) arguments.push_back(name + "=" + value);
    for (const char* word : {"sh", "-c", "file=$1; shift; exec \"$@\" 2>\"$file\"", "sh"}) arguments.emplace_back(word);
    arguments.push_back(errors);
    arguments.emplace_back(GACHETTE_BINARY);
    arguments.insert(arguments.end(), words.begin(), words.end());
    const Ran ran = run(arguments, home_.path(), input);
    return {ran.status, ran.output, read_text(errors)};
}

std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

void write_text_file(const std::string& path, const std::string& text, bool executable) {
    {
        std::ofstream file(path, std::ios::binary);
        file << text;
    }
    ::chmod(path.c_str(), executable ? 0755 : 0600);
}

}  // namespace gachette::testing
