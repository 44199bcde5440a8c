#include "remote/local_shell.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "remote/bootstrap.h"

namespace gachette::remote {

namespace {

// What a login would give, and the agent, which is the caller's own here.
std::vector<std::string> clean_environment() {
    std::vector<std::string> out{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"};
    for (const char* name : {"HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "http_proxy", "https_proxy", "no_proxy"})
        if (const char* value = std::getenv(name)) out.push_back(std::string(name) + "=" + value);
    return out;
}

class LocalChannel final : public Channel {
public:
    LocalChannel(pid_t process, Descriptor input, Descriptor output, Descriptor errors)
        : process_(process), input_(std::move(input)), output_(std::move(output)), errors_(std::move(errors)) {}

    ~LocalChannel() override {
        input_.reset();
        output_.reset();
        errors_.reset();
        // It ends when it notices; what does not is ended. The job itself has a process of its own.
        for (int i = 0; i < 500; ++i) {
            if (waitpid(process_, nullptr, WNOHANG) != 0) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(i < 100 ? 1 : 10));
        }
        kill(process_, SIGKILL);
        waitpid(process_, nullptr, 0);
    }

    void write(std::string_view bytes) override {
        while (!bytes.empty()) {
            const ssize_t count = send(input_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return;  // its end is told by read()
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    Input read(Milliseconds timeout, int wake_descriptor) override {
        std::array<pollfd, 3> waiting{pollfd{output_.get(), POLLIN, 0}, pollfd{errors_.get(), POLLIN, 0},
                                      pollfd{wake_descriptor, POLLIN, 0}};
        Input input;
        if (poll(waiting.data(), waiting.size(), static_cast<int>(timeout)) > 0) {
            if (waiting[0].revents) take(output_, input.output);
            if (waiting[1].revents) take(errors_, input.noise);
        }
        input.closed = !output_ && !errors_;
        return input;
    }

private:
    static void take(Descriptor& from, std::string& into) {
        std::array<char, 65536> buffer;
        const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
        if (count > 0)
            into.append(buffer.data(), static_cast<std::size_t>(count));
        else if (count == 0 || errno != EINTR)
            from.reset();
    }

    pid_t process_;
    Descriptor input_, output_, errors_;
};

std::pair<Descriptor, Descriptor> make_pair(bool socket) {
    int ends[2];
    const int failed = socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) : pipe2(ends, O_CLOEXEC);
    if (failed != 0) throw HostError("no pipe for the local build host: " + system_error_text(errno));
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

class LocalShell final : public Shell {
public:
    LocalShell(std::string name, std::string perl) : name_(std::move(name)), perl_(std::move(perl)) {}
    bool warm() const override { return true; }
    std::string host_name() const override { return name_; }

    std::unique_ptr<Channel> open() override {
        auto [our_input, their_input] = make_pair(true);
        auto [our_output, their_output] = make_pair(false);
        auto [our_errors, their_errors] = make_pair(false);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, their_input.get(), 0);
        posix_spawn_file_actions_adddup2(&actions, their_output.get(), 1);
        posix_spawn_file_actions_adddup2(&actions, their_errors.get(), 2);
        posix_spawnattr_t attributes;
        posix_spawnattr_init(&attributes);
        sigset_t all, none;
        sigfillset(&all);
        sigemptyset(&none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
        std::vector<std::string> words{perl_, "-e", std::string(bootstrap_text)};
        std::vector<std::string> variables = clean_environment();
        std::vector<char*> argv, environment;
        for (std::string& word : words) argv.push_back(word.data());
        for (std::string& variable : variables) environment.push_back(variable.data());
        argv.push_back(nullptr);
        environment.push_back(nullptr);
        pid_t process = -1;
        const int error = posix_spawnp(&process, perl_.c_str(), &actions, &attributes, argv.data(), environment.data());
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        if (error != 0)
            throw HostError("perl cannot be started on this machine: " + system_error_text(error) +
                            "; install perl-base");
        return std::make_unique<LocalChannel>(process, std::move(our_input), std::move(our_output),
                                              std::move(our_errors));
    }

private:
    const std::string name_;
    const std::string perl_;
};

}  // namespace

std::unique_ptr<Shell> make_local_shell(const BuildHost& host, const std::string& perl) {
    return std::make_unique<LocalShell>(host.name, perl);
}

}  // namespace gachette::remote
