// SPDX-License-Identifier: BSL-1.0
#pragma once
// An ask at a door: what is inside is begun, or never hears of it.

#include <atomic>
#include <utility>

#include "antiphon/core/failure.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/observer.hpp"

namespace antiphon::detail {

/// Of `start` and everything that it leads to, exactly one `admit` or `turn_away` comes.
///
/// `admitted_`: false → true, once, when what is inside is about to begin. Stop requests before that do not go further: whoever
/// admits sees them. seq_cst on both sides: of setting `admitted_` followed by a look at the stop flag, and setting that flag
/// followed by a look at `admitted_`, one sees the other.
template <class Layer, class... A>
class guarding_ask : public layer_ask<Layer, A...> {
public:
    using R = typename Layer::result_type;
    using layer_ask<Layer, A...>::layer_ask;

protected:
    ~guarding_ask() = default;

    void admit() noexcept {
        admitted_.store(true, std::memory_order_seq_cst);
        if (this->stop_requested()) this->stop_inner();
        this->begin_inner();
    }
    /// Answers `why`, by the rule of the policy `by`; without one it was not the policy that refused.
    void turn_away(failure why, delivery how, char const* by = nullptr) noexcept {
        if (by != nullptr && this->context() != nullptr && this->context()->observer != nullptr)
            this->context()->observer->rejected(by, why);
        this->dismiss_inner();
        this->fail(std::move(why), how);
    }
    /// Before it is admitted.
    void turn_away_stopped(delivery how = delivery::nested) noexcept { turn_away(failure{errc::cancelled, executed::no}, how); }

    [[nodiscard]] bool admitted() const noexcept { return admitted_.load(std::memory_order_seq_cst); }
    state_base* on_stop() noexcept override { return admitted() ? this->upstream() : nullptr; }

private:
    std::atomic<bool> admitted_{false};
};

}  // namespace antiphon::detail
