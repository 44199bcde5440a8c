#include "remote/ssh_shell.h"

#include <fmt/format.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <list>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "remote/local_shell.h"
#include "remote/ssh_session.h"
#include "remote/tcp.h"

namespace gachette::remote {

namespace {

using TimePoint = std::chrono::steady_clock::time_point;

TimePoint after(Milliseconds time) { return std::chrono::steady_clock::now() + std::chrono::milliseconds(time); }

// Milliseconds until then, at least 0.
int left_until(TimePoint end) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    return static_cast<int>(std::max<Milliseconds>(0, left.count()));
}

struct EventFreer {
    void operator()(ssh_event_struct* event) const { ssh_event_free(event); }
};
struct ChannelFreer {
    void operator()(ssh_channel_struct* channel) const { ssh_channel_free(channel); }
};
using EventLoop = std::unique_ptr<ssh_event_struct, EventFreer>;
using RawChannel = std::unique_ptr<ssh_channel_struct, ChannelFreer>;

// One forwarded connection to the caller's agent: bytes go both ways until one side ends.
struct AgentLink {
    ssh_channel channel = nullptr;
    Descriptor socket;
    ssh_channel_callbacks_struct callbacks{};
    ssh_event event = nullptr;
    bool ended = false;

    static int from_host(ssh_session, ssh_channel, void* data, uint32_t length, int, void* self) {
        auto& link = *static_cast<AgentLink*>(self);
        if (send(link.socket.get(), data, length, MSG_NOSIGNAL) != static_cast<ssize_t>(length)) link.ended = true;
        return static_cast<int>(length);
    }
    static void host_ended(ssh_session, ssh_channel, void* self) { static_cast<AgentLink*>(self)->ended = true; }
    static int from_agent(socket_t descriptor, int, void* self) {
        auto& link = *static_cast<AgentLink*>(self);
        char buffer[16384];
        const ssize_t count = read(descriptor, buffer, sizeof buffer);
        if (count <= 0)
            link.ended = true;
        else
            ssh_channel_write(link.channel, buffer, static_cast<uint32_t>(count));
        return 0;
    }
};

// A session with the loop that serves it.
class Connection {
public:
    Connection(const BuildHost& host, const SshFiles& files)
        : host_(host), session_(connect_session(host, files)), event_(ssh_event_new()) {
        ssh_event_add_session(event_.get(), session_.get());
        if (host.forward_agent && std::getenv("SSH_AUTH_SOCK")) allow_agent();
    }

    ~Connection() {
        for (AgentLink& link : links_) end_link(link);
        ssh_event_remove_session(event_.get(), session_.get());
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    ssh_session session() const { return session_.get(); }
    ssh_event event() const { return event_.get(); }
    bool alive() const { return ssh_is_connected(session_.get()) && !broken_; }
    bool forwards_agent() const { return forwards_agent_; }
    bool cold = true;

    // Serves the session until something happened or the time is up. False when it broke.
    bool serve(int timeout) {
        const int descriptor = ssh_get_fd(session_.get());
        if (cold) acknowledge_at_once(descriptor);
        if (ssh_event_dopoll(event_.get(), timeout) == SSH_ERROR) broken_ = true;
        if (cold) acknowledge_at_once(descriptor);
        links_.remove_if([this](AgentLink& link) {
            if (link.ended) end_link(link);
            return link.ended;
        });
        return alive();
    }

    [[noreturn]] void fail_with(const std::string& what) const {
        throw HostError(
            fmt::format("{}: {}: {}", host_words(host_), what, printable(ssh_get_error(session_.get()), 300)));
    }

private:
    void allow_agent() {
        std::memset(&callbacks_, 0, sizeof callbacks_);
        callbacks_.userdata = this;
        callbacks_.channel_open_request_auth_agent_function = open_agent;
        ssh_callbacks_init(&callbacks_);
        forwards_agent_ = ssh_set_callbacks(session_.get(), &callbacks_) == SSH_OK;
    }

    static ssh_channel open_agent(ssh_session session, void* self) {
        auto& connection = *static_cast<Connection*>(self);
        const char* path = std::getenv("SSH_AUTH_SOCK");
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (!path || std::strlen(path) >= sizeof address.sun_path || connection.links_.size() >= 16) return nullptr;
        std::strcpy(address.sun_path, path);
        Descriptor agent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!agent || ::connect(agent.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            return nullptr;
        AgentLink& link = connection.links_.emplace_back();
        link.channel = ssh_channel_new(session);
        link.socket = std::move(agent);
        link.event = connection.event_.get();
        link.callbacks.userdata = &link;
        link.callbacks.channel_data_function = AgentLink::from_host;
        link.callbacks.channel_eof_function = AgentLink::host_ended;
        link.callbacks.channel_close_function = AgentLink::host_ended;
        ssh_callbacks_init(&link.callbacks);
        ssh_set_channel_callbacks(link.channel, &link.callbacks);
        ssh_event_add_fd(link.event, link.socket.get(), POLLIN, AgentLink::from_agent, &link);
        return link.channel;
    }

    static void end_link(AgentLink& link) {
        ssh_event_remove_fd(link.event, link.socket.get());
        ssh_remove_channel_callbacks(link.channel, &link.callbacks);
        ssh_channel_close(link.channel);
        ssh_channel_free(link.channel);
    }

    const BuildHost& host_;
    std::list<AgentLink> links_;
    Session session_;
    EventLoop event_;
    ssh_callbacks_struct callbacks_{};
    bool forwards_agent_ = false;
    bool broken_ = false;
};

class SshChannel final : public Channel {
public:
    // Opens a channel and asks for the constant command; the answer is not waited for, what is written follows at once.
    SshChannel(std::shared_ptr<Connection> connection, Milliseconds patience)
        : connection_(std::move(connection)), channel_(ssh_channel_new(connection_->session())) {
        if (!channel_) connection_->fail_with("no channel can be made");
        std::memset(&callbacks_, 0, sizeof callbacks_);
        callbacks_.userdata = this;
        callbacks_.channel_data_function = on_data;
        callbacks_.channel_close_function = on_close;
        callbacks_.channel_eof_function = on_eof;
        ssh_callbacks_init(&callbacks_);
        ssh_set_channel_callbacks(channel_.get(), &callbacks_);
        const TimePoint end = after(patience);
        int answer = SSH_AGAIN;
        while ((answer = ssh_channel_open_session(channel_.get())) == SSH_AGAIN) {
            const int left = left_until(end);
            if (left == 0 || !connection_->serve(left)) break;
        }
        if (answer != SSH_OK) {
            ssh_remove_channel_callbacks(channel_.get(), &callbacks_);
            connection_->fail_with(answer == SSH_AGAIN ? "no channel was opened in time" : "no channel was opened");
        }
        connection_->cold = false;
        if (connection_->forwards_agent()) ssh_channel_request_auth_agent(channel_.get());
        ask_for_command();
    }

    ~SshChannel() override {
        ssh_remove_channel_callbacks(channel_.get(), &callbacks_);
        if (!connection_->alive()) return;
        ssh_channel_send_eof(channel_.get());
        ssh_channel_close(channel_.get());
        ssh_blocking_flush(connection_->session(), 200);
    }

    void write(std::string_view bytes) override {
        while (!bytes.empty() && !closed_) {
            const auto piece = static_cast<uint32_t>(std::min<std::size_t>(bytes.size(), 32'768));
            const int count = ssh_channel_write(channel_.get(), bytes.data(), piece);
            if (count == SSH_ERROR) connection_->fail_with("the connection broke");
            bytes.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
            if (count <= 0 && !connection_->serve(1'000)) connection_->fail_with("the connection broke");
            ask_for_command();
        }
    }

    Input read(Milliseconds timeout, int wake_descriptor) override {
        const TimePoint end = after(timeout);
        bool woken = false;
        if (wake_descriptor >= 0) ssh_event_add_fd(connection_->event(), wake_descriptor, POLLIN, on_wake, &woken);
        bool broken = false;
        do {
            broken = !connection_->serve(left_until(end));
            ask_for_command();
        } while (!broken && !woken && input_.output.empty() && input_.noise.empty() && !closed_ && left_until(end) > 0);
        if (wake_descriptor >= 0) ssh_event_remove_fd(connection_->event(), wake_descriptor);
        Input input = std::exchange(input_, {});
        input.closed = closed_ || broken;
        return input;
    }

private:
    void ask_for_command() {
        if (accepted_ || closed_) return;
        const int answer = ssh_channel_request_exec(channel_.get(), std::string(host_command).c_str());
        if (answer == SSH_OK) accepted_ = true;
        if (answer == SSH_ERROR && connection_->alive() && !closed_)
            connection_->fail_with("it refuses to run commands");
    }

    static int on_data(ssh_session, ssh_channel, void* data, uint32_t length, int is_stderr, void* self) {
        Input& input = static_cast<SshChannel*>(self)->input_;
        (is_stderr ? input.noise : input.output).append(static_cast<const char*>(data), length);
        return static_cast<int>(length);
    }
    static void on_eof(ssh_session, ssh_channel, void*) {}
    static void on_close(ssh_session, ssh_channel, void* self) { static_cast<SshChannel*>(self)->closed_ = true; }
    static int on_wake(socket_t, int, void* woken) {
        *static_cast<bool*>(woken) = true;
        return 0;
    }

    std::shared_ptr<Connection> connection_;
    ssh_channel_callbacks_struct callbacks_{};
    RawChannel channel_;
    Input input_;
    bool accepted_ = false;
    bool closed_ = false;
};

class SshShell final : public Shell {
public:
    SshShell(BuildHost host, SshFiles files) : host_(std::move(host)), files_(std::move(files)) {}

    std::string host_name() const override { return host_.name; }
    bool warm() const override { return connection_ && connection_->alive(); }

    std::unique_ptr<Channel> open() override {
        if (warm()) {
            try {
                return std::make_unique<SshChannel>(connection_, std::min<Milliseconds>(host_.connect_timeout, 5'000));
            } catch (const HostError&) {
                // It died while it was not used.
            }
        }
        connection_.reset();
        connection_ = std::make_shared<Connection>(host_, files_);
        return std::make_unique<SshChannel>(connection_, host_.connect_timeout);
    }

private:
    const BuildHost host_;
    const SshFiles files_;
    std::shared_ptr<Connection> connection_;
};

}  // namespace

std::unique_ptr<Shell> make_ssh_shell(const BuildHost& host, const SshFiles& files) {
    return std::make_unique<SshShell>(host, files);
}

std::unique_ptr<Shell> make_shell(const BuildHost& host) {
    return host.local ? make_local_shell(host) : make_ssh_shell(host);
}

}  // namespace gachette::remote
