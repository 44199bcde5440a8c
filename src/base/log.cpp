#include "base/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/text.h"

namespace gachette::log {

namespace {

// The journal adds time and host; "<6>" tells it the priority when it reads our standard error (sd-daemon(3)).
constexpr char pattern[] = "%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v";

std::shared_ptr<spdlog::logger>& logger() {
    static std::shared_ptr<spdlog::logger> instance = [] {
        auto created = std::make_shared<spdlog::logger>("gachette", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        created->set_pattern(pattern, spdlog::pattern_time_type::utc);
        return created;
    }();
    return instance;
}

spdlog::level::level_enum translate(Level level) {
    switch (level) {
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warning:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

void write(Level level, std::string_view sentence, Fields fields) {
    if (!logger()->should_log(translate(level))) return;
    std::string line = printable(sentence, 2000);
    for (const Field& field : fields) {
        line += ' ';
        line += field.name;
        line += '=';
        line += field.value;
    }
    logger()->log(translate(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

Field::Field(std::string_view field_name, std::string_view text) : name(field_name) {
    const std::string shown = printable(text, 1000);
    const bool plain = !shown.empty() && shown.find_first_of(" \"=") == std::string::npos;
    if (plain) {
        value = shown;
        return;
    }
    value = "\"";
    for (const char c : shown) {
        if (c == '"' || c == '\\') value += '\\';
        value += c;
    }
    value += '"';
}

Field::Field(std::string_view field_name, std::int64_t number) : name(field_name), value(std::to_string(number)) {}

void set_level(Level level) { logger()->set_level(translate(level)); }

void start_background() {
    const auto level = logger()->level();
    spdlog::init_thread_pool(8192, 1);
    auto created =
        std::make_shared<spdlog::async_logger>("gachette", std::make_shared<spdlog::sinks::stderr_sink_mt>(),
                                               spdlog::thread_pool(), spdlog::async_overflow_policy::overrun_oldest);
    created->set_pattern(pattern, spdlog::pattern_time_type::utc);
    created->set_level(level);
    created->flush_on(spdlog::level::info);
    logger() = created;
}

void stop() {
    logger()->flush();
    spdlog::shutdown();
}

void debug(std::string_view sentence, Fields fields) { write(Level::debug, sentence, fields); }
void info(std::string_view sentence, Fields fields) { write(Level::info, sentence, fields); }
void warning(std::string_view sentence, Fields fields) { write(Level::warning, sentence, fields); }
void error(std::string_view sentence, Fields fields) { write(Level::error, sentence, fields); }

}  // namespace gachette::log
