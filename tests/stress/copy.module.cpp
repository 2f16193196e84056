// SPDX-License-Identifier: BSL-1.0
// A shared object with a copy of the library inside, its symbols its own: a plug-in.
#include <antiphon/antiphon.hpp>

namespace ap = antiphon;

extern "C" [[gnu::visibility("default")]] int antiphon_copy_ask(int x) {
    auto twice = ap::request{[](int n) { return 2 * n; }};
    return twice.submit(x).then([](int n) { return n + 1; }).get().value_or(-1);
}
