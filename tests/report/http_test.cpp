// The one way out: real requests over loopback, TLS included.
#include "report/http.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <catch2/catch.hpp>

#include <chrono>

#include "tests/report/forge_server.h"
#include "tests/support/folder.h"
#include "tests/support/process.h"

using namespace gachette;
using namespace gachette::report;
using namespace gachette::testing;

namespace {

Request request_to(const std::string& url) {
    Request request;
    request.url = url;
    request.headers = {{"Content-Type", "application/json"}, {"X-Empty", "no"}};
    request.body = "{\"a\":\"b\"}";
    return request;
}

Milliseconds steady() { return SystemClock().steady(); }

// `openssl s_server` with a certificate for 127.0.0.1 that nobody trusts.
class TlsServer {
public:
    TlsServer() {
        must_run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                  "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key",
                  "-out", folder / "certificate"});
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        const Descriptor reading(ends[0]), writing(ends[1]);
        const std::string key = folder / "key", certificate = folder / "certificate";
        child_ = ::fork();
        if (child_ == 0) {
            ::dup2(writing.get(), 1);
            ::dup2(writing.get(), 2);
            ::execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-key", key.c_str(), "-cert",
                     certificate.c_str(), "-www", static_cast<char*>(nullptr));
            ::_exit(127);
        }
        std::string text;
        char piece[256];
        while (text.find("ACCEPT ") == std::string::npos ||
               text.find('\n', text.find("ACCEPT ")) == std::string::npos) {
            const ssize_t got = ::read(reading.get(), piece, sizeof piece);
            if (got <= 0 || text.size() > 100'000) throw std::runtime_error("s_server: " + text);
            text.append(piece, static_cast<std::size_t>(got));
            if (text.find("ACCEPT") != std::string::npos && text.back() == '\n') break;
        }
        const std::size_t line = text.find("ACCEPT ");
        const std::string address = text.substr(line, text.find('\n', line) - line);
        port_ = address.substr(address.rfind(':') + 1);
    }
    ~TlsServer() {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;
    std::string url(const std::string& host) const { return "https://" + host + ":" + port_ + "/"; }

    TemporaryFolder folder;

private:
    pid_t child_ = -1;
    std::string port_;
};

}  // namespace

TEST_CASE("a request arrives as it was made, and so does the answer") {
    ForgeServer server([](const Received&) { return Reply{201, {{"Retry-After", "7"}, {"X-A", "b: c"}}, "made"}; });
    const Answer answer = send(request_to(server.url() + "/x/../y?z=1"), {});
    CHECK(answer.status == 201);
    CHECK(answer.problem.empty());
    CHECK(answer.body == "made");
    CHECK(answer.headers.only("retry-after") == "7");
    CHECK(answer.headers.only("X-A") == "b: c");
    const auto heard = server.received();
    REQUIRE(heard.size() == 1);
    CHECK(heard[0].method == "POST");
    CHECK(heard[0].body == "{\"a\":\"b\"}");
    CHECK(heard[0].headers.only("Content-Type") == "application/json");
    CHECK(heard[0].headers.only("X-Empty") == "no");
    CHECK(heard[0].headers.count("Expect") == 0);
}

TEST_CASE("a redirect is an answer, not a way") {
    ForgeServer other;
    ForgeServer server([&](const Received&) { return Reply{302, {{"Location", other.url() + "/secret"}}, ""}; });
    CHECK(send(request_to(server.url() + "/"), {}).status == 302);
    CHECK(server.received().size() == 1);
    CHECK(other.received().empty());
}

TEST_CASE("nothing but http and https goes out") {
    TemporaryFolder folder;
    REQUIRE(write_file_synced(folder / "secret", "secret"));
    for (const std::string& url : {"file://" + (folder / "secret"), std::string("gopher://127.0.0.1:1/"),
                                   std::string("ftp://127.0.0.1:1/"), std::string("dict://127.0.0.1:1/")}) {
        const Answer answer = send(request_to(url), {});
        CHECK(answer.status == 0);
        CHECK(answer.problem == "Unsupported protocol");
        CHECK(answer.body.empty());
    }
}

TEST_CASE("an endless answer is cut and its status counts") {
    ForgeServer server([](const Received&) { return Reply{500, {}, std::string(3'000'000, 'x')}; });
    const Answer answer = send(request_to(server.url()), {});
    CHECK(answer.status == 500);
    CHECK(answer.body.size() == 64 * 1024);
}

TEST_CASE("a server that is silent or away is told as such, soon") {
    ForgeServer server([](const Received&) { return Reply{201, {}, "", true}; });
    const Milliseconds start = steady();
    const Answer answer = send(request_to(server.url() + "/path-with-secret"), {}, {.connect = 200, .total = 200});
    CHECK(steady() - start < 5'000);
    CHECK(answer.status == 0);
    CHECK_FALSE(answer.interrupted);
    CHECK(answer.problem == "Timeout was reached");
    const Answer refused = send(request_to("http://127.0.0.1:1/"), {});
    CHECK(refused.status == 0);
    CHECK(refused.problem == "Couldn't connect to server");
}

TEST_CASE("a request ends when gachette does") {
    std::stop_source stop;
    ForgeServer server([&](const Received&) {
        stop.request_stop();
        return Reply{201, {}, "", true};
    });
    const Milliseconds start = steady();
    const Answer answer = send(request_to(server.url()), stop.get_token());
    CHECK(answer.interrupted);
    CHECK(answer.status == 0);
    CHECK(steady() - start < 10'000);
}

TEST_CASE("TLS is verified: who and for which name") {
    TlsServer server;
    Request request = request_to(server.url("127.0.0.1"));
    request.method = "GET";
    request.body.clear();
    const Answer unknown = send(request, {});
    CHECK(unknown.status == 0);
    CHECK(unknown.problem == "SSL peer certificate or SSH remote key was not OK");
    request.authority_file = server.folder / "certificate";
    CHECK(send(request, {}).status == 200);
    request.url = server.url("localhost");
    const Answer named = send(request, {});
    CHECK(named.status == 0);
    CHECK(named.problem == "SSL peer certificate or SSH remote key was not OK");
}
