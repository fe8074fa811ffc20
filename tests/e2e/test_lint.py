# SPDX-License-Identifier: GPL-2.0-or-later
"""The linter: what validate, load and reload say of a config that is right and yet perhaps not meant; --strict."""

import json

import pytest

from lab import EXOTEL_MUMBAI, OFFICE4, STRANGER4, config_text

# What must be found in it, each with its line.
BAD = """\
mode: monitor
interfaces: [eth0]
services:
  - name: sip
    ports: [udp/5060]
    allow: [trunk, nat]
  - name: rtp
    ports: [udp/10000-20000]
    allow: [later]
lists:
  - name: trunk
    prefixes:
      - "182.76.143.61 # Mumbai"
      - 8.0.0.0/8
      - 8.8.8.8
      - 203.0.113.0/24
    file: trunk.list
  - name: nat
    prefixes: ["64:ff9b::/96", "2001:db8:7::/48", "::1"]
  - name: later
  - name: nobodys
    prefixes: [182.76.143.61]
"""
TRUNK = "182.76.143.61 # again\n!9.9.9.9\n"
FOUND = {
    ("unreachable-service", "allowxdp.yaml", 7), ("too-wide", "allowxdp.yaml", 14), ("nat64", "allowxdp.yaml", 19),
    ("reserved", "allowxdp.yaml", 19), ("documentation", "allowxdp.yaml", 16), ("documentation", "allowxdp.yaml", 19),
    ("unused-list", "allowxdp.yaml", 21), ("duplicate", "trunk.list", 1), ("covered", "allowxdp.yaml", 15),
    ("idle-hole", "trunk.list", 2),
}
CLEAN = config_text(mode="enforce", services=[("sip", ["udp/5060"], ["trunk"])],
                    lists={"trunk": [f"{EXOTEL_MUMBAI} # Mumbai", "10.1.0.0/16 # ours", "!10.1.2.0/24", "fd00::/48"]})


def write_bad(lab):
    lab.axp.write(BAD)
    (lab.axp.etc / "trunk.list").write_text(TRUNK, encoding="ascii")


def found(lab, warnings):
    places = {(w["kind"], w["file"].removeprefix(f"{lab.axp.etc}/"), w["line"]) for w in warnings}
    assert len(places) == len(warnings)
    for warning in warnings:
        assert len(warning["text"].split(": ")) >= 2, f"how to mend it? {warning['text']}"
    return places


@pytest.fixture(scope="module")
def linted(shared):
    return shared


def test_validate_warns_with_file_and_line(linted):
    write_bad(linted)
    result = linted.axp("validate")
    assert result.returncode == 0 and "valid" in result.stdout
    said = linted.axp.json("validate")
    assert found(linted, said["warnings"]) == FOUND and said["warnings_left_out"] == 0 and said["valid"] is True
    # The same as text.
    assert sorted(result.stderr.splitlines()) == sorted(
        f"allowxdp: warning: {w['file']}:{w['line']}: {w['text']}" for w in said["warnings"])


def test_a_clean_config_has_no_warning(linted):
    linted.axp.write(CLEAN)
    for command in (["validate"], ["validate", "--strict"], ["reload", "--strict", "--dry-run"],
                    ["load", "eth0", "--strict", "--dry-run"]):
        result = linted.axp(*command)
        assert (result.returncode, result.stderr) == (0, ""), command
        assert "warning" not in result.stdout
    assert linted.axp.json("validate")["warnings"] == []


def test_strict_refuses_and_changes_nothing(linted):
    linted.axp.write({})
    linted.axp.ok("reload")
    before = linted.axp.status()
    write_bad(linted)
    for command in (["validate"], ["reload"], ["load", "eth0"], ["reload", "--dry-run"]):
        result = linted.axp(*command, "--strict")
        assert result.returncode == 1 and result.stdout == "", command
        *warnings, error = result.stderr.splitlines()
        assert len(warnings) == len(FOUND) and all(w.startswith("allowxdp: warning: ") for w in warnings)
        assert error == (f"allowxdp: {linted.axp.config}: {len(FOUND)} warnings, refused by --strict: mend what is named "
                         f"above, or leave --strict away")
    assert linted.axp.status() == before
    assert linted.reaches(OFFICE4, 5060) and not linted.reaches(STRANGER4, 5060, timeout=0.3)
    result = linted.axp("validate", "--strict", "--json")
    said = json.loads(result.stdout)
    assert (result.returncode, said["valid"], found(linted, said["warnings"])) == (1, False, FOUND)


def test_load_and_reload_warn_in_short(linted):
    """Serious warnings on stderr, of the others the number; all of them in JSON. What is warned of is applied."""
    write_bad(linted)
    for command in (["reload"], ["load", "eth0"], ["reload", "--dry-run"], ["load", "eth0", "--dry-run"]):
        result = linted.axp(*command)
        assert result.returncode == 0, result.stderr
        lines = result.stderr.splitlines()
        assert len(lines) == 3 and any("service rtp has no entry" in line for line in lines), lines
        assert any(f"{linted.axp.config}:14: 8.0.0.0/8 of list trunk is too wide" in line for line in lines)
        assert any(f"{linted.axp.config}:19: 64:ff9b::/96" in line for line in lines)
        assert f"{len(FOUND)} warnings" in result.stdout and f"allowxdp -c {linted.axp.config} validate" in result.stdout
        assert found(linted, linted.axp.json(*command)["warnings"]) == FOUND
    assert linted.axp.json("check", "8.1.2.3", "udp/5060")["verdict"] == "pass"
    # Examples alone are no matter for stderr.
    linted.axp.write({})
    result = linted.axp("reload")
    assert (result.returncode, result.stderr) == (0, "") and "2 warnings" in result.stdout


def test_strict_takes_a_clean_config(linted):
    linted.axp.write(CLEAN)
    linted.axp.ok("reload", "--strict")
    assert linted.reaches(EXOTEL_MUMBAI, 5060) and not linted.reaches(OFFICE4, 5060, timeout=0.3)
    linted.axp.ok("load", "eth0", "--strict")
    linted.axp.write({})
    linted.axp.ok("reload")


def test_added_entries_are_looked_at(guarded):
    axp = guarded.axp
    axp.write(CLEAN)
    axp.ok("reload", "--force")
    axp.ok("add", "trunk", "10.1.7.0/24")
    axp.ok("add", "trunk", "12.0.0.0/8")
    warnings = axp.json("validate")["warnings"]
    assert {w["kind"]: w["text"].rpartition(": ")[2] for w in warnings} == {
        "covered": "allowxdp remove trunk 10.1.7.0/24", "too-wide": "list what is needed of it"}
    axp.ok("remove", "trunk", "10.1.7.0/24")
    assert [w["kind"] for w in axp.json("validate")["warnings"]] == ["too-wide"]


def test_many_warnings_are_capped(linted):
    lines = [f"203.0.{n >> 8}.{n & 255}" for n in range(113 << 8, (113 << 8) + 256)] * 2 + ["203.0.113.0/24"]
    (linted.axp.etc / "long.list").write_text("\n".join(lines) + "\n", encoding="ascii")
    linted.axp.write({"services": [("sip", ["udp/5060"], ["long"])], "lists": {"long": {"file": "long.list"}}})
    result = linted.axp("validate")
    assert result.returncode == 0
    # Documentation (257), duplicate (256), covered (256): ten of each, and how many more.
    assert len(result.stderr.splitlines()) == 3 * 11
    for kind, more in (("documentation", 247), ("duplicate", 246), ("covered", 246)):
        assert f"and {more} more of kind {kind}" in result.stderr
    said = linted.axp.json("validate")
    assert len(said["warnings"]) == 3 * 32 and said["warnings_left_out"] == 257 + 256 + 256 - 3 * 32
    assert "769 warnings" in linted.axp("validate", "--strict").stderr
