// SPDX-License-Identifier: BSL-1.0
// Everything, used a little, under more warnings than the project itself asks for: users bring their own flags.
#include <antiphon/antiphon.hpp>
#include <antiphon/testing/mock.hpp>
#include <antiphon/testing/simulation.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ap = antiphon;
using namespace std::chrono_literals;

int main() {
    ap::testing::simulation sim{1};
    ap::thread_pool pool{{.threads = 1}};
    ap::strand lane{pool};

    ap::testing::mock<int(std::string)> script;
    script.returns(1).after(1s);
    script.fails(ap::errc::unavailable).forever();
    ap::request<int(std::string)> const scripted = script;
    auto const simulated = scripted | ap::timeout{.limit = 2s} | ap::after(1s) | ap::priority::high | ap::starts_on(sim);
    ap::request<int(std::string_view)> const erased = ap::request{[](std::string_view s) { return static_cast<int>(s.size()); }};
    ap::request const coroutine{[erased](ap::context const& c, std::string s) -> ap::task<int> {
        co_await ap::sleep_until(c.now());
        co_return co_await erased(s);
    }};
    auto const laned = coroutine | ap::within(1min) | ap::stop_when(std::stop_token{}) | ap::starts_on(lane);

    int sum = simulated.call("a").value_or(0);
    sum += laned.submit("b").then([](int x) { return x; }).or_else([](ap::failure const&) { return 0; }).get().value_or(0);
    erased.submit(std::string{"c"}, [](ap::result<int>) {});
    ap::promise<int> p;
    ap::shared_future<int> shared = p.get_future().share();
    p.set_value(1);
    sum += shared.get().value_or(0);
    auto both = ap::when_all(erased.submit("d"), erased.submit("e")).get();
    std::vector<ap::future<int>> many;
    many.push_back(erased.submit("f"));
    sum += ap::when_any(std::move(many)).get().value_or(0);
    auto settled = ap::when_settled(erased.submit("g"), ap::make_future(2)).get();
    auto limited = ap::for_each_limited(std::vector<std::string>{"h"}, 1, [erased](std::string s) { return erased.submit(s); });
    return sum > 0 && both && settled && std::move(limited).get() ? 0 : 1;
}
