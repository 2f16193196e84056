// SPDX-License-Identifier: BSL-1.0
#include <atomic>

#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

// One thread both asks and waits: the pool's only worker is busy until the end, so every waiter claims its own ask.
int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    ap::thread_pool pool{{.threads = 1}};
    ap::promise<int> gate;
    ap::future<int> opened = gate.get_future();
    std::atomic<bool> entered{false};
    ap::future<int> busy = (ap::request{[&] {
                                entered.store(true, std::memory_order_release);
                                entered.notify_one();
                                return *std::move(opened).get();
                            }} |
                            ap::starts_on(pool))
                               .submit();
    entered.wait(false, std::memory_order_acquire);
    auto const twice = ap::request{[](int x) { return body(x); }} | ap::starts_on(pool);
    long sum = 0;
    for (int i = 0; i < n; ++i)
        sum += *twice.submit(i).get();
    gate.set_value(1);
    return sum + *std::move(busy).get() == 1;
}
