// SPDX-License-Identifier: BSL-1.0
#pragma once
// The table behind any_executor: each capability is the executor's own where it has one, else the library's.

#include <atomic>
#include <concepts>
#include <cstdint>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "antiphon/core/time.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/executor.hpp"
#include "antiphon/execution/random.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/execution/timers.hpp"

namespace antiphon {

class inline_executor;
class fork_lines;

}  // namespace antiphon

namespace antiphon::detail {

inline void default_arm(timer& t, time_point when) { timer_thread::process().arm(t, when); }
inline bool default_disarm(timer& t) noexcept { return timer_thread::process().disarm(t); }
inline std::uint64_t default_random() noexcept { return process_random(); }
[[noreturn]] inline void default_unhandled(std::exception_ptr) noexcept { std::terminate(); }

/// Where an exception that left a callback of this executor goes.
template <class E>
void unhandled_by(E const& executor, std::exception_ptr e) noexcept {
    if constexpr (requires { executor.unhandled(e); }) {
        executor.unhandled(std::move(e));
    } else {
        default_unhandled(std::move(e));
    }
}

union executor_word {
    void* box;
    alignas(void*) unsigned char bytes[sizeof(void*)];
};

struct executor_table {
    // Both null where the word is copied as it is and needs no end.
    void (*copy)(executor_word& to, executor_word const& from) noexcept;
    void (*destroy)(executor_word& w) noexcept;
    void (*execute)(executor_word const& w, work job);
    time_point (*now)(executor_word const& w);
    void (*arm)(executor_word const& w, timer& t, time_point when);
    bool (*disarm)(executor_word const& w, timer& t) noexcept;
    std::uint64_t (*random)(executor_word const& w);
    void const* (*place)(executor_word const& w) noexcept;
    bool (*claimable)(executor_word const& w) noexcept;
    assistance (*assist)(executor_word const& w) noexcept;
    void (*unhandled)(executor_word const& w, std::exception_ptr e) noexcept;
    bool (*forked)(executor_word const& w) noexcept;
    fork_lines* (*lines)(executor_word const& w) noexcept;
    bool (*equal)(executor_word const& a, executor_word const& b) noexcept;
    bool own_clock;
    bool runs_in_place;
};

template <class E>
concept has_timers = requires(E const& e, timer& t, time_point when) {
    e.arm(t, when);
    { e.disarm(t) } -> std::convertible_to<bool>;
};

template <class E>
struct erased_executor {
    static constexpr bool in_place =
        sizeof(E) <= sizeof(void*) && alignof(E) <= alignof(void*) && std::is_nothrow_copy_constructible_v<E>;
    struct boxed {
        template <class F>
        explicit boxed(F&& f) : held(std::forward<F>(f)) {}
        E held;
        std::atomic<std::uint32_t> refs{1};
    };

    template <class F>
    static void create(executor_word& w, F&& held) {
        if constexpr (in_place) {
            ::new (static_cast<void*>(w.bytes)) E(std::forward<F>(held));
        } else {
            w.box = new boxed{std::forward<F>(held)};
        }
    }
    static E const& get(executor_word const& w) noexcept {
        if constexpr (in_place) {
            return *std::launder(reinterpret_cast<E const*>(w.bytes));
        } else {
            return static_cast<boxed const*>(w.box)->held;
        }
    }
    static void copy(executor_word& to, executor_word const& from) noexcept {
        if constexpr (in_place) {
            ::new (static_cast<void*>(to.bytes)) E(get(from));
        } else {
            to.box = from.box;
            // relaxed: the copier holds a reference already
            static_cast<boxed*>(to.box)->refs.fetch_add(1, std::memory_order_relaxed);
        }
    }
    static void destroy(executor_word& w) noexcept {
        if constexpr (in_place) {
            get(w).~E();
        } else {
            auto* const box = static_cast<boxed*>(w.box);
            // acq_rel pairs with the other copies' decrements: the last one sees all their uses
            if (box->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete box;
        }
    }
    static void execute(executor_word const& w, work job) { get(w).execute(std::move(job)); }
    static time_point now(executor_word const& w) {
        if constexpr (own_clock) {
            return get(w).now();
        } else {
            return clock::now();
        }
    }
    static void arm(executor_word const& w, timer& t, time_point when) {
        if constexpr (has_timers<E>) {
            get(w).arm(t, when);
        } else {
            default_arm(t, when);
        }
    }
    static bool disarm(executor_word const& w, timer& t) noexcept {
        if constexpr (has_timers<E>) {
            return get(w).disarm(t);
        } else {
            return default_disarm(t);
        }
    }
    static std::uint64_t random(executor_word const& w) {
        if constexpr (requires(E const& e) {
                          { e.random() } -> std::convertible_to<std::uint64_t>;
                      }) {
            return get(w).random();
        } else {
            return default_random();
        }
    }
    static void const* place(executor_word const& w) noexcept {
        if constexpr (requires(E const& e) {
                          { e.place() } -> std::convertible_to<void const*>;
                      }) {
            return get(w).place();
        } else {
            return nullptr;
        }
    }
    static bool claimable(executor_word const& w) noexcept {
        if constexpr (requires(E const& e) {
                          { e.claimable() } -> std::convertible_to<bool>;
                      }) {
            return get(w).claimable();
        } else {
            return false;
        }
    }
    static assistance assist(executor_word const& w) noexcept {
        if constexpr (requires(E const& e) {
                          { e.assist() } -> std::same_as<assistance>;
                      }) {
            return get(w).assist();
        } else {
            return assistance::none;
        }
    }
    static void unhandled(executor_word const& w, std::exception_ptr e) noexcept { unhandled_by(get(w), std::move(e)); }
    static bool forked(executor_word const& w) noexcept {
        if constexpr (requires(E const& e) {
                          { e.forked() } -> std::convertible_to<bool>;
                      }) {
            return get(w).forked();
        } else {
            return false;
        }
    }
    static fork_lines* lines(executor_word const& w) noexcept {
        if constexpr (requires(E const& e) {
                          { e.lines() } -> std::same_as<fork_lines*>;
                      }) {
            return get(w).lines();
        } else {
            return nullptr;
        }
    }
    static bool equal(executor_word const& a, executor_word const& b) noexcept {
        if constexpr (std::equality_comparable<E>) {
            return get(a) == get(b);
        } else if constexpr (!in_place) {
            return a.box == b.box;
        } else {
            return std::is_empty_v<E>;
        }
    }

    static constexpr bool own_clock = requires(E const& e) {
        { e.now() } -> std::convertible_to<time_point>;
    };
    static constexpr bool plain = in_place && std::is_trivially_copyable_v<E>;
    static constexpr executor_table table{plain ? nullptr : copy,
                                          plain ? nullptr : destroy,
                                          execute,
                                          now,
                                          arm,
                                          disarm,
                                          random,
                                          place,
                                          claimable,
                                          assist,
                                          unhandled,
                                          forked,
                                          lines,
                                          equal,
                                          own_clock,
                                          std::is_same_v<E, inline_executor>};
};

}  // namespace antiphon::detail
