#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace gachette {

void Descriptor::reset(int number) {
    if (number_ >= 0) ::close(number_);
    number_ = number;
}

std::string system_error_text(int error_number) { return std::generic_category().message(error_number); }

Result<std::string> read_file(const std::string& path, std::size_t limit) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail(path + ": " + system_error_text(errno));
    std::string content;
    char buffer[65536];
    for (;;) {
        const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(path + ": " + system_error_text(errno));
        if (count == 0) return content;
        content.append(buffer, static_cast<std::size_t>(count));
        if (content.size() > limit) return fail(path + ": larger than " + std::to_string(limit) + " bytes");
    }
}

namespace {

Result<void> write_all(int descriptor, std::string_view content, const std::string& path) {
    while (!content.empty()) {
        const ssize_t count = ::write(descriptor, content.data(), content.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(path + ": " + system_error_text(errno));
        content.remove_prefix(static_cast<std::size_t>(count));
    }
    if (::fsync(descriptor) != 0) return fail(path + ": " + system_error_text(errno));
    return {};
}

}  // namespace

Result<void> write_file_synced(const std::string& path, std::string_view content, unsigned mode) {
    const std::string beside = path + ".new." + std::to_string(::getpid());
    {
        const Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
        if (!file) return fail(beside + ": " + system_error_text(errno));
        if (auto written = write_all(file.get(), content, beside); !written) {
            ::unlink(beside.c_str());
            return written;
        }
    }
    if (::rename(beside.c_str(), path.c_str()) != 0) return fail(path + ": " + system_error_text(errno));
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent || ::fsync(parent.get()) != 0) return fail(folder + ": " + system_error_text(errno));
    return {};
}

Result<void> make_folders(const std::string& path, unsigned mode) {
    for (std::size_t end = 1; end <= path.size(); ++end) {
        if (end < path.size() && path[end] != '/') continue;
        const std::string folder = path.substr(0, end);
        if (::mkdir(folder.c_str(), mode) == 0 || errno == EEXIST) continue;
        return fail(folder + ": " + system_error_text(errno));
    }
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return fail(path + ": not a folder");
    return {};
}

}  // namespace gachette
