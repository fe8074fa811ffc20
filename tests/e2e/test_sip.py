# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls: SIPp with RTP both ways from a listed address, a scanner from another."""

import pytest

from lab import EXOTEL_MUMBAI, HOST4, HOST6, OFFICE6, STRANGER4, wait_for
from programs import HOST_MEDIA_PORT, RTP_PACKETS, call, start_sip_server, svmap

UNLISTED_TIMEOUT = 4


def rtp_frames(frames, ethertype, ip_size):
    """Those that come from the host's media port."""
    port = HOST_MEDIA_PORT.to_bytes(2, "big")
    start = 14 + ip_size
    return [f for f in frames if f[12:14] == ethertype and f[start:start + 2] == port]


@pytest.mark.parametrize("source, host, family, ethertype, ip_size", [
    (EXOTEL_MUMBAI, HOST4, "ipv4", b"\x08\x00", 20),
    (OFFICE6, HOST6, "ipv6", b"\x86\xdd", 40),
], ids=["ipv4", "ipv6"])
def test_call_with_media_both_ways(guarded, source, host, family, ethertype, ip_size):
    start_sip_server(guarded, host)
    echoed = guarded.net.tap()
    result = call(guarded, source, host)
    assert result.returncode == 0, result.stdout + result.stderr
    # INVITE, ACK, BYE at least; more where a message was repeated.
    assert guarded.axp.count("sip", "pass", "listed", family) >= 3
    assert guarded.axp.count("rtp", "pass", "listed", family) == RTP_PACKETS
    assert guarded.axp.count(verdict="drop") == 0
    wait_for(lambda: len(rtp_frames(echoed.read(), ethertype, ip_size)) == RTP_PACKETS,
             "all RTP came back to the provider")


def test_call_from_an_unlisted_address_gets_no_answer(guarded):
    start_sip_server(guarded)
    answers = guarded.net.tap()
    result = call(guarded, STRANGER4, timeout=UNLISTED_TIMEOUT)
    assert result.returncode != 0
    assert guarded.axp.count("sip", "drop", "unlisted", "ipv4") >= 2  # the INVITE and repetitions
    assert guarded.axp.count("sip", "pass") == 0
    assert [f for f in answers.read() if f[12:14] == b"\x08\x00"] == []


def test_scanner_finds_nothing_and_with_the_filter_off_the_server(guarded):
    start_sip_server(guarded, options=True)
    found = svmap(guarded, STRANGER4)
    assert "found nothing" in found and HOST4 not in found, found
    assert guarded.axp.count("sip", "drop", "unlisted", "ipv4") >= 1

    guarded.axp.ok("mode", "off")
    off = guarded.axp.count(verdict="pass", reason="off")
    assert f"{HOST4}:5060" in svmap(guarded, STRANGER4)
    assert guarded.axp.count(verdict="pass", reason="off") > off


def test_media_of_an_unlisted_source_is_dropped_during_a_call(guarded):
    """RTP injection: the port is in use, the source is not the provider's."""
    with guarded.host.udp(HOST4, HOST_MEDIA_PORT, timeout=0.3) as media, \
            guarded.net.udp(EXOTEL_MUMBAI) as provider, guarded.net.udp(STRANGER4) as stranger:
        for _ in range(20):
            stranger.sendto(b"injected", (HOST4, HOST_MEDIA_PORT))
            provider.sendto(b"voice", (HOST4, HOST_MEDIA_PORT))
        assert [media.recv(100) for _ in range(20)] == [b"voice"] * 20
        with pytest.raises(TimeoutError):
            media.recv(100)
    assert guarded.axp.count("rtp", "drop", "unlisted", "ipv4") == 20
    assert guarded.axp.count("rtp", "pass", "listed", "ipv4") == 20
