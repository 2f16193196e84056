#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Line and branch coverage of include/ after the tests ran: coverage.py BUILD [--min-lines N] [--min-branches N] [--all]

Reads what gcov tells of every test program in BUILD. The library is templates, and gcov reports each instance, with every edge that
the compiler made: so this counts what somebody wrote.

line:    a line with code; covered when some instance runs it.
branch:  a way out of a decision that the line spells (if, ?:, &&, ||, a loop, a case); covered when some instance takes it. Instances
         of one function are laid over each other; where `if constexpr` leaves a line a different number of branches in different
         instances, each number is a shape of its own, and all shapes count.
         Lines that gcov does not tell apart by function (lambdas in templates) come as one row of all instances' counts: it is cut
         into pieces of the length that all such rows of the line have in common, and those are laid over each other.
not a branch: the edges of an exception that a call may throw, and what the compiler decides by itself (the null check of a delete,
         the flags of temporaries on lines without a decision, coroutine frames).

Lists what is not covered; `--all` lists every file's figures. Fails below the minima.
"""
import concurrent.futures
import json
import math
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DECISION = re.compile(r"\b(?:if(?!\s+constexpr)|for|while|switch|case|default)\b|\?|&&|\|\|")
NO_CODE = re.compile(r"//.*$|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
REFERENCES = re.compile(r"[\w>\])]&&(?=[\s,)>{]|\.\.\.)|(?:auto|const|decltype\(auto\))\s*&&")  # `T&& x` decides nothing


def decides(text):
    """Whether the line spells a decision, or is part of a condition that goes on over several lines."""
    bare = NO_CODE.sub("", text)
    return bool(DECISION.search(REFERENCES.sub("", bare)))


def written_branches(branches):
    """The counts of a line's branches, without the pairs `goes on, throws` of its calls."""
    counts = []
    for branch in branches:
        if not branch["throw"]:
            counts.append(branch["count"])
        elif counts:
            counts.pop()
    return tuple(counts)


def of_one_unit(gcda):
    """What one object file tells: {header: ({line: count}, {(line, function, shape): counts})}."""
    done = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", "--branch-counts", str(gcda)],
                          capture_output=True, text=True, check=True, cwd=gcda.parent)
    found = {}
    include = str(ROOT / "include") + "/"
    for report in filter(None, done.stdout.split("\n")):
        for file in json.loads(report)["files"]:
            path = os.path.normpath(file["file"])
            if not path.startswith(include):
                continue
            lines, branches = found.setdefault(path[len(str(ROOT)) + 1:], ({}, {}))
            begins = {f["name"]: (f["start_line"], f["start_column"]) for f in file["functions"]}
            for line in file["lines"]:
                number = line["line_number"]
                lines[number] = lines.get(number, 0) + line["count"]
                counts = written_branches(line["branches"])
                if counts and line.get("function_name") in begins:
                    lay_over(branches, (number, begins[line["function_name"]], len(counts)), counts)
                elif counts:
                    branches.setdefault((number, None, 0), []).append(counts)
    return found


def lay_over(branches, key, counts):
    known = branches.get(key)
    branches[key] = counts if known is None else tuple(a + b for a, b in zip(known, counts))


def merged(units):
    total = {}
    for unit in units:
        for name, (lines, branches) in unit.items():
            all_lines, all_branches = total.setdefault(name, ({}, {}))
            for number, count in lines.items():
                all_lines[number] = all_lines.get(number, 0) + count
            for key, counts in branches.items():
                if key[1] is None:
                    all_branches.setdefault(key, []).extend(counts)
                else:
                    lay_over(all_branches, key, counts)
    for _, branches in total.values():
        for key in [key for key in branches if key[1] is None]:
            cut_up(branches, key[0], branches.pop(key))
    return total


def cut_up(branches, number, rows):
    """Lays the pieces of unnamed rows over each other, and over the named shape of the same length, when there is one on the line."""
    length = math.gcd(*map(len, rows))
    key = next((key for key in branches if key[0] == number and key[2] == length), (number, None, length))
    for row in rows:
        for begin in range(0, len(row), length):
            lay_over(branches, key, row[begin:begin + length])


def only_decisions(branches, text):
    return {key: counts for key, counts in branches.items() if key[0] <= len(text) and decides(text[key[0] - 1])}


def ranges(numbers):
    parts, numbers = [], sorted(numbers)
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def percent(part, whole):
    return 100.0 if whole == 0 else 100.0 * part / whole


def main(arguments):
    def option(name):
        return float(arguments[arguments.index(name) + 1]) if name in arguments else 0.0

    data = sorted(pathlib.Path(arguments[0]).resolve().rglob("*.gcda"))
    if not data:
        print(f"{arguments[0]} holds no counts: build with --coverage and run the tests")
        return 1
    with concurrent.futures.ProcessPoolExecutor(max_workers=int(os.environ.get("JOBS") or os.cpu_count() or 1)) as pool:
        total = merged(pool.map(of_one_unit, data))
    lines_all = lines_hit = branches_all = branches_hit = 0
    for name in sorted(total):
        lines, branches = total[name]
        branches = only_decisions(branches, (ROOT / name).read_text(encoding="utf-8").split("\n"))
        missed_lines = [number for number, count in lines.items() if count == 0]
        here = sum(len(counts) for counts in branches.values())
        taken = sum(1 for counts in branches.values() for count in counts if count)
        missed_branches = {key[0] for key, counts in branches.items() if 0 in counts}
        lines_all, lines_hit = lines_all + len(lines), lines_hit + len(lines) - len(missed_lines)
        branches_all, branches_hit = branches_all + here, branches_hit + taken
        if "--all" in arguments or missed_lines or missed_branches:
            print(f"{name}: lines {percent(len(lines) - len(missed_lines), len(lines)):.1f} %, branches {percent(taken, here):.1f} %")
        if missed_lines:
            print(f"    lines not run: {ranges(missed_lines)}")
        if missed_branches - set(missed_lines):
            print(f"    branches not taken: {ranges(missed_branches - set(missed_lines))}")
    by_line, by_branch = percent(lines_hit, lines_all), percent(branches_hit, branches_all)
    print(f"lines: {by_line:.1f} % ({lines_hit} of {lines_all})\nbranches: {by_branch:.1f} % ({branches_hit} of {branches_all})")
    low = by_line < option("--min-lines") or by_branch < option("--min-branches")
    if low:
        print(f"below the minima: lines {option('--min-lines')} %, branches {option('--min-branches')} %")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
