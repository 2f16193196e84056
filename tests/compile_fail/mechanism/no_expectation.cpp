// SPDX-License-Identifier: BSL-1.0
// States no message: the mechanism must object.
int main() {}
