// SPDX-License-Identifier: BSL-1.0
#pragma once
// The policy to which a response that is not 2xx is a failure.

#include <utility>

#include "antiphon/request/adapt.hpp"
#include "antiphon/request/layering.hpp"
#include "antiphon/http/message.hpp"

namespace antiphon::http {

namespace detail {

template <class Layer, class... A>
class success_ask : public antiphon::detail::layer_ask<Layer, A...> {
public:
    using R = typename Layer::result_type;
    using antiphon::detail::layer_ask<Layer, A...>::layer_ask;

protected:
    void start() noexcept override { this->begin_inner(); }
    void answered(result<R>& answer, antiphon::detail::delivery how) noexcept override {
        if (answer && !answer->ok()) return this->fail(answer->as_failure(), how);
        this->complete_from(answer, how);
    }
};

}  // namespace detail

/// `request | http::expect_success`: a status other than 2xx is a failure with the nearest code, `executed::yes`, and
/// `retry_after()` where the server sent one; the rest of the response is dropped. Inside `retry` it makes 503 worth another attempt.
struct expect_success_policy {
    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = detail::success_ask<Layer, A...>;

    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return antiphon::detail::wrap(*this, std::move(r));
    }
};
inline constexpr expect_success_policy expect_success{};

}  // namespace antiphon::http
