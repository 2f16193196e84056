// SPDX-License-Identifier: BSL-1.0
#pragma once
// The counts of a process that ends without writing them down: a child that aborts, or leaves by _exit().

#if defined(ANTIPHON_COUNTS_COVERAGE)
extern "C" void __gcov_dump(void);  // NOLINT: its name is libgcov's
#endif

namespace test {

/// Writes them down, in a build that counts; nothing elsewhere.
inline void keep_coverage() noexcept {
#if defined(ANTIPHON_COUNTS_COVERAGE)
    __gcov_dump();
#endif
}

}  // namespace test
