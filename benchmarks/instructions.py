#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Counts the instructions of one operation on each measured path: instructions.py [--check] [--json FILE] [BUILD_DIR]

Each program count_* is run twice under callgrind with different numbers of operations; the difference of the counts over the
difference of the numbers is exact and does not depend on the machine's load. `--check` holds them to instructions/limits.json:
`at_most` beside the path that is named `beside` (0 without one).
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FEW, MANY = 1000, 3000


def total(program, count):
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "out"
        done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", str(program), str(count)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{program.name} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        return int(re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.M).group(1))


def measure(programs):
    counts = {}
    for number, program in enumerate(programs, 1):
        if sys.stderr.isatty():
            print(f"\r  instructions: {number}/{len(programs)} {program.name:40}", end="", file=sys.stderr, flush=True)
        counts[program.name.removeprefix("count_")] = (total(program, MANY) - total(program, FEW)) / (MANY - FEW)
    if sys.stderr.isatty():
        print("\r" + " " * 70 + "\r", end="", file=sys.stderr)
    return counts


def verdicts(counts, limits):
    """One row a path: name, instructions, what it is measured beside, the surplus, the limit, whether it is held."""
    for name, count in sorted(counts.items(), key=lambda each: each[1]):
        limit = limits.get(name, {})
        beside = limit.get("beside", "")
        surplus = count - counts.get(beside, 0)
        at_most = limit.get("at_most")
        yield name, count, beside, surplus, at_most, at_most is None or surplus <= at_most


def main(arguments):
    check = "--check" in arguments
    into = arguments[arguments.index("--json") + 1] if "--json" in arguments else None
    places = [a for a in arguments if not a.startswith("--") and a != into]
    build = pathlib.Path(places[0]) if places else HERE.parent / "build" / "release"
    if not shutil.which("valgrind"):
        print("instructions: valgrind is not installed")
        return 1 if check else 0
    programs = sorted((build / "bin").glob("count_*"))
    limits = json.loads((HERE / "instructions" / "limits.json").read_text())
    missing = sorted(set(limits) - {p.name.removeprefix("count_") for p in programs})
    if missing:
        print(f"instructions: not built: {', '.join(missing)}")
        return 1
    counts = measure(programs)
    rows = list(verdicts(counts, limits))
    print(f"{'path':22} {'instructions':>12}  {'beside':10} {'surplus':>9} {'at most':>8}")
    for name, count, beside, surplus, at_most, held in rows:
        print(f"{name:22} {count:12.1f}  {beside:10} {surplus:9.1f} {'' if at_most is None else at_most:>8} {'' if held else '  EXCEEDED'}")
    if into:
        pathlib.Path(into).write_text(json.dumps([dict(zip(("name", "count", "beside", "surplus", "at_most", "held"), row)) for row in rows]))
    broken = sum(not row[-1] for row in rows)
    if check:
        print(f"{len(rows) - broken} passed, {broken} failed")
    return 1 if check and broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
