# SPDX-License-Identifier: GPL-2.0-or-later
"""--confirm: a change that is not confirmed in time is rolled back by the data path itself, with no process left."""

import json
import random
import time

import pytest

import lab3
from lab import EXOTEL_MUMBAI, FRESHCHAT_EU, FRESHCHAT_US, OFFICE4, SLOW, STRANGER4, STRANGER6, lasting, wait_for
from lab3 import config, probing, service

OFFICE = (OFFICE4, 5060)
TRUNK = (EXOTEL_MUMBAI, 5060)
STRANGER = (STRANGER4, 5060)
CARRIER = (FRESHCHAT_EU, 5060)  # whoever is added meanwhile
LISTS = {"trunk": [EXOTEL_MUMBAI], "office": ["203.0.113.0/24 # head office", "2001:db8:7::/48"]}


def write(lab, mode="enforce", **lists):
    lab.axp.write(config([service("sip", ["udp/5060"], ["trunk", "office"])], {**LISTS, **lists}, mode=mode))


def wait_until(moment):
    """Where time itself is tested."""
    time.sleep(max(0.0, moment - time.time()))


def metric(lab, name):
    lines = lab.axp.ok("metrics").splitlines()
    return [float(l.split()[-1]) for l in lines if l.split(" ")[0].split("{")[0] == name]


def agree(lab, probe, pair):
    """Do check and the data path say the same? Returns whether the pair passes."""
    passes = probe.passes(pair)
    said = lab.axp("check", pair[0], f"udp/{pair[1]}", "--no-proof")
    assert (said.returncode == 0) == passes, f"packets {'pass' if passes else 'are dropped'}: {said.stdout}"
    return passes


def test_first_load_unconfirmed_lets_everything_pass_again(lab):
    """SIGKILL to all there is right after it: in three seconds traffic flows."""
    window = lasting(3)
    write(lab)
    with probing(lab, STRANGER, OFFICE, (STRANGER6, 5060)) as probe:
        started = time.time()
        out = lab.axp.ok("load", "eth0", "--confirm", f"{window}s")
        loaded = time.time()
        assert lab3.kill_all(lab.axp) == 0  # nothing runs on that could roll back
        assert f"Rolled back in {window}s unless confirmed" in out and "NEW connection" in out
        assert "allowxdp confirm" in out
        assert not probe.passes(STRANGER) and not probe.passes((STRANGER6, 5060)) and probe.passes(OFFICE)
        # Until the end, and no longer.
        back = probe.wait(STRANGER, True, "traffic flows again")
        flowing = probe.since(STRANGER, loaded + 0.2)[0]
        assert started + window <= flowing <= loaded + window + 0.3 * SLOW and back
        assert probe.passes((STRANGER6, 5060)) and probe.passes(OFFICE)
        status = lab.axp.status()
        assert (status["mode"], status["rolled_back"], status["confirm_deadline"]) == ("off", True, None)
        assert "rolled back" in lab.axp.ok("status")
        assert metric(lab, "allowxdp_rolled_back") == [1]
        assert lab.axp.ok("mode").strip() == "off"
        # The next change says so, and one can enforce it again.
        result = lab.axp("mode", "enforce")
        assert result.returncode == 0 and "rolled back" in result.stderr
        assert not probe.passes(STRANGER)
        assert lab.axp.status()["rolled_back"] is False


def test_confirmed_load_stays(lab):
    write(lab)
    with probing(lab, STRANGER, OFFICE) as probe:
        lab.axp.ok("load", "eth0", "--confirm", f"{lasting(2)}s")
        deadline = time.time() + lasting(2)
        assert lab.axp.ok("confirm")
        assert lab3.kill_all(lab.axp) == 0
        status = lab.axp.status()
        assert (status["confirm_deadline"], status["confirm_seconds_left"]) == (None, None)
        wait_until(deadline + 0.2)
        assert not agree(lab, probe, STRANGER) and agree(lab, probe, OFFICE)
        assert lab.axp.status()["mode"] == "enforce"
        assert "wait" in lab.axp.fails("confirm")  # once is enough
        assert "nothing" in lab.axp.fails("rollback")


def entries(lab):
    """All entries; packets go on hitting them."""
    hits = {"hits", "first_hit", "last_hit", "counted_since"}
    return {l["name"]: [{k: v for k, v in e.items() if k not in hits} for e in l["entries"]]
            for l in lab.axp.json("list")["lists"]}


def test_reload_unconfirmed_brings_the_old_lists_back(lab):
    write(lab)
    lab.axp.ok("load", "eth0")
    before = lab.axp.status()
    lists = entries(lab)
    write(lab, trunk=[STRANGER4])
    with probing(lab, TRUNK, STRANGER, OFFICE) as probe:
        started = time.time()
        lab.axp.ok("reload", "--confirm", f"{lasting(2)}s")
        loaded = time.time()
        assert agree(lab, probe, STRANGER) and not agree(lab, probe, TRUNK) and agree(lab, probe, OFFICE)
        assert lab.axp.status()["generation"] > before["generation"]
        lab3.kill_all(lab.axp)
        probe.wait(TRUNK, True, "the old lists are back")
        assert started + lasting(2) <= probe.since(TRUNK, loaded + 0.2)[0] <= loaded + lasting(2) + 0.3 * SLOW
        # No command has settled it: those that only read agree with the data path all the same.
        assert not agree(lab, probe, STRANGER) and agree(lab, probe, TRUNK) and agree(lab, probe, OFFICE)
        status = lab.axp.status()
        assert (status["generation"], status["mode"]) == (before["generation"], "enforce")
        assert status["lists"] == before["lists"] and status["rolled_back"]
        assert entries(lab) == lists
        # Not one packet of the listed was lost in all this.
        gaps = [b - a for a, b in zip(probe.arrived[OFFICE], probe.arrived[OFFICE][1:])]
        n = len(probe.arrived[OFFICE])
        assert probe.sent - n <= 2, f"{n} of {probe.sent} rounds, longest gap {max(gaps):.3f} s"


def test_reload_confirmed_stays(lab):
    write(lab)
    lab.axp.ok("load", "eth0")
    write(lab, trunk=[STRANGER4])
    with probing(lab, TRUNK, STRANGER) as probe:
        lab.axp.ok("reload", "--confirm", f"{lasting(1)}s")
        deadline = time.time() + lasting(1)
        lab.axp.ok("confirm")
        wait_until(deadline + 0.2)
        assert agree(lab, probe, STRANGER) and not agree(lab, probe, TRUNK)


def test_what_is_added_and_removed_while_pending_survives(lab):
    """In the kernel too, and in what check says, before any other command settles the bookkeeping."""
    write(lab)
    lab.axp.ok("load", "eth0")
    gone = FRESHCHAT_US, 5060
    lab.axp.ok("add", "office", FRESHCHAT_US)
    write(lab, trunk=[STRANGER4])
    with probing(lab, TRUNK, STRANGER, CARRIER, gone) as probe:
        lab.axp.ok("reload", "--confirm", f"{lasting(2)}s")
        deadline = time.time() + lasting(2)
        assert agree(lab, probe, gone) and not agree(lab, probe, CARRIER)
        lab.axp.ok("add", "office", FRESHCHAT_EU, "--label", "meanwhile")
        lab.axp.ok("remove", "office", FRESHCHAT_US)
        assert agree(lab, probe, CARRIER) and not agree(lab, probe, gone)
        wait_until(deadline)
        probe.wait(TRUNK, True, "rolled back")
        assert agree(lab, probe, CARRIER) and not agree(lab, probe, gone) and not agree(lab, probe, STRANGER)
        # And after a command that changes something.
        result = lab.axp("add", "office", "192.0.2.77")
        assert result.returncode == 0 and "rolled back" in result.stderr
        assert agree(lab, probe, CARRIER) and not agree(lab, probe, gone)
        assert agree(lab, probe, TRUNK) and not agree(lab, probe, STRANGER)
        assert lab.axp("add", "office", "192.0.2.78").stderr == ""  # said once


def test_mode_enforce_unconfirmed_goes_back(lab):
    write(lab, mode="monitor")
    lab.axp.ok("load", "eth0")
    with probing(lab, STRANGER, OFFICE) as probe:
        for before in ("monitor", "off"):
            lab.axp.ok("mode", before)
            assert probe.passes(STRANGER)
            out = lab.axp.ok("mode", "enforce", "--confirm", f"{lasting(1)}s")
            assert "confirm" in out
            deadline = time.time() + lasting(1)
            assert lab.axp.status()["mode"] == "enforce"
            probe.wait(STRANGER, False, "enforced")
            assert probe.wait(STRANGER, True, "back in the mode before") <= deadline + 0.5 * SLOW
            assert lab.axp.status()["mode"] == before
            assert lab.axp.ok("mode").strip() == before
        lab.axp.ok("mode", "enforce", "--confirm", "1m")
        lab.axp.ok("confirm")
        assert not probe.passes(STRANGER)
    assert lab.axp.fails("mode", "monitor", "--confirm", "1m", status=2)
    assert lab.axp.status()["mode"] == "enforce"


def test_rollback_goes_back_at_once(lab):
    write(lab)
    lab.axp.ok("load", "eth0")
    write(lab, trunk=[STRANGER4])
    with probing(lab, TRUNK, STRANGER, CARRIER) as probe:
        lab.axp.ok("reload", "--confirm", "1h")
        lab.axp.ok("add", "office", FRESHCHAT_EU)
        assert agree(lab, probe, STRANGER)
        out = lab.axp.json("rollback")
        assert out["mode"] == "enforce"
        assert agree(lab, probe, TRUNK) and not agree(lab, probe, STRANGER) and agree(lab, probe, CARRIER)
        status = lab.axp.status()
        assert status["confirm_deadline"] is None and not status["rolled_back"]
        assert "nothing" in lab.axp.fails("rollback")
        assert "nothing" in lab.axp.fails("confirm")
        # The config is still the new one: reload applies it.
        lab.axp.ok("reload")
        assert agree(lab, probe, STRANGER)


def test_rollback_of_a_first_load(lab):
    write(lab)
    lab.axp.ok("load", "eth0", "--confirm", "1h")
    with probing(lab, STRANGER) as probe:
        assert not probe.passes(STRANGER)
        lab.axp.ok("rollback")
        assert probe.passes(STRANGER)
        assert lab.axp.status()["mode"] == "off"
        lab.axp.ok("load", "eth0", "--confirm", "1h")
        assert not probe.passes(STRANGER)
        lab.axp.ok("confirm")
        assert not probe.passes(STRANGER)
        lab.axp.ok("unload", "--all")
        assert probe.passes(STRANGER)


def test_status_and_metrics_show_the_time_left(lab):
    write(lab)
    lab.axp.ok("load", "eth0")
    assert metric(lab, "allowxdp_confirm_pending") == [0]
    assert metric(lab, "allowxdp_confirm_seconds_left") == [0]
    started = time.time()
    said = lab.axp.json("reload", "--confirm", "2m")
    ended = time.time()
    assert said["confirm_seconds"] == 120
    status = lab.axp.status()
    asked = time.time()
    assert started + 119 - 1 <= status["confirm_deadline"] <= ended + 121
    assert 119 - (asked - started) <= status["confirm_seconds_left"] <= 120
    assert not status["rolled_back"]
    text = lab.axp.ok("status")
    assert "rolled back in 1m" in text and "allowxdp confirm" in text
    assert metric(lab, "allowxdp_confirm_pending") == [1]
    assert 100 < metric(lab, "allowxdp_confirm_seconds_left")[0] <= 120
    assert metric(lab, "allowxdp_rolled_back") == [0]
    lab.axp.ok("confirm")
    assert lab.axp.status()["confirm_deadline"] is None
    assert metric(lab, "allowxdp_confirm_pending") == [0]


def test_second_change_while_pending_is_refused(lab):
    write(lab)
    lab.axp.ok("load", "eth0")
    write(lab, trunk=[STRANGER4])
    lab.axp.ok("reload", "--confirm", "1h")
    before = lab.axp.status()
    for command in (["load", "eth0"], ["reload"], ["reload", "--confirm", "5m"], ["mode", "enforce"]):
        line = lab.axp.fails(*command)
        assert "allowxdp confirm" in line and "allowxdp rollback" in line
    after = lab.axp.status()
    for status in (before, after):  # these go by the clock
        status.pop("confirm_deadline")
        status.pop("confirm_seconds_left")
    assert after == before
    lab.axp.ok("reload", "--dry-run")
    assert lab.axp.status()["confirm_seconds_left"] > 3000


@pytest.mark.parametrize("mode, first", [("off", True), ("off", False), ("monitor", False)])
def test_mode_off_and_monitor_never_wait_and_stay(lab, mode, first):
    """Out of an emergency there is always a way, and the deadline does not take it back."""
    write(lab)
    if not first:
        lab.axp.ok("load", "eth0")
        write(lab, trunk=[STRANGER4])
    lab.axp.ok(*(["load", "eth0"] if first else ["reload"]), "--confirm", f"{lasting(1)}s")
    deadline = time.time() + lasting(1)
    with probing(lab, (FRESHCHAT_US, 5060)) as probe:
        lab.axp.ok("mode", mode)
        assert probe.passes((FRESHCHAT_US, 5060))
        assert lab.axp.status()["mode"] == mode
        wait_until(deadline + 0.3)
        assert lab.axp.status()["mode"] == mode
        assert lab.axp.ok("mode").strip() == mode
        assert probe.passes((FRESHCHAT_US, 5060))
        lab.axp.ok("add", "office", "192.0.2.77")
        assert lab.axp.status()["mode"] == mode


def test_confirm_after_the_deadline_fails_and_says_why(lab):
    write(lab)
    lab.axp.ok("load", "eth0", "--confirm", "1s")
    wait_for(lambda: lab.axp.status()["rolled_back"], "rolled back")
    result = lab.axp("confirm")
    assert result.returncode == 1 and result.stdout == ""
    assert "not confirmed in time" in result.stderr
    assert lab.axp.status()["mode"] == "off"


@pytest.mark.parametrize("duration", ["0s", "5", "abc", "-1s", "", "2w", "1s1", "99999999d", "1.5s", "2 m"])
def test_bad_durations_exit_2_and_change_nothing(shared, duration):
    before = shared.axp.status()
    for command in (["load", "eth0"], ["reload"], ["mode", "enforce"]):
        line = shared.axp.fails(*command, "--confirm", duration, status=2)
        assert "--confirm" in line
    line = shared.axp.fails("add", "office", "192.0.2.1", "--for", duration, status=2)
    assert "--for" in line
    assert shared.axp.status() == before


def test_killed_at_any_moment_of_a_load_to_confirm(lab):
    """Whatever the moment: when its time is over traffic flows, and loading again works."""
    write(lab)
    dice = random.Random(5)
    started = time.monotonic()
    lab.axp.ok("load", "eth0", "--confirm", "1s")
    takes = time.monotonic() - started
    lab.axp.ok("unload", "--all")
    with probing(lab, STRANGER, OFFICE) as probe:
        for _ in range(2):
            process = lab.axp.start("load", "eth0", "--confirm", "1s")
            time.sleep(dice.uniform(0.3, 1) * takes)
            lab3.kill_all(lab.axp)
            process.communicate()
            wait_until(time.time() + 1)
            assert probe.passes(STRANGER) and probe.passes(OFFICE)
            lab.axp.ok("load", "eth0")
            assert not probe.passes(STRANGER) and probe.passes(OFFICE)
            lab.axp.ok("unload", "--all")


def test_killed_at_any_moment_of_a_reload_to_confirm(lab):
    write(lab)
    lab.axp.ok("load", "eth0")
    dice = random.Random(6)
    started = time.monotonic()
    lab.axp.ok("reload")
    takes = time.monotonic() - started
    with probing(lab, TRUNK, STRANGER, OFFICE) as probe:
        for _ in range(2):
            write(lab, trunk=[STRANGER4])
            process = lab.axp.start("reload", "--confirm", "1s")
            time.sleep(dice.uniform(0.2, 1) * takes)
            lab3.kill_all(lab.axp)
            process.communicate()
            wait_until(time.time() + 1)
            assert agree(lab, probe, TRUNK) and not agree(lab, probe, STRANGER) and agree(lab, probe, OFFICE)
            write(lab)
            lab.axp.ok("reload")
            assert agree(lab, probe, TRUNK) and not agree(lab, probe, STRANGER)


def test_another_instance_is_named_in_the_hint(lab):
    path = lab.axp.etc / "edge.yaml"
    path.write_text(config([service("sip", ["udp/5060"], ["office"])], {"office": ["203.0.113.0/24"]}),
                    encoding="utf-8")
    out = lab.axp.ok("-c", str(path), "load", "eth0", "--confirm", "1h", instance="edge")
    assert "allowxdp --instance edge confirm" in out
    assert lab.axp.status("edge")["confirm_deadline"]
    lab.axp.ok("confirm", instance="edge")
    assert lab.axp.status("edge")["confirm_deadline"] is None


def test_json_says_what_was_asked(lab):
    write(lab)
    said = json.loads(lab.axp.ok("load", "eth0", "--confirm", "90s", "--json"))
    assert said["confirm_seconds"] == 90
    said = lab.axp.json("confirm")
    assert (said["mode"], said["generation"]) == ("enforce", lab.axp.status()["generation"])
    assert lab.axp.json("reload")["confirm_seconds"] is None
