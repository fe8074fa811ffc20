# SPDX-License-Identifier: GPL-2.0-or-later
"""Interfaces, attach modes, instances, foreign programs, and where pins may live."""

import ctypes
import json
import platform
import re
import socket
from pathlib import Path

import pytest

from lab import EXOTEL_MUMBAI, OFFICE4, STRANGER4, Lab, config_text, one_error, run


def xdp_of(lab, interface="eth0"):
    return json.loads(lab.host.run("ip", "-j", "link", "show", interface).stdout)[0].get("xdp")


def generic_only(lab):
    """A device named `soft0` that carries the host's addresses and has no native XDP: a bridge over eth0."""
    lab.host.ip("link add soft0 type bridge", "link set eth0 master soft0",
                "addr flush dev eth0", "addr add 192.0.2.10/24 dev soft0",
                "addr add 2001:db8:1::10/64 dev soft0 nodad", "link set soft0 up",
                "route add default via 192.0.2.1")
    return "soft0"


# -- attach modes ---------------------------------------------------------------------------------

@pytest.mark.parametrize("mode, attach, xdp_mode", [(None, "native", 1), ("auto", "native", 1),
                                                    ("native", "native", 1), ("generic", "generic", 2)])
def test_attach_mode(lab, mode, attach, xdp_mode):
    lab.load(*(["--mode", mode] if mode else []))
    interface, = lab.axp.status()["interfaces"]
    assert interface["attach"] == attach
    assert xdp_of(lab)["mode"] == xdp_mode
    assert xdp_of(lab)["prog"]["id"] == interface["prog_id"]
    assert lab.reaches(EXOTEL_MUMBAI, 5060)
    assert not lab.reaches(STRANGER4, 5060, timeout=0.3)


def test_auto_falls_back_to_generic_and_says_which_and_why(lab):
    interface = generic_only(lab)
    lab.axp.write({})
    result = lab.axp("load", interface)
    assert result.returncode == 0, result.stderr
    said = result.stdout + result.stderr
    assert interface in said and "generic" in said and "native" in said and "bridge" in said, said
    assert lab.axp.status()["interfaces"][0]["attach"] == "generic"
    assert lab.reaches(EXOTEL_MUMBAI, 5060, timeout=5)
    assert not lab.reaches(STRANGER4, 5060, timeout=0.3)


def test_native_only_fails_where_the_driver_cannot(lab):
    interface = generic_only(lab)
    lab.axp.write({})
    line = lab.axp.fails("load", interface, "--mode", "native")
    assert interface in line and "bridge" in line and "generic" in line
    assert xdp_of(lab, interface) is None
    assert not lab.axp.pins()


def test_native_with_jumbo_frames(lab):
    """A veth whose MTU is over a page takes multi-buffer programs only. Ours is one."""
    for ns in (lab.host, lab.net):
        ns.ip("link set eth0 mtu 9000")
    lab.load()
    assert lab.axp.status()["interfaces"][0]["attach"] == "native"


# -- interfaces -----------------------------------------------------------------------------------

def test_interface_that_does_not_exist(lab):
    lab.axp.write({})
    line = lab.axp.fails("load", "eth9")
    assert "eth9" in line
    assert not lab.axp.pins()
    lab.axp.ok("load", "eth0")
    before = lab.axp.status()
    assert "eth9" in lab.axp.fails("load", "eth0", "eth9")
    assert "eth9" in lab.axp.fails("unload", "eth9")
    assert lab.axp.status() == before


@pytest.mark.parametrize("name", ["a-name-that-is-too-long", "../eth0", "eth 0", ""])
def test_interface_names_that_are_none(lab, name):
    lab.axp.write({})
    lab.axp.fails("load", name)
    assert not lab.axp.pins()


@pytest.fixture
def two():
    """Two links: eth0, and eth1.5 (a name with a dot, as VLANs have) with 192.0.3.0/24."""
    made = Lab(links=("eth0", "eth1.5"))
    yield made
    made.close()


SECOND = "192.0.3.10"


def test_two_interfaces_share_an_instance(two):
    two.axp.write({"interfaces": ["eth0", "eth1.5"]})
    two.axp.ok("load")
    status = two.axp.status()
    assert sorted(i["name"] for i in status["interfaces"]) == ["eth0", "eth1.5"]
    for address in (None, SECOND):
        assert two.reaches(EXOTEL_MUMBAI, 5060, address)
        assert not two.reaches(STRANGER4, 5060, address, timeout=0.3)
    for interface in ("eth0", "eth1.5"):
        assert two.axp.count("sip", "pass", "listed", interface=interface) == 1
        assert two.axp.count("sip", "drop", "unlisted", interface=interface) == 1
    # One change holds on both.
    two.axp.ok("add", "exotel-sip", STRANGER4)
    assert two.reaches(STRANGER4, 5060) and two.reaches(STRANGER4, 5060, SECOND)
    # One goes, the other stays guarded.
    two.axp.ok("unload", "eth1.5")
    two.axp.ok("remove", "exotel-sip", STRANGER4)
    assert xdp_of(two, "eth1.5") is None
    assert two.reaches(STRANGER4, 5060, SECOND)
    assert not two.reaches(STRANGER4, 5060, timeout=0.3)
    two.axp.ok("unload", "--all")
    assert not two.axp.pins()


def test_an_interface_joins_a_running_instance(two):
    two.load()
    before = two.axp.status()
    two.axp.ok("load", "eth1.5")
    after = two.axp.status()
    assert len(after["interfaces"]) == 2 and before["interfaces"][0] in after["interfaces"]
    assert not two.reaches(STRANGER4, 5060, SECOND, timeout=0.3)


def test_two_instances(two):
    """Two policies on two interfaces, which know nothing of each other."""
    two.load()
    other = two.axp.etc / "other.yaml"
    other.write_text(config_text(services=[("sip", ["udp/5060"], ["strangers"])],
                                 lists={"strangers": [STRANGER4]}), encoding="ascii")
    two.axp.ok("-c", other, "load", "eth1.5", instance="guests")
    assert two.reaches(STRANGER4, 5060, SECOND)
    assert not two.reaches(EXOTEL_MUMBAI, 5060, SECOND, timeout=0.3)
    assert two.reaches(EXOTEL_MUMBAI, 5060)
    assert not two.reaches(STRANGER4, 5060, timeout=0.3)
    assert [i["name"] for i in two.axp.status("guests")["interfaces"]] == ["eth1.5"]
    assert two.axp.count("sip", "drop", instance="guests") == 1
    two.axp.ok("add", "strangers", OFFICE4, instance="guests")
    assert [p.parent.name for p in two.axp.state.glob("*/lists")] == ["guests"]
    # An interface belongs to one instance.
    line = two.axp.fails("load", "eth0", instance="guests")
    assert "eth0" in line and "default" in line or "another" in line
    two.axp.ok("unload", "--all", instance="guests")
    assert not two.reaches(STRANGER4, 5060, timeout=0.3)
    assert two.axp.pins() == ["default"]


@pytest.mark.parametrize("name", ["", "../x", "a b", ".", "x" * 33])
def test_instance_names_that_are_none(lab, name):
    lab.axp.write({})
    result = lab.axp("--instance", name, "load", "eth0")
    assert result.returncode in (1, 2) and result.stderr.startswith("allowxdp: ")
    assert xdp_of(lab) is None


def test_interface_that_went_away_and_came_back(lab):
    lab.load()
    lab.host.ip("link delete eth0")  # the peer goes with it, and the default route
    assert lab.axp("status", "--json").returncode == 0
    lab.link(["eth0"])
    lab.axp.ok("load", "eth0")
    assert not lab.reaches(STRANGER4, 5060, timeout=0.3)
    assert lab.reaches(EXOTEL_MUMBAI, 5060)
    lab.axp.ok("unload", "--all")
    assert not lab.axp.pins()


# -- foreign programs -----------------------------------------------------------------------------

XDP_FLAGS = {"xdpgeneric": 1 << 1, "xdpdrv": 1 << 2}


@pytest.fixture(scope="session")
def foreign(tmp_path_factory):
    """
    attach(lab, kind): puts somebody else's program on eth0, through libbpf, and returns 0 or -errno.
    (`ip link set ... xdp obj` leaves directories behind in the host's bpffs.)
    """
    program = tmp_path_factory.mktemp("foreign") / "foreign.o"
    run("clang", "-target", "bpf", "-O2", "-g", f"-I/usr/include/{platform.machine()}-linux-gnu",
        "-c", Path(__file__).with_name("foreign.bpf.c"), "-o", program)
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    for function in ("bpf_object__open_file", "bpf_object__next_program"):
        getattr(libbpf, function).restype = ctypes.c_void_p
    handle = ctypes.c_void_p(libbpf.bpf_object__open_file(str(program).encode(), None))
    assert handle.value and libbpf.bpf_object__load(handle) == 0
    fd = libbpf.bpf_program__fd(ctypes.c_void_p(libbpf.bpf_object__next_program(handle, None)))
    assert fd >= 0

    def attach(lab, kind):
        with lab.host.inside():
            return libbpf.bpf_xdp_attach(socket.if_nametoindex("eth0"), fd, XDP_FLAGS[kind], None)
    yield attach
    libbpf.bpf_object__close(handle)


@pytest.mark.parametrize("kind", ["xdpdrv", "xdpgeneric"])
def test_foreign_program_is_named_and_left_alone(lab, foreign, kind):
    assert foreign(lab, kind) == 0
    before = xdp_of(lab)
    lab.axp.write({})
    for mode in ("auto", "native", "generic"):
        line = lab.axp.fails("load", "eth0", "--mode", mode)
        assert "eth0" in line and "somebody_else" in line
        assert re.search(rf"\b{before['prog']['id']}\b", line), line
    assert xdp_of(lab) == before
    assert not lab.axp.pins()
    lab.host.run("ip", "link", "set", "dev", "eth0", kind, "off")
    lab.axp.ok("load", "eth0")


def test_our_program_refuses_to_be_replaced(guarded, foreign):
    """The link protects the filter from another tool that sets its own program."""
    before = xdp_of(guarded)
    for kind in ("xdpdrv", "xdpgeneric"):
        assert foreign(guarded, kind) < 0
        guarded.host.run("ip", "link", "set", "dev", "eth0", kind, "off", check=False)
    assert xdp_of(guarded) == before
    assert not guarded.reaches(STRANGER4, 5060, timeout=0.3)


# -- bpffs ----------------------------------------------------------------------------------------

def test_without_a_bpffs_it_says_how_to_mount_one(lab):
    """In a mount namespace where nothing can be mounted for good."""
    lab.axp.write({})
    plain = lab.directory / "plain"
    plain.mkdir()
    env = {**lab.axp.env, "ALLOWXDP_BPFFS": str(plain)}
    line = one_error(run("unshare", "--mount", *lab.axp.argv("load", "eth0"), env=env, check=False))
    assert "BPF filesystem" in line or "bpffs" in line
    assert "mount" in line or "nsenter" in line
    assert xdp_of(lab) is None
    assert not list(plain.iterdir())


def test_mounts_a_bpffs_where_none_is(lab):
    lab.axp.write({})
    plain = lab.directory / "plain"
    plain.mkdir()
    lab.axp.env["ALLOWXDP_BPFFS"] = str(plain)
    try:
        lab.axp.ok("load", "eth0")
        assert not lab.reaches(STRANGER4, 5060, timeout=0.3)
        lab.axp.ok("unload", "--all")
        assert f" {plain} " not in Path("/proc/self/mounts").read_text(encoding="utf-8")
    finally:
        run("umount", plain, check=False)


def test_ip_netns_exec_is_refused_and_nsenter_named(lab):
    """There the host's bpffs is hidden, and one mounted inside dies with the command."""
    lab.axp.write({})
    env = {k: v for k, v in lab.axp.env.items() if k != "ALLOWXDP_BPFFS"}
    line = one_error(run("ip", "netns", "exec", lab.host.name, lab.axp.binary, "-c", lab.axp.config,
                         "load", "eth0", env=env, check=False))
    assert "nsenter" in line
    assert xdp_of(lab) is None


def test_ip_netns_exec_with_a_bpffs_that_lasts(lab):
    """Only /sys is hidden there: a bpffs mounted elsewhere on the host holds the pins."""
    lab.axp.write({})
    run("ip", "netns", "exec", lab.host.name, lab.axp.binary, "-c", lab.axp.config, "load", "eth0",
        env=lab.axp.env)
    assert not lab.reaches(STRANGER4, 5060, timeout=0.3)
    assert lab.axp.status()["mode"] == "enforce"
