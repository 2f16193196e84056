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

// Behind virtual functions: a law is compiled once for a type of result, not once more for every place.
struct place {
    virtual ~place() = default;
    virtual ap::any_executor executor() = 0;
    virtual void run() {}
    virtual void end() {}
    /// Callbacks run on other threads, and may do so after their futures are answered.
    [[nodiscard]] virtual bool elsewhere() const { return false; }
};
struct on_inline final : place {
    ap::any_executor executor() override { return ap::inline_executor{}; }
};
struct on_manual final : place {
    std::optional<ap::manual_executor> context{std::in_place};
    ap::any_executor executor() override { return context->get_executor(); }
    void run() override { context->run(); }
    void end() override { context.reset(); }
};
struct on_pool : place {
    ap::thread_pool context{{.threads = 2}};
    ap::any_executor executor() override { return context.get_executor(); }
    void end() override { context.shut_down(); }
    [[nodiscard]] bool elsewhere() const override { return true; }
};
struct on_strand final : on_pool {
    ap::any_executor executor() override { return ap::strand{context}; }
};
struct on_any final : on_pool {
    ap::any_executor executor() override { return ap::any_executor{ap::any_executor{on_pool::executor()}}; }
};
struct on_own final : place {
    struct own_executor {
        std::vector<ap::work>* queue;
        void execute(ap::work job) const { queue->push_back(std::move(job)); }
    };
    std::vector<ap::work> queue;
    ap::any_executor executor() override { return own_executor{&queue}; }
    void run() override {
        while (!queue.empty())
            for (ap::work& job : std::exchange(queue, {}))
                std::move(job)();
    }
    void end() override { queue.clear(); }
};
struct on_simulation final : place {
    std::optional<ap::testing::simulation> context{std::in_place};
    ap::any_executor executor() override { return context->get_executor(); }
    void run() override { context->run(); }
    void end() override { context.reset(); }
};

/// Nothing is alive at its end.
template <class Place>
void holds_on(void (*law)(place&)) {
    {
        Place here;
        law(here);
    }
    // What was dropped tells its callbacks on the default pool.
    for (int i = 0; i < 10'000'000 && test::counted::alive() != 0; ++i)
        std::this_thread::yield();
    CHECK(test::counted::alive() == 0);
}
void holds_on_every_executor(void (*law)(place&)) {
    holds_on<on_inline>(law);
    holds_on<on_manual>(law);
    holds_on<on_pool>(law);
    holds_on<on_strand>(law);
    holds_on<on_any>(law);
    holds_on<on_own>(law);
    holds_on<on_simulation>(law);
}

// --- one ask of every form for a value or a failure, counted ------------------------------------------------------------

std::atomic<int> begun{0};

template <class T>
ap::result<T> answer_to(int n) {
    ++begun;
    if (n < 0) return ap::failure{ap::errc::aborted, ap::executed::yes};
    if constexpr (std::is_void_v<T>) {
        return {};
    } else {
        return ap::result<T>{test::make<T>(n)};
    }
}
// Functions that make the handlers: each has one type, whichever law asks for it.
template <class T>
auto answers_at_once() {
    return ap::request{[c = test::counted{}](int n, test::counted const&) { return answer_to<T>(n); }};
}
template <class T>
auto answers_by_promise() {
    return ap::request{[c = test::counted{}](int n, test::counted const&, ap::promise<T> reply) { reply.set(answer_to<T>(n)); }};
}
template <class T>
auto answers_by_future() {
    return ap::request{[c = test::counted{}](int n, test::counted const&) -> ap::future<T> {
        ap::promise<T> p;
        auto f = p.get_future();
        p.set(answer_to<T>(n));
        return f;
    }};
}
template <class T>
auto answers_by_task() {
    return ap::request{[c = test::counted{}](int n, test::counted const&) -> ap::task<T> { co_return answer_to<T>(n); }};
}
template <class T, class Ask>
void ask_for(Ask&& ask) {
    ask(answers_at_once<T>());
    ask(answers_by_promise<T>());
    ask(answers_by_future<T>());
    if constexpr (!std::is_void_v<T>) ask(answers_by_task<T>());
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

template <class T>
void every_ask_ends_once(place& here) {
    begun = 0;
    int asks = 0;
    std::atomic<int> values{0}, failures{0}, wrong{0};
    {
        std::vector<std::pair<ap::future<T>, int>> futures;
        ask_for<T>([&](auto const& bare) {
            auto const r = bare | ap::starts_on(here.executor());
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
        here.run();
        for (auto& [f, n] : futures) {
            ap::result<T> x = std::move(f).get();
            ++(x ? values : failures);
            if (!holds(x, n)) ++wrong;
        }
        // Callbacks on other threads end with the place.
        while (here.elsewhere() && values + failures != asks)
            std::this_thread::yield();
    }
    CHECK(values + failures == asks);
    CHECK(values == failures);
    CHECK(begun == asks);
    CHECK(wrong == 0);
}

template <class T>
void every_ask_ends_once_when_its_place_ends(place& here) {
    int asks = 0;
    std::atomic<int> ended{0};
    {
        std::vector<ap::future<T>> futures;
        ask_for<T>([&](auto const& bare) {
            auto const r = bare | ap::starts_on(here.executor());
            for (int i = 0; i < 16; ++i) {
                asks += 3;
                futures.push_back(r.submit(i, test::counted{}));
                futures.push_back(
                    r.submit(i, test::counted{}).or_else([c = test::counted{}](ap::failure why) -> ap::result<T> { return why; }));
                r.submit(i, test::counted{}, [&, c = test::counted{}](ap::result<T>) { ++ended; });
            }
        });
        here.end();
        for (auto& f : futures) {
            static_cast<void>(std::move(f).get());
            ++ended;
        }
        while (ended != asks)
            std::this_thread::yield();  // what was dropped tells its callbacks on the default pool
    }
    CHECK(ended == asks);
}

template <class T>
void every_ask_ends_when_it_is_stopped_or_dropped(place& here) {
    ask_for<T>([&](auto const& bare) {
        auto const r = bare | ap::starts_on(here.executor());
        std::vector<ap::future<T>> stopped;
        for (int i = 0; i < 16; ++i) {
            stopped.push_back(r.submit(i, test::counted{}));
            stopped.back().request_stop();
            static_cast<void>(r.submit(i, test::counted{}));
            r.submit(i, test::counted{}).detach();
        }
        here.run();
        for (auto& f : stopped) {
            auto const x = std::move(f).get();
            CHECK((x || x.error() == ap::errc::cancelled));
        }
    });
}

}  // namespace

#define LAW_OVER_TYPES(sentence, law)                                                                           \
    TEMPLATE_TEST_CASE(sentence ", on every executor, for every type of result", "[law]", ANTIPHON_LAW_TYPES) { \
        holds_on_every_executor(law<TestType>);                                                                 \
    }

LAW_OVER_TYPES("every ask ends exactly once, in a value or in its failure", every_ask_ends_once)
LAW_OVER_TYPES("every ask ends when its place does", every_ask_ends_once_when_its_place_ends)
LAW_OVER_TYPES("every ask ends when it is stopped, dropped or detached", every_ask_ends_when_it_is_stopped_or_dropped)
