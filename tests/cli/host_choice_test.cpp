// Which build host a command works on.
#include "cli/host_choice.h"

#include <catch2/catch.hpp>

#include "base/error.h"

using namespace gachette;
using namespace gachette::cli;

namespace {

std::string sentence(const std::function<void()>& work) {
    try {
        work();
    } catch (const UsageError& problem) {
        return problem.what();
    }
    return "";
}

Configuration with_hosts(std::vector<BuildHost> hosts) {
    Configuration configuration;
    configuration.build_hosts = std::move(hosts);
    return configuration;
}

BuildHost host(const std::string& name, const std::string& address, const std::string& user = "") {
    BuildHost made;
    made.name = name;
    made.address = address;
    made.user = user;
    return made;
}

const Call prepare{"prepare", {}, {}};

}  // namespace

TEST_CASE("hosts as the original writes them") {
    struct Row {
        std::string text, user, host;
        int port;
    };
    for (const Row& row : {Row{"192.168.1.5", "", "192.168.1.5", 0}, Row{"hero@192.168.1.5", "hero", "192.168.1.5", 0},
                           Row{"hero@192.168.1.5:2222", "hero", "192.168.1.5", 2222}, Row{"0.0.0.0", "", "0.0.0.0", 0},
                           Row{"localhost", "", "localhost", 0}, Row{"vagrant@0.0.0.0", "vagrant", "0.0.0.0", 0},
                           Row{"[2001:db8::1]:22", "", "2001:db8::1", 22}, Row{"u@[::1]", "u", "::1", 0},
                           Row{"2001:db8::1", "", "2001:db8::1", 0}, Row{"build_1", "", "build_1", 0}}) {
        INFO(row.text);
        CHECK(parse_host(row.text) == HostWords{row.user, row.host, row.port});
    }
}

TEST_CASE("what is no host is refused before anything is run") {
    for (const std::string text : {"", "@x", "u@", "-oProxyCommand=id", "u@-x", "a b", "a;b", "a:", "[::1", "[::1]x",
                                   "$(id)", "a\nb", "u$(id)@h", "-u@h", "a/b"}) {
        INFO(text);
        CHECK(sentence([&] { parse_host(text); }).starts_with("-H: \""));
    }
    CHECK(sentence([] { parse_host("a b"); }) == "-H: \"a b\" is no host; write [user@]host[:port]");
    CHECK(sentence([] { parse_host("a:99999"); }) ==
          "-H: the port of \"a:99999\": \"99999\" is not a number from 1 to 65535");
}

TEST_CASE("-H and its companions without a configuration") {
    Options options;
    options.hosts = {"hero@192.168.1.5:2222"};
    options.key_filename = "/k";
    options.forward_agent = true;
    const BuildHost chosen = choose_host(options, prepare, {});
    CHECK(chosen.address == "192.168.1.5");
    CHECK(chosen.user == "hero");
    CHECK(chosen.port == 2222);
    CHECK(chosen.key_filename == "/k");
    CHECK(chosen.forward_agent);
    CHECK_FALSE(chosen.local);

    options.hosts = {"localhost"};
    options.user = "bob";
    options.port = 99;
    options.forward_agent = false;
    const BuildHost here = choose_host(options, prepare, {});
    CHECK(here.address == "localhost");
    CHECK_FALSE(here.local);  // localhost means SSH to it, as in the original
    CHECK(here.user == "bob");
    CHECK(here.port == 99);
    CHECK_FALSE(here.forward_agent);

    options.hosts = {"eve@localhost:7"};  // what is said with the host wins
    CHECK(choose_host(options, prepare, {}).user == "eve");
    CHECK(choose_host(options, prepare, {}).port == 7);
}

TEST_CASE("the configuration's host") {
    BuildHost known = host("default", "10.0.0.1", "hero");
    known.key_filename = "/key";
    known.port = 2200;
    known.host_keys = {"SHA256:x"};
    const Configuration configuration = with_hosts({known});
    CHECK(choose_host({}, prepare, configuration).address == "10.0.0.1");

    Options options;
    options.hosts = {"10.0.0.2"};
    const BuildHost other = choose_host(options, prepare, configuration);
    CHECK(other.address == "10.0.0.2");
    CHECK(other.user == "hero");
    CHECK(other.key_filename == "/key");
    CHECK(other.port == 0);
    CHECK(other.host_keys.empty());  // a pin is of one machine

    options.hosts = {"eve@10.0.0.1"};
    const BuildHost same = choose_host(options, prepare, configuration);
    CHECK(same.user == "eve");
    CHECK(same.port == 2200);
    CHECK(same.host_keys == known.host_keys);

    options.hosts = {"default"};
    CHECK(choose_host(options, prepare, configuration).address == "10.0.0.1");

    Call with_host = prepare;
    with_host.hosts = {"10.0.0.3"};
    CHECK(choose_host(options, with_host, configuration).address == "10.0.0.3");

    options.hosts.clear();
    options.local = true;
    CHECK(choose_host(options, prepare, configuration).local);
}

TEST_CASE("no host or too many are told") {
    CHECK(sentence([] { choose_host({}, prepare, {}); }) ==
          "prepare: no build host; say which with -H [user@]host[:port] or --local, or set hosts in the configuration");
    Options options;
    options.hosts = {"a", "b"};
    CHECK(sentence([&] { choose_host(options, prepare, {}); }) ==
          "prepare: works on one build host at a time, but these were given: a, b; call gachette once for each");
    options.hosts = {"a"};
    options.local = true;
    CHECK(sentence([&] { choose_host(options, prepare, {}); }) ==
          "prepare: --local and -H exclude each other; leave one of them out");
    const Configuration two = with_hosts({host("one", "a"), host("two", "b")});
    CHECK(sentence([&] { choose_host({}, prepare, two); }) ==
          "prepare: the configuration has several build hosts (one, two); say which one with -H NAME");
}
