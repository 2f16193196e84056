// SPDX-License-Identifier: BSL-1.0
// The parts that pools and asks are made of, each by itself, so that their whole state can be searched.
#include <antiphon/core/work.hpp>
#include <antiphon/execution/detail/crew.hpp>
#include <antiphon/execution/detail/inbox.hpp>
#include <antiphon/execution/detail/pool_queues.hpp>
#include <antiphon/execution/detail/steal_ring.hpp>
#include <antiphon/execution/fork_line.hpp>
#include <antiphon/request/detail/gate.hpp>
#include <antiphon/request/link.hpp>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "explore.hpp"

namespace ap = antiphon;
using explore::plan;

namespace {

/// A job that counts its takers, and whose contents whoever takes it must be able to see.
struct job final : ap::work_item {
    void run() noexcept override {
        explore::check(payload == 7, "its contents came along");
        explore::check(taken.fetch_add(1, std::memory_order_relaxed) == 0, "taken once");
    }
    void reject(ap::errc, ap::rejection) noexcept override { run(); }
    int payload = 0;
    std::atomic<int> taken{0};
};
job& filled(job& j) {
    j.payload = 7;
    return j;
}
/// A forked call, by whomever it is run.
struct half final : ap::forked_call {
    half() noexcept : forked_call{[](forked_call& me) noexcept { static_cast<half&>(me).work(); }} {}
    void work() noexcept {
        explore::check(payload == 7, "what it refers to came along");
        ++times;  // not atomic: whoever runs it is alone, and the joiner sees it
    }
    int payload = 0;
    int times = 0;
};
void join(ap::fork_line& line, half& call) {
    if (line.join(call) == ap::fork_line::joined::untaken) call.work();
    explore::check(call.times == 1, "run once, and seen");
}

unsigned run_all(ap::work_queue jobs) {
    unsigned count = 0;
    for (; !jobs.empty(); ++count)
        jobs.pop()->run();
    return count;
}

}  // namespace

EXPLORE("steal_ring: the owner's pop against a steal, the job goes to one of them", {}) {
    auto ring = std::make_unique<ap::detail::steal_ring>();
    job j;
    std::thread thief{[&] {
        if (auto* const got = ring->steal()) got->run();
    }};
    explore::check(ring->push(filled(j)), "there is room");
    if (auto* const got = ring->pop()) got->run();
    thief.join();
    explore::check(j.taken.load() == 1, "not lost");
}
EXPLORE("steal_ring: two jobs, a pop and a steal of half", {}) {
    auto ring = std::make_unique<ap::detail::steal_ring>();
    job a, b;
    explore::check(ring->push(filled(a)) && ring->push(filled(b)), "there is room");
    std::thread thief{[&] {
        auto own = std::make_unique<ap::detail::steal_ring>();
        if (auto* const got = ring->steal_into(*own)) got->run();
        while (auto* const got = own->pop())
            got->run();
    }};
    while (auto* const got = ring->pop())
        got->run();
    thief.join();
    explore::check(a.taken.load() == 1 && b.taken.load() == 1, "neither is lost");
}
EXPLORE("steal_ring: a pop against two thieves", {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1}) {
    auto ring = std::make_unique<ap::detail::steal_ring>();
    job a, b;
    auto const steal = [&] {
        if (auto* const got = ring->steal()) got->run();
    };
    explore::check(ring->push(filled(a)), "there is room");
    std::thread one{steal}, two{steal};
    explore::check(ring->push(filled(b)), "there is room");
    while (auto* const got = ring->pop())
        got->run();
    one.join();
    two.join();
    explore::check(a.taken.load() == 1 && b.taken.load() == 1, "neither is lost");
}
EXPLORE("steal_ring: a slot that is filled again is not given to a thief that looked before", {.stale_reads = 1}) {
    auto ring = std::make_unique<ap::detail::steal_ring>();
    job jobs[3];
    explore::check(ring->push(filled(jobs[0])), "there is room");
    std::thread thief{[&] {
        if (auto* const got = ring->steal()) got->run();
    }};
    for (int i = 1; i < 3; ++i) {
        if (auto* const got = ring->pop()) got->run();
        explore::check(ring->push(filled(jobs[i])), "there is room");
    }
    while (auto* const got = ring->pop())
        got->run();
    thief.join();
    for (job& j : jobs)
        explore::check(j.taken.load() == 1, "each once");
}
EXPLORE("steal_ring: a slot that is filled again at the young end is not given to a thief that looked before", {.stale_reads = 1}) {
    auto ring = std::make_unique<ap::detail::steal_ring>();
    job jobs[3];
    explore::check(ring->push(filled(jobs[0])) && ring->push(filled(jobs[1])), "there is room");
    std::thread thief{[&] {
        auto own = std::make_unique<ap::detail::steal_ring>();
        if (auto* const got = ring->steal_into(*own)) got->run();
        while (auto* const got = own->pop())
            got->run();
    }};
    if (auto* const got = ring->pop_beyond(0)) got->run();
    explore::check(ring->push(filled(jobs[2])), "there is room");
    while (auto* const got = ring->pop_beyond(0))
        got->run();
    thief.join();
    for (job& j : jobs)
        explore::check(j.taken.load() == 1, "each once");
}
EXPLORE("fork_line: a join against a taker, the call is run once and its answer is seen", {}) {
    ap::detail::crew all;
    ap::fork_line line;
    line.serve(all, 1);
    half call;
    std::thread taker{[&] {
        if (auto* const got = line.take()) ap::fork_line::run(*got, nullptr);
    }};
    call.payload = 7;
    explore::check(line.fork(call), "there is room");
    join(line, call);
    taker.join();
    explore::check(line.empty(), "nothing is left");
}
EXPLORE("fork_line: a place that is filled again against two takers, each call is run once",
        {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1}) {
    ap::detail::crew all;
    ap::fork_line line;
    line.serve(all, 2);
    half calls[3];
    for (half& each : calls)
        each.payload = 7;
    auto const take = [&] {
        if (auto* const got = line.take()) ap::fork_line::run(*got, nullptr);
    };
    std::thread one{take}, two{take};
    explore::check(line.fork(calls[0]), "there is room");
    join(line, calls[0]);
    explore::check(line.fork(calls[1]), "there is room");
    explore::check(line.fork(calls[2]), "there is room");
    join(line, calls[2]);
    join(line, calls[1]);
    one.join();
    two.join();
    explore::check(line.empty(), "nothing is left");
}
EXPLORE("fork_line: a joiner helps with what its taker has forked", {.search = plan::way::bounded, .preemptions = 2}) {
    struct nested final : ap::forked_call {
        explicit nested(ap::fork_line& line) noexcept
            : forked_call{[](forked_call& me) noexcept {
                  auto& self = static_cast<nested&>(me);
                  explore::check(self.where.fork(self.part), "there is room");
                  join(self.where, self.part);
              }},
              where{line} {
            part.payload = 7;
        }
        ap::fork_line& where;
        half part;
    };
    ap::detail::crew all;
    ap::fork_line mine, theirs;
    mine.serve(all, 1);
    theirs.serve(all, 1);
    nested call{theirs};
    std::thread taker{[&] {
        if (auto* const got = mine.take()) ap::fork_line::run(*got, &theirs);
    }};
    explore::check(mine.fork(call), "there is room");
    if (mine.join(call) == ap::fork_line::joined::untaken) {
        ap::fork_line::run(call, &mine);
    }
    taker.join();
    explore::check(call.part.times == 1, "once");
}
EXPLORE("inbox: two pushes against a take, nothing is lost", {}) {
    ap::detail::inbox box;
    job a, b;
    std::thread other{[&] { static_cast<void>(box.push(filled(a))); }};
    static_cast<void>(box.push(filled(b)));
    unsigned count = run_all(box.take());
    other.join();
    count += run_all(box.take());
    explore::check(count == 2, "both");
}
EXPLORE("inbox: a push against its end, taken or refused", {.outcomes = {0, 1}}) {
    ap::detail::inbox box;
    job a;
    bool refused = false;
    std::thread other{[&] { refused = box.push(filled(a)) == ap::detail::inbox::outcome::closed; }};
    unsigned const count = run_all(box.close());
    other.join();
    explore::check(count + (refused ? 1u : 0u) == 1, "one of both");
    explore::outcome(count);
}
EXPLORE("inbox: of three threads two push and one takes", {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1}) {
    ap::detail::inbox box;
    job a, b;
    std::thread one{[&] { static_cast<void>(box.push(filled(a))); }};
    std::thread two{[&] { static_cast<void>(box.push(filled(b))); }};
    unsigned count = run_all(box.take());
    one.join();
    two.join();
    count += run_all(box.take());
    explore::check(count == 2, "both");
}
EXPLORE("pool_queues: one worker gets its jobs in the order of posting while somebody counts",
        {.search = plan::way::bounded, .stale_reads = 1}) {
    ap::detail::pool_queues queues{1};
    job jobs[3];
    std::thread counter{[&] { static_cast<void>(queues.count()); }};
    bool moved = false;
    auto const put = [&](job& j) { static_cast<void>(queues.put(filled(j), nullptr)); };
    auto const expect = [&](job& j) {
        explore::check(queues.next(queues.of(0), moved) == &j, "the oldest");
        j.run();
    };
    put(jobs[0]);
    put(jobs[1]);
    expect(jobs[0]);
    put(jobs[2]);
    expect(jobs[1]);
    expect(jobs[2]);
    counter.join();
    explore::check(queues.empty(), "and nothing else");
}
EXPLORE("pool_queues: one worker gets them in order while another thread posts and a third counts",
        {.search = plan::way::bounded, .stale_reads = 0}) {
    ap::detail::pool_queues queues{1};
    job a, b;
    std::thread poster{[&] {
        static_cast<void>(queues.put(filled(a), nullptr));
        static_cast<void>(queues.put(filled(b), nullptr));
    }};
    std::thread counter{[&] { static_cast<void>(queues.count()); }};
    bool moved = false;
    ap::work_item* first = queues.next(queues.of(0), moved);
    poster.join();
    if (first == nullptr) first = queues.next(queues.of(0), moved);
    explore::check(first == &a, "the oldest");
    explore::check(queues.next(queues.of(0), moved) == &b, "the other");
    a.run();
    b.run();
    counter.join();
}
EXPLORE("crew: a worker that lies down against a job that comes, it does not oversleep", {}) {
    ap::detail::crew all;
    ap::detail::inbox box;
    job a;
    std::thread worker{[&] {
        for (;;) {
            if (run_all(box.take()) != 0) return;
            if (all.lie_down(false) && !box.empty()) {
                all.get_up();
            } else {
                all.sleep();
            }
            static_cast<void>(all.end_search());
        }
    }};
    static_cast<void>(box.push(filled(a)));
    all.call_one();
    worker.join();
    explore::check(a.taken.load() == 1, "it ran");
}
EXPLORE("crew: dismissed while it lies down, everybody leaves", {}) {
    ap::detail::crew all;
    std::thread worker{[&] {
        static_cast<void>(all.lie_down(false));
        all.sleep();
    }};
    all.dismiss();
    worker.join();
}
EXPLORE("gate: who passes through is out before it is closed", {}) {
    struct room {
        ap::detail::gate door;
        int contents = 7;
    };
    auto* const r = new room;
    std::atomic<bool> entered{false};
    std::thread walker{[r, &entered] {
        if (!r->door.enter()) return;
        explore::check(r->contents == 7, "it is still there");
        entered.store(true);
        r->door.leave();
    }};
    r->door.close();
    r->contents = 8;
    walker.join();
    delete r;
}
namespace {

/// The least that a link needs of a state.
struct alignas(16) counted_state {
    void retain() noexcept { refs.fetch_add(1, std::memory_order_relaxed); }
    void release() noexcept {
        if (refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }
    std::atomic<int> refs{1};
    int contents = 7;
};

}  // namespace
EXPLORE("link: a walker against the owner that takes what it names", {}) {
    ap::detail::link<counted_state> up;
    up.set(*new counted_state);
    std::thread walker{[&] {
        if (counted_state* const s = up.acquire()) {
            explore::check(s->contents == 7, "alive");
            s->release();
        }
    }};
    if (counted_state* const s = up.take()) s->release();
    walker.join();
}
EXPLORE("link: a walker against the owner that sets it", {.outcomes = {0, 1}}) {
    ap::detail::link<counted_state> up;
    std::thread walker{[&] {
        counted_state* const s = up.acquire();
        explore::outcome(s != nullptr ? 1 : 0);
        if (s == nullptr) return;
        explore::check(s->contents == 7, "published");
        s->release();
    }};
    up.set(*new counted_state);
    walker.join();
}
EXPLORE("link: two walkers against the owner", {.search = plan::way::bounded, .preemptions = 3, .stale_reads = 1}) {
    ap::detail::link<counted_state> up;
    up.set(*new counted_state);
    auto const walk = [&] {
        if (counted_state* const s = up.acquire()) {
            explore::check(s->contents == 7, "alive");
            s->release();
        }
    };
    std::thread one{walk}, two{walk};
    if (counted_state* const s = up.take()) s->release();
    one.join();
    two.join();
}
