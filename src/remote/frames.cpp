#include "remote/frames.h"

#include "base/crypto.h"
#include "base/error.h"
#include "base/text.h"

namespace gachette::remote {

namespace {

constexpr std::size_t longest_line = 64 * 1024;
constexpr std::size_t longest_log_frame = 1024 * 1024;
constexpr std::int64_t most_frames = 100'000;
constexpr std::size_t most_noise = 2048;

[[noreturn]] void refuse(std::string_view what) {
    throw HostError("the program on the build host said something it never says (" + std::string(what) +
                    "); the connection is given up");
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

std::string decode_value(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0) refuse("a broken escape");
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

bool valid_word(std::string_view word) {
    return !word.empty() && word.size() <= 32 && word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == word.npos;
}

}  // namespace

std::string encode_value(std::string_view text) {
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=+,~-";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (plain.find(c) != plain.npos)
            out += c;
        else
            out += "%" + hex(std::string_view(&c, 1));
    }
    return out;
}

FrameReader::FrameReader(std::string_view nonce) : mark_("@" + std::string(nonce) + " ") {}

void FrameReader::add(std::string_view bytes) {
    if (position_ > 0 && position_ * 2 >= buffer_.size()) {
        buffer_.erase(0, position_);
        position_ = 0;
    }
    buffer_ += bytes;
}

void FrameReader::add_noise(std::string_view bytes) {
    noise_ += bytes;
    if (noise_.size() > most_noise) noise_.erase(0, noise_.size() - most_noise);
}

std::optional<Frame> FrameReader::next() {
    while (true) {
        const std::string_view rest = std::string_view(buffer_).substr(position_);
        if (log_) {
            if (rest.size() < log_bytes_) return std::nullopt;
            log_->bytes = rest.substr(0, log_bytes_);
            position_ += log_bytes_;
            return std::exchange(log_, std::nullopt);
        }
        const std::size_t end = rest.find('\n');
        if (end == rest.npos) {
            if (rest.size() > longest_line) refuse("a line without an end");
            return std::nullopt;
        }
        if (end > longest_line) refuse("a line of more than 64 KiB");
        position_ += end + 1;
        if (std::optional<Frame> frame = read_line(rest.substr(0, end))) return frame;
    }
}

std::optional<Frame> FrameReader::read_line(std::string_view line) {
    const std::size_t mark = line.find(mark_);
    // Noise without a line end may stand before our first words, later nothing may.
    if (mark == line.npos || (begun_ && mark != 0)) {
        add_noise(std::string(line) + "\n");
        return std::nullopt;
    }
    if (mark > 0) add_noise(line.substr(0, mark));
    begun_ = true;
    const std::vector<std::string> words = split(line.substr(mark + mark_.size()), ' ');
    if (!valid_word(words[0])) refuse("a word that is none");
    if (words.size() > 64) refuse("too many arguments");
    Frame frame;
    frame.event.word = words[0];
    if (words[0] == "log") {
        const auto offset = words.size() == 3 ? parse_decimal(words[1]) : std::nullopt;
        const auto bytes = words.size() == 3 ? parse_decimal(words[2]) : std::nullopt;
        if (!offset || !bytes || *bytes < 1 || static_cast<std::size_t>(*bytes) > longest_log_frame)
            refuse("a log frame without sense");
        frame.offset = *offset;
        log_ = std::move(frame);
        log_bytes_ = static_cast<std::size_t>(*bytes);
        return std::nullopt;
    }
    if (++frames_ > most_frames) refuse("more than 100,000 events");
    for (std::size_t i = 1; i < words.size(); ++i) frame.event.arguments.push_back(decode_value(words[i]));
    return frame;
}

}  // namespace gachette::remote
