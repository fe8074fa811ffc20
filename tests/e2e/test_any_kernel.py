# SPDX-License-Identifier: GPL-2.0-or-later
"""What must work on every kernel, in few steps and with few loads: run in older ones, too (tools/test-kernels)."""

import contextlib

import pytest

from lab import EXOTEL_MUMBAI, HOST4, HOST6, OFFICE4, OFFICE6, STRANGER4, STRANGER6, wait_for
from lab3 import tcx_programs
from test_attach import xdp_of


def egress_kind(lab):
    try:
        return "tcx" if tcx_programs(lab.host) else "none"
    except pytest.skip.Exception:  # this kernel has no TCX
        return "clsact" if "allowxdp_out" in lab.host.run("tc", "filter", "show", "dev", "eth0", "egress").stdout else "none"


def answered(lab, host, peer):
    """This host asks a stranger from a guarded port; does the answer come back?"""
    with contextlib.closing(lab.host.udp(host, 10007)) as ours, contextlib.closing(lab.net.udp(peer, 7)) as theirs:
        ours.sendto(b"question", (peer, 7))
        data, address = theirs.recvfrom(64)
        assert data == b"question"
        theirs.sendto(b"answer", address)
        return ours.recvfrom(64) == (b"answer", theirs.getsockname())


@pytest.mark.parametrize("mode", ["native", "generic"])
def test_a_filter_from_load_to_unload(lab, mode):
    axp = lab.load("--mode", mode)
    interface, = axp.status()["interfaces"]
    assert interface["attach"] == mode and xdp_of(lab)["prog"]["id"] == interface["prog_id"]
    assert interface["egress"] == egress_kind(lab) != "none"
    # Listed and not, both families
    for listed, stranger, family in ((OFFICE4, STRANGER4, "ipv4"), (OFFICE6, STRANGER6, "ipv6")):
        assert lab.reaches(listed, 10001)
        assert not lab.reaches(stranger, 10001, timeout=0.2)
        assert axp.count("rtp", "pass", "listed", family) == 1
        assert axp.count("rtp", "drop", "unlisted", family) == 1
    # Replies, by what the egress program remembered
    assert answered(lab, HOST4, STRANGER4) and answered(lab, HOST6, STRANGER6)
    assert axp.count("rtp", "pass", "reply") == 2
    # What the loaded program says of a packet that it is shown
    verdict = axp.json("check", EXOTEL_MUMBAI, "udp/5060")
    assert verdict["agrees"] is True
    # One more entry, a reload without it, another mode
    axp.ok("add", "office", STRANGER4)
    assert lab.reaches(STRANGER4, 10001)
    axp.ok("remove", "office", STRANGER4)
    assert not lab.reaches(STRANGER4, 10001, timeout=0.2)
    axp.ok("reload")
    axp.ok("mode", "monitor")
    assert lab.reaches(STRANGER4, 10001)
    axp.ok("mode", "enforce")
    assert not lab.reaches(STRANGER4, 10001, timeout=0.2)
    axp.ok("unload", "--all")
    assert xdp_of(lab) is None and not axp.pins()
    assert egress_kind(lab) == "none"
    assert wait_for(lambda: lab.reaches(STRANGER4, 10001), "without the filter it passes")
