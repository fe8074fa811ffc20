# SPDX-License-Identifier: GPL-2.0-or-later
"""Webhooks over TLS: nginx in the host, curl from providers' addresses and from others."""

import ipaddress

import pytest

from lab import (FRESHCHAT_EU, FRESHCHAT_IN, HOST4, HOST6, NEIGHBOUR, OFFICE6, STRANGER4, STRANGER6,
                 wait_for)
from programs import curl, start_nginx

TIMED_OUT = 28


def tcp_frames_from(tap, source):
    """Those of IPv4 and IPv6 that carry TCP from that address."""
    address = ipaddress.ip_address(source)
    ethertype, protocol, start = {4: (b"\x08\x00", 23, 26), 6: (b"\x86\xdd", 20, 22)}[address.version]
    return [f for f in tap.read() if f[12:14] == ethertype and f[protocol] == 6
            and f[start:].startswith(address.packed)]



def test_listed_provider_is_served(guarded, pki):
    start_nginx(guarded, pki)
    sent = guarded.net.tap(outgoing=True)
    result = curl(guarded, pki, FRESHCHAT_IN)
    assert (result.returncode, result.stdout) == (0, f"webhook from {FRESHCHAT_IN}\n"), result.stderr
    # Every frame that curl sent, its last ones included, is counted once.
    wait_for(lambda: guarded.axp.count("https", "pass", "listed", "ipv4")
             == len(tcp_frames_from(sent, FRESHCHAT_IN)), "all frames counted")
    assert guarded.axp.count(verdict="drop") == 0


@pytest.mark.parametrize("source, host, family", [
    (STRANGER4, HOST4, "ipv4"),
    (NEIGHBOUR, HOST4, "ipv4"),  # one address past a listed one
    (FRESHCHAT_EU, HOST4, "ipv4"),  # a provider, of a region that is not on the list
    (STRANGER6, HOST6, "ipv6"),
])
def test_unlisted_times_out_and_each_syn_is_counted(guarded, pki, source, host, family):
    start_nginx(guarded, pki)
    sent = guarded.net.tap(outgoing=True)
    result = curl(guarded, pki, source, host, connect_timeout=1.5)
    assert result.returncode == TIMED_OUT, result.stderr
    syns = tcp_frames_from(sent, source)
    assert len(syns) >= 2
    assert guarded.axp.count("https", "drop", "unlisted", family) == len(syns)
    assert guarded.axp.count("https", "drop", "unlisted", family, field="bytes") == sum(
        map(len, syns))
    assert guarded.axp.count("https", "pass") == 0
    assert source not in (guarded.directory / "nginx" / "access.log").read_text(encoding="ascii")


def test_listed_ipv6_office_is_served(guarded, pki):
    start_nginx(guarded, pki)
    result = curl(guarded, pki, OFFICE6, HOST6)
    assert (result.returncode, result.stdout) == (0, f"webhook from {OFFICE6}\n"), result.stderr
    assert guarded.axp.count("https", "pass", "listed", "ipv6") > 0


@pytest.mark.parametrize("tags", [[(0x8100, 100)], [(0x88A8, 200), (0x8100, 100)]],
                         ids=["802.1Q", "QinQ"])
def test_over_a_vlan_the_same_holds(guarded, pki, tags):
    start_nginx(guarded, pki)
    host4, host6 = guarded.vlan(tags)
    guarded.host.ip("route replace default via 192.0.102.1", "route del default via 2001:db8:1::1",
                    "route add default via 2001:db8:101::1")
    for source, host in ((FRESHCHAT_IN, host4), (OFFICE6, host6)):
        result = curl(guarded, pki, source, host)
        assert (result.returncode, result.stdout) == (0, f"webhook from {source}\n"), result.stderr
    assert guarded.axp.count("https", "drop") == 0
    for source, host, family in ((STRANGER4, host4, "ipv4"), (STRANGER6, host6, "ipv6")):
        assert curl(guarded, pki, source, host, connect_timeout=0.5).returncode == TIMED_OUT
        assert guarded.axp.count("https", "drop", "unlisted", family) >= 1


def test_other_ports_are_left_alone(guarded):
    """SSH and everything else that no service guards: no list is asked."""
    assert guarded.reaches(STRANGER4, 9999)
    assert guarded.reaches(STRANGER6, 9999)
    assert guarded.axp.count("-", "pass", "not-guarded", "ipv4") == 1
    assert guarded.axp.count("-", "pass", "not-guarded", "ipv6") == 1
