#include "serve/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include <cstdlib>

#include <fmt/format.h>

namespace gachette::serve {

std::vector<HandedSocket> handed_sockets() {
    std::vector<HandedSocket> sockets;
    char** names = nullptr;
    const int count = sd_listen_fds_with_names(1, &names);
    for (int i = 0; i < count; ++i) {
        HandedSocket handed;
        const int number = SD_LISTEN_FDS_START + i;
        handed.local = sd_is_socket(number, AF_UNIX, SOCK_STREAM, 1) > 0;
        handed.socket.reset(number);
        ::fcntl(number, F_SETFL, ::fcntl(number, F_GETFL) | O_NONBLOCK);
        ::fcntl(number, F_SETFD, FD_CLOEXEC);
        if (names && names[i]) {
            handed.name = names[i];
            std::free(names[i]);
        }
        sockets.push_back(std::move(handed));
    }
    std::free(names);
    return sockets;
}

void notify_ready(const std::string& status) { sd_notify(0, fmt::format("READY=1\nSTATUS={}", status).c_str()); }

// Type=notify with RELOADING=1 wants the monotonic time of the reload (sd_notify(3)).
void notify_reloading() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000 + now.tv_nsec / 1000).c_str());
}

void notify_stopping() { sd_notify(0, "STOPPING=1"); }
void notify_alive() { sd_notify(0, "WATCHDOG=1"); }

std::optional<Milliseconds> watchdog_interval() {
    std::uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
    return static_cast<Milliseconds>(microseconds / 2000);
}

}  // namespace gachette::serve
