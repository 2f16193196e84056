// expect only: every answer of a series is told
// SPDX-License-Identifier: BSL-1.0
// A series has many answers, so it takes somebody who hears them.
#include <antiphon/antiphon.hpp>

int main() {
    auto ticking = antiphon::request{[] {}} | antiphon::every(std::chrono::seconds{1});
#ifdef ANTIPHON_MUST_FAIL
    auto running = ticking.submit();
#else
    auto running = ticking.submit([](antiphon::result<void>) {});
#endif
    static_cast<void>(running);
}
