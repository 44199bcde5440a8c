#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "base/file.h"

namespace gachette::testing {

namespace {

[[noreturn]] void become(const std::vector<std::string>& arguments, const std::string& folder, int input, int output) {
    if (!folder.empty() && ::chdir(folder.c_str()) != 0) ::_exit(126);
    ::dup2(input, 0);
    ::dup2(output, 1);
    ::dup2(output, 2);
    std::vector<char*> words;
    for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    ::_exit(127);
}

}  // namespace

Ran run(const std::vector<std::string>& arguments, const std::string& folder, const std::string& input) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    Descriptor in_read(in[0]), in_write(in[1]), out_read(out[0]), out_write(out[1]);
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("no fork");
    if (child == 0) become(arguments, folder, in_read.get(), out_write.get());
    in_read.reset();
    out_write.reset();
    Ran ran;
    std::size_t written = 0;
    char buffer[65536];
    for (;;) {
        if (in_write && written == input.size()) in_write.reset();
        pollfd waiting[2] = {{out_read.get(), POLLIN, 0}, {in_write ? in_write.get() : -1, POLLOUT, 0}};
        if (::poll(waiting, 2, -1) < 0 && errno != EINTR) break;
        if (in_write && (waiting[1].revents & (POLLOUT | POLLERR))) {
            const ssize_t count = ::write(in_write.get(), input.data() + written, input.size() - written);
            if (count < 0)
                in_write.reset();
            else
                written += static_cast<std::size_t>(count);
        }
        if (waiting[0].revents & (POLLIN | POLLHUP)) {
            const ssize_t count = ::read(out_read.get(), buffer, sizeof buffer);
            if (count == 0 || (count < 0 && errno != EINTR)) break;
            if (count > 0) ran.output.append(buffer, static_cast<std::size_t>(count));
        }
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return ran;
}

std::string must_run(const std::vector<std::string>& arguments, const std::string& folder) {
    Ran ran = run(arguments, folder);
    if (ran.status != 0)
        throw std::runtime_error(arguments.front() + " ended with " + std::to_string(ran.status) + ": " + ran.output);
    while (!ran.output.empty() && ran.output.back() == '\n') ran.output.pop_back();
    return ran.output;
}

}  // namespace gachette::testing
