#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs every benchmark and writes RESULTS.md: report.py BUILD_DIR [--out FILE] [--rounds N]

Timed programs run their repetitions interleaved at random, so that a slow moment of the machine meets everybody; ratios compare
medians of one run. Names are `workload/who`; who begins with "antiphon" is ours, "direct" is the bare call, the rest are peers.
"""
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TIMED = (("bench_call", "", 0), ("bench_submit", "", 0), ("bench_submit", "round trip", 1), ("bench_continuation", "", 0),
         ("bench_when_all", "", 0), ("bench_coroutine", "", 0), ("bench_timers", "", 0), ("bench_post", "", 0), ("bench_tree", "", 0))


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K  bench: {text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(f"  bench: {text}", file=sys.stderr)


def timed(program, only, one_core, rounds):
    command = [str(program), "--benchmark_format=json", f"--benchmark_repetitions={rounds}", "--benchmark_min_time=0.03",
               "--benchmark_enable_random_interleaving=true"]
    if only:
        command.append(f"--benchmark_filter=^{only}")
    first = {min(os.sched_getaffinity(0))}
    done = subprocess.run(command, capture_output=True, text=True, check=True,
                          preexec_fn=(lambda: os.sched_setaffinity(0, first)) if one_core else None)
    runs = {}
    for run in json.loads(done.stdout)["benchmarks"]:
        if run["run_type"] != "iteration":
            continue
        name = run["run_name"].removesuffix("/real_time").removesuffix("/manual_time").removesuffix("/iterations:1")
        workload, who = name.split("/", 1)
        if one_core:
            workload += ", all on one core"
        each = runs.setdefault(workload, {}).setdefault(who, {"ns": [], "allocations": run["allocations"]})
        each["ns"].append(run["real_time"] / run["ops"])
    return runs


def number(x):
    return f"{x:.2f}" if x < 10 else f"{x:.1f}" if x < 100 else f"{x:,.0f}".replace(",", " ")


def count(x):
    return f"{x:.0f}" if abs(x - round(x)) < 0.05 else f"{x:.1f}"


def timed_tables(runs):
    for workload, all_of_it in runs.items():
        medians = {who: statistics.median(each["ns"]) for who, each in all_of_it.items()}
        peers = [m for who, m in medians.items() if not who.startswith(("antiphon", "direct"))]
        yield f"### {workload}\n"
        yield "| | median, ns/op | min–max | allocations/op | × best peer |"
        yield "|---|--:|--:|--:|--:|"
        for who, median in sorted(medians.items(), key=lambda pair: pair[1]):
            each = all_of_it[who]
            ratio = number(median / min(peers)) if peers else ""
            bold = "**" if who.startswith("antiphon") else ""
            yield (f"| {bold}{who}{bold} | {number(median)} | {number(min(each['ns']))}–{number(max(each['ns']))} "
                   f"| {count(each['allocations'])} | {ratio} |")
        yield ""


def run_script(name, *arguments):
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "rows.json"
        subprocess.run([sys.executable, str(HERE / name), *arguments, "--json", str(out)], check=True, stdout=subprocess.DEVNULL)
        return json.loads(out.read_text()) if out.exists() else None


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0]
    except OSError:
        return ""


def cpu():
    for line in pathlib.Path("/proc/cpuinfo").read_text().split("\n"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def version_of(macro, header):
    done = subprocess.run(["g++", "-E", "-P", "-x", "c++", "-"], input=f"#include <{header}>\n{macro}\n", capture_output=True, text=True)
    return done.stdout.split("\n")[-2].strip() if done.returncode == 0 else ""


def peers(build):
    absent = [p for p in (build / "benchmarks" / "peers.txt").read_text().strip().split(";") if p]
    found = []
    if "asio" not in absent:
        version = version_of("ASIO_VERSION", "asio/version.hpp")
        found.append(f"asio {int(version) // 100000}.{int(version) // 100 % 1000}.{int(version) % 100}" if version.isdigit() else "asio")
    if "oneTBB" not in absent:
        version = version_of("TBB_VERSION_STRING", "oneapi/tbb/version.h")
        found.append("oneTBB")
    if "moodycamel" not in absent:
        found.append("moodycamel's queue")
    return found, absent


def main(arguments):
    build = pathlib.Path(arguments[0])
    out = pathlib.Path(arguments[arguments.index("--out") + 1]) if "--out" in arguments else HERE / "RESULTS.md"
    rounds = int(arguments[arguments.index("--rounds") + 1]) if "--rounds" in arguments else 9
    runs = {}
    for program, only, one_core in TIMED:
        if (build / "bin" / program).exists():
            progress(f"{program} {only}{' on one core' if one_core else ''}")
            for workload, of_it in timed(build / "bin" / program, only, one_core, rounds).items():
                runs[workload] = of_it
    progress("heap")
    heap = subprocess.run([str(build / "bin" / "heap_figures")], capture_output=True, text=True, check=True).stdout
    progress("instructions")
    instructions = run_script("instructions.py", str(build))
    progress("headers")
    headers = run_script("header_cost.py")
    progress("")
    found, absent = peers(build)

    lines = ["# Results", "",
             "Written by `./dev bench`; [docs/performance.md](../docs/performance.md) says how to read it. Medians of "
             f"{rounds} repetitions, interleaved at random; ratios within the same run.", "",
             f"- Date: {datetime.date.today().isoformat()}",
             f"- Machine: {cpu()}, {len(os.sched_getaffinity(0))} CPUs, Linux {platform.release().split('-')[0]}, shared with other work",
             f"- Compiler: {first_line('g++', '--version')}, -O3 for what is timed, -O2 for what is counted",
             f"- Peers: the standard library{''.join(', ' + p for p in found)}{'; not found: ' + ', '.join(absent) if absent else ''}", "",
             "## Time", ""]
    lines += timed_tables(runs)
    lines += ["## Instructions of one operation", ""]
    if instructions is None:
        lines += ["valgrind was not there.", ""]
    else:
        lines += ["| path | instructions | beside | surplus | at most |", "|---|--:|---|--:|--:|"]
        for row in instructions:
            lines.append(f"| {row['name']} | {count(row['count'])} | {row['beside']} | {count(row['surplus']) if row['beside'] else ''} "
                         f"| {'' if row['at_most'] is None else row['at_most']} |")
        lines.append("")
    lines += ["## Heap and sizes", "", "| what | value |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in (line.split("\t") for line in heap.strip().split("\n"))]
    lines += ["", "## Headers", "", "| what is included | instructions | ratio | limit | ms | ratio | preprocessed lines | ratio |",
              "|---|--:|--:|--:|--:|--:|--:|--:|"]
    for row in headers:
        counted = row["instructions"]
        cost = f"{counted / 1e6:.0f} M | {row['instructions_ratio']:.2f}" if counted is not None else " | "
        lines.append(f"| `{row['name']}` | {cost} | {row['limit'] or ''} | {row['ms']:.0f} | {row['ratio']:.2f} "
                     f"| {row['lines']} | {row['lines_ratio']:.2f} |")
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"written: {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
