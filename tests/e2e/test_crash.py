# SPDX-License-Identifier: GPL-2.0-or-later
"""
Commands killed at their system calls, and failing BPF calls and disks: the short form of tools/crash (docs/crashes.md). After
each the filter runs the old policy or the new one, files can be read, the next command succeeds, nothing is left over.
"""

import json
import shutil
import sys

import pytest

from lab import ROOT, run

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


def test_killed(tmp_path):
    """At calls that alter something, and at some of the others."""
    figures = crash(tmp_path, "--what", "kill", "--every", 40, "--most", 14, "reload-entries", "reload", "confirm", "rollback",
                    "add", "add-for", "remove", "reload-confirm:8", "load:6", "load-clsact:4",
                    "unload:8")
    assert figures["kills"] >= 105


def test_calls_that_fail(tmp_path):
    """BPF, and writing files."""
    figures = crash(tmp_path, "--what", "fail", "--most", 10, "reload-entries", "reload", "confirm", "add", "remove",
                    "reload-confirm", "rollback", "load:6", "unload:8")
    assert figures["failed calls"] >= 65 and figures["failed commands"] >= 5
