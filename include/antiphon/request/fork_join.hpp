// SPDX-License-Identifier: BSL-1.0
#pragma once
// Two halves of one computation, in two threads of a pool if there is a free one.

#include <concepts>
#include <new>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/errc.hpp"
#include "antiphon/core/failure.hpp"
#include "antiphon/core/lifetime.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/fork_line.hpp"
#include "antiphon/execution/here.hpp"
#include "antiphon/request/answer.hpp"
#include "antiphon/request/context.hpp"

namespace antiphon {

/// The answers of both.
template <class A, class B>
struct fork_join_results {
    result<A> first;
    result<B> second;
};

namespace detail {

/// The half that may be taken. Asks inside it inherit what those around it do.
template <class F, class R>
class forked_half final : public forked_call {
public:
    explicit forked_half(F& half) noexcept : forked_call{&run_elsewhere}, half_{&half} {}
    ~forked_half() {}
    [[nodiscard]] result<R> run() noexcept {
        return caught_result<R>([this]() -> decltype(auto) { return (*half_)(); });
    }
    /// After others have taken it.
    ANTIPHON_COLD [[nodiscard]] result<R> take(fork_line::joined how) noexcept {
        if (how == fork_line::joined::lost) return failure{errc::forked, executed::maybe};
        result<R> taken = caught_result<R>([this]() -> result<R>&& { return std::move(answer_); });
        detail::destroy_at(detail::addressof(answer_));
        return taken;
    }

private:
    static void run_elsewhere(forked_call& call) noexcept {
        auto& me = static_cast<forked_half&>(call);
        ambient_context const inherited{me.context_};
        ::new (static_cast<void*>(detail::addressof(me.answer_))) result<R>(me.run());
    }
    F* half_;
    context_data const* context_ = ambient_context::current();
    union {
        result<R> answer_;
    };
};

/// A line for a thread that lends itself to a pool, from its outermost fork to its join.
class borrowed_line {
public:
    borrowed_line() noexcept {
        any_executor const* const lender = place_scope::lender();
        fork_lines* const lines = lender != nullptr ? lender->lines() : nullptr;
        if (lines != nullptr) place_scope::line = lines->borrow();
    }
    ~borrowed_line() {
        if (place_scope::line != nullptr) std::exchange(place_scope::line, nullptr)->give_back();
    }
    borrowed_line(borrowed_line const&) = delete;
    borrowed_line& operator=(borrowed_line const&) = delete;
};

template <class B, class G>
[[nodiscard]] result<B> join(fork_line* line, forked_half<G, B>& other) noexcept {
    fork_line::joined const how = line != nullptr ? line->join(other) : fork_line::joined::untaken;
    if (how != fork_line::joined::untaken) return other.take(how);
    return other.run();
}

template <class A, class B, class F, class G>
[[nodiscard]] fork_join_results<A, B> fork_and_join(fork_line* line, F& first, G& second) noexcept {
    forked_half<G, B> other{second};
    if (line != nullptr && !line->fork(other)) line = nullptr;
    // In this order: so says the language for braces.
    return {caught_result<A>([&]() -> decltype(auto) { return first(); }), detail::join<B>(line, other)};
}

}  // namespace detail

/// `auto [a, b] = fork_join(f, g);` calls both, and gives their answers when both have ended: two results. `f` runs here and
/// now; `g` too, afterwards, unless another thread of the pool has nothing better to do meanwhile. So `f` must not wait for `g`. What a
/// computation forks at the top is taken first: fork the halves of the halves, down to what costs some tens of nanoseconds.
/// **Threads**: in work of a `thread_pool`, run by a worker or by the thread that waits for it, `g` may run in another of its workers; elsewhere (and
/// below 128 nested forks) here. Who waits for `g` runs parts of it meanwhile, and nothing else. Asks inside `g` inherit deadline, priority and
/// metadata as those in `f` do.
/// **Errors**: what either throws or returns as a failure is its result; the other one is called all the same.
/// **Cost**: no allocation and, where nobody takes it, no exchange: a few nanoseconds.
template <class F, class G>
    requires(std::invocable<F&> && std::invocable<G&>)
[[nodiscard]] auto fork_join(F&& f, G&& g) {
    using X = std::invoke_result_t<F&>;
    using Y = std::invoke_result_t<G&>;
    static_assert(detail::answer_traits<X>::immediate && detail::answer_traits<Y>::immediate,
                  "antiphon: fork_join takes functions that answer by a value or a result; futures and tasks are for when_all");
    using A = detail::answer_t<X>;
    using B = detail::answer_t<Y>;
    if (fork_line* const line = place_scope::line) [[likely]]
        return detail::fork_and_join<A, B>(line, f, g);
    detail::borrowed_line const during;
    return detail::fork_and_join<A, B>(place_scope::line, f, g);
}

}  // namespace antiphon
