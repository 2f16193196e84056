#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Holds the smaller rules of the house: house_rules.py [ROOT]   (default: this repository)

mirror:    every public header has its test, tests/<floor>/<name>.test.cpp
licence:   every source says `SPDX-License-Identifier: BSL-1.0` in its first two lines
blanks:    no tabs, no trailing blanks, a newline at the end
words:     no notes of unfinished work
sentences: a test case is named by a sentence that CTest can carry: no semicolon, no quote, no brackets
sleeps:    tests outside tests/stress do not sleep
references: a path into the repository that a document names in backquotes exists
top level: nothing but what belongs there
"""
import pathlib
import re
import sys

UNTESTED = {"antiphon.hpp", "fwd.hpp", "core/config.hpp"}  # only includes, only names, only macros
TOP_LEVEL = {"include", "tests", "examples", "benchmarks", "docs", "cmake", "dev", "CMakeLists.txt", "CMakePresets.json", "README.md",
             "LICENSE", "CHANGELOG.md", "build"}
CODE = {".hpp", ".cpp", ".py", ".cmake"}
TEXT = CODE | {".txt", ".in", ".json", ".yml", ".sh"}
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
FLOORS = ("core/", "execution/", "request/", "policy/", "http/", "messaging/", "interop/", "testing/")
REFERENCE = re.compile(r"`((?:tests|examples|benchmarks|docs|cmake|include|" + "|".join(f[:-1] for f in FLOORS) + r")/[\w./-]*\w)`")
TEST_CASE = re.compile(r'\b(?:TEMPLATE_(?:LIST_|PRODUCT_)?)?TEST_CASE\s*\(\s*"((?:\\.|[^"\\])*)"')


def files(root, *folders):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and (path.suffix in TEXT or path.name == "CMakeLists.txt") and "__pycache__" not in path.parts:
                yield path, path.relative_to(root).as_posix()


def check_mirrors(root, report):
    base = root / "include" / "antiphon"
    for path in sorted(base.rglob("*.hpp")):
        name = path.relative_to(base).as_posix()
        if "/detail/" in name or name in UNTESTED:
            continue
        mirror = f"tests/{name[: -len('.hpp')]}.test.cpp"
        if not (root / mirror).is_file():
            report(f"include/antiphon/{name}", 1, "mirror", f"{mirror} is missing")


def check_text(root, report):
    for path, name in files(root, "include", "tests", "examples", "benchmarks", "cmake"):
        text = path.read_text(encoding="utf-8")
        lines = text.split("\n")
        if path.suffix in {".hpp", ".cpp", ".py"} and not any("SPDX-License-Identifier: BSL-1.0" in line for line in lines[:2]):
            report(name, 1, "licence", "no `SPDX-License-Identifier: BSL-1.0` in the first two lines")
        if text and not text.endswith("\n"):
            report(name, len(lines), "blanks", "no newline at the end")
        for number, line in enumerate(lines, 1):
            if "\t" in line:
                report(name, number, "blanks", "a tab")
            if line != line.rstrip():
                report(name, number, "blanks", "trailing blanks")
            word = UNFINISHED.search(line)
            if word and not name.startswith("cmake/"):
                report(name, number, "words", f"`{word.group(1)}`: finish it, or file it")


def check_tests(root, report):
    for path, name in files(root, "tests"):
        if not name.endswith((".test.cpp", ".stress.cpp")):
            continue
        text = path.read_text(encoding="utf-8")
        for case in TEST_CASE.finditer(text):
            if re.search(r'[;"\[\]\\]', case.group(1)):
                report(name, text.count("\n", 0, case.start()) + 1, "sentences", f"CTest cannot carry `{case.group(1)}`")
        if name.startswith("tests/stress/"):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if "std::this_thread::sleep" in line or re.search(r"\b(?:usleep|nanosleep)\b", line):
                report(name, number, "sleeps", "time is testing::simulation; real sleeps live in tests/stress")


def check_references(root, report):
    for path in [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]:
        name = path.relative_to(root).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            for named in REFERENCE.findall(line):
                base = root / "include" / "antiphon" if named.startswith(FLOORS) else root
                if not (base / named).exists():
                    report(name, number, "references", f"`{named}` does not exist")


def check_top_level(root, report):
    for path in sorted(root.iterdir()):
        if not path.name.startswith(".") and path.name not in TOP_LEVEL:
            report(path.name, 1, "top level", "does not belong here")


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2]
    violations = []

    def report(name, line, rule, what):
        violations.append(f"{name}:{line}: {rule}: {what}")

    for check in (check_mirrors, check_text, check_tests, check_references, check_top_level):
        check(root, report)
    print("\n".join(violations + [f"house rules: {len(violations)} violations"]))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
