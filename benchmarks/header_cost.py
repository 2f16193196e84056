#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What including antiphon costs, beside `#include <future>` in the same run: header_cost.py [--check] [--json FILE] [--rounds N]

For the public headers of each floor (with what lies below it) and for the umbrella: the median over interleaved rounds of
`$CXX -fsyntax-only` (default: g++), and the lines that remain after preprocessing. `--check` fails when a limit below is passed:
the ratio of the times has a margin for the noise of a busy machine, the ratio of the lines is exact and has none.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FLOORS = ("core", "execution", "request", "policy")
BASELINE = "<future>"
# Goal and check of the time, as ratios to <future>; floors 0 to 2 are what everybody pays.
GOAL, MARGIN = 1.3, 0.1
LINES = 1.3
UMBRELLA_GOAL = 1.5  # it brings floor 3 as well


def subjects():
    include = ROOT / "include"
    yield BASELINE, "#include <future>\n"
    text = ""
    for number, floor in enumerate(FLOORS):
        headers = sorted((include / "antiphon" / floor).glob("*.hpp"))
        if not headers:
            continue
        text += "".join(f'#include "{h.relative_to(include).as_posix()}"\n' for h in headers)
        yield f"floors 0 to {number}" if number else "floor 0", text
    yield "antiphon.hpp", '#include "antiphon/antiphon.hpp"\n'


def goal(name):
    return UMBRELLA_GOAL if name in ("antiphon.hpp", "floors 0 to 3") else GOAL


def compiler(*flags):
    return [*os.environ.get("CXX", "g++").split(), "-std=c++20", f"-I{ROOT / 'include'}", *flags, "-x", "c++", "-"]


def measure(rounds):
    texts = dict(subjects())
    lines, times = {}, {name: [] for name in texts}
    for name, text in texts.items():
        done = subprocess.run(compiler("-E"), input=text, capture_output=True, text=True, check=True)
        lines[name] = done.stdout.count("\n")
    for number in range(rounds):
        for name, text in texts.items():
            if sys.stderr.isatty():
                print(f"\r  headers: round {number + 1}/{rounds} {name:20}", end="", file=sys.stderr, flush=True)
            began = time.perf_counter()
            subprocess.run(compiler("-fsyntax-only"), input=text, text=True, check=True)
            times[name].append(time.perf_counter() - began)
    if sys.stderr.isatty():
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    # Each round is compared with its own baseline: what slows a whole round down cancels out.
    return [{
        "name": name,
        "ms": statistics.median(times[name]) * 1000,
        "ratio": statistics.median(a / b for a, b in zip(times[name], times[BASELINE])),
        "best": min(times[name]) / min(times[BASELINE]),
        "lines": lines[name],
        "lines_ratio": lines[name] / lines[BASELINE],
        "goal": None if name == BASELINE else goal(name),
    } for name in texts]


def main(arguments):
    rounds = int(arguments[arguments.index("--rounds") + 1]) if "--rounds" in arguments else 7
    rows = measure(rounds)
    broken = 0
    print(f"{'headers':16} {'ms':>7} {'ratio':>6} {'best':>6} {'goal':>5}  {'lines':>7} {'ratio':>6}")
    for row in rows:
        verdict = ""
        if row["goal"] is not None:
            # Noise only ever adds: the ratio of the fastest runs has the least of it, the median of the ratios the fewest outliers.
            if min(row["ratio"], row["best"]) > row["goal"] * (1 + MARGIN):
                verdict += "  TOO SLOW"
            if row["lines_ratio"] > (LINES if row["goal"] == GOAL else UMBRELLA_GOAL):
                verdict += "  TOO LONG"
        broken += bool(verdict)
        print(f"{row['name']:16} {row['ms']:7.0f} {row['ratio']:6.2f} {row['best']:6.2f} {row['goal'] or '':>5}  "
              f"{row['lines']:7} {row['lines_ratio']:6.2f}{verdict}")
    if "--json" in arguments:
        pathlib.Path(arguments[arguments.index("--json") + 1]).write_text(json.dumps(rows))
    if "--check" in arguments:
        print(f"{len(rows) - 1 - broken} passed, {broken} failed")
        return 1 if broken else 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
