# SPDX-License-Identifier: GPL-2.0-or-later
"""The soak; tools/soak sets up, builds, and runs this. docs/soak.md tells what it does and what it judges."""

import argparse
import collections
import contextlib
import json
import operator
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
os.environ["SOAK_RUN"] = f"soak-{os.getpid()}"  # by which all our processes are known
# pylint: disable=wrong-import-position
import judge as rules  # noqa: E402
from actors import Changer, Clients, Handshakes, News, Questions, Scraper, Wild  # noqa: E402
from judge import Judge  # noqa: E402
from kernel import Kernel, kinds, memory, totals  # noqa: E402
from lab import sweep, wait_for  # noqa: E402
from sabotage import MISTAKES, Sabotage  # noqa: E402
from world import World  # noqa: E402

PATIENCE = 30.0  # for what must become as it was, on a busy machine
IMPATIENCE = 1.0  # with what will not: mistakes on purpose


class Soak:
    def __init__(self, options):
        self.options = options
        self.patience = IMPATIENCE if options.sabotage else PATIENCE
        self.rng = random.Random(options.seed)
        self.judge = Judge()
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.samples, self.rounds = [], 0
        self.packets = collections.Counter()
        self.began, self.held_up = time.monotonic(), 0.0
        self.epoch, self.opened, self.lossy = 0, False, False
        self.base, self.said, self.left = None, {}, None
        self.kernel = Kernel("SOAK_RUN=" + os.environ["SOAK_RUN"], "/nowhere", ())
        self.world = World(self.judge, options.pps, options.seed)
        lab = self.world.lab
        self.kernel.directory = str(lab.directory)
        self.kernel.namespaces = {lab.host.name, lab.net.name}
        self.sabotage = Sabotage(self, options.sabotage) if options.sabotage else None

    # -- what actors tell

    def done(self, what):
        with self.lock:
            self.counts[what] += 1

    @contextlib.contextmanager
    def unloading(self):
        """An odd epoch: nothing may be loaded on eth0."""
        self.epoch += 1
        try:
            yield
        finally:
            self.epoch += 1

    @staticmethod
    def wait(condition):
        wait_for(condition, "packets are sent", PATIENCE)

    # -- rounds

    def elapsed(self):
        return time.monotonic() - self.began - self.held_up

    def hold(self):
        """Rests as long as somebody wants this machine to be quiet."""
        began = time.monotonic()
        while self.options.hold and Path(self.options.hold).exists():
            time.sleep(1)
        self.held_up += time.monotonic() - began

    def go(self):
        end = self.options.minutes * 60
        for name in ("wild", "proof"):
            self.settle(name)
        self.measure()  # everything has been used once: figures of before mean little, they are warm-up
        self.began, self.held_up = time.monotonic(), 0.0
        while self.elapsed() < end and not self.judge_enough():
            self.round(min(self.options.round, max(1.0, end - self.elapsed())))
            self.tell()
            self.hold()

    def judge_enough(self):
        """So much went wrong that more of it says nothing new."""
        return sum(k["times"] for k in self.judge.kinds.values()) > 500

    def round(self, seconds):
        self.opened = self.lossy = False
        calm = self.rounds % 2 == 1  # every other round even the wild one is never opened
        self.counters = {i.name: i.json("stats")["counters"] for i in self.world.instances}
        self.world.echo.asked = 0
        for stream in self.world.streams.values():
            stream.since()
            stream.resume()
        stop = threading.Event()
        seeds = [self.rng.random() for _ in range(5)]
        actors = [Wild(self, stop, self.world.wild, seeds[0], calm), Changer(self, stop, self.world.proof, seeds[1]),
                  Clients(self, stop, seeds[2]), News(self, stop, seeds[3]), Scraper(self, stop), Handshakes(self, stop),
                  Questions(self, stop)]
        for actor in actors:
            actor.start()
        try:
            time.sleep(seconds)
        finally:
            stop.set()
            for actor in actors:
                actor.join()
        for actor in actors[:2]:
            self.tidied(actor)
        if self.sabotage:
            self.sabotage.round()
        self.rest()
        self.rounds += 1

    def tidied(self, actor):
        try:
            actor.tidy()
            self.settle(actor.i.name)
        except AssertionError as e:
            self.judge.wrong("failed", e)

    def settle(self, name):
        """As at the beginning: the same policy, in force, attached the same way."""
        instance = getattr(self.world, name)
        instance.write(services=[{"name": "rest", "ports": ["tcp/7999"], "allow": ["office"]}])
        if name == "wild" and self.opened:
            with self.unloading():
                instance("unload", "--all")
                instance.write()
                instance.ok("load", instance.link, "--mode", "native")
            instance.write(services=[{"name": "rest", "ports": ["tcp/7999"], "allow": ["office"]}])
        instance.ok("reload")  # a whole one, and another: both slots are filled anew
        instance.write()
        instance.ok("reload")
        instance.ok("mode", "enforce")

    # -- rests

    def rest(self):
        since = {}
        for name, stream in self.world.streams.items():
            self.judge.expect("failed", stream.alive(), f"{name}: the traffic has ended")
            stream.pause()
            since[name] = stream.since()
        for instance in self.world.instances:
            self.judge_round(instance, since[instance.name])
        self.judge.expect("let in", not self.world.strangers_served(), "TCP from one who is never listed")
        self.measure()

    def judge_round(self, instance, since):
        wild = instance is self.world.wild
        rules.judge_traffic(self.judge, instance.name, since, wild and self.opened, wild and self.lossy)
        for frame, sent, received, _ in since:
            self.packets["sent"] += sent
            self.packets["arrived"] += received
        if wild and self.opened:
            return
        more = {("ipv4", "rtp", "pass", "reply"): self.world.echo.asked} if not wild else {}
        rules.judge_counters(self.judge, instance.name, since, self.counters[instance.name],
                             instance.json("stats")["counters"], more)

    def processes(self):
        return collections.Counter(
            Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() for pid in self.kernel.processes()
            if Path(f"/proc/{pid}/comm").exists())

    def measure(self):
        """All that must be the same at every rest; waited for, since some of it goes when its time has come."""
        for watched in self.world.watched:
            self.judge.expect("failed", watched.alive(), f"{watched.name} has ended")
        wanted = self.base or {}
        first = wanted.get("objects") or self.objects_twice()
        objects = self.kernel.settles(lambda now: rules.without_pages(now) == rules.without_pages(first), self.patience)
        found = {"objects": kinds(objects)}
        for what, look, join in (("processes", self.processes, operator.and_),
                                 ("fds", self.descriptors, operator.or_)):
            found[what] = self.becomes(look, wanted[what]) if wanted else self.first(look, join)
        if self.base:
            what = f"round {self.rounds + 1}"
            rules.judge_objects(self.judge, what, self.base["objects"], found["objects"], len(self.world.instances))
            for kind in ("processes", "fds"):
                rules.judge_no_more(self.judge, kind, what, self.base[kind], found[kind])
        else:
            self.base = found
        processes = {k: v for w in self.world.watched if w.alive() for k, v in w.sample().items()}
        disk = {k: v for i in self.world.instances for k, v in i.disk().items()}
        self.samples.append({
            "seconds": round(self.elapsed(), 1), "processes": processes, "kernel": totals(objects),
            "kernel_memory": memory(objects, rules.PAGE), "disk": sum(disk.values()), "files": disk})

    def objects_twice(self):
        """What our objects are, once two looks agree."""
        last = None
        for _ in range(20):
            now = kinds(self.kernel.ours(thorough=True))
            if now == last:
                return now
            last = now
        return last

    def descriptors(self):
        return collections.Counter({
            f"{name} {kind}": n for w in self.world.watched if w.alive()
            for name, of in w.sample().items() for kind, n in of["fds"].items()})

    @staticmethod
    def first(look, join):
        """Of several looks: a process that fetches may be there for a moment, a connection may be away for one."""
        found = None
        for _ in range(4):
            with contextlib.suppress(OSError):  # a process that ends while it is looked at
                found = look() if found is None else join(found, look())
            time.sleep(0.2)
        return found

    def becomes(self, look, wanted):
        """Waits until there is nothing that was not wanted."""
        deadline = time.monotonic() + self.patience
        while True:
            with contextlib.suppress(OSError):
                found = look()
                if found <= wanted or time.monotonic() > deadline:
                    return found
            time.sleep(0.2)

    # -- the end

    def end(self):
        """Everything of ours goes; nothing of it may be left in the kernel."""
        self.said = {w.name: w.said() for w in self.world.watched if w.log}
        changes = sum(n for what, n in self.counts.items() if not what.startswith(("look", "scrape", "handshake")))
        for name, of in self.said.items():
            rules.judge_log(self.judge, name, of, changes)
        rules.judge_series(self.judge, self.samples)
        for instance in self.world.instances:
            result = instance("unload", "--all")
            self.judge.expect("failed", result.returncode == 0, result.stderr)
        self.judge.expect("left", not self.world.lab.axp.pins(), f"pins: {self.world.lab.axp.pins()}")
        keep = self.sabotage and self.sabotage.leaky
        if keep:
            self.world.lab.processes.remove(keep)
        self.world.close()
        left = self.kernel.settles(lambda now: not now, self.patience)
        self.left = dict(kinds(left))
        self.judge.expect("left", not left, f"in the kernel: {self.left}")
        if keep:
            keep.kill()
            keep.communicate()
        processes = self.becomes(self.processes, collections.Counter())
        self.judge.expect("left", not processes, f"processes: {dict(processes)}")

    # -- words

    def tell(self):
        s = self.samples[-1]
        anonymous = "+".join(f"{p['anonymous'] / 1024:.0f}" for p in s["processes"].values())
        kernel = " ".join(f"{n} {kind}s" for kind, n in s["kernel"].items())
        print(f"{s['seconds']:6.0f} s  round {self.rounds}: {sum(self.counts.values())} acts, {self.packets['sent']} packets; "
              f"processes {anonymous} KiB; kernel: {kernel}, {s['kernel_memory'] / 1024:.0f} KiB; "
              f"disk {s['disk'] / 1024:.0f} KiB{'' if self.judge.held else '; NOT AS IT SHOULD BE'}", flush=True)
        self.write()

    def report(self, interrupted=False):
        print("\nwhat was done:")
        for what, n in sorted(self.counts.items()):
            print(f"  {what:<28}{n:>9}")
        print(f"  {'packets sent':<28}{self.packets['sent']:>9}\n  {'packets arrived':<28}{self.packets['arrived']:>9}")
        if len(self.samples) > 1:
            print(f"\n{'':<24}{'first rest':>12}{'middle':>12}{'last':>12}")
            for name, of in series(self.samples).items():
                print(f"  {name:<22}" + "".join(f"{of[i]:>12}" for i in (0, len(of) // 2, -1)))
        for name, of in self.said.items():
            print(f"  {name + ' log lines':<22}{'':>24}{sum(of.values()):>12}")
        for line in self.judge.lines():
            print(f"  not as it should be: {line}")
        if self.left is not None:
            print(f"  maps, programs and links of ours at the end: {self.left or 'none, as before'}")
        print(f"soak: {'interrupted after' if interrupted else 'of'} {self.elapsed() / 60:.1f} minutes and {self.rounds} rounds, "
              f"seed {self.options.seed}: {'all held' if self.judge.held else 'NOT all held'}", flush=True)
        self.write(interrupted, True)

    def write(self, interrupted=False, ended=False):
        if not self.options.output:
            return
        new = Path(f"{self.options.output}.new")
        new.write_text(json.dumps({
            "seed": self.options.seed, "minutes": round(self.elapsed() / 60, 2), "rounds": self.rounds, "ended": ended,
            "interrupted": interrupted, "held": self.judge.held, "wrong": self.judge.kinds, "done": self.counts,
            "packets": self.packets, "samples": self.samples, "log": self.said}, indent=1),
            encoding="utf-8")
        new.rename(self.options.output)


def series(samples):
    """{what: its figure at each rest, as text}"""
    names = samples[-1]["processes"]
    found = {f"{n} {f}": [f"{s['processes'][n][f] / 1024:.0f} KiB" if n in s["processes"] else "-" for s in samples]
             for n in names for f in ("anonymous", "rss", "pss")}
    found.update({f"{n} descriptors": [str(sum(s["processes"][n]["fds"].values())) if n in s["processes"] else "-"
                                       for s in samples] for n in names})
    found["maps' memory"] = [f"{s['kernel_memory'] / 1024:.0f} KiB" for s in samples]
    found.update({f"{k}s": [str(s["kernel"][k]) for s in samples] for k in samples[-1]["kernel"]})
    found["files on disk"] = [f"{s['disk'] / 1024:.0f} KiB" for s in samples]
    return found


def arguments():
    parser = argparse.ArgumentParser(prog="tools/soak", description="An hour in the life of the filter.")
    parser.add_argument("--minutes", type=float, default=60, help="how long (60)")
    parser.add_argument("--seed", type=int, default=None, help="of all that is random")
    parser.add_argument("--output", help="figures, as JSON, written at every rest")
    parser.add_argument("--pps", type=int, default=4000, help="packets a second on each of the two links (4000)")
    parser.add_argument("--round", type=float, default=20, help="seconds between two rests (20)")
    parser.add_argument("--hold", metavar="FILE", help="rest while this file is there; that time does not count")
    parser.add_argument("--sabotage", type=lambda t: t.split(","), default=[],
                        help=f"make mistakes, to see that they are noticed: {','.join(MISTAKES)}")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(10 ** 6)
    for ok, what in ((0 < options.minutes <= 10 ** 5, "--minutes: 0 to 100000"), (options.round >= 1, "--round: 1 or more"),
                     (200 <= options.pps <= 12000, "--pps: 200 to 12000"),
                     (set(options.sabotage) <= set(MISTAKES), f"--sabotage: some of {','.join(MISTAKES)}")):
        if not ok:
            parser.error(what)
    return options


def main():
    options = arguments()

    def stop(signum, frame):
        raise KeyboardInterrupt
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, stop)
    sweep()
    soak = Soak(options)
    interrupted = False
    try:
        soak.go()
    except KeyboardInterrupt:
        interrupted = True
    except AssertionError as e:
        soak.judge.wrong("failed", e)
    finally:
        for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(signum, signal.SIG_IGN)
        try:
            soak.end()
        except AssertionError as e:
            soak.judge.wrong("failed", e)
        finally:
            soak.world.close()
            soak.report(interrupted)
    if interrupted:
        return 130 if soak.judge.held else 1
    return 0 if soak.judge.held else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)  # before there was anything to judge
