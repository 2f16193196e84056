// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/fork_line.hpp>

#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "catch_compat.hpp"

namespace ap = antiphon;
using ap::detail::crew;
using joined = ap::fork_line::joined;

namespace {

struct call final : ap::forked_call {
    call() noexcept : forked_call{[](forked_call& me) noexcept { static_cast<call&>(me).times += 1; }} {}
    int times = 0;
};

struct served_line {
    explicit served_line(std::uint32_t most) { line.serve(takers, most); }
    crew takers;
    ap::fork_line line;
};

}  // namespace

TEST_CASE("fork line: what nobody takes is its owner's, the newest first") {
    served_line mine{1};
    call a, b, c;
    CHECK(mine.line.fork(a));
    CHECK(mine.line.fork(b));
    CHECK(mine.line.fork(c));
    CHECK(mine.line.join(c) == joined::untaken);
    CHECK(mine.line.join(b) == joined::untaken);
    CHECK(mine.line.join(a) == joined::untaken);
    CHECK(mine.line.empty());
    CHECK(a.times + b.times + c.times == 0);
}

TEST_CASE("fork line: others get the oldest, and no more than is offered") {
    served_line mine{1};
    call a, b;
    CHECK(mine.line.fork(a));
    CHECK(mine.line.fork(b));
    CHECK(mine.line.take() == &a);
    CHECK(mine.line.take() == nullptr);
    CHECK(mine.line.join(b) == joined::untaken);
    ap::fork_line::run(a, nullptr);
    CHECK(mine.line.join(a) == joined::done);
    CHECK(a.times == 1);
}

TEST_CASE("fork line: the next call is offered once the one before was taken") {
    served_line mine{1};
    call a, b, c;
    CHECK(mine.line.fork(a));
    CHECK(mine.line.take() == &a);
    CHECK(mine.line.fork(b));
    CHECK(mine.line.fork(c));
    CHECK(mine.line.take() == &b);
    CHECK(mine.line.take() == nullptr);
    CHECK(mine.line.join(c) == joined::untaken);
    ap::fork_line::run(b, nullptr);
    CHECK(mine.line.join(b) == joined::done);
    ap::fork_line::run(a, nullptr);
    CHECK(mine.line.join(a) == joined::done);
}

TEST_CASE("fork line: a place that was given back serves again, for owner and takers") {
    served_line mine{2};
    for (int i = 0; i < 3; ++i) {
        call a;
        CHECK(mine.line.fork(a));
        CHECK_FALSE(mine.line.empty());
        CHECK(mine.line.join(a) == joined::untaken);
        CHECK(mine.line.take() == nullptr);
        CHECK(mine.line.fork(a));
        CHECK(mine.line.take() == &a);
        ap::fork_line::run(a, nullptr);
        CHECK(mine.line.join(a) == joined::done);
    }
}

TEST_CASE("fork line: too deep, nothing is forked") {
    served_line mine{0};
    std::vector<std::unique_ptr<call>> calls;
    for (std::uint32_t i = 0; i < ap::fork_line::capacity; ++i)
        CHECK(mine.line.fork(*calls.emplace_back(std::make_unique<call>())));
    call further;
    CHECK_FALSE(mine.line.fork(further));
    CHECK(mine.line.empty());
    for (; !calls.empty(); calls.pop_back())
        CHECK(mine.line.join(*calls.back()) == joined::untaken);
}

TEST_CASE("fork line: a sleeper is called for what is offered, and for nothing else") {
    served_line mine{1};
    CHECK(mine.takers.lie_down(false));
    CHECK(mine.takers.lie_down(false));
    call a, b;
    CHECK(mine.line.fork(a));
    CHECK(crew::sleepers(mine.takers.look()) == 1);
    mine.takers.sleep();
    static_cast<void>(mine.takers.end_search());
    CHECK(mine.line.fork(b));
    CHECK(crew::sleepers(mine.takers.look()) == 1);
    CHECK(mine.line.join(b) == joined::untaken);
    CHECK(mine.line.join(a) == joined::untaken);
}

TEST_CASE("fork line: who joins a call that was taken runs what that has forked meanwhile") {
    served_line mine{1};
    static served_line theirs{1};
    static std::latch has_forked{1}, helped{1};
    struct part final : ap::forked_call {
        part() noexcept : forked_call{[](forked_call&) noexcept { helped.count_down(); }} {}
    };
    struct outer final : ap::forked_call {
        outer() noexcept
            : forked_call{[](forked_call& me) noexcept {
                  part half;
                  if (!theirs.line.fork(half)) return;
                  has_forked.count_down();
                  helped.wait();
                  static_cast<outer&>(me).how = theirs.line.join(half);
              }} {}
        joined how = joined::untaken;
    } whole;
    CHECK(mine.line.fork(whole));
    REQUIRE(mine.line.take() == &whole);
    std::thread taker{[&] { ap::fork_line::run(whole, &theirs.line); }};
    has_forked.wait();  // a joiner that finds nothing for a while sleeps
    joined const how = mine.line.join(whole);
    taker.join();
    CHECK(how == joined::done);
    CHECK(whole.how == joined::done);
}

TEST_CASE("fork lines: a patient thief takes what it sees a second time") {
    crew all;
    ap::fork_lines lines{2, all};
    call a;
    std::uint64_t seen = 0;
    CHECK(lines[0].fork(a));
    CHECK_FALSE(lines.empty());
    CHECK(lines.take(1, true, seen) == nullptr);
    CHECK(lines.take(1, true, seen) == &a);
    CHECK(lines.empty());
    ap::fork_line::run(a, &lines[1]);
    CHECK(lines[0].join(a) == joined::done);
}

TEST_CASE("fork lines: guests get a line each, until there is none left") {
    crew all;
    ap::fork_lines lines{1, all};
    std::vector<ap::fork_line*> lent;
    for (std::size_t i = 0; i < ap::fork_lines::guests; ++i)
        REQUIRE(lent.emplace_back(lines.borrow()) != nullptr);
    CHECK(lines.borrow() == nullptr);
    lent[2]->give_back();
    CHECK(lines.borrow() == lent[2]);
}
