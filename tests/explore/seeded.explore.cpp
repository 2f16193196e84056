// SPDX-License-Identifier: BSL-1.0
// Known bugs, each of which the engine must find, beside the code that is right.
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "antiphon/execution/parking.hpp"
#include "explore.hpp"

using explore::fault;

namespace {

void publish(std::memory_order store, std::memory_order load) {
    int data = 0;
    std::atomic<bool> ready{false};
    std::thread reader{[&] {
        if (ready.load(load)) explore::check(data == 1, "the data is there");
    }};
    data = 1;
    ready.store(true, store);
    reader.join();
}

}  // namespace

EXPLORE("publication: release and acquire are enough", {}) { publish(std::memory_order_release, std::memory_order_acquire); }
EXPLORE("publication: a relaxed store is found", {.finds = fault::data_race}) {
    publish(std::memory_order_relaxed, std::memory_order_acquire);
}
EXPLORE("publication: a relaxed load is found", {.finds = fault::data_race}) {
    publish(std::memory_order_release, std::memory_order_relaxed);
}

namespace {

struct mailbox {
    std::mutex lock;
    std::condition_variable filled;
    bool full = false;
};
void deliver(bool notify, bool under_lock) {
    mailbox box;
    std::thread reader{[&] {
        std::unique_lock hold{box.lock};
        while (!box.full)
            box.filled.wait(hold);
    }};
    if (under_lock) {
        std::lock_guard const hold{box.lock};
        box.full = true;
        if (notify) box.filled.notify_one();
    } else {
        box.lock.lock();
        box.full = true;
        box.lock.unlock();
        if (notify) box.filled.notify_one();
    }
    reader.join();
}

}  // namespace

EXPLORE("condition variable: notified under its lock or after it, the reader wakes up", {}) { deliver(true, explore::any_of(2) == 1); }
EXPLORE("condition variable: a missing notification is found", {.finds = fault::deadlock}) { deliver(false, true); }
EXPLORE("condition variable: a wait without a loop is found", {.finds = fault::assertion}) {
    mailbox box;
    std::thread reader{[&] {
        std::unique_lock hold{box.lock};
        if (!box.full) box.filled.wait(hold);
        explore::check(box.full, "it woke up without a reason");
    }};
    {
        std::lock_guard const hold{box.lock};
        box.full = true;
    }
    box.filled.notify_one();
    reader.join();
}
EXPLORE("condition variable: a flag set without the lock is found", {.finds = fault::deadlock}) {
    std::mutex lock;
    std::condition_variable filled;
    std::atomic<bool> full{false};
    std::thread reader{[&] {
        std::unique_lock hold{lock};
        while (!full.load())
            filled.wait(hold);
    }};
    full.store(true);
    filled.notify_one();
    reader.join();
}

EXPLORE("futex: a look before sleeping, not at the kernel's, is found", {.finds = fault::deadlock}) {
    std::atomic<std::uint32_t> word{0}, asleep{0};
    std::thread sleeper{[&] {
        if (word.load() == 0) {
            asleep.store(1);
            antiphon::futex_wait(asleep, 1);  // sleeps on a word that the other does not change
        }
    }};
    word.store(1);
    antiphon::futex_wake_one(asleep);
    sleeper.join();
}
EXPLORE("futex: a change before the sleep is seen by the kernel", {}) {
    std::atomic<std::uint32_t> word{0};
    std::thread sleeper{[&] {
        while (word.load(std::memory_order_acquire) == 0)
            antiphon::futex_wait(word, 0);
    }};
    word.store(1, std::memory_order_release);
    antiphon::futex_wake_one(word);
    sleeper.join();
}

namespace {

/// Tells a sleeper, whose frame may go as soon as it has seen it.
struct bell {
    std::atomic<std::uint32_t> rung{0};
    std::uint32_t padding = 0;
};
void ring(bool touch_afterwards) {
    auto* const b = new bell;
    std::thread ringer{[b, touch_afterwards] {
        b->rung.store(1, std::memory_order_release);
        antiphon::futex_wake_one(b->rung);
        if (touch_afterwards) b->padding = 1;
    }};
    while (b->rung.load(std::memory_order_acquire) == 0)
        antiphon::futex_wait(b->rung, 0);
    delete b;
    ringer.join();
}

}  // namespace

EXPLORE("delete against notify: waking by address touches nothing", {}) { ring(false); }
EXPLORE("delete against notify: a touch after the notification is found", {.finds = fault::data_race}) { ring(true); }
EXPLORE("delete against notify: an atomic touch of what is freed is found", {.finds = fault::use_after_free}) {
    auto* const b = new std::atomic<int>{0};
    std::thread other{[b] {
        b->fetch_add(1);
        b->fetch_add(1);
    }};
    while (b->load() == 0) {
    }
    delete b;
    other.join();
}

namespace {

/// A stack of five nodes in an array. With a counter beside the head it is right; without, it is the ABA problem.
template <bool Counted>
class stack {
public:
    stack() {
        for (std::uint32_t i = 0; i < 3; ++i)
            next_[i].store(i == 2 ? none : i + 1);
        head_.store(0);
    }
    [[nodiscard]] std::uint32_t pop() {
        std::uint64_t head = head_.load(std::memory_order_acquire);
        for (;;) {
            auto const at = static_cast<std::uint32_t>(head);
            if (at == none) return none;
            std::uint64_t const further = next_[at].load(std::memory_order_relaxed);
            if (head_.compare_exchange_strong(head, further | tag(head), std::memory_order_acq_rel, std::memory_order_acquire))
                return at;
        }
    }
    void push(std::uint32_t node) {
        std::uint64_t head = head_.load(std::memory_order_relaxed);
        do {
            next_[node].store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
        } while (!head_.compare_exchange_strong(head, node | tag(head), std::memory_order_release, std::memory_order_relaxed));
    }
    static constexpr std::uint32_t none = 1000;

private:
    static std::uint64_t tag(std::uint64_t head) { return Counted ? ((head >> 32) + 1) << 32 : 0; }
    std::atomic<std::uint64_t> head_{0};
    std::atomic<std::uint32_t> next_[3]{};
};

template <bool Counted>
void pop_and_push() {
    stack<Counted> s;
    std::atomic<int> owners[3]{};
    auto const take = [&] {
        std::uint32_t const node = s.pop();
        if (node != stack<Counted>::none) explore::check(owners[node].fetch_add(1) == 0, "a node has one owner");
        return node;
    };
    std::thread other{[&] {
        std::uint32_t const a = take();
        take();
        if (a == stack<Counted>::none) return;
        owners[a].fetch_sub(1);
        s.push(a);
    }};
    take();
    take();
    other.join();
}

}  // namespace

EXPLORE("ABA: a stack that counts its changes gives each node to one thread", {.stale_reads = 0}) { pop_and_push<true>(); }
EXPLORE("ABA: a stack that does not count is found", {.stale_reads = 0, .finds = fault::assertion}) { pop_and_push<false>(); }

EXPLORE("lock order: two locks taken both ways round are found", {.finds = fault::deadlock}) {
    std::mutex a, b;
    std::thread other{[&] {
        std::lock_guard const first{b};
        std::lock_guard const second{a};
    }};
    {
        std::lock_guard const first{a};
        std::lock_guard const second{b};
    }
    other.join();
}
EXPLORE("double free: both threads deleting is found", {.finds = fault::double_free}) {
    auto* const p = new int{0};
    std::thread other{[p] { delete p; }};
    delete p;
    other.join();
}
EXPLORE("double free: one thread deleting twice is found", {.finds = fault::double_free}) {
    auto* const p = new std::atomic<int>{0};
    std::thread other{[p] {
        if (p->fetch_add(1) == 0) delete p;
    }};
    other.join();
    delete p;
}
EXPLORE("leak: a reference dropped by nobody is found", {.finds = fault::leak}) {
    auto* const p = new std::atomic<int>{2};
    auto const drop = [p] {
        if (p->load() == 1) {
            delete p;
        } else {
            p->fetch_sub(1);
        }
    };
    std::thread other{drop};
    drop();
    other.join();
}
EXPLORE("reference count: dropped with release and acquire, the last one may delete", {}) {
    struct counted {
        std::atomic<int> refs{2};
        int data = 0;
    };
    auto* const p = new counted;
    auto const drop = [p](int* use) {
        *use = p->data;
        if (p->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete p;
    };
    int a = 0, b = 0;
    std::thread other{drop, &a};
    drop(&b);
    other.join();
}
EXPLORE("reference count: a relaxed drop is found", {.finds = fault::data_race}) {
    struct counted {
        std::atomic<int> refs{2};
        int data = 0;
    };
    auto* const p = new counted;
    auto const drop = [p](int* use) {
        *use = p->data;
        if (p->refs.fetch_sub(1, std::memory_order_relaxed) == 1) delete p;
    };
    int a = 0, b = 0;
    std::thread other{drop, &a};
    drop(&b);
    other.join();
}
EXPLORE("livelock: waiting for what nobody does is found", {.steps = 500, .finds = fault::livelock}) {
    std::atomic<bool> never{false};
    std::thread other{[&] {
        while (!never.load()) {
        }
    }};
    other.join();
}
EXPLORE("peterson: with seq_cst the two exclude one another", {.stale_reads = 4}) {
    std::atomic<bool> wants[2]{};
    std::atomic<int> turn{0};
    int inside = 0;
    auto const enter = [&](int self, std::memory_order o) {
        wants[self].store(true, o);
        turn.store(1 - self, o);
        for (int i = 0; i < 3; ++i) {
            if (wants[1 - self].load(o) && turn.load(o) != self) continue;
            ++inside;
            break;
        }
        wants[self].store(false, o);
    };
    std::thread other{[&] { enter(1, std::memory_order_seq_cst); }};
    enter(0, std::memory_order_seq_cst);
    other.join();
}
EXPLORE("peterson: with acquire and release it is found wanting", {.stale_reads = 4, .finds = fault::data_race}) {
    std::atomic<bool> wants[2]{};
    std::atomic<int> turn{0};
    int inside = 0;
    auto const enter = [&](int self) {
        wants[self].store(true, std::memory_order_release);
        turn.store(1 - self, std::memory_order_release);
        if (wants[1 - self].load(std::memory_order_acquire) && turn.load(std::memory_order_acquire) != self) return;
        ++inside;
        wants[self].store(false, std::memory_order_release);
    };
    std::thread other{[&] { enter(1); }};
    enter(0);
    other.join();
}
EXPLORE("memory: an allocation that fails is found where nobody expects it", {.failing_allocations = 1, .finds = fault::terminated}) {
    std::thread other{[] { delete new int; }};
    other.join();
}
