// SPDX-License-Identifier: BSL-1.0
#pragma once
// An ask that is answered from a store, or asks what is inside and leaves the answer there.

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "antiphon/core/lifetime.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/observer.hpp"
#include "antiphon/policy/detail/attempts.hpp"
#include "antiphon/policy/detail/keyed_table.hpp"

namespace antiphon::detail {

/// Asks again for an entry that is stale, on behalf of nobody: alive by itself until the answer.
template <class Policy, class Question>
class refresh final : public state_base, public consumer {
    using R = typename Question::inner_type::result_type;
    using entry = typename Policy::store_type::entry;

public:
    refresh(any_executor const& executor, Policy const& policy, Question&& question, node_ref<entry> stale)
        : state_base{any_executor{executor}, nullptr, 1, 0},
          policy_(policy),
          stale_{std::move(stale)},
          context_{*this},
          question_(std::move(question)) {}

    static void start(any_executor const& executor, Policy const& policy, Question&& question, node_ref<entry> stale,
                      priority urgency) noexcept {
        // Without memory for it, the next one who finds the entry stale tries.
        std::atomic<bool>& flag = stale->refreshing;
        ANTIPHON_TRY {
            auto* const made = new refresh{executor, policy, std::move(question), std::move(stale)};
            made->context_.priority = urgency;
            made->launch();
        }
        ANTIPHON_CATCH_ALL { flag.store(false, std::memory_order_relaxed); }
    }
    void on_ready(state_base& source, delivery how) noexcept override {
        answer_ = state_ptr<state<R>>{static_cast<state<R>*>(&source)};  // the consumer's reference
        // The answer is copied, and what it replaces destroyed: that is the user's.
        if (how == delivery::dropped || timer_thread::is_current()) return this->continue_after(how);
        finish();
    }

private:
    void launch() {
        state_ptr<state<R>> ask = question_.ask(slot_, *this, context_, true);
        state_base& inner = *ask.release();
        inner.attach_first(*this);
        inner.retain();
        state_ptr<> const alive{&inner};
        inner.begin();
    }
    void finish() noexcept {
        if (!policy_.keep(stale_->hash, stale_->key(), answer_->get(), this->executor().now()))
            stale_->refreshing.store(false, std::memory_order_relaxed);  // relaxed: only one may have it
        answer_ = {};
        this->release();
    }
    void destroy() noexcept override { delete this; }
    void step(delivery) noexcept override { finish(); }
    void refuse(errc, delivery how) noexcept override {
        how == delivery::dropped ? this->schedule(default_pool().get_executor()) : finish();
    }

    Policy policy_;
    node_ref<entry> stale_;
    state_ptr<state<R>> answer_;
    context_data context_;
    Question question_;
    typename Question::slot slot_;
};

template <class Layer, class... A>
class caching_ask : public host_state<typename Layer::result_type> {
    using asked = question<Layer, typename Layer::signature, A...>;
    using policy_type = typename Layer::policy_type;
    using entry = typename policy_type::store_type::entry;

public:
    using R = typename Layer::result_type;

    template <class L, class... X>
    caching_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : host_state<R>{std::move(executor_for), outer, 2, 0},
          policy_(layer.policy()),
          context_{*this},
          question_{std::forward<L>(layer), std::forward<X>(args)...} {}

    void begin() noexcept final {
        if (timer_thread::is_current()) return this->continue_after(delivery::nested);
        look(delivery::nested);
    }

protected:
    ~caching_ask() = default;
    void step(delivery how) noexcept override { this->started_ ? finish(how) : look(how); }
    void refuse(errc why, delivery how) noexcept override {
        if (!this->started_) return this->fail(failure{why, executed::no}, how);
        how == delivery::dropped ? this->schedule(default_pool().get_executor()) : finish(how);
    }
    [[nodiscard]] bool steadfast() noexcept final { return false; }

private:
    void look(delivery how) noexcept {
        this->started_ = true;
        if (this->stop_requested()) return this->fail(failure{errc::cancelled, executed::no}, how);
        ANTIPHON_TRY {
            key_.emplace(question_.read([&](auto const&... args) { return policy_.key(args...); }));
            hash_ = hash_of(*key_);
            node_ref<entry> found = policy_.store().find(hash_, *key_);
            if (found) {
                time_point const now = this->executor().now();
                if (now < found->fresh_until) return answer_from(std::move(found), false, how);
                if (now < found->usable_until) return answer_from(std::move(found), true, how);
            }
        }
        ANTIPHON_CATCH_ALL { return this->fail(failure::current(executed::no), how); }
        policy_.count_miss();
        ask_inside(how);
    }
    void answer_from(node_ref<entry> found, bool stale, delivery how) noexcept {
        policy_.count_hit(stale);
        if (this->context() != nullptr && this->context()->observer != nullptr) this->context()->observer->answered_by("cache");
        bool const refreshes = stale && !found->refreshing.exchange(true, std::memory_order_relaxed);
        this->decide([&]() -> result<R> const& { return found->answer(); }, how);
        // The asker's caller still holds this.
        if (refreshes)
            refresh<policy_type, asked>::start(this->executor(), policy_, std::move(question_), std::move(found), priority::low);
    }
    void ask_inside(delivery how) noexcept {
        context_.inherit_from(*this);
        state_ptr<state<R>> ask;
        ANTIPHON_TRY { ask = question_.ask(slot_, *this, context_, true); }
        ANTIPHON_CATCH_ALL { return this->fail(failure::current(executed::no), how); }
        state_base& inner = *ask;
        inner.attach_first(*this);
        inner.retain();
        state_ptr<> const alive{&inner};
        this->await_first(state_ptr<>{ask.release()});
        if (this->stop_requested()) inner.request_stop();
        inner.begin();
    }
    // Without the trampoline: pipelines are as deep as they were written.
    void on_ready(state_base&, delivery how) noexcept final {
        answer_ = state_ptr<state<R>>{static_cast<state<R>*>(this->take_upstream())};
        // The answer is copied, and what it replaces destroyed: that is the user's.
        if (how == delivery::dropped || timer_thread::is_current()) return this->continue_after(how);
        finish(how);
    }
    void finish(delivery how) noexcept {
        state_ptr<state<R>> const done = std::move(answer_);
        result<R>& answer = done->get();
        // A failure may be what came of the asker's own stop request: it says nothing to the next one.
        if (answer || !this->stop_requested()) static_cast<void>(policy_.keep(hash_, *key_, answer, this->executor().now()));
        this->complete_from(answer, how);
    }

    policy_type policy_;
    std::uint64_t hash_ = 0;
    std::optional<typename policy_type::key_type> key_;
    state_ptr<state<R>> answer_;
    context_data context_;
    asked question_;
    typename asked::slot slot_;
};

}  // namespace antiphon::detail
