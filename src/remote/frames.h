// What a host program writes, taken apart: strict, bounded, free of IO. Not thread-safe.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "remote/conversation.h"

namespace gachette::remote {

struct Frame {
    HostEvent event;          // word "log" for log bytes
    std::int64_t offset = 0;  // of log bytes
    std::string bytes;
};

class FrameReader {
public:
    explicit FrameReader(std::string_view nonce);
    // Takes bytes in. Then next() until it gives nothing.
    void add(std::string_view bytes);
    // The next whole frame. Throws HostError for what no host program of ours would say: a line of more than 64 KiB, a
    // log frame of more than 1 MiB, a broken escape, more than 100,000 frames that are not log.
    std::optional<Frame> next();
    // Whether anything of ours was seen yet; before that everything else is noise (a talkative .bashrc).
    bool begun() const { return begun_; }
    // The last 2 KiB of noise.
    const std::string& noise() const { return noise_; }
    void add_noise(std::string_view bytes);

private:
    std::optional<Frame> read_line(std::string_view line);

    std::string mark_;  // "@NONCE "
    std::string buffer_;
    std::size_t position_ = 0;
    std::string noise_;
    std::optional<Frame> log_;  // its bytes are still coming
    std::size_t log_bytes_ = 0;
    std::int64_t frames_ = 0;
    bool begun_ = false;
};

// For parameters: everything but letters, digits and _./:=+,~- as %xx.
std::string encode_value(std::string_view text);

}  // namespace gachette::remote
