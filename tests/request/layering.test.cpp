// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/request/adapt.hpp>
#include <antiphon/request/layering.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/starts_on.hpp>

#include <memory>
#include <stop_token>
#include <utility>

#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/values.hpp"

namespace ap = antiphon;

namespace {

/// A policy that only marks the context, with everything that a layer has.
struct attempt {
    template <class Layer, class... A>
    class ask_of : public ap::detail::layer_ask<Layer, A...> {
    public:
        using R = typename Layer::result_type;
        template <class L, class... X>
        ask_of(ap::any_executor executor_for, ap::detail::context_data const* outer, L&& layer, X&&... args)
            : ap::detail::layer_ask<Layer, A...>{std::move(executor_for), outer, std::forward<L>(layer), std::forward<X>(args)...},
              number_{layer.policy().number} {}

    protected:
        void start() noexcept override {
            this->inherited().attempt = number_;
            this->begin_inner();
        }
        void answered(ap::result<R>& answer, ap::detail::delivery how) noexcept override { this->complete_from(answer, how); }

    private:
        std::uint32_t number_;
    };

    using antiphon_policy = void;
    static constexpr bool abandons = false;
    template <class Layer, class... A>
    using ask = ask_of<Layer, A...>;
    std::uint32_t number;

    template <class Request>
    [[nodiscard]] auto operator()(Request r) const {
        return ap::detail::wrap(*this, std::move(r));
    }
};

ap::request const which{[](ap::context const& c, int) { return c.attempt(); }};

}  // namespace

TEST_CASE("a layer's ask hands its context inward, for every verb") {
    auto const third = which | attempt{3};
    CHECK(third.call(1).value() == 3);
    CHECK(third.submit(1).get().value() == 3);
    CHECK((third | ap::starts_on(ap::inline_executor{})).call(1).value() == 3);
}

TEST_CASE("the innermost layer has the last word about the context") { CHECK((which | attempt{3} | attempt{4}).call(1).value() == 3); }

TEST_CASE("a pipeline of layers is one allocation an ask") {
    auto const pipeline = which | attempt{3} | attempt{4} | attempt{5} | ap::starts_on(ap::inline_executor{});
    ap::request bare{[](int x) { return x; }};
    auto const plain = bare | attempt{3} | attempt{4} | ap::starts_on(ap::inline_executor{});
    CHECK(test::allocations_of([&] { plain.submit(1).detach(); }) == 1);
    CHECK(pipeline.submit(1).get().value() == 3);
}

TEST_CASE("a layer works over an erased request, and under one") {
    ap::request<std::uint32_t(int)> const erased = which;
    ap::request<std::uint32_t(int)> const under = erased | attempt{6};
    CHECK(under.call(1).value() == 6);
    CHECK(under.submit(1).get().value() == 6);
}

TEST_CASE("a stop request reaches the handler through a layer") {
    ap::manual_executor desk;
    ap::request hears{[](std::stop_token stop) { return stop.stop_requested(); }};
    auto f = (hears | attempt{2} | ap::starts_on(desk)).submit();
    f.request_stop();
    desk.run();
    CHECK(std::move(f).get().error() == ap::errc::cancelled);
}

TEST_CASE("everything of a layered ask is destroyed with it") {
    ap::manual_executor desk;
    {
        auto f = (ap::request{[](test::counted c) { return c; }} | attempt{2} | ap::starts_on(desk)).submit(test::counted{1});
        CHECK(test::counted::alive() > 0);
        desk.run();
        CHECK(std::move(f).get().value().read() == 1);
    }
    CHECK(test::counted::alive() == 0);
}

TEST_CASE("the answer is published after what was asked with is gone, through a layer too") {
    ap::manual_executor desk;
    auto const kept = std::make_shared<int>(1);
    auto f = (ap::request{[](std::shared_ptr<int> p) { return *p; }} | attempt{2} | ap::starts_on(desk)).submit(kept);
    CHECK(kept.use_count() == 2);
    desk.run();
    CHECK(f.ready());
    CHECK(kept.use_count() == 1);
}

TEST_CASE("an empty request inside a layer answers failed_precondition, by every verb") {
    ap::request<int(int)> const none;
    auto const layered = none | attempt{2};
    CHECK(layered.call(1).error() == ap::errc::failed_precondition);
    CHECK((layered | ap::starts_on(ap::inline_executor{})).submit(1).get().error() == ap::errc::failed_precondition);
    ap::manual_executor desk;
    bool told = false;
    (layered | ap::starts_on(desk)).submit(1, [&](ap::result<int> r) { told = r.error() == ap::errc::failed_precondition; });
    desk.run();
    CHECK(told);
}
