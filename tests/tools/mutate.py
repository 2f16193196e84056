#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Weakens the library in one place at a time, and asks whether the explorer notices.

order:    a memory order by one step (seq_cst to acq_rel, acquire or release; acq_rel to acquire, and to release; those to relaxed)
notify:   a wake-up is left out
cas:      the success of a compare-exchange is taken for its failure

    mutate.py [--files GLOB] [--tests NAME,NAME] [--schedules N] [--quick] [--seconds N] [--budget N] [--list]

All mutants are compiled into one program, in a copy of include/ and tests/explore/ in build/mutate; each is a number that the program is
told. A first run, with none, shows which test reaches which mutant; then each mutant is asked of the tests that reach it, first those that reach little else,
with N schedules a test, and, if it survives, as long as the plans say (not with --quick). A mutant is killed by a fault that the explorer finds; by nothing else.

What is known is kept in build/mutate/results.json until the header changes, of survivors until a test does: so `--seconds` does it in
pieces. JOBS says how many are asked at a time. Prints every survivor that docs/memory_model.md does not explain, what that page explains
in vain, and `N killed, N survived, N explained, N not asked` at the end.
"""
import argparse
import fnmatch
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "mutate"
FOLDERS = ("execution", "request")
# Tests of the engine itself: they reach no mutant.
NOT_ASKED = ("seeded", "litmus", "standard", "random_programs")
ORDER = re.compile(r"std::memory_order_(seq_cst|acq_rel|acquire|release)")
NAME = re.compile(r"(\w+)\s*$")
NOTIFY = re.compile(r"(?<![\w:.>-])(?:detail::)?futex_wake_(?:one|all)\(|(?<![\w:.>-])[\w.>-]+[.>]notify_(?:one|all)\(")
CAS = re.compile(r"!?(?<![\w:.>-])[\w.>-]+compare_exchange_(?:strong|weak)\(")
EXPLAINED = ROOT / "docs" / "memory_model.md"
BEGIN, END = "<!-- explained: begin -->", "<!-- explained: end -->"
CXX = os.environ.get("CXX", "g++")
WORKERS = int(os.environ.get("JOBS", os.cpu_count() or 1))
FLAGS = ["-std=c++20", "-O1", "-g1", "-fno-omit-frame-pointer", "-fsanitize=thread", "-w", "-DANTIPHON_HAS_NODE_CACHE=0", "-Iinclude",
         "-Itests/explore", "-include", "tests/explore/engine/mutants.hpp"] + (["-Wno-tsan"] if "clang" not in CXX else [])


def weaker(order, call, is_failure):
    """The orders one step below."""
    if order in ("acquire", "release"):
        return ["relaxed"]
    if order == "acq_rel":
        return ["acquire", "release"]
    if is_failure or call in ("load", "wait"):
        return ["acquire"]
    return ["release"] if call == "store" else ["acq_rel"]


def closing(text, opened):
    """Where the parenthesis before `opened` is closed."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[opened], 0)
        opened += 1
    return opened - 1


def call_around(code, at):
    """The name of the call that has `at` among its arguments, and where those begin."""
    depth = 0
    while True:
        at -= 1
        depth += {")": 1, "(": -1}.get(code[at], 0)
        if depth < 0:
            found = NAME.search(code[:at])
            return (found.group(1) if found else ""), at + 1


def mutants(text):
    """(place, kind, what becomes of it, edits) in the order of the text; an edit is (begin, end, text with {} for the number)."""
    code = re.sub(r"//[^\n]*", lambda c: " " * len(c.group(0)), text)
    found = []
    for order in ORDER.finditer(code):
        call, begin = call_around(code, order.start())
        is_failure = "compare_exchange" in call and ORDER.search(code, begin).start() != order.start()
        for to in weaker(order.group(1), call, is_failure):
            found.append((order.start(), "order", f"{'failure ' if is_failure else ''}{order.group(1)} to {to}",
                          [(order.start(), order.start(), f"(explore_mutant({{}}) ? std::memory_order_{to} : "),
                           (order.end(), order.end(), ")")]))
    for wake in NOTIFY.finditer(code):
        line = code[code.rfind("\n", 0, wake.start()) + 1: wake.start()]
        if "inline void" not in line:
            end = closing(code, wake.end()) + 1
            found.append((wake.start(), "notify", "left out", [(wake.start(), wake.start(), "(explore_mutant({}) ? void() : "),
                                                               (end, end, ")")]))
    for cas in CAS.finditer(code):
        # where nobody looks at the success there is nothing to invert
        if code[: cas.start()].rstrip()[-1] not in ";{}":
            negated = cas.group(0).startswith("!")
            found.append((cas.start(), "cas", "inverted", [(cas.start(), cas.start() + negated,
                                                            "explore_mutant({}) " + ("== " if negated else "!= "))]))
    return sorted(found, key=lambda m: (m[0], m[1], m[2]))


def digest(*texts):
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


class mutant:
    def __init__(self, number, path, text, place, kind, what):
        self.number, self.kind, self.what = number, kind, what
        self.file = path.relative_to(ROOT).as_posix()
        self.line = text.count("\n", 0, place) + 1
        self.source = text.split("\n")[self.line - 1].strip()
        self.key = digest(self.file, text, str(place), kind, what)

    def told(self):
        """What docs/memory_model.md knows it by: line numbers move."""
        return self.file.removeprefix("include/antiphon/"), self.source.split("//")[0].strip(), f"{self.kind}: {self.what}"

    def __str__(self):
        return f"{self.file}:{self.line}: {self.kind}: {self.what}: {self.source}"


def prepare():
    """Writes the mutated copy, where it changed; returns all mutants."""
    todo, number = [], 0
    for path in sorted((ROOT / "include").rglob("*.hpp")) + sorted((ROOT / "tests" / "explore").rglob("*.?pp")):
        text = path.read_text()
        changed = text
        if path.relative_to(ROOT).parts[2] in FOLDERS:
            edits = []
            for place, kind, what, changes in mutants(text):
                number += 1
                todo.append(mutant(number, path, text, place, kind, what))
                edits += [(begin, end, new.format(number)) for begin, end, new in changes]
            for begin, end, new in sorted(edits, key=lambda e: e[:2], reverse=True):
                changed = changed[:begin] + new + changed[end:]
        target = WORK / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file() or target.read_text() != changed:
            target.write_text(changed)
    return todo


def run(command, limit):
    return subprocess.run(command, cwd=WORK, capture_output=True, text=True, errors="replace", timeout=limit)


def compiled(source, flags):
    """The object of a source, made anew where anything that it includes changed."""
    target = WORK / (source.stem + ".o")
    kept = target.with_suffix(".d")
    if kept.is_file() and target.is_file():
        parts = kept.read_text().replace("\\\n", " ").split(":", 1)[1].split()
        if all((WORK / p).is_file() and (WORK / p).stat().st_mtime <= target.stat().st_mtime for p in parts):
            return str(target)
    made = run([CXX, *flags, "-MMD", "-c", str(source.relative_to(WORK)), "-o", str(target)], 900)
    if made.returncode != 0:
        sys.exit(f"mutate: {source} does not compile\n{made.stderr[:4000]}")
    return str(target)


def build(tests):
    todo = [(s, ["-std=c++20", "-O2", "-g1"]) for s in sorted((WORK / "tests" / "explore" / "engine").glob("*.cpp"))]
    for source in sorted((WORK / "tests" / "explore").glob("*.explore.cpp")):
        name = source.name.split(".")[0]
        if name in tests or (not tests and name not in NOT_ASKED):
            todo.append((source, FLAGS))
    with ThreadPoolExecutor(WORKERS) as compilers:
        objects = list(compilers.map(lambda each: compiled(*each), todo))
    if (WORK / "explore").is_file() and all(os.stat(o).st_mtime < (WORK / "explore").stat().st_mtime for o in objects):
        return
    linked = run([CXX, "-no-pie", "-Wl,-z,now", *objects, "-o", "explore", "-ldl", "-pthread"], 300)
    if linked.returncode != 0:
        sys.exit(f"mutate: does not link\n{linked.stderr[:4000]}")


class test:
    def __init__(self, sentence, seconds, reached):
        self.sentence, self.seconds, self.reached = sentence, seconds, reached


def baseline(how):
    """What each test reaches without any mutant, and how long it takes; tests that fail like this are not asked."""
    kept = WORK / f"baseline{''.join(how)}.log"
    if not kept.is_file() or kept.stat().st_mtime < (WORK / "explore").stat().st_mtime:
        kept.write_text(run(["./explore", "--reached", *how], 3600).stdout)
    said = kept.read_text()
    tests = []
    line = re.compile(r"^(ok|BAD) +[a-z ]+? +\d+ schedules +\d+ cut +([\d.]+) s  (.*?)(?:  outcomes:[ \d]*)?$")
    for text in said.split("\n"):
        if found := line.match(text):
            tests.append(test(found[3], float(found[2]), set()) if found[1] == "ok" else None)
            if not tests[-1]:
                print(f"without any mutant fails: {found[3]}", flush=True)
        elif text.startswith("  reached:") and tests and tests[-1]:
            tests[-1].reached = {int(n) for n in text.split()[1:]}
    return sorted((t for t in tests if t and t.reached), key=lambda t: t.seconds)


def killer(m, tests, how, budget):
    """The test that finds a fault with this mutant; None where none does. Those that reach little else are asked first: they are about it."""
    began = time.monotonic()
    for t in sorted((t for t in tests if m.number in t.reached), key=lambda t: (len(t.reached) + 100 * t.seconds, t.sentence)):
        if budget and time.monotonic() - began > budget:
            break
        try:
            said = run(["./explore", "--mutant", str(m.number), "--filter", t.sentence, *how], 10 * t.seconds + 20)
        except subprocess.TimeoutExpired:
            continue
        if said.returncode != 0:
            return t.sentence
    return None


def explained():
    """The rows of docs/memory_model.md that say of a mutant, by its line's text and its change, why no execution can tell it."""
    rows, part = {}, EXPLAINED.read_text().split(BEGIN)[1].split(END)[0]
    for row in re.finditer(r"^\| `([^`]+)` \| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$", part, re.M):
        for what in row[3].split("; "):
            rows[(row[1], row[2].replace("\\|", "|"), what.strip())] = row[4]
    return rows


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--files", default="*", help="only headers whose path matches")
    options.add_argument("--tests", default="", help="only these files of tests")
    options.add_argument("--schedules", type=int, default=3000, help="a test, in the first round")
    options.add_argument("--quick", action="store_true", help="only that round")
    options.add_argument("--seconds", type=int, default=0, help="ends after so many, and says how many are left")
    options.add_argument("--budget", type=int, default=0, help="seconds that a mutant is asked for, a round, if nothing kills it")
    options.add_argument("--list", action="store_true", help="prints the mutants, and asks nobody")
    options = options.parse_args()
    began = time.monotonic()

    prepared = prepare()
    todo = [m for m in prepared if fnmatch.fnmatch(m.file, options.files)]
    if options.list:
        print("\n".join(map(str, todo)))
        return
    build(options.tests.split(",") if options.tests else [])
    kept = WORK / "results.json"
    known = json.loads(kept.read_text()) if kept.is_file() else {}
    tests_now = digest(*(p.read_text() for p in sorted((WORK / "tests" / "explore").rglob("*.?pp"))))

    if options.quick or options.tests:
        tests_now += f" {options.schedules} {options.tests}"

    def settled(m):
        return m.key in known and (known[m.key]["by"] is not None or known[m.key]["tests"] == tests_now)

    if not all(settled(m) for m in todo):
        # the tests' plans make their outcomes; a few schedules see some of them only
        short, long = ["--schedules", str(options.schedules)], []
        rounds = [(baseline(how), how) for how in ([short] if options.quick else [short, long])]
    reasons = explained()
    guard = threading.Lock()

    def ask(m):
        if settled(m) or (options.seconds and time.monotonic() - began > options.seconds):
            return
        by = next((by for tests, how in rounds if (by := killer(m, tests, how, options.budget)) is not None), None)
        with guard:
            known[m.key] = {"by": by, "tests": tests_now}
            kept.write_text(json.dumps(known, indent=1))
        reached = sum(m.number in t.reached for t in rounds[0][0])
        print(f"{'killed' if by else 'survived'}: {m}  [{'by ' + by if by else f'reached by {reached} tests'}]", flush=True)

    with ThreadPoolExecutor(WORKERS) as askers:
        list(askers.map(ask, todo))

    asked = [m for m in todo if settled(m)]
    killed = [m for m in asked if known[m.key]["by"] is not None]
    alive = [m for m in asked if known[m.key]["by"] is None]
    told_of = [m for m in alive if m.told() in reasons]
    for m in killed:
        if m.told() in reasons and m.told() not in {other.told() for other in alive}:  # the same line may be there twice
            print(f"explained, but killed: {m}")
    told = {m.told() for m in prepared}
    for file, line, what in (r for r in reasons if r not in told):
        print(f"explained, but not there: {file}: {line}: {what}")
    for m in alive:
        if m not in told_of:
            print(f"survivor: {m}")
    print(f"{len(killed)} killed, {len(alive) - len(told_of)} survived, {len(told_of)} explained, {len(todo) - len(asked)} not asked",
          flush=True)


if __name__ == "__main__":
    main()
