// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy that asks once for all who ask the same at the same time.

#include <type_traits>
#include <utility>

#include "antiphon/execution/shared_core.hpp"
#include "antiphon/request/adapt.hpp"
#include "antiphon/policy/detail/attempts.hpp"
#include "antiphon/policy/detail/coalescing_ask.hpp"
#include "antiphon/policy/detail/keyed_table.hpp"

namespace antiphon {

namespace detail {

/// A coalesce in its pipeline: copies of the request share the flights.
template <class F, class R, class Signature>
class coalescing {
    using maker = key_maker<F, Signature>;

public:
    static constexpr bool abandons = true;
    template <class Layer, class... A>
    using ask = coalescing_ask<Layer, A...>;
    using flight_type = flight<R, typename maker::key>;

    explicit coalescing(F f) : f_(std::move(f)), flights_{new typename flight_type::shared_table} {}
    [[nodiscard]] typename flight_type::shared_table& table() const noexcept { return *flights_; }
    template <class... A>
    [[nodiscard]] auto key(A const&... args) const {
        return maker::make(f_, args...);
    }

private:
    ANTIPHON_NO_UNIQUE_ADDRESS F f_;
    shared_core<typename flight_type::shared_table> flights_;
};

}  // namespace detail

/// `request | coalesce()`: while an ask is under way, those with the same arguments wait for its answer instead of asking again, and
/// each gets a copy of it, a failure too. `coalesce([](query const& q) { return q.id; })` makes the key from the arguments. Asks
/// of a request and of its copies meet; those of another pipeline do not.
/// One who leaves (stop, a timeout around it) does not disturb the others; when the last one leaves, what is inside is asked to
/// stop, and the next ask begins anew. What is inside has the first asker's executor, priority, metadata and observer, and may stand in line if that one
/// might, but has nobody's deadline. A
/// handler that asks its own key waits for itself.
/// **Threads**: any. The function is called as const, in the asking thread. The handler runs on the pool even for `call()`.
/// **Errors**: what making the key throws is the ask's failure. **Cost**: no allocation beyond the ask's; two short locks; the result is
/// copied for each asker, unless there is only one.
/// **Source**: Go's `singleflight`.
template <class F = detail::arguments_as_key>
class coalesce {
public:
    using antiphon_policy = void;

    coalesce() = default;
    explicit coalesce(F key) : key_(std::move(key)) {}

    template <class R, class... P, class Repeat, class Handler>
    [[nodiscard]] auto operator()(request<R(P...), Repeat, Handler> r) const {
        static_assert(std::is_void_v<R> || std::is_copy_constructible_v<R> || std::is_reference_v<R>,
                      "antiphon: coalesce gives everybody a copy of the result, and this one cannot be copied");
        constexpr bool has_key = detail::key_maker<F, R(P...)>::possible;
        static_assert(
            has_key,
            "antiphon: these arguments cannot be a key (that takes ==, std::hash and a copy): give coalesce a function of them");
        if constexpr (has_key) {
            return detail::wrap_shared(detail::coalescing<F, R, R(P...)>{key_}, std::move(r));
        } else {
            return r;
        }
    }

private:
    ANTIPHON_NO_UNIQUE_ADDRESS F key_;
};
template <class F>
coalesce(F) -> coalesce<F>;

static_assert(policy<coalesce<>>);

}  // namespace antiphon
