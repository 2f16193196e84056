// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a running handler may know about its ask: stop, deadline, attempt, priority, metadata, clock, randomness.

#include <atomic>
#include <cstdint>
#include <stop_token>

#include "antiphon/core/time.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/random.hpp"
#include "antiphon/request/metadata.hpp"
#include "antiphon/request/state.hpp"

namespace antiphon {

namespace detail {

/// What asks made by the current thread inherit: set while a handler runs.
class ambient_context {
public:
    explicit ambient_context(context_data const* data) noexcept : outer_{std::exchange(current_, data)} {}
    ~ambient_context() { current_ = outer_; }
    ambient_context(ambient_context const&) = delete;
    ambient_context& operator=(ambient_context const&) = delete;
    [[nodiscard]] static context_data const* current() noexcept { return current_; }

private:
    context_data const* outer_;
    static constinit inline thread_local context_data const* current_ = nullptr;
};

}  // namespace detail

/// Handed to a handler that asks for it with a leading `context const&` parameter.
/// **Threads**: the handler's; `stop_requested` and the token may be used from any.
/// **Cost**: none until used; the first `stop_token()` of an ask allocates.
/// **Time**: of the ask's executor, virtual under `testing::simulation`.
class context {
public:
    /// `anew`: for an ask of its own, made in a handler that has `data`.
    context(any_executor const& executor, detail::context_data const* data, bool anew = false) noexcept
        : executor_{&executor}, data_{data}, anew_{anew} {}
    context(context const&) = delete;
    context& operator=(context const&) = delete;

    /// The moment after which nobody wants the answer; `time_point::max()` without one.
    [[nodiscard]] time_point deadline() const noexcept { return data_ != nullptr ? data_->deadline : time_point::max(); }
    /// Until the deadline; `duration::max()` without one, negative when it has passed.
    [[nodiscard]] duration remaining() const {
        return deadline() == time_point::max() ? duration::max() : saturating_sub(deadline(), now());
    }
    /// 1 for the first attempt. What a handler asks in turn counts its own.
    [[nodiscard]] std::uint32_t attempt() const noexcept { return data_ != nullptr && !anew_ ? data_->attempt : 1; }
    [[nodiscard]] antiphon::priority priority() const noexcept {
        return data_ != nullptr ? data_->priority : antiphon::priority::normal;
    }
    /// What was put around the ask by `with_metadata`, and around those in whose handlers it was made. Valid while the handler runs.
    [[nodiscard]] metadata_view metadata() const noexcept { return metadata_view{data_ != nullptr ? data_->metadata : nullptr}; }
    [[nodiscard]] time_point now() const { return executor_->now(); }
    [[nodiscard]] std::uint64_t random() const { return executor_->random(); }
    [[nodiscard]] any_executor const& executor() const noexcept { return *executor_; }

    [[nodiscard]] bool stop_requested() const noexcept { return (flags_.load(std::memory_order_acquire) & stopped) != 0; }
    /// A token of the ask's stop requests, for what wants to register a callback. Call it from the handler.
    [[nodiscard]] std::stop_token stop_token() const {
        if (!source_.stop_possible()) {
            source_ = std::stop_source{};
            // acq_rel, both ways with request_stop: the later of the two exchanges sees the other's bit, and what was written before it
            if ((flags_.fetch_or(has_source, std::memory_order_acq_rel) & stopped) != 0) source_.request_stop();
        }
        return source_.get_token();
    }

    /// The library's side.
    void begin_anew() noexcept { anew_ = true; }
    void request_stop() noexcept {
        // release pairs with stop_requested too
        if ((flags_.fetch_or(stopped, std::memory_order_acq_rel) & has_source) != 0) source_.request_stop();
    }

private:
    enum : std::uint32_t {
        stopped = 1,
        has_source = 2
    };
    any_executor const* executor_;
    detail::context_data const* data_;
    mutable std::atomic<std::uint32_t> flags_{0};
    bool anew_ = false;
    mutable std::stop_source source_{std::nostopstate};
};

}  // namespace antiphon
