# SPDX-License-Identifier: GPL-2.0-or-later
"""The proof of hitlessness; tools/hitless sets up, builds, and runs this. docs/hitless.md tells what it proves."""

import argparse
import json
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
# pylint: disable=wrong-import-position
from bed import Bed, Failed  # noqa: E402
from lab import sweep  # noqa: E402
from oracle import covers  # noqa: E402
from plan import EXTRA, LIVE, RELOADS, Plan, both, six  # noqa: E402
from report import Sums, Timing, disagreements, explain, show  # noqa: E402
from sabotage import MISTAKES  # noqa: E402
from traffic import Traffic  # noqa: E402


class Proof:
    def __init__(self, bed, options):
        self.bed, self.options, self.axp = bed, options, bed.axp
        self.plan = Plan(self.axp.etc, options.prefixes, options.seed)
        self.timing = Timing()
        self.suspects, self.last = [], "the start"  # what was being changed when violations were seen
        self.done = {"reloads": 0, "changes": 0}
        self.began = time.monotonic()
        self.told = self.began
        self.axp.write(self.plan.compose())
        self.axp.ok("load", "eth0", "--mode", "native")
        self.verdicts = self.plan.verdicts()
        self.traffic = Traffic(bed.net, bed.host, self.axp.bpffs / "default", self.plan.classes)

    def start(self):
        self.traffic.tell(f"start {self.verdicts}")

    def command(self, *argv):
        began = time.monotonic()
        self.bed.wait(self.bed.spawn(*argv), *argv)
        self.timing.note(argv[0], time.monotonic() - began)

    def change(self, what, act, verdicts, together):
        """One change under watch: `act` makes it, `verdicts` (text, or a function) hold when it is made."""
        self.checked(self.traffic.tell("open"))
        act()
        if callable(verdicts):
            verdicts = verdicts()
        self.traffic.tell(f"close {verdicts} {'together' if together else 'each'}")
        self.last, self.verdicts = what, verdicts
        self.progress()

    def checked(self, violations):
        """The change before this one has been checked."""
        known = sum(n for _, n in self.suspects)
        if violations > known:
            self.suspects.append((self.last, violations - known))

    def progress(self):
        now = time.monotonic()
        if now - self.told < (10 if sys.stderr.isatty() else 60):
            return
        self.told = now
        sent = self.traffic.sent()
        print(f"{now - self.began:6.0f} s  {sent / 1e6:8.1f} million packets  {self.done['reloads']} reloads  "
              f"{self.done['changes']} adds and removes  {self.traffic.violations} violations", file=sys.stderr)

    # -- changes ------------------------------------------------------------------------------------

    def reload(self, kind):
        leaves = kind == "service" and self.plan.state["extra"]
        if leaves:
            self.traffic.tell(f"leave {EXTRA}")
        self.axp.write(self.plan.reload(kind))
        self.change(f"reload: {kind}", lambda: self.command("reload"), self.plan.verdicts(), True)
        if leaves:
            self.change("nothing", lambda: None, self.verdicts, False)
            self.traffic.tell("left")
        self.done["reloads"] += 1

    def entry(self, name, entry):
        argv = self.plan.entry(name, entry)
        self.change(" ".join(argv), lambda: self.command(*argv), self.after(entry), False)
        self.done["changes"] += 1

    def after(self, entry):
        """Verdicts after a change of one entry: only sources that it covers are looked at again."""
        text = list(self.verdicts)
        for n, c in enumerate(self.plan.classes):
            if covers(entry, c.source):
                text[n] = "01"[self.plan.policy.passes(c.source, c.protocol, c.port)]
        return "".join(text)

    def again(self):
        """What is so already: nothing changes."""
        present = sorted(self.plan.present)
        argv = ("add", *present[0]) if present else ("remove", "live", "172.16.5.1/32")
        self.change("again: " + " ".join(argv), lambda: self.command(*argv), self.verdicts, False)
        self.done["changes"] += 1

    def race(self):
        """A reload and an add at once, of different sources; either may come first."""
        self.axp.write(self.plan.reload("whole"))
        argv = self.plan.entry("live", self.plan.dice.choice(both([f"{s}/32" for s in LIVE])))

        def act():
            pids = [(self.bed.spawn(*a), a) for a in (("reload",), argv)]
            for pid, a in pids:
                self.bed.wait(pid, *a)
        self.change("reload, and " + " ".join(argv), act, self.plan.verdicts(), False)
        self.done["reloads"] += 1
        self.done["changes"] += 1

    def unconfirmed(self):
        """A reload that waits to be confirmed, an add meanwhile, and back: the add stays."""
        plan = self.plan
        before, policy = plan.state.copy(), plan.policy
        self.axp.write(plan.reload(plan.dice.choice(["lists moved", "sources moved"])))
        self.change("reload --confirm", lambda: self.command("reload", "--confirm", "1h"), plan.verdicts(), True)
        self.entry("live", six(f"{LIVE[0]}/32"))
        plan.policy = policy
        self.change("rollback", lambda: self.command("rollback"), plan.verdicts(), True)
        plan.state = before
        self.axp.write(plan.compose())
        self.done["reloads"] += 1

    def expiry(self):
        """An entry that expires by itself; the next command sweeps it away."""
        entry = self.plan.dice.choice(both(["172.16.5.0/29"]))
        added = self.plan.added["live"]
        if ("live", entry) in self.plan.present:
            self.entry("live", entry)
        added.add(entry)
        self.change(f"add live {entry} --for 1s", lambda: self.command("add", "live", entry, "--for", "1s"),
                    self.after(entry), False)
        added.remove(entry)
        # Rounded up to whole seconds.
        self.change(f"expiry of {entry}", lambda: time.sleep(2.2), self.after(entry), False)
        self.done["changes"] += 1

    def run(self):
        o, dice = self.options, self.plan.dice
        kinds = [RELOADS[n % len(RELOADS)] for n in range(o.reloads)]
        dice.shuffle(kinds)
        special = {0: self.unconfirmed, 1: self.race, 2: self.expiry, 3: self.again}
        done = 0
        for n in range(max(1, o.reloads)):
            until = o.changes * (n + 1) // max(1, o.reloads)
            while done < until:
                self.entry(*self.plan.pick())
                done += 1
            if n < o.reloads:
                if n % o.special_every < len(special) and n // o.special_every < o.special:
                    special[n % o.special_every]()
                self.reload(kinds[n])
            if o.sabotage and n == o.reloads // 2:
                self.change(f"sabotage: {o.sabotage}", lambda: MISTAKES[o.sabotage](self), self.plan.verdicts, True)
        while self.traffic.sent() < o.packets:
            time.sleep(0.05)
            self.progress()

    def report(self):
        seconds = time.monotonic() - self.began
        result = self.traffic.finish()
        self.checked(result["violations"])
        classes, bed = self.plan.classes, self.bed
        sums = Sums(classes, result)
        return {
            "seconds": round(seconds, 1), "lanes": result["lanes"], "packets": result["sent"],
            "packets_per_second": round(result["sent"] / seconds), "arrived": sums.all_arrived,
            "classes": len(classes), "seed": self.options.seed, "prefixes": len(self.plan.bulk[0]), **self.done,
            "sent_by_role": sums.roles(sums.sent), "arrived_by_role": sums.roles(sums.arrived),
            "switches": result["switches"], "tightest_switch": result["tightest"],
            "commands": self.timing.table(), "violations": result["violations"],
            "violation_texts": [explain(classes, v) for v in result["violation"]], "suspects": self.suspects[:20],
            "wrong": disagreements(sums, result, self.axp.counters(), bed.device_counts(bed.net),
                                   bed.device_counts(bed.host)),
        }


def parse(argv):
    p = argparse.ArgumentParser(prog="tools/hitless", description=(
        "Proves that changes are hitless: packets on every CPU, while allowxdp reloads, adds and removes."))
    p.add_argument("--reloads", type=int, default=1000, metavar="N")
    p.add_argument("--changes", type=int, default=100000, metavar="N", help="adds and removes")
    p.add_argument("--packets", type=float, default=1e8, metavar="N", help="goes on until so many were sent")
    p.add_argument("--prefixes", type=int, default=10000, metavar="N", help="in the large list")
    p.add_argument("--special", type=int, default=20, metavar="N",
                   help="how often: unconfirmed reloads, a reload and an add at once, expiry")
    p.add_argument("--seed", type=int, default=1, metavar="N")
    p.add_argument("--json", metavar="FILE", help="writes the figures there too")
    p.add_argument("--sabotage", choices=MISTAKES, help="makes a mistake that must be noticed")
    options = p.parse_args(argv)
    options.special_every = max(4, options.reloads // max(1, options.special))
    return options


def main(argv):
    options = parse(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sweep()
    bed = Bed()
    try:
        with bed.host.inside():
            proof = Proof(bed, options)
            bed.own(proof.traffic)
            proof.start()
            proof.run()
            result = proof.report()
    finally:
        bed.close()
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="ascii")
    show(result)
    return 1 if result["wrong"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failed as error:
        sys.exit(f"tools/hitless: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
