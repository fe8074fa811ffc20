# SPDX-License-Identifier: GPL-2.0-or-later
"""
Commands killed at their system calls, and failing BPF calls and disks: the short form of tools/crash (docs/crashes.md). After
each the filter runs the old policy or the new one, files can be read, the next command succeeds, nothing is left over.
On an emulated machine at so many calls fewer.
"""

import json
import shutil
import sys

import pytest

from lab import ROOT, SLOW, run

DRIVER = ROOT / "tests" / "crash" / "driver.py"


def crash(tmp_path, *args):
    """Figures of a run in which nothing was violated."""
    if not shutil.which("strace"):
        pytest.fail("strace is missing: sudo ./tools/deps test")
    report = tmp_path / "report.json"
    result = run(sys.executable, DRIVER, "--json", report, *args, check=False, timeout=900)
    assert report.exists(), result.stdout + result.stderr
    figures = json.loads(report.read_text(encoding="utf-8"))
    assert figures["violations"] == [] and figures["left"] == 0, result.stdout + result.stderr
    assert result.returncode == 0
    return figures


def most(calls):
    return max(1, int(calls / SLOW))


def some(**scenarios):
    """SCENARIO:MOST, as the driver wants them."""
    return [f"{name.replace('_', '-')}:{most(calls)}" for name, calls in scenarios.items()]


def planned(scenarios):
    return sum(int(name.split(":")[1]) for name in scenarios)


def test_killed(tmp_path):
    """At calls that alter something, and at some of the others."""
    scenarios = some(reload_entries=14, reload=14, confirm=14, rollback=14, add=14, add_for=14, remove=14,
                     reload_confirm=8, load=6, load_clsact=4, unload=8)
    figures = crash(tmp_path, "--what", "kill", "--every", 40, *scenarios)
    assert figures["kills"] >= 0.84 * planned(scenarios)


def test_calls_that_fail(tmp_path):
    """BPF, and writing files."""
    scenarios = some(reload_entries=10, reload=10, confirm=10, add=10, remove=10, reload_confirm=10, rollback=10, load=6,
                     unload=8)
    figures = crash(tmp_path, "--what", "fail", *scenarios)
    assert figures["failed calls"] >= 0.77 * planned(scenarios)
    assert figures["failed commands"] >= most(5)
