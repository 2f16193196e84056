// SPDX-License-Identifier: BSL-1.0
#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

// Two halves in a pool of one worker: nobody takes the second.
int main(int argc, char** argv) {
    int const n = operations(argc, argv);
    ap::thread_pool pool{{.threads = 1, .claimable = false}};
    auto const forking = ap::request{[n] {
                             long sum = 0;
                             for (int i = 0; i < n; ++i) {
                                 auto const [a, b] = ap::fork_join([i] { return body(i); }, [i] { return body(i); });
                                 sum += *a + *b;
                             }
                             return sum;
                         }} |
                         ap::starts_on(pool);
    return *forking.submit().get() == 1;
}
