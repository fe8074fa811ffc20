# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: a host with a veth called eth0, and the net on the other side of it, in network namespaces.

    namespace NAME-net                         namespace NAME-host
    provider and other addresses on lo         192.0.2.10, 2001:db8:1::10
    192.0.2.1, 2001:db8:1::1 on eth0  <------> eth0, which allowxdp guards; default route to the net

Nothing here touches the interfaces of the machine itself. Every lab has its own namespaces, bpffs and
directories, so that tests can run side by side; `Lab.close` removes all of it.
"""

import atexit
import contextlib
import ctypes
import fcntl
import functools
import itertools
import json
import math
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


# Ubuntu's /usr/sbin/bpftool is a wrapper that wants the tools of the very kernel that runs: a real one comes first.
for _real in (*Path("/usr/lib/linux-tools").glob("*/bpftool"), *Path("/usr/lib").glob("linux-tools-*/bpftool")):
    os.environ["PATH"] = f"{_real.parent}:{os.environ['PATH']}"
    break


@functools.cache
def copies():
    """A directory for copies of files of this tree that other users may not get at (a checkout in somebody's home)."""
    made = Path(tempfile.mkdtemp(prefix=f"axp{os.getpid()}-copies-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    made.chmod(0o755)
    return made


def is_open(path):
    """May every user go there, or run it?"""
    return all(p.stat().st_mode & 0o001 for p in (path, *path.parents))


def binary():
    """The program under test."""
    original = Path(os.environ.get("ALLOWXDP_BINARY", ROOT / "build" / "allowxdp"))
    if not original.exists() or is_open(original):
        return original
    for program in (original, original.with_name("allowxdpd")):
        shutil.copy2(program, copies())
        (copies() / program.name).chmod(0o755)
    return copies() / original.name


def profiles():
    """
    The profiles of this tree; a copy of root's own where another user may write those, as allowxdp would refuse them, or
    may not read them.
    """
    original = ROOT / "profiles"
    paths = [original, *original.parents, *original.iterdir()]
    if is_open(original) and all(p.stat().st_mode & 0o004 for p in original.iterdir()) and \
            not any(p.stat().st_uid or (p.stat().st_mode & 0o022 and not p.stat().st_mode & 0o1000) for p in paths):
        return original
    copy = copies() / "profiles"
    copy.mkdir(mode=0o755)
    for p in original.iterdir():
        shutil.copyfile(p, copy / p.name)
        (copy / p.name).chmod(0o644)
    return copy


BINARY = binary()
PROFILES = profiles()
SLOW = float(os.environ.get("ALLOWXDP_TEST_SLOW", 1))  # on an emulated machine: what all limits are multiplied by

HOST4, HOST6 = "192.0.2.10", "2001:db8:1::10"
GATEWAY4, GATEWAY6 = "192.0.2.1", "2001:db8:1::1"

# Sources in the net. The first six are real provider addresses, from profiles/.
FRESHCHAT_US = "52.1.37.96"
FRESHCHAT_EU = "18.184.146.22"
FRESHCHAT_IN = "13.232.152.211"
FRESHCHAT_AU = "3.105.197.171"
EXOTEL_MUMBAI = "182.76.143.61"
EXOTEL_KARNATAKA = "14.194.10.247"
OFFICE4, OFFICE6 = "203.0.113.10", "2001:db8:7::5"
NEIGHBOUR = "13.232.152.212"  # next to a listed address
STRANGER4, STRANGER6 = "198.51.100.66", "2001:db8:666::6"
SOURCES = [
    FRESHCHAT_US, FRESHCHAT_EU, FRESHCHAT_IN, FRESHCHAT_AU, EXOTEL_MUMBAI, EXOTEL_KARNATAKA,
    OFFICE4, OFFICE6, NEIGHBOUR, STRANGER4, STRANGER6,
]

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
SOL_PACKET = 263
PACKET_AUXDATA = 8
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33

libc = ctypes.CDLL(None, use_errno=True)
serial = itertools.count(1)


def run(*argv, check=True, timeout=60, **kwargs):
    """Runs a command to its end; its output is text in .stdout and .stderr."""
    result = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=timeout * SLOW, check=False, **kwargs)
    if check and result.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit status {result.returncode}\n"
                             f"{result.stdout}{result.stderr}")
    return result


def lasting(seconds):
    """Whole seconds, long enough for what is to happen meanwhile."""
    return math.ceil(seconds * SLOW)


def wait_for(condition, what, timeout=15.0):
    """Polls until condition() is true, and returns its value."""
    deadline = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout:g} s still not: {what}")
        time.sleep(0.02)


def die_with_parent():
    """In a child: what is left running when the tests are killed must not stay."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Namespace:
    """A network namespace, by its name below /run/netns."""

    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        run("ip", "netns", "add", name)

    def wrap(self, *argv):
        # Not `ip netns exec`: that would hide the bpffs, and take pins down with the command.
        return ["nsenter", f"--net={self.path}", "--", *map(str, argv)]

    def run(self, *argv, **kwargs):
        return run(*self.wrap(*argv), **kwargs)

    def ip(self, *lines):
        """Runs lines of `ip -batch`."""
        text = "\n".join(lines) + "\n"
        result = subprocess.run(["ip", "-n", self.name, "-batch", "-"], input=text, text=True,
                                capture_output=True, timeout=30 * SLOW, check=False)
        if result.returncode != 0:
            raise AssertionError(f"ip -n {self.name} -batch: {result.stderr}\n{text}")

    @contextlib.contextmanager
    def inside(self):
        """This thread is in the namespace; sockets opened meanwhile stay there."""
        back = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(there, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns {self.path}")
            yield
        finally:
            if libc.setns(back, CLONE_NEWNET) != 0:
                os.abort()
            os.close(there)
            os.close(back)

    def sysctl(self, **values):
        with self.inside():
            for name, value in values.items():
                path = Path("/proc/sys/net") / name.replace("__", "/")
                path.write_text(f"{value}\n", encoding="ascii")

    def snmp(self, protocol):
        """Counters of /proc/net/snmp, for instance snmp("Tcp")["OutSegs"]."""
        with self.inside():
            lines = Path("/proc/thread-self/net/snmp").read_text(encoding="ascii").splitlines()
        names, values = [l.split()[1:] for l in lines if l.startswith(protocol + ":")]
        return dict(zip(names, map(int, values)))

    def udp(self, address, port=0, timeout=5.0):
        """A UDP socket bound to address and port."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.inside():
            sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.settimeout(timeout * SLOW)
        return sock

    def packet_socket(self, interface="eth0", protocol=ETH_P_ALL):
        with self.inside():
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
            sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
            sock.bind((interface, protocol))
        return sock

    def tap(self, interface="eth0", outgoing=False):
        return Tap(self, interface, outgoing)

    @functools.cache
    def mac(self, interface="eth0"):
        return json.loads(self.run("ip", "-j", "link", "show", interface).stdout)[0]["address"]

    def close(self):
        run("ip", "netns", "delete", self.name, check=False)


class Tap:
    """Frames on an interface: those that come in, past the filter, or those that go out."""

    def __init__(self, namespace, interface="eth0", outgoing=False):
        self.socket = namespace.packet_socket(interface)
        self.outgoing = outgoing
        self.frames = []

    def read(self):
        """All frames so far; the VLAN tag that the kernel took off is put back."""
        while select.select([self.socket], [], [], 0)[0]:
            frame = receive_frame(self.socket, self.outgoing)
            if frame is not None:
                self.frames.append(frame)
        return self.frames

    def count(self, marker):
        return sum(marker in frame for frame in self.read())

    def close(self):
        self.socket.close()


def receive_frame(sock, outgoing=False):
    """One frame with its outer VLAN tag in place, or None for one of the other direction."""
    data, ancillary, _, address = sock.recvmsg(65536, 256)
    if (address[2] == socket.PACKET_OUTGOING) != outgoing:
        return None
    for level, kind, value in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", value[:20])
            if status & TP_STATUS_VLAN_VALID:
                tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                data = data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
    return data


class UserVlan(threading.Thread):
    """A VLAN sub-interface in user space, for kernels without any: a TAP device, tags put on and off."""

    TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000

    def __init__(self, namespace, name, tags):
        super().__init__(daemon=True)
        self.tags = b"".join(struct.pack("!HH", tpid, vid) for tpid, vid in tags)
        self.lower = namespace.packet_socket()
        with namespace.inside():
            self.tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(self.tap, self.TUNSETIFF,
                        struct.pack("16sH22x", name.encode(), self.IFF_TAP | self.IFF_NO_PI))
        self.stop_pipe = os.pipe()
        self.start()

    def run(self):
        while True:
            ready = select.select([self.lower, self.tap, self.stop_pipe[0]], [], [])[0]
            if self.stop_pipe[0] in ready:
                return
            with contextlib.suppress(OSError):
                if self.lower in ready:
                    frame = receive_frame(self.lower)
                    end = 12 + len(self.tags)
                    if frame is not None and frame[12:end] == self.tags:
                        os.write(self.tap, frame[:12] + frame[end:])
                if self.tap in ready:
                    frame = os.read(self.tap, 65536)
                    self.lower.send(frame[:12] + self.tags + frame[12:])

    def close(self):
        os.write(self.stop_pipe[1], b".")
        self.join()
        self.lower.close()
        for fd in (self.tap, *self.stop_pipe):
            os.close(fd)


class AllowXdp:
    """The command, run in the host's namespace with directories of its own."""

    def __init__(self, namespace, directory, binary=None):
        self.namespace = namespace
        self.binary = str(binary or BINARY)
        self.directory = Path(directory)
        self.bpffs = self.directory / "bpf"
        self.state = self.directory / "state"
        self.run_dir = self.directory / "run"
        self.etc = self.directory / "etc"
        for d in (self.bpffs, self.state, self.run_dir, self.etc):
            d.mkdir(parents=True)
        self.config = self.etc / "allowxdp.yaml"
        run("mount", "-t", "bpf", f"allowxdp-test-{os.getpid()}", self.bpffs)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("ALLOWXDP_")}
        self.env.update(ALLOWXDP_BPFFS=str(self.bpffs), ALLOWXDP_STATE_DIR=str(self.state),
                        ALLOWXDP_RUN_DIR=str(self.run_dir), ALLOWXDP_PROFILE_DIR=str(PROFILES))

    def argv(self, *args, instance=None):
        start = [self.binary]
        if instance:  # has a config of its own
            start += ["--instance", instance]
        elif "-c" not in args:
            start += ["-c", str(self.config)]
        return self.namespace.wrap(*start, *args)

    def __call__(self, *args, instance=None, timeout=60):
        """Runs it; whatever the exit status."""
        return run(*self.argv(*args, instance=instance), env=self.env, check=False, timeout=timeout)

    def ok(self, *args, instance=None):
        """Runs it; it must succeed. Returns what it printed."""
        result = self(*args, instance=instance)
        assert result.returncode == 0, f"allowxdp {args}: {result.returncode}: {result.stderr}"
        return result.stdout

    def fails(self, *args, status=1, instance=None):
        """Runs it; it must fail with one line on stderr and nothing on stdout. Returns the line."""
        result = self(*args, instance=instance)
        return one_error(result, status)

    def start(self, *args, **kwargs):
        return subprocess.Popen(self.argv(*args), env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                preexec_fn=die_with_parent, **kwargs)

    def write(self, text):
        """Writes the config (text, or the arguments of `config_text` in a dict)."""
        self.config.write_text(config_text(**text) if isinstance(text, dict) else text,
                               encoding="utf-8")

    def json(self, *args, instance=None):
        return json.loads(self.ok(*args, "--json", instance=instance))

    def status(self, instance=None):
        return self.json("status", instance=instance)

    def counters(self, instance=None):
        return self.json("stats", instance=instance)["counters"]

    def count(self, service=None, verdict=None, reason=None, family=None, direction="in",
              interface=None, field="packets", instance=None):
        """Sum over the counters that match; None matches all."""
        wanted = {k: v for k, v in (("service", service), ("verdict", verdict), ("reason", reason),
                                    ("family", family), ("direction", direction),
                                    ("interface", interface)) if v is not None}
        return sum(c[field] for c in self.counters(instance)
                   if all(c[k] == v for k, v in wanted.items()))

    def pins(self):
        """Instances that have pins; the kernel's own files in every bpffs (*.debug) are none."""
        return sorted(p.name for p in self.bpffs.iterdir() if p.is_dir())

    def close(self):
        # Busy for a moment where another program makes a mount namespace; what is lazy goes with the last one.
        if run("umount", self.bpffs, check=False).returncode:
            run("umount", "--lazy", self.bpffs, check=False)


def one_error(result, status=1):
    assert result.returncode == status, (f"exit status {result.returncode}, not {status}: "
                                         f"{result.stdout!r} {result.stderr!r}")
    lines = result.stderr.splitlines()
    errors = [l for l in lines if not l.startswith("allowxdp: warning: ")]
    if status == 2:  # a hint at the usage may follow
        assert errors and errors[0].startswith("allowxdp: "), result.stderr
        return errors[0]
    assert len(errors) == 1, f"not one line of error: {result.stderr!r}"
    assert errors[0].startswith("allowxdp: "), result.stderr
    assert result.stdout == "", f"output although it failed: {result.stdout!r}"
    return errors[0]


HTTPS = ("https", ["tcp/443"], ["webhooks", "office"])
SIP = ("sip", ["udp/5060", "tcp/5060-5061"], ["exotel-sip", "office"])
RTP = ("rtp", ["udp/10000-60000"], ["exotel-media", "office"])
LISTS = {
    "webhooks": {"file": PROFILES / "freshchat-in.list"},
    "exotel-sip": [f"{EXOTEL_MUMBAI} # what the trunk's proxy resolved to"],
    "exotel-media": {"file": PROFILES / "exotel-mumbai-media.list"},
    "office": ["203.0.113.0/24 # head office", "2001:db8:7::/48"],
}


def config_text(mode="enforce", services=(HTTPS, SIP, RTP), lists=None, interfaces=("eth0",)):
    """A config in block YAML. A list is a sequence of prefixes, or {"file": ..., "prefixes": ...}."""
    quote = json.dumps
    lines = [f"mode: {mode}", f"interfaces: {quote(list(interfaces))}", "services:"]
    for name, ports, allow in services:
        lines += [f"  - name: {name}", f"    ports: {quote(ports)}", f"    allow: {quote(allow)}"]
    lines.append("lists:")
    for name, content in (LISTS if lists is None else lists).items():
        if not isinstance(content, dict):
            content = {"prefixes": content}
        lines.append(f"  - name: {name}")
        if "file" in content:
            lines.append(f"    file: {quote(str(content['file']))}")
        if "prefixes" in content:
            lines.append(f"    prefixes: {quote(list(content['prefixes']), ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


class Lab:
    """Host and net, the command in the host, and processes that end with the lab."""

    def __init__(self, links=("eth0",)):
        self.name = f"axp{os.getpid()}-{next(serial)}"
        self.cleanups = contextlib.ExitStack()
        self.directory = Path(self.cleanups.enter_context(
            tempfile.TemporaryDirectory(prefix=f"{self.name}-")))
        self.directory.chmod(0o755)
        self.processes = []
        try:
            self.net = self.own(Namespace(f"{self.name}-net"))
            self.host = self.own(Namespace(f"{self.name}-host"))
            self.axp = self.own(AllowXdp(self.host, self.directory / "allowxdp"))
            self.connect(links)
        except BaseException:
            self.close()
            raise

    def own(self, thing):
        """Closes it with the lab."""
        self.cleanups.callback(thing.close)
        return thing

    def connect(self, links):
        quiet = {f"ipv6__conf__{i}__{k}": v for i in ("all", "default")
                 for k, v in (("accept_dad", 0), ("dad_transmits", 0), ("accept_ra", 0))}
        quiet.update({f"ipv4__conf__{i}__rp_filter": 0 for i in ("all", "default")})
        self.net.sysctl(**quiet)
        self.host.sysctl(**quiet, ipv4__ping_group_range="0 2147483647")
        self.host.ip("link set lo up")
        self.net.ip("link set lo up",
                    *(f"addr add {a} dev lo{' nodad' if ':' in a else ''}" for a in SOURCES))
        self.link(links)

    def link(self, links):
        for n, link in enumerate(links):
            # Link 0 is 192.0.2.0/24 and 2001:db8:1::/64; link 1 is 192.0.3.0/24 and so on.
            # Unlike indexes: else the kernel takes the peers for one device, and a second to tell them that
            # the link is up (linkwatch_urgent_event).
            self.host.ip(f"link add {link} index {10 + n} type veth peer name {link} index {50 + n} "
                         f"netns {self.net.name}")
            self.address(link, n)
        self.host.ip(f"route add default via {GATEWAY4}", f"route add default via {GATEWAY6}")

    def address(self, link, n):
        for ns, last in ((self.host, 10), (self.net, 1)):
            # A link-local address by hand: the kernel's own may take a second to come.
            ns.ip(f"link set {link} addrgenmode none", f"addr add fe80::{last}/64 dev {link} nodad",
                  f"addr add 192.0.{2 + n}.{last}/24 dev {link}",
                  f"addr add 2001:db8:{1 + n}::{last}/64 dev {link} nodad",
                  f"link set {link} up")
            # A solicitation that came before the other side was ready is repeated soon.
            ns.sysctl(**{f"ipv{v}__neigh__{link}__{k}": value for v in (4, 6)
                         for k, value in (("retrans_time_ms", 50), ("mcast_solicit", 60))})

    def vlan(self, tags, n=100):
        """
        Sub-interfaces with these (TPID, VLAN) tags on both sides, their addresses as those of link n.
        Of the kernel, else in user space.
        """
        for ns in (self.host, self.net):
            lower = "eth0"
            for depth, (tpid, vid) in enumerate(tags):
                name = f"vlan{n}.{depth}" if depth < len(tags) - 1 else f"vlan{n}"
                made = run("ip", "-n", ns.name, "link", "add", "link", lower, "name", name, "type",
                           "vlan", "proto", {0x8100: "802.1q", 0x88A8: "802.1ad"}[tpid], "id", vid,
                           check=False)
                if made.returncode != 0:
                    break
                ns.ip(f"link set {name} up")
                lower = name
            else:
                continue
            self.own(UserVlan(ns, f"vlan{n}", tags))
        # Room for the tags within the MTU of eth0.
        for ns in (self.host, self.net):
            ns.ip(f"link set vlan{n} mtu 1400")
        self.address(f"vlan{n}", n)
        return f"192.0.{2 + n}.10", f"2001:db8:{1 + n}::10"

    def popen(self, namespace, *argv, **kwargs):
        kwargs.setdefault("stdout", subprocess.DEVNULL)
        kwargs.setdefault("stderr", subprocess.DEVNULL)
        process = subprocess.Popen(namespace.wrap(*argv), stdin=subprocess.DEVNULL,
                                   preexec_fn=die_with_parent, **kwargs)
        self.processes.append(process)
        return process

    def load(self, *args, **config):
        """Writes the config (see config_text) and loads it on eth0."""
        self.axp.write(config)
        self.axp.ok("load", "eth0", *args)
        return self.axp

    def send(self, *frames, count=1):
        """Sends raw frames (scapy's, or bytes) from the net to the host."""
        sock = self.net.packet_socket(protocol=0)
        try:
            for _ in range(count):
                for frame in frames:
                    sock.send(bytes(frame))
        finally:
            sock.close()

    def reaches(self, source, port, destination=None, timeout=1.0):
        """Does one UDP datagram from source arrive at a socket on that port of the host?"""
        destination = destination or (HOST6 if ":" in source else HOST4)
        marker = f"{self.name} {time.monotonic_ns()}".encode()
        with contextlib.closing(self.host.udp(destination, port, timeout)) as server, \
                contextlib.closing(self.net.udp(source)) as client:
            client.sendto(marker, (destination, port))
            try:
                while server.recv(2048) != marker:
                    pass
                return True
            except socket.timeout:
                return False

    def close(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(lasting(5))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()
        self.processes.clear()
        self.cleanups.close()


def sweep():
    """Removes what labs of tests that were killed left behind."""
    def dead(name):
        pid = name[3:].split("-")[0]
        return name.startswith("axp") and pid.isdigit() and not Path(f"/proc/{pid}").exists()

    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        source, target = line.split()[:2]
        pid = source.rpartition("-")[2]
        if source.startswith("allowxdp-test-") and not Path(f"/proc/{pid}").exists():
            run("umount", target, check=False)
    for directory in {tempfile.gettempdir(), "/dev/shm"}:
        for path in Path(directory).glob("axp*-*"):
            if dead(path.name):
                shutil.rmtree(path, ignore_errors=True)
    netns = Path("/run/netns")
    for path in netns.iterdir() if netns.exists() else ():
        if dead(path.name):
            run("ip", "netns", "delete", path.name, check=False)
