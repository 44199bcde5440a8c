// What systemd wants of a daemon and gives to it: sockets, readiness, the watchdog, credentials' folder (config room).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"

namespace gachette::serve {

struct HandedSocket {
    Descriptor socket;
    std::string name;    // FileDescriptorName= of the socket unit
    bool local = false;  // AF_UNIX
};

// Listening sockets handed over (sd_listen_fds(3)); empty when started by hand. Close-on-exec and non-blocking.
std::vector<HandedSocket> handed_sockets();
void notify_ready(const std::string& status);
void notify_reloading();
void notify_stopping();
void notify_alive();  // the watchdog's ping
// Half of WatchdogSec=, or nothing when no watchdog watches.
std::optional<Milliseconds> watchdog_interval();

}  // namespace gachette::serve
