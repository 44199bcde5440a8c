#include "model/job.h"

#include <catch2/catch.hpp>
#include <climits>
#include <string>
#include <utility>
#include <vector>

using namespace gachette;

TEST_CASE("states, steps and classes have their stored numbers and their words") {
    const std::vector<std::pair<DeliveryState, std::string>> deliveries = {{DeliveryState::accepted, "1 accepted"},
                                                                           {DeliveryState::ignored, "2 ignored"},
                                                                           {DeliveryState::malformed, "3 malformed"},
                                                                           {DeliveryState::repeat, "4 repeat"}};
    for (const auto& [state, text] : deliveries)
        CHECK(std::to_string(static_cast<int>(state)) + " " + std::string(to_string(state)) == text);
    const std::vector<std::pair<JobState, std::string>> jobs = {{JobState::queued, "1 queued"},
                                                                {JobState::running, "2 running"},
                                                                {JobState::done, "10 done"},
                                                                {JobState::failed, "11 failed"},
                                                                {JobState::gave_up, "12 gave_up"},
                                                                {JobState::superseded, "13 superseded"},
                                                                {JobState::cancelled, "14 cancelled"},
                                                                {JobState::refused, "15 refused"},
                                                                {JobState::dead, "16 dead"}};
    for (const auto& [state, text] : jobs) {
        CHECK(std::to_string(static_cast<int>(state)) + " " + std::string(to_string(state)) == text);
        CHECK(ended(state) == (static_cast<int>(state) >= 10));
    }
    const std::vector<std::pair<Step, std::string>> steps = {{Step::none, "0 none"},
                                                             {Step::prepare, "1 prepare"},
                                                             {Step::build, "2 build"},
                                                             {Step::add_to_stack, "3 add_to_stack"}};
    for (const auto& [step, text] : steps)
        CHECK(std::to_string(static_cast<int>(step)) + " " + std::string(to_string(step)) == text);
}

TEST_CASE("only trouble of the infrastructure may be tried again") {
    const std::vector<std::pair<AttemptClass, std::string>> classes = {
        {AttemptClass::ok, "1 ok"},
        {AttemptClass::failed, "2 failed"},
        {AttemptClass::refused, "3 refused"},
        {AttemptClass::superseded, "4 superseded"},
        {AttemptClass::cancelled, "5 cancelled"},
        {AttemptClass::infrastructure, "6 infrastructure"},
        {AttemptClass::lost, "7 lost"},
        {AttemptClass::unreachable, "8 unreachable"}};
    for (const auto& [kind, text] : classes) {
        CHECK(std::to_string(static_cast<int>(kind)) + " " + std::string(to_string(kind)) == text);
        CHECK(may_retry(kind) == (static_cast<int>(kind) >= 6));
    }
}

TEST_CASE("the wait before the next try grows and is spread by a fifth") {
    struct Row {
        int attempt;
        double random;
        Milliseconds wait;
    };
    for (const Row& row :
         {Row{1, 0.0, 8'000}, Row{1, 0.5, 10'000}, Row{1, 0.75, 11'000}, Row{2, 0.0, 48'000}, Row{2, 0.5, 60'000},
          Row{3, 0.0, 240'000}, Row{3, 0.5, 300'000}, Row{4, 0.5, 300'000}, Row{INT_MAX, 0.5, 300'000}}) {
        INFO("attempt " << row.attempt << " random " << row.random);
        CHECK(retry_delay(row.attempt, row.random) == row.wait);
    }
    CHECK(retry_delay(1, 0.999999) <= 12'000);
}

TEST_CASE("a host rests three times as long after each failure, at most a quarter of an hour") {
    struct Row {
        int failures;
        double random;
        Milliseconds rest;
    };
    for (const Row& row :
         {Row{1, 0.0, 10'000}, Row{1, 0.5, 11'500}, Row{2, 0.0, 30'000}, Row{3, 0.0, 90'000}, Row{4, 0.0, 270'000},
          Row{5, 0.0, 810'000}, Row{6, 0.0, 900'000}, Row{6, 0.5, 1'035'000}, Row{INT_MAX, 0.0, 900'000}}) {
        INFO("failures " << row.failures << " random " << row.random);
        CHECK(host_rest(row.failures, row.random) == row.rest);
    }
}
