# SPDX-License-Identifier: GPL-2.0-or-later
"""`check` asks the loaded program too: the two must agree, no counter may move, and a disagreement is loud."""

import ctypes
import errno
import json
import os
import re
import struct

import pytest

import lab3
from frames import ethernet, ip, tcp, udp, UDP
from lab import OFFICE4, OFFICE6, ROOT, STRANGER4, STRANGER6, Lab, run, wait_for
from lab3 import config, service

SERVICES = [service("sip", ["udp/5060", "tcp/5060"], ["trunk", "office"]),
            service("web", ["tcp/443", "tcp/5060"], ["office"]),
            service("boot", ["udp/67-68", "udp/546-547"], ["trunk"]),
            service("mail-out", ["tcp/8000", "udp/5000"], ["partners"], direction="out")]
LISTS = {"trunk": ["198.51.100.0/24 # trunk", "!198.51.100.64/28", "2001:db8:666::/48", "!2001:db8:666::6",
                   "203.0.113.200 until=2020-01-01T00:00:00Z # gone", OFFICE4],
         "office": ["203.0.113.0/28 # head office", "2001:db8:7::/48"],
         "partners": ["203.0.113.0/24", "2001:db8:7::/48", "!203.0.113.99"]}

# arguments of check: verdict, reason, service
CASES = {
    ("198.51.100.7", "udp/5060"): ("pass", "listed", "sip"),
    ("198.51.100.7", "tcp/5060"): ("pass", "listed", "sip"),
    ("203.0.113.5", "tcp/5060"): ("pass", "listed", "sip"),
    ("203.0.113.5", "tcp/443"): ("pass", "listed", "web"),
    ("198.51.100.7", "tcp/443"): ("drop", "unlisted", "web"),
    (STRANGER4, "udp/5060"): ("drop", "unlisted", "sip"),  # carved out
    ("192.0.2.77", "udp/5060"): ("drop", "unlisted", "sip"),
    ("203.0.113.200", "udp/5060"): ("drop", "unlisted", "sip"),  # expired
    ("2001:db8:666::7", "udp/5060"): ("pass", "listed", "sip"),
    (STRANGER6, "udp/5060"): ("drop", "unlisted", "sip"),  # carved out
    (OFFICE6, "tcp/443"): ("pass", "listed", "web"),
    ("2001:db8:9::1", "tcp/5060"): ("drop", "unlisted", "sip"),
    (STRANGER4, "udp/5061"): ("pass", "not-guarded", None),
    (STRANGER6, "tcp/22"): ("pass", "not-guarded", None),
    (STRANGER4, "udp/68"): ("drop", "unlisted", "boot"),
    ("198.51.100.7", "udp/67"): ("pass", "listed", "boot"),
    (STRANGER6, "udp/546"): ("drop", "unlisted", "boot"),
    (OFFICE4, "tcp/8000", "--out"): ("pass", "listed", "mail-out"),
    (STRANGER4, "tcp/8000", "--out"): ("drop", "unlisted", "mail-out"),
    ("203.0.113.99", "udp/5000", "--out"): ("drop", "unlisted", "mail-out"),
    (OFFICE6, "udp/5000", "--out"): ("pass", "listed", "mail-out"),
    (STRANGER6, "udp/5000", "--out"): ("drop", "unlisted", "mail-out"),
    (STRANGER4, "tcp/443", "--out"): ("pass", "not-guarded", None),
    (STRANGER4, "udp/67", "--out"): ("pass", "not-guarded", None),
}
INTERFACES = ("eth0", "eth1.5")


@pytest.fixture(scope="module")
def two():
    """A lab with two interfaces that all tests leave as they were."""
    made = Lab(links=INTERFACES)
    try:
        made.axp.write(config(SERVICES, LISTS, interfaces=list(INTERFACES)))
        made.axp.ok("load")
        made.send(udp(made, "198.51.100.7", 5060), udp(made, STRANGER4, 5060), count=3)
        wait_for(lambda: made.axp.count("sip", "drop") == 3, "all counted")
        yield made
    finally:
        made.close()


@pytest.fixture
def loaded(lab):
    lab.axp.write(config(SERVICES, LISTS))
    lab.axp.ok("load", "eth0")
    return lab


NEIGHBOURS = ("not-ip", "other-protocol")  # ARP and ND come when they like


def traces(lab):
    """All that packets leave behind in the kernel."""
    pins = lab.axp.bpffs / "default"
    names = [p.name for p in pins.iterdir()
             if not p.name.startswith(("link_", "egress_", "lpm", "tries", "dir", "policies", "counters_"))]
    dumps = {n: json.loads(run("bpftool", "-j", "map", "dump", "pinned", pins / n).stdout) for n in names}
    for counter in dumps:  # noise of the kernel that no packet makes
        if counter == "hit_cpus":
            dumps[counter] = None
    dumps["counters"] = [c for c in lab.axp.counters() if c["reason"] not in NEIGHBOURS]
    return dumps


def asked(lab, *case):
    result = lab.axp("check", *case, "--json")
    assert result.stderr == "", result.stderr
    return result.returncode, json.loads(result.stdout)


def in_mode(mode, verdict, reason, service_, outbound):
    """What the program says in a mode."""
    if outbound and not service_:
        return "pass", None, None
    if mode == "off":
        return "pass", None if outbound else "off", None
    return "pass" if mode == "monitor" else verdict, reason, service_


# In the other modes some of the cases: each check has the kernel verify a program.
@pytest.mark.parametrize("mode, step", [("enforce", 1), ("monitor", 5), ("off", 5)])
def test_policy_and_program_agree(two, mode, step):
    two.axp.ok("mode", mode)
    before = traces(two)
    for case, (verdict, reason, service_) in list(CASES.items())[::step]:
        status, said = asked(two, *case)
        assert (said["verdict"], said["reason"], said["service"]) == (verdict, reason, service_), case
        assert (status, said["agrees"], said["unproven"]) == (0 if verdict == "pass" else 3, True, None), case
        assert [p["interface"] for p in said["programs"]] == list(INTERFACES)
        for program in said["programs"]:
            enforcing = program["enforcing"]
            outbound = "--out" in case
            assert program["agrees"]
            assert (program["verdict"], program["reason"], program["service"]) == \
                in_mode(mode, verdict, reason, service_, outbound), case
            assert (enforcing["verdict"], enforcing["reason"], enforcing["service"]) == \
                in_mode("enforce", verdict, reason, service_, outbound), case
    assert traces(two) == before
    two.axp.ok("mode", "enforce")


def test_the_same_becomes_of_a_packet_that_comes(two):
    """What check says of the cases from outside is what frames are counted as, one by one."""
    for (address, port, *out), (verdict, reason, service_) in CASES.items():
        if out:
            continue
        protocol, number = port.split("/")
        view = lab3.View(two)
        two.send((udp if protocol == "udp" else tcp)(two, address, int(number)))
        wait_for(lambda: view.count(service_ or "-", verdict, reason) == 1, f"it is counted: {address} {port}")
        counted = [c for c in view.counters() if c["direction"] == "in" and c["reason"] not in NEIGHBOURS]
        assert [c["packets"] for c in counted] == [1], (address, port, counted)


def test_dhcp_passes_by_both_of_its_ports(two):
    text = two.axp("check", STRANGER4, "udp/68").stdout
    assert "DHCP" in text and "proven" in text and "DISAGREES" not in text
    assert "DHCP" not in two.axp("check", STRANGER4, "udp/5060").stdout
    view = lab3.View(two)
    two.send(ethernet(two) / ip(STRANGER4) / UDP(sport=67, dport=68))
    wait_for(lambda: view.count("-", "pass", "dhcp") == 1, "it is counted")


def test_the_text_names_the_interfaces(two):
    result = two.axp("check", STRANGER4, "udp/5060")
    assert (result.returncode, result.stderr) == (3, "")
    assert "  proven:  by a test run of the program on eth0, eth1.5\n" in result.stdout


def test_what_is_not_loaded_is_not_proven(lab):
    lab.axp.write(config(SERVICES, LISTS))
    status, said = asked(lab, STRANGER4, "udp/5060")
    assert (status, said["agrees"], said["programs"]) == (3, None, [])
    assert said["unproven"] == "no program was asked"


# -- disagreement: what lies in the kernel is altered behind the command's back -------------------------

BPF_MAP_LOOKUP, BPF_MAP_UPDATE, BPF_OBJ_GET, BPF_LINK_UPDATE = 1, 2, 7, 29


def open_pin(path):
    name = ctypes.create_string_buffer(os.fsencode(path))
    fd = lab3.bpf(BPF_OBJ_GET, ctypes.create_string_buffer(struct.pack("=QII", ctypes.addressof(name), 0, 0), 16))
    assert fd >= 0, os.strerror(-fd)
    return fd


def element(command, fd, key, value):
    number = ctypes.c_uint32(key)
    error = lab3.bpf(command, ctypes.create_string_buffer(struct.pack(
        "=I4xQQQ", fd, ctypes.addressof(number), ctypes.addressof(value), 0), 32))
    assert error == 0, os.strerror(-error)


POLICY_PAD = int(re.search(r"AXP_POLICY_PAD = (\d+)", (ROOT / "include/abi.h").read_text(encoding="utf-8"))[1])

FRONT = 5 << 18


def alter_port_class(axp, direction, protocol, port, class_):
    """In the port tables of every slot (struct axp_policy: behind them come padding and the directory's front)."""
    fd = open_pin(axp.bpffs / "default" / "policies")
    shown = json.loads(run("bpftool", "-j", "map", "show", "pinned", axp.bpffs / "default" / "policies").stdout)
    table = ctypes.create_string_buffer(shown["bytes_value"])
    ports = shown["bytes_value"] - FRONT - POLICY_PAD - 4 * 65536
    for slot in range(shown["max_entries"]):
        element(BPF_MAP_LOOKUP, fd, slot, table)
        table[ports + (direction * 2 + protocol) * 65536 + port] = bytes([class_])
        element(BPF_MAP_UPDATE, fd, slot, table)
    os.close(fd)


def disagrees(lab, *case):
    """Exit status 1, one line on stderr, and the same in text and JSON; returns the programs' words."""
    text = lab.axp("check", *case)
    result = lab.axp("check", *case, "--json")
    said = json.loads(result.stdout)
    assert (text.returncode, result.returncode, said["agrees"]) == (1, 1, False)
    assert "DISAGREES" in text.stdout and "proven:" not in text.stdout
    assert text.stderr == result.stderr and text.stderr.count("\n") == 1
    assert text.stderr.startswith("allowxdp: the program on eth0 does not do what the policy says of ")
    assert "allowxdp reload" in text.stderr
    assert [p["agrees"] for p in said["programs"]] == [False]
    return said


def agrees(lab, *case):
    status, said = asked(lab, *case)
    return status in (0, 3) and said["agrees"]


@pytest.mark.parametrize("mode", ["enforce", "monitor", "off"])
@pytest.mark.parametrize("case, direction, protocol, port", [
    ((STRANGER6, "udp/5060"), 0, 1, 5060), ((STRANGER4, "tcp/8000", "--out"), 1, 0, 8000)])
def test_a_port_that_the_kernel_does_not_guard(loaded, mode, case, direction, protocol, port):
    loaded.axp.ok("mode", mode)
    alter_port_class(loaded.axp, direction, protocol, port, 0)
    said = disagrees(loaded, *case)
    assert (said["verdict"], said["reason"]) == ("drop", "unlisted")  # of the policy
    assert said["programs"][0]["enforcing"]["verdict"] == "pass"
    assert loaded.axp.count(verdict="drop") == 0
    loaded.axp.ok("reload")
    assert agrees(loaded, *case)


def test_an_entry_that_the_kernel_does_not_have(loaded):
    """Written into the state file by hand: the policy has it, the kernel has not."""
    loaded.axp.ok("add", "trunk", "192.0.2.200")
    path = loaded.axp.state / "default" / "lists" / "trunk.list"
    path.write_text(path.read_text(encoding="utf-8").replace("192.0.2.200", "192.0.2.77"), encoding="utf-8")
    for address, policy, program in (("192.0.2.77", "pass", "drop"), ("192.0.2.200", "drop", "pass")):
        said = disagrees(loaded, address, "udp/5060")
        assert (said["verdict"], said["programs"][0]["verdict"]) == (policy, program)
    loaded.axp.ok("reload")
    assert agrees(loaded, "192.0.2.77", "udp/5060") and agrees(loaded, "192.0.2.200", "udp/5060")


@pytest.mark.parametrize("address, family", [("198.51.100.7", "4"), ("2001:db8:666::7", "6")])
def test_tables_of_addresses_without_their_entries(loaded, address, family):
    """Directories are arrays; IPv4's begin at the end of a policy."""
    names = (f"lpm{family}", f"dir{family}", "policies" if family == "4" else "dir6")
    pins = [p for p in (loaded.axp.bpffs / "default").iterdir() if p.name.startswith(names)]
    assert pins
    for pin in pins:
        shown = json.loads(run("bpftool", "-j", "map", "show", "pinned", pin).stdout)
        if shown["type"] == "array":
            fd = open_pin(pin)
            table = ctypes.create_string_buffer(shown["bytes_value"])
            for key in range(shown["max_entries"]):
                element(BPF_MAP_LOOKUP, fd, key, table)
                n = min(FRONT, len(table))
                table[-n:] = bytes(n)
                element(BPF_MAP_UPDATE, fd, key, table)
            os.close(fd)
            continue
        for node in json.loads(run("bpftool", "-j", "map", "dump", "pinned", pin).stdout):
            run("bpftool", "map", "delete", "pinned", pin, "key", "hex", *(b[2:] for b in node["key"]))
    said = disagrees(loaded, address, "udp/5060")
    assert (said["verdict"], said["reason"], said["programs"][0]["reason"]) == ("pass", "listed", "unlisted")
    assert loaded.axp.json("check", address, "udp/5060", "--no-proof")["agrees"] is None
    loaded.axp.ok("reload")
    assert agrees(loaded, address, "udp/5060")


# -- what cannot be proven -------------------------------------------------------------------------------

def unproven(lab, *case):
    text = lab.axp("check", *case)
    status, said = asked(lab, *case)
    assert (status, text.returncode, text.stderr) == (3, 3, "")
    assert (said["agrees"], said["programs"]) == (None, [])
    assert f"  not proven: {said['unproven']}\n" in text.stdout
    return said["unproven"]


def test_a_program_that_was_detached(loaded):
    pin = loaded.axp.bpffs / "default" / "link_eth0"
    loaded.host.run("bpftool", "link", "detach", "pinned", pin)
    assert unproven(loaded, STRANGER4, "udp/5060") == "eth0: no program of this instance is on its ingress here"


def test_a_program_of_another_build(loaded, tmp_path):
    """Put behind our link by somebody who may."""
    source = os.path.join(os.path.dirname(__file__), "foreign.bpf.c")
    run("clang", "-target", "bpf", "-O2", "-g", "-I/usr/include/" + run("gcc", "-print-multiarch").stdout.strip(),
        "-c", source, "-o", tmp_path / "foreign.o")
    run("bpftool", "prog", "load", tmp_path / "foreign.o", loaded.axp.bpffs / "foreign")
    program, link = open_pin(loaded.axp.bpffs / "foreign"), open_pin(loaded.axp.bpffs / "default" / "link_eth0")
    error = lab3.bpf(BPF_LINK_UPDATE, ctypes.create_string_buffer(struct.pack("=IIII", link, program, 0, 0), 16))
    os.close(program)
    os.close(link)
    if error == -errno.EINVAL:
        pytest.skip("this kernel takes no program without frags in place of one with")
    assert error == 0, os.strerror(-error)
    assert unproven(loaded, STRANGER4, "udp/5060") == \
        "eth0: the program is not of this build, which cannot speak for it"
