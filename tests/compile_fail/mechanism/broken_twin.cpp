// expect: a mistake
// SPDX-License-Identifier: BSL-1.0
// Its twin does not compile either: the mechanism must object.
static_assert(sizeof(int) == 0, "a mistake");
