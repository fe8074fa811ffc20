# SPDX-License-Identifier: GPL-2.0-or-later
"""
Replies to what this host sent come through guarded ports, and nothing else does: a stranger can neither make
himself a flow, nor keep one alive, nor push one out.
"""

import contextlib
import random
import socket
import struct
import threading
import time

import pytest

import lab3
from frames import udp
from lab import HOST4, HOST6, STRANGER4, STRANGER6, Namespace, wait_for
from lab3 import RESOLVED4, config, connect, dns_queries, echoes, service

WIDE = "udp/10000-60000"
LISTS = {"office": ["203.0.113.0/24", "2001:db8:7::/48"]}


@pytest.fixture(scope="session")
def flood_program(tmp_path_factory):
    return lab3.build_flood(tmp_path_factory.mktemp("flood"))


def load(lab, ports=(WIDE,), *args, flows=None, **keys):
    settings = {"flows": flows} if flows else {}
    lab.axp.write(config([service("rtp", list(ports), ["office"], **keys)], LISTS, **settings))
    lab.axp.ok("load", "eth0", *args)
    return lab.axp


def flows(lab):
    return lab.axp.status()["flows"]


def remove_egress(lab):
    """As somebody might by mistake."""
    if egress(lab) == "tcx":
        (lab.axp.bpffs / "default" / "egress_eth0").unlink()
        wait_for(lambda: lab3.tcx_programs(lab.host) == [], "the egress program is gone")
    else:
        lab.host.run("tc", "filter", "del", "dev", "eth0", "egress")


def egress(lab):
    return lab.axp.status()["interfaces"][0]["egress"]


def test_ten_thousand_dns_queries_and_none_lost(lab):
    load(lab)
    lab3.start_resolver(lab, STRANGER4, STRANGER6)
    answered4, ports4 = dns_queries(lab.host, STRANGER4, 8000)
    answered6, ports6 = dns_queries(lab.host, STRANGER6, 2000)
    assert (answered4, answered6) == (8000, 2000)
    guarded = [sum(10000 <= p <= 60000 for p in ports) for ports in (ports4, ports6)]
    assert guarded[0] > 7200 and guarded[1] > 1800  # 96 % of the ephemeral ports
    assert lab.axp.count("rtp", "pass", "reply", "ipv4") == guarded[0]
    assert lab.axp.count("rtp", "pass", "reply", "ipv6") == guarded[1]
    assert lab.axp.count(verdict="drop") == 0
    state = flows(lab)
    assert state["created"] == len({p for p in ports4 if 10000 <= p <= 60000}) + \
        len({p for p in ports6 if 10000 <= p <= 60000})
    assert state["entries"] == state["alive"] == state["created"]
    assert (state["evicted"], state["insert_failed"]) == (0, 0)


def test_dig_resolves(lab):
    load(lab)
    lab3.start_resolver(lab, STRANGER4, STRANGER6)
    names = lab.directory / "names"
    names.write_text("".join(f"host{n}.example.test A\n" for n in range(50)), encoding="ascii")
    for resolver in (STRANGER4, STRANGER6):
        out = lab.host.run("dig", f"@{resolver}", "+tries=1", "+time=2", "+short", "-f", names).stdout
        assert out.split() == [RESOLVED4] * 50


def test_without_the_egress_program_dns_fails(lab):
    load(lab)
    lab3.start_resolver(lab, STRANGER4)
    kind = egress(lab)
    assert kind in ("tcx", "clsact")
    assert dns_queries(lab.host, STRANGER4, 500)[0] == 500
    remove_egress(lab)
    assert egress(lab) == "none"
    # No more at once than the resolver's socket buffer takes (277 on x86-64): it may not get the CPU for a while.
    answered, ports = dns_queries(lab.host, STRANGER4, 500, timeout=0.5, in_flight=100)
    # Ports that no service guards, and now and then one that the first round used.
    assert answered <= sum(not 10000 <= p <= 60000 for p in ports) + 50
    wait_for(lambda: lab.axp.count("rtp", "drop", "unlisted") >= 400, "the answers are dropped")
    # `load` mends it.
    lab.axp.ok("load", "eth0")
    assert egress(lab) == kind
    assert dns_queries(lab.host, STRANGER4, 500)[0] == 500


@pytest.mark.parametrize("server", [STRANGER4, STRANGER6], ids=["ipv4", "ipv6"])
def test_tcp_out_of_guarded_ports(lab, server):
    """The host's SYN begins the flow; a stranger's begins none."""
    load(lab, ["tcp/10000-60000"])
    with contextlib.closing(lab3.EchoServer(lab.net, server, 8080)), \
            contextlib.closing(lab3.EchoServer(lab.host, lab3.host_address(server), 20000)):
        for port in (10000, 33333, 60000):
            sock = connect(lab.host, server, 8080, sport=port)
            assert sock and echoes(sock, b"x" * 300000)
            sock.close()
        for _ in range(50):  # from ephemeral ports
            sock = connect(lab.host, server, 8080)
            assert sock and echoes(sock)
            sock.close()
        assert lab.axp.count("rtp", "drop") == 0
        assert lab.axp.count("rtp", "pass", "reply") > 200
        assert connect(lab.net, lab3.host_address(server), 20000, server, timeout=0.5) is None
        assert lab.axp.count("rtp", "drop", "unlisted") >= 1


def test_replies_false_lets_none_in(lab):
    """--force: the resolver that the machine's own /etc/resolv.conf names would be cut off too."""
    load(lab, [WIDE, "tcp/10000-60000"], "--force", replies=False)
    lab3.start_resolver(lab, STRANGER4)
    answered, ports = dns_queries(lab.host, STRANGER4, 200, timeout=0.5, in_flight=100)
    assert answered == sum(not 10000 <= p <= 60000 for p in ports)
    with contextlib.closing(lab3.EchoServer(lab.net, STRANGER4, 8080)):
        assert connect(lab.host, STRANGER4, 8080, sport=20000, timeout=0.5) is None
    assert flows(lab)["created"] == 0
    assert lab.axp.count("rtp", "pass", "reply") == 0


def test_mode_monitor_remembers_flows_too(lab):
    """Enforcing after monitoring cuts nothing that began meanwhile."""
    load(lab, (WIDE,), "--monitor")
    with lab.host.udp(HOST4, 20000) as ours, lab.net.udp(STRANGER4, 5000) as theirs:
        ours.sendto(b"question", (STRANGER4, 5000))
        theirs.recv(100)
        lab.axp.ok("mode", "enforce")
        theirs.sendto(b"reply", (HOST4, 20000))
        assert ours.recv(100) == b"reply"


SPORTS = [53, 123, 443]


def raw_udp(lab, source, sport, port):
    """As frames.udp, but a hundred times as fast to build; the stack would take it, checksums included."""
    macs = bytes.fromhex((lab.host.mac() + lab.net.mac()).replace(":", ""))
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + 8 + 18, 1, 0, 64, 17, 0, socket.inet_aton(source),
                         socket.inet_aton(HOST4))
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return macs + b"\x08\x00" + header[:10] + struct.pack("!H", total) + header[12:] + \
        struct.pack("!HHHH", sport, port, 8 + 18, 0) + b"flood".ljust(18)


def flood_frames(lab, resolver, flow_ports):
    """From many addresses and those source ports, to ports of the host with and without flows."""
    dice = random.Random(1)
    frames = []
    for _ in range(4000):
        source = dice.choice([STRANGER4, f"198.51.100.{dice.randrange(1, 255)}",
                              f"100.{dice.randrange(64, 128)}.{dice.randrange(256)}.{dice.randrange(256)}"])
        port = dice.choice([20000, *flow_ports, dice.randrange(10000, 60001)])
        sport = dice.choice([*SPORTS, dice.randrange(1, 65536)])
        if (source, sport) != (resolver, 53):
            frames.append(raw_udp(lab, source, sport, port))
    for port in flow_ports:  # the resolver's own address, another port
        frames.append(raw_udp(lab, resolver, 123, port))
    frames += [bytes(udp(lab, STRANGER6, port, b"flood", sport=53)) for port in (20000, *flow_ports[:10])]
    return frames


def test_strangers_at_full_rate_get_nothing_in(lab, flood_program):
    """They reach no socket, make no flow, evict none: capacity is the least there is."""
    resolver = "198.51.100.53"
    lab.net.ip(f"addr add {resolver} dev lo")
    with lab.host.udp(HOST4, 20000, timeout=5) as waiting:
        lab.send(raw_udp(lab, STRANGER4, 53, 20000))
        assert waiting.recv(100).startswith(b"flood")  # nothing but the filter will keep these out
    load(lab, flows={"capacity": 1024})
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(lab.host.udp(HOST4, 30000 + n)) for n in range(200)]
        server = stack.enter_context(lab.net.udp(resolver, 53, timeout=5))
        waiting = stack.enter_context(lab.host.udp(HOST4, 20000, timeout=0.2))
        waiting6 = stack.enter_context(lab.host.udp(HOST6, 20000, timeout=0.2))
        ports = [s.getsockname()[1] for s in sockets]
        for sock in sockets:  # not connected: the filter alone keeps others out
            sock.sendto(b"question", (resolver, 53))
            server.recv(100)
        before = flows(lab)
        assert before["created"] == len(sockets)
        flood = lab3.Flood(lab, flood_program, flood_frames(lab, resolver, ports))
        wait_for(lambda: lab.axp.count("rtp", "drop", "unlisted") > 200000, "a flood")
        sent = flood.stop()
        wait_for(lambda: lab.axp.count("rtp", "drop", "unlisted") == sent, "every frame was dropped")
        after = flows(lab)
        assert after == before
        for sock in sockets:
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                sock.recv(100)
        for sock in (waiting, waiting6):
            with pytest.raises(TimeoutError):
                sock.recv(100)
        # And every flow is still there.
        for sock in sockets:
            sock.settimeout(2)
            server.sendto(b"answer", (HOST4, sock.getsockname()[1]))
            assert sock.recv(100) == b"answer"


def test_a_stranger_cannot_keep_a_flow_alive(lab):
    """The answers come on and on; without a packet of this host the flow ends in its time."""
    load(lab, flows={"udp": "2s"})
    with lab3.stamped(lab.host.udp(HOST4, 20000, timeout=0.05)) as ours, lab.net.udp(STRANGER4, 53) as theirs:
        started = time.time()
        ours.sendto(b"question", (STRANGER4, 53))
        arrived, sent = [], 0
        while time.time() < started + 2.5:
            theirs.sendto(b"answer", (HOST4, 20000))
            sent += 1
            with contextlib.suppress(TimeoutError):
                arrived.append(lab3.kernel_time(ours.recvmsg(100, 100)[1]))
        assert len(arrived) > 20
        assert 1.9 < arrived[-1] - started < 2.1
        assert sent > len(arrived)
        assert lab.axp.count("rtp", "drop", "unlisted") == sent - len(arrived)
        state = flows(lab)
        assert (state["alive"], state["created"]) == (0, 1)
        # One packet of this host, and there is a flow again.
        ours.sendto(b"question", (STRANGER4, 53))
        theirs.sendto(b"answer", (HOST4, 20000))
        assert ours.recv(100) == b"answer"


def test_a_flow_lives_as_long_as_this_host_sends(lab):
    load(lab, flows={"udp": "2s"})
    with lab.host.udp(HOST4, 20000, timeout=2) as ours, lab.net.udp(STRANGER4, 53) as theirs:
        started = time.monotonic()
        while time.monotonic() < started + 3:
            ours.sendto(b"question", (STRANGER4, 53))
            theirs.sendto(b"answer", (HOST4, 20000))
            assert ours.recv(100) == b"answer"
            time.sleep(0.5)
    assert lab.axp.count(verdict="drop") == 0
    assert flows(lab)["created"] == 1


def test_an_echo_server_does_not_make_flows_of_strangers(lab):
    """Monitor mode lets them in; the answers are no flows, and enforcing cuts them off."""
    load(lab, (WIDE,), "--monitor")
    with lab.host.udp(HOST4, 20000) as ours, lab.net.udp(STRANGER4, 5000, timeout=0.5) as theirs:
        for _ in range(3):
            theirs.sendto(b"scan", (HOST4, 20000))
            data, peer = ours.recvfrom(100)
            ours.sendto(data, peer)
            assert theirs.recv(100) == b"scan"
        lab.axp.ok("mode", "enforce")
        theirs.sendto(b"scan", (HOST4, 20000))
        ours.settimeout(0.3)
        with pytest.raises(TimeoutError):
            ours.recv(100)
    assert flows(lab)["created"] == 0


class Talk:
    """Two UDP sockets that send to each other, and an echo server: what arrived at the host, and when."""

    def __init__(self, lab, peer, local, remote, pps=None):
        """pps: both sides send on their own; else the host echoes what the peer sends as fast as it can."""
        self.ours = lab3.stamped(lab.host.udp(HOST4, local, timeout=0.05))
        self.theirs = lab.net.udp(peer, remote, timeout=0.05)
        self.peer = peer, remote
        self.host = HOST4, local
        self.pps = pps
        self.arrived = []
        self.stopping = threading.Event()
        targets = [self.receive, self.send_to_host, *([self.send_to_peer] if pps else [])]
        self.threads = [threading.Thread(target=t, daemon=True) for t in targets]
        for thread in self.threads:
            thread.start()

    def receive(self):
        while not self.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                data, ancillary, _, peer = self.ours.recvmsg(200, 100)
                self.arrived.append(lab3.kernel_time(ancillary))
                if not self.pps:
                    self.ours.sendto(data, peer)

    def send_to_host(self):
        while not self.stopping.wait(1 / (self.pps or 5000)):
            self.theirs.sendto(b"v" * 172, self.host)

    def send_to_peer(self):
        while not self.stopping.wait(1 / self.pps):
            self.ours.sendto(b"v" * 172, self.peer)

    def close(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        self.ours.close()
        self.theirs.close()


@pytest.mark.parametrize("kind", ["media both ways", "echo server"])
def test_remove_cuts_a_busy_peer_off_at_once(lab, kind):
    """What began while the peer was listed was never a reply: after `remove` not one packet more arrives."""
    axp = load(lab)
    axp.ok("add", "office", STRANGER4)
    pps = 50 if kind == "media both ways" else None
    with contextlib.closing(Talk(lab, STRANGER4, 20000, 30000, pps)) as talk:
        wait_for(lambda: len(talk.arrived) > 30, "a talk")
        axp.ok("remove", "office", STRANGER4)
        removed = time.time()
        dropped = axp.count("rtp", "drop", "unlisted")
        passed = axp.count("rtp", "pass")
        wait_for(lambda: axp.count("rtp", "drop", "unlisted") > dropped + 25, "the peer sends on")
        assert [t - removed for t in talk.arrived if t > removed] == []
        assert axp.count("rtp", "pass") == passed
        # Listed again, he is in again.
        axp.ok("add", "office", STRANGER4)
        wait_for(lambda: talk.arrived[-1] > removed, "he is back")


def test_remove_of_a_peer_whom_this_host_calls_cuts_him_off(lab):
    """The host speaks first, and goes on speaking; TCP too."""
    axp = load(lab, [WIDE, "tcp/10000-60000"])
    axp.ok("add", "office", STRANGER4)
    with contextlib.closing(lab3.EchoServer(lab.net, STRANGER4, 8080)), \
            lab.host.udp(HOST4, 20000, timeout=0.5) as ours, lab.net.udp(STRANGER4, 5000) as theirs:
        sock = connect(lab.host, STRANGER4, 8080, sport=20000)
        assert echoes(sock)
        ours.sendto(b"hello", (STRANGER4, 5000))
        axp.ok("remove", "office", STRANGER4)
        ours.sendto(b"hello", (STRANGER4, 5000))
        theirs.sendto(b"answer", (HOST4, 20000))
        with pytest.raises(TimeoutError):
            ours.recv(100)
        assert not echoes(sock, timeout=0.5)
        sock.close()
        # A call to him from now on is a flow like any other.
        sock = connect(lab.host, STRANGER4, 8080, sport=20001)
        assert echoes(sock)
        sock.close()


def test_containers_behind_nat(lab):
    """Flows are remembered as they are on the wire: after the address was translated."""
    load(lab, [WIDE, "tcp/10000-60000"])
    lab3.start_resolver(lab, STRANGER4)
    container = lab.own(Namespace(f"{lab.name}-container"))
    container.ip("link set lo up",
                 f"link add eth0 type veth peer name inside netns {lab.host.name}",
                 "link set eth0 up", "addr add 10.77.0.2/24 dev eth0")
    lab.host.ip("link set inside up", "addr add 10.77.0.1/24 dev inside")
    container.ip("route add default via 10.77.0.1")
    lab.host.sysctl(ipv4__ip_forward=1)
    lab.host.run("nft", "add table ip nat; add chain ip nat out { type nat hook postrouting priority 100; }; "
                        "add rule ip nat out oifname eth0 masquerade random")
    # The net has no route to 10.77.0.0/24: only what is translated is answered.
    answered, _ = dns_queries(container, STRANGER4, 1000)
    assert answered == 1000
    assert lab.axp.count("rtp", "pass", "reply", "ipv4") > 0
    with contextlib.closing(lab3.EchoServer(lab.net, STRANGER4, 8080)) as server:
        sock = connect(container, STRANGER4, 8080)
        assert echoes(sock, b"x" * 100000)
        sock.close()
        assert server.peers[0][0] == HOST4
    assert lab.axp.count(verdict="drop") == 0
