// SPDX-License-Identifier: BSL-1.0
// Sizes, and what each way of asking takes from the heap: one line `name <tab> value` each.

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string_view>
#include <tuple>
#include <unistd.h>
#include <utility>
#include <vector>

#include "antiphon/request/when_all.hpp"
#include "antiphon/antiphon.hpp"
#include "antiphon/messaging/client.hpp"
#include "support/bench.hpp"

namespace ap = antiphon;
namespace ms = antiphon::messaging;

namespace {

/// A broker that takes every message and answers none.
class silence final : public ms::connection {
public:
    ap::result<void> send(ms::message&&) noexcept override { return {}; }
    ap::result<void> listen(std::string_view, std::string_view, std::shared_ptr<ms::receiver>) override { return {}; }
    ap::result<void> open(ms::inbox_id, std::shared_ptr<ms::receiver>) override { return {}; }
    void leave(ms::receiver&) noexcept override {}
};
struct silent_broker {
    std::shared_ptr<ms::connection> line = std::make_shared<silence>();
    [[nodiscard]] std::shared_ptr<ms::connection> connection() const { return line; }
};
std::size_t resident() {
    std::size_t pages = 0;
    std::ifstream{"/proc/self/statm"} >> pages >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

template <class F>
bench::heap_use use_of(F&& f) {
    bench::heap_use const before = bench::heap();
    f();
    bench::heap_use const after = bench::heap();
    return {after.allocations - before.allocations, after.bytes - before.bytes};
}
void size(char const* what, std::size_t value) { std::printf("%s\t%zu\n", what, value); }
void heap(char const* what, bench::heap_use use) { std::printf("%s\t%zu allocations, %zu bytes\n", what, use.allocations, use.bytes); }

}  // namespace

int main() {
    ap::node_cache::keep_nothing();  // what is taken from the heap when nothing is there to be reused
    size("sizeof(work)", sizeof(ap::work));
    size("sizeof(future<int>)", sizeof(ap::future<int>));
    size("sizeof(failure)", sizeof(ap::failure));
    size("sizeof(result<int>)", sizeof(ap::result<int>));

    ap::manual_executor queue;
    ap::request const deduced = ap::request{[](int x) { return bench::body(x); }};
    ap::request<int(int)> const erased = deduced;
    ap::request const deduced_here = deduced | ap::starts_on(queue);
    ap::request<int(int)> const erased_here = deduced_here;
    auto const callback = [](ap::result<int>) {};

    heap("call, deduced", use_of([&] { static_cast<void>(deduced.call(1)); }));
    heap("call, erased", use_of([&] { static_cast<void>(erased.call(1)); }));
    ap::future<int> f, g;
    heap("submit with a future, deduced: a queued int(int)", use_of([&] { f = deduced_here.submit(1); }));
    heap("submit with a future, erased: a queued int(int)", use_of([&] { g = erased_here.submit(1); }));
    heap("submit with a callback, deduced", use_of([&] { deduced_here.submit(1, callback); }));
    heap("submit with a callback, erased", use_of([&] { erased_here.submit(1, callback); }));
    heap("then on a pending future", use_of([&] { f = std::move(f).then([](int x) { return x; }); }));
    heap("running all of these", use_of([&] { static_cast<void>(queue.run()); }));
    heap("then on a ready future", use_of([&] { f = std::move(f).then([](int x) { return x; }); }));
    static_cast<void>(queue.run());
    ap::future<int> a = deduced_here.submit(1), b = deduced_here.submit(2);
    ap::future<std::tuple<int, int>> both;
    heap("when_all of two, beside its inputs", use_of([&] { both = ap::when_all(std::move(a), std::move(b)); }));
    std::vector<ap::future<int>> many;
    for (int i = 0; i < 1000; ++i)
        many.push_back(deduced_here.submit(i));
    ap::future<std::vector<int>> all;
    heap("when_all of a range of 1000, beside its inputs", use_of([&] { all = ap::when_all(std::move(many)); }));
    heap("running these", use_of([&] { static_cast<void>(queue.run()); }));
    heap("get", use_of([&] { static_cast<void>(std::move(f).get()); }));

    // Answers that never come: what a million asks under way take.
    ms::client const bus{silent_broker{}, {.timeout = ap::duration::max()}};
    auto const price = bus.request<int(int)>("orders.price");
    constexpr int million = 1'000'000;
    std::vector<ap::future<int>> pending;
    pending.reserve(million);
    std::size_t const before = resident();
    heap("1 000 000 asks of a broker that does not answer", use_of([&] {
             for (int i = 0; i < million; ++i)
                 pending.push_back(price.submit(i));
         }));
    std::printf("the same, resident\t%.0f MB\n", static_cast<double>(resident() - before) / 1e6);
}
