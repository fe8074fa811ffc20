# SPDX-License-Identifier: GPL-2.0-or-later
"""Raw frames on the wire: verdict, reason, exact counts, and what the host got to see."""

import pytest

from frames import (ARP, ICMP, IP, TAGS, UDP, Dot1Q, Ether, ICMPv6EchoRequest, IPv6,
                    IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, Raw, ethernet, ip, tcp, udp)
from lab import (EXOTEL_MUMBAI, FRESHCHAT_IN, HOST4, HOST6, OFFICE4, OFFICE6, STRANGER4, STRANGER6,
                 wait_for)

N = 7


@pytest.mark.parametrize("tags", TAGS.values(), ids=TAGS.keys())
@pytest.mark.parametrize("family, listed, unlisted", [("ipv4", OFFICE4, STRANGER4),
                                                      ("ipv6", OFFICE6, STRANGER6)],
                         ids=["ipv4", "ipv6"])
def test_tagged_and_untagged_get_the_same_verdict(guarded, tags, family, listed, unlisted):
    tap = guarded.host.tap()
    good = bytes(udp(guarded, listed, 5060, b"from a listed source", tags))
    bad = bytes(udp(guarded, unlisted, 5060, b"from an unlisted source", tags))
    free = bytes(udp(guarded, unlisted, 53, b"to a free port", tags))
    guarded.send(bad, good, free, count=N)
    wait_for(lambda: tap.count(b"to a free port") == N, "frames to a free port arrive")
    assert tap.count(b"from a listed source") == N
    assert tap.count(b"from an unlisted source") == 0
    count = guarded.axp.count
    assert count("sip", "pass", "listed", family) == N
    assert count("sip", "pass", "listed", family, field="bytes") == N * len(good)
    assert count("sip", "drop", "unlisted", family) == N
    assert count("sip", "drop", "unlisted", family, field="bytes") == N * len(bad)
    assert count("-", "pass", "not-guarded", family) == N



SPECIAL = {
    # name: (frame of a lab, verdict, reason, service, family)
    "third VLAN tag": (lambda lab: ethernet(lab, [(0x8100, 1), (0x8100, 2)]) / Dot1Q(vlan=3)
                       / ip(FRESHCHAT_IN) / UDP(dport=443), "drop", "vlan-depth", "-", "-"),
    "cut in the IPv4 header": (lambda lab: bytes(udp(lab, FRESHCHAT_IN, 5060))[:14 + 19],
                               "drop", "truncated", "-", "ipv4"),
    "cut in the UDP header": (lambda lab: bytes(udp(lab, FRESHCHAT_IN, 5060))[:14 + 20 + 7],
                              "drop", "truncated", "-", "ipv4"),
    "cut in the TCP header": (lambda lab: bytes(tcp(lab, FRESHCHAT_IN, 443))[:14 + 20 + 19],
                              "drop", "truncated", "-", "ipv4"),
    "cut in the IPv6 header": (lambda lab: bytes(udp(lab, OFFICE6, 5060))[:14 + 39],
                               "drop", "truncated", "-", "ipv6"),
    "IHL of four": (lambda lab: ethernet(lab) / IP(src=FRESHCHAT_IN, dst=HOST4, ihl=4)
                    / UDP(dport=5060) / Raw(b"x" * 40), "drop", "bad-header", "-", "ipv4"),
    "version 5": (lambda lab: ethernet(lab) / IP(src=FRESHCHAT_IN, dst=HOST4, version=5)
                  / UDP(dport=5060), "drop", "bad-header", "-", "ipv4"),
    "nine extension headers": (lambda lab: chain(lab, 9), "drop", "ext-chain", "-", "ipv6"),
    "eight extension headers": (lambda lab: chain(lab, 8), "drop", "unlisted", "sip", "ipv6"),
    "first fragment": (lambda lab: ethernet(lab) / IP(src=STRANGER4, dst=HOST4, flags="MF")
                       / UDP(dport=5060) / Raw(b"x" * 64), "drop", "unlisted", "sip", "ipv4"),
    "later fragment": (lambda lab: ethernet(lab) / IP(src=STRANGER4, dst=HOST4, id=4711, frag=8, proto=17)
                       / Raw(b"x" * 64), "pass", "fragment-unmatched", "-", "ipv4"),
    "later IPv6 fragment": (lambda lab: ethernet(lab) / IPv6(src=STRANGER6, dst=HOST6)
                            / IPv6ExtHdrFragment(offset=8, nh=17) / Raw(b"x" * 64),
                            "pass", "fragment-unmatched", "-", "ipv6"),
    "ARP": (lambda lab: ethernet(lab) / ARP(op="who-has", psrc="192.0.2.1", pdst=HOST4),
            "pass", "not-ip", "-", "-"),
    "LLDP": (lambda lab: Ether(src=lab.net.mac(), dst="01:80:c2:00:00:0e", type=0x88CC)
             / Raw(b"\0" * 46), "pass", "not-ip", "-", "-"),
    "EAPOL": (lambda lab: Ether(src=lab.net.mac(), dst="01:80:c2:00:00:03", type=0x888E)
              / Raw(b"\0" * 46), "pass", "not-ip", "-", "-"),
    "ping": (lambda lab: ethernet(lab) / IP(src=STRANGER4, dst=HOST4) / ICMP() / Raw(b"x" * 32),
             "pass", "other-protocol", "-", "ipv4"),
    "ping6": (lambda lab: ethernet(lab) / IPv6(src=STRANGER6, dst=HOST6) / ICMPv6EchoRequest(),
              "pass", "other-protocol", "-", "ipv6"),
    "ESP": (lambda lab: ethernet(lab) / IP(src=STRANGER4, dst=HOST4, proto=50) / Raw(b"x" * 40),
            "pass", "other-protocol", "-", "ipv4"),
    "from port 53, which anybody may choose": (
        lambda lab: udp(lab, STRANGER4, 33000, sport=53), "drop", "unlisted", "rtp", "ipv4"),
    "SYN-ACK to a guarded port": (lambda lab: tcp(lab, STRANGER4, 443, flags="SA"),
                                  "drop", "unlisted", "https", "ipv4"),
    "source 0.0.0.0": (lambda lab: udp(lab, "0.0.0.0", 5060), "drop", "unlisted", "sip", "ipv4"),
    "IPv4-mapped source": (lambda lab: udp(lab, f"::ffff:{EXOTEL_MUMBAI}", 5060),
                           "drop", "unlisted", "sip", "ipv6"),
    "first port of a range": (lambda lab: udp(lab, STRANGER4, 10000),
                              "drop", "unlisted", "rtp", "ipv4"),
    "last port of a range": (lambda lab: udp(lab, STRANGER4, 60000),
                             "drop", "unlisted", "rtp", "ipv4"),
    "one past a range": (lambda lab: udp(lab, STRANGER4, 60001),
                         "pass", "not-guarded", "-", "ipv4"),
    "one before a range": (lambda lab: udp(lab, STRANGER4, 9999),
                           "pass", "not-guarded", "-", "ipv4"),
    "the port of another protocol": (lambda lab: tcp(lab, STRANGER4, 10000),
                                     "pass", "not-guarded", "-", "ipv4"),
    "listed for another service": (lambda lab: tcp(lab, EXOTEL_MUMBAI, 443),
                                   "drop", "unlisted", "https", "ipv4"),
}


def chain(lab, n):
    frame = ethernet(lab) / IPv6(src=STRANGER6, dst=HOST6)
    for _ in range(n):
        frame = frame / IPv6ExtHdrDestOpt()
    return frame / UDP(dport=5060)


@pytest.mark.parametrize("name", SPECIAL)
@pytest.mark.parametrize("mode", ["enforce", "monitor"])
def test_reason(shared, name, mode):
    make, verdict, reason, service, family = SPECIAL[name]
    frame = bytes(make(shared))
    if mode == "monitor":
        verdict = "pass"
    shared.axp.ok("mode", mode)
    try:
        before = snapshot(shared)
        shared.send(frame, count=N)
        wait_for(lambda: snapshot(shared) != before, "something is counted", timeout=3)
        after = snapshot(shared)
    finally:
        shared.axp.ok("mode", "enforce")
    grown = {k: (after[k][0] - before.get(k, (0, 0))[0], after[k][1] - before.get(k, (0, 0))[1])
             for k in after if after[k] != before.get(k)}
    key = ("eth0", "in", service, family, verdict, reason)
    packets, size = grown.pop(key)
    # The stacks say something to each other now and then: ND, ARP.
    chatter = ("other-protocol", "not-ip")
    assert packets == N or packets > N and reason in chatter
    assert size == N * len(frame) or packets > N
    assert not [k for k in grown if k[5] not in chatter], grown


def snapshot(lab):
    return {(c["interface"], c["direction"], c["service"], c["family"], c["verdict"], c["reason"]):
            (c["packets"], c["bytes"]) for c in lab.axp.counters()}


def test_dhcp_passes_where_its_ports_are_guarded(lab):
    lab.load(services=[("low", ["udp/1-1000"], ["l"])], lists={"l": ["192.0.2.200"]})
    lab.send(udp(lab, STRANGER4, 68, sport=67), udp(lab, STRANGER4, 67, sport=68),
             udp(lab, STRANGER6, 546, sport=547), udp(lab, STRANGER4, 68, sport=4444),
             udp(lab, STRANGER4, 69, sport=67))
    count = lab.axp.count
    wait_for(lambda: count(verdict="drop", reason="unlisted") == 2, "one DHCP port alone drops")
    assert count(verdict="pass", reason="dhcp", family="ipv4") == 2
    assert count(verdict="pass", reason="dhcp", family="ipv6") == 1


def test_large_datagram_in_fragments_arrives_from_a_listed_source(guarded):
    """A large INVITE over UDP: the first fragment is judged by its ports, later ones follow it."""
    payload = b"INVITE" + b"x" * 4000
    with guarded.host.udp(HOST4, 5060) as server, guarded.net.udp(EXOTEL_MUMBAI) as client, \
            guarded.net.udp(STRANGER4) as stranger:
        stranger.sendto(b"stranger" + payload, (HOST4, 5060))
        client.sendto(payload, (HOST4, 5060))
        assert server.recv(65536) == payload
    assert guarded.axp.count("sip", "pass", "fragment", "ipv4") == 2
    assert guarded.axp.count("sip", "drop", "fragment-dropped", "ipv4") == 2
    assert guarded.axp.count("sip", "drop", "unlisted", "ipv4") == 1


@pytest.mark.parametrize("mtu", [9000])
def test_jumbo_frames(lab, mtu):
    for ns in (lab.host, lab.net):
        ns.ip(f"link set eth0 mtu {mtu}")
    lab.load()
    payload = b"j" * (mtu - 100)
    with lab.host.udp(HOST4, 5060) as server, lab.net.udp(EXOTEL_MUMBAI) as client, \
            lab.net.udp(STRANGER4) as stranger:
        stranger.sendto(payload, (HOST4, 5060))
        client.sendto(payload, (HOST4, 5060))
        assert server.recvfrom(65536)[1][0] == EXOTEL_MUMBAI
    size = 14 + 20 + 8 + len(payload)
    assert lab.axp.count("sip", "pass", "listed", field="bytes") == size
    assert lab.axp.count("sip", "drop", "unlisted", field="bytes") == size
