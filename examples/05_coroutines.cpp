// SPDX-License-Identifier: BSL-1.0
// co_await: a handler may be a coroutine. It reads like blocking code and holds no thread while it waits.
#include <antiphon/antiphon.hpp>
#include <string>
#include <utility>

#include "expect.hpp"

namespace ap = antiphon;

using lookup = ap::request<int(std::string)>;

// Two asks under way at once, then both answers. A failure is passed on with co_return.
ap::task<int> add_prices(lookup price, std::string first, std::string second) {
    ap::future<int> a = price.submit(std::move(first));
    ap::future<int> b = price.submit(std::move(second));
    ap::result<int> const left = co_await std::move(a);
    ap::result<int> const right = co_await std::move(b);
    if (!left) co_return left.error();
    if (!right) co_return right.error();
    co_return *left + *right;
}

ap::task<std::string> offer(lookup price, std::string first, std::string second) {
    ap::result<int> const sum = co_await add_prices(price, first, second);  // a task awaits a task
    if (!sum) co_return first + " and " + second + ": " + sum.error().message();
    co_return first + " and " + second + " for " + std::to_string(*sum);
}

int main() {
    lookup price = [](std::string const& item) -> ap::result<int> {
        if (item == "tea") return 3;
        if (item == "bread") return 4;
        return ap::errc::not_found;
    };
    ap::request quote{[price](std::string first, std::string second) { return offer(price, std::move(first), std::move(second)); }};

    // The same request, the same coroutine: waited for here, and asked in the background.
    std::string const now = quote.call("tea", "bread").value();
    std::string const later = quote.submit("tea", "unicorn").get().value();
    fmt::print("{}\n{}\n", now, later);
    expect(now == "tea and bread for 7", "tea and bread cost 7");
    expect(later == "tea and unicorn: not found", "there is no unicorn");
}
