// The daemon's log: one line per event on standard error, for the journal. A line is a plain sentence followed by
// key=value fields; every value is made printable here, so that no stranger's text can forge or colour a line.
// Thread-safe. A full or blocked sink never blocks the caller for long: lines are handed to spdlog's own thread and the
// oldest are dropped when it cannot follow. The one file that knows spdlog is log.cpp.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace gachette::log {

enum class Level { debug, info, warning, error };

struct Field {
    Field(std::string_view field, std::string_view text);
    Field(std::string_view field, const char* text) : Field(field, std::string_view(text)) {}
    Field(std::string_view field, const std::string& text) : Field(field, std::string_view(text)) {}
    Field(std::string_view field, std::int64_t number);
    Field(std::string_view field, int number) : Field(field, static_cast<std::int64_t>(number)) {}
    std::string name;
    std::string value;
};
using Fields = std::initializer_list<Field>;

// Lines below this level are dropped. Default: info.
void set_level(Level level);
// Starts the writer thread; without it lines are written by the caller (command line, tests).
void start_background();
// Writes what is waiting; call before the process ends.
void stop();

void debug(std::string_view sentence, Fields fields = {});
void info(std::string_view sentence, Fields fields = {});
void warning(std::string_view sentence, Fields fields = {});
void error(std::string_view sentence, Fields fields = {});

}  // namespace gachette::log
