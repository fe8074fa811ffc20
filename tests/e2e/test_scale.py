# SPDX-License-Identifier: GPL-2.0-or-later
"""Long lists: what reload does with few changes and with many, what it leaves behind, and what is seen of it."""

import ipaddress
import json
import os
import pty
import random
import subprocess

import pytest

from lab import OFFICE4, OFFICE6, STRANGER4, lasting, run

PORT = 20000  # of a service
COUNT = 20000
# Sources that the lab can send from are all in this network.
NEAR = ipaddress.ip_network("198.51.100.0/24")


def random_prefixes(dice, n):
    prefixes = set()
    while len(prefixes) < n:
        length = dice.choice([32, 32, 32, 28, 24, 21, 64, 128])
        if length > 32:
            net = ipaddress.ip_network((0x2a00 << 112 | dice.getrandbits(112), length), strict=False)
        else:
            net = ipaddress.ip_network((dice.randrange(11 << 24, 100 << 24), length), strict=False)
        prefixes.add(str(net))
    return sorted(prefixes, key=lambda p: dice.random())


@pytest.fixture
def scaled(lab):
    lab.dice = random.Random(20261121)
    lab.prefixes = random_prefixes(lab.dice, COUNT)
    lab.list_file = lab.axp.etc / "long.list"
    lab.axp.write({"services": [("sip", [f"udp/{PORT}"], ["long"])], "lists": {"long": {"file": "long.list"}}})
    write_list(lab, [*lab.prefixes, OFFICE4])
    lab.axp.ok("load", "eth0")
    return lab


def write_list(lab, entries):
    lab.list_file.write_text("".join(f"{e}\n" for e in entries), encoding="ascii")


def maps_of(lab):
    """Names of the pinned maps of directories and tries."""
    return sorted(p.name for p in lab.axp.bpffs.rglob("*") if p.name.startswith(("dir4_", "dir6_", "lpm")))


def memory(lab):
    """Bytes of kernel memory in the maps that are pinned there."""
    total = 0
    for pin in lab.axp.bpffs.rglob("*"):
        if pin.name.startswith(("dir4_", "dir6_", "lpm")):
            total += json.loads(run("bpftool", "-j", "map", "show", "pinned", pin).stdout)["bytes_memlock"]
    return total


def check_sample(lab, entries, unlisted):
    for entry in lab.dice.sample(entries, 25):
        net = ipaddress.ip_network(entry.lstrip("!"))
        assert lab.axp("check", str(net[0]), f"udp/{PORT}", "--no-proof").returncode == 0, entry
    for entry in unlisted:
        assert lab.axp("check", str(ipaddress.ip_network(entry)[0]), f"udp/{PORT}", "--no-proof").returncode == 3, entry


def test_few_changes_are_made_in_place(scaled):
    before = maps_of(scaled)
    entries = list(scaled.prefixes)
    gone, entries[100:110] = entries[100:110], [f"198.51.100.{n}" for n in range(200, 210)]
    write_list(scaled, [*entries, OFFICE4, STRANGER4])
    reload = scaled.axp.json("reload")
    assert (len(reload["added"]), len(reload["removed"])) == (11, 10)
    assert reload["generation"] == 2
    assert maps_of(scaled) == before
    assert scaled.reaches(STRANGER4, PORT) and scaled.reaches(OFFICE4, PORT)
    check_sample(scaled, entries, gone)
    write_list(scaled, [*entries, OFFICE4])
    scaled.axp.ok("reload")
    assert not scaled.reaches(STRANGER4, PORT, timeout=0.3) and scaled.reaches(OFFICE4, PORT)


def test_holes_and_prefixes_around_change_in_place(scaled):
    steps = [
        ([str(NEAR)], True),
        ([str(NEAR), f"!{STRANGER4}"], False),
        ([str(NEAR), f"!{STRANGER4}/29".replace("66/", "64/")], False),
        ([f"!{STRANGER4}", "198.0.0.0/8"], False),
        (["198.0.0.0/8"], True),
        ([], False),
    ]
    for extra, passes in steps:
        write_list(scaled, [*scaled.prefixes, OFFICE4, *extra])
        scaled.axp.ok("reload")
        assert scaled.reaches(STRANGER4, PORT, timeout=0.3) == passes, extra
        assert scaled.reaches(OFFICE4, PORT), extra


def test_the_old_generation_is_freed(scaled):
    before, room = maps_of(scaled), memory(scaled)
    for _ in range(3):
        other = random_prefixes(scaled.dice, COUNT)
        write_list(scaled, [*other, OFFICE4])
        scaled.axp.ok("reload")
        assert len(maps_of(scaled)) == len(before)
        assert abs(memory(scaled) - room) <= 1 << 20
    check_sample(scaled, other, [])
    assert scaled.reaches(OFFICE4, PORT)


def test_many_adds_do_not_fill_the_kernel(scaled):
    """What changes leave behind is taken up again."""
    for n in range(120):
        scaled.axp.ok("add", "long", f"198.51.{n % 60}.0/24")
        scaled.axp.ok("remove", "long", f"198.51.{n % 60}.0/24")
    assert memory(scaled) <= 8 << 20
    assert scaled.reaches(OFFICE4, PORT) and not scaled.reaches(STRANGER4, PORT, timeout=0.3)


def test_family_that_comes_later(lab):
    """A family without a prefix has no maps; its first entry makes them. For IPv4 that is an entry that expires."""
    lab.axp.write({"services": [("sip", [f"udp/{PORT}"], ["some"])], "lists": {"some": []}})
    lab.axp.ok("load", "eth0", "--force")
    assert not any("4" in name or "6" in name for name in maps_of(lab))
    assert not lab.reaches(OFFICE6, PORT, timeout=0.3) and not lab.reaches(OFFICE4, PORT, timeout=0.3)
    lab.axp.ok("add", "some", OFFICE6)
    assert any("dir6" in name for name in maps_of(lab))
    assert lab.reaches(OFFICE6, PORT) and not lab.reaches(OFFICE4, PORT, timeout=0.3)
    lab.axp.ok("add", "some", OFFICE4)
    assert not any("4" in name for name in maps_of(lab))
    assert lab.reaches(OFFICE4, PORT)
    lab.axp.ok("add", "some", STRANGER4, "--for", "1h")
    assert any("lpm4" in name for name in maps_of(lab))
    assert lab.reaches(STRANGER4, PORT)
    lab.axp.ok("remove", "some", STRANGER4)
    assert not lab.reaches(STRANGER4, PORT, timeout=0.3) and lab.reaches(OFFICE4, PORT)


def on_terminal(lab, *args):
    """Runs it with a terminal for stderr; what was written there."""
    here, there = pty.openpty()
    process = subprocess.Popen(lab.axp.argv(*args), env=lab.axp.env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=there)
    os.close(there)
    seen = b""
    while True:
        try:
            part = os.read(here, 4096)
        except OSError:  # EIO: the other end is closed
            break
        if not part:
            break
        seen += part
    os.close(here)
    assert process.wait(timeout=lasting(30)) == 0
    return seen.decode()


def test_progress_on_a_terminal_alone(scaled):
    write_list(scaled, [*scaled.prefixes[:100], OFFICE4])
    seen = on_terminal(scaled, "reload")
    for step in ("reading the config and its lists", "comparing with what runs", "changing the kernel's maps"):
        assert f"{step} ..." in seen
    assert seen.endswith("\r\x1b[K")  # nothing is left on the line
    assert scaled.axp("reload").stderr == ""
