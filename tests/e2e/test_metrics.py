# SPDX-License-Identifier: GPL-2.0-or-later
"""Prometheus metrics: clean under promtool, and the same figures as `stats`."""

import re
import subprocess

import pytest

from frames import tcp, udp
from lab import EXOTEL_MUMBAI, OFFICE4, OFFICE6, STRANGER4, STRANGER6, wait_for

SAMPLE = re.compile(r'^(\w+)\{(.*)\} (\d+)$')
LABELS = ("interface", "direction", "service", "family", "verdict", "reason")


def promtool(text):
    return subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True,
                          timeout=60, check=False)


def samples(text, name):
    found = {}
    for line in text.splitlines():
        match = SAMPLE.match(line)
        if match and match[1] == name:
            labels = dict(re.findall(r'(\w+)="([^"]*)"', match[2]))
            assert set(labels) == set(LABELS), line
            key = tuple(labels[l] for l in LABELS)
            assert key not in found
            found[key] = int(match[3])
    return found


@pytest.fixture(scope="module")
def busy(shared):
    shared.send(udp(shared, STRANGER4, 5060), udp(shared, STRANGER6, 20000), udp(shared, OFFICE4, 5060),
                tcp(shared, OFFICE6, 443), udp(shared, EXOTEL_MUMBAI, 20000), udp(shared, STRANGER4, 53),
                count=5)
    wait_for(lambda: shared.axp.count("-", "pass", "not-guarded", "ipv4") >= 5, "all counted")
    return shared


def test_promtool_finds_nothing_to_say(busy):
    text = busy.axp.ok("metrics")
    result = promtool(text)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")
    for name in ("allowxdp_packets_total", "allowxdp_bytes_total"):
        assert f"# HELP {name} " in text and f"# TYPE {name} counter" in text


def test_metrics_equal_stats(busy):
    for _ in range(20):  # until nothing was counted between the two
        before = busy.axp.counters()
        text = busy.axp.ok("metrics")
        if busy.axp.counters() == before:
            break
    for name, field in (("allowxdp_packets_total", "packets"), ("allowxdp_bytes_total", "bytes")):
        stats = {tuple(c[l] for l in LABELS): c[field] for c in before}
        assert samples(text, name) == stats
    assert ("eth0", "in", "sip", "ipv4", "drop", "unlisted") in samples(text, "allowxdp_packets_total")


def test_no_metric_has_a_label_per_address(busy):
    text = busy.axp.ok("metrics")
    for address in (STRANGER4, STRANGER6, OFFICE4, EXOTEL_MUMBAI):
        assert address not in text


def test_services_without_packets_have_their_metrics(lab):
    """So that a rate over a counter that appears with its first packet is not lost."""
    lab.load()
    packets = samples(lab.axp.ok("metrics"), "allowxdp_packets_total")
    for service in ("https", "sip", "rtp"):
        assert packets[("eth0", "in", service, "ipv4", "drop", "unlisted")] == 0
        assert packets[("eth0", "in", service, "ipv4", "pass", "listed")] == 0
