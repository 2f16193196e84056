// SPDX-License-Identifier: BSL-1.0
#include "antiphon/policy/observe.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "antiphon/antiphon.hpp"
#include "antiphon/testing/simulation.hpp"
#include "catch_compat.hpp"
#include "support/allocations.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

/// Writes down what it hears.
struct diary final : ap::observer {
    explicit diary(std::shared_ptr<std::vector<std::string>> into, std::string name = "")
        : lines{std::move(into)}, prefix{std::move(name)} {}
    void asked() noexcept override { write("asked"); }
    void started(std::uint32_t n) noexcept override { write("started " + std::to_string(n)); }
    void retried(std::uint32_t n, ap::failure const&, ap::duration d) noexcept override {
        write("retried " + std::to_string(n) + " in " + std::to_string(d / 1ms));
    }
    void hedged(std::uint32_t n) noexcept override { write("hedged " + std::to_string(n)); }
    void rejected(char const* by, ap::failure const&) noexcept override { write(std::string{"rejected by "} + by); }
    void answered_by(char const* by) noexcept override { write(std::string{"answered by "} + by); }
    void late() noexcept override { write("late"); }
    void completed(ap::failure const* why, ap::duration took) noexcept override {
        write((why != nullptr ? "failed after " : "answered after ") + std::to_string(took / 1ms));
    }
    void write(std::string line) const { lines->push_back(prefix + line); }

    std::shared_ptr<std::vector<std::string>> lines;
    std::string prefix;
};
using lines = std::vector<std::string>;

auto slow() {
    return ap::request{[](ap::duration d) -> ap::task<int> {
        co_await ap::sleep_for(d);
        co_return 7;
    }};
}

}  // namespace

TEST_CASE("observe: an ask is told as asked, started, completed with what it took") {
    ap::testing::simulation sim{1};
    auto const heard = std::make_shared<lines>();
    CHECK((slow() | ap::observe{diary{heard}} | ap::starts_on(sim)).call(5ms).value() == 7);
    CHECK(*heard == lines{"asked", "started 1", "answered after 5"});
}

TEST_CASE("observe: a failure is completed with its reason") {
    ap::testing::simulation sim{1};
    ap::errc seen{};
    auto watched = ap::request{[]() -> ap::result<int> { return ap::errc::not_found; }} |
                   ap::observe(ap::hooks{.completed =
                                             [&](ap::failure const* why, ap::duration) {
                                                 REQUIRE(why != nullptr);
                                                 if (*why == ap::errc::not_found) seen = ap::errc::not_found;
                                             }}) |
                   ap::starts_on(sim);
    CHECK(watched.call().error() == ap::errc::not_found);
    CHECK(seen == ap::errc::not_found);
}

TEST_CASE("observe: completed is heard before the asker has the answer") {
    ap::testing::simulation sim{1};
    auto const heard = std::make_shared<lines>();
    (slow() | ap::observe{diary{heard}} | ap::starts_on(sim)).submit(1ms, [&](ap::result<int>) { heard->push_back("callback"); });
    sim.run();
    CHECK(*heard == lines{"asked", "started 1", "answered after 1", "callback"});
}

TEST_CASE("observe: an ask that is stopped before its handler starts is completed, and never started") {
    ap::testing::simulation sim{1};
    auto const heard = std::make_shared<lines>();
    auto f = (slow() | ap::after(1h) | ap::observe{diary{heard}} | ap::starts_on(sim)).submit(1ms);
    sim.advance(3ms);
    f.request_stop();
    sim.run();
    CHECK(*heard == lines{"asked", "failed after 3"});
}

TEST_CASE("observe: an ask whose deadline has passed is never started") {
    ap::testing::simulation sim{1};
    auto const heard = std::make_shared<lines>();
    CHECK_FALSE((slow() | ap::observe{diary{heard}} | ap::deadline{sim.now()} | ap::starts_on(sim)).call(1ms));
    CHECK(*heard == lines{"asked", "failed after 0"});
}

TEST_CASE("observe: of two, both hear what is inside, the inner one first, and each its own ask") {
    ap::testing::simulation sim{1};
    auto const heard = std::make_shared<lines>();
    auto twice = slow() | ap::observe{diary{heard, "in: "}} | ap::after(2ms) | ap::observe{diary{heard, "out: "}} | ap::starts_on(sim);
    CHECK(twice.call(1ms).value() == 7);
    CHECK(*heard ==
          lines{"out: asked", "in: asked", "in: started 1", "out: started 1", "in: answered after 1", "out: answered after 3"});
}

TEST_CASE("observe: three around one ask all hear its late answer") {
    ap::testing::simulation sim{1};
    auto const heard = std::make_shared<lines>();
    ap::promise<int> later;
    ap::request waits{[&] { return later.get_future(); }};
    auto f = (waits | ap::timeout{.limit = 1ms} | ap::observe{diary{heard, "1 "}} | ap::observe{diary{heard, "2 "}} |
              ap::observe{diary{heard, "3 "}} | ap::starts_on(sim))
                 .submit();
    sim.run();
    heard->clear();
    later.set_value(1);
    sim.run();
    CHECK(*heard == lines{"1 late", "2 late", "3 late"});
}

TEST_CASE("observe: a value after its timeout is told as late, once, after the ask was completed") {
    ap::testing::simulation sim{1};
    auto const heard = std::make_shared<lines>();
    ap::promise<int> later;
    ap::request waits{[&] { return later.get_future(); }};
    auto f = (waits | ap::timeout{.limit = 4ms} | ap::observe{diary{heard}} | ap::starts_on(sim)).submit();
    sim.run();
    later.set_value(1);
    sim.run();
    CHECK(*heard == lines{"asked", "started 1", "failed after 4", "late"});
}

TEST_CASE("observe: a late answer can be taken by the hook") {
    struct collector final : ap::observer {
        void late_reply(ap::late_answer answer) noexcept override {
            if (auto* const r = answer.get<std::unique_ptr<int>>(); r != nullptr && *r) kept = std::move(**r);
        }
        std::unique_ptr<int> kept;
    };
    ap::testing::simulation sim{1};
    ap::promise<std::unique_ptr<int>> later;
    ap::request waits{[&] { return later.get_future(); }};
    ap::observe salvage{collector{}};
    auto f = (waits | ap::timeout{.limit = 1ms} | salvage | ap::starts_on(sim)).submit();
    sim.run();
    CHECK(std::move(f).get().error() == ap::errc::deadline_exceeded);
    later.set_value(std::make_unique<int>(9));
    sim.run();
    REQUIRE(salvage->kept != nullptr);
    CHECK(*salvage->kept == 9);
}

TEST_CASE("observe: a handler that obeys the stop, or never ran, leaves nothing late") {
    ap::testing::simulation sim{1};
    auto const heard = std::make_shared<lines>();
    ap::request obeys{[](std::stop_token) -> ap::task<int> {
        co_await ap::sleep_for(1h);
        co_return ap::result<int>{ap::errc::cancelled};
    }};
    CHECK_FALSE((obeys | ap::timeout{.limit = 1ms} | ap::observe{diary{heard}} | ap::starts_on(sim)).call());
    CHECK_FALSE((slow() | ap::after(1h) | ap::timeout{.limit = 1ms} | ap::observe{diary{heard}} | ap::starts_on(sim)).call(1ms));
    sim.run();
    CHECK(*heard == lines{"asked", "started 1", "failed after 1", "asked", "failed after 1"});
}

TEST_CASE("observe: asks made inside the handler report to the observer of the ask around them") {
    ap::testing::simulation sim{1};
    auto const heard = std::make_shared<lines>();
    auto inner = slow() | ap::starts_on(sim);
    ap::request outer{[&] { return inner.submit(2ms); }};
    CHECK((outer | ap::observe{diary{heard}} | ap::starts_on(sim)).call().value() == 7);
    CHECK(*heard == lines{"asked", "started 1", "started 1", "answered after 2"});
}

TEST_CASE("observe: sees through an erased request") {
    ap::testing::simulation sim{1};
    auto const heard = std::make_shared<lines>();
    ap::request<int(ap::duration)> erased = slow() | ap::timeout{.limit = 3ms};
    CHECK((erased | ap::observe{diary{heard}} | ap::starts_on(sim)).call(2ms).value() == 7);
    CHECK(*heard == lines{"asked", "started 1", "answered after 2"});
}

TEST_CASE("observe: copies of the policy share the observer, which outlives the name") {
    ap::testing::simulation sim{1};
    auto const heard = std::make_shared<lines>();
    auto watched = [&] {
        ap::observe log{diary{heard}};
        CHECK(log->prefix.empty());
        return slow() | log | ap::starts_on(sim);
    }();
    auto f = watched.submit(1ms);
    watched = slow() | ap::observe{diary{heard}} | ap::starts_on(sim);
    sim.run();
    CHECK(std::move(f).get().value() == 7);
    CHECK(heard->size() == 3);
}

TEST_CASE("observe: takes a shared pointer, and a plain one") {
    ap::testing::simulation sim{1};
    auto const heard = std::make_shared<lines>();
    auto const shared = std::make_shared<diary>(heard);
    CHECK((slow() | ap::observe{shared} | ap::starts_on(sim)).call(1ms));
    diary plain{heard};
    CHECK((slow() | ap::observe{&plain} | ap::starts_on(sim)).call(1ms));
    CHECK(heard->size() == 6);
}

TEST_CASE("observe: every hook of a set is optional, and each is told its own event") {
    ap::testing::simulation sim{1};
    int asked = 0;
    int started = 0;
    auto watched = ap::request{[](int x) { return x; }} |
                   ap::observe(ap::hooks{.asked = [&] { ++asked; }, .started = [&](std::uint32_t n) { started += int(n); }}) |
                   ap::starts_on(sim);
    CHECK(watched.call(3).value() == 3);
    CHECK(asked == 1);
    CHECK(started == 1);
}

TEST_CASE("observe: a set of hooks hears of retries, copies, refusals and other answers by the same names") {
    lines heard;
    ap::observe const set{ap::hooks{.retried = [&](std::uint32_t, ap::failure const&, ap::duration) { heard.push_back("retried"); },
                                    .hedged = [&](std::uint32_t) { heard.push_back("hedged"); },
                                    .rejected = [&](char const* by, ap::failure const&) { heard.push_back(by); },
                                    .answered_by = [&](char const* by) { heard.push_back(by); },
                                    .late = [&] { heard.push_back("late"); }}};
    ap::observer& o = set.target();
    o.retried(1, ap::errc::unavailable, 1ms);
    o.hedged(2);
    o.rejected("limit", ap::errc::overloaded);
    o.answered_by("cache");
    o.late();
    o.completed(nullptr, 1ms);
    CHECK(heard == lines{"retried", "hedged", "limit", "cache", "late"});
}

TEST_CASE("observe: values of every kind pass unchanged") {
    ap::testing::simulation sim{1};
    ap::observe const nobody{ap::hooks{}};
    int target = 5;
    CHECK(&(ap::request{[&]() -> int& { return target; }} | nobody | ap::starts_on(sim)).call().value() == &target);
    CHECK((ap::request{[] {}} | nobody | ap::starts_on(sim)).call().has_value());
    CHECK(*(ap::request{[] { return std::make_unique<int>(4); }} | nobody | ap::starts_on(sim)).call().value() == 4);
}

TEST_CASE("observe: an observed ask is one allocation, as one that is not") {
    ap::testing::simulation sim{1};
    auto const watched =
        ap::request{[](int x) { return x; }} | ap::observe(ap::hooks{}) | ap::observe(ap::hooks{}) | ap::starts_on(sim);
    (void)watched.call(1);
    CHECK(test::allocations_of([&] { (void)watched.submit(1).get(); }) == 1);
}

TEST_CASE("observe: on a pool every ask that was asked is completed") {
    ap::thread_pool pool{{.threads = 2}};
    std::atomic<int> asked{0};
    std::atomic<int> completed{0};
    auto watched =
        ap::request{[](int x) { return x; }} |
        ap::observe(ap::hooks{.asked = [&] { ++asked; }, .completed = [&](ap::failure const*, ap::duration) { ++completed; }}) |
        ap::starts_on(pool);
    std::vector<ap::future<int>> all;
    for (int i = 0; i < 200; ++i)
        all.push_back(watched.submit(i));
    int sum = 0;
    for (auto& f : all)
        sum += std::move(f).get().value();
    CHECK(sum == 199 * 100);
    CHECK(asked == 200);
    CHECK(completed == 200);
}
