// SPDX-License-Identifier: BSL-1.0
#pragma once
// What an executor is given: one move-only pointer that runs once, and that decides its request even when it is dropped.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/errc.hpp"
#include "antiphon/core/node_cache.hpp"
#include "antiphon/core/priority.hpp"

namespace antiphon {

/// How an item that will not run learns of it.
enum class rejection {
    in_place,  ///< by `std::move(job).reject(code)`: whatever follows may happen right here
    dropped,   ///< by a destructor, perhaps inside a user's container or lock: nothing but the failure is published here
};

/// The intrusive node behind a `work`, for those who write execution contexts: a queue may link it through `next`.
/// Exactly one of `run` and `reject` is called, once, and either may destroy the node before it returns.
class work_item {
public:
    work_item() = default;
    work_item(work_item const&) = delete;
    work_item& operator=(work_item const&) = delete;

    virtual void run() noexcept = 0;
    virtual void reject(errc why, rejection how) noexcept = 0;
    /// Before it is queued, and only where `work::is_ordered` says that it is worth asking.
    [[nodiscard]] virtual urgency how_urgent() const noexcept { return {}; }

    /// Belongs to whichever queue holds the item now.
    work_item* next = nullptr;

protected:
    ~work_item() = default;
};

/// One job for an executor.
/// **Threads**: may be moved between threads; run, reject or drop it from one of them.
/// **Errors**: dropped unrun it completes its request with `errc::cancelled`; rejected, with the code given; `executed::no` both times.
/// **Cost**: one pointer. Made of a request: no allocation of its own. Made of a callable: one allocation.
class work {
public:
    work() noexcept = default;
    /// Adopts an item; the item's owner gives up its right to run it.
    explicit work(work_item& item) noexcept : word_{reinterpret_cast<std::uintptr_t>(&item)} {}
    /// The same for one whose `how_urgent` is worth asking. An executor that keeps the order of posting need not.
    [[nodiscard]] static work ordered(work_item& item) noexcept {
        work job{item};
        job.word_ |= is_tagged;
        return job;
    }
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, work> && !std::derived_from<std::remove_cvref_t<F>, work_item> &&
                 std::invocable<std::decay_t<F>&>)
    work(F&& callable);
    work(work&& other) noexcept : word_{std::exchange(other.word_, 0)} {}
    work& operator=(work&& other) noexcept {
        work{std::move(other)}.swap(*this);
        return *this;
    }
    ~work() {
        if (work_item* const item = release()) item->reject(errc::cancelled, rejection::dropped);
    }

    void swap(work& other) noexcept { std::swap(word_, other.word_); }
    friend void swap(work& a, work& b) noexcept { a.swap(b); }
    [[nodiscard]] explicit operator bool() const noexcept { return word_ != 0; }
    /// Whether it has a priority or a deadline: `how_urgent` of its item tells.
    [[nodiscard]] bool is_ordered() const noexcept { return (word_ & is_tagged) != 0; }

    /// Runs the job; an empty `work` does nothing.
    void operator()() && {
        if (work_item* item = release()) item->run();
    }
    /// Completes the request of the job with `why`, in place.
    void reject(errc why) && {
        if (work_item* item = release()) item->reject(why, rejection::in_place);
    }
    /// The bare item, whose running or rejecting is now the caller's duty; null when empty.
    [[nodiscard]] work_item* release() noexcept { return reinterpret_cast<work_item*>(std::exchange(word_, 0) & ~is_tagged); }

private:
    /// In the lowest bit of the address, which is zero.
    static constexpr std::uintptr_t is_tagged = 1;
    static_assert(alignof(work_item) > is_tagged);
    std::uintptr_t word_ = 0;
};

namespace detail {

template <class F>
class callable_item final : public work_item, public recycled {
public:
    template <class G>
    explicit callable_item(G&& callable) : callable_(std::forward<G>(callable)) {}
    // An exception that leaves a bare callable has nobody to go to: noexcept makes it terminate, see post() for a hook.
    void run() noexcept override {
        static_cast<void>(callable_());
        delete this;
    }
    void reject(errc, rejection) noexcept override { delete this; }

private:
    F callable_;
};

}  // namespace detail

template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, work> && !std::derived_from<std::remove_cvref_t<F>, work_item> &&
             std::invocable<std::decay_t<F>&>)
work::work(F&& callable) : work{*new detail::callable_item<std::decay_t<F>>{std::forward<F>(callable)}} {}

static_assert(sizeof(work) == sizeof(void*));

}  // namespace antiphon
