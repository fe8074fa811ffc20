# SPDX-License-Identifier: GPL-2.0-or-later
"""add and remove: at once, kept, in one piece, whatever else happens."""

import os
import random
import signal
import time

import pytest

from frames import udp
from lab import EXOTEL_KARNATAKA, EXOTEL_MUMBAI, FRESHCHAT_IN, LISTS, OFFICE4, STRANGER4, STRANGER6, lasting, wait_for


def kept(lab, list_):
    """The entries in the state directory, without comment lines."""
    path = lab.axp.state / "default" / "lists" / f"{list_}.list"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("source, prefix", [(STRANGER4, STRANGER4), (STRANGER4, "198.51.100.0/24"),
                                            (STRANGER6, "2001:db8:666::/48")])
def test_add_and_remove_apply_at_once(guarded, source, prefix):
    axp = guarded.axp
    generation = axp.status()["generation"]
    assert not guarded.reaches(source, 5060, timeout=0.3)
    axp.ok("add", "exotel-sip", prefix, "--label", "Production SBC")
    assert guarded.reaches(source, 5060)
    assert "Production SBC" in axp.ok("list", "exotel-sip")
    said = axp.json("check", source, "udp/5060")
    assert (said["verdict"], said["label"]) == ("pass", "Production SBC")
    axp.ok("remove", "exotel-sip", prefix)
    assert not guarded.reaches(source, 5060, timeout=0.3)
    assert axp("check", source, "udp/5060").returncode == 3
    assert axp.status()["generation"] >= generation


def test_what_is_so_already_succeeds_and_says_so(guarded):
    axp = guarded.axp
    axp.ok("add", "office", STRANGER4)
    assert "already" in axp.ok("add", "office", STRANGER4)
    assert "already" in axp.ok("add", "office", f"{STRANGER4}/32")
    assert kept(guarded, "office") == [f"{STRANGER4}/32"]
    axp.ok("remove", "office", STRANGER4)
    result = axp("remove", "office", STRANGER4)
    assert result.returncode == 0 and "not" in result.stdout + result.stderr
    # What the config has, `add` finds there.
    assert "already" in axp.ok("add", "office", "203.0.113.0/24")
    assert kept(guarded, "office") == []


def test_an_added_entry_survives_reload_and_unload(guarded):
    axp = guarded.axp
    axp.ok("add", "exotel-sip", STRANGER4, "--label", "kept # with a hash, ünïcode")
    axp.ok("reload")
    assert guarded.reaches(STRANGER4, 5060)
    axp.ok("unload", "eth0")
    axp.ok("load", "eth0")
    assert guarded.reaches(STRANGER4, 5060)
    assert axp.json("check", STRANGER4, "udp/5060")["label"] == "kept # with a hash, ünïcode"
    axp.ok("remove", "exotel-sip", STRANGER4)
    axp.ok("reload")
    assert not guarded.reaches(STRANGER4, 5060, timeout=0.3)


def test_state_is_a_list_file_with_the_administrators_rights_alone(guarded):
    guarded.axp.ok("add", "exotel-sip", STRANGER4, "--label", "SBC")
    guarded.axp.ok("add", "exotel-sip", "!203.0.113.7")
    assert sorted(kept(guarded, "exotel-sip")) == ["!203.0.113.7/32", f"{STRANGER4}/32 # SBC"]
    directory = guarded.axp.state / "default" / "lists"
    assert [p.name for p in directory.iterdir()] == ["exotel-sip.list"]
    assert (directory / "exotel-sip.list").stat().st_mode & 0o022 == 0


@pytest.mark.parametrize("list_, prefix, place", [
    ("webhooks", FRESHCHAT_IN, "freshchat-in.list:8"),
    ("office", "203.0.113.0/24", "allowxdp.yaml:"),
])
def test_removing_what_a_file_says_is_refused_with_its_line(guarded, list_, prefix, place):
    before = guarded.axp.status()
    line = guarded.axp.fails("remove", list_, prefix)
    assert place in line
    assert guarded.axp.status() == before
    assert guarded.axp("check", prefix.split("/")[0], "tcp/443").returncode == 0


def test_list_that_the_config_drops_keeps_its_added_entries(guarded):
    axp = guarded.axp
    axp.ok("add", "exotel-sip", STRANGER4, "--label", "later again")
    axp.write({"services": [("sip", ["udp/5060"], ["office"])],
               "lists": {"office": LISTS["office"]}})
    result = axp("reload")
    assert result.returncode == 0 and "exotel-sip" in result.stderr  # warned of
    assert not guarded.reaches(STRANGER4, 5060, timeout=0.3)
    axp.write({})
    axp.ok("reload")
    assert guarded.reaches(STRANGER4, 5060)


def test_added_entry_that_the_config_now_carves_out_is_refused(guarded):
    axp = guarded.axp
    axp.ok("add", "exotel-sip", STRANGER4)
    axp.write({"lists": {**LISTS, "exotel-sip": [EXOTEL_MUMBAI, f"!{STRANGER4}"]}})
    before = axp.status()
    line = axp.fails("reload")
    assert "exotel-sip" in line
    assert axp.status() == before
    assert guarded.reaches(STRANGER4, 5060)


def test_added_entry_that_the_config_takes_over(guarded):
    axp = guarded.axp
    axp.ok("add", "exotel-sip", STRANGER4, "--label", "by hand")
    axp.write({"lists": {**LISTS, "exotel-sip": [EXOTEL_MUMBAI, f"{STRANGER4} # in the config"]}})
    axp.ok("reload")
    assert guarded.reaches(STRANGER4, 5060)
    assert "exotel-sip" in [l["name"] for l in axp.status()["lists"]]
    axp.write({})
    axp.ok("reload")


def test_commands_at_once_do_not_interleave(guarded):
    """Forty adds and four reloads, all started together: every entry is there in the end."""
    prefixes = [f"10.1.{n}.0/24" for n in range(40)]
    running = [guarded.axp.start("add", "office", p) for p in prefixes]
    running += [guarded.axp.start("reload") for _ in range(4)]
    for process in running:
        out, err = process.communicate(timeout=lasting(60))
        assert process.returncode == 0, out + err
    assert kept(guarded, "office") == prefixes
    for prefix in prefixes:
        assert guarded.axp("check", prefix.replace("0/24", "9"), "tcp/443", "--no-proof").returncode == 0
    assert guarded.reaches(OFFICE4, 5060)


def test_a_waiting_command_says_what_it_waited_for(guarded):
    """One that cannot have the lock fails in the end, or works once it is free; nothing in between."""
    import fcntl
    locks = list((guarded.axp.run_dir / "default").glob("*lock*"))
    assert locks, "where is the lock?"
    with open(locks[0], "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = guarded.axp.start("add", "office", "10.2.0.0/16")
        time.sleep(0.3)
        assert process.poll() is None
        # Readers need no lock.
        assert guarded.axp.status()["mode"] == "enforce"
        assert guarded.axp("check", "10.2.0.1", "tcp/443").returncode == 3
    process.communicate(timeout=lasting(20))
    assert process.returncode == 0
    assert guarded.axp("check", "10.2.0.1", "tcp/443").returncode == 0


def verdicts(lab):
    """What happens to OFFICE4, which is always listed, and to STRANGER4, which never is, at UDP 5060."""
    before = lab.axp.count("sip", "pass", "listed"), lab.axp.count("sip", "drop", "unlisted")
    lab.send(udp(lab, OFFICE4, 5060), udp(lab, STRANGER4, 5060))
    wait_for(lambda: (lab.axp.count("sip", "pass", "listed"), lab.axp.count("sip", "drop", "unlisted"))
             == (before[0] + 1, before[1] + 1), "one passes, one is dropped")


def test_kill_at_any_moment_leaves_the_old_policy_or_the_new(guarded):
    axp = guarded.axp
    dice = random.Random(2)
    changes = [["reload"], ["add", "office", "10.3.0.0/16"], ["remove", "office", "10.3.0.0/16"],
               ["load", "eth0"], ["mode", "enforce"], ["add", "office", "!203.0.113.200"],
               ["remove", "office", "!203.0.113.200"]]
    # How long a command takes here, so that the kills fall all over it.
    started = time.monotonic()
    axp.ok("reload")
    takes = time.monotonic() - started
    for n in range(60):
        command = changes[n % len(changes)]
        if command == ["reload"]:
            axp.write({"lists": {**LISTS, "more": [f"10.{n}.{i}.0/24" for i in range(200)]}})
        process = axp.start(*command)
        time.sleep(dice.random() * takes)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        verdicts(guarded)
        # What check says, from what the kernel was given, is what the kernel does; and then one can go on.
        assert axp("check", OFFICE4, "udp/5060", "--no-proof").returncode == 0
        assert axp("check", STRANGER4, "udp/5060", "--no-proof").returncode == 3
        inside = axp("check", "10.3.0.9", "udp/5060", "--no-proof").returncode == 0
        axp.ok("add", "exotel-sip", f"10.4.{n}.0/24")
        axp.ok("remove", "exotel-sip", f"10.4.{n}.0/24")
        if command[0] in ("add", "remove") and "10.3.0.0/16" in command:
            listed = "10.3.0.0/16" in kept(guarded, "office")
            assert (axp("check", "10.3.0.9", "udp/5060").returncode == 0) == listed, (command, inside)
    axp.ok("reload")
    verdicts(guarded)
    axp.json("list")  # writes down hits, and entries that came and went
    # Nothing half-done is left lying about.
    left = [p for p in (axp.state / "default").rglob("*") if p.is_file() and p.suffix != ".list" and p.name != "hits"]
    assert not left, left


def test_kill_during_the_first_load(lab):
    """Before the load has ended there is no policy: everything passes, and loading again works."""
    lab.axp.write({})
    dice = random.Random(3)
    started = time.monotonic()
    lab.axp.ok("load", "eth0")
    takes = time.monotonic() - started
    lab.axp.ok("unload", "--all")
    for _ in range(15):
        process = lab.axp.start("load", "eth0")
        time.sleep(dice.random() * takes)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        lab.axp.ok("load", "eth0")
        verdicts(lab)
        lab.axp.ok("unload", "--all")
        assert not lab.axp.pins()


def test_kill_during_unload(lab):
    dice = random.Random(4)
    lab.load()
    for _ in range(10):
        process = lab.axp.start("unload", "eth0")
        time.sleep(dice.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        lab.axp.ok("load", "eth0")
        verdicts(lab)


def test_state_that_cannot_be_written_changes_nothing(guarded):
    """A full or read-only disk: the entry is neither kept nor applied."""
    lists = guarded.axp.state / "default"
    guarded.axp.ok("add", "office", "10.5.0.0/16")
    before = guarded.axp.status()
    os.rename(lists / "lists", lists / "moved")
    (lists / "lists").write_text("in the way", encoding="ascii")
    try:
        guarded.axp.fails("add", "exotel-sip", EXOTEL_KARNATAKA)
        guarded.axp.fails("remove", "office", "10.5.0.0/16")
    finally:
        (lists / "lists").unlink()
        os.rename(lists / "moved", lists / "lists")
    assert guarded.axp.status() == before
    assert guarded.axp("check", EXOTEL_KARNATAKA, "udp/5060").returncode == 3
    assert guarded.axp("check", "10.5.0.1", "udp/5060").returncode == 0
    assert not guarded.reaches(EXOTEL_KARNATAKA, 5060, timeout=0.3)
