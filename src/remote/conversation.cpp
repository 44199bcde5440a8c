#include "remote/conversation.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.h"
#include "base/error.h"
#include "base/text.h"
#include "remote/frames.h"

namespace gachette::remote {

namespace {

std::string greeting(std::string_view nonce, std::string_view program, const Parameters& parameters) {
    std::string text;
    for (const auto& [name, value] : parameters) text += name + " " + encode_value(value) + "\n";
    return fmt::format("gachette 1 {} {} {}\n{}{}", nonce, program.size(), text.size(), program, text);
}

std::int64_t log_start(const Parameters& parameters) {
    for (const auto& [name, value] : parameters)
        if (name == "log_from") return parse_decimal(value).value_or(0);
    return 0;
}

std::string last_line(std::string_view noise) {
    std::string line;
    for (const std::string& part : split(noise, '\n'))
        if (!trim(part).empty()) line = trim(part);
    return printable(line, 200);
}

// Why the words ended without an "end".
std::string broken_off(const std::string& host, const FrameReader& reader) {
    const std::string words = last_line(reader.noise());
    if (reader.begun())
        return fmt::format("the connection to build host \"{}\" broke before the end was told{}", host,
                           words.empty() ? "" : fmt::format(" (last words: \"{}\")", words));
    if (words.find("perl") != words.npos && words.find("not found") != words.npos)
        return fmt::format("build host \"{}\" has no perl (\"{}\"); install perl-base there", host, words);
    if (words.empty())
        return fmt::format(
            "build host \"{}\" closed the connection without a word; check that the login shell of its user runs "
            "commands",
            host);
    return fmt::format(
        "build host \"{}\" does not run commands as it should: it said \"{}\"; check the login shell of its user", host,
        words);
}

class Talk {
public:
    Talk(Shell& shell, const Listener& listener, const Clock& clock, ConversationLimits limits, std::string nonce,
         std::int64_t log_offset)
        : shell_(shell), listener_(listener), clock_(clock), limits_(limits), reader_(nonce), log_offset_(log_offset) {}

    HostEvent run(const std::string& words) {
        channel_ = shell_.open();
        channel_->write(words);
        heard_ = beaten_ = clock_.steady();
        while (true) {
            if (listener_.detach_requested && listener_.detach_requested()) return {"detached", {}};
            speak();
            const Channel::Input input = channel_->read(patience(), stopped_ ? -1 : listener_.wake_descriptor);
            if (!input.output.empty() || !input.noise.empty()) heard_ = clock_.steady();
            reader_.add_noise(input.noise);
            reader_.add(input.output);
            while (std::optional<Frame> frame = reader_.next())
                if (take(*frame)) return std::move(frame->event);
            if (input.closed) throw HostError(broken_off(shell_.host_name(), reader_));
            if (clock_.steady() - heard_ >= limits_.silence)
                throw HostError(
                    fmt::format("build host \"{}\" has been silent for {} s; the connection counts as broken",
                                shell_.host_name(), limits_.silence / 1000));
        }
    }

private:
    // "stop" once, a "beat" when it is time.
    void speak() {
        if (!stopped_ && listener_.stop_requested && listener_.stop_requested()) {
            stopped_ = true;
            channel_->write("stop\n");
        }
        if (clock_.steady() - beaten_ < limits_.heartbeat) return;
        beaten_ = clock_.steady();
        channel_->write("beat\n");
    }

    Milliseconds patience() const {
        const Milliseconds now = clock_.steady();
        const Milliseconds next = std::min(beaten_ + limits_.heartbeat, heard_ + limits_.silence) - now;
        const Milliseconds most = stopped_ && listener_.detach_requested ? 500 : limits_.heartbeat;
        return std::clamp<Milliseconds>(next, 1, most);
    }

    // True for the end.
    bool take(const Frame& frame) {
        if (frame.event.word == "beat") return false;
        if (frame.event.word == "log") {
            if (frame.offset != log_offset_)
                throw HostError("the log from the build host has a gap; the connection is given up");
            log_offset_ += static_cast<std::int64_t>(frame.bytes.size());
            if (listener_.log) listener_.log(frame.offset, frame.bytes);
            return false;
        }
        if (frame.event.word == "end") return true;
        if (listener_.event) listener_.event(frame.event);
        return false;
    }

    Shell& shell_;
    const Listener& listener_;
    const Clock& clock_;
    const ConversationLimits limits_;
    FrameReader reader_;
    std::int64_t log_offset_;
    std::unique_ptr<Channel> channel_;
    Milliseconds heard_ = 0, beaten_ = 0;
    bool stopped_ = false;
};

}  // namespace

HostEvent converse(Shell& shell, std::string_view program, const Parameters& parameters, const Listener& listener,
                   const Clock& clock, ConversationLimits limits) {
    const std::string nonce = random_hex(16);
    Talk talk(shell, listener, clock, limits, nonce, log_start(parameters));
    return talk.run(greeting(nonce, program, parameters));
}

}  // namespace gachette::remote
