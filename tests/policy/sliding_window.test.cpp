// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/sliding_window.hpp"

#include <chrono>
#include <stdexcept>

#include "antiphon/policy/detail/outcome_window.hpp"
#include "catch_compat.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::detail::outcome;
using ap::detail::outcome_window;

TEST_CASE("last: takes a number of calls or a length of time, in whole seconds rounded up") {
    CHECK(ap::last(7).size() == 7);
    CHECK_FALSE(ap::last(7).timed());
    CHECK(ap::last(10s).size() == 10);
    CHECK(ap::last(1min).size() == 60);
    CHECK(ap::last(1ms).size() == 1);
    CHECK(ap::last(10s).timed());
    CHECK(ap::last(10) != ap::last(10s));
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("last: refuses an empty window") {
    CHECK_THROWS_AS(ap::last(0), std::invalid_argument);
    CHECK_THROWS_AS(ap::last(-1), std::invalid_argument);
    CHECK_THROWS_AS(ap::last(0s), std::invalid_argument);
    CHECK_THROWS_AS(ap::last(-1s), std::invalid_argument);
    CHECK_THROWS_AS(ap::last(ap::duration::max()), std::invalid_argument);
}
#endif

TEST_CASE("sliding_window: a window of calls forgets the oldest when it is full") {
    outcome_window w{ap::last(3)};
    w.add({.failed = true, .slow = false}, {});
    w.add({.failed = false, .slow = true}, {});
    w.add({}, {});
    CHECK(w.sums().calls == 3);
    CHECK(w.sums().failed == 1);
    CHECK(w.sums().slow == 1);
    w.add({}, {});
    CHECK(w.sums().calls == 3);
    CHECK(w.sums().failed == 0);
    CHECK(w.sums().slow == 1);
    w.clear();
    CHECK(w.sums().calls == 0);
}

TEST_CASE("sliding_window: a window of seconds forgets whole seconds") {
    ap::time_point const start{1h};
    outcome_window w{ap::last(2s)};
    w.add({.failed = true, .slow = false}, start);
    w.add({.failed = true, .slow = false}, start + 999ms);
    w.add({}, start + 1s);
    CHECK(w.sums().calls == 3);
    w.slide(start + 1999ms);
    CHECK(w.sums().failed == 2);
    w.slide(start + 2s);
    CHECK(w.sums().failed == 0);
    CHECK(w.sums().calls == 1);
    w.slide(start + 1h);
    CHECK(w.sums().calls == 0);
}

TEST_CASE("sliding_window: a clock that goes back forgets nothing") {
    ap::time_point const start{1h};
    outcome_window w{ap::last(2s)};
    w.add({}, start);
    w.add({}, start - 10s);
    CHECK(w.sums().calls == 2);
}
