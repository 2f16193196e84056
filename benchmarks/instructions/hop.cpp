// SPDX-License-Identifier: BSL-1.0
#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

// A turn on a pool of one worker: the task goes to the end of the queue and comes back.
int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    ap::thread_pool pool{{.threads = 1, .claimable = false}};
    auto const loop = ap::request{[](int count) -> ap::task<long> {
                          long sum = 0;
                          for (int i = 0; i < count; ++i) {
                              co_await ap::reschedule();
                              sum += body(i);
                          }
                          co_return sum;
                      }} |
                      ap::starts_on(pool);
    return *loop.submit(n).get() == 1;
}
