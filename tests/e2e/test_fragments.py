# SPDX-License-Identifier: GPL-2.0-or-later
"""Fragments: large INVITEs work from listed sources, in whatever order they come, and from no other."""

import contextlib
import itertools

import pytest
from scapy.layers.inet import fragment
from scapy.layers.inet6 import fragment6
from scapy.packet import Raw

import lab3
from frames import IP, TCP, UDP, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, ethernet
from lab import EXOTEL_MUMBAI, HOST4, HOST6, OFFICE4, OFFICE6, STRANGER4, STRANGER6, Lab, lasting, wait_for
from lab3 import config, service
from programs import start_sip_server

PAYLOAD = bytes(range(256)) * 16  # 4 KB
FAMILIES = pytest.mark.parametrize("family, listed, unlisted", [("ipv4", OFFICE4, STRANGER4),
                                                                ("ipv6", OFFICE6, STRANGER6)],
                                   ids=["ipv4", "ipv6"])


def text(fragments=None):
    settings = {"fragments": fragments} if fragments else {}
    return config([service("sip", ["udp/5060", "tcp/5060"], ["office"]),
                   service("rtp", ["udp/10000-60000"], ["office"])],
                  {"office": [EXOTEL_MUMBAI, "203.0.113.0/24", "2001:db8:7::/48"]}, **settings)


@pytest.fixture(scope="module")
def enforcing():
    made = Lab()
    try:
        made.axp.write(text())
        made.axp.ok("load", "eth0")
        yield made
    finally:
        made.close()


@pytest.fixture
def loaded(enforcing):
    """Shared by the tests; its counters begin at zero, and fragments are set to pass."""
    yield lab3.View(enforcing)
    enforcing.axp.ok("mode", "enforce")
    reload(enforcing)


def reload(lab, fragments=None):
    lab.axp.write(text(fragments))
    lab.axp.ok("reload")


identities = itertools.count(1000)  # of IP: one that was used just now would find the first fragment of then


def pieces(lab, source, port=5060):
    """The frames of one UDP datagram in fragments, in order: three of them."""
    identity = next(identities)
    if ":" in source:
        whole = IPv6(src=source, dst=HOST6) / IPv6ExtHdrFragment(id=identity) / \
            UDP(sport=40000, dport=port) / Raw(PAYLOAD)
        parts = [ethernet(lab) / p for p in fragment6(whole, 1440)]
    else:
        parts = [ethernet(lab) / p for p in fragment(
            IP(src=source, dst=HOST4, id=identity) / UDP(sport=40000, dport=port) / Raw(PAYLOAD), 1480)]
    assert len(parts) == 3
    return [bytes(p) for p in parts]


def by_reason(lab, family):
    """{(service, verdict, reason): packets} of this family, without what the stacks tell each other."""
    return {(c["service"], c["verdict"], c["reason"]): c["packets"] for c in lab.counters()
            if c["family"] == family and c["reason"] != "other-protocol"}


def nothing_comes(sock):
    sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        sock.recv(65536)


@pytest.mark.parametrize("family, listed, unlisted, host", [
    ("ipv4", EXOTEL_MUMBAI, STRANGER4, HOST4), ("ipv6", OFFICE6, STRANGER6, HOST6)], ids=["ipv4", "ipv6"])
def test_call_with_a_large_invite(loaded, family, listed, unlisted, host):
    server = start_sip_server(loaded, host)
    invite = lab3.quiet_call(100, invite_padding=4000)
    stranger = lab3.sipp(loaded, loaded.net, invite, unlisted, host, timeout=2)
    provider = lab3.sipp(loaded, loaded.net, invite, listed, host)
    assert lab3.ended(provider) == 0
    counts = by_reason(loaded, family)
    assert counts["sip", "pass", "listed"] >= 3 and counts["sip", "pass", "fragment"] >= 2
    assert lab3.ended(stranger) != 0
    server.terminate()
    server.wait(lasting(5))
    counts = by_reason(loaded, family)
    assert counts["sip", "drop", "unlisted"] >= 2  # the INVITE and repetitions
    assert counts["sip", "drop", "fragment-dropped"] == 3 * counts["sip", "drop", "unlisted"]
    assert not [k for k in counts if "unmatched" in k[2]]


@FAMILIES
@pytest.mark.parametrize("order", ["in order", "reverse"])
def test_order_does_not_matter(loaded, family, listed, unlisted, order):
    """Counted exactly: without its first fragment known, a later one goes by its source alone."""
    reverse = order == "reverse"
    with loaded.host.udp(lab3.host_address(listed), 5060) as server:
        for _ in range(5):
            for frames in (pieces(loaded, unlisted), pieces(loaded, listed)):
                loaded.send(*(reversed(frames) if reverse else frames))
            data, source = server.recvfrom(65536)
            assert (data, source[0]) == (PAYLOAD, listed)
        nothing_comes(server)
    expected = {("sip", "pass", "listed"): 5, ("sip", "drop", "unlisted"): 5}
    if reverse:
        expected |= {("-", "pass", "fragment-listed"): 10, ("-", "pass", "fragment-unmatched"): 10}
    else:
        expected |= {("sip", "pass", "fragment"): 10, ("sip", "drop", "fragment-dropped"): 10}
    assert by_reason(loaded, family) == expected


@FAMILIES
def test_fragments_drop(loaded, family, listed, unlisted):
    """Strict: what comes before its first fragment, from an unlisted source, is refused."""
    reload(loaded, "drop")
    with loaded.host.udp(lab3.host_address(listed), 5060) as server, \
            loaded.host.udp(lab3.host_address(listed), 5000) as free:
        loaded.send(*reversed(pieces(loaded, unlisted)))
        loaded.send(*reversed(pieces(loaded, listed)))
        assert server.recvfrom(65536)[1][0] == listed
        nothing_comes(server)
        assert by_reason(loaded, family) == {
            ("sip", "drop", "unlisted"): 1, ("-", "drop", "fragment-refused"): 2,
            ("sip", "pass", "listed"): 1, ("-", "pass", "fragment-listed"): 2}
        # To a free port: in order it arrives.
        loaded.send(*pieces(loaded, unlisted, 5000))
        assert free.recv(65536) == PAYLOAD
        loaded.send(*reversed(pieces(loaded, unlisted, 5000)))
        nothing_comes(free)
        counts = by_reason(loaded, family)
        assert counts["-", "pass", "fragment"] == 2 and counts["-", "drop", "fragment-refused"] == 4


@FAMILIES
def test_large_reply_from_an_unlisted_server(loaded, family, listed, unlisted):
    """As DNS with EDNS0 sends them: the first fragment is a reply, and so are the rest."""
    reload(loaded, "drop")
    with loaded.host.udp(lab3.host_address(unlisted), 20000) as ours, loaded.net.udp(unlisted, 53) as theirs:
        ours.sendto(b"question", (unlisted, 53))
        theirs.recv(100)
        for n in range(3):
            theirs.sendto(PAYLOAD, (lab3.host_address(unlisted), 20000))
            assert ours.recv(65536) == PAYLOAD, f"answer {n}"
    assert by_reason(loaded, family) == {("rtp", "pass", "reply"): 3, ("rtp", "pass", "fragment"): 6}
    del listed


def test_the_host_sends_large_datagrams(loaded):
    """Its own fragments leave, and the flow is remembered by the first of them."""
    with loaded.host.udp(HOST4, 20000) as ours, loaded.net.udp(STRANGER4, 5000) as theirs:
        ours.sendto(PAYLOAD, (STRANGER4, 5000))
        assert theirs.recv(65536) == PAYLOAD
        theirs.sendto(b"reply", (HOST4, 20000))
        assert ours.recv(100) == b"reply"


def test_fragments_of_two_datagrams_mixed(loaded):
    """The identification tells them apart, not their order; from one source to two ports."""
    with loaded.host.udp(HOST4, 5060) as guarded, loaded.host.udp(HOST4, 5000) as free:
        a, b = pieces(loaded, STRANGER4, 5060), pieces(loaded, STRANGER4, 5000)
        loaded.send(a[0], b[0], a[1], b[1], b[2], a[2])
        assert free.recv(65536) == PAYLOAD
        nothing_comes(guarded)
    counts = by_reason(loaded, "ipv4")
    assert (counts["sip", "drop", "fragment-dropped"], counts["-", "pass", "fragment"]) == (2, 2)


def tcp_piece(lab, source, offset, size):
    header = bytes(TCP(sport=40000, dport=5060, flags="S"))
    return ethernet(lab) / IP(src=source, dst=HOST4, proto=6, flags="MF", frag=offset, id=9) / Raw(header[:size])


def chain_piece(lab, source, *inner):
    frame = ethernet(lab) / IPv6(src=source, dst=HOST6) / IPv6ExtHdrFragment(id=9, m=1)
    for layer in inner:
        frame = frame / layer
    return frame


RAW = {
    # name: (frame of a lab and a source, source, service, verdict, reason)
    "TCP cut in its header": (lambda lab, s: tcp_piece(lab, s, 0, 8), OFFICE4, "-", "drop", "tiny-fragment"),
    "TCP going on at offset 1": (lambda lab, s: tcp_piece(lab, s, 1, 20), OFFICE4, "-", "drop", "tiny-fragment"),
    "TCP whole header": (lambda lab, s: tcp_piece(lab, s, 0, 20), OFFICE4, "sip", "pass", "listed"),
    "UDP cut in its header": (lambda lab, s: ethernet(lab) / IP(src=s, dst=HOST4, proto=17, flags="MF", id=9)
                              / Raw(b"\x13\xc4\x13\xc4"), OFFICE4, "-", "drop", "tiny-fragment"),
    "IPv6 options, no UDP": (lambda lab, s: chain_piece(lab, s, IPv6ExtHdrDestOpt(nh=17)), OFFICE6, "-", "drop",
                             "tiny-fragment"),
    "IPv6 options and UDP, listed": (lambda lab, s: chain_piece(lab, s, IPv6ExtHdrDestOpt(), UDP(dport=5060)),
                                     OFFICE6, "sip", "pass", "listed"),
    "IPv6 options and UDP, unlisted": (lambda lab, s: chain_piece(lab, s, IPv6ExtHdrDestOpt(), UDP(dport=5060)),
                                       STRANGER6, "sip", "drop", "unlisted"),
    "IPv6 atomic fragment": (lambda lab, s: ethernet(lab) / IPv6(src=s, dst=HOST6) / IPv6ExtHdrFragment(id=9)
                             / UDP(dport=5060), STRANGER6, "sip", "drop", "unlisted"),
    "ICMP in fragments": (lambda lab, s: ethernet(lab) / IP(src=s, dst=HOST4, proto=1, flags="MF", id=9)
                          / Raw(b"\x08\0" + bytes(14)), STRANGER4, "-", "pass", "other-protocol"),
}


@pytest.mark.parametrize("name", RAW)
def test_first_fragments(loaded, name):
    make, source, service_, verdict, reason = RAW[name]
    family = "ipv6" if ":" in source else "ipv4"
    loaded.send(make(loaded, source), count=3)
    wait_for(lambda: loaded.count(service_, verdict, reason, family) >= 3, "it is counted")
    expected = {} if reason == "other-protocol" else {(service_, verdict, reason): 3}
    assert by_reason(loaded, family) == expected


def test_monitor_mode_counts_and_drops_nothing(loaded):
    reload(loaded, "drop")
    loaded.axp.ok("mode", "monitor")
    with contextlib.closing(loaded.host.udp(HOST4, 5060)) as server:
        loaded.send(*pieces(loaded, STRANGER4))
        loaded.send(*reversed(pieces(loaded, STRANGER4)))
        for _ in range(2):
            assert server.recv(65536) == PAYLOAD
    assert by_reason(loaded, "ipv4") == {
        ("sip", "pass", "unlisted"): 2, ("sip", "pass", "fragment-dropped"): 2, ("-", "pass", "fragment-refused"): 2}
