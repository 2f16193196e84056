// SPDX-License-Identifier: BSL-1.0
#pragma once
// One question, many answers: the handler, and the ask that gathers them.

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/timer.hpp"
#include "antiphon/messaging/detail/remote_ask.hpp"
#include "antiphon/messaging/gather_options.hpp"

namespace antiphon::messaging::detail {

template <class Remote, class... Kept>
class gathering_ask;

/// The innermost layer of a request for many answers.
template <class Signature, class Codec>
class remote_many;
template <class R, class... P, class Codec>
class remote_many<R(P...), Codec> {
    static_assert(sizeof...(P) <= 1, "antiphon: a message carries one argument or none: put several into a struct");

public:
    using reply_type = R;
    using result_type = std::vector<result<R>>;
    using signature = result_type(P...);
    using codec_type = Codec;
    template <class... A>
    using ask = gathering_ask<remote_many, antiphon::detail::kept_t<P, A>...>;
    static constexpr bool several = true;

    remote_many(std::shared_ptr<target<Codec> const> to, gather_options enough) noexcept : to_{std::move(to)}, enough_{enough} {}
    [[nodiscard]] any_executor const* executor() const noexcept {
        return to_ != nullptr && to_->core->executor() ? &to_->core->executor() : nullptr;
    }
    [[nodiscard]] static constexpr bool abandons() noexcept { return false; }
    [[nodiscard]] bool empty() const noexcept { return to_ == nullptr; }
    [[nodiscard]] remote_many const& layer() const& noexcept { return *this; }
    [[nodiscard]] remote_many&& layer() && noexcept { return std::move(*this); }
    [[nodiscard]] target<Codec> const& to() const noexcept { return *to_; }
    [[nodiscard]] gather_options const& enough() const noexcept { return enough_; }
    [[nodiscard]] duration limit() const noexcept { return enough_.limit; }

    template <class Self, class... A>
    [[nodiscard]] static antiphon::detail::state_ptr<antiphon::detail::state<result_type>> make(
        Self&& self, any_executor executor, antiphon::detail::context_data const* context, A&&... args) {
        return antiphon::detail::state_ptr<antiphon::detail::state<result_type>>{new antiphon::detail::heap_ask<ask<A...>>{
            std::move(executor), context, std::forward<Self>(self), std::forward<A>(args)...}};
    }

private:
    std::shared_ptr<target<Codec> const> to_;
    gather_options enough_;
};

/// An answer is admitted under the table's lock, and kept under this one's. `closed_`: nothing more is admitted, since the ask is out of
/// the table. Whoever keeps the last one that was admitted, or closes when all are kept, concludes. Each admitted answer, and the armed
/// timer, hold a reference.
template <class Remote, class... Kept>
class gathering_ask : public remote_ask<Remote, Kept...>, private timer {
    using base = remote_ask<Remote, Kept...>;
    using delivery = antiphon::detail::delivery;
    using reply = typename Remote::reply_type;

public:
    using base::base;

protected:
    ~gathering_ask() = default;

    void sending() noexcept override {
        now_limit_ = saturating_add(this->executor().now(), this->handler().enough().limit);
        this->retain();
        ANTIPHON_TRY { this->executor().arm(*this, now_limit_); }
        ANTIPHON_CATCH_ALL { this->release(); }
    }
    [[nodiscard]] bool ends_with(message const&) noexcept override {
        this->retain();
        // seq_cst, as all three: whoever keeps an answer sees that it closed, or who closes sees that it is kept
        std::size_t const number = admitted_.fetch_add(1, std::memory_order_seq_cst) + 1;
        if (number != this->handler().enough().count) return false;
        closed_.store(true, std::memory_order_seq_cst);
        return true;
    }
    void on_answer(message&& m) noexcept override {
        antiphon::detail::state_ptr<> const admitted{this};
        {
            parking_lock::scope const hold{lock_};
            ANTIPHON_TRY { kept_.push_back(std::move(m)); }
            ANTIPHON_CATCH_ALL { ++lost_; }
        }
        if (this->handler().enough().quiet != duration::max()) expect_quiet();
        conclude_if_whole();
    }
    void on_lost(failure why) noexcept override {
        if (why == errc::deadline_exceeded) return close();
        {
            parking_lock::scope const hold{lock_};
            if (std::exchange(concluded_, true)) return;
        }
        base::on_lost(std::move(why));
    }
    void discard() noexcept override {
        if (this->executor().disarm(*this)) this->release();
        base::discard();
    }
    void step(delivery how) noexcept override {
        bool whole = false;
        {
            parking_lock::scope const hold{lock_};
            whole = concluded_;
        }
        whole ? conclude(how) : base::step(how);
    }

private:
    void fire() noexcept override {
        antiphon::detail::state_ptr<> const timers_reference{this};
        if (this->handler().to().core->finish(*this)) close();
    }
    /// The timer moves to the end of the quiet that begins now.
    void expect_quiet() noexcept {
        time_point const end = saturating_add(this->executor().now(), this->handler().enough().quiet);
        parking_lock::scope const hold{lock_};
        if (concluded_ || !this->executor().disarm(*this)) return;
        ANTIPHON_TRY { this->executor().arm(*this, end < now_limit_ ? end : now_limit_); }
        ANTIPHON_CATCH_ALL { this->release(); }
    }
    void close() noexcept {
        closed_.store(true, std::memory_order_seq_cst);
        conclude_if_whole();
    }
    void conclude_if_whole() noexcept {
        {
            parking_lock::scope const hold{lock_};
            bool const whole =
                closed_.load(std::memory_order_seq_cst) && kept_.size() + lost_ == admitted_.load(std::memory_order_seq_cst);
            if (!whole || std::exchange(concluded_, true)) return;
        }
        if constexpr (quick_codec<typename Remote::codec_type>) {
            conclude(delivery::nested);
        } else {
            this->continue_after(delivery::nested);
        }
    }
    void conclude(delivery how) noexcept {
        std::vector<message> const kept = std::move(kept_);  // nobody else comes here any more
        this->decide(
            [&] {
                std::vector<result<reply>> all;
                all.reserve(kept.size());
                for (message const& each : kept)
                    all.push_back(each.kind == message_kind::refusal ? result<reply>{read_refusal(message{each})}
                                                                     : decode_from<reply>(this->handler().to().codec, message{each}));
                return result<std::vector<result<reply>>>{std::in_place, std::move(all)};
            },
            how);
    }

    time_point now_limit_{};
    std::atomic<std::size_t> admitted_{0};
    std::atomic<bool> closed_{false};
    parking_lock lock_;
    // Guarded by lock_:
    std::vector<message> kept_;
    std::size_t lost_ = 0;
    bool concluded_ = false;
};

}  // namespace antiphon::messaging::detail
