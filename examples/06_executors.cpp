// SPDX-License-Identifier: BSL-1.0
// Where a request runs: a pool, a strand, or an executor of one's own, which is one member function.
#include <antiphon/antiphon.hpp>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "expect.hpp"

namespace ap = antiphon;

// The main loop of some program: posted to from any thread, run by one.
class main_loop {
public:
    void post(ap::work job) {
        std::lock_guard const hold{mutex_};
        jobs_.push_back(std::move(job));
    }
    bool run_one() {
        std::unique_lock hold{mutex_};
        if (jobs_.empty()) return false;
        ap::work job = std::move(jobs_.front());
        jobs_.pop_front();
        hold.unlock();
        std::move(job)();
        return true;
    }

private:
    std::mutex mutex_;
    std::deque<ap::work> jobs_;
};
struct main_loop_executor {
    main_loop* loop;
    void execute(ap::work job) const { loop->post(std::move(job)); }
};
static_assert(ap::executor<main_loop_executor>);

int main() {
    ap::request where{[] { return std::this_thread::get_id(); }};
    auto const here = std::this_thread::get_id();

    // An executor of one's own.
    main_loop loop;
    ap::future<std::thread::id> on_loop = (where | ap::starts_on(main_loop_executor{&loop})).submit();
    expect(!on_loop.ready(), "nothing runs before the loop does");
    while (loop.run_one()) {
    }
    expect(std::move(on_loop).get().value() == here, "the loop ran it in this thread");
    fmt::print("the main loop ran a request where it runs everything else\n");

    // A pool, and on it a strand: one job at a time, in order, so that a plain int needs no lock.
    ap::thread_pool pool{{.threads = 4, .name = "example"}};
    ap::strand till{pool};
    int coins = 0;
    auto pay = ap::request{[&coins](int amount) { return coins += amount; }} | ap::starts_on(till);
    std::vector<ap::future<int>> payments;
    for (int i = 0; i < 1000; ++i)
        payments.push_back(pay.submit(2));
    int last = 0;
    for (auto& payment : payments)
        last = std::move(payment).get().value();
    fmt::print("1000 payments of 2 on a strand: {}\n", last);
    expect(last == 2000, "no coin is lost");

    // A wait inside the pool lends its thread to what it waits for: even one thread is enough.
    ap::thread_pool narrow{{.threads = 1}};
    auto inner = ap::request{[] { return 20; }} | ap::starts_on(narrow);
    auto outer = ap::request{[&] { return inner.call().value() + 1; }} | ap::starts_on(narrow);
    fmt::print("one thread that waits for itself: {}\n", outer.call().value());
    expect(outer.call().value() == 21, "waiting inside a pool does not deadlock it");
}
