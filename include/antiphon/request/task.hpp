// SPDX-License-Identifier: BSL-1.0
#pragma once
// A lazy coroutine: the handler of a request, or a part of one, that awaits instead of blocking.

#include <coroutine>
#include <cstddef>
#include <exception>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/node_cache.hpp"
#include "antiphon/core/result.hpp"
#include "antiphon/request/future.hpp"
#include "antiphon/request/host.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon {

namespace detail {

class task_promise_base {
public:
    // Not by way of `recycled`: a coroutine's parameters are offered to every form of `operator new` that its promise has.
    [[nodiscard]] static void* operator new(std::size_t frame) { return node_cache::allocate(frame); }
    static void operator delete(void* frame, std::size_t size) noexcept { node_cache::deallocate(frame, size); }

    [[nodiscard]] host_base& host() const noexcept { return *host_; }
    void set_host(host_base& host) noexcept { host_ = &host; }
    void set_parent(std::coroutine_handle<> parent) noexcept { parent_ = parent; }

    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    struct final_awaiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        // The loop that resumed this coroutine goes on with the parent, or ends the ask; nothing is resumed from in here.
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> h) const noexcept {
            task_promise_base& me = h.promise();
            me.parent_ ? void(me.host_->current().next = me.parent_) : void(me.host_->current().finished = true);
        }
        void await_resume() const noexcept {}
    };
    [[nodiscard]] final_awaiter final_suspend() const noexcept { return {}; }

private:
    host_base* host_ = nullptr;
    std::coroutine_handle<> parent_;
};

template <class T>
class task_promise_result : public task_promise_base {
public:
    // g++ asks for frames as if nothing in them were over-aligned: of the answer, at least, it is known.
    [[nodiscard]] static void* operator new(std::size_t frame) {
        if constexpr (overaligned()) {
            return ::operator new(frame, std::align_val_t{alignof(result<T>)});
        } else {
            return task_promise_base::operator new(frame);
        }
    }
    static void operator delete(void* frame, std::size_t size) noexcept {
        if constexpr (overaligned()) {
            ::operator delete(frame, std::align_val_t{alignof(result<T>)});
        } else {
            task_promise_base::operator delete(frame, size);
        }
    }

    void unhandled_exception() noexcept { answer_.emplace(failure::current()); }
    void end_with(failure why) noexcept { answer_.emplace(std::move(why)); }
    [[nodiscard]] result<T> take() { return *std::move(answer_); }

protected:
    [[nodiscard]] static constexpr bool overaligned() noexcept { return alignof(result<T>) > __STDCPP_DEFAULT_NEW_ALIGNMENT__; }

    std::optional<result<T>> answer_;
};

template <class T>
class task_promise final : public task_promise_result<T> {
public:
    [[nodiscard]] task<T> get_return_object() noexcept;
    /// A value, a result, a failure or an error code.
    template <class U = T>
        requires std::is_constructible_v<result<T>, U>
    void return_value(U&& value) {
        this->answer_.emplace(std::forward<U>(value));
    }
};

template <>
class task_promise<void> final : public task_promise_result<void> {
public:
    [[nodiscard]] task<void> get_return_object() noexcept;
    void return_void() noexcept { answer_.emplace(); }
};

}  // namespace detail

/// Runs when it is awaited, or when it is what a handler returns. Awaiting one gives its `result<T>`.
/// **Threads**: resumes on the executor of the request that it runs for; for `call()` without one, in the calling thread.
/// **Errors**: an exception that leaves it becomes its failure. Dropped before its end, its locals are destroyed.
/// **Cost**: one frame; awaiting a future or another task inside allocates nothing.
template <class T>
class [[nodiscard]] task {
public:
    using promise_type = detail::task_promise<T>;
    using value_type = T;

    task(task&& other) noexcept : frame_{std::exchange(other.frame_, nullptr)} {}
    task& operator=(task&& other) noexcept {
        task{std::move(other)}.swap(*this);
        return *this;
    }
    ~task() {
        if (frame_) frame_.destroy();
    }
    void swap(task& other) noexcept { std::swap(frame_, other.frame_); }
    friend void swap(task& a, task& b) noexcept { a.swap(b); }

    class awaiter {
    public:
        explicit awaiter(std::coroutine_handle<promise_type> frame) noexcept : frame_{frame} {}
        awaiter(awaiter&& other) noexcept : frame_{std::exchange(other.frame_, nullptr)} {}
        awaiter& operator=(awaiter&&) = delete;
        ~awaiter() {
            if (frame_) frame_.destroy();
        }
        [[nodiscard]] bool await_ready() const noexcept { return !frame_; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> parent) noexcept {
            constexpr bool in_task = requires { parent.promise().host(); };
            static_assert(in_task, "antiphon: a task is awaited inside a task, or returned by a handler");
            if constexpr (in_task) {
                frame_.promise().set_host(parent.promise().host());
                frame_.promise().set_parent(parent);
                parent.promise().host().current().next = frame_;
            }
        }
        [[nodiscard]] result<T> await_resume() {
            if (!frame_) return failure{errc::failed_precondition, executed::no, "the task is empty: it was consumed or moved from"};
            return frame_.promise().take();
        }

    private:
        std::coroutine_handle<promise_type> frame_;
    };
    [[nodiscard]] awaiter operator co_await() && noexcept { return awaiter{std::exchange(frame_, nullptr)}; }

private:
    friend promise_type;
    friend detail::answer_traits<task>;
    explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_{frame} {}

    std::coroutine_handle<promise_type> frame_;
};

namespace detail {

class end_awaiter {
public:
    explicit end_awaiter(failure why) noexcept : why_{std::move(why)} {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> h) noexcept {
        constexpr bool in_task = requires { h.promise().host(); };
        static_assert(in_task, "antiphon: fail_with is awaited inside a task");
        if constexpr (in_task) {
            h.promise().end_with(std::move(why_));
            h.promise().final_suspend().await_suspend(h);  // whoever awaits the task destroys the frame where it stands
        }
    }
    void await_resume() const noexcept {}

private:
    failure why_;
};

}  // namespace detail

/// `co_await fail_with(errc::not_found)`: ends the task with that failure, without an exception. What a `co_return` of the failure does,
/// for a `task<void>` too.
[[nodiscard]] inline auto fail_with(failure why) noexcept { return detail::end_awaiter{std::move(why)}; }

namespace detail {

template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
    return task<T>{std::coroutine_handle<task_promise>::from_promise(*this)};
}
inline task<void> task_promise<void>::get_return_object() noexcept {
    return task<void>{std::coroutine_handle<task_promise>::from_promise(*this)};
}

template <class T>
struct answer_traits<task<T>> {
    using type = T;
    static constexpr bool immediate = false;

    template <class Host>
    static void deliver(Host& host, task<T>&& answer, delivery how) {
        auto const frame = std::exchange(answer.frame_, nullptr);
        if (!frame) return host.fail(failure{errc::failed_precondition, executed::no, "the task is empty: it was moved from"}, how);
        frame.promise().set_host(host);
        host.start(
            frame,
            [](host_base& base, std::coroutine_handle<> root, delivery from) {
                auto& me = static_cast<Host&>(base);
                auto const done = std::coroutine_handle<task_promise<T>>::from_address(root.address());
                result<T> r = done.promise().take();
                done.destroy();
                me.complete_from(r, from);
            },
            how);
    }
};

}  // namespace detail

}  // namespace antiphon
