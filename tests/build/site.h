// A build host with a repository to build, for tests: a git repository by file://, folders for gachette, packages and
// stacks, a local shell, and what a job said.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "build/job.h"
#include "tests/support/folder.h"
#include "tests/support/ssh_host.h"

namespace gachette::testing {

// What a listener heard.
struct Heard {
    std::string log;
    std::vector<std::string> notes;
    std::vector<Step> steps;
};

class BuildSite {
public:
    BuildSite();

    // Commits these files (path to content; empty content removes) to the repository's current branch; the commit's id.
    std::string commit(const std::map<std::string, std::string>& files, const std::string& message = "change");
    std::string git(
        const std::vector<std::string>& words) const;  // in the repository; output without the last line feed
    std::string repository() const { return folder_ / "repository"; }
    std::string url() const { return "file://" + repository(); }

    // A request for a commit of refs/heads/main with a target that is made when missing; builder: sh build.sh.
    build::JobRequest request(const std::string& commit);
    // Runs it over the local shell (or another one), listening.
    build::JobResult run(const build::JobRequest& request, Heard* heard = nullptr);
    build::JobResult run(remote::Shell& shell, const build::JobRequest& request, Heard* heard = nullptr);

    // A build.sh that makes these packages with dpkg-deb, each "name" in GACHETTE_VERSION.
    static std::string script_for(const std::vector<std::string>& names, const std::string& before = "");
    BuildHost host() const;
    std::string base() const { return folder_ / "base"; }
    std::string debs() const { return folder_ / "debs"; }
    std::string meta() const { return folder_ / "meta"; }
    // The version a stack's tree names for a package; empty when there is none.
    std::string in_stack(const std::string& stack, const std::string& package) const;
    const TemporaryFolder& folder() const { return folder_; }
    // The work tree of a slot of the project.
    std::string tree(const std::string& ref = "refs/heads/main") const;

private:
    TemporaryFolder folder_;
    std::unique_ptr<remote::Shell> shell_;
    SystemClock clock_;
    int jobs_ = 0;
};

std::string file_content(const std::string& path);
void write_text(const std::string& path, const std::string& text);
// Waits for something with a deadline of 20 s; false when it did not come.
bool wait_until(const std::function<bool()>& condition);
// How many processes have this text in their command line.
int processes_with(const std::string& text);

}  // namespace gachette::testing
