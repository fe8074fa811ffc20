# SPDX-License-Identifier: GPL-2.0-or-later
"""
The egress program among others: TCX programs and tc filters of somebody else stay, and go on working.

The fall-back to a clsact qdisc is not tested here: a kernel that has TCX never takes it, and there is no
switch to make it. Kernels without TCX are tested elsewhere, in virtual machines.
"""

import contextlib
import ctypes
import platform
from pathlib import Path

import pytest

import lab3
from lab import STRANGER4, run
from lab3 import config, dns_queries, service, tcx_link, tcx_programs


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """{name: file descriptor} of the programs in foreign_tc.bpf.c."""
    path = tmp_path_factory.mktemp("foreign") / "foreign_tc.o"
    run("clang", "-target", "bpf", "-O2", "-g", f"-I/usr/include/{platform.machine()}-linux-gnu",
        "-c", Path(__file__).with_name("foreign_tc.bpf.c"), "-o", path)
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    for function in ("bpf_object__open_file", "bpf_object__next_program", "bpf_program__name"):
        getattr(libbpf, function).restype = ctypes.c_void_p
    handle = ctypes.c_void_p(libbpf.bpf_object__open_file(str(path).encode(), None))
    assert handle.value and libbpf.bpf_object__load(handle) == 0
    found, program = {}, None
    while program := ctypes.c_void_p(libbpf.bpf_object__next_program(handle, program)):
        found[ctypes.string_at(libbpf.bpf_program__name(program)).decode()] = libbpf.bpf_program__fd(program)
    yield found
    libbpf.bpf_object__close(handle)


def filters(lab):
    return lab.host.run("tc", "filter", "show", "dev", "eth0", "egress").stdout


def filters_of_others(lab):
    """Without TCX (Linux before 6.6) the egress program is a filter, too, with a priority of its own."""
    return "".join(line for line in filters(lab).splitlines(keepends=True) if " pref 41232 " not in line)


def load(lab):
    lab.axp.write(config([service("rtp", ["udp/10000-60000"], ["office"])], {"office": ["203.0.113.0/24"]}))
    lab.axp.ok("load", "eth0")


def works(lab):
    answered, _ = dns_queries(lab.host, STRANGER4, 50)
    return answered == 50 and lab.axp.count("rtp", "pass", "reply") > 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_tcx_programs_of_others_stay(lab, programs, when):
    lab3.start_resolver(lab, STRANGER4)
    with contextlib.ExitStack() as stack:
        if when == "before":
            stack.enter_context(tcx_link(lab.host, programs["somebody_next"]))
            load(lab)
        else:
            load(lab)
            stack.enter_context(tcx_link(lab.host, programs["somebody_next"]))
        assert sorted(tcx_programs(lab.host)) == ["allowxdp_out", "somebody_next"]
        assert works(lab)
        lab.axp.ok("reload")
        lab.axp.ok("load", "eth0")
        assert sorted(tcx_programs(lab.host)) == ["allowxdp_out", "somebody_next"]
        lab.axp.ok("unload", "--all")
        assert tcx_programs(lab.host) == ["somebody_next"]
        load(lab)
        assert works(lab)
    assert tcx_programs(lab.host) == ["allowxdp_out"]
    lab.axp.ok("unload", "--all")
    assert tcx_programs(lab.host) == []


def test_a_tcx_program_that_ends_the_chain(lab, programs):
    """It was there first and lets everything out itself: replies must be known all the same."""
    lab3.start_resolver(lab, STRANGER4)
    with tcx_link(lab.host, programs["somebody_ok"]):
        load(lab)
        assert works(lab)
        lab.axp.ok("unload", "--all")
        assert tcx_programs(lab.host) == ["somebody_ok"]


def test_tc_filters_of_others_stay(lab, programs):
    """Two, of different kinds, on a clsact qdisc that is not ours either."""
    lab3.start_resolver(lab, STRANGER4)
    pin = lab.axp.bpffs / "somebody"
    assert ctypes.CDLL("libbpf.so.1").bpf_obj_pin(programs["somebody_next"], str(pin).encode()) == 0
    for line in ("qdisc add dev eth0 clsact",
                 f"filter add dev eth0 egress protocol all prio 10 handle 1 bpf da object-pinned {pin}",
                 "filter add dev eth0 egress protocol ip prio 20 u32 match ip dst 203.0.113.250/32 flowid 1:1"):
        lab.host.run("tc", *line.split())
    before = filters(lab)
    assert "somebody" in before and "u32" in before
    load(lab)
    assert works(lab)
    assert filters_of_others(lab) == before
    lab.axp.ok("reload")
    assert filters_of_others(lab) == before
    lab.axp.ok("unload", "--all")
    assert filters(lab) == before
    assert "clsact" in lab.host.run("tc", "qdisc", "show", "dev", "eth0").stdout
