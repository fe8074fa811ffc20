# SPDX-License-Identifier: GPL-2.0-or-later
"""add --for: entries that stop matching on time, in the data path itself, with no process running."""

import contextlib
import re
import time

import pytest

import lab3
from lab import EXOTEL_MUMBAI, OFFICE4, STRANGER4, STRANGER6, lasting, wait_for
from lab3 import config, probing, service

SIP, RTP = 5060, 20000
SERVICES = [service("sip", ["udp/5060"], ["trunk"]), service("rtp", ["udp/20000-20100"], ["media"])]
LISTS = {"trunk": [EXOTEL_MUMBAI, OFFICE4, "2001:db8:7::/48"], "media": ["198.51.100.0/24", "2001:db8:666::/48"]}

# Entries live whole seconds, and when they end is written down to the second.
EARLY, LATE = 0.05, 1.15


@pytest.fixture
def loaded(lab):
    lab.axp.write(config(SERVICES, LISTS))
    lab.axp.ok("load", "eth0")
    return lab


def kept(lab, list_):
    path = lab.axp.state / "default" / "lists" / f"{list_}.list"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line for line in lines if not line.startswith("#")]


def add(lab, list_, prefix, seconds, *args):
    """Returns the moments between which it must end."""
    seconds = lasting(seconds)
    started = time.time()
    lab.axp.ok("add", list_, prefix, "--for", f"{seconds}s", *args)
    return started + seconds - EARLY, time.time() + seconds + LATE


def entry(lab, list_, prefix):
    lists = lab.axp.json("list", list_)["lists"]
    found = [e for e in lists[0]["entries"] if (e["prefix"], e["carve"]) == (prefix.lstrip("!"), prefix[0] == "!")]
    return found[0] if found else None


def wait_until(moment):
    time.sleep(max(0.0, moment - time.time()))


def assert_ended(probe, pair, between):
    """What passed until then was dropped from some moment of these on."""
    wait_until(between[0])
    probe.wait(pair, False, "the entry is over")
    assert not probe.passes(pair)
    last = probe.arrived[pair][-1]
    assert between[0] <= last <= between[1], f"{last - between[0]:+.3f} s from the earliest moment"


def test_entries_end_on_time(loaded):
    """
    Nothing runs meanwhile; each address has its own place among others: alone, inside a prefix of another
    service, with a second that lives longer, a hole that closes, and in IPv6.
    """
    alone, child, two, hole = "203.0.113.99", STRANGER4, "198.51.100.9", "198.51.100.130"
    pairs = {name: (name, SIP) for name in (alone, child, two, STRANGER6)}
    with probing(loaded, *pairs.values(), (child, RTP), (two, RTP), (hole, RTP), (STRANGER6, RTP),
                 (OFFICE4, SIP)) as probe:
        assert not probe.passes(pairs[alone]) and probe.passes((hole, RTP))
        between = {alone: add(loaded, "trunk", alone, 2, "--label", "for the fair"),
                   child: add(loaded, "trunk", f"{child}/32", 2),
                   STRANGER6: add(loaded, "trunk", "2001:db8:666::/64", 2),
                   hole: add(loaded, "media", f"!{hole}", 2)}
        short = add(loaded, "trunk", f"{two}/32", 2)
        between[two] = add(loaded, "trunk", "198.51.100.8/29", 4)
        closed = time.time()
        assert lab3.kill_all(loaded.axp) == 0
        for name in (alone, child, two, STRANGER6):
            assert probe.passes(pairs[name]), name
        assert not probe.passes((hole, RTP))
        assert probe.passes((child, RTP)) and probe.passes((STRANGER6, RTP))  # the other service's prefix
        for name in (alone, child, STRANGER6):
            assert_ended(probe, pairs[name], between[name])
        wait_until(between[hole][1])
        again = probe.since((hole, RTP), closed)[0]
        assert between[hole][0] <= again <= between[hole][1]
        assert probe.passes((hole, RTP)) and probe.passes((child, RTP)) and probe.passes((STRANGER6, RTP))
        # Of the two nested ones the shorter is over, the longer holds.
        wait_until(short[1])
        if time.time() < between[two][0] - 0.3:
            assert probe.passes(pairs[two])
        assert_ended(probe, pairs[two], between[two])
        assert probe.passes((two, RTP))
        # Who is listed for good lost nothing by it.
        assert len(probe.arrived[OFFICE4, SIP]) >= probe.sent - 2
    for name, port, status in ((alone, SIP, 3), (child, SIP, 3), (two, SIP, 3), (child, RTP, 0), (hole, RTP, 0)):
        assert loaded.axp("check", name, f"udp/{port}", "--no-proof").returncode == status


def test_list_and_check_show_what_is_left(loaded):
    axp = loaded.axp
    out = axp.ok("add", "trunk", STRANGER4, "--for", "2h30m", "--label", "a visitor")
    assert "for 2h30m" in out
    found = entry(loaded, "trunk", f"{STRANGER4}/32")
    assert 2 * 3600 + 1790 < found["seconds_left"] <= 2 * 3600 + 1801
    assert abs(found["until"] - time.time() - found["seconds_left"]) < 3
    assert found["label"] == "a visitor"
    line, = [l for l in axp.ok("list", "trunk").splitlines() if STRANGER4 in l]
    assert re.search(r"\(2h(30m(1s)?|29m\d+s) left\)", line)
    assert entry(loaded, "trunk", f"{OFFICE4}/32")["seconds_left"] is None
    line, = kept(loaded, "trunk")
    assert re.fullmatch(rf"{STRANGER4}/32 until=\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ # a visitor", line)
    assert axp("check", STRANGER4, "udp/5060", "--no-proof").returncode == 0
    # Longer, shorter, for good: the last word counts.
    axp.ok("add", "trunk", STRANGER4, "--for", "7d")
    assert entry(loaded, "trunk", f"{STRANGER4}/32")["seconds_left"] > 6 * 86400
    axp.ok("add", "trunk", STRANGER4)
    found = entry(loaded, "trunk", f"{STRANGER4}/32")
    assert (found["seconds_left"], found["until"], found["label"]) == (None, None, "a visitor")
    assert kept(loaded, "trunk") == [f"{STRANGER4}/32 # a visitor"]
    axp.ok("remove", "trunk", STRANGER4)
    assert kept(loaded, "trunk") == []


def test_an_expired_entry_matches_no_more_and_the_next_command_sweeps_it(loaded):
    axp = loaded.axp
    between = add(loaded, "trunk", STRANGER4, 1, "--label", "short")
    assert axp("check", STRANGER4, "udp/5060", "--no-proof").returncode == 0
    wait_until(between[1])
    assert axp("check", STRANGER4, "udp/5060", "--no-proof").returncode == 3
    found = entry(loaded, "trunk", f"{STRANGER4}/32")
    assert found is None or found["seconds_left"] == 0
    if found:
        line, = [l for l in axp.ok("list", "trunk").splitlines() if STRANGER4 in l]
        assert "expired" in line
    assert len(kept(loaded, "trunk")) == 1  # reading changes nothing
    axp.ok("add", "media", "192.0.2.77")
    assert kept(loaded, "trunk") == []
    assert entry(loaded, "trunk", f"{STRANGER4}/32") is None
    assert loaded.axp.status()["lists"][0]["entries"] == len(LISTS["trunk"])
    # It may come again, and is then removed by hand.
    axp.ok("add", "trunk", STRANGER4, "--for", "1h")
    assert loaded.reaches(STRANGER4, SIP)
    axp.ok("remove", "trunk", STRANGER4)
    assert not loaded.reaches(STRANGER4, SIP, timeout=0.3)


@pytest.mark.parametrize("change", ["reload", "unload and load", "what is near"])
def test_what_is_left_survives(loaded, change):
    pair = STRANGER4, SIP
    with probing(loaded, pair) as probe:
        between = add(loaded, "trunk", STRANGER4, 3)
        if change == "reload":
            loaded.axp.write(config(SERVICES, {**LISTS, "trunk": [*LISTS["trunk"], "192.0.2.200"]}))
            loaded.axp.ok("reload")
        elif change == "unload and load":
            loaded.axp.ok("unload", "--all")
            loaded.axp.ok("load", "eth0")
        else:
            loaded.axp.ok("mode", "monitor")
            loaded.axp.ok("add", "trunk", "198.51.100.0/25")
            loaded.axp.ok("add", "media", "!198.51.100.64/28", "--for", "1h")
            loaded.axp.ok("remove", "trunk", "198.51.100.0/25")
            loaded.axp.ok("mode", "enforce")
        assert probe.passes(pair)
        assert 0 <= entry(loaded, "trunk", f"{STRANGER4}/32")["seconds_left"] <= lasting(3) + 1
        assert_ended(probe, pair, between)


def test_expired_while_nothing_was_loaded(loaded):
    loaded.axp.ok("unload", "--all")
    between = add(loaded, "trunk", STRANGER4, 1)
    wait_until(between[1])
    loaded.axp.ok("load", "eth0")
    assert not loaded.reaches(STRANGER4, SIP, timeout=0.3)
    assert loaded.axp("check", STRANGER4, "udp/5060", "--no-proof").returncode == 3


def test_an_entry_of_the_config_with_an_end(lab):
    """In files the moment is written out."""
    until = int(time.time()) + lasting(6)
    text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))
    lab.axp.write(config(SERVICES, {**LISTS, "trunk": [*LISTS["trunk"], f"{STRANGER4} until={text} # fair"]}))
    with probing(lab, (STRANGER4, SIP)) as probe:
        lab.axp.ok("load", "eth0")
        assert probe.passes((STRANGER4, SIP))
        assert_ended(probe, (STRANGER4, SIP), (until - EARLY, until + LATE))
    assert lab.axp("check", STRANGER4, "udp/5060", "--no-proof").returncode == 3


def test_eight_ends_on_one_address_and_no_ninth(loaded):
    axp = loaded.axp
    for n in range(8):
        axp.ok("add", "trunk", f"198.51.{100 - (100 % (1 << n) if n < 8 else 0)}.0/{24 - n}"
               if n else "198.51.100.66", "--for", f"{n + 1}h")
    state = kept(loaded, "trunk")
    assert len(state) == 8
    assert axp("check", STRANGER4, "udp/5060", "--no-proof").returncode == 0
    with probing(loaded, (STRANGER4, SIP)) as probe:
        line = axp.fails("add", "trunk", "198.0.0.0/8", "--for", "9h")
        assert "8" in line
        assert kept(loaded, "trunk") == state
        assert probe.passes((STRANGER4, SIP))
        # For good is no end, and one that ends with another is no ninth.
        axp.ok("add", "trunk", "198.0.0.0/8")
        axp.ok("reload")
        for prefix in [l.split()[0] for l in state]:
            axp.ok("remove", "trunk", prefix)
        assert probe.passes((STRANGER4, SIP))
        axp.ok("remove", "trunk", "198.0.0.0/8")
        assert not probe.passes((STRANGER4, SIP))


def test_a_file_with_nine_ends_on_one_address_is_refused(loaded):
    ends = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600 * (n + 1))) for n in range(9)]
    prefixes = [f"10.0.0.0/{8 + n} until={end}" for n, end in enumerate(ends)]
    before = loaded.axp.status()
    loaded.axp.write(config(SERVICES, {**LISTS, "trunk": prefixes}))
    line = loaded.axp.fails("reload")
    assert "8" in line
    assert loaded.axp.status() == before
    loaded.axp.write(config(SERVICES, {**LISTS, "trunk": prefixes[:8]}))
    loaded.axp.ok("reload")
    assert loaded.axp("check", "10.0.0.1", "udp/5060", "--no-proof").returncode == 0


def test_it_ends_while_a_change_waits_to_be_confirmed(loaded):
    """And after the rollback it has not come back."""
    pair = STRANGER4, SIP
    with probing(loaded, pair, (OFFICE4, SIP)) as probe:
        between = add(loaded, "trunk", STRANGER4, 2)
        loaded.axp.write(config(SERVICES, {**LISTS, "trunk": ["192.0.2.200"]}))
        loaded.axp.ok("reload", "--confirm", f"{lasting(1)}s")
        assert probe.passes(pair) and not probe.passes((OFFICE4, SIP))
        wait_for(lambda: loaded.axp.status()["rolled_back"], "rolled back")
        assert_ended(probe, pair, between)
        assert probe.passes((OFFICE4, SIP))


def test_it_ends_for_a_flow_that_goes_on(loaded):
    """A listed peer's flow is no reply: with the entry ends the talk, however busy."""
    between = add(loaded, "media", "203.0.113.99/32", 1)
    loaded.net.ip("addr add 203.0.113.99 dev lo")
    with contextlib.closing(lab3.stamped(loaded.host.udp("192.0.2.10", RTP, timeout=0.02))) as ours, \
            loaded.net.udp("203.0.113.99", 30000) as theirs:
        arrived = []
        while time.time() < between[1]:
            theirs.sendto(b"voice", ("192.0.2.10", RTP))
            ours.sendto(b"voice", ("203.0.113.99", 30000))
            with contextlib.suppress(TimeoutError):
                arrived.append(lab3.kernel_time(ours.recvmsg(100, 100)[1]))
        assert len(arrived) > 10 and between[0] <= arrived[-1] <= between[1] - 0.1
