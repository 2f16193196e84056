// SPDX-License-Identifier: BSL-1.0
#include "antiphon/request/observer.hpp"

#include <memory>
#include <utility>

#include "catch_compat.hpp"

namespace ap = antiphon;

namespace {

struct deaf final : ap::observer {};
struct counts_late final : ap::observer {
    void late() noexcept override { ++heard; }
    int heard = 0;
};
struct keeps_late final : ap::observer {
    void late() noexcept override { ++plain; }
    void late_reply(ap::late_answer answer) noexcept override {
        if (auto* const r = answer.get<std::unique_ptr<int>>(); r != nullptr && *r) kept = std::move(**r);
    }
    int plain = 0;
    std::unique_ptr<int> kept;
};

}  // namespace

TEST_CASE("observer: every hook may be left out") {
    deaf o;
    ap::failure const why{ap::errc::unavailable};
    ap::result<int> r = 1;
    o.asked();
    o.started(1);
    o.retried(1, why, ap::duration::zero());
    o.hedged(2);
    o.rejected("nobody", why);
    o.answered_by("nobody");
    o.late();
    o.late_reply(ap::late_answer{r});
    o.completed(nullptr, ap::duration::zero());
    CHECK(r.value() == 1);
}

TEST_CASE("observer: a late reply counts as late unless the hook takes it") {
    ap::result<std::unique_ptr<int>> r = std::make_unique<int>(7);
    counts_late counts;
    counts.late_reply(ap::late_answer{r});
    CHECK(counts.heard == 1);
    keeps_late keeps;
    keeps.late_reply(ap::late_answer{r});
    CHECK(keeps.plain == 0);
    REQUIRE(keeps.kept != nullptr);
    CHECK(*keeps.kept == 7);
}

TEST_CASE("late_answer: gives its result under its own type only") {
    ap::result<int> r = 7;
    ap::late_answer const answer{r};
    CHECK(answer.get<int>() == &r);
    CHECK(answer.get<long>() == nullptr);
    CHECK(answer.get<void>() == nullptr);
    CHECK(answer.why() == nullptr);
}

TEST_CASE("late_answer: shows a failure") {
    ap::result<void> r = ap::errc::unavailable;
    ap::late_answer const answer{r};
    REQUIRE(answer.why() != nullptr);
    CHECK(*answer.why() == ap::errc::unavailable);
}
