// SPDX-License-Identifier: BSL-1.0
#pragma once
// What every benchmark says of itself: operations an iteration, and what they allocated in the asking thread.

#include <benchmark/benchmark.h>

#include <cstddef>

namespace bench {

/// The work of every request here; in a file of its own, so that nobody inlines it.
int body(int x);

struct heap_use {
    std::size_t allocations = 0;
    std::size_t bytes = 0;  ///< as asked for
};
/// What the calling thread has had from operator new so far.
[[nodiscard]] heap_use heap() noexcept;

/// Reports, at the end of a benchmark, `ops` (operations an iteration) and `allocations` (an operation).
class account {
public:
    explicit account(benchmark::State& state, std::size_t operations = 1) noexcept
        : state_{state}, operations_{operations}, before_{heap().allocations} {}
    account(account const&) = delete;
    account& operator=(account const&) = delete;
    ~account() {
        auto const count = static_cast<double>(heap().allocations - before_);
        state_.counters["ops"] = static_cast<double>(operations_);
        state_.counters["allocations"] = count / (static_cast<double>(state_.iterations()) * static_cast<double>(operations_));
    }

private:
    benchmark::State& state_;
    std::size_t operations_;
    std::size_t before_;
};

}  // namespace bench
