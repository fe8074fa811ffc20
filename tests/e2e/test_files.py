# SPDX-License-Identifier: GPL-2.0-or-later
"""What is shipped: provider profiles, the starter config, `make install`."""

import ipaddress
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lab import BINARY, PROFILES, ROOT, config_text, run

COUNTS = {
    "freshchat-us": 14, "freshchat-eu": 10, "freshchat-in": 9, "freshchat-au": 10,
    "exotel-karnataka-media": 2, "exotel-mumbai-media": 2, "exotel-singapore-media": 2,
    "exotel-webhooks": 0,
}
ENTRY = re.compile(r"^(\S+/32) +# (Freshchat (US|EU|IN|AU): allowlist document, 2026-11-21"
                   r"|Exotel vSIP guide: (Karnataka|Mumbai|Singapore), 2026-11-21)$")


def entries(name):
    text = (PROFILES / f"{name}.list").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_profiles_are_all_here():
    assert {p.stem for p in PROFILES.glob("*.list")} == set(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_profile(name):
    lines = entries(name)
    assert len(lines) == len(set(lines)) == COUNTS[name]
    for line in lines:
        match = ENTRY.match(line)
        assert match, line
        assert ipaddress.ip_network(match[1]).is_global
        words = match[2].lower()
        assert name.split("-")[1] in words, f"{line} is in the wrong file"
    if not lines:
        text = (PROFILES / f"{name}.list").read_text(encoding="utf-8")
        assert "Empty on purpose" in text and "allowxdp add" in text


def test_profiles_overlap_nowhere():
    prefixes = [line.split()[0] for name in COUNTS for line in entries(name)]
    assert len(prefixes) == len(set(prefixes)) == sum(COUNTS.values())


@pytest.mark.parametrize("name", COUNTS)
def test_profile_is_read_whole(tmp_path, name):
    config = tmp_path / "allowxdp.yaml"
    config.write_text(config_text(mode="monitor", services=[("s", ["tcp/443"], ["l"])],
                                  lists={"l": {"file": PROFILES / f"{name}.list"}}), encoding="utf-8")
    result = run(BINARY, "-c", config, "validate", "--json")
    assert f" {COUNTS[name]}" in result.stdout, result.stdout


def test_starter_config_is_valid_and_says_what_is_empty(tmp_path):
    config = Path(shutil.copy(ROOT / "tools" / "allowxdp.yaml", tmp_path))
    result = run(BINARY, "-c", config, "validate")
    for service in ("https", "sip", "rtp"):
        assert service in result.stdout + result.stderr


def test_starter_config_loads_in_monitor_mode(lab):
    lab.axp.config.write_text((ROOT / "tools" / "allowxdp.yaml").read_text(encoding="utf-8"),
                              encoding="utf-8")
    lab.axp.ok("load", "eth0")
    assert lab.axp.status()["mode"] == "monitor"
    assert lab.reaches("198.51.100.66", 5060)
    assert lab.axp.count("sip", "pass", "unlisted") == 1


def make(*arguments):
    # One make at a time in a checkout.
    (ROOT / "build").mkdir(exist_ok=True)
    return run("flock", ROOT / "build" / ".lock", "make", "-C", ROOT, *arguments, timeout=300)


def test_make_install(tmp_path):
    tree = tmp_path / "tree"
    make("install", f"DESTDIR={tree}", "PREFIX=/usr")
    program = tree / "usr/sbin/allowxdp"
    config = tree / "etc/allowxdp/allowxdp.yaml"
    assert run(program, "--version").stdout.startswith("allowxdp ")
    assert config.read_text(encoding="utf-8") == (ROOT / "tools/allowxdp.yaml").read_text(encoding="utf-8")
    run(program, "-c", config, "validate")
    installed = tree / "usr/share/allowxdp/profiles"
    assert {p.name for p in installed.iterdir()} == {p.name for p in PROFILES.iterdir()}
    # Found beside the program, wherever the whole went to; in the administrator's own directory, edited, first.
    (tree / "etc/allowxdp/include.yaml").write_text("include: [exotel-vsip-ksa, freshchat-in]\n", encoding="ascii")
    run(program, "-c", tree / "etc/allowxdp/include.yaml", "validate")
    shown = json.loads(run(program, "-c", config, "profile", "list", "--json").stdout)["profiles"]
    assert {p["file"] for p in shown} == {str(p) for p in installed.glob("*.yaml")}
    run(program, "-c", config, "profile", "copy", "freshchat-in")
    assert (tree / "etc/allowxdp/profiles/freshchat-in.list").exists()
    for name in ("allowxdp-dashboard.json", "allowxdp.rules.yml"):
        assert (tree / "usr/share/allowxdp/monitoring" / name).read_bytes() == (ROOT / "tools/monitoring" / name).read_bytes()

    # What the administrator wrote is never overwritten.
    config.write_text("mine", encoding="ascii")
    make("install", f"DESTDIR={tree}", "PREFIX=/usr")
    assert config.read_text(encoding="ascii") == "mine"

    make("uninstall", f"DESTDIR={tree}", "PREFIX=/usr")
    assert not program.exists() and config.exists()


def test_commands_of_the_starter_config_exist():
    """The next steps that the starter config names are commands that there are."""
    text = (ROOT / "tools/allowxdp.yaml").read_text(encoding="utf-8")
    usage = run(BINARY, "--help").stdout
    named = set(re.findall(r"(?<!/)allowxdp ([a-z]+)\b", text))
    assert named and all(f"  {command}" in usage for command in named), named


@pytest.mark.parametrize("command, says", [
    ("tools/test --nonsense", "usage: "), ("tools/test --only packets", "usage: "), ("tools/demo --nonsense", "usage: "),
    ("tools/screenshots --nonsense", "usage: "), ("tools/test-package --nonsense", "usage: "),
    ("tools/deps nonsense", "usage: "), ("tools/fuzz --seconds 0", "usage: "),
    ("tools/fuzz nothing", "tools/fuzz: there is no target nothing: --list names them"),
    ("tools/test-kernels --kernel 5.4", "usage: "), ("tools/test-kernels --all --part 3/2", "usage: "),
    ("tools/test-kernels --all --part 0/2", "usage: "),
    ("tools/test-kernels --part 1/2", "tools/test-kernels: --part is a part of --all: add --all"),
])
def test_scripts_say_how_they_are_used(command, says):
    script, *arguments = command.split()
    result = subprocess.run([ROOT / script, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=60, check=False)
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.startswith(says) and result.stderr.count("\n") == 1


def pictures(document):
    """Files that a document shows, or links to."""
    text = document.read_text(encoding="utf-8")
    return {document.parent / path for path in re.findall(r"\(([\w./-]+\.(?:png|svg))\)", text)}


@pytest.mark.parametrize("document", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name)
def test_pictures_are_there(document):
    """tools/screenshots and tools/bench make them; they are small, and what their names say."""
    for picture in pictures(document):
        data = picture.read_bytes()
        begins = b"\x89PNG\r\n" if picture.suffix == ".png" else (b"<svg ", b"<?xml ")
        assert data.startswith(begins) and len(data) < 200000, picture


def test_readme_shows_the_terminal_view_and_the_dashboard():
    assert pictures(ROOT / "README.md") == {ROOT / "docs" / "top.svg", ROOT / "docs" / "dashboard.png"}
