# SPDX-License-Identifier: GPL-2.0-or-later
"""tools/bench: measures allowxdp beside an empty program and other filters. See docs/performance.md."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import filters
import report
import results
from apply import part_apply
from packets import SCENARIOS, Settings, part_cores, part_path_and_ns, part_size
from place import ROOT, Failed, directory, lab, sweep_own

PARTS = ("path", "ns", "cores", "size", "apply")
DEFAULTS = {  # sizes, sizes of apply, runs, ms for a run, runs of apply
    "quick": ([10, 10000, 100000], [10000, 100000], 3, 40, 1),
    "usual": ([10, 1000, 10000, 100000, 1000000], [10000, 100000, 1000000], 5, 100, 3),
    "full": ([10, 1000, 10000, 100000, 1000000], [10000, 100000, 1000000], 11, 200, 5),
}
MOST = 1000000


def some_of(known, what):
    def parse(text):
        words = text.split(",")
        for word in words:
            if word not in known:
                raise argparse.ArgumentTypeError(f"there is no {what} '{word}': known are {', '.join(known)}")
        return [k for k in known if k in words]
    return parse


def between(low, high):
    def parse(text):
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {low} to {high}")
        return int(text)
    return parse


def sizes(text):
    return sorted({between(1, MOST)(word) for word in text.split(",")})


def power_of_two(text):
    n = between(16, 1 << 22)(text)
    if n & (n - 1):
        raise argparse.ArgumentTypeError(f"{n} is not a power of two")
    return n


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"tools/bench: {message}: see tools/bench --help\n")


def parser():
    p = Parser(prog="tools/bench", allow_abbrev=False, description="Measures allowxdp beside an "
                                "empty XDP program, xdp-filter, nftables and ipset, in network namespaces of its own.")
    how = p.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true", help="few sizes and runs: some minutes")
    how.add_argument("--full", action="store_true", help="more runs, IPv6 lists too, and what takes nft minutes: "
                     "an hour or more")
    p.add_argument("--only", metavar="PART,...", type=some_of(PARTS, "part"), default=list(PARTS),
                   help="of: " + ", ".join(PARTS))
    p.add_argument("--out", metavar="DIR", type=Path, help="where the results go; default: build/bench/DATE-TIME")
    p.add_argument("--sizes", metavar="N,...", type=sizes, help="numbers of prefixes")
    p.add_argument("--families", metavar="4,6", type=some_of(("4", "6"), "family"), default=["4", "6"])
    p.add_argument("--scenarios", metavar="NAME,...", type=some_of(tuple(SCENARIOS), "scenario"),
                   default=list(SCENARIOS), help="of: " + ", ".join(SCENARIOS))
    p.add_argument("--beside", metavar="NAME,...", type=some_of((*filters.RIVALS, "none"), "filter"),
                   help="other filters, of: " + ", ".join(filters.RIVALS) + ", or none; default: all")
    p.add_argument("--runs", metavar="N", type=between(1, 1000), help="interleaved runs of each measurement")
    p.add_argument("--ms", metavar="N", type=between(1, 10000), help="CPU time of one run")
    p.add_argument("--sources", metavar="N", type=power_of_two, help="different source addresses; default: 2097152, "
                   "IPv6 1048576")
    p.add_argument("--list", metavar="FILE", type=Path, help="prefixes to take in place of random ones")
    p.add_argument("--seed", metavar="N", type=between(0, 1 << 32), default=1)
    p.add_argument("--cpu", metavar="N", type=between(0, 4095), help="the core to measure on; default: the last")
    p.add_argument("--report", metavar="CSV", type=Path, help="measure nothing: tables and plot of an earlier run")
    p.add_argument("--docs", action="store_true", help="put tables and plot into docs/performance.md too")
    return p


def choose(options):
    """Fills in what was not said."""
    mode = "quick" if options.quick else "full" if options.full else "usual"
    usual_sizes, apply_sizes, runs, ms, apply_runs = DEFAULTS[mode]
    options.apply_sizes = options.sizes or apply_sizes
    options.apply_runs = options.runs or apply_runs
    options.sizes = options.sizes or usual_sizes
    options.runs = options.runs or runs
    options.ms = options.ms or ms
    options.families = [int(w) for w in options.families]
    cores = os.sched_getaffinity(0)
    options.cpu = max(cores) if options.cpu is None else options.cpu
    if options.cpu not in cores:
        raise Failed(f"--cpu {options.cpu}: there is no such core here")
    if options.list and not options.list.is_file():
        raise Failed(f"--list {options.list}: there is no such file")
    rivals = filters.RIVALS if options.beside is None else [n for n in options.beside if n != "none"]
    options.filters = ["empty", "pass", "none", "allowxdp", *choose_rivals(rivals, options.beside is None)]


def choose_rivals(names, all_of_them):
    """Those that can be measured here. xdp-filter may be missing, unless it was asked for."""
    chosen, missing = [], set()
    for name in names:
        lacks = filters.ALL[name].missing()
        if lacks and name == "xdp-filter" and all_of_them:
            log(f"{name} is not installed: it is left out")
        elif lacks:
            missing.update(lacks)
        else:
            chosen.append(name)
    missing.update(p for p in ("nft", "ethtool") if not shutil.which(p))
    if missing:
        raise Failed(f"not installed: {', '.join(sorted(missing))}: sudo ./tools/deps bench, "
                     "or leave filters out by --beside")
    return chosen


STARTED = time.monotonic()


def log(text):
    print(f"[{time.monotonic() - STARTED:5.0f} s] {text}", file=sys.stderr, flush=True)


def build():
    (ROOT / "build").mkdir(exist_ok=True)
    made = subprocess.run(["flock", "build/.lock", "make", f"-j{os.cpu_count()}", "bench"], cwd=ROOT, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if made.returncode != 0:
        print(made.stdout[-4000:], file=sys.stderr)
        raise Failed("make bench failed, see above; packages to build with: sudo ./tools/deps build bench")


def measure(options, out):
    """Returns whether every packet was accounted for."""
    lists = f"{options.list}" if options.list else \
        "random, seed " + str(options.seed) + "; IPv4: 60 % /32, else /20 to /28; IPv6: 40 % /128, else /32 to /64"
    programs = [p for name in options.filters for p in filters.ALL[name].programs]
    if "ipset" in options.filters and shutil.which("iptables-legacy"):
        programs.append("iptables-legacy")
    rows = results.Csv(out / "results.csv", results.describe(lists, dict.fromkeys(programs)))
    noise = results.Noise()
    try:
        with directory() as temporary:
            try:
                return measure_parts(options, Settings(options, temporary, log), rows, noise)
            finally:
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)
                sweep_own()
    finally:
        rows.close(noise.verdict())


def measure_parts(options, settings, rows, noise):
    good = True
    if {"path", "ns"} & set(options.only):
        good &= part_path_and_ns(settings, rows, noise, options.only)
    if "cores" in options.only:
        good &= part_cores(settings, rows, noise)
    if "size" in options.only:
        good &= part_size(settings, rows, noise)
    if "apply" in options.only:
        part_apply(settings, rows, noise, options.apply_sizes, options.apply_runs, options.full)
    return good


def show(path, with_docs):
    about, rows = results.load(path)
    text = report.fragment(about, rows)
    print(text)
    (path.parent / "results.md").write_text(text, encoding="utf-8")
    if report.plot(rows, path.parent / "results.svg"):
        log(f"plot: {path.parent / 'results.svg'}")
    if with_docs:
        log(f"updated: {report.write_page(about, rows)}")
    if about.get("noise") != "none":
        log(f"NOISY: {about.get('noise', 'the run was cut short')}")


def main():
    options = parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.report:
            show(options.report, options.docs)
            return 0
        choose(options)
        if os.geteuid() != 0:
            raise Failed("needs root (network namespaces, BPF): sudo ./tools/bench")
        build()
        out = options.out or ROOT / "build" / "bench" / time.strftime("%Y%m%d-%H%M%S")
        out.mkdir(parents=True, exist_ok=True)
        lab.sweep()
        good = measure(options, out)
        log(f"results: {out / 'results.csv'}")
        show(out / "results.csv", options.docs)
    except (Failed, OSError, AssertionError) as e:
        print(f"tools/bench: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if not good:
        print("tools/bench: packets were lost, or had a verdict that they must not have: see above", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
