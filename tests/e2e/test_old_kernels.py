# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels that are too old: one line that says what is missing, and nothing is attached or left behind.

bpf(2) is made to answer as theirs does (old_kernel.c). Real ones: tools/test-kernels.
"""

import os
from pathlib import Path

import pytest

from lab import STRANGER4, run
from test_attach import xdp_of


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    path = tmp_path_factory.mktemp("old") / "old_kernel.so"
    run("gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", path, Path(__file__).with_name("old_kernel.c"))
    return path


@pytest.fixture
def old(lab, shim):
    """The lab's command on a kernel that lacks something: old("link") and so on; old("") lacks nothing."""
    lab.axp.write({})

    def lacks(what):
        lab.axp.env.update(LD_PRELOAD=str(shim), KERNEL_LACKS=what)
        return lab
    return lacks


@pytest.mark.parametrize("lacks, missing", [
    ("link", "XDP links"),                # before 5.9
    ("clock", "bpf_ktime_get_coarse_ns"), # before 5.11
    ("mmap", "arrays mapped into memory"),  # before 5.5
    ("tries", "prefix tries"),
    ("link mmap", "arrays mapped into memory, XDP links"),
])
def test_what_is_missing_is_named(old, lacks, missing):
    lab = old(lacks)
    line = lab.axp.fails("load", "eth0")
    assert f"this kernel (Linux {os.uname().release}) lacks what allowxdp needs ({missing}): " in line
    assert "use Linux 5.15 or newer; nothing was attached" in line
    assert xdp_of(lab) is None
    assert "allowxdp" not in lab.host.run("tc", "filter", "show", "dev", "eth0", "egress").stdout
    assert not lab.axp.pins()
    assert lab.reaches(STRANGER4, 5060)
    # doctor says the same, and what it means
    doctor = lab.axp("doctor", "eth0")
    assert doctor.returncode == 1
    for what in missing.split(", "):
        assert f"kernel: {what}: not there: " in doctor.stdout


def test_without_frames_of_several_buffers(old):
    """Linux before 5.18 knows no such programs: a filter for frames of one buffer, which `check` can speak for."""
    lab = old("frags")
    lab.axp.ok("load", "eth0", "--mode", "native")
    assert not lab.reaches(STRANGER4, 5060, timeout=0.3)
    check = lab.axp("check", STRANGER4, "udp/5060")
    assert check.returncode == 3 and "proven:" in check.stdout
    lab.axp.ok("unload", "--all")


def test_no_bpf_at_all(old):
    lab = old("bpf")
    line = lab.axp.fails("load", "eth0")
    assert "has no BPF (CONFIG_BPF_SYSCALL): use Linux 5.15 or newer; nothing was attached" in line
    assert xdp_of(lab) is None and not lab.axp.pins()


def test_a_kernel_that_lacks_nothing(old):
    """The same way through, so that what the others see is not of the shim's making."""
    lab = old("")
    lab.axp.ok("load", "eth0")
    assert not lab.reaches(STRANGER4, 5060, timeout=0.3)
    lab.axp.ok("unload", "--all")
    assert xdp_of(lab) is None and not lab.axp.pins()


def test_another_refusal_is_not_blamed_on_the_kernel(lab):
    """A veth of 9000 bytes of MTU without multi-buffer frames would be one; a foreign program is another."""
    lab.axp.write({})
    assert "lacks" not in lab.axp.fails("load", "eth9")
