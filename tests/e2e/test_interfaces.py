# SPDX-License-Identifier: GPL-2.0-or-later
"""Interfaces that come and go under a loaded instance: deleted, made anew, renamed, moved; members of others."""

import contextlib
import json
import signal

import pytest

from frames import udp
from lab import EXOTEL_MUMBAI, HOST4, OFFICE4, STRANGER4, Lab, Namespace, config_text, run, wait_for
from test_names import Daemon

SECOND = "192.0.3.10"


@pytest.fixture
def two():
    made = Lab(links=("eth0", "eth1"))
    yield made
    made.close()


def interface(lab, name="eth0", instance=None):
    return next(i for i in lab.axp.status(instance)["interfaces"] if i["name"] == name)


def link_id(lab, name="eth0", instance="default"):
    pin = lab.axp.bpffs / instance / f"link_{name}"
    # Debian 13's bpftool shows it, and exits with 255.
    return json.loads(run("bpftool", "-j", "link", "show", "pinned", pin, check=False).stdout)["id"]


def drops(lab, name, **more):
    return lab.axp.count("sip", "drop", "unlisted", interface=name, **more)


def passes(lab, name, **more):
    return lab.axp.count("sip", "pass", "listed", interface=name, **more)


def guards(lab, address=HOST4):
    """One packet of each kind: the listed one arrives, the other one does not."""
    assert lab.reaches(EXOTEL_MUMBAI, 5060, address, timeout=5)
    assert not lab.reaches(STRANGER4, 5060, address, timeout=0.3)


def findings(lab, *args):
    result = lab.axp("doctor", "--json", *args)
    found = [f for f in json.loads(result.stdout)["findings"] if f["topic"] == "attached"]
    return result.returncode, found


def default_route(lab):
    lab.host.ip("route replace default via 192.0.2.1")


# -- deleted, and made anew ----------------------------------------------------------------------------------

def test_deleted_and_made_again(lab):
    """Said loudly; `load` goes on with config, added entries and counters."""
    lab.load()
    lab.axp.ok("add", "exotel-sip", OFFICE4)
    guards(lab)
    was = interface(lab)
    lab.host.ip("link delete eth0")
    gone = interface(lab)
    assert (gone["attach"], gone["egress"], gone["now"]) == ("detached", "none", None)
    assert "is gone" in gone["trouble"] and "allowxdp unload eth0" in gone["trouble"]
    assert f"  interface eth0 {gone['trouble']}\n" in lab.axp.ok("status")
    status, (finding,) = findings(lab)
    assert (status, finding["level"], finding["interface"]) == (1, "problem", "eth0")
    assert finding["fix"] == "allowxdp unload eth0"
    assert (passes(lab, "eth0"), drops(lab, "eth0")) == (1, 1)
    reloaded = lab.axp("reload")
    assert reloaded.returncode == 0 and "warning: eth0 is gone" in reloaded.stderr
    assert lab.axp.fails("load", "eth0") == "allowxdp: there is no interface eth0: see `ip link`"

    lab.link(["eth0"])
    back = interface(lab)
    assert back["attach"] == "detached" and "NOT GUARDED" in back["trouble"]
    status, (finding,) = findings(lab)
    assert (status, finding["fix"]) == (1, "allowxdp load eth0")
    assert "warning: eth0 is NOT GUARDED" in lab.axp("reload").stderr
    assert lab.reaches(STRANGER4, 5060, timeout=5)
    lab.axp.ok("load", "eth0")
    assert {**interface(lab), "prog_id": 0} == {**was, "prog_id": 0}
    assert findings(lab)[1] == []
    guards(lab)
    assert lab.reaches(OFFICE4, 5060)
    assert (passes(lab, "eth0"), drops(lab, "eth0")) == (3, 2)
    lab.axp.ok("unload", "eth0")
    assert not lab.axp.pins()


def test_gone_for_good(two):
    """The other one is not touched, and can be loaded and unloaded; nothing stays of what is gone."""
    two.axp.write({"interfaces": ["eth0", "eth1"]})
    two.axp.ok("load")
    before = link_id(two, "eth1")
    two.host.ip("link delete eth0")
    guards(two, SECOND)
    two.axp.ok("load", "eth1")
    assert two.axp.ok("unload", "eth0") == "eth0: detached\n"
    assert [i["name"] for i in two.axp.status()["interfaces"]] == ["eth1"]
    assert link_id(two, "eth1") == before
    assert (passes(two, "eth1"), drops(two, "eth1")) == (1, 1)
    two.axp.ok("unload", "eth1")
    assert not two.axp.pins()


def recreate(lab, index=77):
    """As `Lab.link` does, with another index: a new device."""
    lab.host.ip(f"link add eth0 index {index} type veth peer name eth0 index {index + 100} netns {lab.net.name}")
    lab.address("eth0", 0)
    default_route(lab)


def test_the_daemon_attaches_again(lab):
    lab.load("--mode", "generic")
    lab.axp.ok("add", "exotel-sip", OFFICE4)
    guards(lab)
    daemon = Daemon(lab)
    daemon.waits_to_say("generation 1")
    lab.host.ip("link delete eth0")
    daemon.waits_to_say("interface eth0 is gone: it is guarded again as soon as it is back\n")
    recreate(lab)
    daemon.waits_to_say("interface eth0 is back: guarded again\n")
    assert interface(lab)["attach"] == "generic"
    guards(lab)
    assert lab.reaches(OFFICE4, 5060)
    assert (passes(lab, "eth0"), drops(lab, "eth0")) == (3, 2)
    # What somebody takes off by force stays off.
    run("bpftool", "link", "detach", "pinned", lab.axp.bpffs / "default" / "link_eth0")
    lab.host.ip("link set eth0 mtu 1400")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.waits_to_say("asking all names and feeds now\n")
    assert "NOT GUARDED" in interface(lab)["trouble"]
    assert lab.reaches(STRANGER4, 5060)
    # One that is renamed goes on under its new name.
    lab.axp.ok("load", "eth0")
    lab.host.ip("link set eth0 down", "link set eth0 name wan0", "link set wan0 up")
    wait_for(lambda: [i["name"] for i in lab.axp.status()["interfaces"]] == ["wan0"], "the pins follow", 30)
    default_route(lab)
    guards(lab)
    assert (passes(lab, "wan0"), drops(lab, "wan0")) == (4, 3)
    daemon.end()


# -- renamed -------------------------------------------------------------------------------------------------

def test_renamed(lab):
    lab.load()
    guards(lab)
    before, was = link_id(lab), interface(lab)
    lab.host.ip("link set eth0 down", "link set eth0 name wan0", "link set wan0 up")
    default_route(lab)
    guards(lab)
    now = interface(lab)
    assert now == {**was, "now": "wan0", "trouble": "is called wan0 now, and guarded as before"}
    assert "  interface eth0 is called wan0 now" in lab.axp.ok("status")
    assert (passes(lab, "eth0"), drops(lab, "eth0")) == (2, 2)
    status, found = findings(lab, "wan0")
    assert (status, [(f["level"], f["interface"]) for f in found]) == (0, [("note", "eth0")])
    assert f"guarded by instance default: program {was['prog_id']}, native" in lab.axp.ok("doctor", "wan0")
    assert "proven:  by a test run of the program on eth0" in lab.axp("check", STRANGER4, "udp/5060").stdout

    assert "wan0: attached already, native\n" in lab.axp.ok("load", "wan0")
    assert interface(lab, "wan0") == {**was, "name": "wan0", "now": "wan0"}
    assert link_id(lab, "wan0") == before
    assert not [p.name for p in (lab.axp.bpffs / "default").iterdir() if "eth0" in p.name]
    assert not list((lab.axp.run_dir / "default").glob("*eth0*"))
    guards(lab)
    assert (passes(lab, "wan0"), drops(lab, "wan0"), drops(lab, "eth0")) == (3, 3, 0)
    assert "it is on: wan0" in lab.axp.fails("unload", "eth0")
    lab.axp.ok("unload", "wan0")
    assert lab.reaches(STRANGER4, 5060)
    assert not lab.axp.pins()


def test_two_that_swap_their_names(two):
    two.axp.write({"interfaces": ["eth0", "eth1"]})
    two.axp.ok("load")
    guards(two)
    guards(two, SECOND)
    assert not two.reaches(STRANGER4, 5060, SECOND, timeout=0.3)
    first, second = link_id(two, "eth0"), link_id(two, "eth1")
    two.host.ip("link set eth0 down", "link set eth1 down", "link set eth0 name x", "link set eth1 name eth0",
                "link set x name eth1", "link set eth0 up", "link set eth1 up")
    two.axp.ok("reload")
    assert (link_id(two, "eth0"), link_id(two, "eth1")) == (second, first)
    assert (drops(two, "eth0"), drops(two, "eth1")) == (2, 1)
    assert {i["name"]: (i["now"], i["trouble"]) for i in two.axp.status()["interfaces"]} == \
        {"eth0": ("eth0", None), "eth1": ("eth1", None)}
    # One that takes the name of one that is gone keeps its own counters.
    two.host.ip("link delete eth0", "link set eth1 down", "link set eth1 name eth0", "link set eth0 up")
    two.axp.ok("reload")
    assert [i["name"] for i in two.axp.status()["interfaces"]] == ["eth0"]
    assert (link_id(two), passes(two, "eth0"), drops(two, "eth0")) == (first, 1, 1)
    two.axp.ok("unload", "eth0")
    assert not two.axp.pins()


# -- moved to another network namespace ----------------------------------------------------------------------

def test_moved_to_another_namespace(lab):
    """The kernel keeps XDP and TCX on the device: it is guarded there, and said so."""
    lab.load()
    guards(lab)
    before, was = link_id(lab), interface(lab)
    frames = udp(lab, STRANGER4, 5060, payload=b"refused"), udp(lab, EXOTEL_MUMBAI, 5060, payload=b"welcome")
    other = lab.own(Namespace(f"{lab.name}-other"))
    lab.host.ip(f"link set eth0 netns {other.name}")
    moved = interface(lab)
    assert (moved["attach"], moved["now"]) == ("elsewhere", None)
    assert "another network namespace" in moved["trouble"] and "NOT GUARDED" not in moved["trouble"]
    status, (finding,) = findings(lab)
    assert (status, finding["level"], finding["fix"]) == (1, "problem", "allowxdp unload eth0")
    other.ip("link set eth0 up", f"addr add {HOST4}/24 dev eth0", "route add default via 192.0.2.1")
    with contextlib.closing(other.tap()) as tap:
        lab.send(*frames, count=3)
        wait_for(lambda: tap.count(b"welcome") == 3, "listed packets arrive")
        assert tap.count(b"refused") == 0
    assert (passes(lab, "eth0"), drops(lab, "eth0")) == (4, 4)
    # Asked from there, it is here.
    host, lab.axp.namespace = lab.axp.namespace, other
    assert (interface(lab)["attach"], interface(lab)["trouble"]) == ("native", None)
    lab.axp.namespace = host
    # Another one of that name is not taken for it.
    lab.host.ip("link add eth0 type bridge")
    assert "what is called so here is NOT GUARDED" in interface(lab)["trouble"]
    assert "allowxdp unload eth0" in lab.axp.fails("load", "eth0")
    lab.host.ip("link delete eth0")
    # Back again, or given up: both work from here.
    other.ip(f"link set eth0 netns {lab.host.name}")
    assert (interface(lab)["attach"], link_id(lab)) == ("native", before)
    lab.axp.ok("load", "eth0")
    assert interface(lab)["egress"] == was["egress"]
    lab.host.ip(f"link set eth0 netns {other.name}")
    lab.axp.ok("unload", "eth0")
    assert not lab.axp.pins()
    assert "xdp" not in json.loads(other.run("ip", "-j", "link", "show", "eth0").stdout)[0]


# -- members of others ---------------------------------------------------------------------------------------

def test_a_bridge_port(lab):
    """Filtered before the bridge: neither the host nor another port sees what is refused."""
    lab.host.ip("link add br0 type bridge", "link set eth0 master br0", "addr flush dev eth0",
                f"addr add {HOST4}/24 dev br0", "link set br0 up", "route add default via 192.0.2.1")
    lab.load()
    assert interface(lab)["attach"] == "native"
    assert "eth0 link: it is a port of br0, a bridge" in lab.axp.ok("doctor", "eth0")
    with contextlib.closing(lab.host.tap("br0")) as tap:
        lab.send(udp(lab, STRANGER4, 5060, payload=b"refused"), count=4)
        lab.send(udp(lab, EXOTEL_MUMBAI, 5060, payload=b"welcome"), count=3)
        wait_for(lambda: tap.count(b"welcome") == 3, "listed packets pass the bridge")
        assert tap.count(b"refused") == 0
    assert (passes(lab, "eth0"), drops(lab, "eth0")) == (3, 4)


def test_the_parent_of_a_macvlan(lab):
    """What is guarded is the wire: its children too."""
    lab.load()
    lab.host.ip("link add link eth0 name mv0 type macvlan mode bridge", "addr add 192.0.2.77/24 dev mv0", "link set mv0 up")
    guards(lab, "192.0.2.77")
    assert (passes(lab, "eth0"), drops(lab, "eth0")) == (1, 1)


@pytest.fixture
def bonded(two):
    """eth0 and eth1 are one on both sides: bond0, which carries the addresses of eth0."""
    for ns in (two.net, two.host):
        if run("ip", "-n", ns.name, "link", "add", "bond0", "type", "bond", "mode", "active-backup", "miimon", "50",
               check=False).returncode != 0:
            pytest.skip("this kernel has no bonding")
        for link in ("eth0", "eth1"):
            ns.ip(f"addr flush dev {link}", f"link set {link} down", f"link set {link} master bond0",
                  f"link set {link} up")
    two.address("bond0", 0)
    default_route(two)
    wait_for(lambda: two.reaches(STRANGER4, 5060), "the bond works", 30)
    return two


def test_a_bond(bonded):
    """On the bond itself it guards every member, whichever is active; one of its members is refused then."""
    lab = bonded
    lab.axp.write({"interfaces": ["bond0"]})
    lab.axp.ok("load")
    attach = interface(lab, "bond0")["attach"]
    guards(lab)
    assert "a member of the bond bond0" in lab.axp("doctor", "eth0").stdout
    if attach == "native":
        line = lab.axp.fails("load", "eth0")
        assert "eth0" in line and "ip -d link" in line
    for ns in (lab.host, lab.net):  # the other member carries on
        ns.ip("link set eth0 down")
    wait_for(lambda: lab.reaches(EXOTEL_MUMBAI, 5060), "the bond fails over", 30)
    assert not lab.reaches(STRANGER4, 5060, timeout=0.3)
    assert drops(lab, "bond0") == 2
    lab.axp.ok("unload", "--all")
    assert lab.reaches(STRANGER4, 5060)


def test_a_member_of_a_bond(bonded):
    """It can be guarded alone, which guards half of the bond: `doctor` says so."""
    lab = bonded
    lab.axp.write({"interfaces": ["eth0"]})
    if lab.axp("load").returncode == 0:
        assert "load on bond0" in lab.axp("doctor", "eth0").stdout
        lab.axp.ok("unload", "--all")
    assert not lab.axp.pins()


# -- two instances -------------------------------------------------------------------------------------------

def test_two_instances_count_their_own(two):
    two.load()
    other = two.axp.etc / "other.yaml"
    other.write_text(config_text(services=[("sip", ["udp/5060"], ["strangers"])], lists={"strangers": [STRANGER4]},
                                 interfaces=["eth1"]), encoding="ascii")
    two.axp.ok("-c", other, "load", instance="guests")
    guards(two)
    assert two.reaches(STRANGER4, 5060, SECOND)
    for _ in range(2):
        assert not two.reaches(EXOTEL_MUMBAI, 5060, SECOND, timeout=0.3)
    assert (passes(two, "eth0"), drops(two, "eth0"), drops(two, "eth1")) == (1, 1, 0)
    assert (passes(two, "eth1", instance="guests"), drops(two, "eth1", instance="guests")) == (1, 2)
    assert drops(two, "eth0", instance="guests") == 0
    # Claimed by the other: refused by its name, and nothing changes.
    kept = two.axp.status(), two.axp.status("guests"), link_id(two), link_id(two, "eth1", "guests")
    assert two.axp.fails("load", "eth0", instance="guests") == \
        ("allowxdp: eth0 is guarded by another instance, default: unload it there first: "
         "`allowxdp --instance default unload eth0`")
    assert "another instance, guests" in two.axp.fails("load", "eth1")
    assert "guarded by another instance, guests" in two.axp.ok("doctor", "eth1")
    assert [s["interfaces"] for s in (two.axp.status(), two.axp.status("guests"))] == [k["interfaces"] for k in kept[:2]]
    # One goes, the other one stays as it is.
    two.axp.ok("unload", "--all")
    assert (link_id(two, "eth1", "guests"), two.axp.pins()) == (kept[3], ["guests"])
    assert two.reaches(STRANGER4, 5060) and not two.reaches(EXOTEL_MUMBAI, 5060, SECOND, timeout=0.3)
    assert (passes(two, "eth1", instance="guests"), drops(two, "eth1", instance="guests")) == (1, 3)
