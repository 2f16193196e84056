// SPDX-License-Identifier: BSL-1.0
#pragma once
// What an executor is given: one move-only pointer that runs once, and that decides its request even when it is dropped.

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "antiphon/core/config.hpp"
#include "antiphon/core/errc.hpp"
#include "antiphon/core/node_cache.hpp"

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
    explicit work(work_item& item) noexcept : item_{&item} {}
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, work> && !std::derived_from<std::remove_cvref_t<F>, work_item> &&
                 std::invocable<std::decay_t<F>&>)
    work(F&& callable);
    work(work&& other) noexcept : item_{std::exchange(other.item_, nullptr)} {}
    work& operator=(work&& other) noexcept {
        work{std::move(other)}.swap(*this);
        return *this;
    }
    ~work() {
        if (item_ != nullptr) item_->reject(errc::cancelled, rejection::dropped);
    }

    void swap(work& other) noexcept { std::swap(item_, other.item_); }
    [[nodiscard]] explicit operator bool() const noexcept { return item_ != nullptr; }

    /// Runs the job; an empty `work` does nothing.
    void operator()() && {
        if (work_item* item = release()) item->run();
    }
    /// Completes the request of the job with `why`, in place.
    void reject(errc why) && {
        if (work_item* item = release()) item->reject(why, rejection::in_place);
    }
    /// The bare item, whose running or rejecting is now the caller's duty; null when empty.
    [[nodiscard]] work_item* release() noexcept { return std::exchange(item_, nullptr); }

private:
    work_item* item_ = nullptr;
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
work::work(F&& callable) : item_{new detail::callable_item<std::decay_t<F>>{std::forward<F>(callable)}} {}

static_assert(sizeof(work) == sizeof(void*));
static_assert(std::is_nothrow_move_constructible_v<work> && !std::is_copy_constructible_v<work>);

}  // namespace antiphon
