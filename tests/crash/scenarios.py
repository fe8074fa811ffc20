# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that are killed or made to fail: from which state, to which, and what makes it good afterwards."""

from dataclasses import dataclass

from bed import ADDED4, ADDED6, GUARDED, NEW, OLD, OPEN, WITH4, WITH6

DEADLINE = "DEADLINE"
MORE_PORTS = (f"udp/{GUARDED}", "udp/5062")


@dataclass(frozen=True)
class Scenario:
    name: str
    argv: tuple
    before: frozenset  # what passes before it, and after it
    after: frozenset
    setup: tuple = ()  # commands, after the policy before is loaded and the config of the one after is written
    listed: frozenset = NEW  # in the config
    ports: tuple = (f"udp/{GUARDED}",)
    finish: tuple = ()  # a command that brings an instance to rest after it
    confirm: bool = False  # the change waits to be confirmed
    done: str = ""  # what the same command says, failing, where the first one had its effect all the same
    loaded: bool = True  # before it
    clsact: bool = False  # as on a kernel without TCX

    def words(self, deadline="10m"):
        return [deadline if w == DEADLINE else w for w in self.argv]

    @property
    def gone(self):
        return self.after == OPEN

    def prepare(self, bed):
        bed.settle(self.loaded)
        bed.write(self.listed, self.ports)
        for argv in self.setup:
            bed.axp.ok(*argv)


LOAD = ("load", "eth0", "--mode", "native")
SCENARIOS = {s.name: s for s in (
    Scenario("load", LOAD, OPEN, NEW, loaded=False),
    Scenario("load-confirm", LOAD + ("--confirm", DEADLINE), OPEN, NEW, loaded=False, confirm=True, finish=("confirm",),
             done="a change waits"),
    Scenario("load-clsact", LOAD, OPEN, NEW, loaded=False, clsact=True),
    # A few entries are changed in what runs; other ports are a new generation.
    Scenario("reload-entries", ("reload",), OLD, NEW),
    Scenario("reload", ("reload",), OLD, NEW, ports=MORE_PORTS),
    Scenario("reload-confirm", ("reload", "--confirm", DEADLINE), OLD, NEW, confirm=True, finish=("confirm",),
             done="a change waits"),
    Scenario("confirm", ("confirm",), NEW, NEW, setup=(("reload", "--confirm", "10m"),), done="nothing waits"),
    Scenario("rollback", ("rollback",), NEW, OLD, setup=(("reload", "--confirm", "10m"),), done="nothing to go back to"),
    Scenario("add", ("add", "trunk", ADDED4), OLD, WITH4, listed=OLD),
    Scenario("add-for", ("add", "trunk", ADDED6, "--for", "2h"), OLD, WITH6, listed=OLD),
    Scenario("remove", ("remove", "trunk", ADDED4), WITH4, OLD, listed=OLD, setup=(("add", "trunk", ADDED4),)),
    Scenario("unload", ("unload", "eth0"), OLD, OPEN, listed=OLD, done="is not loaded on eth0"),
)}
