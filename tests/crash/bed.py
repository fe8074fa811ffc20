# SPDX-License-Identifier: GPL-2.0-or-later
"""
A lab with small policies and an oracle: which of them the filter runs, by packets that are really sent; whether all files
can be read; and whether anything is left that nobody owns.
"""

import contextlib
import json
import os
import re
import select
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
# pylint: disable=wrong-import-position
from frames import udp  # noqa: E402
from lab import Lab, run, sweep, wait_for  # noqa: E402
from lab3 import config, service  # noqa: E402

GUARDED, FREE = 5060, 7000
# In the first policy, in the second, in both, in none; and what `add` adds.
ONLY_OLD = ("198.51.100.1", "2001:db8:51::1")
ONLY_NEW = ("198.51.100.2", "2001:db8:52::2")
ALWAYS = ("203.0.113.5", "2001:db8:7::5")
NEVER = ("198.51.100.66", "2001:db8:666::6")
ADDED4, ADDED6 = "198.51.100.9", "2001:db8:59::9"
SOURCES = (*ONLY_OLD, *ONLY_NEW, *ALWAYS, *NEVER, ADDED4, ADDED6)
BOTH = ["203.0.113.0/24", "2001:db8:7::/48"]

# Policies, by the sources that pass.
OLD, NEW, OPEN = frozenset(ONLY_OLD + ALWAYS), frozenset(ONLY_NEW + ALWAYS), frozenset(SOURCES)
WITH4, WITH6 = OLD | {ADDED4}, OLD | {ADDED6}
NAMES = {OLD: "the old policy", NEW: "the new policy", OPEN: "none: all pass", frozenset(): "none: all are dropped",
         WITH4: "the old policy and an entry", WITH6: "the old policy and an entry"}


class Violation(AssertionError):
    pass


def check(truth, what):
    if not truth:
        raise Violation(what)


def named(passing):
    return NAMES.get(passing) or f"a mixture, {sorted(passing)} pass"


class Bed:
    """What is loaded on eth0 of a lab, and what is known of it."""

    def __init__(self, number=0):
        self.lab = Lab()
        self.axp = self.lab.axp
        # A map of that size is this bed's, whoever else runs tests.
        self.mark = 2048 + os.getpid() % 4000 * 8 + number
        self.trace = self.lab.directory / "trace"
        self.sender = self.lab.net.packet_socket(protocol=0)
        self.tap = self.lab.host.tap()
        self.frames = self.make_frames()
        self.serial = 0
        self.loaded_pins = self.names = None

    def close(self):
        self.sender.close()
        self.tap.close()
        self.lab.close()

    # -- policies ---------------------------------------------------------------------------------

    def write(self, listed=OLD, ports=(f"udp/{GUARDED}",)):
        trunk = [a for a in (*ONLY_OLD, *ONLY_NEW) if a in listed]
        self.axp.write(config([service("sip", list(ports), ["trunk", "both"])], {"trunk": trunk, "both": BOTH},
                              flows={"capacity": self.mark}))

    # -- what packets say -------------------------------------------------------------------------

    def make_frames(self):
        """From each source; the last two always pass, and so say that all before them have been judged."""
        return [bytes(udp(self.lab, a, port, bytes(12)))
                for port, sources in ((GUARDED, SOURCES), (FREE, NEVER)) for a in sources]

    def passing(self):
        """The sources that pass now, as packets see it."""
        self.serial += 1
        mark = b"%10d" % self.serial
        for n, frame in enumerate(self.frames):
            self.sender.send(frame[:-12] + mark + b"%02d" % n)
        came = set()

        def judged():
            select.select([self.tap.socket], [], [], 0.05)
            came.update(int(frame[-2:]) for frame in self.tap.read() if frame[-12:-2] == mark)
            self.tap.frames.clear()
            return {len(SOURCES), len(SOURCES) + 1} <= came
        try:
            wait_for(judged, "packets to a port that is not guarded arrive")
        except AssertionError as error:
            raise Violation(f"shut altogether: {error}; {sorted(came)} arrived") from error
        return frozenset(a for n, a in enumerate(SOURCES) if n in came)

    def expect(self, allowed, when):
        got = self.passing()
        check(got in allowed, f"{when}: the filter runs {named(got)}, not {' or '.join(map(named, allowed))}")
        return got

    # -- commands ---------------------------------------------------------------------------------

    def run(self, *args):
        return self.axp(*args)

    def succeeds(self, when, *args):
        """Runs it; returns what it printed."""
        result = self.axp(*args)
        check(result.returncode == 0, f"{when}: `{' '.join(args)}` ends with {result.returncode}: {result.stderr}")
        return result.stdout

    def listed(self, when):
        """What list trunk has, as `list` says; `status` and `list` must have something to say."""
        self.succeeds_json(when, "status")
        shown = self.succeeds_json(when, "list")
        return frozenset(e["prefix"].split("/")[0] for l in shown["lists"] if l["name"] == "trunk" for e in l["entries"])

    def succeeds_json(self, when, *args):
        text = self.succeeds(when, *args, "--json")
        try:
            return json.loads(text)
        except ValueError as error:
            raise Violation(f"{when}: `{' '.join(args)} --json` printed {text!r}") from error

    # -- what is left -----------------------------------------------------------------------------

    def pins(self):
        """Names of pins; numbers that differ from one generation to the next are left out."""
        directory = self.axp.bpffs / "default"
        if not directory.exists():
            return []
        return sorted(re.sub(r"^(hits|lpm\d|dir\d)_\d+", r"\1_N", p.name) for p in directory.iterdir())

    def files(self):
        """Files of state, run and config."""
        found = set()
        for top in (self.axp.state, self.axp.run_dir, self.axp.etc):
            found |= {re.sub(r"policy-\d+$", "policy-N", str(p.relative_to(self.axp.directory)))
                      for p in top.rglob("*") if p.is_file()}
        return found

    def is_loaded(self):
        return (self.axp.bpffs / "default" / "control").exists()

    def check_loaded(self, when, optional=()):
        """Pins are those of an instance at rest. Old tables of hits may wait for the next fold, tries stay with their slot."""
        pins = self.pins()
        extra = list(pins)
        for name in self.loaded_pins:
            if name in optional and name not in extra:
                continue
            check(name in extra, f"{when}: the pin {name} is missing: {pins}")
            extra.remove(name)
        extra = [name for n, name in enumerate(extra)
                 if name != "hits_N" and (name not in ("lpm4_N", "lpm6_N") or name in extra[:n])]
        check(not extra, f"{when}: pins that nobody owns: {extra}")
        self.check_files(when)

    def check_files(self, when):
        stray = [f for f in self.files() if f not in self.names]
        check(not stray, f"{when}: files that nobody owns: {stray}")
        policies = list((self.axp.run_dir / "default").glob("policy-*"))
        check(len(policies) == self.is_loaded(), f"{when}: {[p.name for p in policies]} are there")

    def check_gone(self, when):
        """Nothing is pinned, attached, or in the kernel any more."""
        check(not self.pins(), f"{when}: pins are left: {self.pins()}")
        link = json.loads(self.lab.host.run("ip", "-j", "-d", "link", "show", "eth0").stdout)[0]
        check("xdp" not in link, f"{when}: an XDP program is on eth0: {link.get('xdp')}")
        filters = self.lab.host.run("bpftool", "net", "show", "dev", "eth0", check=False).stdout
        filters += self.lab.host.run("tc", "filter", "show", "dev", "eth0", "egress", check=False).stdout
        check("allowxdp" not in filters, f"{when}: a program is on eth0: {filters}")
        try:
            wait_for(lambda: not self.objects(), "the kernel has freed all")
        except AssertionError as error:
            raise Violation(f"{when}: the kernel still has {self.objects()}") from error
        self.check_files(when)

    def objects(self):
        """Maps of this bed, the programs that use them, the links of those."""
        maps = {m["id"] for m in bpftool("map") if m.get("max_entries") == self.mark}
        if not maps:
            return []
        programs = {p["id"] for p in bpftool("prog") if maps & set(p.get("map_ids", []))}
        links = {l["id"] for l in bpftool("link") if l.get("prog_id") in programs}
        return [("maps", maps), ("programs", programs), ("links", links)]

    # -- from one trial to the next ---------------------------------------------------------------

    def learn(self):
        """What pins and files there are when nothing goes wrong: of an instance at rest."""
        self.write()
        self.load()
        self.expect({OLD}, "at first")
        self.axp.ok("add", "trunk", ADDED4)
        self.axp.ok("remove", "trunk", ADDED4)
        self.loaded_pins = self.pins()
        self.names = self.files()
        self.axp.ok("unload", "--all")
        self.names |= self.files() | {"state/default/lists/trunk.list", "state/default/hits.changes"}
        self.check_gone("at first")

    def load(self):
        self.axp.ok("load", "eth0", "--mode", "native")

    def unload(self):
        self.axp.ok("unload", "--all")

    def settle(self, loaded, listed=OLD, ports=(f"udp/{GUARDED}",)):
        """Whatever runs now: in the end the first policy, or nothing. Cheap where it is so already."""
        self.write(listed, ports)
        for address in (ADDED4, ADDED6):
            if self.is_added(address):
                self.axp.ok("remove", "trunk", address)
        if self.is_loaded() and not loaded:
            self.unload()
        elif not self.is_loaded() and loaded:
            self.load()
        elif loaded:
            self.axp.ok("reload")
        self.expect({listed if loaded else OPEN}, "before it")

    def is_added(self, address):
        path = self.axp.state / "default" / "lists" / "trunk.list"
        return path.exists() and re.search(rf"^{re.escape(address)}/", path.read_text(encoding="ascii"), re.M)


def bpftool(what):
    for _ in range(20):  # it fails where an object goes while it looks, and others' tests run beside
        result = run("bpftool", "-j", what, "show", check=False)
        if result.returncode == 0:
            return json.loads(result.stdout or "[]")
    raise AssertionError(f"bpftool {what} show: {result.stdout} {result.stderr}")


@contextlib.contextmanager
def bed(number=0):
    made = Bed(number)
    try:
        made.learn()
        yield made
    finally:
        made.close()
