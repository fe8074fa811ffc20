# SPDX-License-Identifier: GPL-2.0-or-later
"""Mistakes that must be noticed: more than one step, declared as a change of nothing or of a single step."""

from plan import ALWAYS


def leak(proof):
    """Never-listed sources get in for a moment."""
    proof.command("mode", "off")
    proof.command("mode", "enforce")


def gap(proof):
    """An always-listed source is not listed for a moment."""
    core = proof.plan.directory / "core.list"
    entries = core.read_text(encoding="ascii")
    core.write_text(entries.replace(ALWAYS[0], "203.0.113.12"), encoding="ascii")
    proof.command("reload", "--force")
    core.write_text(entries, encoding="ascii")
    proof.command("reload")


def both(proof):
    """Sources that move from list to list are on both for a moment."""
    proof.axp.write(proof.plan.reload("sources moved"))
    left, right = (proof.plan.directory / f"{name}.list" for name in ("left", "right"))
    wanted = left.read_text(encoding="ascii"), right.read_text(encoding="ascii")
    for path in (left, right):
        path.write_text("".join(wanted), encoding="ascii")
    proof.command("reload", "--force")
    for path, entries in zip((left, right), wanted):
        path.write_text(entries, encoding="ascii")
    proof.command("reload")


MISTAKES = {"leak": leak, "gap": gap, "both": both}
