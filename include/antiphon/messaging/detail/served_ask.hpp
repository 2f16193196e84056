// SPDX-License-Identifier: BSL-1.0
#pragma once
// One ask at its responder, from when it begins until its answer goes back.

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "antiphon/core/failure.hpp"
#include "antiphon/core/work.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/default_pool.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/messaging/codec.hpp"
#include "antiphon/messaging/detail/served_core.hpp"
#include "antiphon/messaging/message.hpp"

namespace antiphon::messaging::detail {

/// One ask at its responder: it consumes the answer of the handler's ask and sends it back.
template <class R, class Codec>
class served_ask final : public begun, private antiphon::detail::consumer, private work_item {
    using state = antiphon::detail::state<R>;
    using delivery = antiphon::detail::delivery;

public:
    served_ask(std::shared_ptr<served_core> of, Codec const& codec, message&& head, antiphon::detail::state_ptr<state> ask)
        : begun{head.inbox}, of_{std::move(of)}, codec_{codec}, head_{std::move(head)}, ask_{std::move(ask)} {}

    /// False: the same ask runs already; this one never does.
    [[nodiscard]] static bool begin(std::unique_ptr<served_ask> fresh) noexcept {
        fresh->ask_->retain();
        antiphon::detail::state_ptr<> const alive{fresh->ask_.get()};
        bool inserted = false;
        ANTIPHON_TRY { inserted = fresh->of_->under_way().insert(*fresh, fresh->head_.id); }
        ANTIPHON_CATCH_ALL {
            // Without memory for it, it runs, and cannot be cancelled.
            inserted = true;
        }
        if (!inserted) {
            alive->request_stop();
            alive->begin();
            return false;
        }
        served_ask& me = *fresh.release();
        if (me.ask_->attach(me)) {
            alive->begin();
        } else {
            me.finish(me.ask_->get());  // decided where it was made
        }
        return true;
    }
    [[nodiscard]] antiphon::detail::state_base& hold() noexcept override {
        ask_->retain();
        return *ask_;
    }
    [[nodiscard]] std::uint64_t adopt(std::uint64_t fresh) noexcept override { return std::exchange(head_.delivery, fresh); }

private:
    void on_ready(antiphon::detail::state_base& source, delivery how) noexcept override {
        // At the end of a step the place is right. Inside somebody's call only what is quick may happen.
        if (how == delivery::tail || (how == delivery::nested && quick_codec<Codec>)) return finish(ask_->get());
        any_executor const& home = source.executor();
        any_executor const where = home && how != delivery::dropped ? home : any_executor{default_pool().get_executor()};
        work job{static_cast<work_item&>(*this)};
        ANTIPHON_TRY { where.execute(std::move(job)); }
        ANTIPHON_CATCH_ALL {
            // It was rejected on the way out.
        }
    }
    void run() noexcept override { finish(ask_->get()); }
    void reject(errc why, rejection) noexcept override { finish(failure{why, executed::yes}); }

    void finish(result<R>&& answer) noexcept {
        if (id() != 0) static_cast<void>(of_->under_way().take(*this));
        std::unique_ptr<served_ask> const gone{this};
        std::shared_ptr<served_core> const of = std::move(of_);
        message& m = head_;
        if (!answer) return of->refuse(std::move(m), answer.error());
        std::string key = std::exchange(m.key, {});
        ANTIPHON_TRY {
            if constexpr (!std::is_void_v<R>) {
                if (result<void> encoded = encode_into(codec_, m, *std::move(answer)); !encoded)
                    return restore(of, m, key, encoded.error());
            }
            m.key = std::move(key);
            of->answer(std::move(m), true);
        }
        ANTIPHON_CATCH_ALL { restore(of, m, key, failure::current()); }
    }
    void finish(result<R>& answer) noexcept { finish(std::move(answer)); }
    static void restore(std::shared_ptr<served_core> const& of, message& m, std::string& key, failure const& why) noexcept {
        m.key = std::move(key);
        of->refuse(std::move(m), failure{why}.with_executed(executed::yes));
    }

    std::shared_ptr<served_core> of_;  // until it ends
    ANTIPHON_NO_UNIQUE_ADDRESS Codec const codec_;
    message head_;
    antiphon::detail::state_ptr<state> ask_;
};

}  // namespace antiphon::messaging::detail
