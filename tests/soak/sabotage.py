# SPDX-License-Identifier: GPL-2.0-or-later
"""
Mistakes on purpose, once a round, each of which must be noticed: they stand for a leak in the program or a gap in the filter.
"""

import subprocess
import sys

from lab import die_with_parent, run
from streams import ALWAYS
from world import Watched

# A stand-in for a daemon: at each line it leaves one more thing behind.
LEAKY = """
import ctypes, struct, sys
kept = []
for line in sys.stdin:
    if line == "fd\\n":
        kept.append(open("/dev/null"))
    elif line == "memory\\n":
        kept.append(bytearray(b"x" * (1 << 20)))
    elif line == "held\\n":
        attributes = ctypes.create_string_buffer(struct.pack("=IIIII", 2, 4, 4, 1, 0), 128)
        kept.append(ctypes.CDLL(None).syscall({"x86_64": 321, "aarch64": 280}[__import__("platform").machine()], 0,
                                              attributes, 128))
    print(flush=True)
"""


class Sabotage:
    """names: of MISTAKES"""

    def __init__(self, soak, names):
        self.soak, self.names = soak, names
        self.world = soak.world
        self.n = 0
        self.leaky = subprocess.Popen([sys.executable, "-c", LEAKY], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, preexec_fn=die_with_parent)
        self.world.lab.processes.append(self.leaky)
        if {"fd", "memory"} & set(names):
            self.world.watched.append(Watched("stand-in", self.leaky))

    def round(self):
        for name in self.names:
            self.n += 1
            getattr(self, name)()

    def tell(self, what):
        self.leaky.stdin.write(what + "\n")
        self.leaky.stdin.flush()
        self.leaky.stdout.readline()

    def fd(self):
        self.tell("fd")

    def memory(self):
        self.tell("memory")

    def held(self):
        """A map that somebody of us has a descriptor of, to the end."""
        self.tell("held")

    def pin(self):
        path = self.world.lab.axp.bpffs / f"leak{self.n}"
        run("bpftool", "map", "create", path, "type", "array", "key", "4", "value", "1048576", "entries", "1", "name",
            "leak")

    def process(self):
        self.world.lab.popen(self.world.lab.host, "sleep", "1000")

    def file(self):
        (self.world.proof.state / f"leak{self.n}").write_bytes(bytes(1 << 20))

    def loss(self):
        """A source that must never be off its list is, for a moment."""
        proof = self.world.proof
        good = proof.config.read_text(encoding="utf-8")
        proof.config.write_text(good.replace("203.0.113.0/24", "203.0.114.0/24"), encoding="utf-8")
        proof.ok("reload", "--force")
        self.seen("never")
        proof.config.write_text(good, encoding="utf-8")
        proof.ok("reload")
        assert ALWAYS[0].startswith("203.0.113.")

    def leak(self):
        """Nobody is kept out, for a moment."""
        self.world.proof.ok("mode", "off")
        self.seen("never")
        self.world.proof.ok("mode", "enforce")

    def seen(self, role):
        """Waits until some frames of that role have been sent."""
        stream = self.world.streams["proof"]
        index = next(i for i, f in enumerate(stream.sources.frames) if f.role == role)
        until = stream.sent.n(index) + 3
        self.soak.wait(lambda: stream.sent.n(index) >= until)


MISTAKES = ("fd", "memory", "held", "pin", "process", "file", "loss", "leak")
