// expect: the request comes first
// SPDX-License-Identifier: BSL-1.0
// A policy adapts what stands before it.
#include <antiphon/antiphon.hpp>

int main() {
    antiphon::request twice{[](int x) { return 2 * x; }};
#ifdef ANTIPHON_MUST_FAIL
    auto made = antiphon::timeout{.limit = std::chrono::seconds{1}} | twice;
#else
    auto made = twice | antiphon::timeout{.limit = std::chrono::seconds{1}};
#endif
    static_cast<void>(made);
}
