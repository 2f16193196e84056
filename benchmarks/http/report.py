#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Measures HTTP clients on nginx and on a server that takes 50 ms, and HTTP servers under wrk; writes RESULTS_http.md.

report.py BIN_DIR [--out FILE] [--rounds N] [--ms N] [--only clients|servers] [--peers "a;b"] [--loads 1,64,1000,slow] [--note TEXT]

Within a round every peer has its turn under the same load before the next load comes; medians are over rounds. CPU is that of the process
measured alone, all its threads. `active` of a peer with a queue of its own is what suits the server: 64, and 1000 on the slow one.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

RAW = ("curl multi_poll, own queue", "curl socket_action, own queue", "curl multi_poll", "curl socket_action")
HERE = pathlib.Path(__file__).resolve().parent
LOADS = {"1": ("nginx, 1 in flight", 1, 64), "64": ("nginx, 64 in flight", 64, 64), "1000": ("nginx, 1000 in flight", 1000, 64),
         "slow": ("a server that takes 50 ms, 1000 in flight", 1000, 1000)}


class Nginx:
    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        home = pathlib.Path(self.folder.name)
        (home / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {home}/pid; error_log {home}/errors crit; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; default_type text/plain;
  client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  server {{ listen 127.0.0.1:{self.port} backlog=4096; location / {{ return 200 "hello world\\n"; }} }}
}}""")
        self.process = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(home / "nginx.conf"), "-p", str(home)])
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)
        raise SystemExit("nginx does not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


class Ours:
    def __init__(self, program, who):
        self.process = subprocess.Popen([program, who], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def end(self):
        """The CPU seconds that it took."""
        self.process.stdin.close()
        seconds = float(self.process.stdout.readline())
        self.process.wait()
        return seconds

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def progress(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def clients(program, chosen, slow_program):
    names = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    names = [n for n in names if not chosen.peers or n in chosen.peers.split(";")]
    runs = {}
    with Nginx() as nginx, Ours(slow_program, "Beast") as slow:
        for number in range(chosen.rounds):
            progress(f"clients, round {number + 1} of {chosen.rounds}")
            for load in chosen.loads.split(","):
                title, in_flight, active = LOADS[load]
                url = f"http://127.0.0.1:{slow.port}/delay/50" if load == "slow" else f"http://127.0.0.1:{nginx.port}/hello"
                length = 4 * chosen.ms if load == "slow" else chosen.ms
                turn = names[number % len(names):] + names[:number % len(names)]
                for name in turn:
                    if in_flight == 1 and name in ("antiphon, fixed cap", "curl multi_poll, own queue", "curl socket_action, own queue"):
                        continue
                    done = subprocess.run([program, name, url, str(in_flight), str(active), str(length)], capture_output=True, text=True)
                    answer = json.loads(done.stdout) if done.returncode == 0 else {}
                    if "rps" in answer:
                        runs.setdefault(title, {}).setdefault(name, []).append({**answer, "round": number})
                    else:
                        progress(f"{name}, {title}: no answer, left out")
    return runs


def servers(program, chosen):
    runs = {}
    for number in range(chosen.rounds):
        progress(f"servers, round {number + 1} of {chosen.rounds}")
        for connections in (64, 1000):
            for who in ("antiphon", "Beast")[:: 1 if number % 2 == 0 else -1]:
                server = Ours(program, who)
                done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(chosen.ms / 1000))}s", "--latency",
                                       f"http://127.0.0.1:{server.port}/hello"], capture_output=True, text=True, check=True).stdout
                count = int(re.search(r"(\d+) requests in", done).group(1))
                median = re.search(r"50%\s+([\d.]+)(us|ms|s)", done)
                scale = {"us": 1, "ms": 1e3, "s": 1e6}
                p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", done)
                runs.setdefault(f"{connections} connections", {}).setdefault(who, []).append({
                    "round": number, "rps": float(re.search(r"Requests/sec:\s+([\d.]+)", done).group(1)), "cpu": server.end() * 1e6 / count,
                    "p50": float(median.group(1)) * scale[median.group(2)], "p99": float(p99.group(1)) * scale[p99.group(2)],
                    "failed": int((re.search(r"Non-2xx or 3xx responses: (\d+)", done) or [0, 0])[1])})
    return runs


def time_of(us):
    return f"{us:.0f} µs" if us < 1000 else f"{us / 1000:.1f} ms"


def tables(runs, yardsticks, name):
    """The yardsticks are peers: of each column the best of them counts as 1, and ratios are medians of those within a round."""
    for title, peers in runs.items():
        yield from (f"### {title}", "", f"| | requests/s | min–max | p50 | p99 | CPU µs/request | requests/s × {name} | CPU × {name} |",
                    "|---|--:|--:|--:|--:|--:|--:|--:|")
        middle = {who: {k: statistics.median(r[k] for r in rounds) for k in ("rps", "p50", "p99", "cpu")} for who, rounds in peers.items()}
        there = [who for who in yardsticks if who in peers]
        quickest = max(there, key=lambda who: middle[who]["rps"], default=None)
        cheapest = min(there, key=lambda who: middle[who]["cpu"], default=None)
        for who, m in sorted(middle.items(), key=lambda pair: -pair[1]["rps"]):
            rates = [r["rps"] for r in peers[who]]
            bold = "**" if who.startswith("antiphon") else ""
            yield (f"| {bold}{who}{bold} | {spaced(m['rps'])} | {spaced(min(rates))}–{spaced(max(rates))} | {time_of(m['p50'])} "
                   f"| {time_of(m['p99'])} | {m['cpu']:.1f} | {ratio(peers, who, quickest, 'rps')} | {ratio(peers, who, cheapest, 'cpu')} |")
        failed = {who: sum(r["failed"] for r in rounds) for who, rounds in peers.items()}
        yield ""
        if any(failed.values()):
            yield from ("Failed: " + ", ".join(f"{who} {n}" for who, n in failed.items() if n != 0), "")


def ratio(peers, who, yardstick, key):
    its = {r["round"]: r[key] for r in peers.get(yardstick, [])}
    ratios = [r[key] / its[r["round"]] for r in peers[who] if its.get(r["round"])]
    return f"{statistics.median(ratios):.2f}" if ratios else ""


def spaced(n):
    return f"{n:,.0f}".replace(",", " ")


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
        return (done.stdout + done.stderr).split("\n")[0]
    except OSError:
        return "not there"


def cpu():
    for line in pathlib.Path("/proc/cpuinfo").read_text().split("\n"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("bin", type=pathlib.Path)
    ask.add_argument("--out", type=pathlib.Path, default=HERE.parent / "RESULTS_http.md")
    ask.add_argument("--rounds", type=int, default=5)
    ask.add_argument("--ms", type=int, default=1000)
    ask.add_argument("--only", choices=("clients", "servers"))
    ask.add_argument("--peers", default="")
    ask.add_argument("--note", default="", help="a sentence about the run")
    ask.add_argument("--loads", default="1,64,1000,slow")
    chosen = ask.parse_args()
    rate, serve = str(chosen.bin / "http_rate"), str(chosen.bin / "http_serve")
    lines = ["# HTTP", "",
             "Written by `benchmarks/http/report.py`. Medians of interleaved rounds; everything runs on one machine over loopback, server and "
             "client share its cores, so compare within a table only. CPU is that of the process measured, with all its threads.", "",
             f"- Date: {datetime.date.today().isoformat()}",
             f"- Machine: {cpu()}, {len(os.sched_getaffinity(0))} CPUs, Linux {platform.release().split('-')[0]}; load at the start "
             f"{os.getloadavg()[0]:.1f}",
             f"- Compiler: {first_line('g++', '--version')}, -O3; {first_line(rate, 'versions')}; "
             f"{first_line(shutil.which('nginx') or '/usr/sbin/nginx', '-v')}; {first_line('wrk', '-v').split(' Copyright')[0]}",
             f"- {chosen.rounds} rounds of {chosen.ms} ms (four times that on the slow server), half as long before each to warm up"]
    lines += ([f"- {chosen.note}"] if chosen.note else []) + [""]
    if chosen.only != "servers":
        lines += ["## Clients", ""] + list(tables(clients(rate, chosen, serve), RAW, "raw libcurl"))
    if chosen.only != "clients":
        lines += ["## Servers, under wrk -t1", ""] + list(tables(servers(serve, chosen), ("Beast",), "Beast"))
    text = "\n".join(lines).rstrip() + "\n"
    if str(chosen.out) == "-":
        print(text, end="")
    else:
        chosen.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
