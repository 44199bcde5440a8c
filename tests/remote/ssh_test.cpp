// The ssh shell against a real sshd on loopback.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/clock.h"
#include "base/error.h"
#include "remote/conversation.h"
#include "remote/host_program.h"
#include "remote/ssh_shell.h"
#include "tests/support/ssh_host.h"

using namespace gachette;
using namespace gachette::remote;
using namespace gachette::testing;

namespace {

SshHost& sshd() {
    static SshHost host;
    return host;
}

BuildHost host_of(const SshHost& ssh) {
    BuildHost host;
    host.name = "builder";
    host.address = "127.0.0.1";
    host.port = ssh.port();
    host.user = ssh.user();
    host.key_filename = ssh.key();
    host.known_hosts = ssh.known_hosts();
    host.connect_timeout = 20'000;
    return host;
}

// Runs a host program made of the common part and this; its end, with what it told before in `heard`.
HostEvent talk(Shell& shell, const std::string& program, const Parameters& parameters = {},
               std::string* heard = nullptr, ConversationLimits limits = {}) {
    Listener listener;
    listener.event = [&](const HostEvent& event) {
        if (heard) *heard += event.word + (event.arguments.empty() ? "" : ":" + event.arguments[0]) + ";";
    };
    return converse(shell, std::string(host_program_part) + program, parameters, listener, SystemClock(), limits);
}

std::string error_of(const BuildHost& host, const SshFiles& files = {}) {
    try {
        const auto shell = make_ssh_shell(host, files);
        talk(*shell, "event('end', 'ok', '');");
    } catch (const HostError& error) {
        return error.what();
    }
    return "no error";
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

struct Environment {
    Environment(const char* name, const std::string& value) : name_(name) {
        if (const char* old = std::getenv(name)) old_ = old;
        setenv(name, value.c_str(), 1);
    }
    ~Environment() { old_.empty() ? unsetenv(name_) : setenv(name_, old_.c_str(), 1); }
    const char* name_;
    std::string old_;
};

// An ssh-agent with this key.
class Agent {
public:
    Agent(const std::string& socket, const std::string& key) : process_(fork()) {
        if (process_ == 0) {
            close(1);
            execlp("ssh-agent", "ssh-agent", "-D", "-a", socket.c_str(), nullptr);
            _exit(127);
        }
        for (int i = 0; i < 1000 && access(socket.c_str(), F_OK) != 0; ++i) usleep(5000);
        setenv("SSH_AUTH_SOCK", socket.c_str(), 1);
        run_program({"ssh-add", "-q", key});
    }
    ~Agent() {
        unsetenv("SSH_AUTH_SOCK");
        kill(process_, SIGTERM);
        waitpid(process_, nullptr, 0);
    }
    pid_t process_;
};

}  // namespace

TEST_CASE("a conversation over ssh, again over the same connection") {
    const auto shell = make_ssh_shell(host_of(sshd()));
    CHECK_FALSE(shell->warm());
    std::string heard;
    const HostEvent end =
        talk(*shell, "event('note', parameter('x')); event('end', 'ok', 'a b');", {{"x", "1\n2 %"}}, &heard);
    CHECK(end.arguments == std::vector<std::string>{"ok", "a b"});
    CHECK(heard == "note:1\n2 %;");
    CHECK(shell->warm());
    for (int i = 0; i < 20; ++i) CHECK(talk(*shell, "event('end', 'ok', '');").word == "end");
}

TEST_CASE("host keys: only the right one is accepted") {
    SshHost& ssh = sshd();
    BuildHost host = host_of(ssh);
    const std::string words = "build host \"builder\"";
    const std::string other = ssh.folder() + "/other.pub";
    if (!std::filesystem::exists(other))
        run_program({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", ssh.folder() + "/other"});
    const std::string compare = "compare it with \"ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\" on the host";

    SECTION("unknown") {
        write(ssh.folder() + "/empty", "");
        host.known_hosts = ssh.folder() + "/empty";
        CHECK(error_of(host) == words + " is not in known_hosts; it shows the ssh-ed25519 key " + ssh.fingerprint() +
                                    ". If that is right (" + compare + "), add it to known_hosts or to its host_keys");
        host.known_hosts = ssh.folder() + "/missing";
        CHECK(error_of(host).starts_with(words + " is not in known_hosts"));
        CHECK_FALSE(std::filesystem::exists(ssh.folder() + "/missing"));
    }
    SECTION("changed") {
        std::stringstream text;
        text << std::ifstream(other).rdbuf();
        write(ssh.folder() + "/changed", "[127.0.0.1]:" + std::to_string(ssh.port()) + " " + text.str());
        host.known_hosts = ssh.folder() + "/changed";
        const std::string expected = words +
                                     " shows another ssh-ed25519 key than known_hosts has: " + ssh.fingerprint() +
                                     "; somebody may stand in between. If the host was set up anew, " + compare +
                                     " and replace its line in known_hosts";
        CHECK(error_of(host) == expected);
        // Not even a configuration that switches the check off.
        write(ssh.folder() + "/config", "Host *\n  StrictHostKeyChecking no\n");
        host.use_ssh_config = true;
        CHECK(error_of(host, {ssh.folder() + "/config", ""}) == expected);
    }
    SECTION("known with a key of another type only") {
        write(ssh.folder() + "/type", ssh.known_hosts_line(ssh.folder() + "/host_ecdsa.pub"));
        host.known_hosts = ssh.folder() + "/type";
        CHECK(error_of(host) == words + " shows the ssh-ed25519 key " + ssh.fingerprint() +
                                    ", but known_hosts has keys of other types for it; " + compare +
                                    " and add it to known_hosts");
    }
    SECTION("pinned") {
        host.known_hosts = "";
        host.host_keys = {"SHA256:nothing", ssh.fingerprint()};
        CHECK(error_of(host) == "no error");
        host.host_keys = {"SHA256:nothing"};
        CHECK(error_of(host) ==
              words + " shows the ssh-ed25519 key " + ssh.fingerprint() +
                  ", which is not one of its host_keys; if the host was set up anew, put the new one there");
    }
}

TEST_CASE("logins that cannot work say what to do") {
    SshHost& ssh = sshd();
    BuildHost host = host_of(ssh);
    const std::string words = "build host \"builder\"";
    host.key_filename = ssh.folder() + "/nothing";
    CHECK(error_of(host) ==
          words + ": the key " + host.key_filename + " cannot be read; check key_filename and who may read it");
    host.key_filename = ssh.folder() + "/encrypted";
    if (!std::filesystem::exists(host.key_filename))
        run_program({"ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", host.key_filename});
    unsetenv("SSH_AUTH_SOCK");
    CHECK(error_of(host) ==
          words + ": the key " + host.key_filename +
              " is encrypted or no private key; add it to an ssh-agent, or use one without a passphrase");
    host.key_filename = ssh.folder() + "/stranger";
    if (!std::filesystem::exists(host.key_filename))
        run_program({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host.key_filename});
    const std::string refused = error_of(host);
    CHECK(refused.starts_with(words + " does not let user \"" + ssh.user() + "\" in with the key " + host.key_filename +
                              ": "));
    CHECK(refused.ends_with("; put its public half into ~/.ssh/authorized_keys there"));
    host = host_of(ssh);
    host.port = 1;
    CHECK(error_of(host) == words + " cannot be reached at 127.0.0.1:1: Connection refused");
    host = host_of(ssh);
    host.address = "-oProxyCommand=touch /tmp/canary";
    CHECK(error_of(host) == words + ": an address or a user that begins with \"-\" is refused");
    host = host_of(ssh);
    host.user = "-x";
    CHECK(error_of(host) == words + ": an address or a user that begins with \"-\" is refused");
}

TEST_CASE("the agent logs in and, only when asked for, is forwarded") {
    SshHost& ssh = sshd();
    BuildHost host = host_of(ssh);
    const Agent agent(ssh.folder() + "/agent" + std::to_string(getpid()), ssh.key());
    host.key_filename = "";
    const std::string list =
        "my $n = defined $ENV{SSH_AUTH_SOCK} ? `ssh-add -l 2>&1` : 'none'; event('note', $n); "
        "event('end', 'ok', '');";
    std::string heard;
    const auto plain = make_ssh_shell(host);
    talk(*plain, list, {}, &heard);
    CHECK(heard == "note:none;");
    host.forward_agent = true;
    const auto forwarding = make_ssh_shell(host);
    for (int i = 0; i < 2; ++i) {
        heard.clear();
        talk(*forwarding, list, {}, &heard);
        CHECK(heard.find("ED25519") != std::string::npos);
    }
}

TEST_CASE("an ssh configuration is used when asked for, and its proxy command only then") {
    SshHost& ssh = sshd();
    BuildHost host;
    host.name = "builder";
    host.address = "alias";
    host.connect_timeout = 20'000;
    const std::string config = ssh.folder() + "/config2";
    const std::string lines = "Host alias\n  HostName 127.0.0.1\n  Port " + std::to_string(ssh.port()) + "\n  User " +
                              ssh.user() + "\n  IdentityFile " + ssh.key() + "\n  UserKnownHostsFile " +
                              ssh.known_hosts() + "\n  GlobalKnownHostsFile /dev/null\n";
    write(config, lines);
    host.use_ssh_config = true;
    CHECK(error_of(host, {config, ""}) == "no error");
    host.use_ssh_config = false;  // but nothing else is given
    CHECK(error_of(host, {config, ""}) == "no error");
    write(config, lines + "  ProxyCommand perl -MIO::Socket -e 'exit 1'\n");
    CHECK(error_of(host, {config, ""}) ==
          "build host \"builder\": the ssh configuration asks for a proxy command; set "
          "use_ssh_config: true to allow that");
    host = host_of(ssh);  // everything given: the file is not read
    CHECK(error_of(host, {config, ""}) == "no error");
}

TEST_CASE("a talkative login shell does not disturb") {
    SshHost& ssh = sshd();
    write(ssh.home() + "/.bashrc",
          "echo '@00112233445566778899aabbccddeeff end ok -'; echo welcome; printf unfinished; echo bad >&2\n");
    const auto shell = make_ssh_shell(host_of(ssh));
    std::string heard;
    CHECK(talk(*shell, "event('note', 'x'); event('end', 'ok', '');", {}, &heard).arguments[0] == "ok");
    CHECK(heard == "note:x;");
    std::filesystem::remove(ssh.home() + "/.bashrc");
}

TEST_CASE("a link that breaks or falls silent is an accident, not an end") {
    SshHost& ssh = sshd();
    const auto shell = make_ssh_shell(host_of(ssh));
    CHECK_THROWS_WITH(
        talk(*shell, "event('note', 'x'); print STDERR \"out of memory\\n\"; kill 9, $$;"),
        "the connection to build host \"builder\" broke before the end was told (last words: \"out of memory\")");
    CHECK_THROWS_WITH(talk(*shell, "event('note', 'x'); sleep 20;", {}, nullptr, {15'000, 300}),
                      "build host \"builder\" has been silent for 0 s; the connection counts as broken");
    std::string heard;
    // The beat comes back only after the note went out; should sshd die with the note in its hands, the other word is true.
    CHECK_THROWS_WITH(talk(*shell, "event('note', 'x'); sysread(STDIN, my $beat, 5); kill 9, getppid(); sleep 20", {},
                           &heard, {200, 10'000}),
                      Catch::Equals("the connection to build host \"builder\" broke before the end was told") ||
                          Catch::StartsWith("build host \"builder\" closed the connection without a word"));
    // The dead connection is replaced.
    CHECK(talk(*shell, "event('end', 'ok', '');").arguments[0] == "ok");
    ssh.cut_connections();
    CHECK(talk(*shell, "event('end', 'ok', '');").arguments[0] == "ok");
}

TEST_CASE("a host without perl is told as such") {
    SshHost& ssh = sshd();
    ssh.restart("ForceCommand exec nothing-called-perl");
    const auto shell = make_ssh_shell(host_of(ssh));
    try {
        talk(*shell, "event('end', 'ok', '');");
        FAIL("no error");
    } catch (const HostError& error) {
        CHECK(std::string(error.what()).find("has no perl") != std::string::npos);
        CHECK(std::string(error.what()).ends_with("install perl-base there"));
    }
    ssh.restart();
}

TEST_CASE("much output, stop and beats go through") {
    const auto shell = make_ssh_shell(host_of(sshd()));
    std::int64_t bytes = 0;
    Listener listener;
    listener.log = [&](std::int64_t offset, std::string_view piece) {
        CHECK(offset == bytes);
        bytes += static_cast<std::int64_t>(piece.size());
    };
    const std::string flood =
        std::string(host_program_part) +
        "my $x = 'x' x 65536; for my $i (0 .. 159) { write_all(\\*STDOUT, \"\\@$NONCE log \" . $i * 65536 . "
        "\" 65536\\n$x\"); } event('end', 'ok', '');";
    CHECK(converse(*shell, flood, {}, listener, SystemClock()).arguments[0] == "ok");
    CHECK(bytes == 160 * 65536);

    bool asked = false;
    Listener stopping;
    stopping.event = [&](const HostEvent&) { asked = true; };
    stopping.stop_requested = [&] { return asked; };
    const std::string wait =
        std::string(host_program_part) +
        "event('note', ''); my $line = ''; sysread(STDIN, $line, 1, length $line) while $line !~ /stop\\n/; "
        "$line =~ s/\\n/,/g; event('end', 'ok', $line);";
    CHECK(converse(*shell, wait, {}, stopping, SystemClock(), {20, 20'000}).arguments[1].ends_with("stop,"));
}
