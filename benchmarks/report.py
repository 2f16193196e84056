#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs every benchmark and writes RESULTS.md and figures/*.svg: report.py BUILD_DIR [--out DIR] [--rounds N] [--min-time SECONDS]

Timed programs run their repetitions interleaved at random, so that a slow moment of the machine meets everybody; ratios compare
medians of one run. Names are `workload/who`; who begins with "antiphon" is ours, "direct" is the bare call, the rest are peers.
Where `who` ends in a number, the workload becomes a chart of lines over it.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

import charts

HERE = pathlib.Path(__file__).resolve().parent


class Part:
    """One run of a timed program: which of its benchmarks, on one core or all, and how many of the rounds."""

    def __init__(self, program, only="", one_core=False, share=1.0):
        self.program, self.only, self.one_core, self.share = program, only, one_core, share


TIMED = (Part("bench_call"), Part("bench_round_trip"), Part("bench_round_trip", "round trip", one_core=True), Part("bench_futures", share=0.5),
         Part("bench_post", share=0.7), Part("bench_tree", share=0.7), Part("bench_fork_join", share=0.5), Part("bench_continuation"),
         Part("bench_when_all"), Part("bench_callbacks"), Part("bench_producers", share=0.7), Part("bench_timers", share=0.7),
         Part("bench_coroutine"), Part("bench_policies", share=0.5), Part("bench_messaging", share=0.5),
         Part("bench_scaling", "scaling", share=0.4), Part("bench_scaling", "in flight", share=0.4))
# What is not a timed program, and about how long it takes beside one.
OTHER = ("latency under load", "heap", "instructions", "headers")


class Progress:
    """One line that is written over on a terminal, a line a part elsewhere."""

    def __init__(self, parts):
        self.parts, self.done, self.began = parts, 0, time.monotonic()

    def next(self, what):
        passed = time.monotonic() - self.began
        if sys.stderr.isatty():
            filled = round(24 * self.done / self.parts)
            left = f", {passed / self.done * (self.parts - self.done):.0f} s left" if self.done >= 3 else ""
            print(f"\r\033[K  bench [{'#' * filled}{'.' * (24 - filled)}] {self.done}/{self.parts} {passed:.0f} s{left}: {what}", end="",
                  file=sys.stderr, flush=True)
        else:
            print(f"  bench: {self.done + 1}/{self.parts}, {passed:.0f} s: {what}", file=sys.stderr, flush=True)
        self.done += 1

    def end(self):
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def names_of(run, program):
    """workload, who: of `workload/who`, with what the framework appends cut off; a bare name belongs to its program."""
    name = run["run_name"]
    threads = re.search(r"/threads:(\d+)$", name)
    name = re.sub(r"/(real_time|manual_time|threads:\d+|iterations:\d+|repeats:\d+)(?=/|$)", "", name)
    argument = re.search(r"/(\d+)$", name)
    name = re.sub(r"/\d+$", "", name)
    if "/" not in name:
        name = f"{program.removeprefix('bench_')}/antiphon, {name.replace('_', ' ')}"
    workload, who = name.split("/", 1)
    if argument:
        who += f", {f'{int(argument[1]):,}'.replace(',', ' ')} others"
    if threads and int(threads[1]) > 1:
        who += f", {threads[1]} threads"
    return workload, who


def timed(build, part, rounds, min_time):
    command = [str(build / "bin" / part.program), "--benchmark_format=json", f"--benchmark_repetitions={max(2, round(rounds * part.share))}",
               f"--benchmark_min_time={min_time}", "--benchmark_enable_random_interleaving=true"]
    if part.only:
        command.append(f"--benchmark_filter=^{part.only}")
    first = {min(os.sched_getaffinity(0))}
    done = subprocess.run(command, capture_output=True, text=True,
                          preexec_fn=(lambda: os.sched_setaffinity(0, first)) if part.one_core else None)
    if done.returncode != 0:
        sys.exit(f"{part.program} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    runs = {}
    for run in json.loads(done.stdout)["benchmarks"]:
        if run["run_type"] != "iteration":
            continue
        if run.get("error_occurred"):
            sys.exit(f"{part.program}, {run['run_name']}: {run['error_message']}")
        workload, who = names_of(run, part.program)
        if part.one_core:
            workload += ", all on one core"
        each = runs.setdefault(workload, {}).setdefault(who, {"ns": [], "allocations": run.get("allocations")})
        unit = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[run["time_unit"]]
        each["ns"].append(run["real_time"] * unit / run.get("ops", 1))
    return runs


def number(x):
    return f"{x:.2f}" if x < 10 else f"{x:.1f}" if x < 100 else f"{x:,.0f}".replace(",", " ")


def count(x):
    return "" if x is None else f"{x:.0f}" if abs(x - round(x)) < 0.05 else f"{x:.1f}"


def is_ours(who):
    return who.startswith("antiphon")


def is_series(of_it):
    """Each `who` is a name and a number, and some name has several."""
    return len(of_it) > 4 and all(re.search(r", \d+$", who) for who in of_it)


def series_of(of_it):
    series = {}
    for who, each in of_it.items():
        name, x = who.rsplit(", ", 1)
        series.setdefault(name, []).append((int(x), statistics.median(each["ns"])))
    return {name: sorted(points) for name, points in series.items()}


def figure_name(workload):
    return re.sub(r"[^a-z0-9]+", "_", workload.lower()).strip("_") + ".svg"


def draw(figures, workload, picture):
    (figures / figure_name(workload)).write_text(picture, encoding="utf-8")
    return f"![{workload}](figures/{figure_name(workload)})"


def bar_table(workload, of_it, figures):
    medians = {who: statistics.median(each["ns"]) for who, each in of_it.items()}
    peers = [m for who, m in medians.items() if not is_ours(who) and not who.startswith("direct")]
    ordered = sorted(medians, key=medians.get)
    yield f"### {workload}\n"
    if peers:
        rows = [(who, min(of_it[who]["ns"]), medians[who], max(of_it[who]["ns"])) for who in ordered]
        yield draw(figures, workload, charts.bars(f"{workload}: ns an operation, less is better", rows, "ns")) + "\n"
    yield "| | median, ns/op | min–max | allocations/op | × best peer |"
    yield "|---|--:|--:|--:|--:|"
    for who in ordered:
        each = of_it[who]
        ratio = number(medians[who] / min(peers)) if peers else ""
        bold = "**" if is_ours(who) else ""
        yield (f"| {bold}{who}{bold} | {number(medians[who])} | {number(min(each['ns']))}–{number(max(each['ns']))} "
               f"| {count(each['allocations'])} | {ratio} |")
    yield ""


def line_table(workload, of_it, figures):
    series = series_of(of_it)
    xs = sorted({x for points in series.values() for x, _ in points})
    what = workload.split(", ")[-1]
    yield f"### {workload}\n"
    yield draw(figures, workload, charts.lines(f"{workload}: ns an operation, flat is better", series, what, "ns")) + "\n"
    yield f"| {what} | " + " | ".join(f"{x:,}".replace(",", " ") for x in xs) + " | largest ÷ that of 2 or of the least |"
    yield "|---|" + "--:|" * (len(xs) + 1)
    for who, points in series.items():
        known = dict(points)
        base = known.get(2, points[0][1])
        bold = "**" if is_ours(who) else ""
        yield (f"| {bold}{who}{bold} | " + " | ".join(number(known[x]) if x in known else "" for x in xs) +
               f" | {number(max(m for _, m in points) / base)} |")
    yield ""


def timed_tables(runs, figures):
    for workload, of_it in runs.items():
        yield from (line_table if is_series(of_it) else bar_table)(workload, of_it, figures)


def latencies(build, probes, limit=120):
    """What was measured in time: a pool that never comes to a probe is left out, with those after it."""
    with tempfile.TemporaryFile("w+") as out:
        try:
            subprocess.run([str(build / "bin" / "latency"), str(probes)], stdout=out, stderr=subprocess.DEVNULL, check=True, timeout=limit)
        except subprocess.TimeoutExpired:
            print(f"\n  bench: latency did not end within {limit} s", file=sys.stderr)
        out.seek(0)
        return out.read()


def latency_tables(text, figures):
    rows = {}
    for line in text.splitlines():
        table, who, *figures_of_it = line.split("\t")
        rows.setdefault(table, []).append((who, [float(x) for x in figures_of_it]))
    saturated = sorted(rows.get("saturated", []), key=lambda row: row[1][0])
    if not saturated:
        return
    yield "## Latency under load\n"
    yield ("Workers are never idle: 64 jobs of 5 µs each post their successors from inside, and one thread outside posts probes one at a "
           "time. Microseconds; `begun` is when the probe runs, `back` when its poster, which sleeps meanwhile, knows.\n")
    bars = [(who, f[0], f[0], f[1]) for who, f in saturated]
    yield draw(figures, "latency under load", charts.bars("A probe through a full pool: p50 (bar) to p99 (line) until it runs", bars, "µs")) + "\n"
    yield "| | begun, p50 | begun, p99 | back, p50 | back, p99 | back, p99.9 |"
    yield "|---|--:|--:|--:|--:|--:|"
    for who, f in saturated:
        bold = "**" if is_ours(who) else ""
        yield f"| {bold}{who}{bold} | " + " | ".join(number(x) for x in f) + " |"
    yield ""
    yield "### Deadlines\n"
    yield ("Bursts of 200 jobs of 20 µs, each with a deadline between a tenth of the time that the burst takes and one and a half times it. "
           "Peers, and antiphon where it is not told, run them in order.\n")
    yield "| | kept, % | never run, % | slack of the median, µs |"
    yield "|---|--:|--:|--:|"
    for who, f in sorted(rows.get("deadlines", []), key=lambda row: -row[1][0]):
        bold = "**" if is_ours(who) else ""
        yield f"| {bold}{who}{bold} | {f[0]:.1f} | {f[1]:.1f} | {f[2]:.0f} |"
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


def peers(build):
    found, absent = [], []
    for line in (build / "benchmarks" / "peers.txt").read_text().strip().split("\n"):
        name, version = line.split("\t")
        absent.append(name) if version == "-" else found.append(f"{name} {version}".strip())
    return found, absent


def compiler_of(build):
    cache = (build / "CMakeCache.txt").read_text()
    return re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache, re.M)[1]


def head(build, rounds, seconds):
    found, absent = peers(build)
    commit = first_line("git", "-C", str(HERE), "describe", "--always", "--dirty")
    return ["# Results", "",
            "Written by `./dev bench`; [docs/performance.md](../docs/performance.md) says how to read it. Medians of up to "
            f"{rounds} repetitions, interleaved at random; ratios within the same run. HTTP: [RESULTS_http.md](RESULTS_http.md).", "",
            f"- Date: {datetime.date.today().isoformat()}, commit {commit}, {seconds:.0f} s in all",
            f"- Machine: {cpu()}, {len(os.sched_getaffinity(0))} CPUs, Linux {platform.release().split('-')[0]}; load at the start "
            f"{os.getloadavg()[2]:.1f}",
            f"- Compiler: {first_line(compiler_of(build), '--version')}, -O3 for what is timed, -O2 for what is counted",
            f"- Peers: the standard library{''.join(', ' + p for p in found)}",
            *([f"- Not measured, because they were not given: {', '.join(absent)}"] if absent else []), ""]


def instruction_lines(instructions):
    if instructions is None:
        return ["valgrind was not there.", ""]
    lines = ["| path | instructions | beside | surplus | at most |", "|---|--:|---|--:|--:|"]
    for row in instructions:
        lines.append(f"| {row['name']} | {count(row['count'])} | {row['beside']} | {count(row['surplus']) if row['beside'] else ''} "
                     f"| {'' if row['at_most'] is None else row['at_most']} |")
    return [*lines, ""]


def arguments_of(words):
    parser = argparse.ArgumentParser(description="Runs every benchmark and writes RESULTS.md and figures/*.svg.")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=HERE, help="the directory to write to")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--min-time", type=float, default=0.02, help="seconds of one repetition, at least")
    parser.add_argument("--count-headers", action="store_true", help="the instructions of the compiler too, which takes minutes")
    parser.add_argument("--probes", type=int, default=2000, help="of the latency under load")
    return parser.parse_args(words)


def main(words):
    given = arguments_of(words)
    missing = sorted({p.program for p in TIMED if not (given.build / "bin" / p.program).exists()})
    if missing:
        sys.exit(f"report: not built: {', '.join(missing)}")
    figures = given.out / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    progress = Progress(len(TIMED) + len(OTHER))
    runs = {}
    for part in TIMED:
        progress.next(f"{part.program} {part.only}{' on one core' if part.one_core else ''}".strip())
        for workload, of_it in timed(given.build, part, given.rounds, given.min_time).items():
            runs[workload] = of_it
    progress.next("latency under load")
    latency = latencies(given.build, given.probes)
    progress.next("heap")
    heap = subprocess.run([str(given.build / "bin" / "heap_figures")], capture_output=True, text=True, check=True).stdout
    progress.next("instructions")
    instructions = run_script("instructions.py", str(given.build))
    progress.next("headers")
    headers = run_script("header_cost.py", "--rounds", "3", *([] if given.count_headers else ["--no-instructions"]))
    progress.end()

    lines = [*head(given.build, given.rounds, time.monotonic() - progress.began), "## Time", "", *timed_tables(runs, figures),
             *latency_tables(latency, figures), "## Instructions of one operation", "", *instruction_lines(instructions)]
    lines += ["## Heap and sizes", "", "| what | value |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in (line.split("\t") for line in heap.strip().split("\n"))]
    lines += ["", "## Headers", "", "| what is included | instructions | ratio | limit | ms | ratio | preprocessed lines | ratio |",
              "|---|--:|--:|--:|--:|--:|--:|--:|"]
    for row in headers:
        counted = row["instructions"]
        cost = f"{counted / 1e6:.0f} M | {row['instructions_ratio']:.2f}" if counted is not None else " | "
        lines.append(f"| `{row['name']}` | {cost} | {row['limit'] or ''} | {row['ms']:.0f} | {row['ratio']:.2f} "
                     f"| {row['lines']} | {row['lines_ratio']:.2f} |")
    out = given.out / "RESULTS.md"
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"written: {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
