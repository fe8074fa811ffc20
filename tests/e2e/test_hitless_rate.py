# SPDX-License-Identifier: GPL-2.0-or-later
"""
Changes at full rate: the short form of tools/hitless (docs/hitless.md). Every packet gets the verdict of the policy
before or after; and what would break that is noticed.
"""

import json
import sys

import pytest

from lab import ROOT, SLOW, run

DRIVER = ROOT / "tests" / "hitless" / "driver.py"


def hitless(tmp_path, *args):
    """Exit status and figures of a run."""
    if not (ROOT / "build" / "hitless" / "hitless").exists():
        pytest.fail("build/hitless/hitless is not built: make hitless")
    report = tmp_path / "report.json"
    result = run(sys.executable, DRIVER, "--json", report, *args, check=False, timeout=600)
    if "cannot send live frames" in result.stderr:
        pytest.skip("this kernel's BPF_PROG_TEST_RUN sends no live frames (Linux 5.18 does)")
    assert report.exists(), result.stdout + result.stderr
    return result.returncode, json.loads(report.read_text(encoding="ascii"))


def test_every_packet_gets_the_verdict_before_or_after(tmp_path):
    reloads, changes, packets = int(24 / SLOW), int(250 / SLOW), 1e6 / SLOW
    status, figures = hitless(tmp_path, "--reloads", reloads, "--changes", changes, "--packets", packets, "--prefixes", 2000,
                              "--special", 1)
    assert figures["violation_texts"] == []
    assert figures["wrong"] == []
    assert status == 0
    assert figures["packets"] >= packets
    assert figures["reloads"] >= reloads and figures["changes"] >= changes
    sent, arrived = figures["sent_by_role"], figures["arrived_by_role"]
    assert sent["always"] == arrived["always"] > 10000 / SLOW
    assert sent["never"] > 10000 / SLOW and arrived["never"] == 0
    # Changes were really seen while they happened.
    assert figures["switches"] > 50 / SLOW


@pytest.mark.parametrize("mistake, claim", [
    ("leak", "never-listed: arrived: "),    # the mode is off for a moment
    ("gap", "always-listed: arrived: "),    # a source is taken off its list, and put back
    ("both", "violations: "),               # sources are on their new list before they leave the old one
])
def test_mistakes_are_noticed(tmp_path, mistake, claim):
    status, figures = hitless(tmp_path, "--reloads", 2, "--changes", 4, "--packets", 1e5, "--prefixes", 200,
                              "--special", 0, "--sabotage", mistake)
    assert status == 1
    assert figures["violations"] > 0
    assert any(w.startswith(claim) for w in figures["wrong"]), figures["wrong"]
    assert [what for what, _ in figures["suspects"]] == [f"sabotage: {mistake}"]
