// expect: a sentence that no compiler says
// SPDX-License-Identifier: BSL-1.0
// Fails for another reason than the one it states: the mechanism must object.
#ifdef ANTIPHON_MUST_FAIL
static_assert(sizeof(int) == 0, "quite another sentence");
#else
static_assert(sizeof(int) > 0);
#endif
