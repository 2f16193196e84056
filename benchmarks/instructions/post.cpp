// SPDX-License-Identifier: BSL-1.0
#include <atomic>

#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

// Fire and forget, from outside, to a pool whose only worker is busy until all are posted; then it runs them. The nodes come from
// and go back to `operator new`, as they do where more jobs wait than the cache keeps.
int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    ap::thread_pool pool{{.threads = 1}};
    auto const where = pool.get_executor();
    std::atomic<int> phase{0};
    std::atomic<long> sum{0};
    where.execute([&phase] {
        phase.store(1, std::memory_order_release);
        phase.notify_one();
        phase.wait(1, std::memory_order_acquire);
    });
    phase.wait(0, std::memory_order_acquire);
    for (int i = 0; i < n; ++i)
        where.execute([&sum, i] { sum.store(sum.load(std::memory_order_relaxed) + body(i), std::memory_order_relaxed); });
    phase.store(2, std::memory_order_release);
    phase.notify_one();
    static_cast<void>(pool.shut_down(ap::duration::max()));
    return sum.load() == 1;
}
