# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are measured: pairs of network namespaces with veths between them, and build/bench/measure."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

import lab  # noqa: E402  the fixtures of the end-to-end tests: only the standard library is needed

MEASURE = ROOT / "build" / "bench" / "measure"
HOST_MAC = "02:00:00:00:00:02"  # what the frames say (engine.c); others would be dropped as not for us
SOURCES = {4: 1 << 21, 6: 1 << 20}
SINK = """table inet sink {
  counter passed { }
  chain prerouting { type filter hook prerouting priority 0; counter name passed drop; }
}
"""


class Failed(Exception):
    """Something that was asked for cannot be had; its text says what and why."""


class Place:
    """
    A host with a filter, and a net that sends. Behind the filter, in `inet prerouting`, a sink counts and
    drops what passes: every filter's passed packets go the same way, to the same end.
    """

    def __init__(self, name, directory, links=("eth0",)):
        self.name = name
        self.stack = contextlib.ExitStack()
        self.links = links
        self.directory = Path(directory) / name
        self.directory.mkdir(mode=0o755)
        try:
            self.host = self.own(lab.Namespace(f"axp{os.getpid()}-b-{name}-host"))
            self.net = self.own(lab.Namespace(f"axp{os.getpid()}-b-{name}-net"))
            self.connect()
        except BaseException:
            self.close()
            raise

    def own(self, thing):
        self.stack.callback(thing.close)
        return thing

    def connect(self):
        for ns in (self.host, self.net):
            ns.sysctl(ipv6__conf__default__accept_dad=0, ipv6__conf__default__accept_ra=0,
                      ipv6__conf__default__router_solicitations=0)
            ns.ip("link set lo up")
        for n, link in enumerate(self.links):
            self.host.ip(f"link add {link} index {10 + n} address {HOST_MAC} type veth "
                         f"peer name {link} index {50 + n} netns {self.net.name}")
            for ns in (self.host, self.net):
                ns.ip(f"link set {link} up")
                # As network cards have it; and it is what lets veth take frames that never were skbs.
                ns.run("ethtool", "-K", link, "gro", "on")
        self.nft(SINK)

    def nft(self, text):
        path = self.directory / "ruleset.nft"
        path.write_text(text, encoding="ascii")
        self.host.run("nft", "-f", path, timeout=600)

    def passed(self):
        """Packets that came past the filter, ever."""
        out = self.host.run("nft", "-j", "list", "counter", "inet", "sink", "passed", timeout=120).stdout
        return next(o["counter"]["packets"] for o in json.loads(out)["nftables"] if "counter" in o)

    def arrived(self):
        """Frames that veth handed to the receiver, ever."""
        total = 0
        for link in self.links:
            out = self.host.run("ethtool", "-S", link).stdout
            total += sum(map(int, re.findall(r"rx_queue_\d+_xdp_packets: (\d+)", out)))
        return total

    def close(self):
        self.stack.close()


class Took:
    """What a number of packets took, in ns."""

    def __init__(self, words):
        self.packets, self.wall, self.cpu, self.received, self.preemptions = map(int, words)

    def per_packet(self, what="received"):
        return getattr(self, what) / self.packets


class Engine:
    """build/bench/measure serve: makes packets of one family, on one core."""

    def __init__(self, family, cpu=0, sources=None):
        self.family = family
        self.process = subprocess.Popen(
            [str(MEASURE), "serve", str(family), str(cpu), str(sources or SOURCES[family])], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=lab.die_with_parent)

    def begin(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def end(self):
        answer = self.process.stdout.readline().split()
        if not answer:
            raise Failed(f"{MEASURE.name} ended: see above")
        if answer[0] != "ok":
            raise Failed(" ".join(answer[1:]))
        return answer[1:]

    def ask(self, *words):
        self.begin(*words)
        return self.end()

    def use(self, path):
        self.ask("list", path)

    def begin_send(self, place, count, link="eth0"):
        self.begin("send", place.net.path, link, count)

    def end_send(self):
        return Took(self.end())

    def send(self, place, count, link="eth0"):
        self.begin_send(place, count, link)
        return self.end_send()

    def run(self, program, count):
        return Took(self.ask("run", program, count))

    def attach(self, place, which):
        for link in place.links:
            self.ask("attach", place.host.path, link, which)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)


class Timed:
    """What a command took."""

    def __init__(self, ns, peak_kib):
        self.ms = ns / 1e6
        self.peak_mib = peak_kib / 1024


def timed(place, *argv, env=None, timeout=900):
    """Runs a command in the place's host to its end, and says what it took; it must succeed."""
    report = place.directory / "took"
    result = place.host.run(MEASURE, "time", report, *argv, check=False, env=env, timeout=timeout)
    words = report.read_text(encoding="ascii").split()
    report.unlink()
    if len(words) != 4 or words[0] != "0":
        raise Failed(f"{' '.join(map(str, argv[:6]))}: exit status {words[:1]}: {result.stderr.strip()[-500:]}")
    return Timed(int(words[1]), int(words[3]))


def directory():
    """A temporary directory whose name lab.sweep knows."""
    return tempfile.TemporaryDirectory(prefix=f"axp{os.getpid()}-bench-")
