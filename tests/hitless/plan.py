# SPDX-License-Identifier: GPL-2.0-or-later
"""
The policy that is changed all the time, the sources around everything that changes, and the changes.

Every IPv4 source and prefix has a twin in IPv6. Roles of sources, true in every state of the policy:
always: listed; never: not listed; mover: for exactly one of the ports A and B; other: it depends.
"""

import itertools
import json
import random

from oracle import Index, Policy, Service, covers
from traffic import Class, six

A, B, EXTRA, WANDERING, PAIRED, FENCE = 5060, 20000, 7000, 6005, 6500, 9
FENCE_EVERY = 32

ALWAYS = ["203.0.113.10", "10.20.30.40", "10.20.30.41"]
NEVER = [
    "203.0.113.11", "203.0.113.9", "203.0.7.7",  # next to one that is always listed, and in its /16
    "172.16.5.9", "172.16.9.9",                  # in the /24 and the /16 of hosts that come and go
    "100.64.1.9",                                # next to movers
    "10.20.31.5",                                # in a hole under prefixes that come and go
    "21.5.5.200",                                # in a /24 of the large list
    "160.1.1.9", "198.51.100.66",
]
# Below 0, 1, 2... of the prefixes that come and go around 10.20.30.40, which is listed by itself.
NEST = ["10.200.0.1", "10.30.0.1", "10.20.200.1", "10.20.17.1", "10.20.30.200", "10.20.30.33", "10.20.30.42"]
NEST_PREFIXES = ["10.0.0.0/8", "10.16.0.0/12", "10.20.0.0/16", "10.20.16.0/20", "10.20.30.0/24", "10.20.30.32/28",
                 "10.20.30.40/30", "!10.20.192.0/18", "!10.30.0.0/24"]
LIVE = [f"172.16.5.{n}" for n in (1, 2, 3, 4, 6)]
LIVE_PREFIXES = [f"{s}/32" for s in LIVE] + ["172.16.5.0/29", "172.16.5.0/30", "172.16.5.2/31", "!172.16.5.4/31"]
# A prefix that comes and goes over sixteen holes; a hole that comes and goes over sixteen hosts listed by themselves.
FOLDS = range(16, 32)
FOLD_PREFIXES = ["192.168.0.0/18", "192.168.16.0/20", "!192.168.64.0/19", "!192.168.80.0/20"]
IN_HOLES = [f"192.168.{n}.5" for n in FOLDS if n % 3 == 0]
IN_LISTED = [f"192.168.{64 + n}.5" for n in FOLDS if n % 3 == 0]
# Listed by themselves for port B, under prefixes that come and go for port A.
IN_FOLDS = [f"192.168.{n}.99" for n in FOLDS]
# PAIRED is a port of A or of B; some sources change sides with it in every reload, others go the other way.
WITH_PORT = [f"100.65.1.{n}" for n in range(1, 5)]
AGAINST_PORT = [f"100.65.1.{n}" for n in range(65, 69)]
MOVERS = ["100.64.1.1", "100.64.1.2", "100.64.1.3", "100.64.1.4"]
BULK = ["21.5.5.5", "21.5.5.130", "150.1.1.1"]
SMALL = ["160.1.1.1", "160.1.1.2"]
GUEST, NO_GUEST = "170.1.1.1", "170.1.1.2"

RELOADS = ("small", "whole", "lists moved", "sources moved", "service", "order", "ports", "all")


def both(entries):
    return [twin for e in entries for twin in (e, six(e))]


def classes():
    """Rounds as they are sent, with a fence in between and at the end."""
    found = []

    def put(role, source, *ports, protocol="udp"):
        found.extend(Class(role, source, protocol, port, False) for port in ports)
    for version in (str, six):
        for source in ALWAYS:
            put("always", version(source), A, B)
        put("always", version(ALWAYS[0]), A, protocol="tcp")
        put("always", version(ALWAYS[0]), EXTRA, WANDERING)
        for source in NEVER:
            put("never", version(source), A)
        for source in IN_LISTED:
            put("always", version(source), A)
        for source in IN_FOLDS[::3]:
            put("always", version(source), B)
            put("other", version(source), A)
        for source in WITH_PORT:
            put("always", version(source), *[PAIRED] * 4)
        for source in AGAINST_PORT:
            put("never", version(source), *[PAIRED] * 4)
        for source in IN_HOLES:
            put("never", version(source), A)
        for source in NEVER[::3]:
            put("never", version(source), B)
        put("never", version(NEVER[0]), A, protocol="tcp")
        for source in NEST:
            put("other", version(source), A)
        for source in NEST[::3]:
            put("other", version(source), B)
        for source in MOVERS:
            put("mover", version(source), A, B)
        for source in LIVE + BULK + SMALL:
            put("other", version(source), A)
        for source in (GUEST, NO_GUEST):
            put("other", version(source), EXTRA)
        for source in (NEVER[0], MOVERS[0]):
            put("other", version(source), WANDERING)
    # Neighbours in the order should be strangers to each other; a mover's two ports stay together.
    groups = [found[i:i + 2] for i in range(0, len(found), 2)]
    random.Random(1).shuffle(groups)
    spread = [c for group in groups for c in group]
    out = []
    for n, c in enumerate(spread, 1):
        out.append(c)
        if n % (FENCE_EVERY - 1) == 0 or n == len(spread):
            out.append(Class("fence", "198.51.100.66", "udp", FENCE, True))
    return out


def bulk_entries(n, variant):
    """The large list: nothing but the sources of BULK that belong to this variant, and strangers' prefixes."""
    dice = random.Random(variant)
    found = {["21.5.5.0/25", "21.5.5.128/26"][variant]}
    if variant:
        found.add("150.1.1.1/32")
    while len(found) < n:
        length = dice.randrange(20, 33)
        number = dice.randrange(20 << 24, 60 << 24) >> (32 - length) << (32 - length)
        text = ".".join(str(number >> s & 255) for s in (24, 16, 8, 0)) + f"/{length}"
        if not any(covers(text, s) for s in NEVER + BULK):
            found.add(text)
    entries = sorted(found)
    return entries + [six(e) for e in entries[::4]] + [six(e) for e in sorted(found) if e.startswith(("21.5.", "150."))]


class Plan:
    def __init__(self, directory, prefixes, seed):
        self.directory = directory
        self.dice = random.Random(seed)
        self.classes = classes()
        self.bulk = [list(dict.fromkeys(bulk_entries(prefixes, v))) for v in (0, 1)]
        self.bulk_index = [Index(entries) for entries in self.bulk]
        for v in (0, 1):
            self.write(f"bulk{v}", self.bulk[v])
        self.state = {"variant": 0, "small": 0, "swapped_lists": False, "swapped_sources": False, "paired": 0,
                      "extra": True, "wide": False, "wandering": "a", "order": ("a", "b", "extra")}
        self.added = {name: Index() for name in ("live", "nest", "folds", "noise")}
        self.present = set()  # (list, entry) that commands added
        self.policy = None
        self.compose()

    # -- the config ---------------------------------------------------------------------------------

    def write(self, name, entries):
        path = self.directory / f"{name}.list"
        path.write_text("".join(f"{e} # {name}\n" for e in entries), encoding="ascii")
        return path

    def services(self):
        state = self.state
        one, other = ("right", "left") if state["swapped_lists"] else ("left", "right")
        wandering = ["udp/6000-6004", "udp/6005-6010"] if state["wide"] else ["udp/6000-6010"]
        ports = {"a": ["udp/5060", "tcp/5060"], "b": ["udp/10000-30000"] if state["wide"] else ["udp/20000-20100"]}
        allow = {"a": ["core", "live", "nest", "folds", "noise", "bulk", "small", one],
                 "b": ["core", "nest", "inner", other]}
        if state["wandering"]:
            ports[state["wandering"]] += wandering
        side, far = ("a", "b") if state["paired"] else ("b", "a")
        ports[side].append(f"udp/{PAIRED}")
        allow[side].append("with")
        allow[far].append("against")
        known = {name: Service(name, ports[name], allow[name]) for name in ports}
        known["extra"] = Service("extra", [f"udp/{EXTRA}"], ["core", "guests"])
        return [known[name] for name in state["order"] if name != "extra" or state["extra"]]

    def contents(self):
        movers = ["100.64.1.1/32", "100.64.1.2/32"], ["100.64.1.3/32", "100.64.1.4/31"]
        left, right = movers[::-1] if self.state["swapped_sources"] else movers
        small = ["160.1.0.0/30"] + [f"{s}/32" for n, s in enumerate(SMALL) if self.state["small"] >> n & 1]
        return {
            "core": both([f"{ALWAYS[0]}/32", "10.20.30.40/31"]),
            "live": both(["172.16.4.0/30"]),
            "nest": both(["10.99.0.0/30", "!10.20.31.0/28"]),
            "folds": both([f"!192.168.{n}.0/28" for n in FOLDS] + ["192.168.64.0/18"] +
                          [f"192.168.{64 + n}.5/32" for n in FOLDS]),
            "noise": both(["172.18.0.0/30"]),
            "left": both(left), "right": both(right),
            "small": both(small),
            "inner": both([f"{s}/32" for s in IN_FOLDS]),
            "with": both([f"{s}/32" for s in WITH_PORT]), "against": both(["100.65.1.64/29"]),
            "guests": both([f"{GUEST}/32"]),
        }

    def compose(self):
        """Files and config for what the state says now; the policy is what the oracle makes of it."""
        state, contents = self.state, self.contents()
        services = self.services()
        used = {name for s in services for name in s.allow}
        lists = {name: Index(entries) for name, entries in contents.items()}
        lists["bulk"] = self.bulk_index[self.state["variant"]]
        files = {name: str(self.write(name, entries)) for name, entries in contents.items()}
        files["bulk"] = str(self.directory / f"bulk{state['variant']}.list")
        self.policy = Policy(services, lists, self.added)
        return json.dumps({
            "mode": "enforce", "interfaces": ["eth0"],
            "services": [{"name": s.name, "ports": s.ports, "allow": s.allow} for s in services],
            "lists": [{"name": name, "file": path} for name, path in sorted(files.items()) if name in used],
        }, indent=1)

    def verdicts(self, policy=None):
        """A 0 or a 1 for each class. The roles are part of the plan: they must hold in every state."""
        policy = policy or self.policy
        passes = [policy.passes(c.source, c.protocol, c.port) for c in self.classes]
        movers = {}
        for c, p in zip(self.classes, passes):
            assert p or c.role not in ("always", "fence"), c
            assert not p or c.role != "never", c
            if c.role == "mover":
                movers.setdefault(c.source, []).append(p)
        assert all(sorted(m) == [False, True] for m in movers.values())
        return "".join("01"[p] for p in passes)

    # -- changes ------------------------------------------------------------------------------------

    def reload(self, kind):
        """Changes the state; the new config."""
        dice, state, everything = self.dice, self.state, kind == "all"
        state["paired"] ^= 1
        if kind == "small" or everything:
            state["small"] = dice.choice([n for n in range(4) if n != state["small"]])
        if kind == "whole" or everything:
            state["variant"] ^= 1
        if kind == "lists moved" or (everything and dice.random() < 0.5):
            state["swapped_lists"] ^= True
        elif kind == "sources moved" or everything:
            state["swapped_sources"] ^= True
        if kind == "order" or everything:
            state["order"] = dice.choice([o for o in itertools.permutations(state["order"]) if o != state["order"]])
        if kind == "service":
            state["extra"] ^= True
        if kind == "ports" or everything:
            state["wide"] ^= True
            state["wandering"] = dice.choice([w for w in ("a", "b", None) if w != state["wandering"]])
        return self.compose()

    def pick(self):
        """(list, entry) to add, or to remove if it is there."""
        dice = self.dice
        which = dice.random()
        if which < 0.35:
            name, entry = "live", dice.choice(LIVE_PREFIXES)
        elif which < 0.7:
            name, entry = "nest", dice.choice(NEST_PREFIXES)
        elif which < 0.85:
            name, entry = "folds", dice.choice(FOLD_PREFIXES)
        else:
            network, step = dice.choice([("172.16.6.", 1), ("172.16.7.", 4), ("203.0.7.", 64), ("21.5.6.", 32)])
            name, entry = "noise", f"{network}{dice.randrange(256 // step) * step}/{33 - step.bit_length()}"
            if any(covers(entry, s) for s in NEVER):
                entry = f"172.16.8.{dice.randrange(256)}/32"
        return name, six(entry) if dice.random() < 0.5 else entry

    def entry(self, name, entry):
        """Adds the entry, or removes it if it is there; what to type."""
        if (name, entry) in self.present:
            self.present.remove((name, entry))
            self.added[name].remove(entry)
            return "remove", name, entry
        self.present.add((name, entry))
        self.added[name].add(entry)
        return "add", name, entry
