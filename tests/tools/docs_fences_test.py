#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks which programs the fences of a page become."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).with_name("docs_fences.py")


def programs(page):
    with tempfile.TemporaryDirectory() as root:
        source, out = pathlib.Path(root) / "page.md", pathlib.Path(root) / "out"
        source.write_text(page)
        subprocess.run([sys.executable, str(SCRIPT), str(out), str(source)], check=True)
        rows = [line.split(";") for line in (out / "fences.txt").read_text().splitlines()]
        return [(name, pathlib.Path(path).read_text(), mode) for name, path, mode, _ in rows]


def needs(page):
    with tempfile.TemporaryDirectory() as root:
        source, out = pathlib.Path(root) / "page.md", pathlib.Path(root) / "out"
        source.write_text(page)
        subprocess.run([sys.executable, str(SCRIPT), str(out), str(source)], check=True)
        return [line.split(";")[3] for line in (out / "fences.txt").read_text().splitlines()]


class DocsFences(unittest.TestCase):
    def one(self, page):
        found = programs(page)
        self.assertEqual(len(found), 1)
        return found[0]

    def test_other_languages_are_left_alone(self):
        self.assertEqual(programs("```sh\nls\n```\n\n```\nint x;\n```\n"), [])

    def test_a_whole_program_stays_as_it_is(self):
        name, text, mode = self.one("words\n\n```cpp\nint main() {}\n```\n")
        self.assertEqual((name, mode), ("page_line_4", "run"))
        self.assertTrue(text.endswith("int main() {}\n"))
        self.assertNotIn("namespace ap", text)

    def test_a_fragment_is_wrapped_and_its_includes_move_up(self):
        _, text, _ = self.one("```cpp\n#include <map>\nint x = 1;\n```\n")
        self.assertLess(text.index("#include <map>"), text.index("int main() {"))
        self.assertLess(text.index("int main() {"), text.index("int x = 1;"))
        self.assertIn("namespace ap = antiphon;", text)

    def test_errors_point_to_the_page(self):
        _, text, _ = self.one("a\nb\n```cpp\nint x = 1;\n```\n")
        self.assertRegex(text, r'#line 4 ".*page.md"\nint x = 1;')

    def test_hidden_lines_prepare_a_fence(self):
        _, text, mode = self.one("<!-- global: struct s {};\nstruct t {}; -->\n<!-- setup: s a;\nt b; -->\n<!-- compile-only -->\n\n```cpp\nuse(a, b);\n```\n")
        self.assertEqual(mode, "compile")
        order = [text.index(t) for t in ("struct s {};\nstruct t {};", "int main() {", "s a;\nt b;", "use(a, b);")]
        self.assertEqual(order, sorted(order))

    def test_libraries_that_a_fence_needs_are_listed_those_of_what_it_continues_too(self):
        page = "<!-- needs: curl json -->\n```cpp\nint a;\n```\n<!-- continues -->\n```cpp\nint b;\n```\n```cpp\nint c;\n```\n"
        self.assertEqual(needs(page), ["curl,json", "curl,json", "-"])

    def test_a_comment_further_up_does_not_reach(self):
        _, text, mode = self.one("<!-- compile-only -->\nwords\n```cpp\nint x = 1;\n```\n")
        self.assertEqual(mode, "run")

    def test_a_fence_may_live_at_file_scope(self):
        _, text, _ = self.one("<!-- file-scope -->\n```cpp\ntemplate <class T> T id(T t);\n```\n")
        self.assertLess(text.index("template"), text.index("int main() {"))

    def test_a_fence_may_continue_the_one_before(self):
        found = programs("```cpp\nint x = 1;\n```\n<!-- continues -->\n```cpp\n++x;\n```\n")
        self.assertNotIn("++x;", found[0][1])
        self.assertLess(found[1][1].index("int x = 1;"), found[1][1].index("++x;"))

    def test_an_indented_fence_loses_its_indent(self):
        _, text, _ = self.one("- item\n  ```cpp\n  int x = 1;\n  ```\n")
        self.assertIn("\nint x = 1;\n", text)


if __name__ == "__main__":
    unittest.main()
