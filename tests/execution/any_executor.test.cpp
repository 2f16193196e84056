// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/any_executor.hpp>
#include <antiphon/execution/manual_executor.hpp>

#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

#include "catch_compat.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;
using probes::job;

namespace {

/// Offers everything that an executor may offer, and is too large to be held in place.
struct rich {
    std::shared_ptr<int> count;
    std::array<std::uint64_t, 4> padding{};
    void execute(ap::work job) const {
        ++*count;
        std::move(job)();
    }
    [[nodiscard]] ap::time_point now() const { return ap::time_point{ap::duration{7}}; }
    void arm(ap::timer& t, ap::time_point) const { t.fire(); }
    [[nodiscard]] bool disarm(ap::timer&) const { return true; }
    [[nodiscard]] std::uint64_t random() const { return 4; }
    [[nodiscard]] void const* place() const { return this; }
    [[nodiscard]] bool claimable() const { return true; }
    [[nodiscard]] ap::assistance assist() const { return ap::assistance::progress; }
    void unhandled(std::exception_ptr) const { ++*count; }
    [[nodiscard]] bool forked() const { return true; }
};

struct poor {
    void execute(ap::work job) const { std::move(job)(); }
};

}  // namespace

TEST_CASE("an empty any_executor drops its work, which is cancelled") {
    ap::any_executor const none;
    CHECK_FALSE(none);
    job one;
    none.execute(one.to_work());
    CHECK((one.rejected && one.why == ap::errc::cancelled && one.how == ap::rejection::dropped));
}

TEST_CASE("an any_executor offers what its executor offers") {
    auto const count = std::make_shared<int>(0);
    ap::any_executor const any = rich{count};
    job one;
    any.execute(one.to_work());
    CHECK((one.ran && *count == 1));
    CHECK(any.now() == ap::time_point{ap::duration{7}});
    probes::bell t;
    any.arm(t, ap::time_point::max());
    CHECK(t.fired == 1);
    CHECK(any.disarm(t));
    CHECK(any.random() == 4);
    CHECK(any.place() != nullptr);
    CHECK(any.claimable());
    CHECK(any.assist() == ap::assistance::progress);
    CHECK(any.forked());
    any.unhandled(nullptr);
    CHECK(*count == 2);
}

TEST_CASE("an any_executor fills in what its executor does not offer") {
    ap::any_executor const any = poor{};
    CHECK(any.now() > ap::time_point{});
    CHECK(any.place() == nullptr);
    CHECK_FALSE(any.claimable());
    CHECK(any.assist() == ap::assistance::none);
    CHECK_FALSE(any.forked());
    CHECK(any.random() != any.random());
    probes::bell t;
    any.arm(t, ap::time_point::max());
    CHECK(any.disarm(t));
}

TEST_CASE("copies of an any_executor share a large executor, and the last one destroys it") {
    auto const count = std::make_shared<int>(0);
    {
        ap::any_executor const one = rich{count};
        CHECK(count.use_count() == 2);
        ap::any_executor two = one;
        ap::any_executor const three = std::move(two);
        CHECK(count.use_count() == 2);
        CHECK(three.place() == one.place());
    }
    CHECK(count.use_count() == 1);
}

TEST_CASE("an any_executor can be assigned another executor") {
    ap::manual_executor first, second;
    ap::any_executor any = first.get_executor();
    any = second.get_executor();
    job one;
    any.execute(one.to_work());
    CHECK((first.pending() == 0 && second.pending() == 1));
    second.run();
}

TEST_CASE("any_executors are equal when they hold equal executors") {
    CHECK(ap::any_executor{} == ap::any_executor{});
    ap::manual_executor one, other;
    ap::any_executor const here{one};
    CHECK(here == one.get_executor());
    CHECK(here != ap::any_executor{other});
    CHECK(here != ap::any_executor{});
    CHECK(here != ap::any_executor{poor{}});
}

TEST_CASE("executors without a comparison equal their own copies") {
    ap::any_executor const large{rich{std::make_shared<int>(0)}};
    ap::any_executor const copy = large;
    CHECK(large == copy);
    CHECK(large != ap::any_executor{rich{std::make_shared<int>(0)}});
    CHECK(ap::any_executor{poor{}} == ap::any_executor{poor{}});
}

TEST_CASE("an any_executor is made of a context") {
    ap::manual_executor queue;
    ap::any_executor const here = queue;
    here.execute([] {});
    CHECK(queue.run() == 1);
}

namespace antiphon {

static_assert(std::is_nothrow_move_constructible_v<any_executor>);

}  // namespace antiphon
