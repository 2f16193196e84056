// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/any_executor.hpp>
#include <antiphon/execution/inline_executor.hpp>

#include "catch_compat.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;

TEST_CASE("an inline executor runs work before execute returns") {
    probes::job job;
    ap::inline_executor{}.execute(job.to_work());
    CHECK(job.ran);
}

TEST_CASE("an inline executor has no place and is not claimable") {
    ap::any_executor const any = ap::inline_executor{};
    CHECK(any.place() == nullptr);
    CHECK_FALSE(any.claimable());
    CHECK(any.assist() == ap::assistance::none);
}
