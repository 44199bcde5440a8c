// Tells a crash of ours from a kill or a power cut: a crashing process leaves a small file, which the next one takes
// away. So a job that brings gachette down is set aside after three times, and one that merely saw it being killed is
// not.
#pragma once
#include <string>

#include "store/store.h"

namespace gachette::serve {

// Removes the mark of the former process and says whether there was one.
LastEnd take_crash_mark(const std::string& state_folder);
// From now on SIGSEGV, SIGABRT, SIGBUS, SIGFPE and SIGILL leave <state_folder>/crashed behind before they end the
// process.
void leave_crash_mark_in(const std::string& state_folder);

}  // namespace gachette::serve
