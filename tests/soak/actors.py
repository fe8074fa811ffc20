# SPDX-License-Identifier: GPL-2.0-or-later
"""What is done while packets flow: everything that people, cron, programs and the net do to a filter."""

import contextlib
import random
import signal
import threading
import time

from lab import OFFICE4, OFFICE6, STRANGER4
from streams import FLAPPING, NAMED

NEAR = ["203.0.113.10", "203.0.113.8/29", "203.0.112.0/23", "203.0.113.10/31", "198.51.100.67", "198.51.100.68/30",
        "198.51.100.64/31", "2001:db8:7::/64", "2001:db8:7::5", "2001:db8:666::7"]


class Actor(threading.Thread):
    """Something that goes on until it is told to stop; what it does is counted, what fails is judged."""

    def __init__(self, soak, stop):
        super().__init__(daemon=True)
        self.soak, self.stop_event, self.world, self.judge = soak, stop, soak.world, soak.judge

    def run(self):
        try:
            self.go()
        except Exception as e:  # pylint: disable=broad-except
            self.judge.wrong("failed", f"{type(self).__name__}: {type(e).__name__}: {e}")

    def go(self):
        raise NotImplementedError

    def stopped(self, wait=0.0):
        return self.stop_event.wait(wait) if wait else self.stop_event.is_set()

    def done(self, what):
        self.soak.done(what)


class Changer(Actor):
    """Operations on one instance, in a random order; each leaves the roles of who is judged as they are."""

    SAFE = {"add": 10, "remove": 8, "expiring": 6, "small": 6, "services": 4, "again": 2, "confirmed": 2,
            "lapsed": 1, "rollback": 2, "broken": 2, "settings": 1}

    def __init__(self, soak, stop, instance, seed):
        super().__init__(soak, stop)
        self.i, self.rng = instance, random.Random(seed)
        self.added = set()
        self.last_expiry = 0.0
        self.operations = dict(self.SAFE)

    def go(self):
        names, weights = zip(*self.operations.items())
        self.whole()
        while not self.stopped(0.02):
            what = self.rng.choices(names, weights)[0]
            getattr(self, what)()
            self.done(f"{self.i.name} {what}")

    # -- entries

    def entry(self):
        if self.rng.random() < 0.3:
            return "flapping", self.rng.choice(FLAPPING)
        if self.rng.random() < 0.5:
            return "near", self.rng.choice(NEAR)
        if self.rng.random() < 0.5:
            return "near", f"10.9.{self.rng.randrange(256)}.0/24"
        return "near", f"2001:db8:9:{self.rng.randrange(65536):x}::/64"

    def add(self):
        entry = self.entry()
        self.i.ok("add", *entry, "--label", "soak")
        self.added.add(entry)

    def remove(self):
        if self.added:
            entry = self.rng.choice(sorted(self.added))
            self.i.ok("remove", *entry)
            self.added.remove(entry)

    def expiring(self):
        name, prefix = self.entry()
        if (name, prefix) not in self.added:
            seconds = self.rng.randrange(1, 4)
            self.i.ok("add", name, prefix, "--for", f"{seconds}s")
            self.last_expiry = max(self.last_expiry, time.monotonic() + seconds)

    def tidy(self):
        """Takes back what was added, and waits for what ends by itself."""
        time.sleep(max(0.0, self.last_expiry - time.monotonic()) + 1.2)  # of whole seconds
        for entry in sorted(self.added):
            self.i.ok("remove", *entry)
        self.added.clear()

    # -- policies

    def some(self, n):
        return [f"10.{self.rng.randrange(256)}.{self.rng.randrange(256)}.{self.rng.randrange(256)}" for _ in range(n)]

    def small(self):
        self.i.write(lists={"more": [f"10.8.0.0/{self.rng.randrange(16, 32)}", *self.some(self.rng.randrange(1, 50))]})
        self.i.ok("reload")

    def services(self):
        self.i.write(lists={"more": self.some(20)}, services=[
            {"name": f"web{n}", "ports": [f"tcp/{8000 + 10 * n}-{8005 + 10 * n}"], "allow": ["office", "near"]}
            for n in range(self.rng.randrange(1, 5))])
        self.i.ok("reload")

    def settings(self):
        self.i.write(extra={"flows": {"udp": self.rng.choice(["60s", "180s"])}})
        self.i.ok("reload")

    def whole(self):
        """A large list. It comes once a round: what it makes processes grow by, they have from the first one on."""
        self.i.write(lists={"big": self.some(20000),
                            "big6": [f"2001:db8:{self.rng.randrange(0x1000, 0x10000):x}::/48" for _ in range(3000)]})
        self.i.ok("reload")
        self.done(f"{self.i.name} whole")
        self.stopped(1.0)

    def again(self):
        self.i.ok("load", self.i.link)

    def broken(self):
        bad = self.i.config.with_suffix(".bad")
        bad.write_text(self.i.config.read_text(encoding="utf-8").replace("203.0.113.0/24", "203.0.113.0/33"),
                       encoding="utf-8")
        result = self.i("-c", bad, "reload")
        self.judge.expect("failed", result.returncode == 1, f"a bad config: exit status {result.returncode}")

    # -- deadlines

    def confirmed(self):
        self.small_confirmed("30s")
        self.i.ok("confirm")

    def rollback(self):
        self.small_confirmed("30s")
        self.i.ok("rollback")

    def lapsed(self):
        self.small_confirmed("1s")
        time.sleep(1.2)

    def small_confirmed(self, within):
        self.i.write(lists={"more": self.some(5)})
        self.i.ok("reload", "--confirm", within)


class Wild(Changer):
    """Everything: modes, unload, another way to attach."""

    WILD = {"modes": 3, "off": 1, "mode_lapsed": 1, "unload": 2, "first_load_lapsed": 1}

    def __init__(self, soak, stop, instance, seed, calm):
        super().__init__(soak, stop, instance, seed)
        if not calm:
            self.operations.update(self.WILD)

    def modes(self):
        self.soak.opened = True
        for mode in ("monitor", "enforce"):
            self.i.ok("mode", mode)

    def off(self):
        self.soak.opened = True
        self.i.ok("mode", "off")
        self.i.ok("mode", "enforce")

    def mode_lapsed(self):
        self.soak.opened = True
        self.i.ok("mode", "monitor")
        self.i.ok("mode", "enforce", "--confirm", "1s")
        time.sleep(1.2)
        self.i.ok("mode", "enforce")

    def unload(self):
        self.soak.opened = self.soak.lossy = True
        with self.soak.unloading():
            self.i.ok("unload", *self.rng.choice([["--all"], [self.i.link]]))
            time.sleep(self.rng.random() * 0.3)
            self.i.ok("load", self.i.link, "--mode", self.rng.choice(["native", "generic", "auto"]))

    def first_load_lapsed(self):
        self.soak.opened = self.soak.lossy = True
        with self.soak.unloading():
            self.i.ok("unload", self.i.link)
            self.i.ok("load", self.i.link, "--confirm", "1s")
            time.sleep(1.2)
            self.i.ok("load", self.i.link)


class Clients(Actor):
    """Those who only look."""

    def __init__(self, soak, stop, seed):
        super().__init__(soak, stop)
        self.rng = random.Random(seed)

    LOOKS = [["stats"], ["status"], ["list"], ["list", "--hits", "--json"], ["metrics"], ["review"], ["stats", "--json"],
             ["status", "--json"], ["top", "--once", "--interval", "1s"], ["learn"],
             ["watch", "--count", "3", "--duration", "1s"], ["check", OFFICE4, "udp/20000"],
             ["check", STRANGER4, "udp/20000"], ["check", OFFICE6, "tcp/5060", "--json"], ["doctor"], ["validate"],
             ["export", "--format", "nft"], ["capture", "-w", "/dev/null", "--count", "3", "--duration", "1s"],
             ["list", "near"], ["mode"]]
    MAY = {"check": (0, 3), "doctor": (0, 1)}

    def go(self):
        while not self.stopped(0.05):
            instance = self.rng.choice(self.world.instances)
            look = self.rng.choice(self.LOOKS)
            epoch = self.soak.epoch
            result = instance(*look)
            self.done(f"look {look[0]}")
            gone = instance.name == "wild" and (self.soak.epoch != epoch or epoch % 2)
            if result.returncode not in self.MAY.get(look[0], (0,)) and not (gone and result.returncode == 1):
                self.judge.wrong("failed", f"{instance.name}: {' '.join(look)}: exit status {result.returncode}: "
                                 f"{result.stderr[-300:]}")


class Scraper(Actor):
    """Both daemons, once a second each; counters of those who are judged never go back."""

    def go(self):
        last = {}
        while not self.stopped(1.0):
            for instance in self.world.instances:
                samples = instance.scrape()
                self.done("scrape")
                if instance is self.world.proof:
                    now = {k: v for k, v in samples.items() if k[0] == "allowxdp_packets_total" and
                           {("service", "rtp"), ("service", "sip")} & k[1]}
                    for key in now.keys() & last.keys():
                        self.judge.expect("counters", now[key] >= last[key], f"{key} went back from {last[key]} to "
                                          f"{now[key]}")
                    last = now


class News(Actor):
    """Records and the feed change; the daemons are told to ask at once now and then."""

    def __init__(self, soak, stop, seed):
        super().__init__(soak, stop)
        self.rng = random.Random(seed)

    def go(self):
        while not self.stopped(self.rng.uniform(0.7, 2.0)):
            self.world.dns.set(self.rng.sample(NAMED, 2))
            self.done("news record")
            if self.rng.random() < 0.5:
                self.world.feed.publish(self.rng.sample(NAMED, self.rng.choice([3, 4])))
                for instance in self.world.instances:
                    instance.daemon.process.send_signal(signal.SIGHUP)
                self.done("news feed")


class Handshakes(Actor):
    """TCP connections from a listed source to a real listener."""

    def go(self):
        while not self.stopped(0.05):
            for instance in self.world.instances:
                well = False
                with contextlib.suppress(ConnectionError):
                    well = self.world.handshake(instance)
                self.done("handshake")
                self.judge.expect("lost", well or self.soak.lossy and instance.name == "wild",
                                  f"{instance.name}: a connection from {OFFICE4} did not work")


class Questions(Actor):
    """What this host asks is answered."""

    def go(self):
        self.world.echo.ask(self.stop_event)
