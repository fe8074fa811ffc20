# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes under traffic: a source that is always listed loses nothing, one that never is gets nothing in."""

import contextlib
import random
import signal
import subprocess
from pathlib import Path

import pytest

from lab import HOST4, LISTS, OFFICE4, RTP, SIP, SLOW, STRANGER4, run, wait_for

PORT = 20000
PPS = int(2000 / SLOW)


@pytest.fixture(scope="session")
def traffic(tmp_path_factory):
    program = tmp_path_factory.mktemp("traffic") / "traffic"
    run("gcc", "-O2", "-Wall", "-o", program, Path(__file__).with_name("traffic.c"))
    return program


def ended(process):
    """Stops it; what it printed, as {source: (packets, first, last, gaps)}."""
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20 * SLOW)
    assert process.returncode == 0
    return {line.split()[0]: tuple(map(int, line.split()[1:])) for line in out.splitlines()}


@contextlib.contextmanager
def flowing(lab, traffic):
    """Traffic from OFFICE4 and STRANGER4 to a guarded port; checks at the end that all is accounted for."""
    pipe = {"stdout": subprocess.PIPE, "text": True}
    receiver = lab.popen(lab.host, traffic, "receive", HOST4, PORT, **pipe)
    wait_for(lambda: lab.host.run("ss", "-Hulpn", f"sport = :{PORT}").stdout, "the receiver listens")
    sender = lab.popen(lab.net, traffic, "send", PPS, HOST4, PORT, OFFICE4, STRANGER4, **pipe)
    count = lab.axp.count
    wait_for(lambda: count("rtp", "pass", "listed") and count("rtp", "drop", "unlisted"), "traffic")
    yield
    sent = ended(sender)
    wait_for(lambda: count("rtp") == sum(s[0] for s in sent.values()), "every packet is counted")
    received = ended(receiver)
    n = sent[OFFICE4][0]
    assert n > 200 / SLOW
    assert received == {OFFICE4: (n, 0, n - 1, 0)}, f"sent {sent}"
    assert count("rtp", "pass", "listed", "ipv4") == n
    assert count("rtp", "drop", "unlisted", "ipv4") == sent[STRANGER4][0]


OTHER_SERVICES = [("web", ["tcp/80", "tcp/443"], ["office"]), RTP, SIP]
OTHER_LISTS = {**LISTS, "office": ["203.0.113.0/28", "!203.0.113.1", "198.51.100.64/31"]}


def reload_with(axp, n):
    """Reloads another policy each time. OFFICE4 stays listed and STRANGER4 unlisted in all of them."""
    if n % 2:
        lists = {**OTHER_LISTS, "more": [f"10.{n % 256}.{i}.0/24" for i in range(50)]}
        axp.write({"services": OTHER_SERVICES, "lists": lists})
    else:
        axp.write({})
    axp.ok("reload")


@pytest.mark.parametrize("mode, reloads, changes",
                         [("native", int(200 / SLOW), int(2000 / SLOW)), ("generic", int(20 / SLOW), int(100 / SLOW))])
def test_reloads_adds_and_removes_lose_nothing(lab, traffic, mode, reloads, changes):
    lab.load("--mode", mode)
    axp = lab.axp
    prog_id = axp.status()["interfaces"][0]["prog_id"]
    dice = random.Random(1)
    # Around the two sources: their parents, children and neighbours come and go.
    near = ["203.0.113.10", "203.0.113.8/29", "203.0.112.0/23", "203.0.113.10/31", "198.51.100.67",
            "198.51.100.68/30", "198.51.100.64/31", "198.51.100.0/26"]
    added = set()
    generation = axp.status()["generation"]
    with flowing(lab, traffic):
        step = changes // reloads
        for n in range(reloads):
            for _ in range(step):
                prefix = dice.choice(near + [f"10.9.{dice.randrange(256)}.0/24"])
                if prefix in added and dice.random() < 0.7:
                    axp.ok("remove", "exotel-media", prefix)
                    added.remove(prefix)
                else:
                    axp.ok("add", "exotel-media", prefix)
                    added.add(prefix)
            reload_with(axp, n + 1)
    status = axp.status()
    assert status["interfaces"][0]["prog_id"] == prog_id
    assert status["generation"] >= generation + reloads


def test_loading_a_loaded_interface_leaves_no_gap(guarded, traffic):
    before = guarded.axp.status()
    with flowing(guarded, traffic):
        for _ in range(20):
            guarded.axp.ok("load", "eth0")
    after = guarded.axp.status()
    assert after["interfaces"] == before["interfaces"]


def test_mode_changes_lose_nothing_of_a_listed_source(guarded, traffic):
    pipe = {"stdout": subprocess.PIPE, "text": True}
    receiver = guarded.popen(guarded.host, traffic, "receive", HOST4, PORT, **pipe)
    wait_for(lambda: guarded.host.run("ss", "-Hulpn", f"sport = :{PORT}").stdout, "receiver")
    sender = guarded.popen(guarded.net, traffic, "send", PPS, HOST4, PORT, OFFICE4, **pipe)
    for _ in range(20):
        for mode in ("monitor", "off", "enforce"):
            guarded.axp.ok("mode", mode)
    n = ended(sender)[OFFICE4][0]
    assert ended(receiver) == {OFFICE4: (n, 0, n - 1, 0)}
