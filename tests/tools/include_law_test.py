#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Feeds the include law a violation of each of its rules, and checks the verdict, the place and the path that it prints."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).with_name("include_law.py")
TOP = "// SPDX-License-Identifier: BSL-1.0\n#pragma once\n"


def judge(files):
    """The exit code and the output for a tree of headers, given as {path below include/antiphon: text below the top}."""
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = pathlib.Path(root) / "include" / "antiphon" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text if text.startswith("//") else TOP + text)
        run = subprocess.run([sys.executable, str(SCRIPT), root], capture_output=True, text=True)
        return run.returncode, run.stdout + run.stderr


def inc(*names):
    return "".join(f'#include "antiphon/{n}"\n' for n in names)


class IncludeLaw(unittest.TestCase):
    def allowed(self, files):
        code, out = judge(files)
        self.assertEqual(code, 0, out)

    def refused(self, files, *expected):
        code, out = judge(files)
        self.assertEqual(code, 1, out)
        for text in expected:
            self.assertIn(text, out)
        return out

    def test_a_lawful_house_is_allowed(self):
        self.allowed({
            "antiphon.hpp": inc("core/a.hpp", "policy/p.hpp"),
            "fwd.hpp": "namespace antiphon {}\n",
            "core/config.hpp": "#if defined(__GNUC__)\n#define ANTIPHON_GNU 1\n#endif\n",
            "core/a.hpp": "#include <atomic>\n" + inc("fwd.hpp", "core/config.hpp") + "#if ANTIPHON_GNU\n#include <version>\n#endif\n",
            "execution/detail/t.hpp": "#include <pthread.h>\n" + inc("core/a.hpp", "execution/e.hpp"),
            "execution/e.hpp": inc("core/a.hpp"),
            "execution/f.hpp": inc("execution/detail/t.hpp", "execution/e.hpp"),
            "policy/p.hpp": "#include <functional>\n" + inc("execution/f.hpp"),
            "http/h.hpp": inc("policy/p.hpp"),
            "messaging/m.hpp": inc("policy/p.hpp"),
            "interop/curl.hpp": "#include <curl/curl.h>\n" + inc("http/h.hpp"),
            "testing/s.hpp": inc("antiphon.hpp", "messaging/m.hpp"),
        })

    def test_an_empty_tree_is_no_success(self):
        code, out = judge({})
        self.assertEqual(code, 2, out)

    def test_a_lower_floor_does_not_include_a_higher(self):
        self.refused({"core/a.hpp": inc("policy/p.hpp"), "policy/p.hpp": ""},
                     "include/antiphon/core/a.hpp:3: floor: floor 0 includes floor 3: antiphon/core/a.hpp -> antiphon/policy/p.hpp")

    def test_the_umbrella_covers_floors_0_to_3(self):
        self.refused({"antiphon.hpp": inc("http/h.hpp"), "http/h.hpp": ""}, "antiphon.hpp:3: floor: floor 3 includes floor 4")

    def test_the_names_include_nothing_above_floor_0(self):
        self.refused({"fwd.hpp": inc("request/r.hpp"), "request/r.hpp": ""}, "fwd.hpp:3: floor: floor 0 includes floor 2")

    def test_http_and_messaging_do_not_know_each_other(self):
        self.refused({"http/h.hpp": inc("messaging/m.hpp"), "messaging/m.hpp": ""},
                     "http/h.hpp:3: floor: neighbours do not know each other: antiphon/http/h.hpp -> antiphon/messaging/m.hpp")

    def test_an_unknown_floor_is_refused(self):
        self.refused({"util/u.hpp": ""}, "util/u.hpp:1: floor: no floor is called `util`")

    def test_a_loose_header_is_refused(self):
        self.refused({"misc.hpp": ""}, "misc.hpp:1: floor: only antiphon.hpp and fwd.hpp")

    def test_detail_is_visible_inside_its_folder_only(self):
        self.refused({"core/detail/d.hpp": "", "request/r.hpp": inc("core/detail/d.hpp")},
                     "request/r.hpp:3: detail: visible inside antiphon/core/ only: antiphon/request/r.hpp -> antiphon/core/detail/d.hpp")

    def test_the_umbrella_sees_no_detail(self):
        self.refused({"core/detail/d.hpp": "", "antiphon.hpp": inc("core/detail/d.hpp")}, "antiphon.hpp:3: detail")

    def test_a_cycle_of_files_is_printed_as_a_chain(self):
        self.refused({"core/a.hpp": inc("core/b.hpp"), "core/b.hpp": "\n" + inc("core/c.hpp"), "core/c.hpp": inc("core/a.hpp")},
                     "core/a.hpp:3: file cycle: antiphon/core/a.hpp -> antiphon/core/b.hpp -> antiphon/core/c.hpp -> antiphon/core/a.hpp")

    def test_a_cycle_of_folders_is_printed_as_a_chain(self):
        out = self.refused({"request/a.hpp": inc("request/coro/b.hpp"), "request/coro/b.hpp": "", "request/coro/c.hpp": inc("request/d.hpp"),
                            "request/d.hpp": ""}, "folder cycle: request -> request/coro -> request")
        self.assertNotIn("file cycle", out)

    def test_an_include_after_a_declaration_is_refused(self):
        self.refused({"core/a.hpp": "namespace antiphon {}\n" + inc("core/b.hpp"), "core/b.hpp": ""}, "core/a.hpp:4: include at the bottom")

    def test_comments_and_macros_are_no_declarations(self):
        self.allowed({"core/a.hpp": "/* words\n words */ // more\n#define ANTIPHON_X \\\n  1\n" + inc("core/b.hpp"), "core/b.hpp": ""})

    def test_an_include_in_a_comment_or_string_is_none(self):
        self.allowed({"core/a.hpp": 'inline char const* s = "x";\n// #include <boost/asio.hpp>\n/*\n#include "antiphon/policy/p.hpp"\n*/\n'})

    def test_the_licence_line_comes_first(self):
        self.refused({"core/a.hpp": "// something else\n#pragma once\n"}, "core/a.hpp:1: licence")

    def test_pragma_once_is_required(self):
        self.refused({"core/a.hpp": "// SPDX-License-Identifier: BSL-1.0\n"}, "core/a.hpp:1: pragma once")

    def test_third_party_headers_live_in_interop(self):
        self.refused({"policy/p.hpp": "#include <fmt/core.h>\n"}, "policy/p.hpp:3: third party: <fmt/core.h>")

    def test_platform_headers_live_on_the_lowest_floors(self):
        self.refused({"policy/p.hpp": "#include <pthread.h>\n"}, "policy/p.hpp:3: third party: <pthread.h>")

    def test_costly_standard_headers_stay_off_the_lower_floors(self):
        for name in ("functional", "future", "mutex", "condition_variable", "iostream", "regex"):
            for floor in ("core", "execution", "request"):
                self.refused({f"{floor}/a.hpp": f"#include <{name}>\n"}, f"{floor}/a.hpp:3: costly: <{name}>")
            self.allowed({"policy/a.hpp": f"#include <{name}>\n"})

    def test_compiler_macros_are_asked_about_in_config_only(self):
        for line in ("#if defined(__clang__)", "#ifdef _MSC_VER", "#if __cplusplus > 202002L", "#if __has_include(<expected>)"):
            self.refused({"core/a.hpp": line + "\n#endif\n"}, "core/a.hpp:3: compiler macro")

    def test_own_headers_are_spelled_in_full_and_quoted(self):
        self.refused({"core/a.hpp": "#include <antiphon/core/b.hpp>\n", "core/b.hpp": ""}, "core/a.hpp:3: spelling")
        self.refused({"core/a.hpp": '#include "b.hpp"\n', "core/b.hpp": ""}, "core/a.hpp:3: spelling")

    def test_an_include_of_nothing_is_refused(self):
        self.refused({"core/a.hpp": inc("core/b.hpp")}, "core/a.hpp:3: missing: there is no such header")


if __name__ == "__main__":
    unittest.main()
