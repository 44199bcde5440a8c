// Accepting goes on whatever accept4() says. This program's own accept4() stands before the C library's and fails on
// demand; listening sockets.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/door/client.h"
#include "tests/support/folder.h"

namespace {

std::atomic<int> failures_left{0};
std::atomic<int> failure{0};

}  // namespace

extern "C" int accept4(int socket, sockaddr* __restrict address, socklen_t* __restrict size, int flags) {
    if (failures_left > 0) {
        --failures_left;
        errno = failure;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_accept4, socket, address, size, flags));
}

namespace gachette::testing {

TEST_CASE("no failure of accept ends the loop") {
    House house;
    for (const int error : {ECONNABORTED, EPROTO, EPERM, EMFILE, ENFILE, ENOMEM, ENOBUFS, EINTR, ENETDOWN, EHOSTUNREACH,
                            ENOPROTOOPT, ETIMEDOUT, EOPNOTSUPP, EINVAL}) {
        INFO(error);
        failure = error;
        // Without descriptors every second attempt is with the spare one, and would turn the client away.
        failures_left = error == EMFILE || error == ENFILE ? 2 : 3;
        Client client(house.port());
        client.send(get("/"));
        CHECK(client.read_answer().body == "GET / 0");
        CHECK(failures_left == 0);
    }
}

namespace {

// In a process of its own: the door works with hardly any descriptors, turns clients away and is normal again.
int few_descriptors() {
    House house;
    Client before(house.port());
    before.send(get("/"));
    if (before.read_answer().status != 200) return 1;
    std::vector<Descriptor> all;
    const rlimit few{64, 64};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return 2;
    std::vector<std::unique_ptr<Client>> clients;
    std::vector<Descriptor> sockets;
    for (int i = 0; i < 5; ++i) clients.push_back(std::make_unique<Client>(house.port()));
    if (!eventually([&] { return house.door().counters().open == 6; })) return 3;
    // The client's sockets are made first, then every other descriptor is taken away.
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(house.port()));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 10; ++i) sockets.emplace_back(::socket(AF_INET, SOCK_STREAM, 0));
    for (;;) {
        Descriptor one(::open("/dev/null", O_RDONLY));
        if (!one) break;
        all.push_back(std::move(one));
    }
    for (const Descriptor& socket : sockets) {
        if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return 4;
        pollfd wait{socket.get(), POLLIN, 0};
        char byte = 0;
        if (::poll(&wait, 1, patience) != 1 || ::recv(socket.get(), &byte, 1, 0) > 0) return 5;  // turned away at once
    }
    before.send(get("/"));
    if (before.read_answer().status != 200) return 6;
    all.clear();
    sockets.clear();
    Client after(house.port());
    after.send(get("/"));
    return after.read_answer().status == 200 ? 0 : 7;
}

}  // namespace

TEST_CASE("without descriptors clients are turned away, then all is normal again") {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(few_descriptors());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a burst of connections loses none") {
    door::Limits limits;
    limits.connections_per_address = 10'000;
    House house(limits);
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 3'000; ++i) {
        clients.push_back(std::make_unique<Client>(house.port()));
        REQUIRE(clients.back()->connected());
        clients.back()->send(get("/"));
    }
    for (const auto& client : clients) CHECK(client->read_answer().status == 200);
    CHECK(house.door().counters().accepted == 3'000);
}

TEST_CASE("a blocking socket from a service manager does not block the door") {
    const SystemClock clock;
    std::vector<door::Listener> listeners = House::one_listener();
    const int socket = listeners[0].socket.get();
    ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) & ~O_NONBLOCK);
    door::Door door(std::move(listeners), {}, {}, std::nullopt, clock, let_in, describe);
    door.start();
    Client client(door.port());
    for (int i = 0; i < 2; ++i) {
        client.send(get("/"));
        CHECK(client.read_answer().status == 200);
    }
}

namespace {

// How often the thread named "door" has gone to sleep so far.
long sleeps_of_the_door() {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream status(task.path() / "status");
        bool found = false;
        for (std::string line; std::getline(status, line);) {
            if (line == "Name:\tdoor") found = true;
            if (found && line.starts_with("voluntary_ctxt_switches:")) return std::stol(line.substr(24));
        }
    }
    return -1;
}

}  // namespace

TEST_CASE("an idle door sleeps") {
    House house;
    {
        Client client(house.port());
        client.send(get("/"));
        CHECK(client.read_answer().status == 200);
    }
    CHECK(eventually([&] { return house.door().counters().open == 0; }));
    ::poll(nullptr, 0, 50);  // to the end of its round
    const long before = sleeps_of_the_door();
    REQUIRE(before > 0);
    ::poll(nullptr, 0, 400);
    CHECK(sleeps_of_the_door() == before);
}

TEST_CASE("addresses to listen on") {
    const Descriptor four = door::listen_on("127.0.0.1:0");
    CHECK((::fcntl(four.get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(four.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(door::listen_on("[::1]:0"));
    for (const char* bad :
         {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:80", "[]:80"})
        CHECK_THROWS_WITH(door::listen_on(bad), "cannot listen on " + std::string(bad) +
                                                    ": write ADDRESS:PORT, such as 0.0.0.0:8080 or [::]:8080");
    sockaddr_in name{};
    socklen_t size = sizeof name;
    ::getsockname(four.get(), reinterpret_cast<sockaddr*>(&name), &size);
    const std::string taken = "127.0.0.1:" + std::to_string(ntohs(name.sin_port));
    CHECK_THROWS_WITH(door::listen_on(taken), "cannot listen on " + taken + ": Address already in use");
}

TEST_CASE("socket files are made with their mode, and only dead ones are replaced") {
    const TemporaryFolder folder;
    const std::string path = folder / "a.sock";
    {
        const Descriptor first = door::listen_on_unix(path, 0660);
        struct stat status {};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        CHECK((status.st_mode & 07777) == 0660);
        CHECK_THROWS_WITH(door::listen_on_unix(path, 0600),
                          "cannot listen on " + path + ": another program listens there");
    }
    CHECK(door::listen_on_unix(path, 0600));
    const std::string file = folder / "file";
    std::ofstream(file) << "x";
    CHECK_THROWS_WITH(
        door::listen_on_unix(file, 0600),
        "cannot listen on " + file + ": there is something else than a socket; remove it or choose another path");
    const std::string deep = folder / "no/such/a.sock";
    CHECK_THROWS_WITH(door::listen_on_unix(deep, 0600), "cannot listen on " + deep + ": No such file or directory");
    CHECK_THROWS_WITH(door::listen_on_unix("/" + std::string(120, 'x'), 0600),
                      Catch::EndsWith("the path of a UNIX socket has 1 to 107 bytes"));
}

}  // namespace gachette::testing
