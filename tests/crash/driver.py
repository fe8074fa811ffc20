# SPDX-License-Identifier: GPL-2.0-or-later
"""Kills commands at their system calls, and has these fail; tools/crash sets up, builds, and runs this."""

import argparse
import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import calls
from bed import Violation, bed, sweep
from scenarios import SCENARIOS
from trial import fail, kill, record

ERRORS = {"bpf": ("ENOMEM", "EPERM", "E2BIG", "ENOSPC"), "files": ("ENOSPC", "EIO")}


def kills(recorded, every):
    """(call, None) for each call to be killed at: every one, or those that alter something and one in `every` of the rest."""
    return [(c, None) for n, c in enumerate(recorded) if every == 1 or c.alters or (every and n % every == 0)]


def failures(recorded, all_errors):
    """(call, error); all errors for each call, or one after the other."""
    made = []
    for kind, wanted in (("bpf", [c for c in recorded if c.name == "bpf"]), ("files", [c for c in recorded if c.writes])):
        errors = ERRORS[kind]
        for n, call in enumerate(wanted):
            made += [(call, e) for e in (errors if all_errors else (errors[n % len(errors)],))]
    return made


def thin(trials, most):
    """At most so many of them: of each kind of call the first and the last, then evenly."""
    if not most or len(trials) <= most:
        return trials
    kinds = {}
    for n, (call, _) in enumerate(trials):
        kinds.setdefault(call.kind, []).append(n)
    chosen = []
    for n in [v[-1] for v in kinds.values()] + [v[0] for v in kinds.values()]:
        chosen += [n] if n not in chosen else []
    chosen = chosen[:most]
    rest = [n for n in range(len(trials)) if n not in chosen]
    more = most - len(chosen)
    chosen += [rest[k * len(rest) // more] for k in range(more)] if more else []
    return [trials[n] for n in sorted(chosen)]


class Run:
    """The trials of some scenarios, by as many beds as there are threads."""

    def __init__(self, options):
        self.options = options
        self.sums, self.violations = Counter(), []
        self.lock = threading.Lock()
        self.tasks, self.planned = [], 0
        self.stop = False

    def plan(self, made):
        for name, most in self.options.scenario:
            scenario = SCENARIOS[name]
            recorded, besides = record(made, scenario)
            if scenario.clsact:  # strace injects one thing into calls of one name
                recorded = [c for c in recorded if c.name != "bpf"]
            o = self.options
            trials = []
            if "kill" in o.what:
                trials += thin(kills(recorded, o.every), most)
            if "fail" in o.what and not scenario.clsact:
                trials += thin(failures(recorded, o.all_errors), most)
            share = [t for n, t in enumerate(trials) if n % o.shards == o.shard]
            self.sums["calls"] += len(recorded)
            self.tasks += [(scenario, besides, call, error, o.thorough and n % o.thorough == 0)
                           for n, (call, error) in enumerate(share)]
        self.tasks.reverse()

    def work(self, made):
        while not self.stop:
            with self.lock:
                if not self.tasks or time.monotonic() > self.options.until:
                    return
                task = self.tasks.pop()
            self.trial(made, *task)

    def trial(self, made, scenario, besides, call, error, thorough):
        try:
            if error:
                done, failed = fail(made, scenario, call, error, thorough)
                self.count({"failed calls": done, "failed commands": failed, "not reached": not done})
            else:
                done = kill(made, scenario, call, besides, thorough)
                self.count({"kills": done, "not reached": not done})
        except (Violation, AssertionError, subprocess.TimeoutExpired) as violation:
            with self.lock:
                self.violations.append(str(violation))
                print(f"VIOLATION {violation}", flush=True)
            repair(made)

    def count(self, what):
        with self.lock:
            self.sums.update({k: int(v) for k, v in what.items()})

    def all(self):
        """Plans, and does it; one thread goes on with the bed of the plan, the others make theirs."""
        with bed(0) as made:
            self.plan(made)
            self.planned = len(self.tasks)
            others = [threading.Thread(target=self.guarded, args=(n,)) for n in range(1, self.options.jobs)]
            for thread in others:
                thread.start()
            try:
                self.work(made)
            finally:
                self.stop = True
                for thread in others:
                    thread.join()

    def guarded(self, number):
        try:
            with bed(number) as made:
                self.work(made)
        except BaseException as error:  # pylint: disable=broad-except
            self.stop = True
            with self.lock:
                self.violations.append(f"the test itself: {type(error).__name__}: {error}")


def repair(made):
    """After a violation: what is left of it must not spoil the next trial."""
    made.axp("unload", "--all")
    for path in (made.axp.state, made.axp.run_dir):
        for f in path.rglob("*"):
            if f.is_file():
                f.unlink()


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="*", metavar="SCENARIO[:N]",
                        help=f"of {', '.join(SCENARIOS)}, with a --most of its own; all when none is named")
    parser.add_argument("--what", default="kill,fail", help="kill, fail, or both (kill,fail)")
    parser.add_argument("--every", type=int, default=1, metavar="N",
                        help="kill at calls that alter something, and at one in N of the others (1: all, 0: none)")
    parser.add_argument("--all-errors", action="store_true", help="each call fails with each error, not with one of them")
    parser.add_argument("--most", type=int, default=0, metavar="N", help="at most N kills and N failures a scenario")
    parser.add_argument("--thorough", type=int, default=10, metavar="N",
                        help="doctor and unload, too, after one trial in N (0: never)")
    parser.add_argument("--shard", default="0/1", metavar="I/N", help="only the trials I, I+N, I+2N...")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="trials at a time")
    parser.add_argument("--seconds", type=float, default=1e9, metavar="S", help="begin no trial after that")
    parser.add_argument("--json", metavar="FILE", help="figures")
    made = parser.parse_args()
    made.what = made.what.split(",")
    made.shard, made.shards = map(int, made.shard.split("/"))
    made.until = time.monotonic() + made.seconds
    named = [name.partition(":") for name in made.scenario or SCENARIOS]
    for name, _, most in named:
        if name not in SCENARIOS or (most and not most.isdigit()):
            parser.error(f"there is no scenario {name}: use {', '.join(SCENARIOS)}")
    made.scenario = [(name, int(most or made.most)) for name, _, most in named]
    return made


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sweep()
    o = options()
    run = Run(o)
    run.all()
    figures = {"scenarios": [name for name, _ in o.scenario], **run.sums, "planned": run.planned, "left": len(run.tasks),
               "violations": run.violations}
    if o.json:
        with open(o.json, "w", encoding="utf-8") as f:
            json.dump(figures, f, indent=1)
    print(f"{run.sums['calls']} calls, {run.sums['kills']} kills, {run.sums['failed calls']} injected failures "
          f"({run.sums['failed commands']} of them failed the command), {len(run.violations)} violations, "
          f"{run.sums['not reached']} not reached, {len(run.tasks)} of {run.planned} trials left")
    return 1 if run.violations or run.tasks else 0


if __name__ == "__main__":
    sys.exit(main())
