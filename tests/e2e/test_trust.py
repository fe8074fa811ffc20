# SPDX-License-Identifier: GPL-2.0-or-later
"""What others may write is refused, in one line that says how to mend it; what runs goes on as before."""

import os
import re
import shutil
from pathlib import Path

import pytest

from lab import EXOTEL_MUMBAI, OFFICE4, PROFILES, STRANGER4, run

SOMEBODY = 4242
CONFIG = """
mode: enforce
interfaces: [eth0]
include: [own]
services:
  - {{name: sip, ports: [udp/5060], allow: [trunk, office, fed]}}
lists:
  - {{name: trunk, file: lists/trunk.list}}
  - {{name: office, prefixes: [203.0.113.0/24]}}
  - {{name: fed, url: "https://192.0.2.1/", ca-file: {etc}/ca.pem, format: text}}
  - {{name: told, command: [{etc}/command], format: text}}
"""
PROFILE = """
profile: {name: own, title: t, provider: p, source: s, date: 2026-11-21}
lists: [{name: own, prefixes: [192.0.2.77]}]
"""


@pytest.fixture(scope="module")
def set_up(shared):
    axp = shared.axp
    axp.ok("unload", "--all")
    etc = axp.etc
    for name in ("lists", "profiles"):
        (etc / name).mkdir()
    (etc / "lists" / "trunk.list").write_text(f"{EXOTEL_MUMBAI}\n", encoding="ascii")
    (etc / "profiles" / "own.yaml").write_text(PROFILE, encoding="ascii")
    (etc / "ca.pem").write_text("", encoding="ascii")
    shutil.copy("/bin/true", etc / "command")
    axp.write(CONFIG.format(etc=etc))
    axp.ok("load", "eth0")
    axp.ok("add", "office", STRANGER4)
    axp.ok("remove", "office", STRANGER4)
    return shared


def worlds_own(path):
    path.chmod(path.stat().st_mode | 0o002)


def groups_own(path):
    os.chown(path, 0, SOMEBODY)
    path.chmod(path.stat().st_mode | 0o020)


def somebodys(path):
    os.chown(path, SOMEBODY, 0)


# What is broken, below the lab's directory for allowxdp; how the line begins.
PLACES = {
    "etc/allowxdp.yaml": "{d}/etc/allowxdp.yaml: ",
    "etc": "{d}/etc/allowxdp.yaml: ",
    "etc/lists/trunk.list": '{d}/etc/allowxdp.yaml:8: list "trunk": {d}/etc/lists/trunk.list: ',
    "etc/lists": '{d}/etc/allowxdp.yaml:8: list "trunk": {d}/etc/lists/trunk.list: ',
    "etc/profiles/own.yaml": "{d}/etc/allowxdp.yaml:4: {d}/etc/profiles/own.yaml: ",
    "etc/profiles": "{d}/etc/allowxdp.yaml:4: {d}/etc/profiles/own.yaml: ",
    "etc/ca.pem": "{d}/etc/allowxdp.yaml:10: {d}/etc/ca.pem: ",
    "etc/command": "{d}/etc/allowxdp.yaml:11: {d}/etc/command: ",
    "state": "{d}/state/default: ",
    "state/default": "{d}/state/default: ",
    "state/default/lists": "{d}/state/default/lists: ",
    "state/default/lists/office.list": "{d}/state/default/lists/office.list: ",
    "run": "{d}/run/default: ",
    "run/default": "{d}/run/default: ",
    "run/default/lock": "{d}/run/default/lock: ",
    "bpf/default": "{d}/bpf/default: ",
    "bpf/default/control": "{d}/bpf/default/control: ",
    "bpf/default/link_eth0": "{d}/bpf/default/link_eth0: ",
}


WAYS = [worlds_own, groups_own, somebodys]
# Every way at two places, and at each of the others one.
CASES = sorted({(place, n % len(WAYS)) for n, place in enumerate(PLACES)} |
               {(place, n) for place in ("etc/allowxdp.yaml", "state/default") for n in range(len(WAYS))})


@pytest.mark.parametrize("place, way", CASES, ids=lambda c: c if isinstance(c, str) else WAYS[c].__name__)
def test_refused_and_mended_as_it_says(set_up, place, way):
    break_it = WAYS[way]
    axp = set_up.axp
    before = axp.status()
    path = axp.directory / place
    if not path.exists():
        path.touch(0o600)
    mode = path.stat().st_mode
    break_it(path)
    try:
        said = axp.fails("reload")
        start = "allowxdp: " + PLACES[place].format(d=axp.directory)
        assert said.startswith(start), said
        who, command = re.fullmatch(r"(.*) may change .*it: run `(.*)`", said[len(start):]).groups()
        assert who == {worlds_own: "everybody", groups_own: "its group (4242)",
                       somebodys: "its owner (4242)"}[break_it]
        assert command == {worlds_own: "chmod o-w", groups_own: "chmod g-w", somebodys: "chown root"}[break_it] + \
            f" {path}"
        assert axp.fails("load", "eth0") == said
        assert set_up.reaches(EXOTEL_MUMBAI, 5060) and not set_up.reaches(STRANGER4, 5060, timeout=0.1)
        if not place.startswith("etc"):
            for args in (["status"], ["list"], ["add", "office", STRANGER4], ["exporter", "--listen", "127.0.0.1:0"],
                         ["run", "--no-metrics"]):
                assert axp.fails(*args) == said
        run("sh", "-c", command)
        assert axp.status() == before
    finally:
        os.chown(path, 0, 0)
        path.chmod(mode & 0o7777)
    axp.ok("reload")


def test_a_link_of_another_user_is_refused(set_up):
    """Who owns a link in /tmp may let it lead elsewhere at any time."""
    axp = set_up.axp
    own, others = axp.etc / "own.yaml", axp.etc / "others.yaml"
    for link in (own, others):
        link.symlink_to("allowxdp.yaml")
    os.chown(others, SOMEBODY, SOMEBODY, follow_symlinks=False)
    assert "valid" in axp.ok("-c", own, "validate")
    assert axp.fails("-c", others, "validate") == (
        f"allowxdp: {others}: its owner (4242) may change {others} on the way to it: run `chown -h root {others}`")


def test_the_user_itself_and_root_are_trusted(set_up):
    """Somebody may look at what root wrote and at what is its own, but not at what another user wrote."""
    axp = set_up.axp
    directory = axp.directory / "home"
    directory.mkdir(exist_ok=True)
    own = directory / "c.yaml"
    own.write_text("services: [{name: s, ports: [tcp/443], allow: [l]}]\n"
                   f"lists: [{{name: l, file: {PROFILES}/freshchat-in.list}}]\n", encoding="ascii")
    os.chown(directory, SOMEBODY, SOMEBODY)
    os.chown(own, SOMEBODY, SOMEBODY)

    def validate(uid):
        return run("setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", axp.binary, "-c", own, "validate",
                   env=axp.env, check=False)
    result = validate(SOMEBODY)
    assert result.returncode == 0, result.stderr
    # What root keeps for itself is left out, which it says.
    assert result.stderr == (f"allowxdp: warning: {axp.state}/default is not open to this user: what `add`, names and "
                             "feeds brought is left out\n")
    result = validate(SOMEBODY + 1)
    assert result.returncode == 1
    assert result.stderr == (f"allowxdp: {own}: its owner (4242) may change {directory} on the way to it: run "
                             f"`chown 4243 {directory}`\n")


def test_tmp_is_no_danger(set_up):
    """As everything here lies below /tmp, where only owners may remove what is theirs."""
    assert any(p.stat().st_mode & 0o1002 == 0o1002 for p in Path(set_up.axp.config).parents)
    set_up.axp.ok("validate")
