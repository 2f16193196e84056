// SPDX-License-Identifier: BSL-1.0
#pragma once
// One request made of several replicas: each ask goes to the less loaded of two.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/core/contract.hpp"
#include "antiphon/core/time.hpp"
#include "antiphon/execution/shared_core.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/policy/circuit_breaker.hpp"
#include "antiphon/policy/detail/balancing_ask.hpp"

namespace antiphon {

/// What counts as the load of a replica.
enum class replica_load {
    in_flight,  ///< asks under way
    peak_ewma,  ///< those times how long it takes, in which a slow answer counts at once and is forgotten over `decay`
};

struct balance_options {
    replica_load load = replica_load::in_flight;
    any_duration decay = std::chrono::seconds{10};
    std::optional<circuit_breaker_options> breaker{};  ///< each replica gets a breaker of its own, made of these
};

/// What a balance knows of a replica.
struct replica_state {
    std::uint64_t id = 0;
    std::uint32_t in_flight = 0;
    std::uint64_t asked = 0;
    duration latency{};  ///< its peak EWMA; zero before the first answer
    std::optional<circuit_breaker> breaker{};
};

namespace detail {

/// The handler of a balanced request.
template <class Signature>
class balanced;
template <class R, class... P>
class balanced<R(P...)> {
public:
    using result_type = R;
    using signature = R(P...);
    using core_type = balance_core<signature>;
    template <class... A>
    using ask = balancing_ask<balanced, kept_t<P, A>...>;

    explicit balanced(shared_core<core_type> core) noexcept : core_{std::move(core)} {}

    [[nodiscard]] static any_executor const* executor() noexcept { return nullptr; }
    [[nodiscard]] bool abandons() const noexcept {
        shared_core<replica_list<signature>> const now = core_->snapshot();
        for (auto const& r : now->all)
            if (request_access::handler(r->asks).abandons()) return true;
        return false;
    }
    [[nodiscard]] static bool empty() noexcept { return false; }
    [[nodiscard]] balanced const& layer() const& noexcept { return *this; }
    [[nodiscard]] balanced&& layer() && noexcept { return std::move(*this); }
    [[nodiscard]] shared_core<core_type> const& core() const noexcept { return core_; }

    template <class Self, class... A>
    [[nodiscard]] static state_ptr<state<R>> make(Self&& self, any_executor&& executor, context_data const* context, A&&... args) {
        return state_ptr<state<R>>{
            new heap_ask<ask<A...>>{std::move(executor), context, std::forward<Self>(self), std::forward<A>(args)...}};
    }

private:
    shared_core<core_type> core_;
};

}  // namespace detail

/// `balance<int(std::string)> replicas{{a, b, c}};  replicas | retry{}`: each ask goes to one of the replicas: of two that
/// are drawn by chance, to the one with less load. One whose breaker would reject the ask is not drawn. Attempts of one `retry` and copies of one
/// `hedge` around it go to different replicas while there are such. Replicas come and go at run time; one that is removed finishes what it
/// has. A handle: copies balance together.
/// **Threads**: any. **Errors**: when no replica takes an ask, `errc::unavailable`, `executed::no`. Nonsense is refused with `std::invalid_argument`.
/// **Time**, randomness: the executor's, which is fixed around the balance, not inside it: the replicas' own executors do not count.
/// **Cost**: two allocations an ask, and a walk along the replicas.
/// **Source**: Mitzenmacher, "The power of two choices in randomized load balancing", IEEE TPDS 12, 2001; Finagle; tower.
template <class Signature>
class balance {
public:
    using request_type = request<Signature, repeat::safe, detail::balanced<Signature>>;

    explicit balance(balance_options options = {}) : options_{std::move(options)}, core_{make(options_)} {}
    explicit balance(std::vector<request<Signature>> replicas, balance_options options = {}) : balance(std::move(options)) {
        for (auto& each : replicas)
            add(std::move(each));
    }

    /// From now on it is asked too. Gives what `remove` takes.
    std::uint64_t add(request<Signature> replica) const {
        if (!options_.breaker) return insert(std::move(replica), {});
        circuit_breaker const guard{*options_.breaker};
        return add(std::move(replica), guard);
    }
    /// The same, with a breaker that one has in hand; it is put around the replica.
    std::uint64_t add(request<Signature> replica, circuit_breaker const& guard) const {
        return insert(request<Signature>{std::move(replica) | guard}, guard);
    }
    /// From now on it is not asked; what it has under way goes on. False: there is none of that number.
    bool remove(std::uint64_t id) const {
        return core_->edit([id](auto& all) { return std::erase_if(all, [id](auto const& r) { return r->id == id; }) != 0; });
    }
    [[nodiscard]] std::size_t size() const { return core_->snapshot()->all.size(); }
    [[nodiscard]] std::vector<replica_state> replicas() const {
        std::vector<replica_state> found;
        shared_core<detail::replica_list<Signature>> const now = core_->snapshot();
        for (auto const& r : now->all)
            found.push_back({r->id, r->in_flight.load(std::memory_order_relaxed), r->asked.load(std::memory_order_relaxed),
                             duration{static_cast<duration::rep>(r->latency.cost())}, r->breaker});
        return found;
    }

    /// The request that asks one of them. It, and its copies, follow what is added and removed.
    [[nodiscard]] request_type to_request() const {
        return detail::request_access::make<repeat::safe>(detail::balanced<Signature>{core_});
    }
    template <class Policy>
    [[nodiscard]] friend auto operator|(balance const& b, Policy&& p) {
        return b.to_request() | std::forward<Policy>(p);
    }
    /// The verbs of that request.
    template <class... A>
    [[nodiscard]] auto call(A&&... args) const {
        return to_request().call(std::forward<A>(args)...);
    }
    template <class... A>
    auto submit(A&&... args) const {
        return to_request().submit(std::forward<A>(args)...);
    }
    template <class Rep, class Period, class... A>
    [[nodiscard]] auto call_for(std::chrono::duration<Rep, Period> limit, A&&... args) const {
        return to_request().call_for(limit, std::forward<A>(args)...);
    }

private:
    static detail::balance_core<Signature>* make(balance_options const& o) {
        detail::require(o.decay > duration::zero(), "balance.decay: must be positive");
        return new detail::balance_core<Signature>{o.load == replica_load::peak_ewma};
    }
    std::uint64_t insert(request<Signature> replica, std::optional<circuit_breaker> guard) const {
        std::uint64_t const id = core_->next_id();
        shared_core<detail::replica<Signature>> const fresh{
            new detail::replica<Signature>{id, std::move(replica), std::move(guard), options_.decay}};
        core_->edit([&](auto& all) {
            all.push_back(fresh);
            return true;
        });
        return id;
    }

    balance_options options_;
    shared_core<detail::balance_core<Signature>> core_;
};

}  // namespace antiphon
