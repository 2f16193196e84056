// SPDX-License-Identifier: BSL-1.0
#include <antiphon/antiphon.hpp>
#include <antiphon/testing/mock.hpp>
#include <antiphon/testing/simulation.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include "catch_compat.hpp"
#include "support/values.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;
using ap::testing::mock;

TEST_CASE("a mock answers with the lines of its script, in order") {
    mock<int(int)> m;
    m.returns(5);
    m.fails(ap::errc::unavailable);
    m.answers([](int x) { return 2 * x; });
    ap::request<int(int)> const r = m.handler();
    CHECK(r.call(1).value() == 5);
    CHECK(r.call(2) == ap::errc::unavailable);
    CHECK(r.call(3).value() == 6);
    CHECK(m.exhausted());
}

TEST_CASE("a mock is a handler whose signature is deduced") {
    mock<int(int)> m;
    m.returns(5);
    ap::request const r{m};
    CHECK(r.submit(1).get().value() == 5);
}

TEST_CASE("a mock that is asked more often than its script says fails clearly") {
    mock<int()> m;
    auto const answer = ap::request{m}.call();
    CHECK(answer == ap::errc::failed_precondition);
    CHECK(answer.error().message() == "mock: asked more often than its script has answers");
    CHECK(answer.error().executed() == ap::executed::no);
}

TEST_CASE("a mock remembers arguments as they were passed, and answers with them") {
    mock<std::size_t(std::string)> m;
    m.answers([](std::string const& text) { return text.size(); });
    CHECK(ap::request{m}.call("remembered").value() == 10);
    REQUIRE(m.calls().size() == 1);
    CHECK(std::get<0>(m.calls()[0]) == "remembered");
}

TEST_CASE("a line of a script may stand for several asks, or for all that follow") {
    mock<int()> m;
    m.returns(1).times(2);
    m.returns(2).forever();
    ap::request const r{m};
    std::vector<int> seen;
    for (int i = 0; i < 5; ++i)
        seen.push_back(r.call().value());
    CHECK(seen == std::vector{1, 1, 2, 2, 2});
    CHECK_FALSE(m.exhausted());
}

TEST_CASE("a mock answers after its delay on the clock of the request") {
    ap::testing::simulation sim;
    mock<int()> m;
    m.returns(1).after(90min);
    auto const start = sim.now();
    CHECK((ap::request{m} | ap::starts_on(sim)).call().value() == 1);
    CHECK(sim.now() == start + 90min);
}

TEST_CASE("a delayed mock wakes when it is asked to stop") {
    ap::testing::simulation sim;
    mock<int()> m;
    m.returns(1).after(90min);
    auto later = (ap::request{m} | ap::starts_on(sim)).submit();
    sim.advance(1min);
    later.request_stop();
    auto const start = sim.now();
    CHECK(std::move(later).get());
    CHECK(sim.now() == start);
}

TEST_CASE("a mock remembers what it was asked") {
    mock<int(int, std::string_view)> m;
    m.returns(1).forever();
    ap::request const r{m};
    static_cast<void>(r.call(1, "one"));
    static_cast<void>(r.call(2, "two"));
    CHECK(m.count() == 2);
    CHECK(m.calls() == std::vector<std::tuple<int, std::string_view>>{{1, "one"}, {2, "two"}});
}

TEST_CASE("a mock counts asks whose arguments cannot be copied") {
    mock<int(std::unique_ptr<int>)> m;
    m.answers([](std::unique_ptr<int>& p) { return *p; });
    CHECK(ap::request{m}.call(std::make_unique<int>(4)).value() == 4);
    CHECK(m.count() == 1);
}

TEST_CASE("copies of a mock share its script and its record") {
    mock<int()> m;
    mock<int()> const copy = m;
    m.returns(1);
    CHECK(ap::request{copy}.call().value() == 1);
    CHECK(m.count() == 1);
}

TEMPLATE_TEST_CASE("a mock returns every kind of value", "[law]", ANTIPHON_LAW_TYPES) {
    mock<TestType()> m;
    if constexpr (std::is_void_v<TestType>) {
        m.returns();
    } else {
        m.returns(test::make<TestType>(3));
    }
    auto const answer = ap::request{m}.call();
    REQUIRE(answer);
    if constexpr (!std::is_void_v<TestType>) CHECK(test::read(*answer) == 3);
}

TEMPLATE_TEST_CASE("a mock fails for every kind of value", "[law]", ANTIPHON_LAW_TYPES) {
    mock<TestType()> m;
    m.fails(ap::errc::aborted);
    CHECK(ap::request{m}.call() == ap::errc::aborted);
}

TEST_CASE("a value that only moves is returned once") {
    mock<test::move_only()> m;
    m.returns(test::move_only{3}).times(2);
    ap::request const r{m};
    CHECK(r.call().value().read() == 3);
    CHECK(r.call() == ap::errc::failed_precondition);
}

TEST_CASE("an answer of a mock may be a result") {
    mock<int(int)> m;
    m.answers([](int x) -> ap::result<int> {
         if (x < 0) return ap::errc::out_of_range;
         return x;
     }).forever();
    ap::request const r{m};
    CHECK(r.call(1).value() == 1);
    CHECK(r.call(-1) == ap::errc::out_of_range);
}

TEST_CASE("a mock is asked from several threads at once") {
    mock<int()> m;
    m.returns(1).times(100);
    ap::request const r{m};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 25; ++i)
                static_cast<void>(r.call());
        });
    for (auto& t : threads)
        t.join();
    CHECK(m.count() == 100);
    CHECK(m.exhausted());
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("a mock refuses a line for no asks") {
    mock<int()> m;
    CHECK_THROWS_AS(m.returns(1).times(0), std::invalid_argument);
}

TEST_CASE("what an answer of a mock throws is the failure of the ask") {
    mock<int()> m;
    m.answers([]() -> int { throw std::runtime_error{"no"}; });
    CHECK(ap::request{m}.call().error().message() == "no");
}
#endif
