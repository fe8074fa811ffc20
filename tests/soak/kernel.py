# SPDX-License-Identifier: GPL-2.0-or-later
"""
What BPF objects the kernel has, and which of them are ours. Other tests may run beside us, so: ours is what came
since we began and what nobody else holds, pins or has attached. So an object that leaked, and that nobody can
be named for, is ours.
"""

import collections
import json
import os
import time
from pathlib import Path

from lab import run

KINDS = ("map", "prog", "link")
FD_KINDS = {"map_id": "map", "prog_id": "prog", "link_id": "link"}


def bpftool(*argv):
    """A look while others come and go: an empty one where an object went meanwhile."""
    result = run("bpftool", "-f", "-j", *argv, check=False)
    try:
        return json.loads(result.stdout or "[]")
    except json.JSONDecodeError:
        return []


def listing():
    """{(kind, id): what bpftool says of it}"""
    for _ in range(20):
        found = {}
        for kind in KINDS:
            shown = bpftool(kind, "show")
            if not isinstance(shown, list) or any("error" in o for o in shown):
                break  # one went while it was being read
            found.update({(kind, o["id"]): o for o in shown})
        else:
            return found
        time.sleep(0.1)
    raise AssertionError("bpftool lists nothing")


def held_by(pid):
    """Objects that a process has descriptors of."""
    found = set()
    try:
        for path in Path(f"/proc/{pid}/fdinfo").iterdir():
            try:
                if "bpf" not in os.readlink(f"/proc/{pid}/fd/{path.name}"):
                    continue
                for line in path.read_text(encoding="ascii", errors="replace").splitlines():
                    name, _, value = line.partition(":")
                    if name in FD_KINDS:
                        found.add((FD_KINDS[name], int(value)))
            except OSError:
                continue
    except OSError:
        pass
    return found


class Kernel:
    def __init__(self, mark, directory, namespaces):
        """mark: NAME=VALUE in the environment of all our processes; directory: above our pins."""
        self.mark, self.directory = mark.encode(), str(directory)
        self.namespaces = set(namespaces)
        self.before = set(listing())

    def processes(self):
        """Ours, but not this one."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if int(path.name) != os.getpid() and self.mark in (path / "environ").read_bytes().split(b"\0"):
                    found.append(int(path.name))
            except OSError:
                continue
        return sorted(found)

    def foreign(self, objects, thorough):
        """What is held by others, and all that hangs on it."""
        ours = {os.getpid(), *self.processes()}
        roots = set()
        for path in Path("/proc").glob("[0-9]*"):
            if int(path.name) not in ours:
                roots |= held_by(path.name)
        for key, o in objects.items():
            if any(not p.startswith(self.directory) for p in o.get("pinned", ())):
                roots.add(key)
        if thorough:
            roots |= self.attached_elsewhere()
        return closure(roots, objects)

    def attached_elsewhere(self):
        found = set()
        for path in Path("/run/netns").iterdir():
            if path.name in self.namespaces:
                continue
            for where in json.loads(run("nsenter", f"--net={path}", "bpftool", "-j", "net", "show",
                                        check=False).stdout or "[]"):
                found |= {("prog", a["id"]) for kind in where.values() if isinstance(kind, list)
                          for a in kind if "id" in a}
        return found

    def ours(self, thorough=False):
        """{(kind, id): what bpftool says} of ours that were there before and after the look at others."""
        first = listing()
        foreign = self.foreign(first, thorough)
        second = listing()
        return {k: o for k, o in second.items() if k in first and k not in self.before and k not in foreign}

    def settles(self, as_wanted, patience):
        """Ours, once they are as wanted (by a Counter of `kinds`), or what they are when patience ends."""
        deadline = time.monotonic() + patience
        thorough = False
        while True:
            found = self.ours(thorough)
            if as_wanted(kinds(found)) or time.monotonic() > deadline and thorough:
                return found
            thorough = time.monotonic() > deadline - patience / 2
            time.sleep(0.3)


def closure(roots, objects):
    found, todo = set(), list(roots)
    while todo:
        key = todo.pop()
        if key in found:
            continue
        found.add(key)
        o = objects.get(key)
        if o is None:
            continue
        if key[0] == "prog":
            todo += [("map", n) for n in o.get("map_ids", ())]
        elif key[0] == "link" and "prog_id" in o:
            todo.append(("prog", o["prog_id"]))
        elif o.get("type") in ("array_of_maps", "hash_of_maps"):
            todo += [("map", n) for n in inner(key[1])]
    return found


def inner(map_id):
    """Ids of the maps in a map of maps."""
    found = []
    for entry in bpftool("map", "dump", "id", str(map_id)) or ():
        value = entry.get("value") if isinstance(entry, dict) else None
        if isinstance(value, list):
            found.append(int.from_bytes(bytes(int(b, 16) for b in value), "little"))
        elif isinstance(entry, dict) and "inner_map_id" in entry:
            found += [int.from_bytes(bytes(int(b, 16) for b in entry["inner_map_id"]), "little")]
    return found


def name_of(key, o):
    if key[0] == "map":
        return f"map {o.get('name', '-')} ({o.get('type')}, {o.get('max_entries')})"
    return f"{key[0]} {o.get('name', o.get('type', '-'))}"


def kinds(objects):
    return collections.Counter(name_of(k, o) for k, o in objects.items())


def memory(objects, leave_out):
    """Bytes that the kernel says our maps take, but for those of one kind."""
    return sum(o.get("bytes_memlock", 0) for k, o in objects.items() if k[0] == "map" and name_of(k, o) != leave_out)


def totals(objects):
    return {kind: sum(k[0] == kind for k in objects) for kind in KINDS}
