# SPDX-License-Identifier: GPL-2.0-or-later
"""Services with direction `out`: what this host may talk to on some ports, and what it may not."""

import contextlib
import json
import time

import pytest

import lab3
from lab import (FRESHCHAT_EU, FRESHCHAT_US, GATEWAY4, HOST4, HOST6, OFFICE4, OFFICE6, STRANGER4, STRANGER6,
                 Lab, wait_for)
from lab3 import config, connect, echoes, service

SERVICES = [service("mail-out", ["tcp/8000-8010", "udp/5000-5010"], ["partners"], direction="out"),
            service("sip", ["udp/5060", "tcp/5060"], ["office"])]
LISTS = {"partners": ["203.0.113.0/24 # head office", "2001:db8:7::/48", "!203.0.113.99"],
         "office": [OFFICE4, OFFICE6]}
BOTH = pytest.mark.parametrize("listed, unlisted, family", [(OFFICE4, STRANGER4, "ipv4"),
                                                            (OFFICE6, STRANGER6, "ipv6")], ids=["ipv4", "ipv6"])


@pytest.fixture(scope="module")
def enforcing():
    made = Lab()
    try:
        made.axp.write(config(SERVICES, LISTS))
        made.axp.ok("load", "eth0")
        yield made
    finally:
        made.close()


@pytest.fixture
def loaded(enforcing):
    """Shared by the tests, which leave the policy and the mode as they were; its counters begin at zero."""
    yield lab3.View(enforcing)
    enforcing.axp.ok("mode", "enforce")


def out(lab, verdict, reason, family=None):
    return lab.count("mail-out", verdict, reason, family, direction="out")


@BOTH
def test_tcp(loaded, listed, unlisted, family):
    with contextlib.closing(lab3.EchoServer(loaded.net, listed, 8000)), \
            contextlib.closing(lab3.EchoServer(loaded.net, unlisted, 8000)) as forbidden, \
            contextlib.closing(lab3.EchoServer(loaded.net, unlisted, 7999)):
        sock = connect(loaded.host, listed, 8000)
        assert sock and echoes(sock, b"x" * 200000)
        sock.close()
        assert connect(loaded.host, unlisted, 8000, timeout=0.5) is None
        sock = connect(loaded.host, unlisted, 7999)  # a port that no service guards
        assert sock and echoes(sock)
        sock.close()
        assert forbidden.peers == []
    assert out(loaded, "pass", "listed", family) > 5
    assert out(loaded, "drop", "unlisted", family) >= 1
    assert loaded.count(direction="in", verdict="drop") == 0
    assert loaded.count("mail-out", direction="in") == 0


@BOTH
def test_udp(loaded, listed, unlisted, family):
    """Counted to the packet, and to the byte: whole frames, as on the way in."""
    source = lab3.host_address(listed)
    header = 14 + (20 if family == "ipv4" else 40) + 8
    with loaded.host.udp(source) as ours, loaded.net.udp(listed, 5010) as friend, \
            loaded.net.udp(unlisted, 5010, timeout=0.2) as stranger, loaded.net.udp(unlisted, 5011) as free:
        for _ in range(7):
            for address, port in ((unlisted, 5010), (listed, 5010), (unlisted, 5011)):
                with contextlib.suppress(PermissionError):  # how a drop on the way out may come back
                    ours.sendto(b"hello", (address, port))
        for _ in range(7):
            assert friend.recv(100) == free.recv(100) == b"hello"
        with pytest.raises(TimeoutError):
            stranger.recv(100)
    assert (out(loaded, "pass", "listed", family), out(loaded, "drop", "unlisted", family)) == (7, 7)
    assert loaded.count("mail-out", "drop", direction="out", field="bytes") == 7 * (header + 5)
    assert loaded.count("mail-out", "pass", direction="out", field="bytes") == 7 * (header + 5)


def test_curl_and_nc(loaded):
    """Programs that people use."""
    contents = loaded.directory / "www"
    contents.mkdir()
    (contents / "index.html").write_text("hello from outside\n", encoding="ascii")
    servers = {}
    for address in (OFFICE4, STRANGER4):
        servers[address] = loaded.popen(loaded.net, "/usr/bin/python3", "-m", "http.server", "--bind", address,
                                        "--directory", contents, 8001)
    wait_for(lambda: all(loaded.net.run("ss", "-Htln", f"src {a} and sport = :8001").stdout for a in servers),
             "the web servers listen")
    curl = ["curl", "--silent", "--noproxy", "*", "--connect-timeout", "1"]
    assert loaded.host.run(*curl, f"http://{OFFICE4}:8001/").stdout == "hello from outside\n"
    assert loaded.host.run(*curl, f"http://{STRANGER4}:8001/", check=False).returncode == 28  # timed out
    nc = ["nc", "-z", "-w", "1"]
    assert loaded.host.run(*nc, OFFICE4, "8001", check=False).returncode == 0
    assert loaded.host.run(*nc, STRANGER4, "8001", check=False).returncode == 1
    assert out(loaded, "drop", "unlisted") >= 2


def test_large_datagrams_to_an_unlisted_address_stay_here(loaded):
    """All their fragments."""
    tap = loaded.net.tap()
    with loaded.host.udp(HOST4) as ours, loaded.net.udp(OFFICE4, 5000) as friend:
        with contextlib.suppress(PermissionError):
            ours.sendto(b"secret" * 1000, (STRANGER4, 5000))
        ours.sendto(b"public" * 1000, (OFFICE4, 5000))
        assert friend.recv(65536) == b"public" * 1000
    assert tap.count(b"secret") == 0 and tap.count(b"public") >= 4


def test_monitor_mode_counts_and_lets_it_out(loaded):
    loaded.axp.ok("mode", "monitor")
    with loaded.host.udp(HOST4) as ours, loaded.net.udp(STRANGER4, 5000) as stranger:
        for _ in range(3):
            ours.sendto(b"hello", (STRANGER4, 5000))
            assert stranger.recv(100) == b"hello"
    assert (out(loaded, "pass", "unlisted"), out(loaded, "drop", "unlisted")) == (3, 0)
    loaded.axp.ok("mode", "off")
    with loaded.host.udp(HOST4) as ours, loaded.net.udp(STRANGER4, 5000) as stranger:
        ours.sendto(b"hello", (STRANGER4, 5000))
        assert stranger.recv(100) == b"hello"
    assert out(loaded, "pass", "unlisted") == 3


def test_add_and_remove_apply_at_once(loaded):
    with loaded.host.udp(HOST4) as ours, loaded.net.udp(STRANGER4, 5000, timeout=0.2) as stranger:
        def arrives():
            with contextlib.suppress(PermissionError):
                ours.sendto(b"hello", (STRANGER4, 5000))
            with contextlib.suppress(TimeoutError):
                return stranger.recv(100) == b"hello"
            return False
        assert not arrives()
        loaded.axp.ok("add", "partners", STRANGER4, "--for", "1h")
        assert arrives()
        loaded.axp.ok("remove", "partners", STRANGER4)
        assert not arrives()


def test_answers_to_what_was_let_in_are_not_caught(loaded):
    """A listed caller, and one at a port that no service guards, from a source port that is guarded outbound."""
    peers = [(OFFICE4, 5005, 5060), (FRESHCHAT_EU, 5005, 9000), (FRESHCHAT_US, 5006, 9000)]
    with contextlib.ExitStack() as stack:
        for source, sport, port in peers:
            server = stack.enter_context(loaded.host.udp(HOST4, port))
            client = stack.enter_context(loaded.net.udp(source, sport))
            for _ in range(3):
                client.sendto(b"question", (HOST4, port))
                data, back = server.recvfrom(100)
                server.sendto(data, back)
                assert client.recv(100) == b"question"
            server.close()
        # To others there: no.
        with loaded.host.udp(HOST4) as ours, loaded.net.udp(STRANGER4, 5005, timeout=0.2) as stranger:
            with contextlib.suppress(PermissionError):
                ours.sendto(b"hello", (STRANGER4, 5005))
            with pytest.raises(TimeoutError):
                stranger.recv(100)
    assert out(loaded, "pass", "answer", "ipv4") == 6
    assert out(loaded, "pass", "listed", "ipv4") == 3  # to the listed one
    with contextlib.closing(lab3.EchoServer(loaded.host, HOST4, 9000)):
        sock = connect(loaded.net, HOST4, 9000, FRESHCHAT_EU, 8005)
        assert sock and echoes(sock, b"x" * 100000)
        sock.close()
    assert out(loaded, "pass", "answer", "ipv4") > 10
    assert out(loaded, "drop", "unlisted", "ipv4") == 1


def test_a_dropped_call_makes_no_answer(loaded):
    """The stranger's packet to a guarded port was dropped: nothing may go to him for it."""
    with loaded.host.udp(HOST4, 5060) as server, loaded.net.udp(STRANGER4, 5005, timeout=0.2) as stranger:
        stranger.sendto(b"question", (HOST4, 5060))
        wait_for(lambda: loaded.count("sip", "drop", "unlisted") == 1, "it is dropped")
        with contextlib.suppress(PermissionError):
            server.sendto(b"answer", (STRANGER4, 5005))
        with pytest.raises(TimeoutError):
            stranger.recv(100)
    assert out(loaded, "drop", "unlisted") == 1


def test_check_out(loaded):
    axp = loaded.axp
    listed = axp("check", OFFICE4, "tcp/8000", "--out")
    assert listed.returncode == 0 and "to 203.0.113.10 tcp/8000" in listed.stdout
    dropped = axp("check", STRANGER4, "tcp/8000", "--out")
    assert dropped.returncode == 3 and "unlisted" in dropped.stdout and "mail-out" in dropped.stdout
    said = json.loads(axp("check", OFFICE4, "udp/5000", "--out", "--json").stdout)
    assert (said["verdict"], said["reason"], said["service"], said["list"], said["prefix"], said["label"],
            said["direction"]) == ("pass", "listed", "mail-out", "partners", "203.0.113.0/24", "head office", "out")
    said = json.loads(axp("check", "203.0.113.99", "udp/5000", "--out", "--json").stdout)
    assert (said["verdict"], said["reason"], said["prefix"]) == ("drop", "unlisted", "!203.0.113.99/32")
    said = json.loads(axp("check", STRANGER6, "tcp/8010", "--out", "--json").stdout)
    assert (said["verdict"], said["reason"], said["list"]) == ("drop", "unlisted", None)
    # The other direction is another question.
    said = json.loads(axp("check", STRANGER4, "tcp/8000", "--json").stdout)
    assert (said["verdict"], said["reason"], said["direction"]) == ("pass", "not-guarded", "in")
    said = json.loads(axp("check", STRANGER4, "udp/5060", "--out", "--json").stdout)
    assert (said["verdict"], said["reason"]) == ("pass", "not-guarded")


def test_gateway_and_neighbours_are_left_alone(loaded):
    """ARP, ND, ping, DHCP: nothing of it is a guarded destination."""
    for family in ("-4", "-6"):
        loaded.host.run("ip", family, "neigh", "flush", "all")
    assert " 0% packet loss" in loaded.host.run("ping", "-c", 2, "-i", 0.05, "-W", 3, GATEWAY4).stdout
    started = time.monotonic()
    assert " 0% packet loss" in loaded.host.run("ping", "-c", 2, "-i", 0.05, "-W", 3, STRANGER6).stdout
    assert time.monotonic() - started < 10
    assert loaded.count(direction="out", verdict="drop") == 0


def test_metrics_and_stats_tell_the_direction(loaded):
    with loaded.host.udp(HOST6) as ours:
        with contextlib.suppress(PermissionError):
            ours.sendto(b"hello", (STRANGER6, 5000))
    wait_for(lambda: out(loaded, "drop", "unlisted", "ipv6") == 1, "it is counted")
    assert any(l.split()[:2] == ["eth0", "out"] and "mail-out" in l and "drop" in l
               for l in loaded.axp.ok("stats").splitlines())
    assert 'allowxdp_packets_total{interface="eth0",direction="out",service="mail-out",family="ipv6",' \
           'verdict="drop",reason="unlisted"} ' in loaded.axp.ok("metrics")
