# SPDX-License-Identifier: GPL-2.0-or-later
"""Hits of entries, by the packets that were sent; and what `review` makes of them."""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import time

import pytest

from frames import udp
from lab import EXOTEL_KARNATAKA, EXOTEL_MUMBAI, OFFICE4, OFFICE6, STRANGER4, STRANGER6, lasting, run, wait_for

SERVICES = (("sip", ["udp/5060"], ["trunk", "office"]), ("rtp", ["udp/10000-20000"], ["office"]))
LISTS = {
    "trunk": [f"{EXOTEL_MUMBAI} # the proxy", "203.0.113.10"],
    "office": ["203.0.113.0/24 # head office", "2001:db8:7::/48"],
}


@pytest.fixture
def loaded(lab):
    lab.load(services=SERVICES, lists=LISTS)
    return lab


def entries(lab, **more):
    said = lab.axp.json("list", **more)
    return {(l["name"], e["prefix"]): e for l in said["lists"] for e in l["entries"]}


def hits(lab):
    """Packets by list and prefix, of those that were hit."""
    return {key: e["hits"] for key, e in entries(lab).items() if e["hits"]}


def listed(lab):
    return lab.axp.count(verdict="pass", reason="listed")


def send(lab, *packets):
    """Pairs of a frame and how often; until they are counted."""
    before = listed(lab)
    for frame, n in packets:
        lab.send(frame, count=n)
    total = before + sum(n for _, n in packets)
    wait_for(lambda: listed(lab) >= total, "counted")
    assert listed(lab) == total


def state(lab):
    return lab.axp.state / "default" / "hits"


def tables(lab):
    """Pins of tables of hits."""
    return sorted(p.name for p in (lab.axp.bpffs / "default").iterdir() if re.fullmatch(r"hits_\d+", p.name))


def test_exact(loaded):
    begin = time.time()
    assert hits(loaded) == {}
    send(loaded, (udp(loaded, EXOTEL_MUMBAI, 5060), 7), (udp(loaded, OFFICE4, 12000), 30),
         (udp(loaded, OFFICE6, 12000), 11), (udp(loaded, OFFICE6, 5060), 2))
    loaded.send(udp(loaded, STRANGER4, 5060), count=5)
    # As `check` says: of both lists of sip the longest match; of rtp the office alone.
    send(loaded, (udp(loaded, OFFICE4, 5060), 4))
    assert loaded.axp.json("check", OFFICE4, "udp/5060")["list"] == "trunk"
    assert hits(loaded) == {("trunk", f"{EXOTEL_MUMBAI}/32"): 7, ("trunk", "203.0.113.10/32"): 4,
                            ("office", "203.0.113.0/24"): 30, ("office", "2001:db8:7::/48"): 13}
    said = loaded.axp.json("list")
    assert said["hits_complete"] is True
    e = entries(loaded)["office", "203.0.113.0/24"]
    stamps = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin + n)) for n in (-2, 30)]
    for key in ("first_hit", "last_hit", "counted_since"):
        assert stamps[0] <= e[key] <= stamps[1]
    assert stamps[0] <= said["hits_since"] <= said["hits_until"] <= stamps[1]
    line, = [l for l in loaded.axp.ok("list", "--hits").splitlines() if EXOTEL_MUMBAI in l]
    assert line.split()[:3] == [f"{EXOTEL_MUMBAI}/32", "7", entries(loaded)["trunk", f"{EXOTEL_MUMBAI}/32"]["last_hit"]]
    # A table that has been folded is gone; another one is counted in.
    assert len(tables(loaded)) == 1
    assert state(loaded).stat().st_mode & 0o077 == 0
    remove_tells(loaded)


def test_kept(loaded, tmp_path):
    """Over reload, unload, load, a boot; a list that goes and comes back has its history."""
    axp, key = loaded.axp, ("office", "203.0.113.0/24")
    total = 0
    for act in (["reload"], ["unload", "--all"], ["load", "eth0"], ["metrics", "--textfile", str(tmp_path / "m.prom")]):
        if "load" not in act:
            send(loaded, (udp(loaded, OFFICE4, 12000), 10))
            total += 10
        axp.ok(*act)
        if act[0] != "unload":
            assert hits(loaded) == {key: total}, act
    # A boot: nothing is left of pins and run directory. What was folded stays.
    since = axp.json("list")["hits_since"]
    run("umount", axp.bpffs)
    loaded.host.ip("link set eth0 xdp off")
    run("mount", "-t", "bpf", f"allowxdp-test-{os.getpid()}", axp.bpffs)
    shutil.rmtree(axp.run_dir)
    axp.ok("load", "eth0")
    assert hits(loaded) == {key: total} and axp.json("list")["hits_since"] == since
    axp.write({"services": SERVICES[:1], "lists": {"trunk": LISTS["trunk"], "office": ["2001:db8:7::/48"]}})
    axp.ok("reload", "--force")
    assert hits(loaded) == {}
    axp.write({"services": SERVICES, "lists": LISTS})
    axp.ok("reload")
    send(loaded, (udp(loaded, OFFICE4, 12000), 5))
    assert hits(loaded) == {key: total + 5}


def remove_tells(loaded):
    axp = loaded.axp
    axp.ok("add", "office", STRANGER4)
    send(loaded, (udp(loaded, STRANGER4, 12000), 3))
    axp.ok("add", "office", STRANGER6)
    axp.ok("reload")
    assert "never hit since 20" in axp.ok("remove", "office", STRANGER6)
    when = entries(loaded)["office", f"{STRANGER4}/32"]["last_hit"]
    assert f"last hit {when}" in axp.ok("remove", "office", STRANGER4)


def changes(lab):
    return state(lab).parent / "hits.changes"


def test_small_changes_do_not_fold(loaded):
    """Hits from before a change are its entry's, though they are looked at afterwards."""
    axp = loaded.axp
    axp.json("list")
    table = tables(loaded)
    axp.ok("add", "office", STRANGER4)
    send(loaded, (udp(loaded, STRANGER4, 12000), 3), (udp(loaded, EXOTEL_MUMBAI, 5060), 7))
    with changes(loaded).open("a", encoding="ascii") as f:
        f.write("removed off")  # as by a full disk
    assert "last hit 20" in axp.ok("remove", "office", STRANGER4)
    axp.write({"services": SERVICES, "lists": {**LISTS, "trunk": ["203.0.113.10"]}})
    axp.ok("reload")
    assert tables(loaded) == table
    axp.ok("add", "office", STRANGER4)
    axp.write({"services": SERVICES, "lists": LISTS})
    axp.ok("reload")
    assert tables(loaded) == table
    assert hits(loaded) == {("office", f"{STRANGER4}/32"): 3, ("trunk", f"{EXOTEL_MUMBAI}/32"): 7}
    assert axp.json("list")["hits_complete"] is True
    assert tables(loaded) != table and not changes(loaded).exists()


def test_in_time_changes_fold(loaded):
    """An hour after the last fold; or when services change, whose slots stand in the table."""
    axp = loaded.axp
    send(loaded, (udp(loaded, EXOTEL_MUMBAI, 5060), 2))
    axp.json("list")
    send(loaded, (udp(loaded, EXOTEL_MUMBAI, 5060), 3))
    table = tables(loaded)
    axp.ok("add", "office", STRANGER4)
    assert tables(loaded) == table
    os.utime(state(loaded), (time.time() - 3700,) * 2)
    axp.ok("remove", "office", STRANGER4)
    assert tables(loaded) != table and not changes(loaded).exists()
    send(loaded, (udp(loaded, EXOTEL_MUMBAI, 5060), 4))
    table = tables(loaded)
    axp.write({"services": SERVICES[1:] + (("sip2", ["udp/5060"], ["trunk", "office"]),), "lists": LISTS})
    axp.ok("reload")
    assert tables(loaded) != table
    assert hits(loaded) == {("trunk", f"{EXOTEL_MUMBAI}/32"): 9}


def test_killed(loaded):
    """Whenever a fold is killed, each packet is counted once."""
    axp, sent = loaded.axp, 0
    send(loaded, (udp(loaded, OFFICE4, 12000), 1))
    started = time.monotonic()
    axp.json("list")
    whole = time.monotonic() - started
    sent, killed = 1, 0
    for n in range(30):
        send(loaded, (udp(loaded, OFFICE4, 12000), 5))
        sent += 5
        process = axp.start("list", "--json")
        time.sleep(whole * (n % 15) / 15)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)  # nsenter has become the command
        process.communicate(timeout=lasting(20))
        killed += process.returncode == -signal.SIGKILL
    assert killed >= 5
    assert hits(loaded) == {("office", "203.0.113.0/24"): sent}
    assert len(tables(loaded)) == 1
    process = axp.start("unload", "--all")
    time.sleep(whole / 2)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=lasting(20))
    axp.ok("unload", "--all")
    axp.ok("load", "eth0")
    assert hits(loaded) == {("office", "203.0.113.0/24"): sent}


def test_a_fold_that_was_cut_is_completed(loaded):
    """As left by a kill after the state file was written, and before."""
    send(loaded, (udp(loaded, OFFICE4, 12000), 5))
    before = state(loaded).read_text(encoding="ascii")
    pins = loaded.axp.bpffs / "default"
    old, = tables(loaded)
    # Written, but the table is still pinned: not counted again.
    copy = pins / "kept_for_the_test"
    run("bpftool", "map", "pin", "pinned", pins / old, copy)
    assert hits(loaded) == {("office", "203.0.113.0/24"): 5}
    assert old not in tables(loaded)
    run("bpftool", "map", "pin", "pinned", copy, pins / old)
    assert hits(loaded) == {("office", "203.0.113.0/24"): 5}
    assert old not in tables(loaded)
    # Not written, and already replaced: counted now.
    run("bpftool", "map", "pin", "pinned", copy, pins / old)
    copy.unlink()
    state(loaded).write_text(before, encoding="ascii")
    assert hits(loaded) == {("office", "203.0.113.0/24"): 5}
    assert old not in tables(loaded)


def test_damage_stops_nothing(loaded):
    aside = state(loaded).parent / "hits.damaged"
    for damage in ("nonsense\n", "", None):
        send(loaded, (udp(loaded, OFFICE4, 12000), 5))
        loaded.axp.ok("list", "--hits")
        text = state(loaded).read_text(encoding="ascii")
        text = text[:len(text) // 2] if damage is None else damage
        state(loaded).write_text(text, encoding="ascii")
        loaded.axp.ok("reload")
        result = loaded.axp("list", "--hits")
        assert result.returncode == 0
        assert f"{state(loaded)}:" in result.stderr and "is damaged" in result.stderr
        assert aside.read_text(encoding="ascii") == text
        assert hits(loaded) == {}
    send(loaded, (udp(loaded, OFFICE4, 12000), 2))
    assert hits(loaded) == {("office", "203.0.113.0/24"): 2}
    full_disk_loses_nothing(loaded, 2)


def full_disk_loses_nothing(loaded, before):
    send(loaded, (udp(loaded, OFFICE4, 12000), 5))
    directory = state(loaded).parent
    run("mount", "-t", "tmpfs", "-o", "ro,mode=0700", "none", directory)
    try:
        result = loaded.axp("reload")
        assert result.returncode == 0 and "hits of entries are not written down for now" in result.stderr
        for _ in range(12):
            loaded.axp("list", "--json")
        assert len(tables(loaded)) < 16
        send(loaded, (udp(loaded, OFFICE4, 12000), 4))
    finally:
        run("umount", directory)
    assert hits(loaded) == {("office", "203.0.113.0/24"): before + 9}


# -- review ---------------------------------------------------------------------------------------

AUDITED = {
    "trunk": ["198.51.100.0/24 # the trunk", "198.51.100.7 # inside it", "192.0.2.77", "10.0.0.0/8 # VPN, all of it",
              "172.16.0.1 # Standby: the other site", 'x'],
    "office": ["203.0.113.0/24 # head office", "2001:db8::/31 # all we have", "192.0.2.77 # twice"],
    "idle": ["192.0.2.99 # nobody uses this list"],
}


@pytest.fixture
def audited(lab):
    lists = {**AUDITED, "trunk": AUDITED["trunk"][:-1] + [
        f'172.16.0.2 until={time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))} # soon, "over", he said',
        "172.16.0.3 until=2026-01-01T00:00:00Z # over"]}
    services = (("sip", ["udp/5060"], ["trunk", "office"]),)
    lab.load(services=services, lists=lists)
    lab.axp.ok("add", "office", STRANGER6)
    return lab


def age(lab, seconds):
    """As if what has been counted lay so far back."""
    def older(match):
        return match[1] + str(int(match[2]) - seconds)
    lab.axp.ok("list", "--json")
    text = state(lab).read_text(encoding="ascii")
    text = re.sub(r"(?m)^(since )(\d+)$", older, text)
    text = re.sub(r"(?m)^(entry \S+ \S+ )(\d+)$", older, text)
    text = re.sub(r"(?m)^(hit \S+ \S+ \S+ \d+ )(\d+)", older, text)
    text = re.sub(r"(?m)^(hit \S+ \S+ \S+ \d+ \d+ )(\d+)$", older, text)
    state(lab).write_text(text, encoding="ascii")


def findings(lab, *options):
    said = lab.axp.json("review", *options)
    found = {}
    for f in said["findings"]:
        found.setdefault(f["finding"], set()).add((f["list"], f["prefix"]))
    assert said["counts"] == {**dict.fromkeys(said["counts"], 0), **{k: len(v) for k, v in found.items()}}
    return found


EXPECTED = {
    "too-wide": {("trunk", "10.0.0.0/8"), ("office", "2001:db8::/31")},
    "duplicate": {("office", "192.0.2.77/32")},
    "covered": {("trunk", "198.51.100.7/32"), ("office", f"{STRANGER6}/128")},
    "expired": {("trunk", "172.16.0.3/32")},
    "expiring": {("trunk", "172.16.0.2/32")},
    "no-label": {("trunk", "192.0.2.77/32"), ("office", f"{STRANGER6}/128")},
}
UNUSED_LIST = {("idle", "192.0.2.99/32")}


def test_review(audited):
    axp = audited.axp
    # Nothing is called unused that has been counted for minutes only.
    assert findings(audited) == {**EXPECTED, "unused": UNUSED_LIST}
    assert axp.json("review")["too_early"] == 8
    send(audited, (udp(audited, OFFICE4, 5060), 3), (udp(audited, STRANGER4, 5060), 2))
    age(audited, 91 * 86400)
    send(audited, (udp(audited, OFFICE4, 5060), 1))
    # In use only by way of an entry inside it, which is superfluous because of it.
    before = state(audited).read_text(encoding="ascii")
    lines = before.splitlines()
    hit = f"hit sip trunk 198.51.100.7/32 1 {int(time.time())} {int(time.time())}"
    state(audited).write_text("\n".join([*lines[:-1], hit, f"lines {len(lines) + 1}", ""]), encoding="ascii")
    assert not {("trunk", "198.51.100.0/24"), ("trunk", "198.51.100.7/32")} & findings(audited)["unused"]
    state(audited).write_text(before, encoding="ascii")
    send(audited, (udp(audited, OFFICE4, 5060), 1))
    unused = {("trunk", p) for p in ("198.51.100.0/24", "198.51.100.7/32", "192.0.2.77/32", "10.0.0.0/8", "172.16.0.2/32")}
    unused |= {("office", "2001:db8::/31"), ("office", f"{STRANGER6}/128")} | UNUSED_LIST
    assert findings(audited) == {**EXPECTED, "unused": unused}
    assert findings(audited, "--unused", "92d") == {**EXPECTED, "unused": UNUSED_LIST}
    assert "expiring" not in findings(audited, "--expiring", "1h")
    by = {(f["finding"], f["prefix"]): f for f in axp.json("review")["findings"]}
    trunk = by["unused", "198.51.100.0/24"]
    assert trunk["hits"] == 2 and f"last hit {trunk['last_hit']}" == trunk["detail"] and trunk["services"] == ["sip"]
    assert trunk["origin"].startswith(f"{axp.config}:") and trunk["action"] == f"take it out at {trunk['origin']}, then allowxdp reload"
    assert by["unused", "10.0.0.0/8"]["detail"].startswith("never hit since ")
    assert by["unused", "192.0.2.99/32"]["detail"] == "no service allows list idle"
    assert by["covered", f"{STRANGER6}/128"]["action"] == f"allowxdp remove office {STRANGER6}/128"
    assert by["duplicate", "192.0.2.77/32"]["other"]["list"] == "trunk"
    assert by["covered", "198.51.100.7/32"]["other"]["prefix"] == "198.51.100.0/24"


def test_review_text_and_csv(audited):
    axp = audited.axp
    text = axp.ok("review")
    for heading in ("listed twice for the same service (1)", "expired (1)", "not used for 90d (1)", "(2)"):
        assert heading in text
    assert "8 entries were never hit, but are counted for less than 90d" in text
    assert f"  {STRANGER6}/128 of office, command\n" in text
    rows = list(csv.DictReader(io.StringIO(axp.ok("review", "--csv"))))
    found = axp.json("review")["findings"]
    assert [(r["finding"], r["list"], r["prefix"], r["label"], r["origin"], r["action"], r["detail"]) for r in rows] == [
        (f["finding"], f["list"], f["prefix"], f["label"] or "", f["origin"], f["action"], f["detail"]) for f in found]
    assert 'soon, "over", he said' in {r["label"] for r in rows}
    assert axp("review", "--fail").returncode == 1
    assert axp("review", "--fail", "--json").returncode == 1
    # Not loaded: the files' entries, and what was counted before.
    send(audited, (udp(audited, OFFICE4, 5060), 3))
    axp.ok("unload", "--all")
    assert "it is not loaded" in axp.ok("review")
    said = axp.json("review")
    assert said["loaded"] is False and said["hits_since"]
    state(audited).unlink()
    assert "which entries are unused is not known" in axp.ok("review")
    said = axp.json("review")
    assert said["hits_since"] is None and said["hits_complete"] is None
    assert {f["hits"] for f in said["findings"]} == {None}
    assert axp("review", "--fail", "--csv").returncode == 1


    clean_policy(audited)


def clean_policy(lab):
    lab.axp.ok("remove", "office", STRANGER6)
    lab.load(services=SERVICES[:1], lists={"trunk": [f"{EXOTEL_MUMBAI} # proxy"], "office": [f"{EXOTEL_KARNATAKA} # HQ"]})
    said = lab.axp.json("review", "--fail")
    assert said["findings"] == [] and set(said["counts"].values()) == {0}
    assert lab.axp("review", "--fail").returncode == 0
    assert json.loads(lab.axp.ok("review", "--json"))["entries"] == 2
