// expect: use of deleted function|call to implicitly-deleted copy constructor|call to deleted constructor
// SPDX-License-Identifier: BSL-1.0
// One job runs once: `work` is moved, never copied.
#include <antiphon/core/work.hpp>

#include <utility>

void hand_over(antiphon::work job) {
#ifdef ANTIPHON_MUST_FAIL
    antiphon::work other = job;
#else
    antiphon::work other = std::move(job);
#endif
    std::move(other)();
}
