# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are measured: pairs of network namespaces with veths between them, and build/bench/measure."""

import contextlib
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
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
        self.cgroup = None
        self.directory = Path(tempfile.mkdtemp(dir=directory, prefix=f"{name}-"))
        self.stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
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
        # The net says nothing by itself (neighbour discovery, multicast): all that arrives has been sent.
        self.net.sysctl(ipv6__conf__all__disable_ipv6=1, ipv6__conf__default__disable_ipv6=1)
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
        with self.host.inside():
            return nft_counter("sink", "passed")

    def arrived(self):
        """Frames that veth handed to the receiver, ever."""
        total = 0
        for link in self.links:
            out = self.host.run("ethtool", "-S", link).stdout
            total += sum(map(int, re.findall(r"rx_queue_\d+_xdp_packets: (\d+)", out)))
        return total

    def close(self):
        self.stack.close()


def attribute(kind, value):
    data = struct.pack("=HH", 4 + len(value), kind) + value
    return data + bytes(-len(data) % 4)


def attributes(data):
    """{type: value} of netlink attributes."""
    found = {}
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3FFF] = data[4:size]
        data = data[(size + 3) & ~3:]
    return found


def nft_counter(table, name):
    """
    Packets of a named counter of an inet table. `nft list counter` says it too, after it has read all there is:
    with a set of a million elements in the same namespace that takes minutes.
    """
    get_object = 10 << 8 | 19  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETOBJ
    body = struct.pack("!BBH", 1, 0, 0)  # NFPROTO_INET
    body += attribute(1, table.encode() + b"\0") + attribute(2, name.encode() + b"\0")
    body += attribute(3, struct.pack("!I", 1))  # NFT_OBJECT_COUNTER
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as sock:  # NETLINK_NETFILTER
        sock.settimeout(10)
        sock.send(struct.pack("=IHHII", 16 + len(body), get_object, 1, 1, 0) + body)
        answer = sock.recv(65536)
    size, kind = struct.unpack_from("=IH", answer)
    if kind == 2:  # NLMSG_ERROR
        raise OSError(-struct.unpack_from("=i", answer, 16)[0], "nftables counter")
    counter = attributes(attributes(answer[20:size])[4])  # NFTA_OBJ_DATA
    return struct.unpack("!Q", counter[2])[0]  # NFTA_COUNTER_PACKETS


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


class Cgroup:
    """A control group whose kernel memory is counted; `path` is None where there is no such thing."""

    def __init__(self):
        name = f"axp{os.getpid()}-bench"
        self.path = None
        for root, probe in (("/sys/fs/cgroup/memory", "memory.kmem.usage_in_bytes"), ("/sys/fs/cgroup", "memory.stat")):
            path = Path(root) / name
            try:
                path.mkdir()
            except OSError:
                continue
            if (path / probe).exists():
                self.path, self.file = path, path / probe
                return
            path.rmdir()

    def kernel_bytes(self):
        """What the kernel has allocated for its commands, once that stands still; None: not known here."""
        if not self.path:
            return None
        last, deadline = None, time.monotonic() + 20
        while True:  # what is freed goes later, in the background
            words = self.file.read_text(encoding="ascii").split()
            if len(words) > 1 and "kernel" not in words:
                return None  # before Linux 5.18
            value = int(words[0] if len(words) == 1 else words[words.index("kernel") + 1])
            if value == last or time.monotonic() > deadline:
                return value
            last = value
            time.sleep(0.25)

    def close(self):
        if self.path:
            self.path.rmdir()


class Timed:
    """What a command took."""

    def __init__(self, ns, peak_kib):
        self.ms = ns / 1e6
        self.peak_mib = peak_kib / 1024


def timed(place, *argv, env=None, timeout=900):
    """Runs a command in the place's host to its end, and says what it took; it must succeed."""
    report = place.directory / "took"
    if place.cgroup and place.cgroup.path:
        env = {**(env or os.environ), "BENCH_CGROUP": str(place.cgroup.path)}
    result = place.host.run(MEASURE, "time", report, *argv, check=False, env=env, timeout=timeout)
    words = report.read_text(encoding="ascii").split() if report.exists() else []
    report.unlink(missing_ok=True)
    if len(words) != 4 or words[0] != "0":
        raise Failed(f"{' '.join(map(str, argv[:6]))}: exit status {words[:1]}: {result.stderr.strip()[-500:]}")
    return Timed(int(words[1]), int(words[3]))


def directory():
    """A temporary directory whose name lab.sweep knows."""
    return tempfile.TemporaryDirectory(prefix=f"axp{os.getpid()}-bench-")


def sweep_own():
    """What this process has made and not yet written down as its own, when a signal came between the two."""
    for path in Path("/run/netns").glob(f"axp{os.getpid()}-b-*"):
        lab.run("ip", "netns", "delete", path.name, check=False)
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        source, target = line.split()[:2]
        if source == f"allowxdp-test-{os.getpid()}":
            lab.run("umount", target, check=False)
