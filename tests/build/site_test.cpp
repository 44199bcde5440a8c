// The helpers of this room's tests (site.h).
#include "tests/build/site.h"

#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "build/parameters.h"
#include "remote/local_shell.h"

namespace gachette::testing {

std::string file_content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

void write_text(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

bool wait_until(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

int processes_with(const std::string& text) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc"))
        if (file_content(entry.path().string() + "/cmdline").find(text) != std::string::npos) ++count;
    return count;
}

BuildSite::BuildSite() {
    run_program({"git", "init", "-q", "-b", "main", repository()});
    git({"config", "user.name", "Test"});
    git({"config", "user.email", "test@example.com"});
    git({"config", "uploadpack.allowFilter", "true"});
    git({"config", "uploadpack.allowAnySHA1InWant", "true"});
    shell_ = remote::make_local_shell(host());
}

std::string BuildSite::git(const std::vector<std::string>& words) const {
    std::vector<std::string> all{"git", "-C", repository()};
    all.insert(all.end(), words.begin(), words.end());
    std::string output = run_program(all);
    if (output.ends_with('\n')) output.pop_back();
    return output;
}

std::string BuildSite::commit(const std::map<std::string, std::string>& files, const std::string& message) {
    for (const auto& [path, content] : files) {
        if (content.empty())
            std::filesystem::remove(repository() + "/" + path);
        else
            write_text(repository() + "/" + path, content);
    }
    git({"add", "-A"});
    git({"commit", "-q", "--allow-empty", "-m", message});
    return git({"rev-parse", "HEAD"});
}

BuildHost BuildSite::host() const {
    BuildHost host;
    host.name = "here";
    host.local = true;
    host.base_path = base();
    return host;
}

build::JobRequest BuildSite::request(const std::string& commit) {
    build::JobRequest request;
    request.id = "test-" + std::to_string(++jobs_) + "-1";
    request.host = host();
    request.project.name = "demo";
    request.project.url = url();
    request.project.builder = BuilderKind::command;
    request.project.command = {"sh", "build.sh"};
    request.ref = "refs/heads/main";
    request.commit = commit;
    request.debs_path = debs();
    request.meta_path = meta();
    request.arrival = jobs_;
    request.job = std::to_string(jobs_);
    Target target;
    target.domain = "main";
    target.stack = "edge";
    target.create = true;
    request.targets = {target};
    return request;
}

build::JobResult BuildSite::run(remote::Shell& shell, const build::JobRequest& request, Heard* heard) {
    build::JobListener listener;
    if (heard) {
        listener.log = [heard](std::int64_t, std::string_view bytes) { heard->log += bytes; };
        listener.note = [heard](const std::string& sentence) { heard->notes.push_back(sentence); };
        listener.step = [heard](Step step, const std::string&) { heard->steps.push_back(step); };
    }
    return build::run_job(shell, request, listener, clock_).value();
}

build::JobResult BuildSite::run(const build::JobRequest& request, Heard* heard) { return run(*shell_, request, heard); }

std::string BuildSite::script_for(const std::vector<std::string>& names, const std::string& before) {
    std::string script = "set -e\n" + before + "\n";
    for (const std::string& name : names)
        script += "t=$(mktemp -d); mkdir $t/DEBIAN; printf 'Package: " + name +
                  "\\nVersion: %s\\nArchitecture: all\\nMaintainer: t <t@example.com>\\nDescription: d\\n' "
                  "\"$GACHETTE_VERSION\" "
                  "> $t/DEBIAN/control; dpkg-deb -Znone --root-owner-group -b $t $GACHETTE_OUTPUT/" +
                  name + "_$GACHETTE_VERSION.deb >/dev/null\n";
    return script;
}

std::string BuildSite::in_stack(const std::string& stack, const std::string& package) const {
    std::string text = file_content(meta() + "/domain/main/stacks/" + stack + "/packages/" + package + "/version");
    if (text.ends_with('\n')) text.pop_back();
    return text;
}

std::string BuildSite::tree(const std::string& ref) const {
    return base() + "/work/demo/" + build::slot_name(ref) + "/area/tree";
}

}  // namespace gachette::testing
