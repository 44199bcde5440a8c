#include "serve/log_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "dispatch/log_files.h"

namespace gachette::serve {

namespace {

constexpr std::size_t piece_size = 64 * 1024;

class LogReader {
public:
    LogReader(const Store& store, std::string state_folder, JobId id, std::int64_t offset, bool follow)
        : store_(store), state_folder_(std::move(state_folder)), id_(id), offset_(offset), follow_(follow) {}

    door::Piece next() {
        // First what the job says, then what the log holds: when it had ended before we read, nothing can be missing.
        const auto job = store_.job(id_);
        if (!job) return {"", true};
        if (attempt_ == 0) attempt_ = follow_ ? std::max(1, job->attempts) : job->attempts;
        if (attempt_ == 0) return {"", !follow_ || ended(job->state)};
        std::string bytes = read();
        if (!bytes.empty()) return {whole_lines(std::move(bytes), false), false};
        if (attempt_ < job->attempts) {
            const std::string rest = whole_lines("", true);
            ++attempt_;
            offset_ = 0;
            file_.reset();
            return {rest + fmt::format("--- attempt {} ---\n", attempt_), false};
        }
        if (follow_ && !ended(job->state)) return {"", false};
        std::string last = whole_lines("", true);
        if (follow_ && ended(job->state))
            last += fmt::format("--- job {} {}{}{} ---\n", id_, to_string(job->state), job->reason.empty() ? "" : ": ",
                                printable(job->reason, 2000));
        return {last, true};
    }

private:
    std::string read() {
        if (!file_) {
            const std::string path = dispatch::log_path(state_folder_, id_, attempt_);
            file_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
            if (!file_) return "";
        }
        std::string bytes(piece_size, '\0');
        const ssize_t count = ::pread(file_.get(), bytes.data(), bytes.size(), offset_);
        bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        offset_ += static_cast<std::int64_t>(bytes.size());
        return bytes;
    }

    // Keeps back an unfinished last line, so that no character is cut in two; lines without end are cut at the piece
    // size.
    std::string whole_lines(std::string bytes, bool everything) {
        std::string text = std::move(kept_back_) + bytes;
        kept_back_.clear();
        const std::size_t end = everything || text.size() > piece_size ? text.size() : text.rfind('\n') + 1;
        kept_back_ = text.substr(end);
        return printable_lines(text.substr(0, end));
    }

    const Store& store_;
    const std::string state_folder_;
    const JobId id_;
    std::int64_t offset_;
    const bool follow_;
    int attempt_ = 0;
    Descriptor file_;
    std::string kept_back_;
};

}  // namespace

door::Source log_source(const Store& store, std::string state_folder, JobId job, std::int64_t offset, bool follow) {
    auto reader = std::make_shared<LogReader>(store, std::move(state_folder), job, offset, follow);
    return [reader]() -> door::Piece {
        try {
            return reader->next();
        } catch (const StoreError& problem) {
            return {std::string("gachette: the log cannot be read now: ") + problem.what() + "\n", true};
        }
    };
}

}  // namespace gachette::serve
