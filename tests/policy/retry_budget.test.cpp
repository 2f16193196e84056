// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/retry_budget.hpp"

#include <chrono>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

constexpr ap::time_point start{1h};

#if ANTIPHON_EXCEPTIONS
/// What the refusal of an argument says.
template <class F>
std::string refusal(F f) {
    try {
        f();
    } catch (std::invalid_argument const& e) {
        return e.what();
    }
    return "nothing was refused";
}
#endif

}  // namespace

TEST_CASE("retry_budget: a throttle starts full, and allows repeats while more than half of its tokens are left") {
    ap::retry_budget b;
    CHECK(b.balance(start) == 10);
    for (int i = 0; i < 4; ++i)
        b.failed();
    CHECK(b.balance(start) == 6);
    CHECK(b.allow(start));
    b.failed();
    CHECK(b.balance(start) == 5);
    CHECK_FALSE(b.allow(start));
}

TEST_CASE("retry_budget: a throttle's failures take one token each down to none, its successes add the ratio up to the maximum") {
    ap::retry_budget b{{.max_tokens = 3, .token_ratio = 0.1}};
    for (int i = 0; i < 5; ++i)
        b.failed();
    CHECK(b.balance(start) == 0);
    for (int i = 0; i < 15; ++i)
        b.succeeded();
    CHECK(b.balance(start) == 1.5);
    CHECK_FALSE(b.allow(start));
    b.succeeded();
    CHECK(b.allow(start));
    for (int i = 0; i < 100; ++i)
        b.succeeded();
    CHECK(b.balance(start) == 3);
}

TEST_CASE("retry_budget: asking a throttle costs nothing") {
    ap::retry_budget b;
    for (int i = 0; i < 100; ++i) {
        b.ask(start);
        CHECK(b.allow(start));
    }
    CHECK(b.balance(start) == 10);
    CHECK_FALSE(b.timed());
}

TEST_CASE("retry_budget: a throttle that is configured anew keeps its fill ratio") {
    ap::retry_budget b;
    b.failed();
    b.failed();
    b.configure(ap::retry_budget::throttle{.max_tokens = 100, .token_ratio = 0.5});
    CHECK(b.balance(start) == 80);
    b.succeeded();
    CHECK(b.balance(start) == 80.5);
}

TEST_CASE("retry_budget: a bucket lets repeats be a fraction of the asks, to the thousandth") {
    ap::retry_budget b{ap::retry_budget::bucket{.percent = 0.75, .min_per_second = 0}};
    CHECK_FALSE(b.allow(start));
    for (int i = 0; i < 3; ++i)
        b.ask(start);
    CHECK(b.balance(start) == 2.25);
    CHECK(b.allow(start));
    CHECK(b.allow(start));
    CHECK_FALSE(b.allow(start));
    b.ask(start);
    CHECK(b.allow(start));
    CHECK(b.balance(start) == 0);
}

TEST_CASE("retry_budget: a bucket forgets deposits after its ttl") {
    ap::retry_budget b{ap::retry_budget::bucket{.percent = 1, .min_per_second = 0, .ttl = 10s}};
    b.ask(start);
    CHECK(b.balance(start + 9s) == 1);
    CHECK(b.balance(start + 11s) == 0);
    b.ask(start + 11s);
    CHECK(b.allow(start + 12s));
    CHECK_FALSE(b.allow(start + 12s));
    CHECK(b.balance(start + 24h) == 0);
}

TEST_CASE("retry_budget: a bucket allows its minimum however few the asks") {
    ap::retry_budget b{ap::retry_budget::bucket{.percent = 0, .min_per_second = 2, .ttl = 5s}};
    int allowed = 0;
    for (int i = 0; i < 100; ++i)
        allowed += b.allow(start);
    CHECK(allowed == 10);
    allowed = 0;
    for (int i = 0; i < 100; ++i)
        allowed += b.allow(start + 6s);
    CHECK(allowed == 10);
}

TEST_CASE("retry_budget: successes and failures mean nothing to a bucket") {
    ap::retry_budget b{{.percent = 0.5}};
    CHECK(b.timed());
    double const before = b.balance(start);
    b.failed();
    b.succeeded();
    CHECK(b.balance(start) == before);
}

TEST_CASE("retry_budget: copies are handles to one budget") {
    ap::retry_budget const a{{.max_tokens = 4}};
    ap::retry_budget b = a;
    b.failed();
    CHECK(a.balance(start) == 3);
}

TEST_CASE("retry_budget: what several threads take and give adds up") {
    ap::retry_budget b{{.max_tokens = 100000, .token_ratio = 0.5}};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([b]() mutable {
            for (int i = 0; i < 2000; ++i) {
                b.failed();
                b.failed();
                b.succeeded();
            }
        });
    for (auto& t : threads)
        t.join();
    // Near the maximum a gain may have been cut off; far from it none is: the first 2 losses are ahead of every gain.
    CHECK(b.balance(start) == 100000 - 4 * 2000 * 1.5);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("retry_budget: nonsense is refused, naming the field") {
    double const nan = std::numeric_limits<double>::quiet_NaN();
    using throttle = ap::retry_budget::throttle;
    using bucket = ap::retry_budget::bucket;
    CHECK_THROWS_AS((ap::retry_budget{throttle{.max_tokens = 0}}), std::invalid_argument);
    CHECK_THROWS_AS((ap::retry_budget{throttle{.token_ratio = 0}}), std::invalid_argument);
    CHECK_THROWS_AS((ap::retry_budget{throttle{.token_ratio = nan}}), std::invalid_argument);
    CHECK(refusal([&] { (void)(ap::retry_budget{bucket{.percent = 20}}); }) == "retry_budget.percent: must be 0, or from 0.001 to 1");
    CHECK_THROWS_AS((ap::retry_budget{bucket{.percent = 0.0004}}), std::invalid_argument);
    CHECK_THROWS_AS((ap::retry_budget{bucket{.min_per_second = 0.0001}}), std::invalid_argument);
    CHECK_NOTHROW(ap::retry_budget{bucket{.percent = 0, .min_per_second = 0}});
    CHECK_THROWS_AS((ap::retry_budget{bucket{.percent = nan}}), std::invalid_argument);
    CHECK_THROWS_AS((ap::retry_budget{bucket{.min_per_second = -1}}), std::invalid_argument);
    CHECK_THROWS_AS((ap::retry_budget{bucket{.ttl = 999ms}}), std::invalid_argument);
    CHECK_THROWS_AS((ap::retry_budget{bucket{.ttl = 61s}}), std::invalid_argument);
    ap::retry_budget b;
    CHECK_THROWS_AS(b.configure(bucket{}), std::invalid_argument);
}
#endif
