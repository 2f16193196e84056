// SPDX-License-Identifier: BSL-1.0
// What holds for every policy: an ask that is stopped, dropped or answered leaves nothing behind, and asks do not mix.
#include "law_policies.hpp"

using namespace laws;

TEMPLATE_TEST_CASE("law: a stop request reaches the running handler", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    std::stop_token seen;
    ap::promise<int> never;
    ap::request waits{[&](std::stop_token stop) {
        seen = std::move(stop);
        return never.get_future();
    }};
    auto f = (waits | TestType::make() | ap::starts_on(sim)).submit();
    sim.advance(1s);
    REQUIRE(seen.stop_possible());
    CHECK_FALSE(seen.stop_requested());
    f.request_stop();
    sim.advance(1s);
    CHECK(seen.stop_requested());
    never.set_value(1);
    sim.run();
    CHECK(f.ready());
    CHECK(sim.pending() == 0);
}

TEMPLATE_TEST_CASE("law: a dropped future requests stop, and what it was for is freed", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    bool stopped = false;
    auto const alive = std::make_shared<int>(1);
    {
        auto f = (ap::request{[&stopped, alive](std::stop_token stop) -> ap::task<int> {
                      co_await ap::sleep_for(1h);
                      stopped = stop.stop_requested();
                      co_return *alive;
                  }} |
                  TestType::make() | ap::starts_on(sim))
                     .submit();
        sim.advance(1s);
        CHECK(alive.use_count() > 1);
    }
    sim.advance(1s);
    CHECK(stopped);
    CHECK(alive.use_count() == 1);
    CHECK(sim.pending() == 0);
}

TEMPLATE_TEST_CASE("law: an ask that is stopped before its handler runs never runs it", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    bool ran = false;
    auto f = (ap::request{[&] { ran = true; }} | TestType::make() | ap::starts_on(sim)).submit();
    f.request_stop();
    sim.run();
    auto const answer = std::move(f).get();
    CHECK_FALSE(ran);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error() == ap::errc::cancelled);
    CHECK(sim.pending() == 0);
}

TEMPLATE_TEST_CASE("law: once it is answered, no timer is left, and the clock stands", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    ap::time_point answered{};
    auto r = ap::request{[]() -> ap::task<int> {
                 co_await ap::sleep_for(1ms);
                 co_return 1;
             }} |
             TestType::make() | ap::starts_on(sim);
    for (int i = 0; i != 8; ++i)
        r.submit([&](ap::result<int>) { answered = sim.now(); });
    sim.run();
    CHECK(sim.now() == answered);
    CHECK(sim.pending() == 0);
}

TEMPLATE_TEST_CASE("law: once it is answered, its handler does not run again", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    for (bool fails : {false, true}) {
        int runs = 0;
        int runs_at_the_end = -1;
        auto r = ap::request{[&]() -> ap::result<int> {
                     ++runs;
                     if (fails) return ap::errc::unavailable;
                     return 1;
                 }} |
                 TestType::make() | ap::starts_on(sim);
        r.submit([&](ap::result<int>) { runs_at_the_end = runs; });
        sim.run();
        CHECK(runs_at_the_end == runs);
    }
}

TEMPLATE_TEST_CASE("law: the handler and its arguments are gone once nobody asks", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    {
        auto r = ap::request{[kept = test::counted{1}](test::counted const& c) { return kept.read() + c.read(); }} | TestType::make() |
                 ap::starts_on(sim);
        for (int i = 0; i != 4; ++i)
            CHECK(r.call(test::counted{i}).value() == 1 + i);
        for (int i = 0; i != 4; ++i)
            r.submit(test::counted{i}).detach();
        auto f = r.submit(test::counted{9});
        f.request_stop();
        sim.run();
    }
    CHECK(test::counted::alive() == 0);
}

TEMPLATE_TEST_CASE("law: the same seed tells the same story", "[law]", ANTIPHON_LAW_POLICIES) {
    auto const story = [](std::uint64_t seed) {
        ap::testing::simulation sim{seed};
        std::vector<std::tuple<int, int, ap::duration::rep>> told;
        auto r = ap::request{[](int x) { return x; }} |
                 chaos{.delay = latency::exponential(5ms), .fails = 0.3, .duplicates = 0.1, .late = 0.1} | TestType::make() |
                 ap::starts_on(sim);
        for (int i = 0; i != 100; ++i) {
            r.submit(i, [&, i](ap::result<int> a) {
                told.emplace_back(i, a ? 0 : a.error().code().value(), sim.now().time_since_epoch().count());
            });
            sim.advance(1ms);
        }
        sim.run();
        CHECK(told.size() == 100);
        return told;
    };
    CHECK(story(5) == story(5));
    CHECK(story(5) != story(6));
}

TEMPLATE_TEST_CASE("law: asks in and answers out are as many on both sides", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{3};
    ap::stats const inside{{.stripes = 1}};
    ap::stats const outside{{.stripes = 1}};
    auto r = ap::request{[](int x) { return x; }} | chaos{.delay = latency::pareto(1ms, 1.2), .fails = 0.2, .late = 0.05} | inside |
             TestType::make() | outside | ap::starts_on(sim);
    for (int i = 0; i != 200; ++i) {
        auto f = r.submit(i);
        if (i % 5 != 0) std::move(f).detach();
        sim.advance(500us);
    }
    sim.run();
    for (auto const& s : {inside.snapshot(), outside.snapshot()}) {
        CHECK(s.asked == s.completed());
        CHECK(s.in_flight == 0);
    }
    CHECK(outside.snapshot().asked == 200);
    CHECK(sim.pending() == 0);
}

TEMPLATE_TEST_CASE("law: it holds over every executor: each verb gives the value, a stop ends the ask, once", "[law]",
                   ANTIPHON_LAW_POLICIES) {
    ap::thread_pool one{{.threads = 1}};
    ap::thread_pool two{{.threads = 2}};
    for (ap::any_executor const& where : {ap::any_executor{ap::inline_executor{}}, ap::any_executor{one.get_executor()},
                                          ap::any_executor{two.get_executor()}, ap::any_executor{ap::strand{two.get_executor()}}}) {
        auto const r = ap::request{[](int x) { return x + 1; }} | make_in_real_time<TestType>() | ap::starts_on(where);
        CHECK(r.call(1).value() == 2);
        CHECK(r.submit(2).get().value() == 3);
        CHECK(r.call_for(1h, 3).get().value() == 4);
        ap::promise<int> told;
        ap::future<int> heard = told.get_future();
        r.submit(4, [&](ap::result<int> answer) { told.set(std::move(answer)); });
        CHECK(std::move(heard).get().value() == 5);
        std::vector<ap::future<int>> many;
        for (int i = 0; i != 20; ++i) {
            many.push_back(r.submit(i));
            if (i % 2 != 0) many.back().request_stop();
        }
        for (int i = 0; i != 20; ++i) {
            ap::result<int> const answer = std::move(many[static_cast<std::size_t>(i)]).get();
            if (answer) CHECK(*answer == i + 1);
            if (i % 2 == 0) CHECK(answer.has_value());
        }
    }
    two.shut_down(1s);
    one.shut_down(1s);
}

TEMPLATE_TEST_CASE("law: the first answer is kept, whatever comes after it", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    std::vector<ap::promise<int>> replies;
    auto const r =
        ap::request{[&](ap::promise<int> reply) { replies.push_back(std::move(reply)); }} | TestType::make() | ap::starts_on(sim);
    auto f = r.submit();
    sim.advance(100ms);
    REQUIRE(replies.size() == 1);
    replies[0].set_value(1);
    sim.advance(100ms);
    f.request_stop();  // too late
    replies.clear();
    sim.run();
    CHECK(std::move(f).get().value() == 1);
    CHECK(sim.pending() == 0);
}

TEMPLATE_TEST_CASE("law: arguments and values are as they were for each of several asks at once", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    std::string const text(1000, 'x');
    auto const r = ap::request{[](std::string s) { return s; }} | TestType::make() | ap::starts_on(sim);
    int heard = 0;
    for (int i = 0; i != 4; ++i)
        r.submit(text, [&](ap::result<std::string> answer) { heard += answer.has_value() && *answer == text; });
    sim.run();
    CHECK(heard == 4);
}
