#include <catch2/catch.hpp>

#include "base/error.h"
#include "remote/frames.h"

using namespace gachette;
using namespace gachette::remote;

namespace {

const std::string nonce = "00112233445566778899aabbccddeeff";

std::vector<std::string> words_of(FrameReader& reader) {
    std::vector<std::string> out;
    while (std::optional<Frame> frame = reader.next()) {
        std::string text = frame->event.word;
        for (const std::string& argument : frame->event.arguments) text += "|" + argument;
        if (text == "log") text += "@" + std::to_string(frame->offset) + ":" + frame->bytes;
        out.push_back(text);
    }
    return out;
}

}  // namespace

TEST_CASE("frames are read whole, however they were cut") {
    const std::string stream = "noise of a login shell\nwelcome@" + nonce + " phase build\n@" + nonce +
                               " log 0 12\nabc\n@x end\n\n@" + nonce + " commit a%20b  c%0a\nother noise\n@" + nonce +
                               " end ok -\n";
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, stream.size()}) {
        FrameReader reader(nonce);
        std::vector<std::string> all;
        for (std::size_t i = 0; i < stream.size(); i += piece) {
            reader.add(stream.substr(i, piece));
            for (const std::string& text : words_of(reader)) all.push_back(text);
        }
        CHECK(all == std::vector<std::string>{"phase|build", "log@0:abc\n@x end\n\n", "commit|a b||c\n", "end|ok|-"});
        CHECK(reader.noise() == "noise of a login shell\nwelcomeother noise\n");
    }
}

TEST_CASE("a line with another nonce, or with ours not at its beginning, is noise") {
    FrameReader reader(nonce);
    reader.add("@" + nonce + " beat\n@00112233445566778899aabbccddeef0 end ok -\nx@" + nonce + " end ok -\n");
    CHECK(words_of(reader) == std::vector<std::string>{"beat"});
}

TEST_CASE("what no host program says ends the conversation") {
    const std::vector<std::string> lies{"log 0 1048577\n",
                                        "log 0 0\n",
                                        "log -1 3\n",
                                        "log 0\n",
                                        "log 0 3 4\n",
                                        "log 1e3 4\n",
                                        "END ok -\n",
                                        " end ok -\n",
                                        "end %zz\n",
                                        "end %2\n",
                                        "end %\n",
                                        "end %0A\n",
                                        std::string(70'000, 'a') + "\n",
                                        std::string(70'000, 'a'),
                                        "e" +
                                            [] {
                                                std::string s;
                                                for (int i = 0; i < 80; ++i) s += " a";
                                                return s;
                                            }() +
                                            "\n"};
    for (const std::string& lie : lies) {
        INFO(lie.substr(0, 60));
        FrameReader reader(nonce);
        reader.add("@" + nonce + " " + lie);
        CHECK_THROWS_AS(words_of(reader), HostError);
    }
}

TEST_CASE("values survive their encoding") {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    const std::string encoded = encode_value(all);
    CHECK(encoded.find('\n') == std::string::npos);
    CHECK(encoded.find(' ') == std::string::npos);
    FrameReader reader(nonce);
    reader.add("@" + nonce + " warn " + encoded + "\n");
    CHECK(reader.next()->event.arguments[0] == all);
}
