#include "tests/support/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <stdexcept>

#include "base/crypto.h"
#include "base/file.h"
#include "tests/support/process.h"

namespace gachette::testing {

namespace {

void write(const std::string& path, const std::string& text, unsigned mode = 0600) {
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
}

// Makes one tiny package; its content is the commit, so that two commits differ.
constexpr const char* build_script = R"(#!/bin/sh
set -eu
mkdir -p "$TMPDIR/tree/DEBIAN" "$TMPDIR/tree/usr/share/sample"
printf 'Package: sample\nVersion: %s\nArchitecture: all\nMaintainer: Sample <sample@example.org>\nDescription: sample\n' \
    "$GACHETTE_VERSION" > "$TMPDIR/tree/DEBIAN/control"
cat text.txt > "$TMPDIR/tree/usr/share/sample/text"
echo "building $GACHETTE_VERSION"
dpkg-deb --root-owner-group -Znone -b "$TMPDIR/tree" "$GACHETTE_OUTPUT/sample-$GACHETTE_VERSION-all.deb"
)";

std::string configuration(const std::string& folder, const std::string& more) {
    return fmt::format(R"(listen: 127.0.0.1:0
state_folder: {0}/state
debs_path: {0}/host/debs
meta_path: {0}/host/meta
hooks:
  github:
    forge: github
    secrets: [{{file: github.secret}}]
build_hosts:
  here: {{ local: true, base_path: {0}/host/base }}
projects:
  sample:
    url: file://{0}/origin
    repositories: [ops-hero/sample]
    builder: command
    command: [./build.sh]
domains:
  backend:
    projects: [sample]
    stacks:
      - {{ branch: "*", stack: "edge", create: true }}
      - {{ tag: "v*", stack: "{{tag}}", from: edge }}
{1})",
                       folder, more);
}

}  // namespace

Daemon::Daemon(std::string binary, std::string config, std::string folder)
    : binary_(std::move(binary)), config_(std::move(config)), folder_(std::move(folder)) {}

Daemon::~Daemon() {
    if (running()) kill();
}

std::string Daemon::log() const { return read_file(folder_ + "/gachette.log").value_or(""); }

void Daemon::start() {
    const std::string path = folder_ + "/gachette.log";
    const std::size_t before = log().size();
    child_ = ::fork();
    if (child_ == 0) {
        const int out = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(out, 1);
        ::dup2(out, 2);
        ::execl(binary_.c_str(), "gachette", "serve", "-c", config_.c_str(), nullptr);
        ::_exit(127);
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < deadline) {
        const std::string fresh = log().substr(before);
        const std::size_t ready = fresh.find("gachette is ready");
        const std::size_t port = ready == std::string::npos ? ready : fresh.find(" port=", ready);
        if (port != std::string::npos && fresh.find('\n', port) != std::string::npos) {
            port_ = std::stoi(fresh.substr(port + 6));
            return;
        }
        int status = 0;
        if (::waitpid(child_, &status, WNOHANG) == child_) {
            child_ = -1;
            throw std::runtime_error("gachette did not start: " + fresh);
        }
        ::usleep(2000);
    }
    throw std::runtime_error("gachette was not ready in 30 s: " + log().substr(before));
}

int Daemon::wait() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Daemon::kill() {
    ::kill(child_, SIGKILL);
    wait();
}

int Daemon::stop() {
    ::kill(child_, SIGTERM);
    return wait();
}

void Daemon::hang_up() { ::kill(child_, SIGHUP); }

SampleWorld::SampleWorld(const std::string& binary, const std::string& more_configuration)
    : daemon(binary, folder / "config.yml", folder.path()) {
    const std::string origin = folder / "origin";
    must_run({"git", "init", "-q", "-b", "main", origin});
    must_run({"git", "config", "user.email", "sample@example.org"}, origin);
    must_run({"git", "config", "user.name", "Sample"}, origin);
    write(origin + "/build.sh", build_script, 0755);
    write(folder / "github.secret", secret);
    write(folder / "config.yml", configuration(folder.path(), more_configuration));
    commit("the first");
}

std::string SampleWorld::commit(const std::string& message, const std::string& branch) {
    const std::string origin = folder / "origin";
    if (run({"git", "rev-parse", "-q", "--verify", "HEAD"}, origin).status == 0)
        must_run({"git", "checkout", "-q", "-B", branch}, origin);
    write(origin + "/text.txt", message + "\n", 0644);
    must_run({"git", "add", "."}, origin);
    must_run({"git", "commit", "-q", "--allow-empty", "-m", message}, origin);
    return must_run({"git", "rev-parse", "HEAD"}, origin);
}

std::string SampleWorld::tag(const std::string& name, bool annotated) {
    const std::string origin = folder / "origin";
    if (annotated)
        must_run({"git", "tag", "-f", "-m", name, name}, origin);
    else
        must_run({"git", "tag", "-f", name}, origin);
    return must_run({"git", "rev-parse", "HEAD"}, origin);
}

std::string SampleWorld::push_body(const std::string& ref, const std::string& commit) {
    return fmt::format(
        R"({{"ref":"{}","before":"{}","after":"{}","created":true,"deleted":false,"forced":false,"head_commit":{{"id":"{}","message":"m"}},"commits":[],"pusher":{{"name":"ann"}},"repository":{{"id":42,"full_name":"ops-hero/sample","clone_url":"https://github.com/ops-hero/sample.git"}}}})",
        ref, std::string(40, '0'), commit, commit);
}

HttpAnswer SampleWorld::push(const std::string& ref, const std::string& commit, const std::string& delivery_id) {
    const std::string body = push_body(ref, commit);
    return http(daemon.door(), "POST", "/hooks/github",
                {{"Content-Type", "application/json"},
                 {"X-GitHub-Event", "push"},
                 {"X-GitHub-Delivery", delivery_id},
                 {"X-Hub-Signature-256", "sha256=" + hex(hmac_sha256(secret, {body}))}},
                body);
}

void SampleWorld::settle(int seconds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (std::chrono::steady_clock::now() < deadline) {
        const HttpAnswer answer = http(daemon.admin(), "GET", "/api/v1/health");
        if (answer.body.find("\"jobs_queued\":0") != std::string::npos &&
            answer.body.find("\"jobs_running\":0") != std::string::npos)
            return;
        ::usleep(5000);
    }
    throw std::runtime_error("jobs did not end in time: " + daemon.log());
}

std::string SampleWorld::version_in_stack(const std::string& domain, const std::string& stack,
                                          const std::string& package) const {
    return read_file(folder / ("host/meta/domain/" + domain + "/stacks/" + stack + "/packages/" + package + "/version"))
        .value_or("");
}

}  // namespace gachette::testing
