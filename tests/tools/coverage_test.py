#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What the coverage script takes for a decision, and how it lays template instances over each other."""
import unittest

import coverage


def branch(count, throws=False):
    return {"count": count, "throw": throws, "fallthrough": True}


class Coverage(unittest.TestCase):
    def test_a_branch_is_what_a_line_spells(self):
        for text in ("if (a) b();", "return a ? b : c;", "    a && b)", "while (x)", "for (auto& each : all)", "case 3: break;", "    || b"):
            self.assertTrue(coverage.decides(text), text)

    def test_what_the_compiler_decides_is_not_a_branch(self):
        for text in ("delete this;", "void f(T&& x) {", "auto&& x = y;", "if constexpr (a) {", 'say("why? because");', "f(); // or what?",
                     "template <class... A> void f(A&&... args)", "T const&& f()"):
            self.assertFalse(coverage.decides(text), text)

    def test_a_call_that_may_throw_has_no_branches(self):
        self.assertEqual(coverage.written_branches([branch(5), branch(0, True), branch(3), branch(2)]), (3, 2))
        self.assertEqual(coverage.written_branches([branch(5), branch(0, True)]), ())

    def test_a_branch_counts_when_some_instance_takes_it(self):
        one = {"h": ({1: 4}, {(1, (1, 1), 2): (4, 0)})}
        two = {"h": ({1: 3}, {(1, (1, 1), 2): (0, 3)})}
        self.assertEqual(coverage.merged([one, two])["h"], ({1: 7}, {(1, (1, 1), 2): (4, 3)}))

    def test_instances_of_different_shape_count_apart(self):
        one = {"h": ({1: 4}, {(1, (1, 1), 2): (4, 0)})}
        two = {"h": ({1: 3}, {(1, (1, 1), 4): (0, 3, 1, 1)})}
        self.assertEqual(len(coverage.merged([one, two])["h"][1]), 2)

    def test_rows_without_a_function_are_cut_into_pieces_of_their_common_length(self):
        one = {"h": ({1: 1}, {(1, None, 0): [(0, 1, 0, 0)]})}
        two = {"h": ({1: 1}, {(1, None, 0): [(0, 0, 0, 0, 2, 0)], (1, (1, 1), 2): (1, 0)})}
        self.assertEqual(coverage.merged([one, two])["h"][1], {(1, (1, 1), 2): (3, 1)})


if __name__ == "__main__":
    unittest.main()
