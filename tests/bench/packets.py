# SPDX-License-Identifier: GPL-2.0-or-later
"""What packets take: parts path (through veth), ns (the program alone), size and cores."""

import contextlib
import os
import statistics
import subprocess
import time

import filters as f
from place import Engine, Failed, MEASURE, Place
from results import of_runs, spread

# Scenario: sources, does a filter pass them, port.
SCENARIOS = {
    "miss": ("miss", False, f.PORT),
    "near": ("near", False, f.PORT),
    "hit": ("hit", True, f.PORT),
    "unguarded": ("miss", True, f.OTHER_PORT),
}
FIRST = 2000  # packets that come before all measuring: caches, code paths
PROBE = 20000
LARGE_FRAME = 1514


class Settings:
    """What to measure, and how long."""

    def __init__(self, options, directory, log):
        self.sizes, self.families = options.sizes, options.families
        self.runs, self.ms = options.runs, options.ms
        self.scenarios, self.filters = options.scenarios, options.filters
        self.sources = options.sources
        self.cpu = options.cpu
        self.list, self.seed = options.list, options.seed
        self.directory, self.log = directory, log

    def make_list(self, family, n, seed=None):
        """Path of the list, and how many prefixes it really has."""
        seed = self.seed if seed is None else seed
        path = os.path.join(self.directory, f"list-{family}-{n}-{seed}")
        if not os.path.exists(path):
            taken = self.list and seed == self.seed
            words = ["take", family, n, self.list] if taken else ["list", family, n, seed]
            with open(path, "w", encoding="ascii") as out:
                result = subprocess.run([str(MEASURE), *map(str, words)], stdout=out, stderr=subprocess.PIPE,
                                        text=True, check=False)
            if result.returncode != 0:
                os.unlink(path)
                raise Failed(result.stderr.strip() or "cannot make a list")
        with open(path, encoding="ascii") as lines:
            return path, sum(1 for _ in lines)


class Bed:
    """Filters of one family, set up side by side with one list, and what sends to them."""

    def __init__(self, settings, family, list_path, n, names, links=("eth0",)):
        self.settings, self.family = settings, family
        self.stack = contextlib.ExitStack()
        self.links, self.slow = links, n >= 100000
        try:
            self.engines = [self.own(Engine(family, cpu, settings.sources)) for cpu in self.cpus()]
            for engine in self.engines:
                engine.use(list_path)
            self.filters = [self.make(f.ALL[name], list_path) for name in names if n <= f.ALL[name].most]
        except BaseException:
            self.close()
            raise

    def cpus(self):
        if len(self.links) == 1:
            return [self.settings.cpu]
        return range(len(self.links))

    def own(self, thing):
        self.stack.callback(thing.close)
        return thing

    def make(self, kind, list_path):
        if self.slow:
            self.settings.log(f"  setting up {kind.label}")
        place = self.own(Place(kind.name, self.settings.directory, self.links))
        made = self.own(kind(place, self.family, list_path))
        made.set_up(self.engines[0])
        return made

    def packets(self, kind, port, frame=64):
        for n, engine in enumerate(self.engines):
            engine.ask("sources", kind, self.settings.seed + 1 + n)
            engine.ask("packet", port, frame)

    def send(self, target, count, cores=1):
        """From `cores` cores at once, each into its own interface."""
        for engine, link in zip(self.engines[:cores], self.links):
            engine.begin_send(target.place, count, link)
        return [engine.end_send() for engine in self.engines[:cores]]

    def close(self):
        self.stack.close()


class Account:
    """Is every packet that was sent to a filter where it must be?"""

    def __init__(self, target):
        self.target, self.sent = target, 0
        self.arrived, self.passed = target.place.arrived(), target.place.passed()
        self.dropped = self.own_drops()

    def own_drops(self):
        """What allowxdp itself has counted."""
        return self.target.axp.count(verdict="drop") if self.target.name == "allowxdp" else None

    def wrong(self, passes, patience=5):
        """What is not as it must be, in words; empty: nothing."""
        place = self.target.place
        passes = (passes or not self.target.drops) and self.target.passes
        want = self.sent if passes else 0
        deadline = time.monotonic() + patience
        while True:  # the last ones may still be on their way
            arrived, passed = place.arrived() - self.arrived, place.passed() - self.passed
            if (arrived, passed) == (self.sent, want) or time.monotonic() > deadline:
                break
            time.sleep(0.01)
        if (arrived, passed) != (self.sent, want):
            return f"of {self.sent} sent {arrived} arrived, {passed} passed in place of {want}"
        if self.dropped is not None and self.own_drops() - self.dropped != self.sent - want:
            return f"{self.own_drops() - self.dropped} drops counted in place of {self.sent - want}"
        return ""


def calibrate(bed, target, account, ms):
    """How many packets take that long."""
    bed.send(target, FIRST)
    probe = bed.send(target, PROBE)[0]
    account.sent += FIRST + PROBE
    return max(int(ms * 1e6 / probe.per_packet("cpu")), 1000)


def rounds(bed, targets, settings, cores=1):
    """Interleaved: each filter once a round. {filter: ([ns], [ns with the sender's part])}, accounts."""
    accounts = {t.name: Account(t) for t in targets}
    counts = {t.name: calibrate(bed, t, accounts[t.name], settings.ms) for t in targets}
    values = {t.name: ([], []) for t in targets}
    for _ in range(settings.runs):
        for t in targets:
            took = bed.send(t, counts[t.name], cores)
            accounts[t.name].sent += counts[t.name] * cores
            # Several cores: what a packet takes of the machine's time, were all cores this busy.
            values[t.name][0].append(1 / sum(1 / s.per_packet() for s in took))
            values[t.name][1].append(1 / sum(1 / s.per_packet("cpu") for s in took))
    return values, accounts


def cell(bed, targets, settings, results, noise, base, cores=1, hide=None, **fields):
    """Measures the filters beside `base` and adds a row for each, but for `hide`; True if all is exact."""
    values, accounts = rounds(bed, targets, settings, cores)
    noisy = "noisy" if noise.cell(values[base][0]) else ""
    passes, good = SCENARIOS[fields["scenario"]][1], True
    for t in targets:
        received, total = values[t.name]
        wrong = accounts[t.name].wrong(passes)
        if wrong:
            settings.log(f"  {t.label}: {wrong}")
            good = False
        if t.name == hide:
            continue
        row = of_runs(received, unit="ns", filter=t.name, family=bed.family, cores=cores, noisy=noisy,
                      total=statistics.median(total), exact=wrong or "yes", **fields)
        row.share, row.share_min, row.share_max = spread([b / v for b, v in zip(values[base][0], received)])
        row.total_share = statistics.median(b / v for b, v in zip(values[base][1], total))
        results.add(row)
    return good


def targets_of(bed, scenario):
    """Filters that can be asked that, and the one that the others are compared with."""
    _, passes, _ = SCENARIOS[scenario]
    base = "pass" if passes else "empty"
    chosen = []
    for t in bed.filters:
        if t.name == base or (t.passes and (t.drops or passes) and (scenario != "unguarded" or t.guards_ports)):
            chosen.append(t)
    return chosen, base


def measure_path(bed, settings, results, noise, n, scenario, frame=64, part="path"):
    kind, _, port = SCENARIOS[scenario]
    targets, base = targets_of(bed, scenario)
    groups = {}
    for t in targets:
        groups.setdefault(t.hits if kind == "hit" else kind, []).append(t)
    good, hide = True, None
    for sources, group in groups.items():
        if hide:  # other sources: beside the empty program once more
            group = [next(t for t in targets if t.name == base), *group]
        bed.packets(sources, port, frame)
        good &= cell(bed, group, settings, results, noise, base, hide=hide, part=part, prefixes=n, scenario=scenario,
                     frame=frame)
        hide = base
    return good


def measure_ns(bed, settings, results, n, scenario):
    """By BPF_PROG_TEST_RUN: what allowxdp's program adds to an empty one."""
    target = next(t for t in bed.filters if t.name == "allowxdp")
    engine, program = bed.engines[0], target.program()
    kind, _, port = SCENARIOS[scenario]
    bed.packets(kind, port, 64)
    count = max(int(settings.ms * 1e6 / engine.run(program, PROBE).per_packet("cpu")), 1000)
    added, empty = [], []
    for _ in range(settings.runs):
        empty.append(engine.run("empty", count).per_packet("cpu"))
        added.append(engine.run(program, count).per_packet("cpu") - empty[-1])
    common = {"part": "ns", "family": bed.family, "prefixes": n, "scenario": scenario, "unit": "ns"}
    results.add(of_runs(empty, filter="empty", **common))
    results.add(of_runs(added, filter="allowxdp", **common))


def part_path_and_ns(settings, results, noise, parts):
    good = True
    for family in settings.families:
        for size in settings.sizes:
            path, n = settings.make_list(family, size)
            settings.log(f"IPv{family}, {n} prefixes")
            names = settings.filters if "path" in parts else ["allowxdp"]
            with contextlib.closing(Bed(settings, family, path, n, names)) as bed:
                for scenario in settings.scenarios:
                    settings.log(f"  {scenario}")
                    try:
                        if "path" in parts:
                            good &= measure_path(bed, settings, results, noise, n, scenario)
                        if "ns" in parts:
                            measure_ns(bed, settings, results, n, scenario)
                    except Failed as e:  # a list may have no near misses
                        settings.log(f"  {scenario}: left out: {e}")
    return good


def part_size(settings, results, noise):
    family, size = settings.families[0], min(10000, max(settings.sizes))
    path, n = settings.make_list(family, size)
    settings.log(f"packet sizes, IPv{family}, {n} prefixes")
    good = True
    with contextlib.closing(Bed(settings, family, path, n, settings.filters)) as bed:
        for frame in (64, 512, LARGE_FRAME):
            good &= measure_path(bed, settings, results, noise, n, "miss", frame, "size")
    return good


def part_cores(settings, results, noise):
    if len(os.sched_getaffinity(0)) < 2:
        settings.log("cores: left out: there is only one")
        return True
    family, size = settings.families[0], min(10000, max(settings.sizes))
    path, n = settings.make_list(family, size)
    settings.log(f"one core and two, IPv{family}, {n} prefixes")
    good = True
    names = [name for name in settings.filters if name != "xdp-filter"]
    with contextlib.closing(Bed(settings, family, path, n, names, ("eth0", "eth1"))) as bed:
        targets, base = targets_of(bed, "miss")
        bed.packets("miss", f.PORT)
        for cores in (1, 2):
            good &= cell(bed, targets, settings, results, noise, base, cores, part="cores", prefixes=n,
                         scenario="miss")
    return good
