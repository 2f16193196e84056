// SPDX-License-Identifier: BSL-1.0
// The engine's memory model against the known answers: what C++ allows is seen, what it forbids is not.
#include <atomic>
#include <thread>

#include "explore.hpp"

namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto acq_rel = std::memory_order_acq_rel;
constexpr auto seq_cst = std::memory_order_seq_cst;

/// Joins what it is given.
template <class... F>
void at_once(F... bodies) {
    std::thread threads[] = {std::thread{bodies}...};
    for (auto& t : threads)
        t.join();
}
unsigned digits(int a, int b) { return static_cast<unsigned>(a * 10 + b); }

void message_passing(std::memory_order publish, std::memory_order observe) {
    std::atomic<int> data{0}, flag{0};
    int seen = 0, value = 0;
    at_once(
        [&] {
            data.store(1, relaxed);
            flag.store(1, publish);
        },
        [&] {
            seen = flag.load(observe);
            value = data.load(relaxed);
        });
    explore::outcome(digits(seen, value));
}

}  // namespace

EXPLORE("message passing: released and acquired, the flag brings the data", {.outcomes = {0, 1, 11}}) {
    message_passing(release, acquire);
}
EXPLORE("message passing: a relaxed store of the flag may come before the data", {.outcomes = {0, 1, 10, 11}}) {
    message_passing(relaxed, acquire);
}
EXPLORE("message passing: a relaxed load of the flag may come after that of the data", {.outcomes = {0, 1, 10, 11}}) {
    message_passing(release, relaxed);
}
EXPLORE("message passing: fences do what release and acquire do", {.outcomes = {0, 1, 11}}) {
    std::atomic<int> data{0}, flag{0};
    int seen = 0, value = 0;
    at_once(
        [&] {
            data.store(1, relaxed);
            std::atomic_thread_fence(release);
            flag.store(1, relaxed);
        },
        [&] {
            seen = flag.load(relaxed);
            std::atomic_thread_fence(acquire);
            value = data.load(relaxed);
        });
    explore::outcome(digits(seen, value));
}
EXPLORE("message passing: a release sequence goes on through other threads' exchanges", {.outcomes = {0, 1, 2}}) {
    std::atomic<int> flag{0};
    int data = 0, result = 0;
    at_once(
        [&] {
            data = 1;
            flag.store(1, release);
        },
        [&] {
            int one = 1;
            flag.compare_exchange_strong(one, 2, relaxed);
        },
        [&] {
            result = flag.load(acquire);
            if (result == 2) explore::check(data == 1, "the release is seen through the relaxed exchange");
        });
    explore::outcome(static_cast<unsigned>(result));
}

EXPLORE("store buffering: relaxed, both may miss the other", {.outcomes = {0, 1, 10, 11}}) {
    std::atomic<int> x{0}, y{0};
    int a = 0, b = 0;
    at_once(
        [&] {
            x.store(1, relaxed);
            a = y.load(relaxed);
        },
        [&] {
            y.store(1, relaxed);
            b = x.load(relaxed);
        });
    explore::outcome(digits(a, b));
}
EXPLORE("store buffering: release and acquire do not help", {.outcomes = {0, 1, 10, 11}}) {
    std::atomic<int> x{0}, y{0};
    int a = 0, b = 0;
    at_once(
        [&] {
            x.store(1, release);
            a = y.load(acquire);
        },
        [&] {
            y.store(1, release);
            b = x.load(acquire);
        });
    explore::outcome(digits(a, b));
}
EXPLORE("store buffering: seq_cst, one of both sees the other", {.outcomes = {1, 10, 11}}) {
    std::atomic<int> x{0}, y{0};
    int a = 0, b = 0;
    at_once(
        [&] {
            x.store(1, seq_cst);
            a = y.load(seq_cst);
        },
        [&] {
            y.store(1, seq_cst);
            b = x.load(seq_cst);
        });
    explore::outcome(digits(a, b));
}
EXPLORE("store buffering: seq_cst fences, one of both sees the other", {.outcomes = {1, 10, 11}}) {
    std::atomic<int> x{0}, y{0};
    int a = 0, b = 0;
    at_once(
        [&] {
            x.store(1, relaxed);
            std::atomic_thread_fence(seq_cst);
            a = y.load(relaxed);
        },
        [&] {
            y.store(1, relaxed);
            std::atomic_thread_fence(seq_cst);
            b = x.load(relaxed);
        });
    explore::outcome(digits(a, b));
}
EXPLORE("store buffering: an exchange that only one side makes seq_cst is not enough", {.outcomes = {0, 1, 10, 11}}) {
    std::atomic<int> x{0}, y{0};
    int a = 0, b = 0;
    at_once(
        [&] {
            x.exchange(1, seq_cst);
            a = y.load(seq_cst);
        },
        [&] {
            y.store(1, release);
            b = x.load(acquire);
        });
    explore::outcome(digits(a, b));
}

// C++ would allow 11 for relaxed operations; like the hardware, the engine does not read from stores that are yet to come.
EXPLORE("load buffering: nobody reads what is yet to be written", {.outcomes = {0, 1, 10}}) {
    std::atomic<int> x{0}, y{0};
    int a = 0, b = 0;
    at_once(
        [&] {
            a = x.load(relaxed);
            y.store(1, relaxed);
        },
        [&] {
            b = y.load(relaxed);
            x.store(1, relaxed);
        });
    explore::outcome(digits(a, b));
}

namespace {

/// 1: the readers disagree about which of the independent writes came first.
void independent_reads(std::memory_order store, std::memory_order load) {
    std::atomic<int> x{0}, y{0};
    int a = 0, b = 0, c = 0, d = 0;
    at_once([&] { x.store(1, store); }, [&] { y.store(1, store); },
            [&] {
                a = x.load(load);
                b = y.load(load);
            },
            [&] {
                c = y.load(load);
                d = x.load(load);
            });
    explore::outcome(a == 1 && b == 0 && c == 1 && d == 0 ? 1 : 0);
}

}  // namespace

EXPLORE("independent writes: acquiring readers may disagree on their order", {.stale_reads = 4, .outcomes = {0, 1}}) {
    independent_reads(release, acquire);
}
EXPLORE("independent writes: seq_cst readers agree on their order", {.stale_reads = 4, .outcomes = {0}}) {
    independent_reads(seq_cst, seq_cst);
}

EXPLORE("coherence: two reads of one location never go back", {.stale_reads = 4, .outcomes = {0, 1, 2, 11, 12, 22}}) {
    std::atomic<int> x{0};
    int a = 0, b = 0;
    at_once(
        [&] {
            x.store(1, relaxed);
            x.store(2, relaxed);
        },
        [&] {
            a = x.load(relaxed);
            b = x.load(relaxed);
        });
    explore::outcome(digits(a, b));
}
EXPLORE("coherence: a thread sees its own store or a later one", {.stale_reads = 4, .outcomes = {1, 2}}) {
    std::atomic<int> x{0};
    int a = 0;
    at_once([&] { x.store(2, relaxed); },
            [&] {
                x.store(1, relaxed);
                a = x.load(relaxed);
            });
    explore::outcome(static_cast<unsigned>(a));
}
EXPLORE("coherence: what happens before a read has been read", {.stale_reads = 4, .outcomes = {1}}) {
    std::atomic<int> x{0}, flag{0};
    int result = 1;
    at_once([&] { x.store(1, relaxed); },
            [&] {
                if (x.load(relaxed) == 1) flag.store(1, release);
            },
            [&] {
                if (flag.load(acquire) == 1) result = x.load(relaxed);
            });
    explore::outcome(static_cast<unsigned>(result));
}
EXPLORE("read-modify-write: increments are not lost, however relaxed", {.outcomes = {3}}) {
    std::atomic<int> x{0};
    at_once([&] { x.fetch_add(1, relaxed); }, [&] { x.fetch_add(1, relaxed); }, [&] { x.fetch_add(1, relaxed); });
    explore::outcome(static_cast<unsigned>(x.load(relaxed)));
}
EXPLORE("write to read causality: acquire and release add up over three threads", {.stale_reads = 4, .outcomes = {0, 1}}) {
    std::atomic<int> x{0}, y{0};
    int result = 0;
    at_once([&] { x.store(1, release); },
            [&] {
                if (x.load(acquire) == 1) y.store(1, release);
            },
            [&] {
                if (y.load(acquire) == 1) {
                    result = 1;
                    explore::check(x.load(relaxed) == 1, "the first store is seen through the second thread");
                }
            });
    explore::outcome(static_cast<unsigned>(result));
}
EXPLORE("every width: loads, stores and exchanges of 8 to 128 bits keep their values", {.outcomes = {1}}) {
    std::atomic<std::int8_t> a{-1};
    std::atomic<std::int16_t> b{-2};
    std::atomic<std::int32_t> c{-3};
    std::atomic<std::int64_t> d{-4};
    at_once(
        [&] {
            a.fetch_sub(1, acq_rel);
            b.fetch_xor(1, acq_rel);
            c.fetch_and(~4, acq_rel);
            d.fetch_or(8, acq_rel);
        },
        [&] {
            a.fetch_sub(1, acq_rel);
            b.fetch_add(2, acq_rel);
            std::int32_t was = c.load();
            while (!c.compare_exchange_weak(was, was - 8))
                ;
        });
    explore::check(a.load() == -3, "8 bits");
    explore::check(b.load() == 1 || b.load() == -1, "16 bits");
    explore::check((c.load() & 4) == 0 || c.load() == -15 || c.load() == -11, "32 bits");
    explore::check(d.load() == -4, "64 bits");
    explore::outcome(1);
}
