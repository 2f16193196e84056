// SPDX-License-Identifier: BSL-1.0
// What holds over every executor and every type of result: exactly once, nothing lost, nothing left alive.
#include <antiphon/execution/any_executor.hpp>
#include <antiphon/execution/inline_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>
#include <antiphon/execution/strand.hpp>
#include <antiphon/execution/thread_pool.hpp>
#include <antiphon/request/promise.hpp>
#include <antiphon/request/request.hpp>
#include <antiphon/request/starts_on.hpp>
#include <antiphon/request/task.hpp>
#include <antiphon/testing/simulation.hpp>

#include <atomic>
#include <optional>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch_compat.hpp"
#include "support/values.hpp"

namespace ap = antiphon;

namespace {

// --- executors, each with a way to let it run everything that it was given ---------------------------------------------

struct on_inline {
    ap::any_executor executor() { return ap::inline_executor{}; }
    void run() {}
    void end() {}
};
struct on_manual {
    std::optional<ap::manual_executor> context{std::in_place};
    ap::any_executor executor() { return context->get_executor(); }
    void run() { context->run(); }
    void end() { context.reset(); }
};
struct on_pool {
    ap::thread_pool context{{.threads = 2}};
    ap::any_executor executor() { return context.get_executor(); }
    void run() {}
    void end() { context.shut_down(); }
};
struct on_strand {
    ap::thread_pool context{{.threads = 2}};
    ap::any_executor executor() { return ap::strand{context}; }
    void run() {}
    void end() { context.shut_down(); }
};
struct on_any {
    on_pool inside;
    ap::any_executor executor() { return ap::any_executor{ap::any_executor{inside.executor()}}; }
    void run() {}
    void end() { inside.end(); }
};
struct on_own {
    struct own_executor {
        std::vector<ap::work>* queue;
        void execute(ap::work job) const { queue->push_back(std::move(job)); }
    };
    std::vector<ap::work> queue;
    ap::any_executor executor() { return own_executor{&queue}; }
    void run() {
        while (!queue.empty())
            for (ap::work& job : std::exchange(queue, {}))
                std::move(job)();
    }
    void end() { queue.clear(); }
};
struct on_simulation {
    std::optional<ap::testing::simulation> context{std::in_place};
    ap::any_executor executor() { return context->get_executor(); }
    void run() { context->run(); }
    void end() { context.reset(); }
};

#define EVERY_EXECUTOR on_inline, on_manual, on_pool, on_strand, on_any, on_own, on_simulation

// --- one ask of every form for a value or a failure, counted ------------------------------------------------------------

std::atomic<int> begun{0};

template <class T, class Ask>
void ask_for(Ask&& ask) {
    using ap::errc;
    ask(ap::request{[c = test::counted{}](int n, test::counted const&) -> ap::result<T> {
        ++begun;
        if (n < 0) return ap::failure{errc::aborted, ap::executed::yes};
        if constexpr (std::is_void_v<T>) {
            return {};
        } else {
            return ap::result<T>{test::make<T>(n)};
        }
    }});
    ask(ap::request{[c = test::counted{}](int n, test::counted const&, ap::promise<T> reply) {
        ++begun;
        if (n < 0) {
            reply.set_failure({errc::aborted, ap::executed::yes});
        } else if constexpr (std::is_void_v<T>) {
            reply.set_value();
        } else {
            reply.set_value(test::make<T>(n));
        }
    }});
    ask(ap::request{[c = test::counted{}](int n, test::counted const&) -> ap::future<T> {
        ++begun;
        ap::promise<T> p;
        auto f = p.get_future();
        if (n < 0) {
            p.set_failure({errc::aborted, ap::executed::yes});
        } else if constexpr (std::is_void_v<T>) {
            p.set_value();
        } else {
            p.set_value(test::make<T>(n));
        }
        return f;
    }});
    if constexpr (!std::is_void_v<T>) {
        ask(ap::request{[c = test::counted{}](int n, test::counted const&) -> ap::task<T> {
            ++begun;
            if (n < 0) co_return ap::failure{errc::aborted, ap::executed::yes};
            co_return test::make<T>(n);
        }});
    }
}
template <class T>
bool holds(ap::result<T>& r, int n) {
    if (n < 0) return !r && r.error() == ap::errc::aborted;
    if constexpr (std::is_void_v<T>) {
        return r.has_value();
    } else {
        return r && test::read(*r) == n;
    }
}

template <class Executor, class T>
void every_ask_ends_once() {
    begun = 0;
    int asks = 0;
    std::atomic<int> values{0}, failures{0}, wrong{0};
    {
        Executor place;
        std::vector<std::pair<ap::future<T>, int>> futures;
        ask_for<T>([&](auto const& bare) {
            auto const r = bare | ap::starts_on(place.executor());
            for (int i = -8; i < 8; ++i) {
                asks += 3;
                futures.emplace_back(r.submit(i, test::counted{}), i);
                futures.emplace_back(r.submit(i, test::counted{}).then([c = test::counted{}](auto&&... x) -> ap::result<T> {
                    if constexpr (std::is_void_v<T>) {
                        return {};
                    } else {
                        return ap::result<T>{(std::forward<decltype(x)>(x), ...)};
                    }
                }),
                                     i);
                r.submit(i, test::counted{}, [&, i, c = test::counted{}](ap::result<T> x) {
                    ++(x ? values : failures);
                    if (!holds(x, i)) ++wrong;
                });
            }
        });
        place.run();
        for (auto& [f, n] : futures) {
            ap::result<T> x = std::move(f).get();
            ++(x ? values : failures);
            if (!holds(x, n)) ++wrong;
        }
        // Callbacks on other threads end with the place.
        if constexpr (std::is_same_v<Executor, on_pool> || std::is_same_v<Executor, on_strand> || std::is_same_v<Executor, on_any>) {
            while (values + failures != asks)
                std::this_thread::yield();
        }
    }
    CHECK(values + failures == asks);
    CHECK(values == failures);
    CHECK(begun == asks);
    CHECK(wrong == 0);
    CHECK(test::counted::alive() == 0);
}

template <class Executor, class T>
void every_ask_ends_once_when_its_place_ends() {
    int asks = 0;
    std::atomic<int> ended{0};
    {
        Executor place;
        std::vector<ap::future<T>> futures;
        ask_for<T>([&](auto const& bare) {
            auto const r = bare | ap::starts_on(place.executor());
            for (int i = 0; i < 16; ++i) {
                asks += 3;
                futures.push_back(r.submit(i, test::counted{}));
                futures.push_back(
                    r.submit(i, test::counted{}).or_else([c = test::counted{}](ap::failure why) -> ap::result<T> { return why; }));
                r.submit(i, test::counted{}, [&, c = test::counted{}](ap::result<T>) { ++ended; });
            }
        });
        place.end();
        for (auto& f : futures) {
            static_cast<void>(std::move(f).get());
            ++ended;
        }
        while (ended != asks)
            std::this_thread::yield();  // what was dropped tells its callbacks on the default pool
    }
    CHECK(ended == asks);
    for (int i = 0; i < 10'000'000 && test::counted::alive() != 0; ++i)
        std::this_thread::yield();
    CHECK(test::counted::alive() == 0);
}

template <class Executor, class T>
void every_ask_ends_when_it_is_stopped_or_dropped() {
    {
        Executor place;
        ask_for<T>([&](auto const& bare) {
            auto const r = bare | ap::starts_on(place.executor());
            std::vector<ap::future<T>> stopped;
            for (int i = 0; i < 16; ++i) {
                stopped.push_back(r.submit(i, test::counted{}));
                stopped.back().request_stop();
                static_cast<void>(r.submit(i, test::counted{}));
                r.submit(i, test::counted{}).detach();
            }
            place.run();
            for (auto& f : stopped) {
                auto const x = std::move(f).get();
                CHECK((x || x.error() == ap::errc::cancelled));
            }
        });
    }
    CHECK(test::counted::alive() == 0);
}

}  // namespace

#define LAW_OVER_TYPES(sentence, law)                                                                                        \
    TEMPLATE_TEST_CASE(sentence ", on every executor, for every type of result", "[law]", ANTIPHON_LAW_TYPES) {              \
        []<class... E>(std::tuple<E...>*) { (law<E, TestType>(), ...); }(static_cast<std::tuple<EVERY_EXECUTOR>*>(nullptr)); \
    }

LAW_OVER_TYPES("every ask ends exactly once, in a value or in its failure", every_ask_ends_once)
LAW_OVER_TYPES("every ask ends when its place does", every_ask_ends_once_when_its_place_ends)
LAW_OVER_TYPES("every ask ends when it is stopped, dropped or detached", every_ask_ends_when_it_is_stopped_or_dropped)
