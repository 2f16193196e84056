// SPDX-License-Identifier: BSL-1.0
#pragma once
// Asks that wait for company and are asked together; each gets its own result.

#include <utility>

#include "antiphon/execution/shared_core.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/policy/detail/batch_core.hpp"
#include "antiphon/policy/detail/batch_load.hpp"

namespace antiphon::detail {

/// One item's ask.
template <class Layer, class Kept>
class batching_ask : public state<typename Layer::result_type> {
    using core_type = typename Layer::core_type;

public:
    using R = typename Layer::result_type;

    template <class L, class V>
    batching_ask(any_executor&& executor_for, context_data const* outer, L&& layer, V&& value)
        : state<R>{std::move(executor_for), outer, 2, 0}, core_{layer.core()}, item_{*this, std::forward<V>(value)} {}

    void begin() noexcept final {
        if (timer_thread::is_current()) return this->continue_after(delivery::nested);
        arrive(delivery::nested);
    }

protected:
    ~batching_ask() = default;
    void step(delivery how) noexcept override { arrived_ ? deliver(how) : arrive(how); }
    void refuse(errc why, delivery how) noexcept override {
        if (!arrived_) return this->fail(failure{why, executed::no}, how);
        how == delivery::dropped ? this->schedule(default_pool().get_executor()) : deliver(how);
    }
    state_base* on_stop() noexcept final { return leave().release(); }
    state_base* upstream() noexcept final { return core_->upstream(item_); }
    [[nodiscard]] bool may_abandon() const noexcept final { return true; }

private:
    void arrive(delivery how) noexcept {
        this->retain();
        state_ptr<> const alive{this};
        arrived_ = true;
        if (this->stop_requested()) return this->fail(failure{errc::cancelled, executed::no}, how);
        ANTIPHON_TRY { core_->join(item_); }
        ANTIPHON_CATCH_ALL { return this->fail(failure::current(executed::no), how); }
        // A stop request either finds it listed, or is seen here. (Its answer may be there already.)
        if (this->stop_requested()) {
            if (state_ptr<> const further = leave()) further->request_stop();
        }
    }
    /// What to stop next.
    [[nodiscard]] state_ptr<> leave() noexcept {
        typename core_type::departure made = core_->leave(item_);
        if (!made.left) return {};
        state_ptr<> const lists{this};
        this->fail(failure{errc::cancelled, made.ran}, delivery::nested);
        return std::move(made.further);
    }
    void deliver(delivery from) noexcept {
        delivery const way = item_.how == delivery::nested ? item_.how : from;
        if (item_.answer) return this->complete(*std::move(item_.answer), way);
        this->fail(failure{errc::cancelled, item_.departed ? executed::maybe : executed::no}, way);
    }

    shared_core<core_type> core_;
    batch_item<R, typename core_type::X> item_;
    bool arrived_ = false;
};

}  // namespace antiphon::detail
