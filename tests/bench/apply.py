# SPDX-License-Identifier: GPL-2.0-or-later
"""Part apply: how long it takes until a list, or a change of it, is in force; and the memory that it takes."""

import contextlib
import os
import shutil

import filters as f
from place import Cgroup, Place
from results import of_runs

CHANGED = 10
MIB = 1 << 20
SLOW_NFT = 300000  # prefixes from which on nft takes minutes for a single change


class Lists:
    """The list, one with nothing in common with it, and one with ten of its prefixes changed."""

    def __init__(self, settings, family, size):
        self.first, self.n = settings.make_list(family, size)
        self.other, _ = settings.make_list(family, self.n, settings.seed + 1)
        self.changed = os.path.join(settings.directory, f"changed-{family}-{size}")
        with open(self.first, encoding="ascii") as old, open(self.other, encoding="ascii") as new, \
                open(self.changed, "w", encoding="ascii") as out:
            lines = old.readlines()
            step = max(len(lines) // CHANGED, 1)
            for at, line in zip(range(0, len(lines), step), new):
                lines[at] = line
            out.writelines(lines)


def allowxdp_changes(target, lists):
    """(operation, what it took), one after the other."""
    shutil.copyfile(lists.other, target.list_copy)
    yield "replace all", target.timed("reload", "--force")
    shutil.copyfile(lists.first, target.list_copy)
    target.timed("reload", "--force")
    shutil.copyfile(lists.changed, target.list_copy)
    yield f"replace {CHANGED}", target.timed("reload", "--force")
    prefix = f.OUTSIDE[target.family]
    yield "add one", target.timed("add", "bench", prefix)
    yield "remove one", target.timed("remove", "bench", prefix)


def other_changes(target, lists, full):
    yield "replace all", target.replace(lists.other)
    if isinstance(target, f.Nft) and lists.n >= SLOW_NFT and not full:
        return
    prefix = f.OUTSIDE[target.family]
    yield "add one", target.change("add", prefix)
    yield "remove one", target.change("remove", prefix)


def note_kernel_memory(values, after, target):
    """What its commands have made the kernel allocate so far; and what the kernel says of maps and sets."""
    charged = target.place.cgroup.kernel_bytes()
    if charged is not None:
        values[f"kernel memory after {after}", "MiB"] = charged / MIB
    if target.name == "allowxdp":
        values[f"maps after {after}, bpftool", "MiB"] = target.map_bytes() / MIB


def one_round(settings, family, lists, name, full):
    """{(operation, unit): value} of one filter."""
    values = {}
    with contextlib.ExitStack() as stack:
        place = Place(name, settings.directory)
        stack.callback(place.close)
        target = f.ALL[name](place, family, lists.first)
        stack.callback(target.close)
        place.cgroup = Cgroup()
        stack.callback(place.cgroup.close)
        took = target.set_up(None)
        values["load", "ms"], values["load: peak memory", "MiB"] = took.ms, took.peak_mib
        note_kernel_memory(values, "load", target)
        changes = allowxdp_changes(target, lists) if name == "allowxdp" else other_changes(target, lists, full)
        for operation, took in changes:
            values[operation, "ms"] = took.ms
            values[f"{operation}: peak memory", "MiB"] = took.peak_mib
            if operation == "replace all":
                note_kernel_memory(values, operation, target)
    return values


def part_apply(settings, results, noise, sizes, runs, full):
    names = [name for name in settings.filters if name in ("allowxdp", "nft-ingress", "ipset")]
    for family in settings.families if full else settings.families[:1]:
        for size in sizes:
            lists = Lists(settings, family, size)
            settings.log(f"applying, IPv{family}, {lists.n} prefixes")
            collected = {}
            for _ in range(runs):
                for name in names:
                    settings.log(f"  {f.ALL[name].label}")
                    for (operation, unit), value in one_round(settings, family, lists, name, full).items():
                        collected.setdefault((operation, unit, name), []).append(value)
                    noise.sample()
            for (operation, unit, name), values in collected.items():
                results.add(of_runs(values, part="apply", family=family, prefixes=lists.n, scenario=operation,
                                    filter=name, unit=unit))
    return True
