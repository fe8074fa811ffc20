# SPDX-License-Identifier: GPL-2.0-or-later
"""A real Prometheus scrapes the exporter of a host under load: its figures, the dashboard and the alert rules."""

import collections
import json
import re
import subprocess
import threading
import time

import pytest

from exporter import Exporter
from frames import TAGS, ethernet, ip, tcp, udp
from frames import IP, Raw
from lab import EXOTEL_MUMBAI, HOST4, OFFICE4, OFFICE6, ROOT, SLOW, STRANGER4, STRANGER6, Lab, lasting, run, wait_for
from prometheus import MONITORING, RULES, Prometheus

DASHBOARD = json.loads((MONITORING / "allowxdp-dashboard.json").read_text(encoding="utf-8"))


def samples_of(lab):
    """Frames, and under what each has to be counted while the mode is enforce."""
    bad = bytearray(bytes(udp(lab, STRANGER4, 5060)))
    bad[14] = 0x44  # IHL 4
    triple = bytes(ethernet(lab, TAGS["QinQ"] + [(0x8100, 7)]) / ip(OFFICE4) / Raw(b"x" * 40))
    tiny = bytes(ethernet(lab) / IP(src=STRANGER4, dst=HOST4, proto=17, flags="MF") / Raw(b"\0\0"))
    plain = [
        (udp(lab, STRANGER4, 5060), "sip", "ipv4", "drop", "unlisted"),
        (udp(lab, STRANGER6, 5060), "sip", "ipv6", "drop", "unlisted"),
        (tcp(lab, STRANGER4, 5061), "sip", "ipv4", "drop", "unlisted"),
        (udp(lab, OFFICE4, 5060, b"v4" * 300), "sip", "ipv4", "pass", "listed"),
        (udp(lab, OFFICE6, 5060), "sip", "ipv6", "pass", "listed"),
        (udp(lab, EXOTEL_MUMBAI, 20000, b"r" * 172), "rtp", "ipv4", "pass", "listed"),
        (udp(lab, OFFICE6, 20000), "rtp", "ipv6", "pass", "listed"),
        (udp(lab, STRANGER4, 20000, b"r" * 172), "rtp", "ipv4", "drop", "unlisted"),
        (udp(lab, STRANGER6, 60000), "rtp", "ipv6", "drop", "unlisted"),
        (tcp(lab, OFFICE4, 443), "https", "ipv4", "pass", "listed"),
        (tcp(lab, STRANGER4, 443), "https", "ipv4", "drop", "unlisted"),
        (tcp(lab, STRANGER6, 443), "https", "ipv6", "drop", "unlisted"),
        (udp(lab, STRANGER4, 53), "-", "ipv4", "pass", "not-guarded"),
        (bad, "-", "ipv4", "drop", "bad-header"),
        (tiny, "-", "ipv4", "drop", "tiny-fragment"),
        (triple, "-", "-", "drop", "vlan-depth"),
    ]
    return [(bytes(frame), ("eth0", "in", *counted)) for frame, *counted in plain]


def send_paced(lab, frames, seconds):
    """As fast as the host surely takes them, from two threads; returns how often each was sent."""
    sent = [collections.Counter(), collections.Counter()]

    def send(count, offset):
        sock = lab.net.packet_socket(protocol=0)
        end, n = time.monotonic() + seconds, offset
        while time.monotonic() < end:
            for _ in range(32):
                n += 1
                # An odd share for each, so that none can be taken for another.
                frame = n * n % 7919 % len(frames)
                sock.send(frames[frame])
                count[frame] += 1
            time.sleep(0.002 * SLOW)
        sock.close()
    threads = [threading.Thread(target=send, args=(c, 1000 * i)) for i, c in enumerate(sent)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sent[0] + sent[1]


def dropped_on_the_way(lab):
    stats = run("ip", "-n", lab.net.name, "-s", "-j", "link", "show", "eth0").stdout
    return json.loads(stats)[0]["stats64"]["tx"]["dropped"]


def send_and_count(lab, mode, seconds):
    frames, lost = samples_of(lab), dropped_on_the_way(lab)
    sent = send_paced(lab, [f for f, _ in frames], seconds)
    assert len(sent) == len(frames) and sum(sent.values()) > 1000 / SLOW
    for n, (frame, key) in enumerate(frames):
        if mode == "monitor":
            key = (*key[:4], "pass", key[5])
        lab.packets[key] += sent[n]
        lab.octets[key] += sent[n] * len(frame)
    assert dropped_on_the_way(lab) == lost  # else "sent" would mean nothing


@pytest.fixture(scope="module")
def watched():
    """Watched from before the first packet; then traffic in monitor mode, and under load in enforce mode."""
    made = Lab()
    try:
        made.load(mode="monitor")
        made.exporter = Exporter(made)
        made.prometheus = Prometheus(made, f"127.0.0.1:{made.exporter.port}")
        made.packets, made.octets = collections.Counter(), collections.Counter()
        for mode, seconds in (("monitor", 1.5), ("enforce", 4)):
            made.axp.ok("mode", mode)
            send_and_count(made, mode, seconds)
        yield made
    finally:
        made.close()


def test_prometheus_knows_exactly_what_was_sent(watched):
    """Per service, family, verdict and reason, packets and bytes, in monitor mode and enforcing."""
    packets, octets = watched.packets, watched.octets

    def known():
        found = watched.prometheus.counters("allowxdp_packets_total")
        return {k: found.get(k) for k in packets} == packets
    wait_for(known, f"Prometheus knows of {packets}", 10)
    others = {"other-protocol", "not-ip", "off"}  # what a namespace says by itself: neighbours, groups
    for name, expected in (("allowxdp_packets_total", packets), ("allowxdp_bytes_total", octets)):
        found = {k: v for k, v in watched.prometheus.counters(name).items() if v and k[5] not in others}
        assert found == expected
    total = watched.prometheus.query('sum(allowxdp_packets_total{service!="-", verdict="drop"})')
    assert total == [({}, sum(v for k, v in packets.items() if k[2] != "-" and k[4] == "drop"))]
    assert watched.prometheus.query("min_over_time(up[1m])")[0][1] == 1.0


def targets():
    return [(panel["title"], target) for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]


@pytest.mark.parametrize("title, target", targets(), ids=[f"{t} {x['refId']}" for t, x in targets()])
def test_every_query_of_the_dashboard_returns_data(watched, title, target):
    expression = target["expr"].replace("$__rate_interval", "2m")
    for name in ("job", "instance", "interface", "service"):
        expression = expression.replace(f"${name}", ".*")
    assert "$" not in expression, title
    found = watched.prometheus.query(expression)
    assert found and all(value == value for _, value in found)  # no NaN
    for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
        assert all(label in labels for labels, _ in found), (label, found)


def test_the_dashboard_is_sound(watched):
    panels = DASHBOARD["panels"]
    assert len({p["id"] for p in panels}) == len(panels)
    cells = [(x, y) for p in panels for g in [p["gridPos"]]
             for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])]
    assert len(set(cells)) == len(cells) and max(x for x, _ in cells) < 24
    assert all(p.get("targets") or p["type"] == "row" for p in panels)
    assert {t["datasource"]["uid"] for _, t in targets()} == {"${datasource}"}
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] != "query":
            continue
        metric, label = re.fullmatch(r"label_values\((\w+)(?:{.*})?, (\w+)\)", variable["definition"]).groups()
        assert watched.prometheus.query(f"count by ({label}) ({metric})"), variable["name"]


def test_every_rule_is_evaluated(watched):
    def rules():
        groups = watched.prometheus.get("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]
    wait_for(lambda: all(r["health"] != "unknown" for r in rules()), "all rules were evaluated", 30)
    assert {r["name"]: r.get("lastError") for r in rules() if r["health"] != "ok"} == {}
    named = set(re.findall(r"^ +- alert: (\w+)", RULES.read_text(encoding="utf-8"), re.M))
    assert {r["name"] for r in rules() if r["type"] == "alerting"} == named and len(named) >= 14


def test_the_alert_of_a_filter_that_is_gone(watched):
    """From the kernel to the alert: unloaded, Prometheus says so; loaded again, it is quiet."""
    def alerts():
        return {(a["labels"]["alertname"], a["state"]) for a in watched.prometheus.get("alerts")["alerts"]}
    watched.axp.ok("unload", "--all")
    wait_for(lambda: ("AllowxdpNotLoaded", "pending") in alerts(), "it is pending")
    watched.axp.ok("load", "eth0")
    wait_for(lambda: ("AllowxdpNotLoaded", "pending") not in alerts(), "it is quiet")


def test_counters_do_not_reset_in_prometheus_eyes(watched):
    assert watched.prometheus.query('sum(resets(allowxdp_packets_total[10m]))') == [({}, 0.0)]


def test_unit_tests_of_the_rules():
    tests = sorted((ROOT / "tests" / "prometheus").glob("*.test.yml"))
    result = subprocess.run(["promtool", "test", "rules", *tests], capture_output=True, text=True, timeout=lasting(300),
                            check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(tests) == 3
    # Each alert has a test in which it fires.
    told = "".join(t.read_text(encoding="utf-8") for t in tests)
    for name in re.findall(r"^ +- alert: (\w+)", RULES.read_text(encoding="utf-8"), re.M):
        assert re.search(rf"alertname: {name}\n +exp_alerts:", told), name


def test_promtool_finds_nothing_wrong_with_the_rules():
    result = run("promtool", "check", "rules", RULES)
    assert "SUCCESS" in result.stdout and result.stderr == ""
