// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/any_executor.hpp>
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/execution/post.hpp>
#include <antiphon/execution/strand.hpp>
#include <antiphon/execution/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "catch_compat.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;
using probes::job;

namespace {

/// Keeps what it is given, and lets waiters run it.
struct keeper {
    std::deque<ap::work>* kept;
    void execute(ap::work job) const { kept->push_back(std::move(job)); }
    [[nodiscard]] bool claimable() const noexcept { return true; }
};

void run_all(std::deque<ap::work>& kept) {
    while (!kept.empty()) {
        ap::work first = std::move(kept.front());
        kept.pop_front();
        std::move(first)();
    }
}

}  // namespace

TEST_CASE("a strand runs jobs from a pool one at a time and in order") {
    ap::thread_pool pool{{.threads = 4}};
    ap::strand const strand{pool};
    std::vector<int> order;  // unguarded
    std::latch all{2000};
    for (int i = 0; i < 2000; ++i)
        strand.execute([&, i] {
            order.push_back(i);
            all.count_down();
        });
    all.wait();
    CHECK(order.size() == 2000);
    CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("copies of a strand are the same strand") {
    ap::manual_executor manual;
    ap::strand const one{manual};
    ap::strand const two = one;
    CHECK(one == two);
    CHECK(one.place() == two.place());
    std::vector<int> order;
    one.execute([&] { order.push_back(1); });
    two.execute([&] { order.push_back(2); });
    CHECK(manual.run() == 1);  // one drain for both
    CHECK(order == std::vector{1, 2});
}

TEST_CASE("a strand takes a context or an executor by value") {
    ap::manual_executor manual;
    ap::strand const over_context{manual};
    ap::strand const over_executor{manual.get_executor()};
    ap::strand const over_any{ap::any_executor{manual.get_executor()}};
    int ran = 0;
    for (ap::strand const& s : {over_context, over_executor, over_any})
        s.execute([&] { ++ran; });
    manual.run();
    CHECK(ran == 3);
}

TEST_CASE("a strand lets its executor run something else after a batch") {
    ap::manual_executor manual;
    ap::strand const strand{manual};
    int ran = 0, seen = 0;
    for (int i = 0; i < 200; ++i)
        strand.execute([&] { ++ran; });
    manual.get_executor().execute([&] { seen = ran; });
    manual.run();
    CHECK(ran == 200);
    CHECK((seen > 0 && seen < 200));
}

TEST_CASE("a strand over an executor that runs in place uses constant stack") {
    ap::strand const strand{ap::inline_executor{}};
    int ran = 0;
    strand.execute([&] {
        for (int i = 0; i < 100'000; ++i)
            strand.execute([&] { ++ran; });
        CHECK(ran == 0);
    });
    CHECK(ran == 100'000);
}

TEST_CASE("a job knows that it is inside its strand, where waiting would deadlock") {
    ap::thread_pool pool{{.threads = 1}};
    ap::strand const strand{pool};
    std::optional<ap::assistance> answer;
    bool here = false;
    job look{[&] {
        answer = strand.assist();
        here = ap::place_scope::current() == strand.place();
    }};
    strand.execute(look.to_work());
    look.wait();
    CHECK(answer == ap::assistance::would_deadlock);
    CHECK(here);
}

TEST_CASE("a waiter may take the strand's turn, and the husk it leaves does nothing") {
    std::deque<ap::work> kept;
    ap::strand const strand{keeper{&kept}};
    CHECK(strand.assist() == ap::assistance::none);
    job one, two;
    strand.execute(one.to_work());
    strand.execute(two.to_work());
    CHECK(kept.size() == 1);
    CHECK(strand.assist() == ap::assistance::progress);
    CHECK((one.ran && !two.ran));
    CHECK(strand.assist() == ap::assistance::progress);
    CHECK(two.ran);
    CHECK(strand.assist() == ap::assistance::none);
    CHECK(kept.size() == 1);  // the husk
    run_all(kept);
    job three;
    strand.execute(three.to_work());
    CHECK(kept.size() == 1);
    run_all(kept);
    CHECK(three.ran);
}

TEST_CASE("work posted while a husk is queued runs when the husk is reached") {
    std::deque<ap::work> kept;
    ap::strand const strand{keeper{&kept}};
    job one, two;
    strand.execute(one.to_work());
    strand.assist();
    strand.execute(two.to_work());
    CHECK(kept.size() == 1);
    run_all(kept);
    CHECK(two.ran);
}

TEST_CASE("a strand over an executor whose work may not be claimed asks that executor for help") {
    ap::manual_executor manual;
    ap::strand const strand{manual};
    job one;
    strand.execute(one.to_work());
    CHECK(strand.assist() == ap::assistance::none);
    std::optional<ap::assistance> inside_manual;
    manual.get_executor().execute([&] { inside_manual = strand.assist(); });
    manual.run();
    CHECK(inside_manual == ap::assistance::would_deadlock);
}

TEST_CASE("a strand whose executor drops its turn drops what is queued") {
    std::deque<ap::work> kept;
    ap::strand const strand{keeper{&kept}};
    job one, two;
    strand.execute(one.to_work());
    strand.execute(two.to_work());
    kept.clear();
    CHECK((one.rejected && two.rejected));
    CHECK(one.why == ap::errc::cancelled);
    CHECK(one.how == ap::rejection::dropped);
    job three;
    strand.execute(three.to_work());
    run_all(kept);
    CHECK(three.ran);
}

TEST_CASE("a strand whose executor refuses its turn refuses what is queued with the same code") {
    ap::thread_pool pool{{.threads = 1}};
    ap::strand const strand{pool};
    pool.shut_down();
    job one;
    strand.execute(one.to_work());
    CHECK(one.rejected);
    CHECK(one.why == ap::errc::shut_down);
}

TEST_CASE("dropping a stale husk harms nothing") {
    std::deque<ap::work> kept;
    ap::strand const strand{keeper{&kept}};
    job one, two;
    strand.execute(one.to_work());
    strand.assist();
    kept.clear();
    strand.execute(two.to_work());
    run_all(kept);
    CHECK((one.ran && two.ran));
}

TEST_CASE("what follows a rejection may post to the strand again") {
    std::deque<ap::work> kept;
    ap::strand const strand{keeper{&kept}};
    job one, again;
    one.on_reject = [&] { strand.execute(again.to_work()); };
    strand.execute(one.to_work());
    kept.clear();
    CHECK((one.rejected && again.rejected));
}

#if ANTIPHON_EXCEPTIONS

TEST_CASE("an exception of the underlying executor passes through, after the job was decided") {
    struct thrower {
        void execute(ap::work) const { throw std::runtime_error{"no"}; }
    };
    ap::strand const strand{thrower{}};
    job one;
    CHECK_THROWS_AS(strand.execute(one.to_work()), std::runtime_error);
    CHECK((one.rejected && one.why == ap::errc::cancelled));
}

#endif

TEST_CASE("queued work keeps its strand alive") {
    ap::manual_executor manual;
    int ran = 0;
    {
        ap::strand const strand{manual};
        strand.execute([&] { ++ran; });
    }
    manual.run();
    CHECK(ran == 1);
}

TEST_CASE("a strand over a strand runs one at a time and in order") {
    ap::thread_pool pool{{.threads = 2}};
    ap::strand const below{pool};
    ap::strand const strand{below};
    std::vector<int> order;
    std::latch all{500};
    for (int i = 0; i < 500; ++i)
        strand.execute([&, i] {
            order.push_back(i);
            all.count_down();
        });
    all.wait();
    CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("a refused waiter's job is run although the helper in its way goes after its own") {
    // One worker. Outside, a helper runs the first job; the worker waits for the second and was refused meanwhile.
    ap::thread_pool pool{{.threads = 1}};
    ap::strand const strand{pool};
    std::latch first_runs{1}, worker_asks{1};
    job second;
    job waiter{[&] {
        first_runs.wait();
        worker_asks.count_down();
        while (!second.decided) {
            if (strand.assist() == ap::assistance::none) second.wait();
        }
    }};
    pool.get_executor().execute(waiter.to_work());
    job first{[&] {
        first_runs.count_down();
        worker_asks.wait();
    }};
    strand.execute(first.to_work());
    strand.execute(second.to_work());
    CHECK(strand.assist() == ap::assistance::progress);
    waiter.wait();
    CHECK(second.ran);
}

TEST_CASE("a strand knows whether the calling thread is running one of its jobs") {
    ap::manual_executor queue;
    ap::strand const mine{queue}, other{queue};
    CHECK_FALSE(mine.running_here());
    bool inside = false, elsewhere = true;
    ap::post(mine, [&] {
        inside = mine.running_here();
        elsewhere = other.running_here();
    });
    queue.run();
    CHECK(inside);
    CHECK_FALSE(elsewhere);
    CHECK_FALSE(mine.running_here());
}
