// SPDX-License-Identifier: BSL-1.0
#include <latch>

#include "antiphon/antiphon.hpp"
#include "instructions/body.hpp"

namespace ap = antiphon;

namespace {

struct chain {
    ap::thread_pool::executor_type where;
    std::latch done{1};
    long sum = 0;
    int left = 0;

    void next() {
        where.execute([this] {
            sum += body(left);
            --left != 0 ? next() : done.count_down();
        });
    }
};

}  // namespace

// A job that posts the next from inside, in a pool of two workers, which has rings; nobody steals a single one from a worker that is quick.
int main(int argc, char** argv) {
    ap::thread_pool pool{{.threads = 2}};
    chain jobs{.where = pool.get_executor(), .left = operations(argc, argv)};
    jobs.next();
    jobs.done.wait();
    return jobs.sum == 1;
}
