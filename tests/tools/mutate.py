#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Weakens the library in one place at a time, and asks whether the explorer notices: mutate.py [--files GLOB] [--limit N] [--seed N]

order:    a memory order by one step (seq_cst to acq_rel, acquire or release; those to relaxed)
notify:   a wake-up is left out
cas:      the success of a compare-exchange is taken for its failure

Works on a copy of include/ and of the explorer's tests in build/mutate; the tree itself is not touched. Prints every survivor, and
`N killed, N survived` at the end. `--limit` takes a sample, chosen by the seed.
"""
import argparse
import fnmatch
import pathlib
import random
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "mutate"
FOLDERS = ("execution", "request")
# Which explorer tests look at what.
TESTS = {"execution": ["machinery", "executors", "requests"], "request": ["machinery", "promise", "requests", "combinators", "policies"]}
ORDER = re.compile(r"std::memory_order_(seq_cst|acq_rel|acquire|release)")
NOTIFY = re.compile(r"^(\s*)(?:if \([^;]*\) )?(?:detail::)?(futex_wake_one|futex_wake_all)\([^;]*\);|^(\s*)[\w.>-]+notify_(?:one|all)\(\);")
CAS = re.compile(r"(?<!!)\b([\w.>-]+compare_exchange_(?:strong|weak)\()")


def weaker(order, line):
    if order in ("acquire", "release"):
        return "relaxed"
    if order == "acq_rel":
        return "relaxed"
    if ".load(" in line:
        return "acquire"
    if ".store(" in line:
        return "release"
    return "acq_rel"


def mutants(path):
    lines = path.read_text().split("\n")
    for number, line in enumerate(lines):
        code = line.split("//")[0]
        for found in ORDER.finditer(code):
            # the second order of a compare-exchange is that of its failure, which may not release
            to = weaker(found.group(1), code)
            if to == "acq_rel" and ("std::memory_order_" in code[: found.start()] or not code[: found.start()].strip()):
                to = "acquire"
            yield number, "order", line[: found.start()] + f"std::memory_order_{to}" + line[found.end():]
        if NOTIFY.match(code) and "inline void" not in code:
            yield number, "notify", re.match(r"\s*", line).group(0) + "{}"
        found = CAS.search(code)
        if found and "return" not in code[: found.start()]:
            yield number, "cas", line[: found.start()] + "!" + line[found.start():]


def run(command, limit):
    try:
        return subprocess.run(command, cwd=WORK, capture_output=True, text=True, timeout=limit).returncode
    except subprocess.TimeoutExpired:
        return 1


def build(engine, tests):
    flags = ["-std=c++20", "-O1", "-g1", "-fno-omit-frame-pointer", "-fsanitize=thread", "-Wno-tsan", "-DANTIPHON_HAS_NODE_CACHE=0", "-w",
             "-Itests/explore", "-Iinclude"]
    objects = []
    for test in tests:
        if run(["g++", *flags, "-c", f"tests/explore/{test}.explore.cpp", "-o", f"{test}.o"], 300) != 0:
            return False
        objects.append(f"{test}.o")
    return run(["g++", "-no-pie", "-Wl,-z,now", *objects, *engine, "-o", "explore", "-ldl", "-pthread"], 120) == 0


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--files", default="*")
    options.add_argument("--limit", type=int, default=0)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--schedules", type=int, default=4000)
    options = options.parse_args()

    shutil.rmtree(WORK, ignore_errors=True)
    shutil.copytree(ROOT / "include", WORK / "include")
    shutil.copytree(ROOT / "tests" / "explore", WORK / "tests" / "explore")
    engine = []
    for source in sorted((WORK / "tests" / "explore" / "engine").glob("*.cpp")):
        target = f"engine_{source.stem}.o"
        if run(["g++", "-std=c++20", "-O2", "-g1", "-c", str(source), "-o", target], 300) != 0:
            sys.exit(f"mutate: {source} does not compile")
        engine.append(target)

    todo = []
    for folder in FOLDERS:
        for path in sorted((ROOT / "include" / "antiphon" / folder).rglob("*.hpp")):
            name = path.relative_to(ROOT).as_posix()
            if fnmatch.fnmatch(name, options.files):
                todo += [(path, name, folder, *mutant) for mutant in mutants(path)]
    if options.limit:
        random.Random(options.seed).shuffle(todo)
        todo = todo[: options.limit]

    killed = survived = 0
    for path, name, folder, number, kind, text in todo:
        original = path.read_text().split("\n")
        changed = list(original)
        changed[number] = text
        (WORK / name).write_text("\n".join(changed))
        dead = False
        for test in TESTS[folder]:
            # what does not compile is no mutant
            if not build(engine, [test]):
                dead = None
                break
            if run(["./explore", "--schedules", str(options.schedules)], 600) != 0:
                dead = True
                break
        (WORK / name).write_text("\n".join(original))
        if dead is None:
            continue
        killed += dead
        survived += not dead
        if not dead:
            print(f"survived: {name}:{number + 1}: {kind}: {text.strip()}", flush=True)
    print(f"{killed} killed, {survived} survived", flush=True)


if __name__ == "__main__":
    main()
