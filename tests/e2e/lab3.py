# SPDX-License-Identifier: GPL-2.0-or-later
"""More of the lab: configs with every key, probes that tell what passes from moment to moment, clients, servers."""

import contextlib
import ctypes
import errno
import json
import os
import platform
import re
import select
import shlex
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

from frames import udp
from lab import HOST4, HOST6, SLOW, die_with_parent, lasting, run, wait_for
from programs import CALL, media_port_option, rtp_pcap

SO_TIMESTAMPNS = 35


def config(services, lists, **settings):
    """A config; services are dicts with the keys of the config, settings its other keys. JSON is YAML."""
    for key, value in {"mode": "enforce", "interfaces": ["eth0"]}.items():
        settings.setdefault(key, value)
    document = {**settings, "services": services,
                "lists": [{"name": name, "prefixes": list(prefixes)} for name, prefixes in lists.items()]}
    return json.dumps(document, indent=1, ensure_ascii=False)


def service(name, ports, allow, **more):
    return {"name": name, "ports": ports, "allow": allow, **more}


def host_address(source):
    return HOST6 if ":" in source else HOST4


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def kernel_time(ancillary):
    """When the kernel received a datagram, in seconds since 1970."""
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("=qq", value[:16])
            return seconds + nanoseconds / 1e9
    raise AssertionError("no time stamp")


def stamped(sock):
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    return sock


class Probe:
    """
    Datagrams from (source, port) pairs in the net to the host, again and again; which of them arrive at
    sockets there, and when. The sources need not be addresses of anybody.
    """

    def __init__(self, lab, *pairs, pps=100):
        self.pairs = pairs
        self.interval = 1 / pps
        self.frames = [bytes(udp(lab, source, port, b"probe")) for source, port in pairs]
        self.arrived = {pair: [] for pair in pairs}
        self.sent = 0  # rounds
        self.stopping = threading.Event()
        self.sender = lab.net.packet_socket(protocol=0)
        self.sockets = {}
        for source, port in pairs:
            at = host_address(source), port
            if at not in self.sockets:
                self.sockets[at] = stamped(lab.host.udp(*at))
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.send, self.receive)]
        for thread in self.threads:
            thread.start()

    def send(self):
        due = time.monotonic()
        while not self.stopping.is_set():
            for frame in self.frames:
                self.sender.send(frame)
            self.sent += 1
            due += self.interval
            time.sleep(max(0.0, due - time.monotonic()))

    def receive(self):
        ports = {sock: at[1] for at, sock in self.sockets.items()}
        while not self.stopping.is_set():
            for sock in select.select(list(ports), [], [], 0.05)[0]:
                _, ancillary, _, source = sock.recvmsg(100, 100)
                self.arrived[source[0], ports[sock]].append(kernel_time(ancillary))

    def rounds(self, n=8):
        """Waits until n more rounds have been sent and received."""
        until = self.sent + n + 1
        wait_for(lambda: self.sent >= until, "probes are sent")
        time.sleep(0.02)

    def since(self, pair, when):
        """When datagrams arrived, after that moment."""
        return [t for t in self.arrived[pair] if t > when]

    def passes(self, pair):
        """Does it pass now? Wholly or not at all."""
        start = time.time()
        self.rounds()
        n = len(self.since(pair, start))
        assert n == 0 or n >= 7, f"{n} of 8 or more from {pair}"
        return n > 0

    def wait(self, pair, passes, what, timeout=15.0):
        """Waits until the pair passes, or is blocked; returns the moment."""
        def so():
            start = time.time()
            self.rounds(3)
            return bool(self.since(pair, start)) == passes
        wait_for(so, what, timeout)
        return self.arrived[pair][-1] if self.arrived[pair] else None

    def close(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        self.sender.close()
        for sock in self.sockets.values():
            sock.close()


@contextlib.contextmanager
def probing(lab, *pairs, pps=100):
    probe = Probe(lab, *pairs, pps=pps)
    try:
        yield probe
    finally:
        probe.close()


def kill_all(axp):
    """SIGKILL to every process of the command in this lab; returns how many there were."""
    mark = f"ALLOWXDP_BPFFS={axp.bpffs}".encode()
    killed = 0
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(path / "exe") == os.path.realpath(axp.binary) and \
                    mark in (path / "environ").read_bytes().split(b"\0"):
                os.kill(int(path.name), signal.SIGKILL)
                killed += 1
    return killed


class View:
    """A lab that is shared, with counters that begin at zero for this test."""

    def __init__(self, lab):
        self.lab = lab
        self.zero = {self.key(c): c for c in lab.axp.counters()}

    def __getattr__(self, name):
        return getattr(self.lab, name)

    @staticmethod
    def key(counter):
        return tuple(v for k, v in counter.items() if k not in ("packets", "bytes"))

    def counters(self):
        """Those that have grown."""
        found = []
        for counter in self.lab.axp.counters():
            zero = self.zero.get(self.key(counter), {"packets": 0, "bytes": 0})
            grown = {k: counter[k] - zero[k] for k in ("packets", "bytes")}
            if grown["packets"]:
                found.append({**counter, **grown})
        return found

    def count(self, service_=None, verdict=None, reason=None, family=None, direction="in", field="packets"):
        """As AllowXdp.count."""
        wanted = {k: v for k, v in (("service", service_), ("verdict", verdict), ("reason", reason),
                                    ("family", family), ("direction", direction)) if v is not None}
        return sum(c[field] for c in self.counters() if all(c[k] == v for k, v in wanted.items()))


# -- DNS ------------------------------------------------------------------------------------------

RESOLVED4, RESOLVED6 = "203.0.113.77", "2001:db8:7::77"


def start_resolver(lab, *addresses):
    """dnsmasq in the net, on these addresses; every name below example.test is RESOLVED4 and RESOLVED6."""
    process = lab.popen(lab.net, "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                        "--user=root", "--cache-size=0", "--bind-interfaces",
                        *(f"--listen-address={a}" for a in addresses),
                        f"--address=/example.test/{RESOLVED4}", f"--address=/example.test/{RESOLVED6}")

    def answers():
        assert process.poll() is None, "dnsmasq ended"
        return all(dns_queries(lab.net, a, 1, timeout=0.2)[0] for a in addresses)
    wait_for(answers, "dnsmasq answers")
    return process


def dns_query(number):
    name = b"".join(bytes([len(l)]) + l for l in (f"q{number}".encode(), b"example", b"test")) + b"\0"
    return struct.pack("!HHHHHH", number & 0xFFFF, 0x0100, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1)


def is_dns_answer(data, number):
    identity, flags, _, answers = struct.unpack("!HHHH", data[:8])
    return identity == number & 0xFFFF and flags & 0x800F == 0x8000 and answers == 1 and \
        socket.inet_aton(RESOLVED4) in data


def dns_queries(namespace, resolver, n, timeout=3.0, in_flight=64):
    """
    n queries, each from a socket of its own and so from a random ephemeral port, none repeated. Returns how
    many were answered in time, and the ports.
    """
    answered, ports, waiting = 0, [], {}
    poll = select.epoll()

    def finish(fd):
        poll.unregister(fd)
        waiting.pop(fd)[0].close()

    with namespace.inside():
        for number in range(n):
            sock = socket.socket(family_of(resolver), socket.SOCK_DGRAM)
            sock.connect((resolver, 53))
            ports.append(sock.getsockname()[1])
            waiting[sock.fileno()] = sock, number, time.monotonic() + timeout
            poll.register(sock, select.EPOLLIN)
            sock.send(dns_query(number))
            while len(waiting) >= (in_flight if number < n - 1 else 1):
                for fd, _ in poll.poll(0.05):
                    with contextlib.suppress(ConnectionRefusedError):
                        answered += is_dns_answer(waiting[fd][0].recv(512), waiting[fd][1])
                    finish(fd)
                now = time.monotonic()
                for fd in [fd for fd, w in waiting.items() if w[2] < now]:
                    finish(fd)
    poll.close()
    return answered, ports


# -- TCP ------------------------------------------------------------------------------------------

class EchoServer(threading.Thread):
    """Sends back what comes, over TCP, on one address and port."""

    def __init__(self, namespace, address, port):
        super().__init__(daemon=True)
        with namespace.inside():
            self.listener = socket.socket(family_of(address))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(128)
        self.open = []
        self.peers = []  # of all connections so far
        self.stop_pipe = os.pipe()
        self.start()

    def run(self):
        while True:
            ready = select.select([self.listener, self.stop_pipe[0], *self.open], [], [])[0]
            if self.stop_pipe[0] in ready:
                return
            for sock in ready:
                if sock is self.listener:
                    client, peer = sock.accept()
                    self.peers.append(peer[:2])
                    self.open.append(client)
                    continue
                with contextlib.suppress(OSError):
                    data = sock.recv(65536)
                    if data:
                        sock.sendall(data)
                        continue
                sock.close()
                self.open.remove(sock)

    def close(self):
        os.write(self.stop_pipe[1], b".")
        self.join()
        for sock in (self.listener, *self.open):
            sock.close()
        for fd in self.stop_pipe:
            os.close(fd)


def connect(namespace, address, port, source="", sport=0, timeout=5.0):
    """A TCP connection, or None where nobody answers in time."""
    with namespace.inside():
        sock = socket.socket(family_of(address))
    sock.settimeout(timeout)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if source or sport:
        sock.bind((source, sport))
    try:
        sock.connect((address, port))
    except TimeoutError:
        sock.close()
        return None
    return sock


def echoes(sock, data=b"over TCP", timeout=5.0):
    """Does what is sent come back?"""
    sock.settimeout(timeout)
    try:
        sock.sendall(data)
        back = b""
        while len(back) < len(data):
            more = sock.recv(65536)
            if not more:
                return False
            back += more
        return back == data
    except TimeoutError:
        return False


# -- raw frames at full rate -------------------------------------------------------------------------

def build_flood(directory):
    program = directory / "flood"
    run("gcc", "-O2", "-Wall", "-o", program, Path(__file__).with_name("flood.c"))
    return program


class Flood:
    """Frames from the net as fast as they go, over and over, until it is stopped."""

    def __init__(self, lab, program, frames):
        path = lab.directory / "flood.frames"
        path.write_bytes(b"".join(struct.pack("=I", len(f)) + f for f in map(bytes, frames)))
        self.process = subprocess.Popen(lab.net.wrap(program, "eth0", path), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)

    def stop(self):
        """Returns how many frames were sent."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=20 * SLOW)
        assert self.process.returncode == 0
        return int(out)


# -- calls ------------------------------------------------------------------------------------------

def sipp(lab, namespace, scenario, source, destination, port=5060, media_port=30000, packets=50,
         timeout=20):
    """Starts one call of SIPp's with that scenario; see `ended`."""
    directory = lab.directory / f"sipp-{len(lab.processes)}-{source.replace(':', '_')}"
    directory.mkdir()
    rtp_pcap(directory / "rtp.pcap", packets)
    (directory / "call.xml").write_text(scenario.replace("@RTP@", str(directory / "rtp.pcap")), encoding="ascii")
    at = f"[{destination}]" if ":" in destination else destination
    return lab.popen(namespace, "sipp", f"{at}:{port}", "-i", source, "-p", 5060, "-mi", source,
                     media_port_option(), media_port, "-sf", directory / "call.xml", "-m", 1, "-nostdin",
                     "-timeout", f"{lasting(timeout)}s", "-timeout_error", "-trace_err", "-trace_msg", cwd=directory)


def ended(process, timeout=30):
    """The exit status; 0 is a call that went well."""
    return process.wait(timeout * SLOW)


def quiet_call(pause_ms, invite_padding=0):
    """programs.CALL without RTP, and with a header of that many bytes in the INVITE."""
    scenario = re.sub(r"  <nop>.*</nop>\n", "", CALL).replace("@MS@", str(pause_ms))
    assert "play_pcap" not in scenario
    padding = "".join(f"X-Padding-{n}: {'x' * 200}\n" for n in range(invite_padding // 200))
    return scenario.replace("Content-Type: application/sdp\n", padding + "Content-Type: application/sdp\n")


# -- SSH ----------------------------------------------------------------------------------------------

class Ssh:
    """sshd on the host's port 22, and sessions in it from addresses of the net."""

    def __init__(self, lab):
        self.lab = lab
        self.directory = lab.directory / "ssh"
        self.directory.mkdir(mode=0o700)
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # which sshd wants to be there
        for name in ("host", "user"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.directory / name)
        (self.directory / "sshd_config").write_text(f"""
Port 22
HostKey {self.directory}/host
AuthorizedKeysFile {self.directory}/user.pub
PidFile {self.directory}/pid
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
""", encoding="ascii")
        process = lab.popen(lab.host, "/usr/sbin/sshd", "-D", "-e", "-f", self.directory / "sshd_config")
        wait_for(lambda: process.poll() is not None or lab.host.run("ss", "-Htln", "sport = :22").stdout,
                 "sshd listens")
        assert process.poll() is None, "sshd ended"

    def argv(self, source, command):
        options = [f"-o{o}" for o in ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null",
                                      "LogLevel=ERROR", "ConnectTimeout=5", "IdentitiesOnly=yes")]
        return ["ssh", "-F", "none", *options, "-b", source, "-i", self.directory / "user",
                f"root@{host_address(source)}", command]

    def run(self, source, command, timeout=30):
        """A command typed into a session from that address."""
        return self.lab.net.run(*self.argv(source, command), check=False, timeout=timeout)

    def cat(self, source):
        """A session that says back what is typed."""
        return subprocess.Popen(self.lab.net.wrap(*self.argv(source, "cat")), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, preexec_fn=die_with_parent)

    def command(self, *args, environment=()):
        """The words that run allowxdp in the lab; `environment` is put before them."""
        axp = self.lab.axp
        names = ("ALLOWXDP_BPFFS", "ALLOWXDP_STATE_DIR", "ALLOWXDP_RUN_DIR")
        return shlex.join(["env", *environment, *(f"{n}={axp.env[n]}" for n in names), axp.binary,
                           "-c", str(axp.config), *args])


# -- programs on egress --------------------------------------------------------------------------------

BPF_PROG_QUERY, BPF_LINK_CREATE, BPF_TCX_EGRESS = 16, 28, 47


def bpf(command, attributes):
    """bpf(2): what it returns, or -errno. Attributes are changed in place."""
    number = {"x86_64": 321, "aarch64": 280}.get(platform.machine())
    if number is None:
        pytest.skip("the number of bpf(2) on this machine is not known here")
    libc = ctypes.CDLL(None, use_errno=True)
    value = libc.syscall(number, command, attributes, len(attributes))
    return -ctypes.get_errno() if value < 0 else value


def tcx_programs(namespace, interface="eth0"):
    """Names of the TCX programs on egress, in their order."""
    ids = (ctypes.c_uint32 * 64)()
    with namespace.inside():
        attributes = ctypes.create_string_buffer(struct.pack(
            "=IIIIQI36x", socket.if_nametoindex(interface), BPF_TCX_EGRESS, 0, 0, ctypes.addressof(ids), len(ids)), 64)
        error = bpf(BPF_PROG_QUERY, attributes)
    if error in (-errno.EINVAL, -errno.ENOTSUP):
        pytest.skip("this kernel has no TCX")
    assert error in (0, -errno.ENOENT), os.strerror(-error)
    count, = struct.unpack_from("=I", attributes, 24)
    shown = [run("bpftool", "-j", "prog", "show", "id", i, check=False) for i in ids[:count]]
    return [json.loads(s.stdout)["name"] for s in shown if s.returncode == 0]  # one may be gone meanwhile


@contextlib.contextmanager
def tcx_link(namespace, program, interface="eth0"):
    """Somebody's program on egress."""
    with namespace.inside():  # the index is one of this namespace, and so is the link
        attributes = ctypes.create_string_buffer(struct.pack(
            "=IIII48x", program, socket.if_nametoindex(interface), BPF_TCX_EGRESS, 0), 64)
        link = bpf(BPF_LINK_CREATE, attributes)
    if link == -errno.EINVAL:
        pytest.skip("this kernel has no TCX")
    assert link >= 0, os.strerror(-link)
    try:
        yield
    finally:
        os.close(link)
