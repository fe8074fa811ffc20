# SPDX-License-Identifier: GPL-2.0-or-later
"""Counters never go back: over reloads, services that come and go, unload and load, another version's maps."""

import threading

import pytest

from exporter import Metrics
from frames import udp
from lab import LISTS, OFFICE4, RTP, SIP, STRANGER4, Lab, wait_for
from lab3 import Flood, build_flood

HTTPS = ("https", ["tcp/443"], ["webhooks", "office"])


def totals(axp):
    """Every counter of the metrics, by name and labels."""
    metrics = Metrics(axp.ok("metrics"))
    return {key: value for key, value in metrics.samples.items() if key[0].endswith("_total")}


def assert_not_less(before, after):
    assert before.keys() <= after.keys()
    assert {k: (v, after[k]) for k, v in before.items() if after[k] < v} == {}


def sip_drops(axp):
    return axp.count("sip", "drop", "unlisted", "ipv4")


@pytest.mark.parametrize("act", [["reload"], ["mode", "monitor"], ["add", "office", "192.0.2.9"], ["unload", "eth0"],
                                 ["reload", "--confirm", "90s"]], ids=" ".join)
def test_over(lab, act):
    lab.load()
    lab.send(udp(lab, STRANGER4, 5060), udp(lab, OFFICE4, 20000), udp(lab, STRANGER4, 53), count=11)
    wait_for(lambda: lab.axp.count("-", "pass", "not-guarded", "ipv4") >= 11, "counted")
    before = totals(lab.axp)
    assert sip_drops(lab.axp) == 11
    lab.axp.ok(*act)
    if act[0] == "unload":
        assert totals(lab.axp) == {}
        lab.axp.ok("load", "eth0")
    assert_not_less(before, totals(lab.axp))
    assert sip_drops(lab.axp) == 11
    assert lab.axp.count("rtp", "pass", "listed", "ipv4") == 11
    if "--confirm" in act:
        lab.axp.ok("confirm")
    lab.axp.ok("mode", "enforce")
    lab.send(udp(lab, STRANGER4, 5060))
    assert sip_drops(lab.axp) == 12


def test_under_load(lab):
    """Whenever one looks while the interface is unloaded and loaded in a flood."""
    lab.load(mode="monitor")
    flood = Flood(lab, build_flood(lab.directory), [bytes(udp(lab, STRANGER4, 5060))])
    seen, stop = [], threading.Event()

    def watch():
        while not stop.is_set():
            seen.append(totals(lab.axp))
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for _ in range(3):
            lab.axp.ok("unload", "--all")
            lab.axp.ok("load", "eth0")
    finally:
        stop.set()
        watcher.join()
        flood.stop()
    highest = {}
    for now in seen:
        assert_not_less({key: highest.get(key, 0) for key in now}, now)
        highest.update(now)
    assert sum(bool(s) for s in seen) > 3 and max(highest.values()) > 0


def test_two_interfaces_apart():
    made = Lab(links=("eth0", "eth1"))
    try:
        made.axp.write({"interfaces": ["eth0", "eth1"]})
        made.axp.ok("load")
        made.send(udp(made, STRANGER4, 5060), count=5)
        wait_for(lambda: sip_drops(made.axp) == 5, "counted")
        made.axp.ok("unload", "eth0")
        assert sip_drops(made.axp) == 0
        made.axp.ok("reload")
        made.axp.ok("load", "eth0")
        assert made.axp.count("sip", "drop", "unlisted", "ipv4", interface="eth0") == 5
        assert made.axp.count("sip", "drop", "unlisted", "ipv4", interface="eth1") == 0
        made.axp.ok("unload", "eth1")
        made.axp.ok("unload", "eth0")
        made.axp.ok("load", "eth1", "eth0")
        assert made.axp.count("sip", "drop", "unlisted", "ipv4", interface="eth0") == 5
    finally:
        made.close()


def test_services_that_come_and_go(lab):
    """A slot's new owner begins at zero, and what is gone has no series; those that stay go on, wherever they lie."""
    lab.load(services=(HTTPS, SIP, RTP))
    lab.send(udp(lab, STRANGER4, 5060), count=6)
    lab.send(udp(lab, OFFICE4, 20000), count=4)
    wait_for(lambda: sip_drops(lab.axp) == 6 and lab.axp.count("rtp", "pass", "listed", "ipv4") == 4, "counted")
    others = [(f"new-{n}", [f"udp/{7000 + n}"], ["office"]) for n in range(62)]
    lab.axp.write({"services": (RTP, *others)})
    lab.axp.ok("reload")
    assert {c["service"] for c in lab.axp.counters()} == {"rtp", "-", *(o[0] for o in others)}
    assert lab.axp.count("rtp", "pass", "listed", "ipv4") == 4
    assert sum(lab.axp.count(o[0]) for o in others) == 0
    lab.axp.write({"services": (*others[5:], SIP, RTP)})
    for act in (["reload"], ["unload", "--all"], ["load", "eth0"]):
        lab.axp.ok(*act)
    assert lab.axp.count("rtp", "pass", "listed", "ipv4") == 4
    assert sum(lab.axp.count(o[0]) for o in others) == 0
    assert sip_drops(lab.axp) == 0  # it was gone in between


def test_directions_are_not_mixed_up(lab):
    services = [("sip", ["udp/5060"], ["office"])]
    lab.load(services=services)
    lab.send(udp(lab, STRANGER4, 5060), count=3)
    wait_for(lambda: sip_drops(lab.axp) == 3, "counted")
    lab.axp.ok("unload", "--all")
    text = lab.axp.config.read_text(encoding="utf-8").replace('- name: sip', '- name: sip\n    direction: out')
    lab.axp.write(text)
    lab.axp.ok("load", "eth0")
    assert lab.axp.count("sip", direction="in") == lab.axp.count("sip", direction="out") == 0


def test_of_another_version(lab):
    """What a version with other reasons and services left behind: what is known of it is taken."""
    kept = lab.axp.run_dir / "default" / "counters-eth0"
    kept.parent.mkdir(parents=True)
    kept.write_text("in sip ipv4 drop unlisted 1000 64000\nin sip ipv4 pass unlisted 7 70\n"
                    "in sip ipv4 drop some-new-reason 5 5\nin gone ipv4 drop unlisted 9 9\n"
                    "in - - pass not-ip 3 180\nout sip ipv4 drop unlisted 5 5\nin sip ipv9 drop unlisted 1 1\nrubbish\n",
                    encoding="ascii")
    lab.load()
    wanted = {("sip", "ipv4", "drop", "unlisted"): (1000, 64000), ("sip", "ipv4", "pass", "unlisted"): (7, 70),
              ("-", "-", "pass", "not-ip"): (3, 180)}
    found = {(c["service"], c["family"], c["verdict"], c["reason"]): (c["packets"], c["bytes"])
             for c in lab.axp.counters()}
    assert {k: found.get(k) for k in wanted} == wanted
    assert sum(c["packets"] for c in lab.axp.counters() if c["service"] == "sip") == 1007
    assert not kept.exists()


def test_by_another_version(lab):
    """Unload reads the maps by the layout that was written when they were filled, not by its own."""
    lab.load()
    lab.send(udp(lab, STRANGER4, 5060), count=4)
    wait_for(lambda: sip_drops(lab.axp) == 4, "counted")
    layout = lab.axp.run_dir / "default" / "layout"
    text = layout.read_text(encoding="ascii")
    assert "drop unlisted\n" in text and "service 1 0 sip\n" in text
    layout.write_text(text.replace("drop unlisted", "drop not-on-a-list").replace(" sip\n", " telephony\n"),
                      encoding="ascii")
    lab.axp.ok("unload", "--all")
    kept = (lab.axp.run_dir / "default" / "counters-eth0").read_text(encoding="ascii")
    assert "in telephony ipv4 drop not-on-a-list 4 " in kept
    lab.axp.ok("load", "eth0")


@pytest.mark.parametrize("damage", ["shape 2 99 3\ndrop unlisted\npass listed\n", "nonsense\n", None])
def test_a_damaged_layout_stops_nothing(lab, damage):
    lab.load()
    layout = lab.axp.run_dir / "default" / "layout"
    if damage is None:
        layout.unlink()
    else:
        layout.write_text(damage, encoding="ascii")
    result = lab.axp("unload", "--all")
    assert result.returncode == 0 and "the counters of eth0 begin anew when it is loaded again: " in result.stderr
    lab.axp.ok("load", "eth0")
    assert sip_drops(lab.axp) == 0


def test_flows_go_on(lab):
    lab.load(lists=LISTS)
    with lab.host.udp("192.0.2.10", 20000) as ours:
        for port in range(7000, 7010):
            ours.sendto(b"x", (STRANGER4, port))
    assert totals(lab.axp)["allowxdp_flows_created_total", frozenset()] == 10
    for _ in range(2):
        lab.axp.ok("unload", "--all")
        lab.axp.ok("load", "eth0")
        metrics = Metrics(lab.axp.ok("metrics"))
        assert metrics.value("allowxdp_flows_created_total") == 10
        assert metrics.value("allowxdp_flows") == metrics.value("allowxdp_flows_evicted") == 0
