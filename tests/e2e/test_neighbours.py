# SPDX-License-Identifier: GPL-2.0-or-later
"""ARP and neighbour discovery go on under enforcement: dropping them locks people out later."""

import json

import pytest

from lab import FRESHCHAT_IN, GATEWAY4, GATEWAY6, HOST4, HOST6, OFFICE6, STRANGER4, STRANGER6


def neighbours(namespace):
    return {n["dst"] for n in json.loads(namespace.run("ip", "-j", "neigh", "show").stdout)
            if n.get("lladdr")}


def flush(lab):
    for ns in (lab.host, lab.net):
        for family in ("-4", "-6"):
            ns.run("ip", family, "neigh", "flush", "all")


def test_neighbours_are_found_again_after_a_flush(guarded):
    for round_ in range(3):
        flush(guarded)
        assert not {GATEWAY4, GATEWAY6} & neighbours(guarded.host)
        # From the listed source to the guarded port; the address behind the gateway needs ARP both ways.
        assert guarded.reaches(FRESHCHAT_IN, 9, timeout=3)
        assert guarded.reaches(OFFICE6, 5060, timeout=3)
        assert {HOST4, HOST6} <= neighbours(guarded.net), f"round {round_}"
    assert guarded.axp.count("-", "pass", "not-ip", "-") >= 3
    assert guarded.axp.count("-", "pass", "other-protocol", "ipv6") >= 3
    assert guarded.axp.count(verdict="drop") == 0


@pytest.mark.parametrize("source, host", [(STRANGER4, HOST4), (STRANGER6, HOST6)])
def test_ping_works_for_everybody(guarded, source, host):
    flush(guarded)
    out = guarded.net.run("ping", "-c", 3, "-i", 0.05, "-W", 3, "-I", source, host).stdout
    assert " 0% packet loss" in out


def test_host_reaches_its_gateway_after_a_flush(guarded):
    flush(guarded)
    for gateway in (GATEWAY4, GATEWAY6):
        out = guarded.host.run("ping", "-c", 2, "-i", 0.05, "-W", 3, gateway).stdout
        assert " 0% packet loss" in out


def test_arping_gets_an_answer(guarded):
    out = guarded.net.run("arping", "-c", 2, "-w", 3, "-I", "eth0", HOST4).stdout
    assert "Received" in out and "Received 0 " not in out


def test_icmp_errors_come_through(guarded):
    """They belong to what the host sent; losing them breaks path MTU discovery in the middle of a call."""
    with guarded.host.udp(HOST4) as client:
        client.connect((GATEWAY4, 9))
        client.send(b"to a closed port")
        with pytest.raises(ConnectionRefusedError):
            client.recv(100)
