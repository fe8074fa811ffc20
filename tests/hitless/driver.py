# SPDX-License-Identifier: GPL-2.0-or-later
"""The proof of hitlessness; tools/hitless sets up, builds, and runs this. docs/hitless.md tells what it proves."""

import argparse
import contextlib
import json
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
# pylint: disable=wrong-import-position
from lab import AllowXdp, Namespace, sweep  # noqa: E402
from oracle import Policy, covers  # noqa: E402
from plan import ALWAYS, EXTRA, LIVE, MOVERS, RELOADS, Plan, both, six  # noqa: E402
from traffic import Traffic  # noqa: E402

SABOTAGE = ("leak", "gap", "both")


class Failed(Exception):
    pass


class Timing:
    """How long commands took, by kind."""

    def __init__(self):
        self.by_kind = {}

    def note(self, kind, seconds):
        self.by_kind.setdefault(kind, []).append(seconds * 1000)

    def table(self):
        return {kind: {"n": len(v), "median_ms": round(statistics.median(v), 2), "max_ms": round(max(v), 2)}
                for kind, v in sorted(self.by_kind.items())}


class Bed:
    """Two namespaces, a veth pair with a queue for each CPU, the command; nothing else sends there."""

    def __init__(self):
        self.cleanups = contextlib.ExitStack()
        self.name = f"axp{os.getpid()}-h"
        try:
            self.directory = Path(self.cleanups.enter_context(tempfile.TemporaryDirectory(prefix=f"{self.name}-")))
            self.net, self.host = self.own(Namespace(f"{self.name}-net")), self.own(Namespace(f"{self.name}-host"))
            self.axp = self.own(AllowXdp(self.host, self.directory / "allowxdp"))
            self.link()
        except BaseException:
            self.close()
            raise

    def own(self, thing):
        self.cleanups.callback(thing.close)
        return thing

    def link(self):
        for ns in (self.net, self.host):
            ns.sysctl(**{f"ipv6__conf__{i}__disable_ipv6": 1 for i in ("all", "default")})
        queues = f"numrxqueues {os.cpu_count()} numtxqueues {os.cpu_count()}"
        self.host.ip(f"link add eth0 index 10 {queues} type veth peer name eth0 index 50 {queues} "
                     f"netns {self.net.name}", "link set eth0 up")
        self.net.ip("link set eth0 up", "link set lo up")
        # Packets that the filter lets through must reach the recorder in their order, one by one.
        self.host.run("ethtool", "-K", "eth0", "gro", "off")

    def device_counts(self, namespace):
        """Sums over the queues, by what the driver calls them."""
        sums = {}
        for name, value in re.findall(r"[rt]x_queue_\d+_(\w+): (\d+)", namespace.run("ethtool", "-S", "eth0").stdout):
            sums[name] = sums.get(name, 0) + int(value)
        return sums

    def close(self):
        self.cleanups.close()


class Proof:
    def __init__(self, bed, options):
        self.bed, self.options, self.axp = bed, options, bed.axp
        self.plan = Plan(self.axp.etc, options.prefixes, options.seed)
        self.timing = Timing()
        self.suspects, self.last = [], "the start"  # what was being changed when violations were seen
        self.output = bed.directory / "output"
        self.done = {"reloads": 0, "changes": 0}
        self.began = time.monotonic()
        self.told = self.began
        self.axp.write(self.plan.compose())
        self.axp.ok("load", "eth0", "--mode", "native")
        self.verdicts = self.plan.verdicts()
        self.traffic = Traffic(bed.net, bed.host, self.axp.bpffs / "default", self.plan.classes)

    def start(self):
        self.traffic.tell(f"start {self.verdicts}")

    # -- commands -----------------------------------------------------------------------------------

    def spawn(self, *argv):
        """Starts the command. This process is in the host's namespace, and so it needs no nsenter."""
        out = os.open(self.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            return os.posix_spawn(self.axp.binary, [self.axp.binary, "-c", str(self.axp.config), *argv],
                                  self.axp.env, file_actions=[(os.POSIX_SPAWN_DUP2, out, 1),
                                                              (os.POSIX_SPAWN_DUP2, out, 2)])
        finally:
            os.close(out)

    def wait(self, pid, *argv):
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status:
            raise Failed(f"allowxdp {' '.join(argv)}: exit status {status}: "
                         f"{self.output.read_text(encoding='utf-8')}")

    def command(self, *argv):
        began = time.monotonic()
        self.wait(self.spawn(*argv), *argv)
        self.timing.note(argv[0], time.monotonic() - began)
        if os.stat(self.output).st_size > 1 << 20:
            os.truncate(self.output, 0)

    def change(self, what, act, verdicts, together):
        """One change under watch: `act` makes it, `verdicts` hold when it is made."""
        self.checked(self.traffic.tell("open"))
        act()
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
        leaves = kind == "service" and self.plan.extra
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
            pids = [(self.spawn(*a), a) for a in (("reload",), argv)]
            for pid, a in pids:
                self.wait(pid, *a)
        self.change("reload, and " + " ".join(argv), act, self.plan.verdicts(), False)
        self.done["reloads"] += 1
        self.done["changes"] += 1

    def unconfirmed(self):
        """A reload that waits to be confirmed, an add meanwhile, and back: the add stays."""
        before = self.plan.policy, vars(self.plan).copy()
        self.axp.write(self.plan.reload(self.plan.dice.choice(["lists moved", "sources moved"])))
        self.change("reload --confirm", lambda: self.command("reload", "--confirm", "1h"), self.plan.verdicts(), True)
        self.entry("live", six(f"{LIVE[0]}/32"))
        services, lists = before[0].services, before[0].lists
        for key in ("swapped_lists", "swapped_sources", "paired"):
            setattr(self.plan, key, before[1][key])
        self.plan.policy = Policy(services, lists, self.plan.added)
        self.change("rollback", lambda: self.command("rollback"), self.plan.verdicts(), True)
        self.axp.write(self.plan.compose())
        self.done["reloads"] += 1

    def expiry(self):
        """An entry that expires by itself; the next command sweeps it away."""
        entry = self.plan.dice.choice(both(["172.16.5.0/28", "172.16.5.0/27"]))
        if any(covers(entry, c.source) for c in self.plan.classes if c.role == "never"):
            entry = six("172.16.5.0/29") if ":" in entry else "172.16.5.0/29"
        if ("live", entry) in self.plan.present:
            self.entry("live", entry)
        self.plan.added["live"].add(entry)
        self.change(f"add live {entry} --for 1s", lambda: self.command("add", "live", entry, "--for", "1s"),
                    self.after(entry), False)
        self.plan.added["live"].remove(entry)
        # Rounded up to whole seconds.
        self.change(f"expiry of {entry}", lambda: time.sleep(2.2), self.after(entry), False)
        self.done["changes"] += 1

    def sabotage(self, what):
        """Something that must be noticed, declared as a change of nothing or as one of a single step."""
        plan = self.plan
        text = self.axp.config.read_text(encoding="utf-8")
        if what == "leak":  # never-listed sources get in for a moment
            def act():
                self.command("mode", "off")
                self.command("mode", "enforce")
            verdicts = self.verdicts
        elif what == "gap":  # an always-listed one is not, for a moment
            def act():
                core = plan.directory / "core.list"
                entries = core.read_text(encoding="ascii")
                core.write_text(entries.replace(ALWAYS[0], "203.0.113.12"), encoding="ascii")
                self.command("reload", "--force")
                core.write_text(entries, encoding="ascii")
                self.command("reload")
            verdicts = self.verdicts
        else:  # movers are in both lists for a moment
            config = plan.reload("sources moved")

            def act():
                left, right = (plan.directory / f"{n}.list" for n in ("left", "right"))
                wanted = left.read_text(encoding="ascii"), right.read_text(encoding="ascii")
                left.write_text("".join(wanted), encoding="ascii")
                right.write_text("".join(wanted), encoding="ascii")
                self.command("reload", "--force")
                left.write_text(wanted[0], encoding="ascii")
                right.write_text(wanted[1], encoding="ascii")
                self.command("reload")
            text, verdicts = config, plan.verdicts()
        self.axp.write(text)
        self.change(f"sabotage: {what}", act, verdicts, True)

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
                self.sabotage(o.sabotage)
        while self.traffic.sent() < o.packets:
            time.sleep(0.05)
            self.progress()

    # -- the end ------------------------------------------------------------------------------------

    def report(self):
        seconds = time.monotonic() - self.began
        result = self.traffic.finish()
        self.checked(result["violations"])
        classes = self.plan.classes
        sent = {4: 0, 6: 0}
        arrived = {4: 0, 6: 0}
        roles = {}
        for n, c in enumerate(classes):
            s, a = result["class"][n]
            family = 6 if ":" in c.source else 4
            sent[family] += s
            arrived[family] += a
            role = roles.setdefault(c.role, [0, 0])
            role[0] += s
            role[1] += a
        counters = self.axp.counters()
        net, host = self.bed.device_counts(self.bed.net), self.bed.device_counts(self.bed.host)
        checks = [
            ("violations", result["violations"], 0),
            ("frames that nobody sent", result["foreign"], 0),
            ("sent, by class and by lane", sum(sent.values()), result["sent"]),
            ("sent, by the sender's device", net.get("xdp_xmit"), result["sent"]),
            ("lost before the filter, by the sender's device", net.get("xdp_xmit_errors"), 0),
            ("received, by the host's device", host.get("xdp_packets"), result["sent"]),
            ("lost before the filter, by the host's device", host.get("drops"), 0),
            ("dropped by XDP, by the host's device", host.get("xdp_drops"),
             sum(sent.values()) - sum(arrived.values())),
            ("always-listed: arrived", roles["always"][1], roles["always"][0]),
            ("not guarded: arrived", roles["fence"][1], roles["fence"][0]),
            ("never-listed: arrived", roles["never"][1], 0),
        ]
        for family, number in ((4, 1), (6, 2)):
            for verdict, expected in (("pass", arrived[family]), ("drop", sent[family] - arrived[family])):
                counted = sum(c["packets"] for c in counters
                              if c["family"] == f"ipv{family}" and c["verdict"] == verdict)
                counted += result["left"].get(number, (0, 0))[verdict == "drop"]
                checks.append((f"counted by allowxdp: IPv{family}, {verdict}", counted, expected))
        checks.append(("counted by allowxdp, in all", sum(c["packets"] for c in counters)
                       + sum(map(sum, result["left"].values())), result["sent"]))
        wrong = [f"{name}: {is_}, must be {must}" for name, is_, must in checks if is_ != must]
        for name in ("sent", "arrived"):
            roles_of = {role: v[name == "arrived"] for role, v in roles.items()}
            result[name + "_by_role"] = roles_of
        return {
            "seconds": round(seconds, 1), "lanes": result["lanes"], "packets": result["sent"],
            "arrived": sum(arrived.values()), "classes": len(classes), "seed": self.options.seed,
            "packets_per_second": round(result["sent"] / seconds), "prefixes": len(self.plan.bulk[0]),
            "sent_by_role": result["sent_by_role"], "arrived_by_role": result["arrived_by_role"],
            **self.done, "switches": result["switches"], "tightest_switch": result["tightest"],
            "commands": self.timing.table(), "violations": result["violations"], "wrong": wrong,
            "violation_texts": [self.explain(v) for v in result["violation"]],
            "suspects": self.suspects[:20],
        }

    def explain(self, text):
        """The class's number, and who that is."""
        return re.sub(r"class (\d+)", lambda m: "class {0} ({1.role} {1.source} {1.protocol}/{1.port})".format(
            m[1], self.plan.classes[int(m[1])]), text)


def show(r):
    print(f"{r['packets']:,} packets on {r['lanes']} CPUs in {r['seconds']:,} s "
          f"({r['packets_per_second'] / 1e6:.2f} million a second, the commands beside them), {r['classes']} kinds")
    print(f"{r['reloads']} reloads, {r['changes']} adds and removes, lists of {r['prefixes']} prefixes, "
          f"seed {r['seed']}")
    for kind, t in r["commands"].items():
        print(f"  {kind:9} {t['n']:7}   median {t['median_ms']:7.1f} ms   longest {t['max_ms']:7.1f} ms")
    for role, what in (("always", "always listed"), ("never", "never listed"), ("mover", "moved between services"),
                       ("other", "listed at times"), ("fence", "to a port not guarded")):
        print(f"  {what:23} sent {r['sent_by_role'][role]:12,}   arrived {r['arrived_by_role'][role]:12,}")
    print(f"{r['switches']:,} switches seen from both sides, the tightest {r['tightest_switch']} packet(s) wide")
    for text in r["violation_texts"]:
        print(f"VIOLATION: {text}")
    for what, n in r["suspects"]:
        print(f"  {n} during: {what}")
    for text in r["wrong"]:
        print(f"WRONG: {text}")
    print("proved: every packet got the verdict of the policy before or after, none else" if not r["wrong"]
          else "NOT proved")


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
    p.add_argument("--sabotage", choices=SABOTAGE, help="makes a mistake that must be noticed")
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
