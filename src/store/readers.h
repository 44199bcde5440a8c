// A few connections that only read, shared by all threads: one is taken for the time of a question.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/schema.h"
#include "store/sqlite.h"

namespace gachette::store {

class Readers {
public:
    explicit Readers(std::string folder) : folder_(std::move(folder)) {}

    // Calls ask(connection) inside one snapshot, so that a row and what belongs to it fit together.
    template <typename Ask>
    auto read(Ask ask) {
        Loan loan(*this);
        sqlite::Transaction snapshot(*loan.connection, sqlite::Transaction::Kind::snapshot);
        return ask(*loan.connection);
    }
    // As read(), without a snapshot.
    template <typename Use>
    auto use(Use with) {
        Loan loan(*this);
        return with(*loan.connection);
    }

private:
    static constexpr std::size_t kept = 4;

    struct Loan {
        explicit Loan(Readers& from) : owner(from), connection(from.take()) {}
        ~Loan() { owner.give_back(std::move(connection)); }
        Loan(const Loan&) = delete;
        Loan& operator=(const Loan&) = delete;
        Readers& owner;
        std::unique_ptr<sqlite::Connection> connection;
    };

    std::unique_ptr<sqlite::Connection> take() {
        {
            const std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                auto connection = std::move(idle_.back());
                idle_.pop_back();
                return connection;
            }
        }
        return open_reader(folder_);
    }
    void give_back(std::unique_ptr<sqlite::Connection> connection) {
        const std::lock_guard lock(mutex_);
        if (idle_.size() < kept) idle_.push_back(std::move(connection));
    }

    const std::string folder_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<sqlite::Connection>> idle_;
};

}  // namespace gachette::store
