// SPDX-License-Identifier: BSL-1.0
#include "instructions/body.hpp"

int body(int x) { return 2 * x; }
