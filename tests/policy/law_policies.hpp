// SPDX-License-Identifier: BSL-1.0
#pragma once
// Every policy, as the laws take it.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/chaos.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using ap::testing::chaos;
using ap::testing::latency;
using namespace std::chrono_literals;

namespace laws {

/// A policy under test: `make()` gives a new one, generous enough that an ask which needs less than a second is not refused.
struct with_timeout {
    static auto make() { return ap::timeout{.limit = 1h}; }
};
struct with_deadline {
    static auto make() { return ap::deadline{ap::time_point::max() - 1h}; }
};
struct with_within {
    static auto make() { return ap::within(1h); }
};
struct with_after {
    static auto make() { return ap::after(10ms); }
};
struct with_at {
    static auto make() { return ap::at(ap::time_point{1h + 10ms}); }
};
struct with_priority {
    static auto make() {
        return [](auto r) { return std::move(r) | ap::priority::high; };
    }
};
struct with_observe {
    static auto make() { return ap::observe(ap::hooks{}); }
};
struct with_stats {
    static auto make() { return ap::stats{{.stripes = 1}}; }
};
struct with_adaptive {
    static auto make() { return ap::adaptive{}; }
};
struct with_chaos {
    static auto make() { return chaos{.delay = latency::exponential(3ms)}; }
};
struct with_layer {
    static auto make() {
        return ap::layer([](auto next, auto&&... args) { return next(std::forward<decltype(args)>(args)...); });
    }
};
struct with_fallback {
    static auto make() {
        return ap::fallback([](ap::failure why) { return why; });
    }
};
/// Asks of one law do not mean the same: each has a key of its own.
struct with_coalesce {
    static constexpr bool copies = true;
    static auto make() {
        return ap::coalesce([n = std::make_shared<int>(0)](auto const&...) { return ++*n; });
    }
};
struct with_cache {
    static constexpr bool copies = true;
    static auto make() {
        return ap::cache{}.by([n = std::make_shared<int>(0)](auto const&...) { return ++*n; });
    }
};
struct with_circuit_breaker {
    static auto make() { return ap::circuit_breaker{}; }
};
struct with_rate_limit {
    static auto make() { return ap::rate_limit{{.permits = 1'000'000, .per = 1h}}; }
};
struct with_delaying_rate_limit {
    static auto make() { return ap::rate_limit{{.permits = 4, .per = 1ms, .max_wait = 1h}}; }
};
struct with_concurrency_limit {
    static auto make() { return ap::concurrency_limit{{.max_concurrent = 1000}}; }
};
struct with_line {
    static auto make() { return ap::concurrency_limit{{.max_concurrent = 1, .max_queue = 1000, .max_wait = 10h}}; }
};
struct with_adaptive_limit {
    static auto make() { return ap::adaptive_limit{{.initial = 1000}}; }
};
struct with_load_shed {
    static auto make() { return ap::load_shed{{.throttle = true, .k = 1e6}}; }
};
struct with_retry {
    static auto make() { return ap::retry{}; }
};
struct with_retry_and_budget {
    static auto make() { return ap::retry{.budget = ap::retry_budget{ap::retry_budget::bucket{}}}; }
};
struct with_hedge {
    static auto make() { return ap::hedge{.after = 2h}; }
};
struct with_measured_hedge {
    static auto make() { return ap::hedge{.max_extra_load = 0.1}; }
};
struct with_with_metadata {
    static auto make() {
        return ap::with_metadata{"key", [] { return "value"; }};
    }
};
struct with_standard {
    static auto make() { return ap::standard{}; }
};
/// With everything that may be left out.
struct with_full_standard {
    static auto make() {
        return ap::standard({.rate_limit = ap::rate_limit{{.permits = 1'000'000, .per = 1h}},
                             .hedge = ap::hedge{.after = 2h},
                             .concurrency_limit = ap::concurrency_limit{{.max_concurrent = 1000}},
                             .load_shed = ap::load_shed{}})
            .with_fallback([](ap::failure why) { return why; });
    }
};
/// A request is the only replica of a balance.
struct with_balance {
    static auto make() {
        return [](auto r) {
            ap::balance<typename decltype(r)::signature> const all{{.breaker = ap::circuit_breaker_options{}}};
            all.add(std::move(r));
            return all.to_request();
        };
    }
};
/// A request is asked by a batch of it, item by item.
struct with_batch {
    template <class R, class... P, class Repeat, class Handler>
    static auto of_one(ap::request<R(P...), Repeat, Handler> r) {
        using item = std::tuple<std::decay_t<P>...>;
        ap::request many{[r](std::vector<item> items) -> ap::task<std::vector<ap::result<R>>> {
            std::vector<ap::result<R>> answers;
            for (item& each : items)
                answers.push_back(co_await std::apply([&](auto&... args) { return r(std::move(args)...); }, each));
            co_return answers;
        }};
        auto const one = many | ap::batch{.max_size = 3, .max_delay = 1ms};
        return ap::request{[one](P... args) { return one(item{std::forward<P>(args)...}); }};
    }
    static auto make() {
        return [](auto r) { return of_one(std::move(r)); };
    }
};
/// A request is asked by a series that ends with its first answer.
struct with_every {
    static constexpr bool copies_arguments = true;
    template <class R, class... P, class Repeat, class Handler>
    static auto first_of(ap::request<R(P...), Repeat, Handler> r) {
        auto const series = r | ap::every(1s);
        return ap::request{[series](P... args) -> ap::task<R> {
            std::optional<ap::result<R>> heard;
            auto const hears = [&heard](ap::result<R> answer) {
                heard.emplace(std::move(answer));
                return false;
            };
            ap::result<std::uint64_t> const all = co_await series(std::move(args)..., hears);
            ap::result<R> none = all ? ap::failure{ap::errc::cancelled, ap::executed::no} : all.error();
            ap::result<R>& answer = heard ? *heard : none;
            if constexpr (std::is_void_v<R>) {
                if (!answer) co_await ap::fail_with(answer.error());
            } else {
                co_return std::move(answer);
            }
        }};
    }
    static auto make() {
        return [](auto r) { return first_of(std::move(r)); };
    }
};
#define ANTIPHON_LAW_POLICIES                                                                                                          \
    with_timeout, with_deadline, with_within, with_after, with_at, with_priority, with_observe, with_stats, with_adaptive, with_chaos, \
        with_circuit_breaker, with_rate_limit, with_delaying_rate_limit, with_concurrency_limit, with_line, with_adaptive_limit,       \
        with_load_shed, with_layer, with_fallback, with_coalesce, with_cache, with_retry, with_retry_and_budget, with_hedge,           \
        with_measured_hedge, with_with_metadata, with_standard, with_full_standard, with_balance, with_batch, with_every

/// The same for an executor without a clock of its own: its time is the machine's, which may have begun a minute ago.
template <class P>
auto make_in_real_time() {
    if constexpr (std::is_same_v<P, with_at>) {
        return ap::at(ap::clock::now() + 10ms);
    } else {
        return P::make();
    }
}

/// Sixteen asks, each heard of by its callback.
template <class Request>
struct crowd {
    explicit crowd(Request r) : request(std::move(r)) {}
    void ask(int n = 16) {
        for (int i = 0; i != n; ++i) {
            heard.push_back(0);
            request.submit([this, at = heard.size() - 1](auto answer) {
                ++heard[at];
                ++(answer.has_value() ? values : failures);
            });
        }
    }
    void check() const {
        for (int times : heard)
            CHECK(times == 1);
        CHECK(values + failures == static_cast<int>(heard.size()));
    }
    Request request;
    std::vector<int> heard;
    int values = 0;
    int failures = 0;
};

}  // namespace laws
