#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Writes the figures of the last runs into docs/reliability.md: reliability.py LOGS

Reads explore.log, explore-*.log, soak.log, storm.log, fuzz-*.log and mutate.log, as ./dev leaves them, and replaces their rows between
the two markers; the others stay.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"


def thousands(number):
    return f"{int(number):,}"


def explored(text):
    counts = re.search(r"^(\d+) schedules\n(\d+) passed, (\d+) failed$", text, re.M)
    if not counts:
        return []
    ends = {word: len(re.findall(rf"^ok +{word}\b", text, re.M)) for word in ("complete", "in order", "so far", "found")}
    return [("explorer tests", f"{counts[2]} passed, {counts[3]} failed"), ("schedules", thousands(counts[1])),
            ("complete searches", str(ends["complete"])), ("complete but for stale reads and surprises", str(ends["in order"])),
            ("searches up to the limit, and random", str(ends["so far"])), ("seeded faults found", str(ends["found"]))]


def nightly(logs):
    """The longer form, in as many pieces as it was run in: explore-*.log."""
    pieces = [log.read_text(errors="replace") for log in sorted(logs.glob("explore-*.log"))]
    counts = [c for text in pieces for c in re.findall(r"^(\d+) schedules\n(\d+) passed, (\d+) failed$", text, re.M)]
    if not counts:
        return []
    return [("the longer form: schedules", thousands(sum(int(c[0]) for c in counts))),
            ("the longer form: tests that failed", str(sum(int(c[2]) for c in counts)))]


def soaked(text):
    found = re.search(r"asks (\d+), values (\d+), failures (\d+); slowest ([\d.]+) s; memory drifted by (-?\d+) KiB", text)
    if not found:
        return []
    return [("soak: asks", thousands(found[1])), ("soak: values + failures", thousands(int(found[2]) + int(found[3]))),
            ("soak: slowest round", f"{found[4]} s"), ("soak: drift of memory", f"{found[5]} KiB")] + [
                ("soak: an idle pool", f"{idle[2]} % of a core over {idle[1]} s")
                for idle in re.finditer(r"^idle (\d+) s: ([\d.]+) %", text, re.M)]


def stormed(text):
    found = re.search(r"asks (\d+), values (\d+), failures (\d+), alive at the end (\d+); (\d+) s", text)
    seed = re.search(r"seed (\d+)", text)
    if not found or not seed:
        return []
    return [("storm: asks", thousands(found[1])), ("storm: values + failures", thousands(int(found[2]) + int(found[3]))),
            ("storm: alive at the end", found[4]), ("storm: took", f"{found[5]} s, seed {seed[1]}")]


def fuzzed(name, text):
    found = re.search(r"^Done (\d+) runs in (\d+)", text, re.M)
    return [(f"fuzzing, {name}", f"{thousands(found[1])} inputs, no fault")] if found else []


def mutated(text):
    found = re.findall(r"^(\d+) killed, (\d+) survived, (\d+) explained, (\d+) not asked$", text, re.M)
    if not found:
        return []
    killed, survived, explained, rest = (int(n) for n in found[-1])
    return [("mutants", f"{killed} killed, {survived} survived, {explained} explained" + (f", {rest} not asked" if rest else ""))]


def figures(logs):
    def read(name):
        path = logs / name
        return path.read_text(errors="replace") if path.is_file() else ""

    rows = explored(read("explore.log")) + nightly(logs) + soaked(read("soak.log")) + stormed(read("storm.log"))
    for log in sorted(logs.glob("fuzz-*.log")):
        rows += fuzzed(log.stem[len("fuzz-"):], read(log.name))
    return rows + mutated(read("mutate.log"))


def main():
    rows = figures(pathlib.Path(sys.argv[1]))
    if not rows:
        sys.exit("reliability: no logs: run ./dev explore, soak, fuzz, mutate first")
    before, rest = PAGE.read_text().split(BEGIN)
    kept, after = rest.split(END)
    # What was not run again stays as it was.
    all_rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", kept, re.M)) | dict(rows)
    table = "| | |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in all_rows.items())
    PAGE.write_text(before + BEGIN + table + END + after)


if __name__ == "__main__":
    main()
