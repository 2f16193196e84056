// SPDX-License-Identifier: BSL-1.0
#pragma once
// A state whose answer may come from another one: flattened futures, and coroutines, which await one thing after another.

#include <atomic>
#include <coroutine>
#include <type_traits>
#include <utility>

#include "antiphon/execution/here.hpp"
#include "antiphon/request/answer.hpp"
#include "antiphon/request/context.hpp"
#include "antiphon/request/link.hpp"
#include "antiphon/request/state.hpp"

namespace antiphon::detail {

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
    /// The innermost one of this thread: that of the coroutine that asks.
    [[nodiscard]] static resumption& current() noexcept { return *current_; }

    [[nodiscard]] state_base& self() const noexcept { return *self_; }
    [[nodiscard]] any_executor const& executor() const noexcept { return self_->executor(); }

    /// Suspends the coroutine `h` until `source` is ready; the awaiter keeps its own reference. False: it is ready, go on.
    [[nodiscard]] bool await(state_base& source, std::coroutine_handle<> h) noexcept {
        resume_ = h;
        next_ = [](host_base& host, delivery how) { host.resume(host.resume_, how); };
        at_home_ = true;
        source.retain();
        if (wait_for(state_ptr<>{&source})) return true;
        state_ptr<> const done{up_.take()};
        return false;
    }
    /// Suspends the coroutine `h` and lets its home resume it. False: it has none, go on.
    [[nodiscard]] bool hop(std::coroutine_handle<> h) noexcept {
        if (state_base::runs_anywhere(home())) return false;
        resume_ = h;
        next_ = [](host_base& host, delivery how) { host.resume(host.resume_, how); };
        at_home_ = true;
        moved_.load(std::memory_order_relaxed) == nullptr ? self_->reschedule() : go_home();
        return true;
    }
    /// From now on the coroutine resumes on `where`. Its place may matter: nobody claims its steps any more.
    void move_to(any_executor where) {
        auto* const home = new new_home{*this, std::move(where), moved_.load(std::memory_order_relaxed)};
        self_->pin();
        moved_.store(home, std::memory_order_release);  // pairs with assist_home
    }
    [[nodiscard]] any_executor const& home() const noexcept {
        new_home const* const m = moved_.load(std::memory_order_relaxed);  // only the thread of the step asks
        return m != nullptr ? m->where : self_->executor();
    }

    void on_ready(state_base&, delivery how) noexcept override {
        if (at_home_ && moved_.load(std::memory_order_relaxed) == nullptr) {
            self_->continue_after(how);
        } else if (at_home_ && how != delivery::dropped) {
            go_home();
        } else if (at_home_) {
            new_home* const m = moved_.load(std::memory_order_relaxed);
            self_->schedule_as(*m, m->in_queue, default_pool().get_executor());
        } else if (how == delivery::dropped) {
            self_->schedule(default_pool().get_executor());
        } else {
            self_->bounce(how);
        }
    }
    state_base* downstream() noexcept final {
        state_base* const known = beyond_.load(std::memory_order_acquire);  // pairs with remember
        return known != nullptr ? known : self_;
    }
    [[nodiscard]] bool steadfast() noexcept override { return !self_->may_abandon(); }
    void remember(state_base& end) noexcept final { beyond_.store(&end, std::memory_order_release); }  // pairs with downstream

    using finisher = void (*)(host_base&, std::coroutine_handle<>, delivery);
    /// Starts a coroutine whose end decides the ask.
    void start(std::coroutine_handle<> root, finisher finish, delivery how) noexcept {
        root_ = root;
        finish_ = finish;
        self_->retain();
        state_ptr<> const alive{self_};  // an ask may be started by somebody who holds nothing of it
        resume(root, how);
    }

protected:
    explicit host_base(state_base& self) noexcept : self_{&self} {}
    bool started_ = false;  ///< the first step was taken; belongs to whoever holds the step
    ~host_base() {
        for (new_home const* m = moved_.load(std::memory_order_relaxed); m != nullptr;)
            delete std::exchange(m, m->before);
    }
    /// For a waiter: lets the place that the coroutine has moved to go on, if this thread may.
    [[nodiscard]] assistance assist_home() const noexcept {
        new_home const* const m = moved_.load(std::memory_order_acquire);  // pairs with move_to
        return m != nullptr ? m->where.assist() : assistance::none;
    }

    [[nodiscard]] state_base::new_place moved_place() const noexcept {
        new_home const* const m = moved_.load(std::memory_order_acquire);  // pairs with move_to
        return m != nullptr ? state_base::new_place{m, m->where.place()} : state_base::new_place{};
    }
    void go_where_due() noexcept { self_->is_pinned() ? go_home() : self_->schedule(); }
    void go_home() noexcept {
        new_home* const m = moved_.load(std::memory_order_relaxed);
        m == nullptr ? self_->schedule() : self_->schedule_as(*m, m->in_queue, m->where);
    }

    /// Whether a step has something to go on with; then `go_on` does it, for somebody who holds a reference meanwhile, as whoever performs
    /// a step of a host does.
    [[nodiscard]] bool waits() const noexcept { return next_ != nullptr; }
    void go_on(delivery how) noexcept { next_(*this, how); }
    /// The executor refuses the next step. False: no coroutine is lost by it, `go_on` in place is right. True: it is destroyed
    /// now, and the ask is to fail; after `dropped` that is sent to the default pool, and nothing is to be done here.
    enum class loss {
        none,
        destroyed,
        sent_on
    };
    [[nodiscard]] loss lose_coroutine(delivery how) noexcept {
        if (!at_home_ || !root_) return loss::none;
        if (how == delivery::dropped) {
            next_ = [](host_base& host, delivery from) { host.lost(from); };
            any_executor const where = default_pool().get_executor();
            new_home* const m = moved_.load(std::memory_order_relaxed);
            m == nullptr ? self_->schedule(where) : self_->schedule_as(*m, m->in_queue, where);
            return loss::sent_on;
        }
        state_ptr<> const source{up_.take()};
        std::exchange(root_, nullptr).destroy();
        forget_home();
        return loss::destroyed;
    }
    /// A lost coroutine's end, on the default pool.
    virtual void lost(delivery how) noexcept = 0;
    [[nodiscard]] state_base* acquire_upstream() noexcept { return up_.acquire(); }
    [[nodiscard]] state_base* take_upstream() noexcept { return up_.take(); }

    using continuation = void (*)(host_base&, delivery);
    /// `then` is called in a step once `source` is ready, in the completing thread.
    void follow(state_ptr<> source, continuation then, delivery how) noexcept {
        next_ = then;
        at_home_ = false;
        if (!wait_for(std::move(source))) then(*this, how);
    }
    /// Before the state is shared: its first step is due, in its place, when `source` is ready.
    void await_first(state_ptr<> source) noexcept {
        at_home_ = true;
        up_.set_first(*source.release());
    }
    /// The same for a state that others know: they may be looking for what is upstream.
    void await_next(state_ptr<> source) noexcept {
        at_home_ = true;
        up_.set(*source.release());
    }

private:
    /// Where a coroutine has moved, with the entry by which its steps come from there: the state's own may lie in another executor's
    /// queue still, as a husk. Kept to the end, so that waiters may look at it.
    struct new_home final : work_item, recycled {
        new_home(host_base& ask, any_executor place, new_home const* outer) noexcept
            : host{&ask}, where{std::move(place)}, before{outer} {}
        void run() noexcept override { host->self_->run_pinned(*this, in_queue); }
        void reject(errc why, rejection how) noexcept override { host->self_->reject_pinned(*this, in_queue, why, how); }
        [[nodiscard]] urgency how_urgent() const noexcept override { return host->self_->how_urgent(); }

        host_base* host;
        any_executor where;
        new_home const* before;
        std::atomic<bool> in_queue{false};
    };

    /// The coroutine has ended: what follows goes the ask's own way again.
    void forget_home() noexcept {
        if (moved_.load(std::memory_order_relaxed) != nullptr) self_->unpin();
    }

    [[nodiscard]] bool wait_for(state_ptr<> source) noexcept {
        state_base& s = *source.release();
        up_.set(s);
        if (self_->stop_requested()) s.request_stop();
        self_->wake_waiter_downstream();
        return s.attach(*this);
    }
    /// The caller holds a reference: once the coroutine has suspended, another thread may come to its end.
    void resume(std::coroutine_handle<> h, delivery how) noexcept {
        state_ptr<> const awaited{up_.take()};
        resumption now{h};
        {
            resumption* const below = std::exchange(current_, &now);
            ambient_context const inherited{self_->context()};
            running_slot* const slot = running_slot::mine;
            stoppable* const outer = slot != nullptr ? slot->enter(*this) : nullptr;
            while (now.next)
                std::exchange(now.next, nullptr).resume();
            if (slot != nullptr) slot->leave(outer);
            current_ = below;
        }
        if (!now.finished) return;
        forget_home();
        finish_(*this, std::exchange(root_, nullptr), how);
    }

    static constinit inline thread_local resumption* current_ = nullptr;

    state_base* self_;
    link<state_base> up_;
    continuation next_ = nullptr;
    std::coroutine_handle<> resume_;
    std::coroutine_handle<> root_;
    finisher finish_ = nullptr;
    std::atomic<state_base*> beyond_{nullptr};
    std::atomic<new_home*> moved_{nullptr};
    bool at_home_ = false;
};

/// A state that can take any form of answer: a value, a result, a future, a request, a task.
template <class R>
class host_state : public state<R>, public host_base {
public:
    using state<R>::executor;
    void request_stop() noexcept final { state<R>::request_stop(); }
    void retain() noexcept final { state<R>::retain(); }
    void release() noexcept final { state<R>::release(); }

    /// Runs `make` and decides the ask by what it returns or throws, now or when that is ready.
    template <class Make>
    void answer_with(Make&& make, delivery how) noexcept {
        using given = std::invoke_result_t<Make>;
        using answer = answer_traits<given>;
        if constexpr (answer::immediate) {
            this->answer_now(std::forward<Make>(make), how);
        } else {
            ANTIPHON_TRY { answer::deliver(*this, std::forward<Make>(make)(), how); }
            ANTIPHON_CATCH_ALL { this->fail(failure::current(), how); }
        }
    }
    /// Decides the ask by the answer of `source`, when it is ready.
    template <class U>
    void answer_by(state_ptr<state<U>> source, delivery how) noexcept {
        this->follow(
            state_ptr<>{source.release()},
            [](host_base& host, delivery from) {
                auto& me = static_cast<host_state&>(host);
                state_ptr<state<U>> const done{static_cast<state<U>*>(me.take_upstream())};
                me.complete_from(done->get(), from);
            },
            how);
    }
    template <class U>
    void complete_from(result<U>& answer, delivery how) noexcept {
        this->decide([&] { return convert<R>(std::move(answer)); }, how);
    }

protected:
    host_state(any_executor&& place, context_data const* outer, std::uint32_t references, std::uint32_t word) noexcept
        : state<R>{std::move(place), outer, references, word}, host_base{static_cast<state_base&>(*this)} {}
    ~host_state() = default;

    state_base* upstream() noexcept override { return this->acquire_upstream(); }
    state_base* on_stop() noexcept override { return this->acquire_upstream(); }
    state_base::new_place moved() noexcept override { return this->moved_place(); }
    void put_back() noexcept override { this->go_where_due(); }
    assistance assist_place() noexcept override {
        assistance const found = this->assist_home();
        return found != assistance::none ? found : state<R>::assist_place();
    }
    void lost(delivery how) noexcept override {
        if (this->lose_coroutine(how) == loss::destroyed) this->fail(failure{errc::cancelled, executed::maybe}, how);
    }
    /// For `refuse`: what to do with a step that is not the first.
    void refuse_further(errc why, delivery how) noexcept {
        switch (this->lose_coroutine(how)) {
            case loss::none: this->go_on(how); break;
            case loss::destroyed: this->fail(failure{why, executed::maybe}, how); break;
            case loss::sent_on: break;
        }
    }
};

}  // namespace antiphon::detail
