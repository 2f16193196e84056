// SPDX-License-Identifier: BSL-1.0
#include <antiphon/request/fork_join.hpp>

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/simulation.hpp>

#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "catch_compat.hpp"
#include "support/allocations.hpp"
#include "support/child.hpp"

namespace ap = antiphon;
using namespace std::chrono_literals;

namespace {

int fib(int n) {
    if (n < 2) return n;
    auto const [a, b] = ap::fork_join([n] { return fib(n - 1); }, [n] { return fib(n - 2); });
    return *a + *b;
}

/// Two halves of which the first ends only when the second runs: in another thread, if at all.
struct apart {
    std::latch second_runs{1};
    std::thread::id second;
    template <class G>
    auto run(G g) {
        return ap::fork_join([this] { second_runs.wait(); },
                             [this, g] {
                                 second = std::this_thread::get_id();
                                 second_runs.count_down();
                                 return g();
                             });
    }
    auto run() {
        return run([] {});
    }
};

}  // namespace

TEST_CASE("fork_join outside every pool calls one after the other, here") {
    std::string order;
    auto const here = std::this_thread::get_id();
    auto const [a, b] = ap::fork_join(
        [&] {
            order += "a";
            return std::this_thread::get_id();
        },
        [&] {
            order += "b";
            return std::this_thread::get_id();
        });
    CHECK(order == "ab");
    CHECK(*a == here);
    CHECK(*b == here);
}

TEST_CASE("fork_join gives answers of all kinds") {
    int value = 3;
    auto const [reference, nothing] = ap::fork_join([&]() -> int& { return value; }, [] {});
    CHECK(&*reference == &value);
    CHECK(nothing);
    auto [pointer, failed] =
        ap::fork_join([] { return std::make_unique<int>(4); }, []() -> ap::result<int> { return ap::errc::not_found; });
    CHECK(**pointer == 4);
    CHECK(failed.error() == ap::errc::not_found);
}

#if ANTIPHON_EXCEPTIONS
TEST_CASE("fork_join keeps an exception as the answer of the half that threw, and calls the other one") {
    bool called = false;
    auto const [a, b] = ap::fork_join([]() -> int { throw std::runtime_error{"no"}; }, [&] { called = true; });
    CHECK(a.error().exception() != nullptr);
    CHECK(b);
    CHECK(called);
}
#endif

TEST_CASE("fork_join in a pool: an idle worker takes the second half") {
    ap::thread_pool pool{{.threads = 2, .claimable = false}};
    apart halves;
    std::thread::id first;
    auto const r = (ap::request{[&] {
                        first = std::this_thread::get_id();
                        return halves.run([] { return 7; }).second;
                    }} |
                    ap::starts_on(pool))
                       .submit()
                       .get();
    CHECK(*r == 7);
    CHECK(first != halves.second);
}

TEST_CASE("fork_join in a thread that runs its own ask while it waits: a worker takes the second half") {
    ap::thread_pool pool{{.threads = 1}};
    std::latch busy{1}, go{1};
    ap::post(pool, [&] {
        busy.count_down();
        go.wait();
    });
    busy.wait();
    apart halves;
    std::thread::id first;
    auto asked = (ap::request{[&] {
                      first = std::this_thread::get_id();
                      go.count_down();
                      return static_cast<bool>(halves.run().second);
                  }} |
                  ap::starts_on(pool))
                     .submit();
    CHECK(*std::move(asked).get());
    CHECK(first == std::this_thread::get_id());
    CHECK(first != halves.second);
}

TEST_CASE("fork_join: a failure in a half that was taken arrives") {
    ap::thread_pool pool{{.threads = 2, .claimable = false}};
    apart halves;
    auto const r = (ap::request{[&] { return std::move(halves.run([]() -> ap::result<int> { return ap::errc::not_found; }).second); }} |
                    ap::starts_on(pool))
                       .submit()
                       .get();
    CHECK(r.error() == ap::errc::not_found);
}

TEST_CASE("fork_join: asks in a half that was taken inherit what those around it do") {
    ap::thread_pool pool{{.threads = 2, .claimable = false}};
    ap::time_point const end = ap::clock::now() + 1h;
    apart halves;
    ap::request const tells{[](ap::context const& c) { return c.deadline(); }};
    auto const seen =
        (ap::request{[&] { return *halves.run([&] { return *tells.call(); }).second; }} | ap::deadline{end} | ap::starts_on(pool))
            .submit()
            .get();
    CHECK(*seen == end);
}

TEST_CASE("fork_join: a tree of halves gives the same on any number of workers") {
    for (std::size_t const threads : {1u, 2u, 4u}) {
        ap::thread_pool pool{{.threads = threads}};
        auto const ask = ap::request{[] { return fib(16); }} | ap::starts_on(pool);
        for (int i = 0; i < 5; ++i)
            CHECK(*ask.submit().get() == 987);
    }
}

TEST_CASE("fork_join deeper than a line is long goes on without forking") {
    ap::thread_pool pool{{.threads = 2}};
    struct chain {
        static int down(int levels) {
            if (levels == 0) return 0;
            auto const [a, b] = ap::fork_join([=] { return down(levels - 1); }, [] { return 1; });
            return *a + *b;
        }
    };
    CHECK(*(ap::request{[] { return chain::down(1000); }} | ap::starts_on(pool)).submit().get() == 1000);
}

TEST_CASE("fork_join allocates nothing") {
    ap::thread_pool pool{{.threads = 2, .claimable = false}};
    auto const count = ap::request{[] { return test::allocations_of([] { CHECK(fib(12) == 144); }); }} | ap::starts_on(pool);
    CHECK(*count.submit().get() == 0);
}

TEST_CASE("fork_join on a simulation calls one after the other, in its thread") {
    ap::testing::simulation sim{1};
    CHECK(*(ap::request{[] { return fib(8); }} | ap::starts_on(sim)).call() == 21);
}

TEST_CASE("fork_join inside a strand stays in its thread") {
    ap::thread_pool pool{{.threads = 2}};
    ap::strand alone{pool};
    auto const r = (ap::request{[] {
                        auto const [a, b] =
                            ap::fork_join([] { return std::this_thread::get_id(); }, [] { return std::this_thread::get_id(); });
                        return *a == *b;
                    }} |
                    ap::starts_on(alone))
                       .submit()
                       .get();
    CHECK(*r);
}

TEST_CASE("fork_join: a shut-down waits for a half that a worker has taken, and hands back no other") {
    ap::thread_pool pool{{.threads = 2, .claimable = false}};
    apart halves;
    auto asked = (ap::request{[&] { return *halves.run([&] { return fib(10); }).second; }} | ap::starts_on(pool)).submit();
    halves.second_runs.wait();
    pool.shut_down(ap::duration::max());
    CHECK(*std::move(asked).get() == 55);
}

#if ANTIPHON_HAS_FORK
TEST_CASE("fork_join in a forked child: a half whose taker stayed behind ends as forked") {
    ap::thread_pool pool{{.threads = 2, .claimable = false}};
    auto const told = (ap::request{[&] {
                           std::latch taken{1}, end{1};
                           pid_t child = -1;
                           auto const [a, b] = ap::fork_join(
                               [&] {
                                   taken.wait();
                                   child = ::fork();
                                   end.count_down();
                               },
                               [&] {
                                   taken.count_down();
                                   end.wait();
                               });
                           if (child == 0) ::_exit(b || b.error() != ap::errc::forked ? 1 : 42);
                           int status = 0;
                           return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 42 && a && b;
                       }} |
                       ap::starts_on(pool))
                          .submit()
                          .get();
    CHECK(*told);
}
#endif
