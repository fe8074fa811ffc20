# SPDX-License-Identifier: GPL-2.0-or-later
"""Names in lists, kept up to date by `allowxdp run`, with a real dnsmasq in the net whose records change."""

import contextlib
import itertools
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from lab import (EXOTEL_KARNATAKA, EXOTEL_MUMBAI, FRESHCHAT_AU, FRESHCHAT_EU, FRESHCHAT_IN, FRESHCHAT_US, GATEWAY4,
                 HOST4, OFFICE6, STRANGER4, die_with_parent, run, wait_for)
from exporter import Metrics
from test_metrics import promtool

PORT = 20000
NAME = "media.example.test"
PATIENCE = 20.0  # for what takes a second where nothing else runs
RING = [EXOTEL_MUMBAI, EXOTEL_KARNATAKA, FRESHCHAT_US, FRESHCHAT_EU, FRESHCHAT_IN, FRESHCHAT_AU]


def config(names=(NAME,), srv=(), grace="2s", ttl_min="1s", resolvers=(GATEWAY4,), more="", mode="enforce"):
    return f"""
mode: {mode}
services:
  - {{name: rtp, ports: [udp/10000-60000], allow: [carrier]}}
lists:
  - name: carrier
    names: {json.dumps(list(names))}
    srv: {json.dumps(list(srv))}
{more}
dns: {{resolvers: {json.dumps(list(resolvers))}, ttl-min: {ttl_min}, grace: {grace}}}
"""


class Resolver:
    """dnsmasq on the gateway's address; its answers hold for a second."""

    def __init__(self, lab, *options, **records):
        self.lab, self.options = lab, options
        self.hosts = lab.directory / "hosts"
        self.set(**records)
        self.process = None
        self.start()

    def start(self):
        self.process = self.lab.popen(
            self.lab.net, "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
            f"--addn-hosts={self.hosts}", "--local-ttl=1", "--user=root", "--pid-file=", "--bind-interfaces",
            f"--listen-address={GATEWAY4}", "--local=/example.test/", *self.options)
        wait_for(self.listens, "dnsmasq listens")

    def listens(self):
        assert self.process.poll() is None, "dnsmasq ended"
        return self.lab.net.run("ss", "-Huln", f"src {GATEWAY4}:53").stdout

    def set(self, **records):
        """media=[address, ...]: what media.example.test is from now on."""
        new = self.hosts.with_suffix(".new")
        new.write_text("".join(f"{a} {name}.example.test\n" for name, addresses in records.items() for a in addresses),
                       encoding="ascii")
        new.rename(self.hosts)
        if getattr(self, "process", None):
            self.process.send_signal(signal.SIGHUP)

    def kill(self):
        self.process.kill()
        self.process.wait()


class OwnResolver(threading.Thread):
    """Answers on an address of the net as it is told: a response code, or records with TTLs."""

    def __init__(self, lab, address=GATEWAY4):
        super().__init__(daemon=True)
        self.socket = lab.net.udp(address, 53, timeout=0.1)
        self.rcode, self.answers, self.ended, self.asked = 0, {}, False, 0
        self.start()

    @staticmethod
    def encode(name):
        return b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"

    def record(self, name, kind, ttl, value):
        data = {"A": lambda: socket.inet_aton(value), "CNAME": lambda: self.encode(value)}[kind]()
        number = {"A": 1, "CNAME": 5}[kind]
        return self.encode(name) + struct.pack("!HHIH", number, 1, ttl, len(data)) + data

    def run(self):
        while not self.ended:
            with contextlib.suppress(socket.timeout):
                query, peer = self.socket.recvfrom(2048)
                self.asked += 1
                end = query.index(b"\0", 12) + 5
                kind = struct.unpack("!H", query[end - 4:end - 2])[0]
                answers = self.answers.get(kind, []) if not self.rcode else []
                head = query[:2] + struct.pack("!HHHHH", 0x8180 | self.rcode, 1, len(answers), 0, 0)
                self.socket.sendto(head + query[12:end] + b"".join(self.record(*a) for a in answers), peer)

    def close(self):
        self.ended = True
        self.join()
        self.socket.close()


class Daemon:
    """`allowxdp run` in the host."""

    def __init__(self, lab, *options, **env):
        self.lab, self.options = lab, options or ("--no-metrics",)
        self.path = lab.directory / f"run-{time.monotonic_ns()}.log"
        with self.path.open("w", encoding="utf-8") as log:
            stat = os.fstat(log.fileno())
            env = {k: v.format(stderr=f"{stat.st_dev}:{stat.st_ino}") for k, v in env.items()}
            self.process = subprocess.Popen(lab.axp.argv("run", *self.options), env=lab.axp.env | env, stderr=log,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            preexec_fn=die_with_parent)
        lab.processes.append(self.process)

    def log(self):
        return self.path.read_text(encoding="utf-8")

    def said(self, text):
        assert self.process.poll() is None, self.log()
        return text in self.log()

    def waits_to_say(self, text):
        wait_for(lambda: self.said(text), f"{text!r} in the log", PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0, self.log()


class Stream(threading.Thread):
    """A datagram to the host each 20 ms from an address that may be changed meanwhile, and who counts them."""

    def __init__(self, lab, source):
        super().__init__(daemon=True)
        self.lab = lab
        self.server = lab.host.udp(HOST4, PORT, timeout=0.2)
        self.clients = {}
        self.source = source
        self.sent, self.got, self.ended = [], set(), False
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.start()

    def run(self):
        for number in itertools.count():
            if self.ended:
                return
            source = self.source
            if source not in self.clients:
                self.clients[source] = self.lab.net.udp(source)
            self.clients[source].sendto(b"%d" % number, (HOST4, PORT))
            self.sent.append((number, source, time.monotonic()))
            time.sleep(0.02)

    def read(self):
        while not self.ended:
            with contextlib.suppress(socket.timeout):
                self.got.add(int(self.server.recv(100)))

    def end(self):
        """All that was sent has arrived; returns how many that were."""
        time.sleep(0.1)
        self.ended = True
        self.join()
        self.reader.join()
        with contextlib.suppress(socket.timeout):
            while True:
                self.got.add(int(self.server.recv(100)))
        for s in (self.server, *self.clients.values()):
            s.close()
        lost = [(n, source) for n, source, _ in self.sent if n not in self.got]
        assert lost == []
        return len(self.sent)


def listed(lab, name="carrier"):
    entries = lab.axp.json("list", name)["lists"][0]["entries"]
    return {e["prefix"].split("/")[0] for e in entries}


def wait_listed(lab, *addresses):
    wait_for(lambda: set(addresses) <= listed(lab), f"{addresses} are listed", PATIENCE)


def wait_only(lab, *addresses):
    wait_for(lambda: set(addresses) == listed(lab), f"{addresses} alone are listed", PATIENCE)


def source(lab, name=NAME):
    return next(s for s in lab.axp.status()["sources"] if s["source"] == name)


def agrees(lab, address, passes):
    """The loaded program and the list say the same of it."""
    result = lab.axp("check", address, f"udp/{PORT}", "--json")
    said = json.loads(result.stdout)
    assert said["agrees"] is True and said["verdict"] == ("pass" if passes else "drop"), result
    return said


@pytest.fixture
def named(lab):
    """A lab whose list is what media.example.test is: RING[0] at first. It enforces."""
    lab.resolver = Resolver(lab, media=[RING[0]])
    lab.axp.write(config())
    warned = lab.axp("load", "eth0", "--monitor")
    assert f"list carrier: name {NAME} has brought nothing yet" in warned.stderr
    assert "1 names and feeds are not kept up to date" in warned.stderr
    lab.daemon = Daemon(lab)
    wait_listed(lab, RING[0])
    lab.axp.ok("mode", "enforce")
    return lab


# -- what follows a record ------------------------------------------------------------------------

def test_no_packet_is_lost_while_the_record_changes(named):
    stream = Stream(named, RING[0])
    for address in RING[1:4]:
        named.resolver.set(media=[address])
        wait_listed(named, address)
        stream.source = address
        time.sleep(0.3)
    wait_only(named, RING[3])  # the others are gone, after the grace period
    assert stream.end() > 50
    assert named.axp.count("rtp", "drop") == 0
    # Its own queries came back to ports that the range guards.
    assert named.axp.count("rtp", "pass", "reply") > 0
    said = agrees(named, RING[3], passes=True)
    assert (said["origin"], said["label"], said["list"]) == (f"name {NAME}", NAME, "carrier")
    agrees(named, RING[0], passes=False)
    assert not named.reaches(RING[0], PORT, timeout=0.3)
    log = named.daemon.log()
    assert f"list carrier: + {RING[3]}/32 (name {NAME})" in log
    assert f"list carrier: - {RING[0]}/32 (name {NAME} has it no more)" in log


def test_nothing_changes_while_nobody_answers(named):
    generation = named.axp.status()["generation"]
    stream = Stream(named, RING[0])
    named.resolver.kill()
    wait_for(lambda: source(named)["state"] == "failing", "the source fails", PATIENCE)
    assert source(named)["entries"] == 1 and source(named)["failure"]
    assert source(named)["next_try"] >= source(named)["last_failure"]
    own = OwnResolver(named)
    try:
        for own.rcode, words in ((2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED")):
            asked = own.asked
            named.daemon.process.send_signal(signal.SIGHUP)
            wait_for(lambda: own.asked > asked and words in source(named)["failure"], words, PATIENCE)
        own.rcode = 0  # and no record in the answer
        named.daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: source(named)["failure"] == "it has no address", "an empty answer", PATIENCE)
    finally:
        own.close()
    assert listed(named) == {RING[0]}
    assert named.axp.status()["generation"] == generation
    assert "FAILING" in named.axp.ok("status")
    named.resolver.start()
    named.daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: source(named)["state"] == "ok", "it is well again", PATIENCE)
    assert stream.end() > 50
    assert named.axp.status()["generation"] == generation
    named.daemon.waits_to_say("answered again")


def test_killed_at_any_moment(named):
    """Lists, files and kernel agree whenever it was killed; what it knew it knows again."""
    chance = random.Random(named.name)
    ring = itertools.cycle(RING)
    for _ in range(4):
        until = time.monotonic() + chance.uniform(0.05, 1.3)
        while time.monotonic() < until:
            named.resolver.set(media=[next(ring)])
            time.sleep(0.2)
        named.daemon.kill()
        before = listed(named)
        assert before and before <= set(RING)
        agrees(named, chance.choice(sorted(before)), passes=True)
        others = sorted(set(RING) - before)
        if others:
            agrees(named, chance.choice(others), passes=False)
        named.daemon = Daemon(named)
    last = next(ring)
    named.resolver.set(media=[last])
    wait_only(named, last)
    agrees(named, last, passes=True)
    news = (named.axp.state / "default" / "news" / "carrier.name").read_text(encoding="ascii")
    assert re.findall(r"^[\d.]+/32", news, re.M) == [f"{last}/32"]
    assert not list((named.axp.state / "default" / "news").glob("*.new"))
    named.daemon.end()
    assert listed(named) == {last}


def test_killed_between_file_and_kernel(named):
    """A file that is ahead of the kernel is made true by the next start."""
    named.daemon.kill()
    path = named.axp.state / "default" / "news" / "carrier.name"
    path.write_text(path.read_text(encoding="ascii") + f"{RING[2]} # {NAME}\n", encoding="ascii")
    assert listed(named) == {RING[0]}
    named.resolver.kill()
    named.daemon = Daemon(named)
    wait_listed(named, RING[0], RING[2])
    agrees(named, RING[2], passes=True)


def test_boot_without_a_network(named):
    """The last good answer is what a load begins with."""
    named.daemon.end()
    named.resolver.kill()
    named.axp.ok("unload", "--all")
    loaded = named.axp("load", "eth0")
    assert loaded.returncode == 0 and "has brought nothing yet" not in loaded.stderr
    assert "1 names and feeds are not kept up to date: start `allowxdp run`" in loaded.stderr
    assert listed(named) == {RING[0]}
    assert named.reaches(RING[0], PORT)
    assert not named.reaches(STRANGER4, PORT, timeout=0.3)
    assert "NOT kept up to date" in named.axp.ok("status")
    named.axp.ok("unload", "--all")
    # The name before is not the one after: what is known of it is of no use.
    named.axp.write(config(names=["other.example.test"]))
    error = named.axp.fails("load", "eth0")
    assert "service rtp has no entry in any of its lists" in error and "`allowxdp run`" in error
    assert named.axp.json("list")["lists"][0]["entries"] == []


# -- what is followed -----------------------------------------------------------------------------

def test_reload_and_confirmation_are_followed(named):
    named.resolver.set(media=[RING[0]], more=[RING[1]])
    named.axp.write(config(names=[NAME, "more.example.test"]))
    named.axp.ok("reload")
    wait_only(named, RING[0], RING[1])
    # While a confirmation is pending nothing is changed...
    named.axp.ok("reload", "--confirm", "1m")
    generation = named.axp.status()["generation"]
    named.resolver.set(media=[RING[0]], more=[RING[1], RING[2]])
    named.daemon.waits_to_say("waits")
    assert named.axp.status()["generation"] == generation
    assert listed(named) == {RING[0], RING[1]}
    named.axp.ok("confirm")  # ... and then it is
    wait_listed(named, RING[2])
    # A name that is taken out takes its entries along, at once.
    named.axp.write(config(names=["more.example.test"]))
    named.axp.ok("reload")
    assert listed(named) == {RING[1], RING[2]}
    agrees(named, RING[0], passes=False)
    # A config that is being edited is not looked at.
    named.axp.write("nonsense")
    named.resolver.set(more=[RING[3]])
    wait_listed(named, RING[3])


def test_unloaded_and_loaded_again(named):
    named.axp.ok("unload", "--all")
    named.daemon.waits_to_say("was unloaded: waiting for `allowxdp load`")
    named.resolver.set(media=[RING[4]])
    named.axp("load", "eth0")
    wait_listed(named, RING[4])
    error = named.axp.fails("run", "--no-metrics")
    assert "another `allowxdp run` serves instance default" in error
    for _ in range(3):  # a load that is under way is nothing to be alarmed by
        named.axp.ok("unload", "--all")
        named.axp("load", "eth0", "--monitor")
        wait_listed(named, RING[4])
    assert "warning" not in named.daemon.log(), named.daemon.log()
    named.daemon.end()


def test_what_was_added_by_hand_stays(named):
    """A name's address that was added, too, or carved out, is the administrator's."""
    named.axp.ok("add", "carrier", RING[0])
    named.axp.ok("add", "carrier", f"!{RING[1]}")
    named.resolver.set(media=[RING[1], RING[2]])
    wait_listed(named, RING[2])
    wait_for(lambda: source(named)["entries"] == 1, "the carved address gives way", PATIENCE)
    agrees(named, RING[0], passes=True)
    agrees(named, RING[1], passes=False)
    agrees(named, RING[2], passes=True)
    error = named.axp.fails("remove", "carrier", RING[2])
    assert f"{RING[2]}/32 of list carrier comes from name {NAME}" in error
    named.axp.ok("reload")
    agrees(named, RING[1], passes=False)


def test_as_a_service(lab):
    """What it tells systemd, and how its lines look in the journal. Nothing is loaded at first."""
    path = lab.directory / "notify"
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as notify:
        notify.bind(str(path))
        notify.settimeout(PATIENCE)
        said = []

        def told(text):
            while text not in said:
                said.extend(notify.recv(1000).decode().splitlines())
        daemon = Daemon(lab, "--no-metrics", NOTIFY_SOCKET=str(path), WATCHDOG_USEC="1000000",
                        JOURNAL_STREAM="{stderr}")
        told("READY=1")
        told("WATCHDOG=1")
        Resolver(lab, media=[RING[0]])
        lab.axp.write(config(mode="monitor"))
        lab.axp.ok("load", "eth0")
        told("STATUS=1 names and feeds, generation 2")
        told("WATCHDOG=1")
        assert daemon.log().startswith("<6>instance default is not loaded: waiting for `allowxdp load`\n")
        assert f"<6>list carrier: + {RING[0]}/32 (name {NAME})\n" in daemon.log()
        daemon.end()
        told("STOPPING=1")
    # With another file's JOURNAL_STREAM, as a shell in a service passes it on, stderr is no journal.
    other = Daemon(lab, "--no-metrics", JOURNAL_STREAM="1:2")
    other.waits_to_say("allowxdp: instance default: generation 2, 1 names and feeds")
    other.end()


# -- what DNS says --------------------------------------------------------------------------------

def test_srv_cname_ipv6_and_refused_answers(lab):
    Resolver(lab, "--cname=alias.example.test,media.example.test",
             "--srv-host=_sip._udp.example.test,one.example.test,5060,10,1",
             "--srv-host=_sip._udp.example.test,two.example.test,5062,20,1",
             media=[RING[0]], one=[RING[1]], two=[RING[2]], private=["10.1.2.3", RING[3]], docs=[OFFICE6],
             sink=["0.0.0.0", "127.0.0.1"])
    more = """
  - name: own
    names: [docs.example.test, sink.example.test]
    allow-private: true"""
    lab.axp.write(config(names=["alias.example.test", "private.example.test"], srv=["_sip._udp.example.test"],
                         # the first resolver is not there
                         resolvers=["192.0.2.99", GATEWAY4], more=more, mode="monitor"))
    lab.axp.ok("load", "eth0")
    daemon = Daemon(lab, "--listen", "127.0.0.1:0")
    wait_only(lab, RING[0], RING[1], RING[2], RING[3])
    wait_for(lambda: listed(lab, "own") == {OFFICE6}, "what is allowed is taken", PATIENCE)
    entries = {e["prefix"]: e for e in lab.axp.json("list", "carrier")["lists"][0]["entries"]}
    assert entries[f"{RING[0]}/32"]["origin"] == "name alias.example.test"
    assert entries[f"{RING[2]}/32"]["origin"] == "srv _sip._udp.example.test"
    assert entries[f"{RING[2]}/32"]["label"] == "two.example.test"
    wait_for(lambda: "10.1.2.3, which is private (RFC 1918)" in (source(lab, "private.example.test")["failure"] or ""),
             "the private address is told of", PATIENCE)
    assert source(lab, "private.example.test")["state"] == "ok"
    # a sinkhole's answer is never taken
    sink = wait_for(lambda: source(lab, "sink.example.test")["failure"] and source(lab, "sink.example.test"),
                    "refused", PATIENCE)
    assert sink["state"] == "never" and "not taken" in sink["failure"] and sink["entries"] == 0

    port = int(re.search(r"http://127\.0\.0\.1:(\d+)/metrics", daemon.log())[1])
    text = lab.host.run("curl", "--silent", "--noproxy", "*", f"http://127.0.0.1:{port}/metrics").stdout
    metrics = Metrics(text)
    labels = {"list": "carrier", "kind": "srv", "source": "_sip._udp.example.test"}
    assert metrics.value("allowxdp_source_entries", **labels) == 2
    assert metrics.value("allowxdp_source_up", **labels) == 1
    assert abs(metrics.value("allowxdp_source_last_success_timestamp_seconds", **labels) - time.time()) < 60
    assert metrics.value("allowxdp_source_failures_total", list="own", kind="name", source="sink.example.test") >= 1
    assert metrics.value("allowxdp_run_up") == 1
    checked = promtool(text)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    daemon.end()


def test_the_smallest_ttl_of_the_chain_counts(lab):
    own = OwnResolver(lab)
    own.answers = {1: [(NAME, "CNAME", 100, "edge.example.test"), ("edge.example.test", "A", 7200, RING[0])]}
    try:
        lab.axp.write(config(ttl_min="5s", mode="monitor"))
        lab.axp.ok("load", "eth0")
        daemon = Daemon(lab)
        wait_listed(lab, RING[0])
        asked = wait_for(lambda: source(lab)["next_try"] and source(lab), "written down", PATIENCE)
        assert 99 <= asked["next_try"] - asked["last_success"] <= 111  # a tenth more, and rounding
        # Not before; but at once when it is told to.
        own.answers = {1: [(NAME, "A", 7200, RING[1])]}
        count = own.asked
        time.sleep(0.3)
        assert own.asked == count
        daemon.process.send_signal(signal.SIGHUP)
        wait_listed(lab, RING[0], RING[1])
        wait_for(lambda: source(lab)["next_try"] - source(lab)["last_success"] >= 3599, "at most an hour", PATIENCE)
        assert source(lab)["next_try"] - source(lab)["last_success"] <= 3961
        daemon.end()
    finally:
        own.close()


def test_wildcards_are_refused_with_their_line(lab):
    lab.axp.write(config(names=["ok.example.test"]).replace('["ok.example.test"]', '\n      - "*.exotel.com"'))
    error = lab.axp.fails("validate")
    assert f"{lab.axp.config}:8: \"*.exotel.com\" is a wildcard, and DNS does not tell" in error


# -- the long proof -------------------------------------------------------------------------------

if os.environ.get("ALLOWXDP_PROOF"):  # it takes three minutes
    def test_two_minutes_of_changes_and_a_minute_without_a_resolver(named, capsys):
        """
        The record changes every five seconds; the provider's packets come from the new address 2.5 s later, as
        the TTL of one second allows. Nothing waits for the filter here. The grace period is longer than a change
        takes, as it should be: an old address is still listed for some time, and then is not.
        """
        named.axp.write(config(grace="8s"))
        named.axp.ok("reload")
        stream = Stream(named, RING[0])
        ring = itertools.cycle(RING[1:] + RING[:1])
        begin, old, leaving = time.monotonic(), RING[0], {}
        came, went = [], []
        for n in range(24):
            address = next(ring)
            assert address not in leaving, "the address of some changes ago is still listed"
            named.resolver.set(media=[address])
            changed = leaving[old] = time.monotonic()
            while time.monotonic() < begin + 5 * (n + 1):
                if time.monotonic() > changed + 2.5:
                    stream.source = address
                there = listed(named)
                if len(came) == n and address in there:
                    came.append(time.monotonic() - changed)
                went += [time.monotonic() - leaving.pop(a) for a in sorted(leaving.keys() - there)]
                time.sleep(0.05)
            assert len(came) == n + 1, "not listed after five seconds"
            old = address
        assert len(went) >= 20 and min(went) > 7
        wait_only(named, address)
        generation = named.axp.status()["generation"]
        named.resolver.kill()
        time.sleep(60)
        assert listed(named) == {address} and named.axp.status()["generation"] == generation
        failures = source(named)["failures"]
        named.resolver.start()
        count = stream.end()
        with capsys.disabled():
            print(f"\n{len(came)} changes in {5 * len(came)} s, let in after {min(came):.2f} to {max(came):.2f} s, the old "
                  f"address gone after {min(went):.2f} to {max(went):.2f} s; a minute without a resolver ({failures} failed "
                  f"tries): {count} packets sent, none lost; dropped: {named.axp.count('rtp', 'drop')}")
        assert named.axp.count("rtp", "drop") == 0
