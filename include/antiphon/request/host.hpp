// SPDX-License-Identifier: BSL-1.0
#pragma once
// A state whose answer may come from another one: flattened futures, and coroutines, which await one thing after another.

#include <coroutine>
#include <type_traits>
#include <utility>

#include "antiphon/execution/here.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/state.hpp"

namespace antiphon::detail {

/// The failure as it goes on: an ask that it passes through keeps code, executed, attempts, exception.
template <class R, class U>
[[nodiscard]] result<R> convert(result<U>&& from) {
    if constexpr (std::is_same_v<R, U>) {
        return std::move(from);
    } else if constexpr (std::is_void_v<R>) {
        if (from) return result<R>{};
        return std::move(from).error();
    } else {
        if (!from) return std::move(from).error();
        if constexpr (std::is_void_v<U>) {
            static_assert(!std::is_void_v<U>, "antiphon: an answer without a value cannot become a value");
        } else {
            return result<R>(static_cast<U&&>(*std::move(from)));
        }
    }
}

/// The part of an asynchronous ask that waits: one upstream at a time, and the coroutine to resume.
/// **Threads**: only the thread that performs the ask's step touches it, except for `acquire_upstream`.
class host_base : public consumer, public stoppable {
public:
    /// Runs the coroutine until it suspends on something or ends. What it leaves in `next` is resumed from here, so that
    /// tasks that await tasks use constant stack.
    struct resumption {
        std::coroutine_handle<> next;
        bool finished = false;
    };

    [[nodiscard]] state_base& self() const noexcept { return *self_; }
    [[nodiscard]] resumption& current() const noexcept { return *resumption_; }
    [[nodiscard]] any_executor const& executor() const noexcept { return self_->executor(); }

    /// Suspends the coroutine `h` until `source` is ready. False: it is ready, go on.
    [[nodiscard]] bool await(state_ptr<> source, std::coroutine_handle<> h) noexcept {
        resume_ = h;
        next_ = [](host_base& host, delivery how) { host.resume(host.resume_, how); };
        at_home_ = true;
        if (wait_for(std::move(source))) return true;
        state_ptr<> const done{up_.take()};
        return false;
    }
    /// Sends the coroutine through `where` before it goes on.
    void hop(any_executor const& where, std::coroutine_handle<> h) noexcept {
        resume_ = h;
        next_ = [](host_base& host, delivery how) { host.resume(host.resume_, how); };
        self_->schedule(where);
    }

    void on_ready(state_base&, delivery how) noexcept final {
        if (at_home_) {
            self_->continue_after(how);
        } else if (how == delivery::dropped) {
            self_->schedule(default_pool().get_executor());
        } else {
            self_->bounce();
        }
    }
    state_base* downstream() noexcept final { return self_; }

    void request_stop() noexcept final { self_->request_stop(); }
    void retain() noexcept final { self_->retain(); }
    void release() noexcept final { self_->release(); }

    using finisher = void (*)(host_base&, std::coroutine_handle<>, delivery);
    /// Starts a coroutine whose end decides the ask.
    void start(std::coroutine_handle<> root, finisher finish, delivery how) noexcept {
        root_ = root;
        finish_ = finish;
        resume(root, how);
    }

protected:
    explicit host_base(state_base& self) noexcept : self_{&self} {}
    ~host_base() = default;

    /// Whether a step has something to go on with; then `go_on` does it.
    [[nodiscard]] bool waits() const noexcept { return next_ != nullptr; }
    void go_on(delivery how) noexcept { next_(*this, how); }
    /// The executor refuses the next step. False: nothing of a coroutine's was lost, `go_on` in place is right.
    [[nodiscard]] bool abandon_coroutine() noexcept {
        if (!at_home_ || !root_) return false;
        state_ptr<> const source{up_.take()};
        std::exchange(root_, nullptr).destroy();
        return true;
    }
    [[nodiscard]] state_base* acquire_upstream() noexcept { return up_.acquire(); }
    [[nodiscard]] state_base* take_upstream() noexcept { return up_.take(); }

    using continuation = void (*)(host_base&, delivery);
    /// `then` is called in a step once `source` is ready, in the completing thread.
    void follow(state_ptr<> source, continuation then, delivery how) noexcept {
        next_ = then;
        at_home_ = false;
        if (!wait_for(std::move(source))) then(*this, how);
    }
    void follow_first(state_ptr<> source, continuation then) noexcept {
        next_ = then;
        up_.set(*source.release());
    }

private:
    [[nodiscard]] bool wait_for(state_ptr<> source) noexcept {
        state_base& s = *source.release();
        up_.set(s);
        if (self_->stop_requested_now()) s.request_stop();
        self_->wake_waiter_downstream();
        return s.attach(*this);
    }
    void resume(std::coroutine_handle<> h, delivery how) noexcept {
        if (state_base* const done = up_.take()) done->release_later(awaited_);
        resumption now{h};
        resumption_ = &now;
        state_ptr<> const alive{self_retained()};
        {
            ambient_context const inherited{self_->context()};
            running_slot* const slot = running_slot::mine;
            stoppable* const outer = slot != nullptr ? slot->enter(*this) : nullptr;
            while (now.next) std::exchange(now.next, nullptr).resume();
            if (slot != nullptr) slot->leave(outer);
        }
        if (now.finished) finish_(*this, std::exchange(root_, nullptr), how);
    }

    state_base* self_;
    link<state_base> up_;
    continuation next_ = nullptr;
    std::coroutine_handle<> resume_;
    std::coroutine_handle<> root_;
    finisher finish_ = nullptr;
    resumption* resumption_ = nullptr;
    bool at_home_ = false;
};

}  // namespace antiphon::detail
