#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "dispatch/runner.h"

namespace gachette::dispatch {

Control::Control() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (wake_ < 0) throw HostError("no descriptor is left to watch a job with");
}

Control::~Control() { ::close(wake_); }

void Control::request_stop() {
    stop_ = true;
    ::eventfd_write(wake_, 1);
}

void Control::request_detach() {
    detach_ = true;
    ::eventfd_write(wake_, 1);
}

void Control::wait(Milliseconds time) const {
    pollfd waiting{wake_, POLLIN, 0};
    ::poll(&waiting, 1, static_cast<int>(time));
}

}  // namespace gachette::dispatch
