#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "serve/crash_mark.h"
#include "tests/support/folder.h"

using namespace gachette;

namespace {

// A process that ends by this signal while the mark is armed.
void end_by(int number, const std::string& folder) {
    const pid_t child = ::fork();
    if (child == 0) {
        serve::leave_crash_mark_in(folder);
        ::kill(::getpid(), number);
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == number);
}

}  // namespace

TEST_CASE("a crash leaves a mark that is taken once, a kill leaves none") {
    const testing::TemporaryFolder folder;
    CHECK(serve::take_crash_mark(folder.path()) == LastEnd::unknown);
    end_by(SIGSEGV, folder.path());
    CHECK(serve::take_crash_mark(folder.path()) == LastEnd::crashed);
    CHECK(serve::take_crash_mark(folder.path()) == LastEnd::unknown);
    end_by(SIGABRT, folder.path());
    CHECK(serve::take_crash_mark(folder.path()) == LastEnd::crashed);
    end_by(SIGKILL, folder.path());
    CHECK(serve::take_crash_mark(folder.path()) == LastEnd::unknown);
}
