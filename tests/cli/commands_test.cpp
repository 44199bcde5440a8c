// The real program: exit codes, whole sentences, and the commands that need neither build host nor daemon.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/catalog.h"
#include "tests/cli/binary.h"

using namespace gachette;
using namespace gachette::testing;
using nlohmann::json;

namespace {

const std::string secret = "0123456789abcdef0123456789abcdef";

// A configuration with one hook, one project and one rule; its path.
std::string configuration(const Binary& gachette, const std::string& more = "") {
    write_text_file(gachette.home() + "/github.secret", secret + "\n");
    const std::string path = gachette.home() + "/config.yml";
    write_text_file(path,
                    "listen: 127.0.0.1:8080\n"
                    "debs_path: /srv/debs\n"
                    "meta_path: /srv/meta\n"
                    "state_folder: " +
                        gachette.home() +
                        "/state\n"
                        "hooks:\n"
                        "  github: { forge: github, secrets: [{file: github.secret}], repositories: [ops-hero/*] }\n"
                        "build_hosts:\n"
                        "  here: { local: true }\n"
                        "projects:\n"
                        "  test_config: { url: \"https://github.com/ops-hero/test_config.git\" }\n"
                        "domains:\n"
                        "  backend:\n"
                        "    projects: [test_config]\n"
                        "    stacks:\n"
                        "      - { branch: main, stack: edge }\n" +
                        more);
    return path;
}

const std::string push_body =
    R"({"ref":"refs/heads/main","before":"1111111111111111111111111111111111111111",)"
    R"("after":"2222222222222222222222222222222222222222","created":false,"deleted":false,"forced":false,)"
    R"("repository":{"id":7,"full_name":"ops-hero/test_config","html_url":"https://github.com/ops-hero/test_config",)"
    R"("clone_url":"https://github.com/ops-hero/test_config.git"},"pusher":{"name":"hero"},)"
    R"("head_commit":{"id":"2222222222222222222222222222222222222222","message":"change","author":{"name":"h","email":"h@x"}}})";

}  // namespace

TEST_CASE("version, list and help end with 0 and say nothing on stderr") {
    const Binary gachette;
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"version"}, {"-V"}, {"-l"}, {"--help"}, {"-h"}, {"-c", "missing.yml", "-l"}, {"version", "--json"}}) {
        const Said said = gachette(words);
        INFO(words.back());
        CHECK(said.status == 0);
        CHECK_FALSE(said.output.empty());
        CHECK(said.errors.empty());
    }
    CHECK(gachette({"version"}).output == GACHETTE_VERSION "\n");
    CHECK(json::parse(gachette({"version", "--json"}).output)["version"] == GACHETTE_VERSION);
    CHECK(gachette({"version:", "version"}).output == GACHETTE_VERSION "\n" GACHETTE_VERSION "\n");
}

TEST_CASE("usage and configuration mistakes end with 2 and one sentence") {
    const Binary gachette;
    struct Row {
        std::vector<std::string> words;
        std::string sentence;
    };
    const std::string home = gachette.home();
    for (const Row& row : std::vector<Row>{
             {{}, "there is nothing to do: name a command; gachette --help lists them"},
             {{"buidl"}, "there is no command \"buidl\" (did you mean \"build\"?); gachette --help lists them"},
             {{"serve"}, "serve: no configuration; name one with -c FILE or $GACHETTE_CONFIG"},
             {{"check-config"}, "check-config: no configuration; name one with -c FILE or $GACHETTE_CONFIG"},
             {{"explain", "-"}, "explain: no configuration; name one with -c FILE or $GACHETTE_CONFIG"},
             {{"replay", "x"}, "replay: \"x\" is no number of a delivery; gachette deliveries lists them"},
             {{"cancel", "1;2"}, "cancel: \"1;2\" is no number of a job; gachette jobs lists them"},
             {{"logs", "12", "--offset", "-1"}, "--offset: \"-1\" is not a number of bytes"},
             {{"deliveries", "--body"}, "deliveries: --body needs the number of a delivery"},
             {{"jobs", "--limit", "0"}, "--limit: \"0\" is not a number from 1 to 500"},
             {{"jobs", "--server", "ftp://x", "--token-file", "t"}, "--token-file: t: No such file or directory"},
             {{"jobs", "--server", "http://127.0.0.1:1"},
              "--server needs an admin token; name its file with --token-file"},
             {{"prepare:a,https://h/x"},
              "prepare: no build host; say which with -H [user@]host[:port] or --local, or set hosts in the "
              "configuration"},
             {{"-H", "a,b", "prepare:a,https://h/x"},
              "prepare: works on one build host at a time, but these were given: a, b; call gachette once for each"},
             {{"--local", "prepare", "a"},
              "prepare: url is missing; give it as argument or set projects.a.url in the configuration"},
             {{"--local", "prepare", "a", "ext::sh -c id"},
              "prepare: \"ext::sh -c id\" is no address to clone from; write https://, ssh://, git@host:path or an "
              "absolute path"},
             {{"--local", "build", "a"},
              "build: debs_path is missing; give it as argument or set debs_path in the configuration"},
             {{"--local", "build", "a", "relative"},
              "build: debs_path \"relative\" is not an absolute path; it must start with / because it is a folder on "
              "the build host"},
             {{"--local", "stack-create", "main", "a"},
              "stack-create: meta_path is missing; give it as argument or set meta_path in the configuration"},
             {{"--local", "stack", "rollback", "d", "s", "x", "--meta-path", "/m"},
              "stack rollback: \"x\" is no number of a generation; gachette stack log lists them"},
         }) {
        const Said said = gachette(row.words);
        INFO(row.sentence);
        CHECK(said.errors == "gachette: " + row.sentence + "\n");
        CHECK(said.status == 2);
        CHECK(said.output.empty());
    }
    write_text_file(home + "/broken.yml", "hooks:\n  x: {}\n");
    const Said broken = gachette({"-c", home + "/broken.yml", "show_config"});
    CHECK(broken.status == 2);
    CHECK(broken.errors.starts_with("gachette: " + home + "/broken.yml:"));
    CHECK(gachette({"-c", home + "/missing.yml", "show_config"}).status == 2);
}

TEST_CASE("several hosts do not matter to version and show_config") {
    const Binary gachette;
    CHECK(gachette({"-H", "a,b", "version"}).status == 0);
    CHECK(gachette({"-H", "a,b", "show_config"}).status == 0);
}

TEST_CASE("a daemon that does not answer ends with 3 and says how to start it") {
    const Binary gachette;
    const std::string socket = gachette.home() + "/none.sock";
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"deliveries"},
                                                                                       {"jobs"},
                                                                                       {"logs", "1"},
                                                                                       {"logs", "-f", "1"},
                                                                                       {"replay", "1"},
                                                                                       {"rebuild", "1"},
                                                                                       {"cancel", "1"}}) {
        std::vector<std::string> all = words;
        all.push_back("--socket");
        all.push_back(socket);
        const Said said = gachette(all);
        CHECK(said.status == 3);
        CHECK(said.errors ==
              "gachette: the daemon does not answer at " + socket +
                  ": No such file or directory; start it with gachette serve -c CONFIGURATION (or systemctl "
                  "start gachette), or name its socket with --socket\n");
    }
    write_text_file(gachette.home() + "/token", "token\n");
    const Said tcp = gachette({"jobs", "--server", "http://127.0.0.1:1", "--token-file", gachette.home() + "/token"});
    CHECK(tcp.status == 3);
    CHECK(
        tcp.errors ==
        "gachette: the daemon at http://127.0.0.1:1 does not answer: nobody listens there; check the address, and that "
        "gachette serve runs there\n");
    CHECK(gachette({"jobs"}).errors.find("/var/lib/gachette/admin.sock") != std::string::npos);
    const Said configured = gachette({"-c", configuration(gachette), "jobs"});
    CHECK(configured.status == 3);
    CHECK(configured.errors.find(gachette.home() + "/state/admin.sock") != std::string::npos);
}

TEST_CASE("a build host that does not answer ends with 3") {
    const Binary gachette;
    const Said said = gachette({"-H", "hero@127.0.0.1:1", "stack_create:main,a,/tmp/none"});
    CHECK(said.status == 3);
    CHECK(said.errors.starts_with("gachette: "));
    CHECK(said.errors.find("127.0.0.1") != std::string::npos);
}

TEST_CASE("show_config prints every setting sorted and no secret") {
    const Binary gachette;
    const std::string path = configuration(gachette);
    const Said said = gachette({"-c", path, "show_config"});
    CHECK(said.status == 0);
    CHECK(said.output.find("debs_path: /srv/debs\n") != std::string::npos);
    CHECK(said.output.find("hooks.github.forge: github\n") != std::string::npos);
    CHECK(said.output.find("domains.backend.projects: test_config\n") != std::string::npos);
    CHECK(said.output.find(secret) == std::string::npos);
    CHECK(said.output.find("github.secret") != std::string::npos);
    std::vector<std::string> lines;
    for (std::size_t start = 0; start < said.output.size();) {
        const std::size_t end = said.output.find('\n', start);
        lines.push_back(said.output.substr(start, said.output.find(':', start) - start));
        start = end + 1;
    }
    CHECK(lines.size() > 8);
    CHECK(std::is_sorted(lines.begin(), lines.end()));
    const json settings = json::parse(gachette({"-c", path, "show-config", "--json"}).output);
    CHECK(settings["settings"]["meta_path"] == "/srv/meta");

    Binary by_environment;
    by_environment.environment["GACHETTE_CONFIG"] = path;
    CHECK(by_environment({"show_config"}).output == said.output);
}

TEST_CASE("the original's sample configurations are shown by their keys") {
    const Binary gachette;
    const std::string path = gachette.home() + "/vagrant.yml";
    write_text_file(
        path,
        "user:   vagrant\nkey_filename: /home/hero/.vagrant.d/insecure_private_key\nhosts:\n    -   0.0.0.0\n"
        "debs_path: /var/gachette/debs\nmeta_path: /var/gachette\n");
    const Said said = gachette({"-c", path, "show_config"});
    CHECK(said.status == 0);
    for (const std::string line :
         {"user: vagrant\n", "hosts: 0.0.0.0\n", "key_filename: /home/hero/.vagrant.d/insecure_private_key\n",
          "debs_path: /var/gachette/debs\n", "meta_path: /var/gachette\n"})
        CHECK(said.output.find(line) != std::string::npos);
    // What such a file means for a server is said beside it.
    CHECK(said.errors.find("gachette: note: there are no hooks, so gachette serve receives nothing") !=
          std::string::npos);
    CHECK(gachette({"-c", path, "-l"}).status == 0);
}

TEST_CASE("check-config says what every project would do") {
    const Binary gachette;
    const std::string path = configuration(gachette);
    const Said said = gachette({"check-config", "-c", path});
    CHECK(said.status == 0);
    CHECK(said.output.find("project test_config: https://github.com/ops-hero/test_config.git\n") != std::string::npos);
    CHECK(said.output.find("branch main -> backend/edge\n") != std::string::npos);
    CHECK(said.output.ends_with(path + " is fine\n"));
    CHECK(json::parse(gachette({"check-config", "-c", path, "--json"}).output)["projects"][0]["project"] ==
          "test_config");
}

TEST_CASE("explain says what a payload would do, and does nothing") {
    const Binary gachette;
    const std::string path = configuration(gachette);
    const Said said = gachette({"-c", path, "explain", "-"}, push_body);
    CHECK(said.status == 0);
    CHECK(said.output.find("hook       github (forge github)\n") != std::string::npos);
    CHECK(said.output.find("signature  not checked; give the request's headers with --header to check it\n") !=
          std::string::npos);
    CHECK(said.output.find("event      push\n") != std::string::npos);
    CHECK(said.output.find("job        test_config: 2222222222222222222222222222222222222222 -> backend/edge\n") !=
          std::string::npos);
    CHECK(said.output.ends_with("state      accepted\nNothing was done.\n"));

    const Said wrong = gachette(
        {"-c", path, "explain", "--header", "X-Hub-Signature-256: sha256=" + std::string(64, '0'), "-"}, push_body);
    CHECK(wrong.status == 1);
    CHECK(wrong.output.find("signature  refused with 401: ") != std::string::npos);

    const json explained = json::parse(gachette({"-c", path, "explain", "--json", "-"}, push_body).output);
    CHECK(explained["state"] == "accepted");
    CHECK(explained["jobs"][0]["targets"][0]["stack"] == "edge");
    CHECK(gachette({"-c", path, "explain", "-"}, "{").status == 1);
    CHECK(gachette({"-c", path, "explain", "--event", "ping", "-"}, "{}").output.find("state      ignored: ping\n") !=
          std::string::npos);
    CHECK(gachette({"-c", path, "explain", "--hook", "gitlab", "-"}, "{}").errors ==
          "gachette: explain: there is no hook \"gitlab\"; the configuration has github\n");
}

TEST_CASE("what sign prints makes a body authentic") {
    const Binary gachette;
    const std::string path = configuration(gachette);
    const json signed_body = json::parse(gachette({"-c", path, "sign", "--json", "-"}, push_body).output);
    CHECK(signed_body["url"] == "http://127.0.0.1:8080/hooks/github");
    std::vector<std::string> words{"-c", path, "explain"};
    for (const auto& [name, value] : signed_body["headers"].items()) {
        words.push_back("--header");
        words.push_back(name + ": " + value.get<std::string>());
    }
    words.push_back("-");
    const Said explained = gachette(words, push_body);
    CHECK(explained.status == 0);
    CHECK(explained.output.find("signature  right, by the secret from ") != std::string::npos);
    CHECK(gachette(words, push_body + " ").output.find("refused with 401") != std::string::npos);

    const Said plain = gachette({"-c", path, "sign", "-"}, push_body);
    CHECK(plain.output.find("-H 'X-Hub-Signature-256: sha256=") != std::string::npos);
    CHECK(plain.output.find("-H 'X-GitHub-Event: push'\n") != std::string::npos);
    const Said curl = gachette({"-c", path, "sign", "--curl", "--event", "ping", "-"}, "{}");
    CHECK(curl.output.starts_with("curl -X POST -H 'Content-Type: application/json'"));
    CHECK(curl.output.ends_with(" --data-binary '@-' 'http://127.0.0.1:8080/hooks/github'\n"));
    const Said form = gachette({"-c", path, "sign", "--curl", "--form", "-"}, "{\"a\": \"'\"}");
    CHECK(form.output.find("--data-binary 'payload=%7b%22a%22%3a%20%22%27%22%7d'") != std::string::npos);
    CHECK(gachette({"-c", path, "sign", "--form", "-"}).status == 2);
}
