# SPDX-License-Identifier: GPL-2.0-or-later
"""The longest match hides shorter ones: each entry must carry what its ancestors open, or not."""

import ipaddress
import random

import pytest

from frames import udp
from lab import wait_for

PORTS = {"a": 1001, "b": 1002, "c": 1003}
SERVICES = [(name, [f"udp/{port}"], [f"list-{name}"]) for name, port in PORTS.items()]
# Keeps a list from being empty; no packet ever comes from there.
ANCHOR = "192.0.2.200"


def policy(a=(), b=(), c=()):
    return {"services": SERVICES, "lists": {"list-a": [ANCHOR, *a], "list-b": [ANCHOR, *b],
                                            "list-c": [ANCHOR, *c]}}


def opened(lab, source):
    """The services that let a packet from that source through, by sending one to each."""
    tap = lab.host.tap()
    try:
        lab.send(*(udp(lab, source, port, f"<{name}>".encode()) for name, port in PORTS.items()),
                 udp(lab, source, 1, b"<end>"))
        wait_for(lambda: tap.count(b"<end>"), "the last packet")
        return "".join(name for name in PORTS if tap.count(f"<{name}>".encode()))
    finally:
        tap.close()


def checked(lab, source):
    """The same, as `check` says; what the program does is seen from the packets."""
    return "".join(n for n, port in PORTS.items()
                   if lab.axp("check", source, f"udp/{port}", "--no-proof").returncode == 0)


def expect(lab, **wanted):
    for source, services in wanted.items():
        source = source.replace("_", ".").removeprefix("ip")
        assert opened(lab, source) == services, source
        assert checked(lab, source) == services, source


def test_a_nested_prefix_carries_its_ancestors_services(lab):
    lab.load(**policy(a=["10.0.0.0/8"], b=["10.1.0.0/16"], c=["10.1.2.0/24", "10.1.2.3"]))
    expect(lab, ip10_9_9_9="a", ip10_1_9_9="ab", ip10_1_2_9="abc", ip10_1_2_3="abc", ip11_0_0_1="")


def test_adding_and_removing_a_parent_changes_its_children(lab):
    lab.load(**policy(b=["10.1.0.0/16"], c=["10.1.2.0/24"]))
    axp = lab.axp
    expect(lab, ip10_1_2_9="bc", ip10_1_9_9="b")
    axp.ok("add", "list-a", "10.0.0.0/8")
    expect(lab, ip10_1_2_9="abc", ip10_1_9_9="ab", ip10_9_9_9="a")
    axp.ok("add", "list-a", "10.1.2.0/24")
    axp.ok("remove", "list-a", "10.0.0.0/8")
    expect(lab, ip10_1_2_9="abc", ip10_1_9_9="b", ip10_9_9_9="")
    axp.ok("remove", "list-a", "10.1.2.0/24")
    expect(lab, ip10_1_2_9="bc")


def test_adding_and_removing_a_child_leaves_its_parent(lab):
    lab.load(**policy(a=["10.0.0.0/8"]))
    axp = lab.axp
    axp.ok("add", "list-a", "10.1.2.3")
    axp.ok("add", "list-b", "10.1.0.0/16")
    expect(lab, ip10_1_2_3="ab", ip10_1_2_4="ab", ip10_2_0_1="a")
    axp.ok("remove", "list-a", "10.1.2.3")
    expect(lab, ip10_1_2_3="ab")
    axp.ok("remove", "list-b", "10.1.0.0/16")
    expect(lab, ip10_1_2_3="a", ip10_1_2_4="a")


def test_carve_outs_of_a_list_file(lab):
    path = lab.axp.etc / "holes.list"
    path.write_text("10.0.0.0/8 # all\n!10.1.0.0/16 # but these\n10.1.2.0/24 # and yet these\n!10.1.2.3\n",
                    encoding="ascii")
    lab.load(services=SERVICES, lists={"list-a": {"file": path}, "list-b": ["10.1.0.0/16"],
                                       "list-c": [ANCHOR]})
    expect(lab, ip10_9_9_9="a", ip10_1_9_9="b", ip10_1_2_9="ab", ip10_1_2_3="b")
    said = lab.axp.json("list", "list-a")
    assert "!10.1.0.0/16" in lab.axp.ok("list", "list-a"), said


def test_carve_outs_by_command(lab):
    lab.load(**policy(a=["10.0.0.0/8"], b=["10.0.0.0/8"]))
    axp = lab.axp
    axp.ok("add", "list-a", "!10.1.0.0/16", "--label", "not them")
    expect(lab, ip10_1_2_3="b", ip10_2_0_1="ab")
    axp.ok("add", "list-a", "10.1.2.0/24")
    expect(lab, ip10_1_2_3="ab", ip10_1_9_9="b")
    axp.ok("reload")
    expect(lab, ip10_1_2_3="ab", ip10_1_9_9="b")
    axp.ok("remove", "list-a", "!10.1.0.0/16")
    expect(lab, ip10_1_2_3="ab", ip10_1_9_9="ab")


def test_a_hole_and_an_entry_of_the_same_prefix_exclude_each_other(lab):
    lab.load(**policy(a=["10.0.0.0/8"]))
    lab.axp.ok("add", "list-a", "10.1.0.0/16")
    line = lab.axp.fails("add", "list-a", "!10.1.0.0/16")
    assert "10.1.0.0/16" in line
    expect(lab, ip10_1_2_3="a")


def test_a_hole_in_one_list_is_none_in_another_of_the_same_service(lab):
    lab.load(services=[("a", ["udp/1001"], ["one", "two"])],
             lists={"one": ["10.0.0.0/8", "!10.1.0.0/16"], "two": ["10.1.2.0/24"]})
    for source, status in (("10.1.2.3", 0), ("10.1.9.9", 3), ("10.2.0.1", 0)):
        assert lab.axp("check", source, "udp/1001").returncode == status
    # b and c are not guarded here.
    assert opened(lab, "10.1.2.3") == "abc" and opened(lab, "10.1.9.9") == "bc"


def test_everything_but_a_hole(lab):
    lab.load(**policy(a=["0.0.0.0/0", "!198.51.100.0/24"], b=["::/0"]))
    expect(lab, ip8_8_8_8="a", ip198_51_100_66="")
    assert opened(lab, "2001:db8:666::6") == checked(lab, "2001:db8:666::6") == "b"


def test_one_port_in_several_services(lab):
    """A source on any of their lists passes; it is counted under a service that lists it."""
    lab.load(services=[("first", ["udp/1000-2000"], ["one"]), ("second", ["udp/1500"], ["two"])],
             lists={"one": ["10.1.0.0/16"], "two": ["10.2.0.0/16"]})
    for source in ("10.1.0.1", "10.2.0.1", "10.3.0.1"):
        lab.send(udp(lab, source, 1500))
    count = lab.axp.count
    wait_for(lambda: count(verdict="drop", reason="unlisted") == 1, "the third is dropped")
    assert count("first", "pass", "listed") == 1 and count("second", "pass", "listed") == 1
    assert count("first", "drop", "unlisted") == 1
    assert lab.axp.json("check", "10.2.0.1", "udp/1500")["service"] == "second"


@pytest.mark.parametrize("family", [4, 6])
def test_random_changes_against_the_rules(lab, family):
    """Adds and removes of nested prefixes and holes in random order; the kernel's verdict is the rules'."""
    dice = random.Random(family)
    base = ipaddress.ip_network("10.0.0.0/8" if family == 4 else "2001:db8::/32")
    lengths = range(9, 33) if family == 4 else range(33, 129)
    lab.load(**policy())
    entries = {name: {} for name in PORTS}  # prefix -> is it a hole

    def rules(address):
        """The longest entry of each list that covers the address decides."""
        out = ""
        for name, own in entries.items():
            covering = [(p.prefixlen, hole) for p, hole in own.items() if address in p]
            if covering and not max(covering)[1]:
                out += name
        return out

    # A small tree, so that prefixes nest: all entries lie on the way to a few addresses.
    addresses = [base[dice.getrandbits(base.max_prefixlen - base.prefixlen)] for _ in range(4)]
    for _ in range(60):
        name = dice.choice(list(PORTS))
        own = entries[name]
        if own and dice.random() < 0.4:
            prefix = dice.choice(list(own))
            lab.axp.ok("remove", f"list-{name}", f"{'!' * own.pop(prefix)}{prefix}")
        else:
            prefix = ipaddress.ip_network((dice.choice(addresses), dice.choice(lengths)), strict=False)
            if prefix in own:
                continue
            own[prefix] = dice.random() < 0.3
            lab.axp.ok("add", f"list-{name}", f"{'!' * own[prefix]}{prefix}")
        address = dice.choice(addresses)
        probe = dice.choice([address, prefix[0], prefix[-1]])
        assert opened(lab, str(probe)) == rules(probe), f"{probe} {entries}"
    for address in addresses:
        assert checked(lab, str(address)) == opened(lab, str(address)) == rules(address)
    lab.axp.ok("reload")
    for address in addresses:
        assert opened(lab, str(address)) == rules(address)
