#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Feeds the house rules a violation of each, and checks the verdict."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).with_name("house_rules.py")
TOP = "// SPDX-License-Identifier: BSL-1.0\n"
GOOD = {
    "README.md": "words\n",
    "include/antiphon/core/a.hpp": TOP + "#pragma once\n",
    "include/antiphon/core/detail/d.hpp": TOP,
    "tests/core/a.test.cpp": TOP + 'TEST_CASE("a sum saturates, always") {}\n',
    "tests/stress/a.stress.cpp": TOP + "void f() { std::this_thread::sleep_for(1ms); }\n",
}


class HouseRules(unittest.TestCase):
    def judge(self, **changes):
        with tempfile.TemporaryDirectory() as root:
            for name, text in {**GOOD, **changes.get("files", {})}.items():
                if text is not None:
                    path = pathlib.Path(root) / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text)
            run = subprocess.run([sys.executable, str(SCRIPT), root], capture_output=True, text=True)
            return run.returncode, run.stdout + run.stderr

    def refused(self, files, expected):
        code, out = self.judge(files=files)
        self.assertEqual(code, 1, out)
        self.assertIn(expected, out)

    def test_a_tidy_house_is_allowed(self):
        code, out = self.judge()
        self.assertEqual(code, 0, out)

    def test_a_public_header_needs_its_mirror_test(self):
        self.refused({"tests/core/a.test.cpp": None}, "include/antiphon/core/a.hpp:1: mirror: tests/core/a.test.cpp is missing")

    def test_the_licence_is_stated(self):
        self.refused({"examples/e.cpp": "int main() {}\n"}, "examples/e.cpp:1: licence")

    def test_tabs_and_trailing_blanks_are_refused(self):
        self.refused({"examples/e.cpp": TOP + "\tint x;\n"}, "examples/e.cpp:2: blanks: a tab")
        self.refused({"examples/e.cpp": TOP + "int x; \n"}, "examples/e.cpp:2: blanks: trailing blanks")
        self.refused({"examples/e.cpp": TOP + "int x;"}, "examples/e.cpp:2: blanks: no newline")

    def test_unfinished_work_is_refused(self):
        for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"):
            self.refused({"benchmarks/b.cpp": TOP + f"// {word} later\n"}, f"benchmarks/b.cpp:2: words: `{word}`")

    def test_a_test_is_a_sentence_that_ctest_can_carry(self):
        self.refused({"tests/core/a.test.cpp": TOP + 'TEST_CASE("one; two") {}\n'}, "tests/core/a.test.cpp:2: sentences")

    def test_tests_do_not_sleep(self):
        self.refused({"tests/core/a.test.cpp": TOP + "std::this_thread::sleep_for(1ms);\n"}, "tests/core/a.test.cpp:2: sleeps")

    def test_what_a_document_refers_to_exists(self):
        self.refused({"docs/d.md": "see\n`tests/core/b.test.cpp`\n"}, "docs/d.md:2: references: `tests/core/b.test.cpp` does not exist")
        self.refused({"README.md": "`core/b.hpp`\n"}, "README.md:1: references: `core/b.hpp` does not exist")
        code, out = self.judge(files={"docs/d.md": "`tests/core/a.test.cpp`, `core/a.hpp`, `docs/`\n"})
        self.assertEqual(code, 0, out)

    def test_the_top_level_is_closed(self):
        self.refused({"notes.md": "words\n"}, "notes.md:1: top level")


if __name__ == "__main__":
    unittest.main()
