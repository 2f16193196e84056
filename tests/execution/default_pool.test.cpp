// SPDX-License-Identifier: BSL-1.0
#include <antiphon/execution/default_pool.hpp>

#include <cstdlib>

#include "catch_compat.hpp"
#include "support/probe.hpp"

namespace ap = antiphon;

TEST_CASE("the default pool is the same everywhere and has a thread") {
    CHECK(&ap::default_pool() == &ap::default_pool());
    CHECK(ap::default_pool().thread_count() >= 1);
}

TEST_CASE("the default pool runs what is posted") {
    probes::job one;
    ap::default_pool().get_executor().execute(one.to_work());
    one.wait();
    CHECK(one.ran);
}

TEST_CASE("a closer shuts its pool down and leaves it standing") {
    ap::thread_pool pool{{.threads = 1}};
    {
        ap::detail::pool_closer const closer{pool};
    }
    probes::job one;
    pool.get_executor().execute(one.to_work());
    CHECK(one.rejected);
    CHECK(one.why == ap::errc::shut_down);
}

namespace {

/// Made before the default pool and so destroyed after its shut-down: what it posts must be refused, else the program fails.
struct last_words {
    ~last_words() {
        if (!pool_was_used) return;
        probes::job one;
        ap::default_pool().get_executor().execute(one.to_work());
        if (!one.rejected || one.why != ap::errc::shut_down) std::abort();
    }
    bool pool_was_used = false;
};
last_words witness;

}  // namespace

TEST_CASE("what runs after static destruction finds the default pool shut down") {
    CHECK(ap::default_pool().thread_count() >= 1);
    witness.pool_was_used = true;
}
