# SPDX-License-Identifier: GPL-2.0-or-later
"""What was under way before `load` goes on: calls, connections, path MTU discovery, ARP, ND, DHCP leases."""

import contextlib
import json
import random
import threading

import pytest

import lab3
from lab import GATEWAY4, GATEWAY6, HOST4, HOST6, STRANGER4, STRANGER6, Namespace, lasting, wait_for
from lab3 import config, connect, echoes, service
from programs import media_port_option

LISTS = {"office": ["203.0.113.0/24", "2001:db8:7::/48"]}
ALL = config([service("sip", ["udp/5060"], ["office"]),
              service("wide", ["udp/10000-60000", "tcp/10000-60000"], ["office"])], LISTS)
RTP_SECONDS = lasting(6)
REMOTE_MEDIA, LOCAL_MEDIA = 6000, 30000


def rtp_between(tap, ip_size, ethertype, sport, dport):
    """RTP frames that a tap saw, by their ports."""
    ports, at = sport.to_bytes(2, "big") + dport.to_bytes(2, "big"), 14 + ip_size
    return [f for f in tap.read() if f[12:14] == ethertype and f[at:at + 4] == ports]


@pytest.mark.parametrize("remote, ip_size, ethertype", [(STRANGER4, 20, b"\x08\x00"), (STRANGER6, 40, b"\x86\xdd")],
                         ids=["ipv4", "ipv6"])
def test_call_of_this_host_to_an_unlisted_address(lab, remote, ip_size, ethertype):
    """SIPp calls SIPp, RTP goes and comes back; in the middle of it `load`. Not one packet of it is lost."""
    local = lab3.host_address(remote)
    lab.axp.write(ALL)
    lab.popen(lab.net, "sipp", "-sn", "uas", "-rtp_echo", "-i", remote, "-p", 5060, "-mi", remote,
              media_port_option(), REMOTE_MEDIA, "-nostdin", cwd=lab.directory)
    wait_for(lambda: lab.net.run("ss", "-Huln", "sport = :5060").stdout, "SIPp listens")
    sent, got = lab.net.tap(outgoing=True), lab.host.tap()
    scenario = lab3.CALL.replace("@MS@", str(RTP_SECONDS * 1000 + 300))
    call = lab3.sipp(lab, lab.host, scenario, local, remote, media_port=LOCAL_MEDIA, packets=RTP_SECONDS * 50)
    wait_for(lambda: len(rtp_between(got, ip_size, ethertype, REMOTE_MEDIA, LOCAL_MEDIA)) >= 25, "media")
    lab.axp.ok("load", "eth0")
    loaded = len(rtp_between(got, ip_size, ethertype, REMOTE_MEDIA, LOCAL_MEDIA))
    assert lab3.ended(call) == 0  # with the answer to its BYE
    came = rtp_between(sent, ip_size, ethertype, REMOTE_MEDIA, LOCAL_MEDIA)
    passed = rtp_between(got, ip_size, ethertype, REMOTE_MEDIA, LOCAL_MEDIA)
    assert len(came) == RTP_SECONDS * 50 and loaded < len(came) - 50
    assert passed == came
    assert lab.axp.count("wide", "pass", "reply") > 50
    assert lab.axp.count("sip", "pass", "reply") >= 1
    assert lab.axp.count(verdict="drop") == 0


class Call(threading.Thread):
    """Media both ways between two sockets, each side by a clock of its own."""

    def __init__(self, lab, local, remote, phase):
        super().__init__(daemon=True)
        self.ours, self.theirs = lab.host.udp(HOST4, local), lab.net.udp(STRANGER4, remote)
        self.ours.setblocking(False)
        self.to_host, self.to_net, self.phase = (HOST4, local), (STRANGER4, remote), phase
        self.stopping = threading.Event()
        self.received = self.sent = 0
        self.start()

    def run(self):
        while not self.stopping.wait(0.02 - self.phase):
            self.ours.sendto(b"v" * 172, self.to_net)
            if self.stopping.wait(self.phase):
                return
            self.theirs.sendto(b"v" * 172, self.to_host)
            self.sent += 1
            with contextlib.suppress(BlockingIOError):
                while self.ours.recv(200):
                    self.received += 1

    def close(self):
        self.stopping.set()
        self.join()
        self.ours.close()
        self.theirs.close()


@pytest.mark.parametrize("act", ["load", "mode enforce"])
def test_calls_with_media_both_ways(lab, act):
    """Whichever side's packet comes first after the switch."""
    lab.axp.write(ALL)
    if act == "mode enforce":
        lab.axp.ok("load", "eth0")
        lab.axp.ok("mode", "off")
    dice = random.Random(7)
    with contextlib.ExitStack() as stack:
        calls = [stack.enter_context(contextlib.closing(
            Call(lab, 20000 + 2 * n, 7000 + n, dice.uniform(0.001, 0.019)))) for n in range(12)]
        wait_for(lambda: all(c.received > 5 for c in calls), "calls")
        lab.axp.ok(*act.split(), *(["eth0"] if act == "load" else []))
        before = [(c.received, c.sent) for c in calls]
        wait_for(lambda: all(c.sent > b[1] + 10 for c, b in zip(calls, before)), "they talk on")
        alive = sum(c.received > b[0] + 5 for c, b in zip(calls, before))
    assert alive == len(calls), f"{alive} of {len(calls)} calls go on"


@pytest.mark.parametrize("remote", [STRANGER4, STRANGER6], ids=["ipv4", "ipv6"])
def test_connections_opened_before_load(lab, remote):
    """By the socket tables: with not one packet while it is loaded, and the other side speaks first afterwards."""
    lab.axp.write(ALL)
    local = lab3.host_address(remote)
    with contextlib.closing(lab3.EchoServer(lab.net, remote, 8080)) as server, \
            contextlib.closing(lab3.EchoServer(lab.host, local, 20000)), \
            lab.net.udp(remote, 5000) as theirs, lab.host.udp(local, 30000, timeout=2) as ours:
        idle = connect(lab.host, remote, 8080, sport=40000)
        assert echoes(idle)
        busy = connect(lab.host, remote, 8080, sport=40001)
        incoming = connect(lab.net, local, 20000, remote)
        assert echoes(incoming)
        ours.connect((remote, 5000))
        stop = threading.Event()
        results = []

        def talk():
            while not stop.wait(0.005):
                results.append(echoes(busy, b"x" * 5000, timeout=3))
        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        wait_for(lambda: len(results) > 5, "talk")
        lab.axp.ok("load", "eth0")
        n = len(results)
        wait_for(lambda: len(results) > n + 5, "the talk goes on")
        stop.set()
        thread.join()
        assert all(results)
        # The idle one: the server speaks first.
        at_server = [s for s in server.open if s.getpeername()[1] == 40000][0]
        at_server.sendall(b"push")
        assert idle.recv(100) == b"push" and echoes(idle)
        theirs.sendto(b"push", (local, 30000))
        assert ours.recv(100) == b"push"
        # Who came in from outside is not let in by that.
        assert not echoes(incoming, timeout=0.3)
        for sock in (idle, busy, incoming):
            sock.close()
    assert lab.axp.status()["flows"]["created"] >= 3


def test_a_socket_that_waits_makes_no_flow(lab):
    """A connection that a stranger opened, on a port that is listened on, is none of this host's."""
    lab.axp.write(ALL)
    with contextlib.closing(lab3.EchoServer(lab.host, "::", 20000)):
        incoming = [connect(lab.net, HOST4, 20000, STRANGER4), connect(lab.net, HOST6, 20000, STRANGER6)]
        assert all(echoes(s) for s in incoming)
        lab.axp.ok("load", "eth0")
        assert lab.axp.status()["flows"]["created"] == 0
        assert not any(echoes(s, timeout=0.2) for s in incoming)
        for sock in incoming:
            sock.close()


def flush(lab):
    for ns in (lab.host, lab.net):
        for family in ("-4", "-6"):
            ns.run("ip", family, "neigh", "flush", "all")
            ns.run("ip", family, "route", "flush", "cache")


@pytest.mark.parametrize("address, family, overhead", [("10.66.0.2", "-4", 28), ("2001:db8:66::2", "-6", 48)],
                         ids=["ipv4", "ipv6"])
def test_path_mtu_discovery(lab, address, family, overhead):
    """Behind the router a link takes 1300 bytes; the host learns so from ICMP alone."""
    far = lab.own(Namespace(f"{lab.name}-far"))
    far.sysctl(ipv6__conf__all__accept_dad=0, ipv6__conf__default__accept_dad=0)
    far.ip("link set lo up", f"link add eth0 type veth peer name far netns {lab.net.name}",
           "addr add 10.66.0.2/24 dev eth0", "addr add 2001:db8:66::2/64 dev eth0 nodad", "link set eth0 up",
           "route add default via 10.66.0.1", "route add default via 2001:db8:66::1")
    lab.net.ip("addr add 10.66.0.1/24 dev far", "addr add 2001:db8:66::1/64 dev far nodad", "link set far up mtu 1300")
    lab.net.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
    lab.axp.write(ALL)
    lab.axp.ok("load", "eth0")
    flush(lab)
    with contextlib.closing(lab3.EchoServer(far, address, 8080)) as server:
        sock = connect(lab.host, address, 8080, sport=40000)
        assert sock, "no connection to the far end"
        sock.settimeout(10)
        sock.sendall(b"x" * 20000)  # in segments of 1500 bytes, until told otherwise
        wait_for(lambda: "mtu 1300" in lab.host.run("ip", family, "route", "get", address).stdout,
                 "the host knows the path's MTU")
        sock.sendall(b"y" * 20000)
        back = b""
        while len(back) < 40000:
            back += sock.recv(65536)
        assert back == b"x" * 20000 + b"y" * 20000
        sock.close()
        del server
    out = lab.host.run("ping", family, "-M", "do", "-c", 1, "-W", 2, "-s", 1300 - overhead, address).stdout
    assert " 0% packet loss" in out
    assert lab.axp.count(verdict="drop") == 0


def test_neighbours_are_found_after_a_flush(lab):
    """With every port guarded, and nobody listed whom one has to ask."""
    lab.axp.write(config([service("all", ["udp/1-65535", "tcp/1-65535"], ["office"])], LISTS))
    lab.axp.ok("load", "eth0")
    for gateway in (GATEWAY4, GATEWAY6):
        flush(lab)
        assert " 0% packet loss" in lab.host.run("ping", "-c", 2, "-i", 0.05, "-W", 3, gateway).stdout
    for source, host in ((STRANGER4, HOST4), (STRANGER6, HOST6)):
        flush(lab)
        assert " 0% packet loss" in lab.net.run("ping", "-c", 2, "-i", 0.05, "-W", 3, "-I", source, host).stdout
    assert lab.axp.count(verdict="drop") == 0


LEASE_SCRIPT = """#!/bin/sh
echo "$1 $ip" >>@LOG@
[ "$1" != bound ] || ip addr replace "$ip/24" dev eth0
"""


def test_dhcp_leases_are_got_and_renewed(lab):
    """busybox's client and dnsmasq; all ports are guarded, and the server is not listed."""
    lab.axp.write(config([service("all", ["udp/1-65535", "tcp/1-65535"], ["office"])], LISTS))
    lab.axp.ok("load", "eth0")
    lab.host.ip("addr flush dev eth0")
    log, script = lab.directory / "lease.log", lab.directory / "lease.sh"
    script.write_text(LEASE_SCRIPT.replace("@LOG@", str(log)), encoding="ascii")
    script.chmod(0o755)
    server = lab.popen(lab.net, "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--user=root",
                       "--interface=eth0", "--bind-interfaces", "--no-ping", "--dhcp-authoritative",
                       "--dhcp-range=192.0.2.100,192.0.2.120,255.255.255.0,2m",
                       f"--dhcp-leasefile={lab.directory}/leases", f"--dhcp-option=option:router,{GATEWAY4}")
    wait_for(lambda: lab.net.run("ss", "-Huln", "sport = :67").stdout, "dnsmasq listens")
    client = lab.popen(lab.host, "busybox", "udhcpc", "-f", "-i", "eth0", "-s", script, "-t", "10", "-T", "1", "-R")

    def events():
        return [l.split()[0] for l in log.read_text(encoding="ascii").splitlines()] if log.exists() else []
    wait_for(lambda: "bound" in events(), "a lease")
    for n in range(2):
        flush(lab)
        client.send_signal(10)  # SIGUSR1: renew now
        wait_for(lambda n=n: events().count("renew") == n + 1, "the lease is renewed")
    assert server.poll() is None and client.poll() is None
    assert "192.0.2.1" in lab.host.run("ip", "-4", "-o", "addr", "show", "eth0").stdout
    assert lab.axp.count(None, "pass", "dhcp", "ipv4") >= 3
    assert lab.axp.count(verdict="drop", family="ipv4") == 0


def test_nothing_is_lost_when_it_is_unloaded_and_loaded_again(lab):
    """Flows of before are seeded anew."""
    lab.axp.write(ALL)
    lab.axp.ok("load", "eth0")
    with contextlib.closing(lab3.EchoServer(lab.net, STRANGER4, 8080)):
        sock = connect(lab.host, STRANGER4, 8080, sport=40000)
        for _ in range(3):
            assert echoes(sock)
            lab.axp.ok("unload", "--all")
            lab.axp.ok("load", "eth0")
            assert echoes(sock, timeout=2)
        sock.close()
    assert json.loads(lab.axp.ok("status", "--json"))["flows"]["alive"] >= 1
