# SPDX-License-Identifier: GPL-2.0-or-later
"""One trial: a command is killed at a call, or that call fails; then what must hold is looked at."""

import time

import calls
from bed import Violation, check
from lab import run


def traced(bed, scenario, *injections, deadline="10m"):
    """Runs the scenario's command; the finished process and what strace wrote."""
    argv = bed.axp.namespace.wrap(*calls.strace(bed.trace, *injections), bed.axp.binary, "-c", bed.axp.config,
                                  *scenario.words(deadline))
    result = run(*argv, env=bed.axp.env, check=False)
    return result, bed.trace.read_text(encoding="utf-8", errors="replace")


def record(bed, scenario, *injections):
    """The calls of the command when nothing goes wrong, and what is to be injected besides in every trial."""
    scenario.prepare(bed)
    result, text = traced(bed, scenario, *injections)
    check(result.returncode == 0, f"{scenario.name}: {result.stderr}")
    bed.expect({scenario.after}, f"after {scenario.name}")
    recorded = calls.parse(text)
    if not scenario.clsact:
        finish(bed, scenario, f"after {scenario.name}")
        return recorded, injections
    bed.unload()  # the next command would put the egress program back the way it can
    bed.check_gone(f"after {scenario.name}")
    return (recorded, injections) if injections else record(bed, scenario, calls.without_tcx(recorded))


def kill(bed, scenario, call, besides=(), thorough=False):
    """Returns whether it was killed: a run may make fewer calls than the one before."""
    scenario.prepare(bed)
    _, text = traced(bed, scenario, *besides, calls.kill_at(call), deadline="2s")
    if not calls.was_killed(text):
        return False
    when = f"{scenario.name} killed at {call}"
    if scenario.confirm:
        deadline_passes(bed, scenario, when)
    recover(bed, scenario, when, thorough)
    if scenario.clsact:  # the next trial has TCX
        bed.unload()
        bed.check_gone(f"{when}, then unload")
    return True


def fail(bed, scenario, call, error, thorough=False):
    """Returns whether the call was made, and failed; and whether the command did."""
    scenario.prepare(bed)
    result, text = traced(bed, scenario, calls.fail_at(call, error))
    which = calls.injected(text)
    if not which:
        return False, False
    when = f"{scenario.name}, {error} at {which}"
    check(result.returncode in (0, 1), f"{when}: exit status {result.returncode}: {result.stderr}")
    failed = result.returncode == 1
    if failed:
        check_error(result, which, when)
    bed.expect({scenario.before if failed else scenario.after}, f"{when} (exit status {result.returncode})")
    recover(bed, scenario, when, thorough)
    return True, failed


def check_error(result, call, when):
    """One line of error, and nothing on stdout; what warns may come before it."""
    lines = [l for l in result.stderr.splitlines() if not l.startswith("allowxdp: warning: ")]
    if call.name == "write" and call.fd == 2:
        return
    check(len(lines) == 1 and lines[0].startswith("allowxdp: "), f"{when}: not one line of error: {result.stderr!r}")
    check(not result.stdout, f"{when}: output although it failed: {result.stdout!r}")


def deadline_passes(bed, scenario, when):
    """Whatever was killed: past the deadline the policy before runs, with no process left."""
    bed.expect({scenario.before, scenario.after}, when)
    seconds = bed.succeeds_json(when, "status")["confirm_seconds_left"]
    if seconds is not None:
        time.sleep(seconds + 1)  # whole seconds are told
        bed.expect({scenario.before}, f"{when}, past the deadline")


def recover(bed, scenario, when, thorough):
    """Which policy runs, all files can be read, the same command again succeeds and leaves nothing behind."""
    bed.expect({scenario.before, scenario.after}, when)
    bed.listed(when)
    if thorough and scenario.loaded:
        bed.succeeds(f"{when}, then", "doctor", "eth0")
    again = bed.run(*scenario.words())
    if again.returncode != 0:
        check(scenario.done and scenario.done in again.stderr,
              f"{when}: the same again ends with {again.returncode}: {again.stderr}")
    bed.expect({scenario.after}, f"{when}, then the same again")
    finish(bed, scenario, f"{when}, then the same again")
    if thorough and not scenario.gone:
        bed.succeeds(when, "unload", "--all")
        bed.check_gone(f"{when}, then unload")


def finish(bed, scenario, when):
    if scenario.finish:
        bed.succeeds(f"{when}, then", *scenario.finish)
        bed.expect({scenario.after}, f"{when}, then {scenario.finish[0]}")
    bed.listed(when)
    if scenario.gone:
        bed.check_gone(when)
    else:
        bed.check_loaded(when, {"egress_eth0"} if scenario.clsact else ())


__all__ = ["Violation", "fail", "kill", "record"]
