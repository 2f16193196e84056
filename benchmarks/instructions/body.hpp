// SPDX-License-Identifier: BSL-1.0
#pragma once
// The work that every counted program does, out of the compiler's sight; and how often, from the command line: the cost of one
// operation is the difference of two runs divided by the difference of their counts, so that start and end cancel out.

#include <cstdlib>

int body(int x);

inline int operations(int argc, char** argv) { return argc > 1 ? std::atoi(argv[1]) : 1; }
