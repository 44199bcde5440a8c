#include "serve/crash_mark.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>

#include "base/log.h"

namespace gachette::serve {

namespace {

char mark_path[4096];  // set before the handler, which may only read it

// Only calls that are safe in a signal handler (signal-safety(7)). SA_RESETHAND makes the second signal the real end.
void on_crash(int number) {
    const int mark = ::open(mark_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (mark >= 0) {
        ::fsync(mark);
        ::close(mark);
    }
    ::raise(number);
}

std::string path_of(const std::string& state_folder) { return state_folder + "/crashed"; }

}  // namespace

LastEnd take_crash_mark(const std::string& state_folder) {
    if (::unlink(path_of(state_folder).c_str()) != 0) return LastEnd::unknown;
    log::error("gachette crashed the last time; jobs during which that happens three times are set aside");
    return LastEnd::crashed;
}

void leave_crash_mark_in(const std::string& state_folder) {
    const std::string path = path_of(state_folder);
    if (path.size() >= sizeof mark_path) return;
    std::strcpy(mark_path, path.c_str());
    struct sigaction action {};
    action.sa_handler = on_crash;
    action.sa_flags = SA_RESETHAND | SA_NODEFER;
    for (const int number : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL}) ::sigaction(number, &action, nullptr);
}

}  // namespace gachette::serve
