# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad configs and list files: refused with file and line, and the running policy stays as it was."""

import pytest

from frames import udp
from lab import EXOTEL_MUMBAI, STRANGER4, wait_for

GOOD = """\
mode: enforce
interfaces: [eth0]
services:
  - name: sip
    ports: [udp/5060, tcp/5060-5061]
    allow: [trunk]
  - name: rtp
    ports: [udp/10000-60000]
    allow: [trunk]
lists:
  - name: trunk
    prefixes: ["182.76.143.61 # Mumbai"]
  - name: other
    file: other.list
"""

# name: (what to replace in GOOD, by what, line of the error in the config, words of the message)
BAD_CONFIGS = {
    "host bits": ('"182.76.143.61 # Mumbai"', '"10.0.0.1/8"', 12, ["10.0.0.1/8", "10.0.0.0/8"]),
    "IPv6 host bits": ('"182.76.143.61 # Mumbai"', '"2001:db8::1/32"', 12, ["2001:db8::/32"]),
    "/33": ('"182.76.143.61 # Mumbai"', '"192.0.2.0/33"', 12, ["/33"]),
    "/129": ('"182.76.143.61 # Mumbai"', '"2001:db8::/129"', 12, ["/129"]),
    "negative length": ('"182.76.143.61 # Mumbai"', '"192.0.2.0/-1"', 12, ["/-1"]),
    "no address": ('"182.76.143.61 # Mumbai"', '"voice.example.test"', 12, ["voice.example.test"]),
    "octet with leading zero": ('"182.76.143.61 # Mumbai"', '"192.0.2.010"', 12, ["192.0.2.010"]),
    "mapped host bits": ('"182.76.143.61 # Mumbai"', '"::ffff:10.0.0.1/104"', 12, ["10.0.0."]),
    "port 0": ("udp/5060", "udp/0", 5, ["udp/0"]),
    "port 70000": ("udp/5060", "udp/70000", 5, ["70000"]),
    "range upside down": ("udp/10000-60000", "udp/60000-10000", 8, ["60000-10000", "upside down"]),
    "range from 0": ("udp/10000-60000", "udp/0-60000", 8, ["udp/0-60000"]),
    "protocol": ("udp/5060", "sctp/5060", 5, ["sctp"]),
    "port without protocol": ("udp/5060", "5060", 5, ["5060"]),
    "unknown list": ("allow: [trunk]\n  - name: rtp", "allow: [tronk]\n  - name: rtp", 6, ["tronk"]),
    "unknown key": ("    prefixes: [", "    prefixs: [", 12, ["prefixs"]),
    "unknown key at the top": ("mode: enforce", "moode: enforce", 1, ["moode"]),
    "unknown mode": ("mode: enforce", "mode: on", 1, ["mode"]),
    "duplicate service": ("name: rtp", "name: sip", 7, ["sip", "twice"]),
    "duplicate list": ("name: other", "name: trunk", 13, ["trunk", "twice"]),
    "duplicate key": ("mode: enforce", "mode: enforce\nmode: monitor", 2, ["mode", "twice"]),
    "missing list file": ("other.list", "missing.list", 14, ["missing.list"]),
    "list file that is a directory": ("other.list", "directory.list", 14, ["directory.list", "directory"]),
    "over-long service name": ("name: rtp", f"name: {'r' * 64}", 7, ["64", "63"]),
    "over-long list name": ("name: other", f"name: {'o' * 300}", 13, ["300", "63"]),
    "name with a slash": ("name: rtp", 'name: "../rtp"', 7, ["../rtp"]),
    "empty name": ("name: rtp", 'name: ""', 7, ["name"]),
    "over-long interface": ("[eth0]", "[interface-too-long]", 2, ["interface-too-long"]),
    "service without name": ("  - name: rtp\n    ports", "  - ports", 7, ["name"]),
    "service without ports": ("    ports: [udp/10000-60000]\n", "", None, ["ports"]),
    "ports of the wrong type": ("[udp/10000-60000]", "{udp: 10000}", 8, ["ports"]),
    "services of the wrong type": ("services:\n", "services: 7\nextra:\n", 3, ["services"]),
    "lists of the wrong type": ("lists:\n", "lists: trunk\nextra:\n", 10, ["lists"]),
    "prefixes of the wrong type": ('["182.76.143.61 # Mumbai"]', "182.76.143.61", 12, ["prefixes"]),
    "mode of the wrong type": ("mode: enforce", "mode: [enforce]", 1, ["mode"]),
    "broken YAML": ("[udp/5060,", "[udp/5060,,", None, ["YAML"]),
    "tab as indent": ("    ports: [udp/10000", "\tports: [udp/10000", 8, ["YAML"]),
    "label over its limit": ("# Mumbai", "# " + "m" * 256, 12, ["256", "255"]),
    "control character in a label": ("# Mumbai", "# Mum\\x07bai", 12, ["0x07"]),
    "carve-out and entry of the same prefix": (
        '"182.76.143.61 # Mumbai"', '"182.76.143.61", "!182.76.143.61"', 12, ["182.76.143.61"]),
}

# name: (content of the list file, line of the error, words)
BAD_LISTS = {
    "host bits": ("# ours\n\n10.0.0.1/8\n", 3, ["10.0.0.1/8", "10.0.0.0/8"]),
    "/33": ("192.0.2.0/33 # too long\n", 1, ["/33"]),
    "4 KB line": ("192.0.2.1\n192.0.2.2 # " + "x" * 4096 + "\n", 2, ["line"]),
    "label over its limit": ("192.0.2.1 # " + "x" * 256 + "\n", 1, ["label"]),
    "two entries in a line": ("192.0.2.1 192.0.2.2\n", 1, ["192.0.2.2"]),
    "carve-out of nothing": ("!\n", 1, ["!"]),
    "not UTF-8": (b"192.0.2.1 # caf\xe9\n", 1, ["UTF-8"]),
    "NUL": (b"192.0.2.1\n192.0.2.2 # \0\n", 2, ["0x00"]),
    "UTF-16": ("192.0.2.1\n".encode("utf-16"), 1, []),
    "error in the last line without its end": ("192.0.2.1\n192.0.2.300", 2, ["192.0.2.300"]),
}


@pytest.fixture(scope="module")
def running(shared):
    (shared.axp.etc / "other.list").write_text("192.0.2.99 # other\n", encoding="ascii")
    (shared.axp.etc / "directory.list").mkdir()
    shared.axp.write(GOOD)
    shared.axp.ok("reload")
    return shared


def refused(lab, place, words):
    """All that would apply the config refuse it in the same words; what runs goes on running."""
    axp = lab.axp
    before = axp.status()
    lines = {axp.fails(*command) for command in (["validate"], ["reload"], ["load", "eth0"])}
    assert len(lines) == 1, lines
    line = lines.pop()
    assert line.startswith(f"allowxdp: {place}"), line
    assert len(line.removeprefix(f"allowxdp: {place}").split(": ")) >= 2, f"how to mend it? {line}"
    for word in words:
        assert word in line, line
    assert axp.status() == before
    dropped = axp.count("sip", "drop", "unlisted")
    lab.send(udp(lab, STRANGER4, 5060))
    wait_for(lambda: axp.count("sip", "drop", "unlisted") == dropped + 1, "the filter still drops")
    assert lab.reaches(EXOTEL_MUMBAI, 5060)


@pytest.mark.parametrize("name", BAD_CONFIGS)
def test_config(running, name):
    old, new, line, words = BAD_CONFIGS[name]
    assert GOOD.count(old) == 1, "the case itself is wrong"
    running.axp.write(GOOD.replace(old, new))
    refused(running, f"{running.axp.config}:" + (f"{line}: " if line else ""), words)


@pytest.mark.parametrize("name", BAD_LISTS)
def test_list_file(running, name):
    content, line, words = BAD_LISTS[name]
    path = running.axp.etc / "bad.list"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    running.axp.write(GOOD.replace("other.list", "bad.list"))
    refused(running, f"{path}:{line}: ", words)


NO_CONFIGS = {
    "empty": "", "comment": "# only a comment\n", "marker": "---\n", "text": "just text\n",
    "sequence": "[]\n", "no services": "services: []\n", "NULs": "\0\0\0", "mode only": "mode: monitor\n",
}


@pytest.mark.parametrize("name", NO_CONFIGS)
def test_config_that_is_none(running, name):
    running.axp.write(NO_CONFIGS[name])
    refused(running, str(running.axp.config), [])


def test_config_that_is_a_directory(running):
    running.axp.config.unlink()
    running.axp.config.mkdir()
    try:
        refused(running, str(running.axp.config), ["directory"])
    finally:
        running.axp.config.rmdir()


@pytest.mark.parametrize("n, kind", [(65, "services"), (257, "lists")])
def test_more_than_the_limit(running, n, kind):
    services, lists = GOOD.split("lists:\n")
    for i in range(n):
        if kind == "services":
            services += f"  - name: s{i}\n    ports: [tcp/{1000 + i}]\n    allow: [trunk]\n"
        else:
            lists += f"  - name: l{i}\n    prefixes: []\n"
    running.axp.write(f"{services}lists:\n{lists}")
    refused(running, f"{running.axp.config}:", [str(n + 2), kind])


BAD_COMMANDS = [
    # list, prefix, words
    ("trunk", "10.0.0.1/8", ["10.0.0.0/8"]),
    ("trunk", "192.0.2.0/33", ["/33"]),
    ("trunk", "voice.example.test", ["voice.example.test"]),
    ("trunk", "", ["prefix"]),
    ("trunk", "192.0.2.1 # label", []),
    ("tronk", "192.0.2.1", ["tronk"]),
    ("../trunk", "192.0.2.1", ["../trunk"]),
]


@pytest.mark.parametrize("list_, prefix, words", BAD_COMMANDS)
@pytest.mark.parametrize("command", ["add", "remove"])
def test_add_and_remove(running, command, list_, prefix, words):
    running.axp.write(GOOD)
    before = running.axp.status()
    line = running.axp.fails(command, list_, prefix)
    assert all(word in line for word in words), line
    assert running.axp.status() == before
    assert not list(running.axp.state.rglob("*.list"))


@pytest.mark.parametrize("label", ["x" * 256, "bell\a", "line\nline", "ÿ" * 128, "\udcff"],
                         ids=["long", "control", "newline", "long in bytes", "not UTF-8"])
def test_add_with_a_bad_label(running, label):
    running.axp.write(GOOD)
    line = running.axp.fails("add", "trunk", "192.0.2.1", "--label", label)
    assert "label" in line
    assert not list(running.axp.state.rglob("*.list"))


# -- accepted -------------------------------------------------------------------------------------

def accepts(lab, config, status=0):
    lab.axp.write(config)
    result = lab.axp("validate")
    assert result.returncode == status, result.stderr
    lab.axp.ok("reload")


def test_crlf_trailing_blanks_and_a_missing_last_line_end(running):
    path = running.axp.etc / "windows.list"
    path.write_bytes(b"\xef\xbb\xbf# from Windows\r\n\r\n 198.51.100.66/32 \t# the stranger \r\n"
                     b"192.0.2.77\t\r\n192.0.2.78")
    accepts(running, GOOD.replace("other.list", "windows.list").replace("[trunk]", "[trunk, other]")
            .replace("\n", "\r\n"))
    listed = running.axp.ok("list", "other")
    assert "198.51.100.66/32" in listed and "the stranger" in listed and "192.0.2.78/32" in listed
    assert "\r" not in listed
    assert running.reaches(STRANGER4, 5060)


def test_utf8_labels(running):
    path = running.axp.etc / "utf8.list"
    path.write_text("192.0.2.1 # Büro Zürich, 東京 #2\n", encoding="utf-8")
    accepts(running, GOOD.replace("other.list", "utf8.list").replace("# Mumbai", "# मुंबई"))
    assert "Büro Zürich, 東京 #2" in running.axp.ok("list", "other")
    assert "मुंबई" in running.axp.ok("list", "trunk")
    assert running.axp.json("check", EXOTEL_MUMBAI, "udp/5060")["label"] == "मुंबई"


def test_empty_list_file(running):
    (running.axp.etc / "empty.list").write_text("", encoding="ascii")
    accepts(running, GOOD.replace("other.list", "empty.list"))


def test_mapped_ipv6_is_ipv4(running):
    accepts(running, GOOD.replace('"182.76.143.61 # Mumbai"', '"::ffff:198.51.100.64/124", "182.76.143.61"'))
    assert running.reaches(STRANGER4, 5060)
    assert running.axp.json("check", STRANGER4, "udp/5060")["prefix"] == "198.51.100.64/28"


def test_everybody(running):
    accepts(running, GOOD.replace('"182.76.143.61 # Mumbai"', '"0.0.0.0/0", "::/0"'))
    assert running.reaches(STRANGER4, 5060)


def test_relative_list_path_is_relative_to_the_config(running):
    (running.axp.etc / "lists").mkdir(exist_ok=True)
    (running.axp.etc / "lists" / "x.list").write_text("198.51.100.66\n", encoding="ascii")
    accepts(running, GOOD.replace("other.list", "lists/x.list").replace("[trunk]", "[other, trunk]"))
    assert running.reaches(STRANGER4, 5060)


def test_same_entry_twice_is_one(running):
    accepts(running, GOOD.replace('"182.76.143.61 # Mumbai"', '"182.76.143.61", "182.76.143.61/32 # again"'))
    assert {l["name"]: l["entries"] for l in running.axp.status()["lists"]}["trunk"] == 1


def test_at_the_limits(running):
    """64 services on 64 lists, a list name and label as long as they may be."""
    services = "".join(f"  - name: s{i}\n    ports: [tcp/{1000 + i}]\n    allow: [l{i}]\n" for i in range(63))
    lists = "".join(f"  - name: l{i}\n    prefixes: [\"198.51.100.{i}\"]\n" for i in range(255))
    accepts(running, f"mode: enforce\nservices:\n  - name: {'s' * 63}\n    ports: [udp/5060]\n"
            f"    allow: [{'l' * 63}]\n{services}lists:\n  - name: {'l' * 63}\n"
            f"    prefixes: [\"182.76.143.61 # {'m' * 255}\"]\n{lists}")
    assert running.reaches(EXOTEL_MUMBAI, 5060)
    assert running.axp("check", "198.51.100.62", "tcp/1062").returncode == 0
    assert running.axp("check", "198.51.100.61", "tcp/1062").returncode == 3
