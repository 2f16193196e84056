// SPDX-License-Identifier: BSL-1.0
// What each consumer builds: one request, asked both ways.
#include <antiphon/antiphon.hpp>

int main() {
    antiphon::request const twice{[](int x) { return 2 * x; }};
    antiphon::result<int> const now = twice.call(21);
    antiphon::result<int> const later = twice.submit(21).get();
    return now && later && *now == 42 && *later == 42 ? 0 : 1;
}
