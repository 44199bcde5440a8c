#include "tests/stacks/host.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <sstream>

#include "base/text.h"
#include "remote/bootstrap.h"
#include "remote/host_program.h"
#include "stacks/host_program.h"
#include "tests/support/folder.h"

namespace gachette::stacks::testing {

namespace {

// Kills and races need no disk: thousands of syncs on a shared one would only make the tests slow.
const bool in_memory = access("/dev/shm", W_OK) == 0 && setenv("TMPDIR", "/dev/shm", 0) == 0;

const char nonce[] = "0123456789abcdef0123456789abcdef";

std::string encode(std::string_view value) {
    static const char digits[] = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : value) {
        if (isalnum(byte)) {
            text += static_cast<char>(byte);
        } else {
            text += {'%', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return text;
}

void write_whole(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
        if (count <= 0) return;  // killed meanwhile
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

}  // namespace

std::vector<std::string> Ended::last(std::string_view word) const {
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
        if ((*event)[0] == word) return {event->begin() + 1, event->end()};
    }
    return {};
}

std::vector<std::vector<std::string>> Ended::all(std::string_view word) const {
    std::vector<std::vector<std::string>> found;
    for (const auto& event : events) {
        if (event[0] == word) found.emplace_back(event.begin() + 1, event.end());
    }
    return found;
}

HostProcess::HostProcess(const Parameters& parameters, std::string_view entry) {
    signal(SIGPIPE, SIG_IGN);
    const std::string program =
        std::string(remote::host_program_part) + std::string(host_program_part) + std::string(entry);
    std::string values;
    for (const auto& [name, value] : parameters) values += name + " " + encode(value) + "\n";
    int in[2], out[2], err[2];
    REQUIRE(pipe2(in, O_CLOEXEC) == 0);
    REQUIRE(pipe2(out, O_CLOEXEC) == 0);
    REQUIRE(pipe2(err, O_CLOEXEC) == 0);
    const std::string bootstrap(remote::bootstrap_text);
    process_ = fork();
    REQUIRE(process_ >= 0);
    if (process_ == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        execlp("perl", "perl", "-e", bootstrap.c_str(), static_cast<char*>(nullptr));
        _exit(127);
    }
    for (const int end : {in[0], out[1], err[1]}) close(end);
    output_ = Descriptor(out[0]);
    errors_ = Descriptor(err[0]);
    Descriptor input(in[1]);
    write_whole(input.get(), "gachette 1 " + std::string(nonce) + " " + std::to_string(program.size()) + " " +
                                 std::to_string(values.size()) + "\n" + program + values);
}

HostProcess::~HostProcess() {
    kill_now();
    wait();
}

void HostProcess::kill_now() {
    if (process_ > 0) kill(process_, SIGKILL);
}

void HostProcess::wait() {
    if (process_ > 0) waitpid(process_, nullptr, 0);
    process_ = -1;
}

Ended HostProcess::finish(int seconds) {
    std::string output;
    Ended ended;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    for (int open = 2; open > 0;) {
        if (std::chrono::steady_clock::now() > deadline) FAIL("the host program did not end in time");
        pollfd waiting[] = {{output_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}};
        if (poll(waiting, 2, 1000) < 0) break;
        char block[65536];
        for (int index = 0; index < 2; ++index) {
            if (waiting[index].revents == 0) continue;
            const ssize_t count = read(waiting[index].fd, block, sizeof block);
            if (count > 0) {
                (index == 0 ? output : ended.noise).append(block, static_cast<std::size_t>(count));
            } else {
                (index == 0 ? output_ : errors_).reset();
                --open;
            }
        }
    }
    wait();
    for (const std::string& line : split(output, '\n')) {
        if (line.rfind("@" + std::string(nonce) + " ", 0) != 0) continue;
        std::vector<std::string> words;
        for (const std::string& word : split(line.substr(34), ' '))
            words.push_back(percent_decode(word, false).value_or("?"));
        if (words[0] == "end") {
            ended.kind = words.size() > 1 ? words[1] : "";
            ended.kinds.push_back(ended.kind);
            ended.reason = words.size() > 2 ? words[2] : "";
        } else {
            ended.events.push_back(words);
        }
    }
    return ended;
}

Parameters Tree::with(std::string_view operation, std::string_view stack, Parameters more) const {
    Parameters all = {{"operation", std::string(operation)},
                      {"meta", meta},
                      {"debs", ""},
                      {"domain", "main"},
                      {"stack", std::string(stack)}};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

Ended Tree::run(std::string_view operation, std::string_view stack, Parameters more) const {
    return HostProcess(with(operation, stack, std::move(more))).finish();
}

std::string Tree::change(std::string_view operation, std::string_view stack, Parameters more) const {
    const Ended ended = run(operation, stack, std::move(more));
    INFO(operation << " " << stack << ": " << ended.reason << ended.noise);
    REQUIRE(ended.kind == "ok");
    const auto said = ended.last("change");
    REQUIRE(said.size() == 3);
    return said[0];
}

Parameters packages(const std::map<std::string, std::string>& versions) {
    Parameters all;
    for (const auto& [name, version] : versions) {
        all.emplace_back("name", name);
        all.emplace_back("version", version);
        all.emplace_back("file", name + "-" + version + "-all.deb");
    }
    return all;
}

std::map<std::string, std::string> many(int count, const std::string& version) {
    std::map<std::string, std::string> all;
    for (int index = 0; index < count; ++index) {
        const std::string digits = std::to_string(index);
        all["pkg" + std::string(4 - digits.size(), '0') + digits] = version;
    }
    return all;
}

std::map<std::string, std::string> read_versions(const std::string& folder) {
    std::map<std::string, std::string> all;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder + "/packages", ignored)) {
        all[entry.path().filename()] = read_file((entry.path() / "version").string()).value_or("(missing)");
    }
    return all;
}

std::string shell(const std::string& command) {
    FILE* pipe = popen(("exec bash -c '" + command + "'").c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string output;
    char block[4096];
    for (std::size_t count; (count = fread(block, 1, sizeof block, pipe)) > 0;) output.append(block, count);
    pclose(pipe);
    return output;
}

}  // namespace gachette::stacks::testing
