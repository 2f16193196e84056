// SPDX-License-Identifier: BSL-1.0
// The runner: Catch2 2 compiles it here, Catch2 3 links it.

#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#endif
#include "catch_compat.hpp"
