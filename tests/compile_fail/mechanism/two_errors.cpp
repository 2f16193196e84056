// expect only: a mistake
// SPDX-License-Identifier: BSL-1.0
// Says more than its sentence: the mechanism must object.
#ifdef ANTIPHON_MUST_FAIL
static_assert(sizeof(int) == 0, "a mistake");
static_assert(sizeof(int) == 0, "and another");
#endif
int main() {}
