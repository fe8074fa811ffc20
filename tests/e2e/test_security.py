# SPDX-License-Identifier: GPL-2.0-or-later
"""SECURITY.md: every line points at tests that are there; and those of its lines that no other test holds."""

import ast
import contextlib
import functools
import re
import socket

import pytest
from scapy.layers.inet import TCP

from frames import ethernet, ip, tcp, udp
from lab import EXOTEL_MUMBAI, FRESHCHAT_IN, HOST4, OFFICE4, ROOT, STRANGER4, STRANGER6, wait_for

POINTER = re.compile(r"(tests/\S+?)::(\w+)")
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


@functools.cache
def names(path):
    """Tests of a file: functions, also of classes, in Python; cmocka's functions in C."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".py"):
        return {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
    return set(re.findall(r"^static void (\w+)\(void \*\*state\)", text, re.M))


def test_every_line_points_at_tests_that_exist():
    rows = [line.strip("|").split("|") for line in TEXT.splitlines() if re.match(r"\| (can|cannot) \|", line)]
    assert len(rows) > 50
    for row in rows:
        assert len(row) == 3 and POINTER.findall(row[2]), row
        assert POINTER.sub("", row[2]).strip() == "", row
    for path, name in POINTER.findall(TEXT):
        assert (ROOT / path).is_file(), path
        assert name in names(path), f"{path} has no {name}"
    for link in re.findall(r"\]\(([^)#]+)", TEXT):
        assert (ROOT / link).is_file(), link
    for who in ("floods", "spoofer", "local user", "hostile feed", "hostile resolver"):
        assert re.search(rf"^### .*{who}", TEXT, re.M), who


def tcp_frame(lab, source, flags, seq, ack=0):
    return ethernet(lab) / ip(source) / TCP(sport=40000, dport=443, flags=flags, seq=seq, ack=ack)


def test_a_spoofer_reaches_udp_and_gets_no_connection(guarded):
    """The true address is somebody else's: here it is nobody's, so that nobody resets what it did not ask for."""
    lab = guarded
    lab.net.ip(f"addr del {FRESHCHAT_IN} dev lo")
    lab.net.run("ip", "route", "add", "blackhole", FRESHCHAT_IN)
    lab.axp.ok("add", "exotel-sip", FRESHCHAT_IN)
    with lab.host.udp(HOST4, 5060) as waiting:
        lab.send(udp(lab, FRESHCHAT_IN, 5060, b"spoofed"))
        assert waiting.recvfrom(100) == (b"spoofed", (FRESHCHAT_IN, 40000))
    with contextlib.closing(lab.net.tap()) as tap, lab.host.inside(), socket.socket() as listener:
        listener.bind((HOST4, 443))
        listener.listen()
        listener.settimeout(0.5)
        lab.send(tcp_frame(lab, FRESHCHAT_IN, "S", 1000))
        wait_for(lambda: any(f[47] == 0x12 for f in tap.read() if f[12:14] == b"\x08\x00" and f[23] == 6),
                 "the host answers, to another one")
        # What the spoofer does not see is the number that it has to acknowledge.
        lab.send(*(tcp_frame(lab, FRESHCHAT_IN, "A", 1001, guess * 0x00100001) for guess in range(1, 1000)))
        with pytest.raises(TimeoutError):
            listener.accept()
    assert lab.axp.count("https", "pass", "listed") == 1000


def test_metrics_tell_no_address(guarded):
    lab = guarded
    lab.send(udp(lab, STRANGER4, 5060), udp(lab, STRANGER6, 5060), udp(lab, EXOTEL_MUMBAI, 5060),
             tcp(lab, OFFICE4, 443), count=3)
    wait_for(lambda: lab.axp.count("sip", "drop", "unlisted") == 6, "all counted")
    text = lab.axp.ok("metrics")
    assert 'service="sip"' in text and 'list="office"' in text
    assert not re.search(r"\d+\.\d+\.\d+\.\d+|2001:|198\.51|182\.76", text), text


def test_a_feed_fills_no_hole(lab):
    """What the administrator carves out stays out, however long the feed's prefix is."""
    command = lab.directory / "addresses"
    command.write_text(f"#!/bin/sh\necho {FRESHCHAT_IN}\necho {EXOTEL_MUMBAI}\n", encoding="ascii")
    command.chmod(0o755)

    def write(*holes):
        lab.axp.write(f"""
mode: enforce
interfaces: [eth0]
services: [{{name: voice, ports: [udp/5060], allow: [fed]}}]
lists: [{{name: fed, command: [{command}], format: text, prefixes: [203.0.113.0/24, {", ".join(f'"!{h}"' for h in holes)}]}}]
""")
    write("13.232.0.0/16")
    lab.axp.ok("load", "eth0")
    lab.axp.ok("fetch")
    assert lab.reaches(EXOTEL_MUMBAI, 5060) and not lab.reaches(FRESHCHAT_IN, 5060, timeout=0.3)
    said = lab.axp.ok("add", "fed", "!182.76.0.0/16")
    assert said == "fed: added !182.76.0.0/16; 1 of names and feeds within it: `allowxdp reload` takes them out\n"
    lab.axp.ok("reload")
    assert not lab.reaches(EXOTEL_MUMBAI, 5060, timeout=0.3) and lab.reaches(OFFICE4, 5060)
    assert lab.axp("check", EXOTEL_MUMBAI, "udp/5060").returncode == 3
    lab.axp.ok("fetch")
    assert not lab.reaches(EXOTEL_MUMBAI, 5060, timeout=0.3)
    # The very prefix that the feed brought is an entry already.
    lab.axp.ok("remove", "fed", "!182.76.0.0/16")
    lab.axp.ok("fetch")
    assert lab.reaches(EXOTEL_MUMBAI, 5060)
    assert lab.axp.fails("add", "fed", f"!{EXOTEL_MUMBAI}").endswith(
        ": add the hole to the list's file or prefixes, and `allowxdp reload`")
    write("13.232.0.0/16", EXOTEL_MUMBAI)
    lab.axp.ok("reload")
    assert not lab.reaches(EXOTEL_MUMBAI, 5060, timeout=0.3) and lab.reaches(OFFICE4, 5060)
