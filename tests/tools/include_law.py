#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Holds the include law of the house: include_law.py [ROOT]   (ROOT holds include/antiphon; default: this repository)

Every violation is one line, `file:line: rule: what`, with the offending path of includes; the exit code is 1 if there is any.
"""
import pathlib
import re
import sys

FLOORS = {"core": 0, "execution": 1, "request": 2, "policy": 3, "http": 4, "messaging": 4, "interop": 5, "testing": 5}
LOOSE = {"antiphon/antiphon.hpp": 3, "antiphon/fwd.hpp": 0}  # in no folder: the umbrella, and names for everybody
SPDX = "// SPDX-License-Identifier: BSL-1.0"
CONFIG = "antiphon/core/config.hpp"  # the only home of compiler macros

STANDARD = set("""
algorithm any array atomic barrier bit bitset charconv chrono codecvt compare complex concepts condition_variable coroutine deque
exception execution expected filesystem flat_map flat_set format forward_list fstream functional future generator initializer_list
iomanip ios iosfwd iostream istream iterator latch limits list locale map mdspan memory memory_resource mutex new numbers numeric
optional ostream print queue random ranges ratio regex scoped_allocator semaphore set shared_mutex source_location span spanstream
sstream stack stacktrace stdexcept stdfloat stop_token streambuf string string_view strstream syncstream system_error thread tuple
type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector version cassert cctype cerrno cfenv cfloat
cinttypes climits clocale cmath csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype
""".split())
# The operating system is nobody's library: waiting, forking and naming threads need it, on the floors that do so.
PLATFORM = {"linux/futex.h", "pthread.h", "sched.h", "sys/syscall.h", "time.h", "unistd.h", "windows.h"}
PLATFORM_FLOORS = {0, 1}
# Too dear to parse, or hiding a lock, on the floors that everybody includes (durations and clocks: core/time.hpp).
COSTLY = {"algorithm", "chrono", "condition_variable", "functional", "future", "iostream", "memory", "mutex", "regex"}
COSTLY_FLOORS = {0, 1, 2}

INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]*)"|<([^>]*)>)')
CONDITION = re.compile(r"\s*#\s*(?:if|ifdef|ifndef|elif|elifdef|elifndef)\b(.*)")
NEUTRAL = {"NDEBUG", "defined", "true", "false", "and", "or", "not"}


def without_comments(text):
    """The text with comments and the contents of string literals blanked, line by line; include paths are kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)

    def blank(match):
        found = match.group(0)
        if found.startswith('"'):
            line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
            return found if re.match(r"\s*#\s*include\s*$", line) else '""'
        return re.sub(r"[^\n]", " ", found)

    return pattern.sub(blank, text)


def folder_of(header):
    """The folder that owns a header: X/detail/ belongs to X."""
    parts = header.split("/")[1:-1]
    return "/".join(parts[: parts.index("detail")] if "detail" in parts else parts)


def floor_of(header):
    return LOOSE[header] if header in LOOSE else FLOORS.get(header.split("/")[1])


class Law:
    def __init__(self, root):
        self.include = root / "include"
        self.headers = sorted(p.relative_to(self.include).as_posix() for p in (self.include / "antiphon").rglob("*.hpp"))
        self.edges = {}  # header -> {included header: line}
        self.violations = []

    def report(self, header, line, rule, what):
        self.violations.append(f"include/{header}:{line}: {rule}: {what}")

    def check(self):
        for header in self.headers:
            self.check_header(header)
        self.check_cycles("file cycle", self.edges, self.edges)
        folders, witness = {}, {}
        for header, targets in self.edges.items():
            for target, line in targets.items():
                a, b = folder_of(header), folder_of(target)
                if a and b and a != b:  # the folder-less headers belong to no folder
                    folders.setdefault(a, {})[b] = line
                    witness.setdefault((a, b), f"include/{header}:{line} -> {target}")
        self.check_cycles("folder cycle", folders, None, witness)
        return self.violations

    def check_header(self, header):
        text = (self.include / header).read_text(encoding="utf-8")
        if text.split("\n", 1)[0].rstrip("\r") != SPDX:
            self.report(header, 1, "licence", f"the first line must be `{SPDX}`")
        if not re.search(r"^#pragma once$", text, re.M):
            self.report(header, 1, "pragma once", "missing")
        if header.count("/") == 1 and header not in LOOSE:
            self.report(header, 1, "floor", "only antiphon.hpp and fwd.hpp live outside the folders")
        elif floor_of(header) is None:
            self.report(header, 1, "floor", f"no floor is called `{header.split('/')[1]}`")
        declared = continued = False
        self.edges.setdefault(header, {})
        for number, line in enumerate(without_comments(text).split("\n"), 1):
            directive = line.lstrip().startswith("#")
            if directive and not continued:
                include, condition = INCLUDE.match(line), CONDITION.match(line)
                if include:
                    if declared:
                        self.report(header, number, "include at the bottom", "an include after the first declaration")
                    self.check_include(header, number, include.group(1), include.group(2))
                if condition and header != CONFIG:
                    self.check_condition(header, number, condition.group(1))
            elif line.strip() and not continued:
                declared = True
            continued = line.endswith("\\") and (directive or continued)

    def check_include(self, header, line, quoted, bracketed):
        floor = floor_of(header)
        if bracketed is not None and not bracketed.startswith("antiphon/"):
            if bracketed not in STANDARD:
                at_home = header.startswith("antiphon/interop/") or (bracketed in PLATFORM and floor in PLATFORM_FLOORS)
                if not at_home:
                    self.report(header, line, "third party", f"<{bracketed}> belongs in interop/: {header} -> {bracketed}")
            elif bracketed in COSTLY and floor in COSTLY_FLOORS:
                self.report(header, line, "costly", f"<{bracketed}> is not for floor {floor}: {header} -> {bracketed}")
            return
        target = bracketed if quoted is None else quoted
        path = f"{header} -> {target}"
        if quoted is None or not quoted.startswith("antiphon/"):
            self.report(header, line, "spelling", f'write #include "antiphon/…": {path}')
        if target not in self.headers:
            self.report(header, line, "missing", f"there is no such header: {path}")
            return
        self.edges[header].setdefault(target, line)
        self.check_edge(header, line, target, path)

    def check_edge(self, header, line, target, path):
        mine, theirs = floor_of(header), floor_of(target)
        if mine is None or theirs is None:
            return
        if theirs > mine:
            self.report(header, line, "floor", f"floor {mine} includes floor {theirs}: {path}")
        elif theirs == mine and not (header in LOOSE or target in LOOSE) and header.split("/")[1] != target.split("/")[1]:
            self.report(header, line, "floor", f"neighbours do not know each other: {path}")
        if "/detail/" in target and not header.startswith(target[: target.index("/detail/") + 1]):
            self.report(header, line, "detail", f"visible inside {target[: target.index('/detail/')]}/ only: {path}")

    def check_condition(self, header, line, condition):
        for name in re.findall(r"[A-Za-z_]\w*", re.sub(r"__has_include\s*\([^)]*\)", "__has_include", condition)):
            if name not in NEUTRAL and not name.startswith("ANTIPHON_"):
                self.report(header, line, "compiler macro", f"`{name}` is asked about outside core/config.hpp")

    def check_cycles(self, rule, graph, lines, witness=None):
        """Depth first; every back edge closes a cycle, which is printed as a chain."""
        done, seen = set(), set()

        def visit(node, chain):
            if node in chain:
                cycle = chain[chain.index(node) :] + [node]
                if frozenset(cycle) in seen:
                    return
                seen.add(frozenset(cycle))
                what = " -> ".join(cycle)
                if witness is None:
                    self.report(cycle[0], lines[cycle[0]][cycle[1]], rule, what)
                else:
                    by = "; ".join(witness[edge] for edge in zip(cycle, cycle[1:]))
                    self.violations.append(f"{witness[(cycle[0], cycle[1])].split(' ')[0]}: {rule}: {what} (by {by})")
                return
            if node in done:
                return
            for target in sorted(graph.get(node, ())):
                visit(target, chain + [node])
            done.add(node)

        for node in sorted(graph):
            visit(node, [])


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2]
    law = Law(root)
    if not law.headers:
        print(f"no headers below {root / 'include' / 'antiphon'}")
        return 2
    violations = law.check()
    print("\n".join(violations + [f"include law: {len(law.headers)} headers, {len(violations)} violations"]))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
