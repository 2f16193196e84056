// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/detail/crew.hpp>

#include <atomic>
#include <thread>

#include "catch_compat.hpp"

namespace ap = antiphon;
using ap::detail::crew;

TEST_CASE("crew: one worker searches at a time") {
    crew all;
    CHECK(all.start_search());
    CHECK_FALSE(all.start_search());
    CHECK_FALSE(all.end_search());
    CHECK(all.start_search());
}

TEST_CASE("crew: whoever lies down looks again unless somebody still searches") {
    crew all;
    CHECK(all.start_search());
    CHECK_FALSE(all.lie_down(false));
    CHECK(all.lie_down(true));
    CHECK(crew::sleepers(all.look()) == 2);
    CHECK(crew::searchers(all.look()) == 0);
}

TEST_CASE("crew: the end of the last search is reported while others sleep") {
    crew all;
    CHECK(all.lie_down(false));
    CHECK(all.start_search());
    CHECK(all.end_search());
}

TEST_CASE("crew: nobody is called while nobody sleeps or somebody searches") {
    crew all;
    auto const awake = all.look();
    all.call_one();
    CHECK(all.look() == awake);
    CHECK(all.start_search());
    CHECK_FALSE(all.lie_down(false));
    auto const searched = all.look();
    all.call_one();
    CHECK(all.look() == searched);
}

TEST_CASE("crew: who was called before it slept does not sleep, and searches") {
    crew all;
    CHECK(all.lie_down(false));
    CHECK(crew::unattended(all.look()));
    all.call_one();
    CHECK(crew::sleepers(all.look()) == 0);
    all.sleep();
    CHECK(crew::searchers(all.look()) == 1);
}

TEST_CASE("crew: who gets up by itself searches, and shows that somebody got up") {
    crew all;
    CHECK(all.lie_down(false));
    auto const lying = all.look();
    all.get_up();
    CHECK(crew::sleepers(all.look()) == 0);
    CHECK(crew::searchers(all.look()) == 1);
    CHECK(all.lie_down(true));
    CHECK(all.look() != lying);
}

TEST_CASE("crew: who gets up after it was called takes its permit with it") {
    crew all;
    CHECK(all.lie_down(false));
    all.call_one();
    all.get_up();
    CHECK(crew::searchers(all.look()) == 1);
    CHECK(all.lie_down(true));
    all.call_one();
    all.sleep();  // by the second permit: the first is gone, else this test would not tell
    CHECK(crew::searchers(all.look()) == 1);
}

TEST_CASE("crew: a sleeper wakes when it is called") {
    crew all;
    std::atomic<bool> awake{false};
    std::thread sleeper{[&] {
        static_cast<void>(all.lie_down(false));
        all.sleep();
        awake = true;
    }};
    while (!crew::unattended(all.look()))
        std::this_thread::yield();
    all.call_one();
    sleeper.join();
    CHECK(awake);
}

TEST_CASE("crew: once dismissed nobody sleeps") {
    crew all;
    CHECK(all.lie_down(false));
    std::thread sleeper{[&] { all.sleep(); }};
    all.dismiss();
    sleeper.join();
    all.sleep();
    SUCCEED();
}
