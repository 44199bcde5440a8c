#include "config/load.h"

#include <catch2/catch.hpp>

#include "config/describe.h"
#include "tests/config/support.h"

using namespace gachette;
using gachette::testing::ConfigFolder;

namespace {

using Lines = std::vector<std::string>;

const std::string samples = std::string(GACHETTE_SOURCE_DIR) + "/config/";

}  // namespace

TEST_CASE("the original's sample for the own machine loads unchanged") {
    ConfigFolder folder;
    const std::string written_out =
        "hosts:\n    -   0.0.0.0\nuse_ssh_config: true\ndebs_path: /tmp/gachette/debs\nmeta_path: /tmp/gachette\n";
    for (const Configuration& configuration :
         {folder.parse(written_out), load_configuration(samples + "local.yml", folder.options)}) {
        REQUIRE(configuration.build_hosts.size() == 1);
        const BuildHost& host = configuration.build_hosts[0];
        CHECK(host.name == "default");
        CHECK(host.address == "0.0.0.0");
        CHECK(host.port == 0);
        CHECK(host.user.empty());
        CHECK(host.use_ssh_config);
        CHECK_FALSE(host.local);
        CHECK_FALSE(host.forward_agent);
        CHECK(configuration.debs_path == "/tmp/gachette/debs");
        CHECK(configuration.meta_path == "/tmp/gachette");
        CHECK(configuration.notes[0] == "hosts became the build host \"default\" (0.0.0.0)");
        CHECK(configuration.notes[1] == "there are no hooks, so gachette serve receives nothing; add hooks.<name>");
    }
    const Configuration configuration = load_configuration(samples + "local.yml", folder.options);
    REQUIRE(configuration.projects.size() == 2);
    CHECK(configuration.projects[0].url == "git@github.com:ops-hero/test_application.git");
    CHECK(configuration.projects[1].path_to_missile == ".missile.yml");
    CHECK(configuration.notes[2] ==
          "project test_application is in no domain, so pushes to it build nothing; add it to "
          "domains.<name>.projects");
}

TEST_CASE("the original's sample for a virtual machine loads unchanged") {
    ConfigFolder folder;
    const std::string written_out =
        "user:   vagrant\nkey_filename: ~/.vagrant.d/insecure_private_key\nhosts:\n    -   "
        "0.0.0.0\ndebs_path: /var/gachette/debs\nmeta_path: /var/gachette\n";
    for (const Configuration& configuration :
         {folder.parse(written_out), load_configuration(samples + "vagrant.yml", folder.options)}) {
        REQUIRE(configuration.build_hosts.size() == 1);
        CHECK(configuration.build_hosts[0].user == "vagrant");
        CHECK(configuration.build_hosts[0].key_filename == "/home/hero/.vagrant.d/insecure_private_key");
        CHECK(configuration.debs_path == "/var/gachette/debs");
    }
}

TEST_CASE("hosts in all the forms that Fabric had") {
    ConfigFolder folder;
    const auto host = [&](const std::string& text) {
        return folder.parse("user: hero\nport: 2200\nhosts: ['" + text + "']\n").build_hosts.at(0);
    };
    CHECK(host("192.168.1.5").user == "hero");
    CHECK(host("192.168.1.5").port == 2200);
    CHECK(host("me@box:22").user == "me");
    CHECK(host("me@box:22").address == "box");
    CHECK(host("me@box:22").port == 22);
    CHECK(host("me@dom@box").user == "me@dom");
    CHECK(host("[2001:db8::1]:22").address == "2001:db8::1");
    CHECK(host("2001:db8::1").address == "2001:db8::1");
    const Configuration several = folder.parse("hosts: [a, b, c]\n");
    REQUIRE(several.build_hosts.size() == 3);
    CHECK(several.build_hosts[2].name == "default-3");
    CHECK(several.notes[1] == "hosts names several machines; a job runs on one of them, whichever is free");
    CHECK(folder.parse("hosts: one\n").build_hosts.size() == 1);
}

TEST_CASE("settings of Fabric are kept and explained") {
    ConfigFolder folder;
    const Configuration configuration = folder.parse(
        "hosts: [a]\nforward_agent: true\ndisable_known_hosts: true\nwarn_only: yes\nroles: [a, b]\n"
        "roledefs: {web: [x, 'y']}\nshell: /bin/bash -l -c\nrcfile:\ntimeout: 10\nparallel: 1\n");
    CHECK(configuration.build_hosts[0].forward_agent);
    CHECK(configuration.legacy == std::map<std::string, std::string>{{"disable_known_hosts", "true"},
                                                                     {"warn_only", "yes"},
                                                                     {"roles", "[a, b]"},
                                                                     {"roledefs", "{web: [x, y]}"},
                                                                     {"shell", "/bin/bash -l -c"},
                                                                     {"rcfile", ""},
                                                                     {"timeout", "10"},
                                                                     {"parallel", "1"}});
    CHECK(configuration.notes[0] ==
          "disable_known_hosts does nothing here: host keys are always checked, by known_hosts or "
          "host_keys of build_hosts.<name>");
    CHECK(configuration.notes[1] == "parallel does nothing here; see slots of build_hosts.<name>");
    CHECK(configuration.notes[2] == "rcfile was a setting of Fabric and does nothing here");
}

TEST_CASE("the commented example loads, and everything in it arrives") {
    ConfigFolder folder;
    const Result<std::string> text = read_file(samples + "gachette.yml");
    REQUIRE(text);
    folder.write("github.secret", "github-secret-0123456789\n", 0640);
    folder.write("admin.token", "admin-token-0123456789\n");
    folder.environment["GITHUB_SECRET_BEFORE"] = "github-secret-of-before";
    folder.write("github.token", "github-token-0123456789\n");
    folder.write("forge.token", "forge-token-0123456789\n");
    folder.write("credentials/gitlab-api.token", "gitlab-api-token-0123456789\n");
    folder.environment["BITBUCKET_TOKEN"] = "bitbucket-token-0123456789";
    folder.write("ci.whsec", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    folder.write("gachette.yml", *text);
    const Configuration all = load_configuration(folder.path("gachette.yml"), folder.options);
    CHECK(all.path == folder.path("gachette.yml"));
    CHECK(all.notes.empty());
    CHECK(all.legacy.empty());
    CHECK(all.listen == "127.0.0.1:8080");
    CHECK(all.external_url == "https://gachette.example.com");
    CHECK(all.state_folder == "/var/lib/gachette");
    CHECK(all.trusted_proxies == Lines{"127.0.0.1", "::1", "10.0.0.0/8"});
    CHECK(all.tls_certificate == folder.path("tls/chain.pem"));
    CHECK(all.tls_key == folder.path("tls/key.pem"));
    CHECK(all.admin_socket == "/run/gachette/admin.sock");
    REQUIRE(all.admin_tokens.size() == 1);
    CHECK(all.admin_tokens[0].value == "admin-token-0123456789");
    CHECK(all.debs_path == "/var/gachette/debs");
    CHECK(all.meta_path == "/var/gachette");

    REQUIRE(all.hooks.size() == 2);
    CHECK(all.hooks[0].name == "github");
    REQUIRE(all.hooks[0].secrets.size() == 2);
    CHECK(all.hooks[0].secrets[0].origin == "file " + folder.path("github.secret"));
    CHECK(all.hooks[0].secrets[0].value == "github-secret-0123456789");
    CHECK(all.hooks[0].secrets[1].origin == "environment GITHUB_SECRET_BEFORE");
    CHECK(all.hooks[0].repositories == Lines{"ops-hero/*", "!ops-hero/secret-*"});
    CHECK(all.hooks[0].report == Lines{"github", "ci", "packages"});
    CHECK(all.hooks[1].report.empty());
    CHECK(all.hooks[1].secrets.at(0).origin == "credential gitlab.token");
    CHECK(all.hooks[1].secrets.at(0).value == "credential-456789abcdef");
    CHECK(all.hooks[1].tolerance == 300'000);

    REQUIRE(all.projects.size() == 3);
    CHECK(all.projects[0].repositories == Lines{"ops-hero/old_name"});
    CHECK(all.projects[0].builder == BuilderKind::trebuchet);
    CHECK(all.projects[0].build_hosts == Lines{"builder"});
    CHECK(all.projects[1].builder == BuilderKind::debian);
    CHECK(all.projects[1].version == "{base}+{date}.{count}.g{short_sha:8}");
    CHECK(all.projects[1].version_base == "1.4");
    CHECK(all.projects[1].submodules);
    CHECK(all.projects[2].builder == BuilderKind::command);
    CHECK(all.projects[2].command == Lines{"make", "deb"});
    CHECK(all.projects[2].environment == std::map<std::string, std::string>{{"LANG", "C.UTF-8"}});

    REQUIRE(all.domains.size() == 2);
    REQUIRE(all.domains[0].rules.size() == 3);
    CHECK(all.domains[0].rules[0].create);
    CHECK(all.domains[0].rules[0].text == "domains.backend.stacks[0] (branch main -> edge)");
    CHECK(all.domains[0].rules[1].tags == Lines{"v*"});
    CHECK(all.domains[0].rules[1].from == "edge");
    CHECK(all.domains[0].rules[2].branches == Lines{"**", "!main", "!wip/**"});
    CHECK(all.domains[0].rules[2].projects == Lines{"test_application"});
    CHECK(all.domains[0].rules[2].paths == Lines{"src/**", "debian/**"});
    CHECK(all.domains[0].rules[2].authors == Lines{"*@example.com", "!robot*"});
    CHECK(all.domains[0].rules[2].only_protected);
    CHECK(all.reconcile_every == 600'000);
    CHECK(all.domains[0].rules[2].forced == "refuse");
    CHECK(all.domains[1].rules[0].branches == Lines{"main", "stable"});

    REQUIRE(all.build_hosts.size() == 2);
    const BuildHost& builder = all.build_hosts[0];
    CHECK(builder.name == "builder");
    CHECK(builder.user == "hero");
    CHECK(builder.address == "192.168.1.5");
    CHECK(builder.port == 22);
    CHECK(builder.key_filename == "/home/hero/.ssh/id_ed25519");
    CHECK(builder.host_keys.size() == 1);
    CHECK(builder.slots == 2);
    CHECK(all.build_hosts[1].local);
    CHECK(all.build_hosts[1].user.empty());
}

TEST_CASE("the example shows the defaults as they are") {
    ConfigFolder folder;
    const DoorLimits door;
    const JobLimits job;
    CHECK(door.head_bytes == 16 * 1024);
    CHECK(door.body_bytes == 25 * 1024 * 1024);
    CHECK(door.total_body_bytes == 128 * 1024 * 1024);
    CHECK(door.head_time == 5'000);
    CHECK(door.body_time == 30'000);
    CHECK(door.answer_time == 10'000);
    CHECK(door.idle_time == 15'000);
    CHECK(job.prepare == 600'000);
    CHECK(job.total == 4 * 3'600'000);
    CHECK(job.silence == 1'800'000);
    CHECK(job.grace == 900'000);
    CHECK(job.log_bytes == 64 * 1024 * 1024);
    CHECK(job.package_bytes == 2LL * 1024 * 1024 * 1024);
}

TEST_CASE("limits, times and sizes") {
    ConfigFolder folder;
    const Configuration configuration = folder.parse(
        "limits: {head: 8 KiB, head_fields: 100, body: 1MiB, total_body: 1GiB, head_time: 500ms, body_time: 1 m,\n"
        "  answer_time: 2s, idle_time: 1h, connections: 10, connections_per_address: 2}\n"
        "projects: {x: {url: /srv/x, limits: {prepare: 1m, total: 2d, silence: 3h, grace: 4m, log: 4096B, packages: "
        "5,\n"
        "  package: 6MiB}}}\n");
    CHECK(configuration.door.head_bytes == 8192);
    CHECK(configuration.door.head_fields == 100);
    CHECK(configuration.door.body_bytes == 1 << 20);
    CHECK(configuration.door.total_body_bytes == 1 << 30);
    CHECK(configuration.door.head_time == 500);
    CHECK(configuration.door.body_time == 60'000);
    CHECK(configuration.door.answer_time == 2'000);
    CHECK(configuration.door.idle_time == 3'600'000);
    CHECK(configuration.door.connections == 10);
    CHECK(configuration.door.connections_per_address == 2);
    const JobLimits& job = configuration.projects.at(0).limits;
    CHECK(job.prepare == 60'000);
    CHECK(job.total == 172'800'000);
    CHECK(job.silence == 10'800'000);
    CHECK(job.grace == 240'000);
    CHECK(job.log_bytes == 4096);
    CHECK(job.packages == 5);
    CHECK(job.package_bytes == 6 << 20);
}

TEST_CASE("where the state goes when nobody says it") {
    ConfigFolder folder;
    const auto state = [&](std::map<std::string, std::string> environment) {
        folder.environment = std::move(environment);
        return folder.parse("user: x").state_folder;
    };
    CHECK(state({{"STATE_DIRECTORY", "/var/lib/gachette:/var/lib/more"}, {"HOME", "/home/hero"}}) ==
          "/var/lib/gachette");
    CHECK(state({{"XDG_STATE_HOME", "/state"}, {"HOME", "/home/hero"}}) == "/state/gachette");
    CHECK(state({{"XDG_STATE_HOME", "state"}, {"HOME", "/home/hero"}}) == "/home/hero/.local/state/gachette");
    CHECK(state({}) == "/var/lib/gachette");
}

TEST_CASE("a command may have repeated words and lines; values are what they look like") {
    ConfigFolder folder;
    const Configuration configuration = folder.parse(
        "projects:\n  x:\n    url: /srv/x\n    version_base: 1.10\n    command: [sh, -c, \"a\\nb\", -c]\n"
        "    environment: {EMPTY_NOT: 'no', NUMBER: 0777}\n");
    const Project& project = configuration.projects.at(0);
    CHECK(project.version_base == "1.10");
    CHECK(project.command == Lines{"sh", "-c", "a\nb", "-c"});
    CHECK(project.environment.at("NUMBER") == "0777");
}

TEST_CASE("what every project would do is told") {
    ConfigFolder folder;
    const Configuration configuration = folder.parse(
        "debs_path: /d\nmeta_path: /m\nhosts: [me@box:2222]\n"
        "hooks: {github: {forge: github, secrets: [{file: good.secret}], repositories: [Ops/*]},\n"
        "        gitlab: {forge: gitlab, secrets: [{file: other.secret}], repositories: [else/*]}}\n"
        "projects: {x: {url: 'git@github.com:ops/x.git'}, y: {url: /srv/y, repositories: [else/y], version: '{tag}'},\n"
        "           z: {url: /srv/z}}\n"
        "domains:\n  d:\n    projects: [x, z]\n    stacks:\n"
        "      - {branch: main, stack: edge, create: true, projects: [x], paths: [src/**], forced: refuse}\n"
        "      - {tags: [v*, r*], stack: '{tag}', from: edge, projects: [x]}\n");
    CHECK(describe_configuration(configuration) ==
          "hook github: POST /hooks/github, forge github, secret from file " + folder.path("good.secret") +
              ", for Ops/*\n"
              "hook gitlab: POST /hooks/gitlab, forge gitlab, secret from file " +
              folder.path("other.secret") +
              ", for else/*\n"
              "project x: git@github.com:ops/x.git\n"
              "  builder automatic\n"
              "  version {base}rev{short_sha}[-{ref}], for example 0.0.1rev1a2b3c4-origin-main\n"
              "  branch main -> d/edge, made empty when missing, only when src/** changed, forced pushes refused\n"
              "  tag v*, r* -> d/{tag}, made from edge when missing\n"
              "  pushes come through hook github\n"
              "  built on any build host\n"
              "project y: /srv/y\n"
              "  also known as else/y\n"
              "  builder automatic\n"
              "  version {tag}, for example 1.0\n"
              "  is in no domain, so pushes build nothing; add it to domains.<name>.projects\n"
              "  pushes come through hook gitlab\n"
              "  built on any build host\n"
              "project z: /srv/z\n"
              "  builder automatic\n"
              "  version {base}rev{short_sha}[-{ref}], for example 0.0.1rev1a2b3c4-origin-main\n"
              "  no rule of domain d is for it; add one to domains.d.stacks\n"
              "  no hook may speak for it\n"
              "  built on any build host\n"
              "reconciler: asks the repositories of projects every 10 min for pushes that no delivery told of\n"
              "build host default: me@box:2222, one job at a time\n"
              "note: hosts became the build host \"default\" (box)\n"
              "note: project y is in no domain, so pushes to it build nothing; add it to domains.<name>.projects\n");
}

TEST_CASE("a file that cannot be read") {
    std::string told;
    try {
        load_configuration("/nonexistent/config.yml");
    } catch (const ConfigError& error) {
        told = error.what();
    }
    CHECK(told == "/nonexistent/config.yml: No such file or directory");
}
