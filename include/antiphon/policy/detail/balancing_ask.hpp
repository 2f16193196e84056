// SPDX-License-Identifier: BSL-1.0
#pragma once
// An ask that goes to one of several replicas, the less loaded of two.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "antiphon/core/arithmetic.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/any_executor.hpp"
#include "antiphon/execution/parking.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/execution/timers.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/observer.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/policy/circuit_breaker.hpp"

namespace antiphon::detail {

/// How long a replica takes: at once as long as the slowest, and forgetting that over time.
/// **Source**: Finagle's peak EWMA; Twitter's "Beyond Round Robin".
class peak_ewma_meter {
public:
    explicit peak_ewma_meter(duration decay) noexcept : decay_{static_cast<double>(decay.count())} {}
    void record(time_point now, duration took, bool success) noexcept {
        parking_lock::scope const hold{lock_};
        double const t = static_cast<double>(took.count());
        double const keeps = keeps_until(now);
        cost_ *= keeps;
        if (t >= cost_) {
            cost_ = t;
        } else if (success) {  // what fails fast is no faster for it
            cost_ += t * (1 - keeps);
        }
        last_ = detail::larger(last_, now);
    }
    /// Forgotten by `now`, whether it is asked or not: who was slow once is asked again some time.
    [[nodiscard]] double cost(time_point now) noexcept {
        parking_lock::scope const hold{lock_};
        return cost_ * keeps_until(now);
    }
    /// As of the last answer.
    [[nodiscard]] double cost() noexcept {
        parking_lock::scope const hold{lock_};
        return cost_;
    }

private:
    [[nodiscard]] double keeps_until(time_point now) const noexcept {
        return now > last_ ? detail::exp(-static_cast<double>(saturating_sub(now, last_).count()) / decay_) : 1;
    }
    double decay_;
    parking_lock lock_;
    double cost_ = 0;
    time_point last_{};
};

template <class Signature>
struct replica final : counted {
    replica(std::uint64_t number, request<Signature> r, std::optional<circuit_breaker> guard, duration decay)
        : id{number}, asks(std::move(r)), breaker(std::move(guard)), latency{decay} {}
    std::uint64_t const id;
    request<Signature> const asks;
    std::optional<circuit_breaker> const breaker;
    std::atomic<std::uint32_t> in_flight{0};  // relaxed: a hint
    std::atomic<std::uint64_t> asked{0};
    peak_ewma_meter latency;
};

/// The replicas of one moment; changed by being replaced.
template <class Signature>
struct replica_list final : counted {
    std::vector<shared_core<replica<Signature>>> all;
};

/// What decides; `ewma`: load is in flight times latency, else in flight.
template <class Signature>
class balance_core final : public counted {
public:
    using list = replica_list<Signature>;
    using one = shared_core<replica<Signature>>;

    explicit balance_core(bool ewma) : ewma_{ewma}, list_{new list} {}

    [[nodiscard]] shared_core<list> snapshot() noexcept {
        parking_lock::scope const hold{lock_};
        return list_;
    }
    /// `change(all)` makes the next list of the last; what it throws changes nothing.
    template <class Change>
    bool edit(Change const change) {
        for (;;) {
            shared_core<list> const before = snapshot();
            shared_core<list> after{new list};
            after->all = before->all;
            if (!change(after->all)) return false;
            parking_lock::scope const hold{lock_};
            if (list_ != before) continue;
            std::swap(list_, after);  // what is replaced is destroyed outside the lock
            return true;
        }
    }
    [[nodiscard]] std::uint64_t next_id() noexcept { return ids_.fetch_add(1, std::memory_order_relaxed); }

    /// Power of two choices among those that let an ask in and are not in `tried`, if there are any. None: all are shut.
    [[nodiscard]] std::optional<one> choose(any_executor const& executor, time_point moment, tried_replicas* tried) {
        if (tried != nullptr && !tried->belongs_to(this)) tried = nullptr;
        shared_core<list> const now = snapshot();
        auto const& all = now->all;
        tried_replicas::list avoided = tried != nullptr ? tried_replicas::list{*tried} : tried_replicas::list{};
        auto const fits = [&](auto const& r) { return !avoided.contains(r->id) && (!r->breaker || r->breaker->admits(moment)); };
        std::size_t n = count(all, fits);
        if (n == 0 && !avoided.empty()) {  // all have been tried: anew, from another one than the last
            tried->begin_again();
            avoided = tried_replicas::list{*tried};
            n = count(all, fits);
        }
        if (n == 0 && !avoided.empty()) {
            avoided = {};
            n = count(all, fits);
        }
        if (n == 0) return {};
        std::optional<one> chosen;
        if (n == 1) {
            chosen = nth(all, 0, fits);
        } else {
            std::uint64_t const dice = executor.random();
            std::size_t const a = (dice & 0xFFFFFFFF) % n;
            std::size_t const b = (a + 1 + (dice >> 32) % (n - 1)) % n;
            std::optional<one> const first = nth(all, a, fits), second = nth(all, b, fits);
            if (!first || !second) {
                chosen = first ? first : second;  // one has shut meanwhile
            } else {
                chosen = load(**second, moment) < load(**first, moment) ? second : first;
            }
        }
        if (chosen && tried != nullptr) tried->add((*chosen)->id);
        return chosen;
    }

private:
    template <class All, class Fits>
    [[nodiscard]] static std::size_t count(All const& all, Fits const fits) {
        std::size_t n = 0;
        for (auto const& r : all)
            n += fits(r);
        return n;
    }
    template <class All, class Fits>
    [[nodiscard]] static std::optional<one> nth(All const& all, std::size_t n, Fits const fits) {
        for (auto const& r : all)
            if (fits(r) && n-- == 0) return r;
        return {};
    }
    [[nodiscard]] double load(replica<Signature>& r, time_point now) const noexcept {
        double const pending = r.in_flight.load(std::memory_order_relaxed);
        if (!ewma_) return pending;
        double const cost = r.latency.cost(now);
        constexpr double unknown = 1e18;  // nothing was measured: one ask at a time finds out
        return cost == 0 ? (pending == 0 ? 0 : unknown + pending) : cost * (pending + 1);
    }

    bool ewma_;
    std::atomic<std::uint64_t> ids_{0};
    parking_lock lock_;
    shared_core<list> list_;  // guarded by lock_
};

template <class Layer, class... A>
class balancing_ask : public host_state<typename Layer::result_type> {
    using signature = typename Layer::signature;

public:
    using R = typename Layer::result_type;

    template <class L, class... X>
    balancing_ask(any_executor&& executor_for, context_data const* outer, L&& layer, X&&... args)
        : host_state<R>{std::move(executor_for), outer, 2, 0}, core_{layer.core()}, args_(std::forward<X>(args)...) {}

    void begin() noexcept final {
        if (timer_thread::is_current()) return this->continue_after(delivery::nested);  // arguments are moved elsewhere
        send(delivery::nested);
    }

protected:
    ~balancing_ask() = default;
    void step(delivery how) noexcept override { send(how); }
    void refuse(errc why, delivery how) noexcept override { this->fail(failure{why, executed::no}, how); }
    [[nodiscard]] bool steadfast() noexcept final { return false; }

private:
    void send(delivery how) noexcept {
        if (this->stop_requested()) return this->fail(failure{errc::cancelled, executed::no}, how);
        state_ptr<state<R>> ask;
        ANTIPHON_TRY {
            began_ = this->executor().now();
            chosen_ = core_->choose(this->executor(), began_, tried());
            if (!chosen_) return turn_away(how);
            erased<signature> const& inner = request_access::handler((*chosen_)->asks);
            ask = std::apply(
                [&](A&... args) {
                    return erased<signature>::make(inner, any_executor{this->executor()}, this->context(), std::move(args)...);
                },
                args_);
        }
        ANTIPHON_CATCH_ALL { return this->fail(failure::current(executed::no), how); }
        (*chosen_)->in_flight.fetch_add(1, std::memory_order_relaxed);
        (*chosen_)->asked.fetch_add(1, std::memory_order_relaxed);
        state_base& inner = *ask;
        if (this->asked_anew()) inner.ask_anew();
        inner.attach_first(*this);
        inner.retain_first();
        state_ptr<> const alive{&inner};
        this->await_first(state_ptr<>{ask.release()});
        if (this->stop_requested()) inner.request_stop();
        inner.begin();
    }
    [[nodiscard]] tried_replicas* tried() const noexcept {
        return this->context() != nullptr && !this->asked_anew() ? this->context()->tried : nullptr;
    }
    void turn_away(delivery how) noexcept {
        failure why{errc::unavailable, executed::no, "balance: no replica takes an ask now"};
        if (this->context() != nullptr && this->context()->observer != nullptr) this->context()->observer->rejected("balance", why);
        this->fail(std::move(why), how);
    }
    // Without the trampoline: pipelines are as deep as they were written.
    void on_ready(state_base&, delivery how) noexcept final {
        state_ptr<state<R>> const done{static_cast<state<R>*>(this->take_upstream())};
        (*chosen_)->in_flight.fetch_sub(1, std::memory_order_relaxed);
        time_point const now = this->executor().now();
        (*chosen_)->latency.record(now, saturating_sub(now, began_), done->get().has_value());
        this->complete_from(done->get(), how);
    }

    shared_core<typename Layer::core_type> core_;
    std::optional<shared_core<replica<signature>>> chosen_;
    time_point began_{};
    std::tuple<A...> args_;
};

}  // namespace antiphon::detail
