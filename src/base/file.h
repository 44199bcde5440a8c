// Descriptors that close themselves, and whole files read and written with every error told.
#pragma once
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace gachette {

// Owns a file descriptor. Movable, not copyable; closes on destruction. -1 means none.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) reset(std::exchange(other.number_, -1));
        return *this;
    }
    ~Descriptor() { reset(); }

    int get() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }
    int release() { return std::exchange(number_, -1); }
    void reset(int number = -1);

private:
    int number_ = -1;
};

// "No such file or directory" and friends, thread-safe.
std::string system_error_text(int error_number);

// The whole file, at most `limit` bytes; the error names the path and the reason.
Result<std::string> read_file(const std::string& path, std::size_t limit = 64 * 1024 * 1024);
// Writes beside `path`, syncs, renames over it and syncs the folder: the file is old or new, never half.
Result<void> write_file_synced(const std::string& path, std::string_view content, unsigned mode = 0600);
// mkdir -p; an existing folder is fine.
Result<void> make_folders(const std::string& path, unsigned mode = 0700);

}  // namespace gachette
