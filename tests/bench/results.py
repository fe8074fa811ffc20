# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of results: a CSV file with what was measured where in comments at its head."""

import csv
import dataclasses
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

from place import ROOT

NOISY_SPREAD = 0.15  # (max - min) / median of the empty program's runs within one cell
NOISY_STEAL = 0.01   # share of the time that the hypervisor took away
NOISY_LOAD = 1.8     # of which 1 is the measuring itself


@dataclasses.dataclass
class Row:
    part: str          # path, ns, cores, size, apply
    family: int
    prefixes: int
    scenario: str      # apply: the operation
    filter: str
    unit: str          # ns: for a packet; ms; MiB
    median: float
    min: float
    max: float
    runs: int
    share: float = None  # of the empty program's rate in the same round, median and spread
    share_min: float = None
    share_max: float = None
    total: float = None  # ns for a packet with the sender's part
    total_share: float = None
    cores: int = 1
    frame: int = 64
    exact: str = ""    # "yes": every packet sent arrived, and had the verdict that it must have
    noisy: str = ""    # "noisy": the empty program's own spread was too large here

    def text(self, field):
        value = getattr(self, field)
        if value is None:
            return ""
        return f"{value:.4g}" if isinstance(value, float) and value < 1000 else \
            f"{value:.0f}" if isinstance(value, float) else str(value)


FIELDS = [f.name for f in dataclasses.fields(Row)]
TYPES = {"family": int, "prefixes": int, "runs": int, "cores": int, "frame": int, "median": float, "min": float,
         "max": float, "share": float, "share_min": float, "share_max": float, "total": float,
         "total_share": float}


def spread(values):
    return statistics.median(values), min(values), max(values)


def of_runs(values, **fields):
    median, low, high = spread(values)
    return Row(median=median, min=low, max=high, runs=len(values), **fields)


class Noise:
    """Watches whether others used the machine meanwhile."""

    def __init__(self):
        self.start = self.ticks()
        self.before = os.getloadavg()[0]
        self.loads, self.spreads = [], []

    @staticmethod
    def ticks():
        with open("/proc/stat", encoding="ascii") as file:
            return [int(w) for w in file.readline().split()[1:]]

    def sample(self):
        self.loads.append(os.getloadavg()[0])

    def cell(self, values):
        """The empty program's runs in one cell: too far apart?"""
        median, low, high = spread(values)
        self.spreads.append((high - low) / median)
        self.sample()
        return self.spreads[-1] > NOISY_SPREAD

    def verdict(self):
        """What was wrong, in words; empty: nothing."""
        delta = [b - a for a, b in zip(self.start, self.ticks())]
        steal = delta[7] / max(sum(delta[:8]), 1)
        load = statistics.median(self.loads) if self.loads else 0
        bad = sum(s > NOISY_SPREAD for s in self.spreads)
        said = []
        if self.before > 0.7:
            said.append(f"the load average was {self.before:.1f} when it began")
        if load > NOISY_LOAD:
            said.append(f"the load average was {load:.1f}, 1 of it our own")
        if steal > NOISY_STEAL:
            said.append(f"{steal:.1%} of the time was stolen by the hypervisor")
        if bad:
            said.append(f"the empty program's own runs lay more than {NOISY_SPREAD:.0%} apart in {bad} of "
                        f"{len(self.spreads)} cells")
        return "; ".join(said)


def shell(*argv):
    out = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    return out.stdout.strip().splitlines()[0] if out.returncode == 0 and out.stdout.strip() else ""


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def versions(programs):
    ask = {"nft": ("nft", "--version"), "ipset": ("ipset", "--version"), "iptables": ("iptables", "--version"),
           "iptables-legacy": ("iptables-legacy", "--version"), "xdp-filter": ("xdp-filter", "--version")}
    return "; ".join(v for v in (shell(*ask[p]) for p in programs if p in ask) if v)


def describe(lists, programs):
    return {
        "date": time.strftime("%Y-%m-%d"),
        "commit": shell("git", "describe", "--always", "--dirty") or "unknown",
        "kernel": platform.release(),
        "cpu": f"{cpu_name()}, {os.cpu_count()} cores",
        "beside": versions(programs),
        "lists": lists,
    }


class Csv:
    """Rows are written as they come, so that a run that is cut short leaves what it has."""

    def __init__(self, path, about):
        self.file = open(path, "w", encoding="utf-8", newline="")
        for key, value in about.items():
            self.file.write(f"# {key}: {value}\n")
        self.writer = csv.writer(self.file, lineterminator="\n")
        self.writer.writerow(FIELDS)
        self.rows = []

    def add(self, row):
        self.rows.append(row)
        self.writer.writerow([row.text(f) for f in FIELDS])
        self.file.flush()

    def close(self, noise):
        self.file.write(f"# noise: {noise or 'none'}\n")
        self.file.close()


def load(path):
    """What such a file says: ({key: value}, [Row])."""
    with open(path, encoding="utf-8", newline="") as file:
        lines = file.read().splitlines()
    about = dict(l[2:].split(": ", 1) for l in lines if l.startswith("# ") and ": " in l)
    rows = []
    for words in csv.DictReader(l for l in lines if not l.startswith("#")):
        rows.append(Row(**{k: TYPES.get(k, str)(v) if v != "" else (None if k in TYPES else "")
                           for k, v in words.items()}))
    return about, rows
