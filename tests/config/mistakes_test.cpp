// One mistake per file, and the whole of what is said about it.
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>

#include "tests/config/support.h"

using namespace gachette;
using gachette::testing::ConfigFolder;

namespace {

struct Row {
    std::string text;
    std::string error;
};

void check(const std::vector<Row>& rows) {
    ConfigFolder folder;
    for (const Row& row : rows) {
        INFO(row.text);
        CHECK(folder.error(row.text) == row.error);
    }
}

const std::string hook_head = "hooks:\n  github:\n    forge: github\n";
const std::string project_head = "projects:\n  x:\n    url: /srv/x\n";
const std::string paths = "debs_path: /d\nmeta_path: /m\n";
const std::string domain_head = paths + project_head + "domains:\n  d:\n    projects: [x]\n    stacks:\n";
const std::string host_head = "build_hosts:\n  b:\n";

}  // namespace

TEST_CASE("mistakes in the YAML itself") {
    check({
        {"", "config.yml: is empty; see config/gachette.yml for an example"},
        {"# only words\n", "config.yml: is empty; see config/gachette.yml for an example"},
        {"- a\n", "config.yml:1: the file must be a map (key: value), it is a list"},
        {"word\n", "config.yml:1: the file must be a map (key: value), it is text"},
        {"user: a\nlisten: 127.0.0.1:1\nuser: b\n",
         "config.yml:3: key \"user\" stands twice in one map, first in line 1"},
        {"projects:\n  x: {url: /a}\n  x: {url: /b}\n",
         "config.yml:3: key \"x\" stands twice in one map, first in line 2"},
        {"user: &me hero\n", "config.yml:1: anchors (&name) are not understood; write the value out"},
        {"user: hero\nhosts: [*me]\n",
         "config.yml:2: is not YAML that can be read: the referenced anchor is not defined "
         "(column 9)"},
        {"projects:\n  <<: {}\n", "config.yml:2: merge keys (<<) are not understood; write the values out"},
        {"user: !!str hero\n", "config.yml:1: tags (tag:yaml.org,2002:str) are not understood; leave it out"},
        {"user: !secret hero\n", "config.yml:1: tags (!secret) are not understood; leave it out"},
        {"user: a\n---\nuser: b\n", "config.yml:3: a second YAML document begins here; one file holds one"},
        {"user: [a\n", "config.yml:2: is not YAML that can be read: end of sequence flow not found (column 1)"},
        {"user: caf\xe9\n", "config.yml:1: is not valid UTF-8; save the file as UTF-8"},
        {"a: b\nuser: \x01\n", "config.yml:2: holds a control character"},
        {std::string("\xff\xfe"
                     "u\0s\0",
                     6),
         "config.yml:1: holds a control character"},
        {"[a]: b\n", "config.yml:1: a key must be text, not a list"},
        {"user: \"a\\nb\"\n", "config.yml:1: user: holds a control character"},
    });
}

TEST_CASE("bombs, cycles, depth and sizes end at once") {
    ConfigFolder folder;
    const auto start = std::chrono::steady_clock::now();
    std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n";
    for (char c = 'b'; c <= 'i'; ++c) {
        bomb += std::string(1, c) + ": &" + c + " [";
        for (int i = 0; i < 9; ++i) bomb += std::string(i ? ", *" : "*") + static_cast<char>(c - 1);
        bomb += "]\n";
    }
    CHECK(folder.error(bomb).starts_with("config.yml:1: anchors (&name) are not understood; write the value out\n"));
    CHECK(folder.error("user: &a [*a]\n") ==
          "config.yml:1: anchors (&name) are not understood; write the value out\n"
          "config.yml:1: aliases (*name) are not understood; write the value out\n"
          "config.yml:1: user: must be text, it is a list");
    CHECK(folder.error("a: " + std::string(40, '[') + std::string(40, ']')) ==
          "config.yml:1: is nested deeper than 32 levels");
    CHECK(folder.error(std::string(100'000, '[')) == "config.yml:1: is nested deeper than 32 levels");
    CHECK(folder.error("a: " + std::string(20'000, '{')) == "config.yml:1: is nested deeper than 32 levels");
    std::string many = "hosts:\n";
    for (int i = 0; i < 10'000; ++i) many += " - h" + std::to_string(i) + "\n";
    CHECK(folder.error(many) == "config.yml:9999: has more than 10000 values; split the file");
    CHECK(folder.error("user: " + std::string(300'000, 'x')) ==
          "config.yml: has 300006 bytes; at most 262144 are read");
    CHECK(folder.error("user: " + std::string(5'000, 'x')) ==
          "config.yml:1: user: has 5000 bytes; at most 4096 are allowed");
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}

TEST_CASE("mistakes at the top level") {
    check({
        {"lisen: 127.0.0.1:1\n", "config.yml:1: lisen: is not known here; did you mean listen?"},
        {"state-folder: /x\n", "config.yml:1: state-folder: is not known here; did you mean state_folder?"},
        {"colour: red\n",
         "config.yml:1: colour: is not known here; known are listen, state_folder, external_url, trusted_proxies, tls, "
         "admin, "
         "limits, reconcile, debs_path, meta_path, reporters, hooks, projects, domains, user, key_filename, use_ssh_config, forward_agent, "
         "port, "
         "trebuchet_bin, build_hosts, hosts"},
        {"listen: 8080\n",
         "config.yml:1: listen: is \"8080\"; write address:port, for example 127.0.0.1:8080 or [::]:8080"},
        {"listen: 0.0.0.0:70000\n",
         "config.yml:1: listen: is \"0.0.0.0:70000\"; write address:port, for example 127.0.0.1:8080 or [::]:8080"},
        {"listen: '*:8080'\n",
         "config.yml:1: listen: is \"*:8080\"; write address:port, for example 127.0.0.1:8080 or [::]:8080"},
        {"listen:\n", "config.yml:1: listen: is empty; give it a value or leave it out"},
        {"state_folder: var/lib\n",
         "config.yml:1: state_folder: is \"var/lib\"; write an absolute path, beginning with /"},
        {"external_url: gachette.example.com\n",
         "config.yml:1: external_url: is \"gachette.example.com\"; write how people reach the pages, for example "
         "https://gachette.example.com"},
        {"trusted_proxies: [10.0.0.0/33]\n",
         "config.yml:1: trusted_proxies: \"10.0.0.0/33\" is no address and no network such as 10.0.0.0/8"},
        {"trusted_proxies: [proxy]\n",
         "config.yml:1: trusted_proxies: \"proxy\" is no address and no network such as 10.0.0.0/8"},
        {"tls:\n  certificate: a.pem\n", "config.yml:1: tls.key: is missing; give the file of the private key (PEM)"},
        {"tls:\n  key: a.pem\n",
         "config.yml:1: tls.certificate: is missing; give the file of the certificate chain (PEM)"},
        {"admin:\n  socket: admin.sock\n",
         "config.yml:2: admin.socket: is \"admin.sock\"; write an absolute path, beginning with /"},
        {"admin:\n  socket: /" + std::string(110, 'x') + "\n",
         "config.yml:2: admin.socket: has 111 bytes; the system allows a socket at most 107"},
        {"admin: {tokens: [0123456789abcdef]}\n",
         "config.yml:1: admin.tokens[0]: a secret must not stand in this file, which is copied and shown; write {file: "
         "...}, "
         "{credential: ...} or {environment: ...}"},
        {"limits: {body: 25MB}\n",
         "config.yml:1: limits.body: is \"25MB\"; write a whole number and B, KiB, MiB or GiB, for example 25MiB"},
        {"limits: {body: 1000}\n",
         "config.yml:1: limits.body: is \"1000\"; write a whole number and B, KiB, MiB or GiB, for example 25MiB"},
        {"limits: {body: 1B}\n", "config.yml:1: limits.body: is \"1B\"; at least 1024 bytes are needed"},
        {"limits: {body: 200MiB}\n",
         "config.yml:1: limits.total_body: is less than limits.body, so that no largest body could "
         "ever be read; make it larger"},
        {"limits: {head_time: 5}\n",
         "config.yml:1: limits.head_time: is \"5\"; write a whole number and ms, s, m, h or d, for example 30s"},
        {"limits: {head_time: 1.5s}\n",
         "config.yml:1: limits.head_time: is \"1.5s\"; write a whole number and ms, s, m, h or d, for example 30s"},
        {"limits: {head_time: 1ms}\n", "config.yml:1: limits.head_time: is \"1ms\"; at least 100 ms are needed"},
        {"limits: {head_fields: 0x40}\n",
         "config.yml:1: limits.head_fields: is \"0x40\"; write a whole number from 16 to 10000"},
        {"limits: {head_fields: 0100}\n",
         "config.yml:1: limits.head_fields: is \"0100\"; write a whole number from 16 to 10000"},
        {"limits: {head_fields: '64'}\n", "config.yml:1: limits.head_fields: is quoted; write a number without quotes"},
        {"limits: {connections: -1}\n",
         "config.yml:1: limits.connections: is \"-1\"; write a whole number from 1 to 1000000"},
        {"limits: big\n", "config.yml:1: limits: must be a map (key: value), it is text"},
        {"debs_path: debs\n", "config.yml:1: debs_path: is \"debs\"; write an absolute path, beginning with /"},
        {"meta_path: /var/../etc\n", "config.yml:1: meta_path: must not hold \"..\""},
        {"password: swordfish\n",
         "config.yml:1: password: a secret must not stand in this file, which is copied and shown; "
         "log in with a key or the agent"},
        {"use_ssh_config: yes\n", "config.yml:1: use_ssh_config: is \"yes\"; write true or false"},
        {"use_ssh_config: 'true'\n", "config.yml:1: use_ssh_config: is quoted; write true or false without quotes"},
        {"user: -l\n", "config.yml:1: user: \"-l\" is no name of a user"},
        {"user: {a: b}\n", "config.yml:1: user: must be text, it is a map"},
        {"key_filename: [a, b]\n",
         "config.yml:1: key_filename: has several files; give the one that the build hosts know"},
        {"hosts: [-oProxyCommand=id]\n",
         "config.yml:1: hosts: \"-oProxyCommand=id\" is no host; write [user@]host[:port]"},
        {"hosts: [box:ssh]\n", "config.yml:1: hosts: \"box:ssh\" is no host; write [user@]host[:port]"},
        {"hosts: []\n", "config.yml:1: hosts: is an empty list; give at least one value or leave it out"},
        {"hosts: [a]\nbuild_hosts: {b: {address: b}}\n",
         "config.yml:1: hosts: stands beside build_hosts; write its machines there, as build_hosts.<name>: {address: "
         "...}"},
    });
}

TEST_CASE("mistakes in hooks") {
    const std::string forms = "{file: ...}, {credential: ...} or {environment: ...}";
    check({
        {hook_head,
         "config.yml:2: hooks.github.secrets: is missing; a hook without a secret would believe everybody; give at "
         "least one " +
             forms},
        {hook_head + "    secrets:\n", "config.yml:4: hooks.github.secrets: is empty; give at least one " + forms},
        {hook_head + "    secrets: []\n", "config.yml:4: hooks.github.secrets: is empty; give at least one " + forms},
        {hook_head + "    secrets: {file: good.secret}\n",
         "config.yml:4: hooks.github.secrets: must be a list, it is a map"},
        {hook_head + "    secrets: [swordfish-swordfish]\n",
         "config.yml:4: hooks.github.secrets[0]: a secret must not stand in this file, which is copied and shown; "
         "write " +
             forms},
        {hook_head + "    secrets: [{}]\n", "config.yml:4: hooks.github.secrets[0]: give exactly one of " + forms},
        {hook_head + "    secrets: [{file: good.secret, environment: HOOK_SECRET}]\n",
         "config.yml:4: hooks.github.secrets[0]: give exactly one of " + forms},
        {hook_head + "    secrets: [{file: good.secret, mode: x}]\n",
         "config.yml:4: hooks.github.secrets[0].mode: is not known here; known are file, credential, environment"},
        {hook_head + "    secrets: [{value: swordfish}]\n",
         "config.yml:4: hooks.github.secrets[0].value: is not known here; known are file, credential, environment\n"
         "config.yml:4: hooks.github.secrets[0]: give exactly one of " +
             forms},
        {hook_head + "    secrets: [{file: none.secret}]\n",
         "config.yml:4: hooks.github.secrets[0]: (file none.secret) none.secret cannot be read: No such file or "
         "directory"},
        {hook_head + "    secrets: [{file: credentials}]\n",
         "config.yml:4: hooks.github.secrets[0]: (file credentials) credentials is not a regular file"},
        {hook_head + "    secrets: [{file: open.secret}]\n",
         "config.yml:4: hooks.github.secrets[0]: (file open.secret) open.secret is open to everybody (mode 0644); run: "
         "chmod "
         "640 open.secret"},
        {hook_head + "    secrets: [{file: short.secret}]\n",
         "config.yml:4: hooks.github.secrets[0]: (file short.secret) has 15 bytes; at least 16 are needed, shorter "
         "ones can be "
         "guessed; make one with: openssl rand -hex 32"},
        {hook_head + "    secrets: [{file: empty.secret}]\n",
         "config.yml:4: hooks.github.secrets[0]: (file empty.secret) has 0 bytes; at least 16 are needed, shorter ones "
         "can be "
         "guessed; make one with: openssl rand -hex 32"},
        {hook_head + "    secrets: [{file: lines.secret}]\n",
         "config.yml:4: hooks.github.secrets[0]: (file lines.secret) holds several lines or a NUL; a secret is one "
         "line"},
        {hook_head + "    secrets: [{file: long.secret}]\n",
         "config.yml:4: hooks.github.secrets[0]: (file long.secret) is longer than 4096 bytes"},
        {hook_head + "    secrets: [{environment: NO_SUCH}]\n",
         "config.yml:4: hooks.github.secrets[0]: (environment NO_SUCH) the environment has no variable NO_SUCH"},
        {hook_head + "    secrets: [{credential: none}]\n",
         "config.yml:4: hooks.github.secrets[0]: (credential none) credentials/none cannot be read: No such file or "
         "directory"},
        {hook_head + "    secrets: [{credential: ../good.secret}]\n",
         "config.yml:4: hooks.github.secrets[0]: (credential ../good.secret) a credential is named without a folder"},
        {hook_head +
             "    secrets: [{file: good.secret}]\n  two:\n    forge: gitlab\n    secrets: [{file: twin.secret}]\n",
         "config.yml:7: hooks.two.secrets[0]: is the same secret as hooks.github.secrets[0] in line 4; give each its "
         "own"},
        {hook_head + "    secrets: [{file: good.secret}]\nadmin: {tokens: [{file: twin.secret}]}\n",
         "config.yml:4: hooks.github.secrets[0]: is the same secret as admin.tokens[0] in line 5; give each its own"},
        {"hooks:\n  github:\n    secrets: [{file: good.secret}]\n",
         "config.yml:2: hooks.github.forge: is missing; give one of github, gitlab"},
        {"hooks:\n  github:\n    forge: githup\n    secrets: [{file: good.secret}]\n",
         "config.yml:3: hooks.github.forge: \"githup\" is no forge that is known; did you mean github? known are "
         "github, gitlab"},
        {"hooks:\n  github:\n    forge: svn\n    secrets: [{file: good.secret}]\n",
         "config.yml:3: hooks.github.forge: \"svn\" is no forge that is known; known are github, gitlab"},
        {"hooks:\n  git hub: {forge: github, secrets: [{file: good.secret}]}\n",
         "config.yml:2: hooks: hook \"git hub\": only letters, digits and . _ + - are allowed, the first a letter or "
         "digit"},
        {hook_head + "    secrets: [{file: good.secret}]\n    secret: x\n",
         "config.yml:5: hooks.github.secret: is not known here; did you mean secrets?"},
        {hook_head + "    secrets: [{file: good.secret}]\n    settings: {colour: red}\n",
         "config.yml:2: hooks.github: setting \"colour\" is odd"},
        {hook_head + "    secrets: [{file: good.secret}]\n    repositories: ['!a/b']\n",
         "config.yml:5: hooks.github.repositories: has only exclusions and matches nothing; begin with \"**\" to mean "
         "all "
         "others"},
        {hook_head + "    secrets: [{file: good.secret}]\n    tolerance: 0s\n",
         "config.yml:5: hooks.github.tolerance: is \"0s\"; at least 1000 ms are needed"},
        {"hooks: [github]\n", "config.yml:1: hooks: must be a map (key: value), it is a list"},
    });
    ConfigFolder folder;
    folder.environment.erase("CREDENTIALS_DIRECTORY");
    CHECK(folder.error(hook_head + "    secrets: [{credential: x}]\n") ==
          "config.yml:4: hooks.github.secrets[0]: (credential x) there are no credentials (CREDENTIALS_DIRECTORY is "
          "not set); "
          "start gachette by its systemd unit, or use {file: ...}");
}

TEST_CASE("mistakes in projects") {
    check({
        {"projects:\n  x: {}\n",
         "config.yml:2: projects.x.url: is missing; give the address to clone, for example "
         "git@github.com:group/project.git"},
        {"projects:\n  x:\n", "config.yml:2: projects.x: must be a map (key: value), it is nothing"},
        {"projects:\n  x:\n    url: ext::sh -c id\n",
         "config.yml:3: projects.x.url: \"ext::sh -c id\" cannot be cloned; write an https, http, ssh, git, file or "
         "user@host:path address, or an absolute folder"},
        {"projects:\n  x:\n    url: https://me:word@host/x.git\n",
         "config.yml:3: projects.x.url: holds a password; take it out and give the build host a key or a credential "
         "helper"},
        {"projects:\n  a@1: {url: /srv/x}\n",
         "config.yml:2: projects: project \"a@1\": only letters, digits and . _ + - are "
         "allowed, the first a letter or digit"},
        {project_head + "    branch: main\n",
         "config.yml:4: projects.x.branch: is not known here; known are url, repositories, command, builder, "
         "path_to_missile, "
         "version_base, version, submodules, environment, build_hosts, limits"},
        {project_head + "    builder: make\n",
         "config.yml:4: projects.x.builder: is \"make\"; write automatic, trebuchet, debian or command"},
        {project_head + "    builder: command\n",
         "config.yml:2: projects.x.command: is missing; builder command needs it, for example [make, deb]"},
        {project_head + "    builder: debian\n    command: [make]\n",
         "config.yml:5: projects.x.command: is not used by builder debian; write builder: command or leave it out"},
        {project_head + "    command: make deb\n",
         "config.yml:4: projects.x.command: must be a list of words, for example [make, deb]; it is text"},
        {project_head + "    command: []\n",
         "config.yml:4: projects.x.command: must be a list of words, for example [make, deb]; it is empty"},
        {project_head + "    path_to_missile: --help\n",
         "config.yml:4: projects.x.path_to_missile: must not begin with \"-\"; write ./ before it"},
        {project_head + "    version: '{bse}'\n",
         "config.yml:4: projects.x.version: version template \"{bse}\": unknown field {bse}; known are {base}, "
         "{short_sha}, "
         "{sha}, {branch}, {tag}, {date}, {count}, {project}, {ref}"},
        {project_head + "    version: '{base}_{count}'\n",
         "config.yml:4: projects.x.version: version template \"{base}_{count}\" gives \"0.0.1_1\": only letters, "
         "digits and . "
         "+ - ~ are allowed"},
        {project_head + "    version_base: v1\n",
         "config.yml:4: projects.x.version_base: \"v1\" is no version for Debian: it must begin with a digit"},
        {project_head + "    submodules: on\n", "config.yml:4: projects.x.submodules: is \"on\"; write true or false"},
        {project_head + "    environment: {1A: b}\n",
         "config.yml:4: projects.x.environment: \"1A\" is no name of a variable; use letters, digits and _, the first "
         "no "
         "digit"},
        {project_head + "    environment: {GACHETTE_VERSION: '1'}\n",
         "config.yml:4: projects.x.environment: GACHETTE_VERSION is one of gachette's own; take another name"},
        {project_head + "    environment: {A: [b]}\n",
         "config.yml:4: projects.x.environment.A: must be text, it is a list"},
        {project_head + "    build_hosts: [nowhere]\n",
         "config.yml:4: projects.x.build_hosts: no build host is called \"nowhere\"; there are none"},
        {project_head + "    build_hosts: [nowhere]\nhosts: [a]\n",
         "config.yml:4: projects.x.build_hosts: no build host is called \"nowhere\"; known are default"},
        {project_head + "    limits: {total: forever}\n",
         "config.yml:4: projects.x.limits.total: is \"forever\"; write a whole number and ms, s, m, h or d, for "
         "example 30s"},
        {project_head + "    limits: {packages: 0}\n",
         "config.yml:4: projects.x.limits.packages: is \"0\"; write a whole number from 1 to 10000"},
        {project_head + "    repositories: [a/b, a/b]\n",
         "config.yml:4: projects.x.repositories[1]: \"a/b\" stands in the list twice"},
    });
}

TEST_CASE("mistakes in domains") {
    check({
        {"domains:\n  d:\n    projects: [x]\n",
         "config.yml:3: domains.d.projects: no project is called \"x\"; add it to "
         "projects"},
        {"projects: {application: {url: /x}}\ndomains: {d: {projects: [aplication]}}\n",
         "config.yml:2: domains.d.projects: no project is called \"aplication\"; did you mean application?"},
        {"domains:\n  d:\n    rules: []\n",
         "config.yml:3: domains.d.rules: is not known here; known are projects, stacks"},
        {project_head + "domains: {d: {projects: [x], stacks: [{branch: main, stack: s}]}}\n",
         "config.yml:1: debs_path: is missing; rules of domains need it, for example /var/gachette/debs\n"
         "config.yml:1: meta_path: is missing; rules of domains need it, for example /var/gachette"},
        {domain_head + "      - {stack: s}\n",
         "config.yml:10: domains.d.stacks[0]: says neither branch nor tag; give one, for example branch: main"},
        {domain_head + "      - {branch: main, tag: v1, stack: s}\n",
         "config.yml:10: domains.d.stacks[0].tag: one rule is for branches or for tags; write two rules"},
        {domain_head + "      - {branch: main, branches: [a], stack: s}\n",
         "config.yml:10: domains.d.stacks[0].branches: stands beside branch; write one of them"},
        {domain_head + "      - {branch: main}\n",
         "config.yml:10: domains.d.stacks[0].stack: is missing; say which stack the packages go into, for example "
         "stack: "
         "latest"},
        {domain_head + "      - {branch: '', stack: s}\n",
         "config.yml:10: domains.d.stacks[0].branch: is empty; give it a value or leave it out"},
        {domain_head + "      - {branch: [], stack: s}\n",
         "config.yml:10: domains.d.stacks[0].branch: is an empty list; give at least one value or leave it out"},
        {domain_head + "      - {branch: '!x', stack: s}\n",
         "config.yml:10: domains.d.stacks[0].branch: has only exclusions and matches nothing; begin with \"**\" to "
         "mean all "
         "others"},
        {domain_head + "      - {branch: ['**', '!'], stack: s}\n",
         "config.yml:10: domains.d.stacks[0].branch: \"!\" excludes nothing; write a pattern behind it"},
        {domain_head + "      - {branch: refs/heads/main, stack: s}\n",
         "config.yml:10: domains.d.stacks[0].branch: \"refs/heads/main\": write the short name, for example main "
         "instead of "
         "refs/heads/main"},
        {domain_head + "      - {branch: main, stack: a/b}\n",
         "config.yml:10: domains.d.stacks[0].stack: stack \"a/b\": only letters, digits and . _ + - are allowed, the "
         "first a "
         "letter or digit"},
        {domain_head + "      - {branch: main, stack: '{tag}'}\n",
         "config.yml:10: domains.d.stacks[0].stack: {tag} is empty in a rule for branches; write {branch}"},
        {domain_head + "      - {tag: v*, stack: 'x-{branch}'}\n",
         "config.yml:10: domains.d.stacks[0].stack: {branch} is empty in a rule for tags; write {tag}"},
        {domain_head + "      - {tag: v*, stack: '{version}'}\n",
         "config.yml:10: domains.d.stacks[0].stack: \"{version}\": unknown field {version}; known are {branch}, {tag} "
         "and "
         "{project}"},
        {domain_head + "      - {tag: v*, stack: '{tag'}\n",
         "config.yml:10: domains.d.stacks[0].stack: \"{tag\": unknown field {tag; known are {branch}, {tag} and "
         "{project}"},
        {domain_head + "      - {tag: v*, stack: s, from: '@3'}\n",
         "config.yml:10: domains.d.stacks[0].from: stack \"@3\": only letters, digits and . _ + - are allowed, the "
         "first a "
         "letter or digit"},
        {domain_head + "      - {tag: v*, stack: s, from: a, create: true}\n",
         "config.yml:10: domains.d.stacks[0].create: stands beside from, which already makes the stack; write one of "
         "them"},
        {domain_head + "      - {branch: main, stack: s, forced: ignore}\n",
         "config.yml:10: domains.d.stacks[0].forced: is \"ignore\"; write take or refuse"},
        {domain_head + "      - {branch: main, stack: s, projects: [y]}\n",
         "config.yml:10: domains.d.stacks[0].projects: \"y\" is not in domains.d.projects; add it there"},
        {domain_head + "      - {branch: main, stack: s, stak: s}\n",
         "config.yml:10: domains.d.stacks[0].stak: is not known here; did you mean stack?"},
        {domain_head + "      - main\n", "config.yml:10: domains.d.stacks[0]: must be a map (key: value), it is text"},
    });
}

TEST_CASE("mistakes in build hosts") {
    check({
        {host_head + "    slots: 2\n",
         "config.yml:2: build_hosts.b.address: is missing; give host name or address, or local: true for this machine"},
        {host_head + "    address: me@box\n",
         "config.yml:3: build_hosts.b.address: \"me@box\" is no host name or address; user and port have their own "
         "keys"},
        {host_head + "    address: -oProxyCommand=id\n",
         "config.yml:3: build_hosts.b.address: \"-oProxyCommand=id\" is no host name or address; user and port have "
         "their own "
         "keys"},
        {host_head + "    address: box\n    port: 0\n",
         "config.yml:4: build_hosts.b.port: is \"0\"; write a whole number from 1 to 65535"},
        {host_head + "    address: box\n    slots: many\n",
         "config.yml:4: build_hosts.b.slots: is \"many\"; write a whole number from 1 to 256"},
        {host_head + "    address: box\n    host_keys: [SHA256:abc]\n",
         "config.yml:4: build_hosts.b.host_keys: \"SHA256:abc\" is no fingerprint; write SHA256:... as ssh-keygen -lf "
         "shows it"},
        {host_head + "    address: box\n    base_path: gachette\n",
         "config.yml:4: build_hosts.b.base_path: is \"gachette\"; write an absolute path, beginning with /"},
        {host_head + "    local: true\n    user: me\n",
         "config.yml:4: build_hosts.b.user: means nothing beside local: true; leave one of them out"},
        {host_head + "    address: box\n    user: a b\n",
         "config.yml:4: build_hosts.b.user: \"a b\" is no name of a user"},
        {host_head + "    adress: box\n",
         "config.yml:2: build_hosts.b.address: is missing; give host name or address, or local: true for this machine\n"
         "config.yml:3: build_hosts.b.adress: is not known here; did you mean address?"},
        {host_head + "    address: box\n    connect_timeout: 10\n",
         "config.yml:4: build_hosts.b.connect_timeout: is \"10\"; write a whole number and ms, s, m, h or d, for "
         "example 30s"},
    });
}

TEST_CASE("all mistakes are told at once, in the order of the file, and no secret with them") {
    ConfigFolder folder;
    CHECK(
        folder.error("listne: x\nprojects:\n  x: {url: -x}\nhooks:\n  h: {forge: github}\nuser: ''\n") ==
        "config.yml:1: listne: is not known here; did you mean listen?\n"
        "config.yml:3: projects.x.url: \"-x\" cannot be cloned; write an https, http, ssh, git, file or user@host:path "
        "address, or an absolute folder\n"
        "config.yml:5: hooks.h.secrets: is missing; a hook without a secret would believe everybody; give at least one "
        "{file: ...}, {credential: ...} or {environment: ...}\n"
        "config.yml:6: user: is empty; give it a value or leave it out");
    std::string many;
    for (int i = 0; i < 150; ++i) many += "unheard_of_" + std::to_string(i) + ": x\n";
    CHECK(folder.error(many).ends_with("config.yml: and 50 more mistakes"));
    for (const char* secret : {"short.secret", "lines.secret", "open.secret"}) {
        const std::string told = folder.error(hook_head + "    secrets: [{file: " + secret + "}]\n");
        CHECK(told.find("abcdef") == std::string::npos);
        CHECK(told.find("fifteen") == std::string::npos);
    }
}
