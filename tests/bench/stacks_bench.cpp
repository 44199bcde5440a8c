// Changing a stack beside the original's procedure (one login shell a step), alternating in one run on this machine.
//   stacks_bench [FOLDER] [PACKAGES] [ROUNDS]
// Prints medians in milliseconds and ratios (original / gachette). Ours is the whole conversation: start of perl, the
// program sent, everything synced, the answer. "start" is such a conversation that does nothing, to show its share.
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "remote/shell.h"
#include "stacks/stacks.h"

using namespace gachette;
using namespace gachette::stacks;
namespace fs = std::filesystem;

namespace {

double milliseconds(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

// One remote command of the original: a login shell with an empty home folder.
void login_shell(const std::string& home, const std::string& command) {
    const pid_t child = fork();
    if (child == 0) {
        clearenv();
        setenv("HOME", home.c_str(), 1);
        setenv("PATH", "/usr/bin:/bin", 1);
        execl("/bin/bash", "/bin/bash", "-l", "-c", command.c_str(), static_cast<char*>(nullptr));
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) throw std::runtime_error("a step of the original failed: " + command);
}

struct Original {
    std::string meta, home;

    std::string view(const std::string& stack) const { return meta + "/domain/main/stacks/" + stack; }
    void clone(const std::string& from, const std::string& to) const {
        login_shell(home, "test -d " + view(to) + " || true");
        login_shell(home, "mkdir -p " + view(to));
        login_shell(home, "cp -R " + view(from) + "/* " + view(to));
    }
    void add(const std::string& stack, const std::string& name, const std::string& version) const {
        const std::string reference = meta + "/packages/" + name + "/version/" + version;
        login_shell(home, "mkdir -p " + reference);
        login_shell(home, "echo " + name + "-" + version + "-all.deb > " + reference + "/file");
        login_shell(home, "mkdir -p " + view(stack) + "/packages/" + name);
        login_shell(home, "echo " + version + " > " + view(stack) + "/packages/" + name + "/version");
    }
};

std::vector<NewPackage> packages(int from, int count, const std::string& version) {
    std::vector<NewPackage> all;
    for (int index = from; index < from + count; ++index) {
        const std::string name = fmt::format("pkg{:05}", index);
        all.push_back({name, version, name + "-" + version + "-all.deb"});
    }
    return all;
}

template <typename T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error());
    return std::move(*result);
}

void row(const char* what, const std::vector<double>& original, const std::vector<double>& ours, double start) {
    const double theirs = median(original), mine = median(ours);
    fmt::print("{:24} original {:8.1f} ms   gachette {:8.1f} ms   {:6.1f} x   without start {:6.1f} ms {:6.1f} x\n",
               what, theirs, mine, theirs / mine, mine - start, theirs / std::max(0.1, mine - start));
}

}  // namespace

int main(int argc, char** argv) {
    const std::string base = argc > 1 ? argv[1] : fs::temp_directory_path().string();
    const int count = argc > 2 ? atoi(argv[2]) : 1'000;
    const int rounds = argc > 3 ? atoi(argv[3]) : 9;
    std::string folder = base + "/gachette-bench-XXXXXX";
    if (!mkdtemp(folder.data())) throw std::runtime_error("cannot make " + folder);
    fs::create_directories(folder + "/home");
    const Original original{folder + "/original", folder + "/home"};
    SystemClock clock;
    BuildHost here;
    here.name = "here";
    here.local = true;
    const auto shell = remote::make_shell(here);
    StackHost host(*shell, folder + "/meta", "", clock);
    const Author author{"bench", ""};

    // The same stack of `count` packages for both.
    std::string script;
    for (const NewPackage& package : packages(0, count, "1.0")) {
        const std::string reference = original.meta + "/packages/" + package.name + "/version/1.0";
        const std::string entry = original.view("s") + "/packages/" + package.name;
        fs::create_directories(reference);
        fs::create_directories(entry);
        login_shell(original.home,
                    "echo " + package.file + " > " + reference + "/file; echo 1.0 > " + entry + "/version");
    }
    must(host.create("main", "s", "", author));
    must(host.add("main", "s", packages(0, count, "1.0"), author));
    must(host.settle("main", "s"));

    const int fifty = std::min(50, count);
    std::vector<double> start, clone_theirs, clone_ours, one_theirs, one_ours, fifty_theirs, fifty_ours, rollback, list;
    for (int round = 1; round <= rounds; ++round) {
        const std::string name = fmt::format("c{}", round), version = fmt::format("2.{}", round),
                          next = fmt::format("3.{}", round);
        start.push_back(milliseconds([&] { must(host.list("nothing")); }));
        clone_theirs.push_back(milliseconds([&] { original.clone("s", name); }));
        clone_ours.push_back(milliseconds([&] { must(host.create("main", name, "s", author)); }));
        must(host.settle("main", name));
        one_theirs.push_back(milliseconds([&] { original.add("s", "pkg00000", version); }));
        one_ours.push_back(milliseconds([&] { must(host.add("main", "s", packages(0, 1, version), author)); }));
        must(host.settle("main", "s"));
        fifty_theirs.push_back(milliseconds([&] {
            for (const NewPackage& package : packages(0, fifty, next)) original.add("s", package.name, next);
        }));
        fifty_ours.push_back(milliseconds([&] { must(host.add("main", "s", packages(0, fifty, next), author)); }));
        must(host.settle("main", "s"));
        const std::int64_t now = must(host.show("main", "s")).summary.generation;
        rollback.push_back(milliseconds([&] { must(host.rollback("main", "s", now - 1, author)); }));
        must(host.settle("main", "s"));
    }
    fmt::print("{} packages, medians of {} rounds, {}; a conversation that does nothing: {:.1f} ms\n", count, rounds,
               base, median(start));
    row("clone", clone_theirs, clone_ours, median(start));
    row("add 1", one_theirs, one_ours, median(start));
    row(fmt::format("add {}", fifty).c_str(), fifty_theirs, fifty_ours, median(start));
    fmt::print("{:24} {:38} {:8.1f} ms\n", "rollback (50 differ)", "", median(rollback));
    fs::remove_all(folder);
}
