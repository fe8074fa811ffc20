# SPDX-License-Identifier: GPL-2.0-or-later
"""
The scene: a host with two interfaces and two instances. `wild` guards eth0 and has everything done to it, `proof`
guards eth1 and is never unloaded nor out of enforce mode, so that what passes there can be counted exactly. Each has
`allowxdp run`, with names of a real dnsmasq, a feed of a real nginx, and a Prometheus.
"""

import collections
import contextlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from exporter import parse
from lab import (GATEWAY4, HOST4, HOST6, OFFICE4, Lab, die_with_parent, run, wait_for)
from lab3 import EchoServer, connect, echoes
from programs import Pki, nginx
from prometheus import Prometheus
from streams import NAMED, NEVER, SIP_PORT, Stream, build

GATEWAYS = (GATEWAY4, "192.0.3.1")
ECHO_PEER = "198.51.100.99"  # on no list
ECHO_PORT, ECHO_FROM = 7777, 25000
LINKS = {"wild": ("eth0", HOST4, HOST6, 19790), "proof": ("eth1", "192.0.3.10", "2001:db8:2::10", 19791)}
BASE_LIST = "192.0.0.9"  # so that no service is without any


class Instance:
    """One policy on one interface."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.link, self.host4, self.host6, self.port = LINKS[name]
        self.axp = world.lab.axp
        self.config = self.axp.etc / f"{name}.yaml"
        self.daemon = None
        self.state, self.run_dir = self.axp.state / name, self.axp.run_dir / name

    def argv(self, *args):
        return self.axp.namespace.wrap(self.axp.binary, "-c", self.config, "--instance", self.name, *args)

    def __call__(self, *args, timeout=120):
        return run(*self.argv(*args), env=self.axp.env, check=False, timeout=timeout)

    def ok(self, *args, timeout=120):
        result = self(*args, timeout=timeout)
        if result.returncode != 0:
            raise AssertionError(f"{self.name}: allowxdp {' '.join(map(str, args))}: exit status {result.returncode}: "
                                 f"{result.stderr[-400:]}")
        return result

    def json(self, *args):
        return json.loads(self.ok(*args, "--json").stdout)

    def write(self, lists=(), services=(), mode="enforce", extra=None):
        """A policy that is as to those who are judged what all others are; lists and services come on top."""
        lists = dict(lists)
        config = {
            "mode": mode, "interfaces": [self.link], "fragments": "drop",
            "services": [
                {"name": "rtp", "ports": ["udp/20000-29999"], "allow": ["office", "near", *lists]},
                {"name": "sip", "ports": ["tcp/5060-5061"], "allow": ["office", "near"]},
                {"name": "flaps", "ports": ["udp/30000-30099"], "allow": ["flapping", "carrier", "hooks"]},
                *services],
            "lists": [
                {"name": "office", "prefixes": ["203.0.113.0/24 # head office", "2001:db8:7::/48"]},
                {"name": "near", "prefixes": [BASE_LIST]},
                {"name": "flapping", "prefixes": [BASE_LIST]},
                {"name": "carrier", "names": ["media.example.test"]},
                {"name": "hooks", "url": f"https://{GATEWAY4}/feed.txt", "ca-file": str(self.world.pki.ca),
                 "refresh": "1m"},
                *({"name": n, "file": str(self.file(n, entries))} for n, entries in lists.items())],
            "dns": {"resolvers": [GATEWAYS[self.name == "proof"]], "ttl-min": "1s", "grace": "1s"},
            **(extra or {}),
        }
        new = self.config.with_suffix(".new")
        new.write_text(json.dumps(config, indent=1), encoding="utf-8")
        new.rename(self.config)

    def file(self, name, entries):
        path = self.axp.etc / f"{self.name}-{name}.list"
        new = path.with_suffix(".new")
        new.write_text("".join(f"{e}\n" for e in entries), encoding="ascii")
        new.rename(path)
        return path

    def start_daemon(self):
        log = self.world.lab.directory / f"run-{self.name}.log"
        with log.open("w", encoding="utf-8") as out:
            process = subprocess.Popen(self.argv("run", "--listen", f"127.0.0.1:{self.port}"), env=self.axp.env,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=out,
                                       preexec_fn=die_with_parent)
        self.world.lab.processes.append(process)
        self.daemon = Watched(f"run {self.name}", process, log)

    def scrape(self):
        with self.world.lab.host.inside():
            sock = socket.create_connection(("127.0.0.1", self.port), 30)
        with contextlib.closing(sock):
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            data = b""
            while chunk := sock.recv(65536):
                data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head[:80]
        return parse(body.decode())

    def disk(self):
        """{file: bytes} of state and run directory."""
        found = {}
        for top in (self.state, self.run_dir):
            for path in top.rglob("*"):
                with contextlib.suppress(FileNotFoundError):
                    if path.is_file():
                        found[f"{self.name}/{top.parent.name}/{path.relative_to(top)}"] = path.stat().st_size
        return found


class Watched:
    """A process that stays, with its children: its memory and descriptors."""

    def __init__(self, name, process, log=None):
        self.name, self.process, self.log = name, process, log

    def alive(self):
        return self.process.poll() is None

    def pids(self):
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop(0)
            found.append(pid)
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    todo += sorted(int(p) for p in (task / "children").read_text(encoding="ascii").split())
        return found

    def sample(self):
        """{name: {"rss", "pss", "anonymous" in bytes, "fds": {kind: how many}}}"""
        found = {}
        for n, pid in enumerate(self.pids()):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            memory = {k.lower(): int(v) * 1024 for k, v in re.findall(r"^(\w+): +(\d+) kB$", text, re.M)}
            found[f"{self.name}.{n}"] = {**{k: memory[k] for k in ("rss", "pss", "anonymous")},
                                         "fds": descriptors(pid)}
        return found

    def said(self):
        """{a line, with numbers and names of files left out: how often}"""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        shapes = collections.Counter(re.sub(r"/\S+|[0-9a-f.:]*\d[0-9a-f.:]*", "N", line)[:160] for line in text.splitlines())
        return dict(shapes.most_common(40))


def descriptors(pid):
    kinds = {}
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            kind = re.sub(r"\d+", "N", os.readlink(path))
            kinds[kind] = kinds.get(kind, 0) + 1
    return kinds


class Dns:
    """dnsmasq on both gateways; its answers hold for a second."""

    def __init__(self, lab):
        self.hosts = lab.directory / "hosts"
        self.process = None
        self.set(NAMED[:2])
        self.process = lab.popen(
            lab.net, "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
            f"--addn-hosts={self.hosts}", "--local-ttl=1", "--user=root", "--pid-file=", "--bind-interfaces",
            *(f"--listen-address={a}" for a in GATEWAYS), "--local=/example.test/")
        wait_for(lambda: all(lab.net.run("ss", "-Huln", f"src {a}:53").stdout for a in GATEWAYS), "dnsmasq listens")

    def set(self, addresses):
        new = self.hosts.with_suffix(".new")
        new.write_text("".join(f"{a} media.example.test\n" for a in addresses), encoding="ascii")
        new.rename(self.hosts)
        if self.process:
            self.process.send_signal(signal.SIGHUP)


class Feed:
    """nginx with TLS, and a file of prefixes that changes."""

    def __init__(self, lab, pki):
        d = self.directory = lab.directory / "feeds"
        d.mkdir()
        self.moment = int(time.time()) - 10 ** 6
        self.publish(NAMED)
        nginx(lab, lab.net, d, pki, "    access_log off;\n    types { text/plain txt; }", f"        root {d};")

    def publish(self, addresses):
        """Another content, of another second: that is what nginx makes its ETag of."""
        self.moment += 1
        new = self.directory / "feed.new"
        new.write_text("".join(f"{a} # of {a}\n" for a in addresses), encoding="ascii")
        os.utime(new, (self.moment, self.moment))
        new.rename(self.directory / "feed.txt")


class Echo:
    """A peer on no list that this host asks again and again; every answer must come back."""

    def __init__(self, world):
        self.judge, self.asked = world.judge, 0
        self.server = world.lab.net.udp(ECHO_PEER, ECHO_PORT, timeout=0.2)
        self.client = world.lab.host.udp(LINKS["proof"][1], ECHO_FROM, timeout=10)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.ended.is_set():
            with contextlib.suppress(socket.timeout):
                data, peer = self.server.recvfrom(100)
                self.server.sendto(data, peer)

    def ask(self, stop):
        for number in itertools.count():
            if stop.wait(0.02):
                return
            question = b"%d" % number
            self.client.sendto(question, (ECHO_PEER, ECHO_PORT))
            try:
                while self.client.recv(100) != question:
                    pass
                self.asked += 1
            except socket.timeout:
                self.judge.wrong("lost", f"proof: no answer to question {number} of this round")

    def close(self):
        self.ended.set()
        self.thread.join()
        self.server.close()
        self.client.close()


class World:
    def __init__(self, judge, pps, seed):
        self.judge = judge
        self.cleanups = contextlib.ExitStack()
        self.lab = Lab(links=("eth0", "eth1"))
        self.cleanups.callback(self.lab.close)
        try:
            self.build(pps, seed)
        except BaseException:
            self.close()
            raise

    def build(self, pps, seed):
        lab = self.lab
        for name in [n for n in lab.axp.env if n.lower().endswith("_proxy")]:
            del lab.axp.env[name]
        # Answers leave by the interface that they were asked on.
        lab.host.ip("rule add from 192.0.3.10 table 3", "route add default via 192.0.3.1 table 3",
                    "route add default via 2001:db8:2::1 table 3")
        lab.host.run("ip", "-6", "rule", "add", "from", "2001:db8:2::10", "table", "3")
        lab.net.ip(f"addr add {ECHO_PEER} dev lo")
        self.pki = Pki(lab.directory)
        lab.directory.joinpath("ca.pem").chmod(0o644)
        self.dns, self.feed = Dns(lab), Feed(lab, self.pki)
        self.wild, self.proof = Instance(self, "wild"), Instance(self, "proof")
        self.instances = (self.wild, self.proof)
        for instance in self.instances:
            instance.write()
            instance.ok("load", instance.link)
            instance.start_daemon()
        for instance in self.instances:
            wait_for(lambda i=instance: self.has_news(i), f"{instance.name}: names and feeds have come", 60)
        self.prometheus = Prometheus(lab, f"127.0.0.1:{self.wild.port}")
        program = build(lab.directory, Path(__file__).with_name("stream.c"))
        self.streams = {}
        for n, i in enumerate(self.instances):
            stream = Stream(lab, program, i.link, i.host4, i.host6, pps, seed + n)
            self.cleanups.callback(stream.close)
            self.streams[i.name] = stream
        self.servers = {}
        for i in self.instances:
            self.servers[i.name] = EchoServer(lab.host, i.host4, SIP_PORT)
            self.cleanups.callback(self.servers[i.name].close)
        self.echo = Echo(self)
        self.cleanups.callback(self.echo.close)
        self.watched = [*(i.daemon for i in self.instances), self.watch()]

    def watch(self):
        """A client that stays."""
        process = self.lab.popen(self.lab.host, *self.proof.argv("watch", "--json", "--rate", 20)[3:],
                                 env=self.lab.axp.env)
        return Watched("watch proof", process)

    def has_news(self, instance):
        assert instance.daemon.alive(), instance.daemon.log.read_text(encoding="utf-8")
        return all(s["entries"] for s in instance.json("status")["sources"])

    def handshake(self, instance):
        """TCP from a listed source; true if all of it went well."""
        sock = connect(self.lab.net, instance.host4, SIP_PORT, OFFICE4, timeout=20)
        if sock is None:
            return False
        with contextlib.closing(sock):
            return echoes(sock, timeout=20)

    def strangers_served(self):
        return [p for s in self.servers.values() for p in s.peers if p[0] in NEVER]

    def close(self):
        self.cleanups.close()
