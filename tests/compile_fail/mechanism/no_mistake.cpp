// expect: anything
// SPDX-License-Identifier: BSL-1.0
// Both variants compile: the mechanism must object.
int main() {}
