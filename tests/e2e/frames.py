# SPDX-License-Identifier: GPL-2.0-or-later
"""Raw frames to the host, built with scapy."""

import ipaddress

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest, ICMPv6ND_NS, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

from lab import HOST4, HOST6

__all__ = ["ARP", "Dot1AD", "Dot1Q", "Ether", "ICMP", "ICMPv6EchoRequest", "ICMPv6ND_NS", "IP", "IPv6",
           "IPv6ExtHdrDestOpt", "IPv6ExtHdrFragment", "Raw", "TCP", "UDP", "TAGS", "ethernet", "ip",
           "udp", "tcp"]

# Ways to tag a frame: (TPID, VLAN) from the outside in.
TAGS = {
    "untagged": [],
    "802.1Q": [(0x8100, 100)],
    "802.1ad": [(0x88A8, 200)],
    "QinQ": [(0x88A8, 200), (0x8100, 100)],
    "Q in Q": [(0x8100, 200), (0x8100, 100)],
    "priority tag": [(0x8100, 0)],
}


def ethernet(lab, tags=()):
    frame = Ether(src=lab.net.mac(), dst=lab.host.mac())
    for tpid, vid in tags:
        frame = frame / (Dot1AD if tpid == 0x88A8 else Dot1Q)(vlan=vid)
    return frame


def ip(source, destination=None):
    if ipaddress.ip_address(source).version == 6:
        return IPv6(src=source, dst=destination or HOST6)
    return IP(src=source, dst=destination or HOST4)


def udp(lab, source, port, payload=b"payload", tags=(), sport=40000):
    return ethernet(lab, tags) / ip(source) / UDP(sport=sport, dport=port) / Raw(payload)


def tcp(lab, source, port, tags=(), flags="S"):
    return ethernet(lab, tags) / ip(source) / TCP(sport=40000, dport=port, flags=flags)
