// SPDX-License-Identifier: BSL-1.0
#pragma once
// A policy is a function from request to request; `|` applies one, and joins two into one.

#include <type_traits>
#include <utility>

#include "antiphon/execution/any_executor.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/request/request.hpp"
#include "antiphon/fwd.hpp"

namespace antiphon {

/// A user's policy derives from this to take part in `policy | policy`. Any callable may stand after a request.
struct policy_base {
    using antiphon_policy = void;
};

/// Something that makes a request of a request, and says so.
template <class P>
concept policy = requires { typename P::antiphon_policy; };

/// `outer` after `inner`, as one policy.
template <class Inner, class Outer>
class composed_policy {
public:
    using antiphon_policy = void;
    composed_policy(Inner inner, Outer outer) : inner_(std::move(inner)), outer_(std::move(outer)) {}
    template <class Request>
    [[nodiscard]] auto operator()(Request&& r) const {
        return outer_(inner_(std::forward<Request>(r)));
    }

private:
    ANTIPHON_NO_UNIQUE_ADDRESS Inner inner_;
    ANTIPHON_NO_UNIQUE_ADDRESS Outer outer_;
};

/// `request | policy`: the request that the policy makes of it.
template <class Signature, class Repeat, class Handler, class Policy>
[[nodiscard]] auto operator|(request<Signature, Repeat, Handler> r, Policy&& p) {
    static_assert(std::is_invocable_v<Policy&, request<Signature, Repeat, Handler>>,
                  "antiphon: what stands after | must be a policy: a function that takes this request and returns a request");
    if constexpr (detail::is_mistake<Handler> || !std::is_invocable_v<Policy&, request<Signature, Repeat, Handler>>) {
        return r;
    } else {
        return p(std::move(r));
    }
}
/// `policy | policy`: both, as a value.
template <class Inner, class Outer>
    requires(policy<std::remove_cvref_t<Inner>> && policy<std::remove_cvref_t<Outer>>)
[[nodiscard]] auto operator|(Inner&& inner, Outer&& outer) {
    return composed_policy<std::remove_cvref_t<Inner>, std::remove_cvref_t<Outer>>{std::forward<Inner>(inner),
                                                                                   std::forward<Outer>(outer)};
}

/// The wrong way round: it says so.
template <class Policy, class Signature, class Repeat, class Handler>
    requires policy<std::remove_cvref_t<Policy>>
auto operator|(Policy&&, request<Signature, Repeat, Handler> r) {
    static_assert(!policy<std::remove_cvref_t<Policy>>, "antiphon: the request comes first, then its policies: request | policy");
    return r;
}
/// A policy after a callable that is no request yet.
template <class F, class Policy>
    requires(detail::own_signature<std::remove_cvref_t<F>>::known && !policy<std::remove_cvref_t<F>> &&
             policy<std::remove_cvref_t<Policy>>)
auto operator|(F&& f, Policy&&) {
    static_assert(!policy<std::remove_cvref_t<Policy>>, "antiphon: a policy adapts a request: request{f} | policy");
    return request{std::forward<F>(f)};
}

namespace detail {

template <class Signature, class Repeat, class Handler>
[[nodiscard]] auto bind(request<Signature, Repeat, Handler>&& r, any_executor where) {
    return request_access::make<Repeat>(bound<Handler>{std::move(where), request_access::handler(std::move(r))});
}
/// A request of the callable, which asks `inner` in turn, in the place to which that is bound, if to any; as repeatable as it.
template <class Signature, class Repeat, class Handler, class F>
[[nodiscard]] auto in_place_of(request<Signature, Repeat, Handler> const& inner, F asks) {
    any_executor const* const where = request_access::handler(inner).executor();
    auto made = request_access::handler(request{std::move(asks)});
    return request_access::make<Repeat>(placed<decltype(made)>{where != nullptr ? *where : any_executor{}, std::move(made)});
}
/// The request inside a policy's layer.
template <class Policy, class Signature, class Repeat, class Handler>
[[nodiscard]] auto wrap(Policy p, request<Signature, Repeat, Handler>&& r) {
    return request_access::make<Repeat>(layered<Policy, Handler>{std::move(p), request_access::handler(std::move(r))});
}

}  // namespace detail

/// The user's word that asking again is fine.
template <class Signature, class Repeat, class Handler>
[[nodiscard]] auto idempotent(request<Signature, Repeat, Handler> r) {
    return detail::request_access::make<repeat::safe>(detail::request_access::handler(std::move(r)));
}

}  // namespace antiphon
