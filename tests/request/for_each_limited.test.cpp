// SPDX-License-Identifier: BSL-1.0
#include <antiphon/antiphon.hpp>
#include <antiphon/testing/simulation.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/futures.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

std::vector<int> numbers(int n) {
    std::vector<int> all(static_cast<std::size_t>(n));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

}  // namespace

TEST_CASE("for_each_limited calls its function for each item in order") {
    std::vector<int> seen;
    CHECK(ap::for_each_limited(numbers(5), 2, [&](int i) { seen.push_back(i); }).get());
    CHECK(seen == numbers(5));
}

TEST_CASE("for_each_limited of nothing is ready") {
    CHECK(ap::for_each_limited(numbers(0), 1, [](int) {}).ready());
}

TEST_CASE("for_each_limited has no more answers under way than its limit") {
    ap::testing::simulation sim;
    int now = 0, most = 0, ended = 0;
    ap::request work = ap::request{[&](int i) -> ap::task<void> {
                           most = std::max(most, ++now);
                           co_await ap::sleep_for(1s * (i % 3 + 1));
                           --now;
                           ++ended;
                       }} |
                       ap::starts_on(sim);
    CHECK(ap::for_each_limited(numbers(30), 4, [&](int i) { return work.submit(i); }).get());
    CHECK(most == 4);
    CHECK(ended == 30);
}

TEST_CASE("for_each_limited fills the window again as soon as one has ended") {
    ap::testing::simulation sim;
    ap::request work = ap::request{[](int seconds) -> ap::task<void> { co_await ap::sleep_for(1s * seconds); }} | ap::starts_on(sim);
    auto const start = sim.now();
    CHECK(ap::for_each_limited(std::vector{10, 1, 1, 1, 1}, 2, [&](int s) { return work.submit(s); }).get());
    CHECK(sim.now() == start + 10s);
}

TEST_CASE("for_each_limited takes every form of answer") {
    CHECK(ap::for_each_limited(numbers(3), 1, [](int i) { return i; }).get());
    CHECK(ap::for_each_limited(numbers(3), 1, [](int i) -> ap::result<int> { return i; }).get());
    CHECK(ap::for_each_limited(numbers(3), 1, [](int i) { return test::answered<int>(i); }).get());
    CHECK(ap::for_each_limited(numbers(3), 1, [](int i) { return ap::make_future(i); }).get());
    CHECK(ap::for_each_limited(numbers(3), 1, [](int i) { return ap::request{[i] { return i; }}; }).get());
    CHECK(ap::for_each_limited(numbers(3), 1, [](int i) -> ap::task<int> { co_return i; }).get());
}

TEST_CASE("for_each_limited keeps its range and gives its items by reference") {
    ap::testing::simulation sim;
    ap::request pause = ap::request{[]() -> ap::task<void> { co_await ap::sleep_for(1s); }} | ap::starts_on(sim);
    std::list<std::string> words{"long enough to live on the heap", "as does this one, for certain"};
    std::size_t letters = 0;
    auto all = ap::for_each_limited(std::move(words), 2,
                                    [&](std::string& word) { return pause.submit().then([&] { letters += word.size(); }); });
    CHECK(std::move(all).get());
    CHECK(letters == 60);
}

TEST_CASE("for_each_limited stops at the first failure, which is its answer") {
    int asked = 0;
    auto all = ap::for_each_limited(numbers(10), 1, [&](int i) -> ap::result<void> {
        ++asked;
        if (i == 3) return ap::errc::not_found;
        return {};
    });
    CHECK(std::move(all).get() == ap::errc::not_found);
    CHECK(asked == 4);
}

TEST_CASE("a failure in for_each_limited asks the others under way to stop, and waits for them") {
    std::vector<ap::promise<int>> promises(3);
    auto all = ap::for_each_limited(numbers(10), 3, [&](int i) { return promises.at(static_cast<std::size_t>(i)).get_future(); });
    promises[1].set_failure(ap::errc::aborted);
    CHECK(promises[0].stop_requested());
    CHECK(promises[2].stop_requested());
    promises[0].set_value(0);
    CHECK_FALSE(all.ready());
    promises[2].set_failure(ap::errc::cancelled);
    REQUIRE(all.ready());
    CHECK(std::move(all).get() == ap::errc::aborted);
}

TEST_CASE("for_each_limited asked to stop starts no further items") {
    std::vector<ap::promise<int>> promises(2);
    auto all = ap::for_each_limited(numbers(10), 2, [&](int i) { return promises.at(static_cast<std::size_t>(i)).get_future(); });
    all.request_stop();
    CHECK(promises[0].stop_requested());
    promises[0].set_value(0);
    promises[1].set_value(1);
    CHECK(std::move(all).get() == ap::errc::cancelled);
}

TEST_CASE("for_each_limited that is dropped stops what is under way") {
    std::vector<ap::promise<int>> promises(2);
    {
        auto all = ap::for_each_limited(numbers(10), 2, [&](int i) { return promises.at(static_cast<std::size_t>(i)).get_future(); });
    }
    CHECK(promises[0].stop_requested());
    CHECK(promises[1].stop_requested());
}

TEST_CASE("a stop that comes after the last item was started does not fail for_each_limited") {
    ap::promise<int> last;
    auto all = ap::for_each_limited(numbers(1), 2, [&](int) { return last.get_future(); });
    all.request_stop();
    last.set_value(1);
    CHECK(std::move(all).get());
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("for_each_limited refuses a limit of zero") {
    CHECK_THROWS_AS(static_cast<void>(ap::for_each_limited(numbers(1), 0, [](int) {})), std::invalid_argument);
}

TEST_CASE("what the function of for_each_limited throws is the answer") {
    auto thrown = ap::for_each_limited(numbers(3), 1, [](int) { throw std::runtime_error{"no"}; }).get();
    CHECK(thrown.error().message() == "no");
    auto later = ap::for_each_limited(numbers(3), 1, [](int) -> ap::future<void> { throw std::runtime_error{"no"}; }).get();
    CHECK(later.error().message() == "no");
}
#endif

TEST_CASE("for_each_limited over a million items that are ready uses constant stack") {
    long sum = 0;
    CHECK(ap::for_each_limited(numbers(1'000'000), 3, [&](int i) { sum += i; }).get());
    CHECK(sum == 499'999'500'000);
    long again = 0;
    CHECK(ap::for_each_limited(numbers(100'000), 3, [&](int i) { return again += i, test::answered<int>(1); }).get());
    CHECK(again == 4'999'950'000);
}

TEST_CASE("for_each_limited over a million items that are ready is one allocation") {
    auto all = numbers(1'000'000);
    CHECK(test::allocations_of([&] { REQUIRE(ap::for_each_limited(std::move(all), 3, [](int i) { return i; }).get()); }) == 1);
}

TEST_CASE("a thread that waits for for_each_limited runs the items that nobody has begun") {
    ap::thread_pool pool{{.threads = 1}};
    std::atomic<int> sum{0};
    ap::request add = ap::request{[&](int x) { sum += x; }} | ap::starts_on(pool);
    ap::request outer = ap::request{[&] { return ap::for_each_limited(numbers(100), 7, [&](int i) { return add.submit(i); }).get(); }} |
                        ap::starts_on(pool);
    CHECK(outer.submit().get());
    CHECK(sum == 4950);
}

TEST_CASE("for_each_limited over a pool loses nothing") {
    ap::thread_pool pool{{.threads = 4}};
    std::atomic<int> sum{0};
    ap::request add = ap::request{[&](int x) { sum += x; }} | ap::starts_on(pool);
    CHECK(ap::for_each_limited(numbers(10'000), 16, [&](int i) { return add.submit(i); }).get());
    CHECK(sum == 49'995'000);
}

TEST_CASE("for_each_limited takes a map") {
    int sum = 0;
    CHECK(ap::for_each_limited(std::map<int, int>{{1, 2}, {3, 4}}, 2, [&](auto const& entry) {
              sum += entry.first * entry.second;
          }).get());
    CHECK(sum == 14);
}

TEST_CASE("for_each_limited destroys its range and its function before the answer is told") {
    auto const owned = std::make_shared<int>(0);
    ap::promise<void> p;
    auto all = ap::for_each_limited(std::vector{owned}, 1, [&, owned](auto const&) { return p.get_future(); });
    CHECK(owned.use_count() > 1);
    p.set_value();
    CHECK(owned.use_count() == 1);
    CHECK(all.ready());
}
