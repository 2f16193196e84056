// SPDX-License-Identifier: BSL-1.0
#pragma once
// A handler for tests that answers as it was told, when it was told, and remembers what it was asked.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/invoke.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/core/unique_function.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/request/answer.hpp"
#include "antiphon/request/sleep.hpp"
#include "antiphon/request/task.hpp"

namespace antiphon::testing {

template <class Signature>
class mock;

/// A scripted handler: `mock<int(int)> m; m.fails(errc::unavailable).times(2); m.returns(5).after(100ms);` then
/// `request<int(int)> r = m;` or `request r{m};`. Asks take the lines of the script in order, each line once unless it says otherwise; an
/// ask beyond the end answers `errc::failed_precondition`.
/// **Threads**: copies share one script and one record, and may be asked and read from any; a function given to `answers` is called by
/// whoever asks. Write the script before asking.
/// **Errors**: what the function given to `answers` throws is the failure of that ask.
/// **Time**: `after` counts on the clock of the request's executor, virtual under `testing::simulation`; a stop request ends the delay.
template <class R, class... Args>
class mock<R(Args...)> {
    using answer_function = unique_function<result<R>(Args&...)>;

    struct line {
        explicit line(answer_function f) : answer{std::move(f)} {}
        answer_function answer;
        any_duration delay = duration::zero();
        std::size_t left = 1;
    };
    struct record {
        parking_lock lock;
        std::vector<std::shared_ptr<line>> script;
        std::size_t next = 0;
        std::vector<std::tuple<std::decay_t<Args>...>> calls;
        std::size_t count = 0;
    };

public:
    /// The line just written, to say more about it.
    class script_line {
    public:
        /// Answers that much later.
        template <class Rep, class Period>
        script_line& after(std::chrono::duration<Rep, Period> delay) {
            line_->delay = saturating_cast(delay);
            return *this;
        }
        /// Stands for n asks.
        script_line& times(std::size_t n) {
            antiphon::detail::require(n != 0, "mock: times must not be zero");
            line_->left = n;
            return *this;
        }
        /// Stands for all asks from here on.
        script_line& forever() { return times(std::numeric_limits<std::size_t>::max()); }

    private:
        friend mock;
        explicit script_line(std::shared_ptr<line> l) noexcept : line_{std::move(l)} {}
        std::shared_ptr<line> line_;
    };

    mock() : record_{std::make_shared<record>()} {}

    /// Answers with a value; one that cannot be copied answers once.
    template <class... V>
        requires(std::is_void_v<R> ? sizeof...(V) == 0 : std::is_constructible_v<result<R>, std::in_place_t, V...>)
    script_line returns(V&&... value) {
        if constexpr (std::is_void_v<R>) {
            return write([](Args&...) { return result<void>{}; });
        } else if constexpr (std::is_reference_v<R>) {
            return write([target = result<R>(std::in_place, value...)](Args&...) { return target; });
        } else if constexpr (std::is_copy_constructible_v<R>) {
            return write([kept = R(std::forward<V>(value)...)](Args&...) { return result<R>(std::in_place, kept); });
        } else {
            return write([kept = R(std::forward<V>(value)...),
                          given = std::make_unique<std::atomic<bool>>(false)](Args&...) mutable -> result<R> {
                if (given->exchange(true, std::memory_order_relaxed))  // relaxed: only decides whose it is
                    return failure{errc::failed_precondition, executed::no, "mock: a value that cannot be copied answers only once"};
                return result<R>(std::in_place, std::move(kept));
            });
        }
    }
    script_line fails(failure why) {
        return write([kept = std::move(why)](Args&...) { return result<R>(kept); });
    }
    /// Answers with what `f(args...)` returns, a value or a result.
    template <class F>
    script_line answers(F f) {
        static_assert(std::is_invocable_v<F&, Args&...>,
                      "antiphon: the function given to answers() must take the arguments of the mock");
        return write([kept = std::move(f)](Args&... args) mutable {
            return antiphon::detail::immediate_result<R>([&]() -> decltype(auto) { return kept(args...); });
        });
    }

    /// How often it was asked.
    [[nodiscard]] std::size_t count() const {
        parking_lock::scope const held{record_->lock};
        return record_->count;
    }
    /// The arguments of every ask, in order; for arguments that can be copied.
    [[nodiscard]] std::vector<std::tuple<std::decay_t<Args>...>> calls() const {
        static_assert((std::is_copy_constructible_v<std::decay_t<Args>> && ...),
                      "antiphon: a mock records only arguments that can be copied");
        parking_lock::scope const held{record_->lock};
        return record_->calls;
    }
    /// Whether every line of the script has been used up.
    [[nodiscard]] bool exhausted() const {
        parking_lock::scope const held{record_->lock};
        return record_->next == record_->script.size();
    }

    /// The handler itself.
    [[nodiscard]] mock handler() const { return *this; }
    task<R> operator()(Args... args) const {
        std::shared_ptr<line> now = take_line(args...);  // before the arguments are moved from
        return answer(std::move(now), std::forward<Args>(args)...);
    }

private:
    template <class F>
    script_line write(F&& f) {
        auto made = std::make_shared<line>(answer_function(std::forward<F>(f)));
        parking_lock::scope const held{record_->lock};
        record_->script.push_back(made);
        return script_line{std::move(made)};
    }
    /// Notes the call; null when the script is at its end.
    [[nodiscard]] std::shared_ptr<line> take_line(Args&... args) const {
        record& r = *record_;
        parking_lock::scope const held{r.lock};
        ++r.count;
        if constexpr ((std::is_copy_constructible_v<std::decay_t<Args>> && ...)) r.calls.emplace_back(args...);
        if (r.next == r.script.size()) return nullptr;
        std::shared_ptr<line> const now = r.script[r.next];
        if (now->left != std::numeric_limits<std::size_t>::max() && --now->left == 0) ++r.next;
        return now;
    }
    static task<R> answer(std::shared_ptr<line> now, Args... args) {
        result<R> r = failure{errc::failed_precondition, executed::no, "mock: asked more often than its script has answers"};
        if (now != nullptr) {
            if (now->delay != duration::zero()) co_await sleep_for(now->delay);
            r = now->answer(args...);
        }
        if constexpr (std::is_void_v<R>) {
            if (!r) co_await fail_with(std::move(r).error());
        } else {
            co_return std::move(r);
        }
    }

    std::shared_ptr<record> record_;
};

}  // namespace antiphon::testing
