// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/detail/inbox.hpp>

#include "catch_compat.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;
using ap::detail::inbox;

TEST_CASE("inbox: what is taken comes oldest first") {
    probes::job one, two, three;
    inbox box;
    CHECK(box.push(one) == inbox::outcome::first);
    CHECK(box.push(two) == inbox::outcome::following);
    CHECK(box.push(three) == inbox::outcome::following);
    ap::work_queue taken = box.take();
    CHECK(taken.size() == 3);
    CHECK(taken.pop() == &one);
    CHECK(taken.pop() == &two);
    CHECK(taken.pop() == &three);
}

TEST_CASE("inbox: after a take it is empty, and the next push is the first again") {
    probes::job one, two;
    inbox box;
    CHECK(box.empty());
    box.push(one);
    CHECK_FALSE(box.empty());
    CHECK(box.take().size() == 1);
    CHECK(box.empty());
    CHECK(box.take().empty());
    CHECK(box.push(two) == inbox::outcome::first);
    CHECK(box.take().size() == 1);
}

TEST_CASE("inbox: closing gives back what was there and refuses what comes") {
    probes::job one, late;
    inbox box;
    box.push(one);
    CHECK(box.close().pop() == &one);
    CHECK(box.push(late) == inbox::outcome::closed);
    CHECK(box.empty());
    CHECK(box.take().empty());
    CHECK(box.close().empty());
    CHECK(box.push(late) == inbox::outcome::closed);
}

TEST_CASE("inbox: who wants the oldest first is told of jobs that were set aside, until somebody takes without asking") {
    probes::job one, two, three;
    inbox box;
    ap::work_queue taken;
    CHECK(box.take_oldest(taken));
    CHECK(taken.empty());
    CHECK(box.push(one) == inbox::outcome::first);
    CHECK(box.set_aside().pop() == &one);
    CHECK(box.empty());
    CHECK_FALSE(box.take_oldest(taken));
    CHECK(box.push(two) == inbox::outcome::first);
    CHECK(box.push(three) == inbox::outcome::following);
    CHECK_FALSE(box.take_oldest(taken));
    CHECK(taken.empty());
    ap::work_queue all = box.take();
    CHECK(all.pop() == &two);
    CHECK(all.pop() == &three);
    CHECK(all.empty());
    CHECK(box.push(one) == inbox::outcome::first);
    CHECK(box.take_oldest(taken));
    CHECK(taken.pop() == &one);
}

TEST_CASE("inbox: closing takes what came after jobs were set aside, and leaves nothing to ask for") {
    probes::job one, two;
    inbox box;
    CHECK(box.push(one) == inbox::outcome::first);
    CHECK(box.set_aside().size() == 1);
    CHECK(box.push(two) == inbox::outcome::first);
    CHECK(box.close().pop() == &two);
    ap::work_queue taken;
    CHECK(box.take_oldest(taken));
    CHECK(taken.empty());
    CHECK(box.push(two) == inbox::outcome::closed);
}
