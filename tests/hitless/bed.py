# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the proof happens: two namespaces, a veth pair, the command; nothing else sends there."""

import contextlib
import os
import re
import tempfile
from pathlib import Path

from lab import AllowXdp, Namespace


MEMORY = "/dev/shm"  # `add` syncs its state file, and how fast a disk is, is of no concern here


class Failed(Exception):
    """A command that had to succeed did not."""


class Bed:
    def __init__(self):
        self.cleanups = contextlib.ExitStack()
        self.name = f"axp{os.getpid()}-h"
        try:
            self.directory = Path(self.cleanups.enter_context(
                tempfile.TemporaryDirectory(prefix=f"{self.name}-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)))
            self.net, self.host = self.own(Namespace(f"{self.name}-net")), self.own(Namespace(f"{self.name}-host"))
            self.axp = self.own(AllowXdp(self.host, self.directory / "allowxdp"))
            self.output = self.directory / "output"
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
        # A queue for each CPU: no ring has two senders.
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
                         f"{self.output.read_text(encoding='utf-8')[-2000:]}")
        if os.stat(self.output).st_size > 1 << 20:
            os.truncate(self.output, 0)

    def close(self):
        self.cleanups.close()
