#include "tests/support/ssh_host.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace gachette::testing {

namespace {

std::string content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

bool answers(int port) {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool good = connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(descriptor);
    return good;
}

int free_port() {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(descriptor, reinterpret_cast<sockaddr*>(&address), size);
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    close(descriptor);
    return ntohs(address.sin_port);
}

}  // namespace

std::string run_program(const std::vector<std::string>& words, const std::string& folder) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    const pid_t process = fork();
    if (process == 0) {
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        dup2(open("/dev/null", O_RDONLY), 0);
        std::vector<char*> argv;
        for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
        argv.push_back(nullptr);
        if (chdir(folder.c_str()) != 0) _exit(126);
        execvp(argv[0], argv.data());
        _exit(127);
    }
    close(ends[1]);
    std::string output;
    char buffer[4096];
    for (ssize_t count; (count = read(ends[0], buffer, sizeof buffer)) > 0;)
        output.append(buffer, static_cast<std::size_t>(count));
    close(ends[0]);
    int status = 0;
    waitpid(process, &status, 0);
    if (status != 0) throw std::runtime_error(words[0] + " " + (words.size() > 1 ? words[1] : "") + ": " + output);
    return output;
}

SshHost::SshHost() {
    for (const char* name : {"host_ed25519", "host_ecdsa", "id_ed25519"})
        run_program({"ssh-keygen", "-q", "-t", std::string(name).substr(std::string(name).find('_') + 1), "-N", "",
                     "-C", "test", "-f", folder_ / name});
    mkdir(home().c_str(), 0700);
    std::ofstream(folder_ / "authorized_keys") << content_of(folder_ / "id_ed25519.pub");
    chmod((folder_ / "authorized_keys").c_str(), 0600);
    port_ = free_port();
    start("");
    std::ofstream(known_hosts()) << known_hosts_line(folder_ / "host_ed25519.pub");
}

SshHost::~SshHost() { stop(); }

std::string SshHost::user() const { return getpwuid(geteuid())->pw_name; }

std::string SshHost::known_hosts_line(const std::string& public_key_file) const {
    return "[127.0.0.1]:" + std::to_string(port_) + " " + content_of(public_key_file);
}

std::string SshHost::fingerprint() const {
    std::stringstream words(run_program({"ssh-keygen", "-lf", folder_ / "host_ed25519.pub"}));
    std::string bits, fingerprint;
    words >> bits >> fingerprint;
    return fingerprint;
}

void SshHost::start(const std::string& settings) {
    if (geteuid() == 0) mkdir("/run/sshd", 0755);
    std::ofstream(folder_ / "sshd_config") << settings << "\nPort " << port_ << "\nListenAddress 127.0.0.1\n"
                                           << "HostKey " << folder_ / "host_ed25519"
                                           << "\nPidFile none\nUsePAM no\n"
                                           << "AuthorizedKeysFile " << folder_ / "authorized_keys"
                                           << "\nStrictModes no\n"
                                           << "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
                                           << "PermitRootLogin prohibit-password\nMaxStartups 100\n"
                                           << "AcceptEnv GIT_PROTOCOL\nSetEnv HOME=" << home() << "\n";
    process_ = fork();
    if (process_ == 0) {
        setpgid(0, 0);
        dup2(open((folder_ / "sshd.log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), 2);
        execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-D", "-e", "-f", (folder_ / "sshd_config").c_str(), nullptr);
        _exit(127);
    }
    for (int i = 0; i < 500 && !answers(port_); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (!answers(port_)) throw std::runtime_error("sshd does not start: " + content_of(folder_ / "sshd.log"));
}

void SshHost::stop() {
    if (process_ <= 0) return;
    cut_connections();
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    process_ = -1;
}

void SshHost::restart(const std::string& settings) {
    stop();
    start(settings);
}

void SshHost::cut_connections() const {
    // Children of the listener, and their children that serve the user.
    std::vector<std::string> parents{std::to_string(process_)};
    std::vector<pid_t> found;
    for (std::size_t i = 0; i < parents.size(); ++i) {
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            const std::string stat = content_of(entry.path().string() + "/stat");
            const std::size_t end = stat.rfind(") ");
            if (end == std::string::npos || stat.find("(sshd)") == std::string::npos) continue;
            std::stringstream rest(stat.substr(end + 2));
            std::string state, parent;
            rest >> state >> parent;
            if (parent != parents[i]) continue;
            parents.push_back(entry.path().filename().string());
            found.push_back(static_cast<pid_t>(std::stol(entry.path().filename().string())));
        }
    }
    for (const pid_t process : found) kill(process, SIGKILL);
}

}  // namespace gachette::testing
