// TLS in the door, with certificates that the openssl program makes.
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "tests/door/client.h"
#include "tests/support/folder.h"

namespace gachette::testing {

namespace {

door::Tls make_certificate(const TemporaryFolder& folder, const std::string& name) {
    const door::Tls files{folder / (name + ".crt"), folder / (name + ".key")};
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" + name +
        " -keyout " + files.key_path + " -out " + files.certificate_path + " 2>/dev/null";
    REQUIRE(std::system(command.c_str()) == 0);
    return files;
}

class TlsClient {
public:
    explicit TlsClient(int port, int version = 0, const std::string& protocol = "")
        : client_(port), context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free), ssl_(nullptr, &SSL_free) {
        if (version) {
            SSL_CTX_set_min_proto_version(context_.get(), version);
            SSL_CTX_set_max_proto_version(context_.get(), version);
            SSL_CTX_set_security_level(context_.get(), 0);
        }
        ssl_.reset(SSL_new(context_.get()));
        if (!protocol.empty()) {
            const std::string list = static_cast<char>(protocol.size()) + protocol;
            SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(list.data()),
                                static_cast<unsigned>(list.size()));
        }
        const timeval time{patience / 1000, 0};
        ::setsockopt(client_.number(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
        SSL_set_fd(ssl_.get(), client_.number());
        connected_ = SSL_connect(ssl_.get()) == 1;
        ERR_clear_error();
    }
    bool connected() const { return connected_; }
    SSL* ssl() const { return ssl_.get(); }
    Client& raw() { return client_; }
    std::string peer_name() const {
        const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl_.get()),
                                                                      &X509_free);
        char name[64] = {};
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name, sizeof name);
        return name;
    }
    bool send(const std::string& bytes) {
        return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
    }
    // Reads until `wanted` bytes are there or the end; what came.
    std::string read(std::size_t wanted) {
        std::string all;
        char bytes[16384];
        while (all.size() < wanted) {
            const int count = SSL_read(ssl_.get(), bytes, sizeof bytes);
            if (count <= 0) break;
            all.append(bytes, static_cast<std::size_t>(count));
        }
        return all;
    }
    // One answer with Content-Length.
    Answer read_answer() {
        while (buffer_.find("\r\n\r\n") == std::string::npos) {
            const std::string more = read(1);
            if (more.empty()) return {};
            buffer_ += more;
        }
        Answer answer;
        const std::size_t end = buffer_.find("\r\n\r\n");
        answer.head = buffer_.substr(0, end + 2);
        answer.status = std::atoi(answer.head.substr(9, 3).c_str());
        buffer_.erase(0, end + 4);
        const auto length = static_cast<std::size_t>(std::stoll(answer.field("Content-Length")));
        if (buffer_.size() < length) buffer_ += read(length - buffer_.size());
        answer.body = buffer_.substr(0, length);
        buffer_.erase(0, length);
        return answer;
    }

private:
    Client client_;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
    bool connected_ = false;
    std::string buffer_;
};

// A door with a plain listener (its port() is the TLS one's: that comes first).
class TlsHouse {
public:
    explicit TlsHouse(const door::Tls& files, door::Limits limits = {}, door::Handler handler = describe)
        : door_(listeners(), limits, {}, files, clock_, let_in, std::move(handler)) {
        std::signal(SIGPIPE, SIG_IGN);  // for the client half of this test
        door_.start();
    }
    door::Door& door() { return door_; }
    int port() const { return door_.port(); }

private:
    static std::vector<door::Listener> listeners() {
        std::vector<door::Listener> all;
        all.push_back({door::listen_on("127.0.0.1:0"), true});
        return all;
    }
    SystemClock clock_;
    door::Door door_;
};

}  // namespace

TEST_CASE("TLS 1.2 and 1.3 are spoken, older versions and other protocols are not") {
    const TemporaryFolder folder;
    TlsHouse house(make_certificate(folder, "one"));
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        TlsClient client(house.port(), version, "http/1.1");
        REQUIRE(client.connected());
        const unsigned char* chosen = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(client.ssl(), &chosen, &size);
        CHECK(std::string(reinterpret_cast<const char*>(chosen), size) == "http/1.1");
        for (int i = 0; i < 3; ++i) {
            client.send(post("/a", std::string(100'000, 'x')));
            CHECK(client.read_answer().body == "POST /a 100000");
        }
        client.send(post("/1", "x") + get("/2"));
        CHECK(client.read_answer().body == "POST /1 1");
        CHECK(client.read_answer().body == "GET /2 0");
    }
    CHECK_FALSE(TlsClient(house.port(), TLS1_1_VERSION).connected());
    CHECK_FALSE(TlsClient(house.port(), TLS1_2_VERSION, "h2").connected());
    CHECK(TlsClient(house.port()).connected());
}

TEST_CASE("refusals and large answers arrive through TLS, and its end is told") {
    const TemporaryFolder folder;
    const std::string large(3'000'000, 'y');
    TlsHouse house(make_certificate(folder, "one"), {}, [&](const door::Request&, const door::Responder& responder) {
        door::Response response;
        response.body = large;
        responder.send(response);
    });
    TlsClient client(house.port());
    client.send(get("/"));
    CHECK(client.read_answer().body == large);
    client.send("GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n");
    CHECK(client.read_answer().status == 400);
    CHECK(client.read(1).empty());
    CHECK((SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN) != 0);
}

TEST_CASE("a handshake has its time, and no HTTP without one") {
    const TemporaryFolder folder;
    door::Limits limits;
    limits.tls_time = 150;
    TlsHouse house(make_certificate(folder, "one"), limits);
    Client silent(house.port());
    const SystemClock clock;
    const Milliseconds start = clock.steady();
    CHECK(silent.at_end());
    CHECK(clock.steady() - start >= 140);
    Client half(house.port());
    half.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
    CHECK(half.at_end());
    CHECK(house.door().counters().timed_out == 2);
    Client plain(house.port());
    plain.send(get("/"));
    while (plain.more()) {
    }
    CHECK(house.door().counters().requests == 0);
    TlsClient leaves(house.port());
    leaves.send(get("/"));
    leaves.raw().close();
    TlsClient fine(house.port());
    fine.send(get("/"));
    CHECK(fine.read_answer().status == 200);
}

TEST_CASE("certificates are reloaded while connections go on; bad files change nothing") {
    const TemporaryFolder folder;
    const door::Tls one = make_certificate(folder, "one");
    const door::Tls two = make_certificate(folder, "two");
    TlsHouse house(one);
    TlsClient old(house.port());
    CHECK(old.peer_name() == "one");
    house.door().reload_tls(two);
    TlsClient fresh(house.port());
    CHECK(fresh.peer_name() == "two");
    old.send(get("/old"));
    CHECK(old.read_answer().body == "GET /old 0");
    const std::string empty = folder / "empty";
    std::ofstream(empty).close();
    CHECK_THROWS_WITH(house.door().reload_tls({one.certificate_path, two.key_path}),
                      Catch::Contains("TLS key " + two.key_path));
    CHECK_THROWS_WITH(house.door().reload_tls({folder / "missing", one.key_path}),
                      "TLS certificate " + (folder / "missing") + " cannot be used: No such file or directory");
    CHECK_THROWS_WITH(house.door().reload_tls({empty, one.key_path}),
                      Catch::StartsWith("TLS certificate " + empty + " cannot be used: "));
    TlsClient still(house.port());
    CHECK(still.peer_name() == "two");
}

TEST_CASE("a listener with TLS needs files") {
    const SystemClock clock;
    std::vector<door::Listener> listeners;
    listeners.push_back({door::listen_on("127.0.0.1:0"), true});
    CHECK_THROWS_WITH(door::Door(std::move(listeners), {}, {}, std::nullopt, clock, let_in, describe),
                      "a listener with TLS needs a certificate and a key");
}

}  // namespace gachette::testing
