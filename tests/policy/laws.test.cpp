// SPDX-License-Identifier: BSL-1.0
// What holds for every policy: the laws of an answer, whatever is put around it. Those of its end: laws_of_the_end.test.cpp.
#include "law_policies.hpp"

using namespace laws;

namespace {

template <class P, class T>
void value_passes() {
    ap::testing::simulation sim{1};
    auto r = ap::request{[]() -> T { return test::make<T>(3); }} | P::make() | ap::starts_on(sim);
    auto const answer = r.call();
    REQUIRE(answer.has_value());
    if constexpr (!std::is_void_v<T>) CHECK(test::read(*answer) == 3);
    if constexpr (std::is_reference_v<T>) CHECK(&*answer == &test::make<T>(3));
}

}  // namespace

TEMPLATE_TEST_CASE("law: a value of every kind passes unchanged", "[law]", ANTIPHON_LAW_POLICIES) {
    value_passes<TestType, int>();
    value_passes<TestType, void>();
    value_passes<TestType, int&>();
    if constexpr (!requires { TestType::copies; }) value_passes<TestType, test::move_only>();
    value_passes<TestType, test::throwing_move>();
    value_passes<TestType, test::overaligned>();
}

TEMPLATE_TEST_CASE("law: an argument that only moves reaches the handler", "[law]", ANTIPHON_LAW_POLICIES) {
    if constexpr (!requires { TestType::copies_arguments; }) {
        ap::testing::simulation sim{1};
        auto r = ap::request{[](std::unique_ptr<int> p) { return *p; }} | TestType::make() | ap::starts_on(sim);
        CHECK(r.call(std::make_unique<int>(7)).value() == 7);
    }
}

TEMPLATE_TEST_CASE("law: a failure that no repeat can mend passes unchanged", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    auto r = ap::request{[]() -> ap::result<int> { return ap::failure{ap::errc::not_found, ap::executed::yes}; }} | TestType::make() |
             ap::starts_on(sim);
    auto const answer = r.call();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error() == ap::errc::not_found);
    CHECK(answer.error().executed() == ap::executed::yes);
}

TEMPLATE_TEST_CASE("law: an empty request fails, and nothing waits for it", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    int (*null)(int) = nullptr;
    auto const check = [&](auto bare) {
        auto const r = bare | TestType::make() | ap::starts_on(sim);
        ap::request<int(int)> const erased = bare | ap::starts_on(sim) | TestType::make();
        for (auto const& answer : {r.call(1), r.submit(1).get(), r.call_for(1h, 1).get(), erased.call(1), erased.submit(1).get()}) {
            REQUIRE_FALSE(answer.has_value());
            CHECK(answer.error() == ap::errc::failed_precondition);
            CHECK(answer.error().executed() == ap::executed::no);
        }
    };
    check(ap::request<int(int)>{});
    check(ap::request<int(int)>{null});
    check(ap::request{null});
}

TEMPLATE_TEST_CASE("law: every ask is answered exactly once, whatever becomes of its handler", "[law]", ANTIPHON_LAW_POLICIES) {
    ap::testing::simulation sim{1};
    auto const run = [&](auto handler) {
        crowd c{ap::request{std::move(handler)} | TestType::make() | ap::starts_on(sim)};
        c.ask();
        sim.run();
        c.check();
        CHECK(sim.pending() == 0);
    };
    run([] { return 1; });
    run([]() -> ap::result<int> { return ap::errc::unavailable; });
    run([](ap::promise<int>) {});
    run([]() -> ap::task<int> {
        co_await ap::sleep_for(1ms);
        co_return 2;
    });
#if ANTIPHON_EXCEPTIONS
    run([]() -> int { throw std::runtime_error{"law"}; });
#endif
}

TEMPLATE_TEST_CASE("law: every ask is answered exactly once, when its executor ends under it", "[law]", ANTIPHON_LAW_POLICIES) {
    for (ap::duration until : {0ms, 1ms, 11ms, 50ms}) {
        auto sim = std::make_unique<ap::testing::simulation>(2);
        ap::request slow{[]() -> ap::task<int> {
            co_await ap::sleep_for(40ms);
            co_return 2;
        }};
        crowd c{slow | TestType::make() | ap::starts_on(*sim)};
        c.ask();
        sim->advance(until);
        sim.reset();
        c.check();
    }
}

TEMPLATE_TEST_CASE("law: every ask is answered exactly once, when its executor drops its work", "[law]", ANTIPHON_LAW_POLICIES) {
    struct dropper {
        void execute(ap::work) const {}
    };
    auto r = ap::request{[] { return 1; }} | make_in_real_time<TestType>() | ap::starts_on(dropper{});
    for (int i = 0; i != 4; ++i) {
        auto const answer = r.submit().get();
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().executed() == ap::executed::no);
    }
}
