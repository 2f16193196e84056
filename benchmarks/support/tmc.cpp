// SPDX-License-Identifier: BSL-1.0
// TooManyCooks is compiled where this is defined.
#define TMC_IMPL
#include <tmc/all_headers.hpp>
