# SPDX-License-Identifier: GPL-2.0-or-later
"""
The sandbox of systemd's units against what the programs do: strace follows all that a unit runs, and every
system call must be one that its SystemCallFilter= lets through, with arguments that its other settings allow.
"""

import os
import re
import shutil
import signal
import socket
import time

import pytest

from exporter import Metrics
from lab import EXOTEL_KARNATAKA, EXOTEL_MUMBAI, GATEWAY4, ROOT, STRANGER4, run, wait_for
from test_feeds import Server, config as feed_config
from test_names import Daemon, Resolver

pytestmark = pytest.mark.skipif(not shutil.which("strace") or not shutil.which("systemd-analyze"),
                                reason="strace or systemd is not installed: tools/deps test package")

CALL = re.compile(r"^\d+ +([a-z_0-9]+)\((.*)$")


def groups():
    """{@group: its system calls and groups} of the systemd that is installed."""
    found, name = {}, None
    for line in run("systemd-analyze", "syscall-filter", "--no-pager").stdout.splitlines():
        line = re.sub(r"\x1b\[[0-9;]*m", "", line)
        if line.startswith("@"):
            name = line.strip()
            found[name] = set()
        elif line.startswith("    ") and name and not line.strip().startswith("#"):
            found[name].add(line.strip())
    assert len(found) > 20
    return found


def resolve(words, known):
    calls = set()
    for word in words:
        calls |= resolve(known[word], known) if word in known else {word}
    return calls


class Unit:
    def __init__(self, name):
        self.lines = (ROOT / "systemd" / name).read_text(encoding="utf-8").splitlines()
        known = groups()
        allowed = resolve(["@default"], known)
        for words in self.values("SystemCallFilter"):
            if words.startswith("~"):
                allowed -= resolve(words[1:].split(), known)
            else:
                allowed |= resolve(words.split(), known)
        self.calls = allowed
        [families] = self.values("RestrictAddressFamilies")
        self.families = set(families.split())

    def values(self, key):
        return [line.split("=", 1)[1] for line in self.lines if line.startswith(key + "=")]

    def wrong(self, calls):
        """What of these (name, arguments) the unit would refuse."""
        found = []
        for name, arguments in calls:
            if name not in self.calls:
                found.append(name)
            if name in ("socket", "socketpair") and arguments.split(",")[0] not in self.families:
                found.append(f"{name}({arguments}")
            # MemoryDenyWriteExecute=, RestrictNamespaces=, RestrictRealtime=, RestrictSUIDSGID=
            if name in ("mmap", "mprotect", "pkey_mprotect") and "PROT_WRITE" in arguments and "PROT_EXEC" in arguments:
                found.append(f"{name}({arguments}")
            if "CLONE_NEW" in arguments or name in ("unshare", "setns", "sched_setscheduler"):
                found.append(f"{name}({arguments}")
            if "chmod" in name and re.search(r", 0[2-7]\d\d\d\)", arguments):
                found.append(f"{name}({arguments}")
        return found


class Traced:
    """A namespace where what is run is followed, with all that it starts."""

    def __init__(self, namespace, directory):
        self.namespace, self.directory = namespace, directory

    def wrap(self, *argv):
        # -D: the process that is started is the program, not strace.
        log = self.directory / f"strace-{time.monotonic_ns()}"
        return self.namespace.wrap("strace", "-D", "-f", "-qq", "-e", "signal=none", "-s", "0", "-o", log, *argv)

    def __getattr__(self, name):
        return getattr(self.namespace, name)

    def calls(self):
        found = set()
        for log in self.directory.glob("strace-*"):
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
                match = CALL.match(line)
                if match:
                    found.add((match[1], match[2]))
        return found


@pytest.fixture
def traced(lab):
    for name in [n for n in lab.axp.env if n.lower().endswith("_proxy")]:
        del lab.axp.env[name]
    lab.axp.namespace = Traced(lab.host, lab.directory)
    return lab


def test_system_calls_are_allowed(traced):
    """allowxdp@.service: load, load of what is loaded, reload, unload; one that fails."""
    axp = traced.axp
    axp.write({})
    axp.ok("load", "eth0")
    axp.ok("add", "office", STRANGER4)
    axp.ok("load", "eth0")
    axp.ok("reload", "--confirm", "5m")
    axp.ok("confirm")
    axp.write("nonsense\n")
    axp.fails("reload")
    axp.ok("unload", "--all")
    calls = traced.axp.namespace.calls()
    assert {"bpf", "mmap", "flock", "renameat2", "rename"} & {n for n, _ in calls} >= {"bpf", "mmap", "flock"}
    assert Unit("allowxdp@.service.in").wrong(calls) == []


def test_system_calls_of_the_daemon_are_allowed(traced, pki):
    """allowxdp.service: names, feeds of both kinds, DNS, scrapes, systemd told, all asked again, and the end."""
    lab, axp = traced, traced.axp
    Server(lab, pki)
    resolver = Resolver(lab, media=[EXOTEL_MUMBAI])
    command = lab.directory / "addresses"
    command.write_text("#!/bin/sh\necho 52.1.37.97\n", encoding="ascii")
    command.chmod(0o755)
    axp.write(feed_config(lab, options="timeout: 2m", more=f"""
  - {{name: named, names: [media.example.test]}}
  - {{name: told, command: [{command}], format: text}}
dns: {{resolvers: [{GATEWAY4}], ttl-min: 1s, grace: 2s}}
""").replace("allow: [provider,", "allow: [provider, named, told,"))
    plain, axp.namespace = axp.namespace, lab.host
    axp.ok("load", "eth0")
    axp.namespace = plain
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(lab.directory / "notify"))
        systemd.settimeout(60)
        daemon = Daemon(lab, "--listen", "127.0.0.1:0", NOTIFY_SOCKET=str(lab.directory / "notify"),
                        WATCHDOG_USEC="2000000")
        axp.namespace = lab.host
        while b"READY=1" not in systemd.recv(4096):
            pass
        came = {"provider": 4, "office": 1, "named": 1, "told": 1}
        wait_for(lambda: {l["name"]: l["entries"] for l in axp.status()["lists"]} == came, "all came", 120.0)
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/metrics", daemon.log())[1])
        text = lab.host.run("curl", "--silent", "--noproxy", "*", f"http://127.0.0.1:{port}/metrics").stdout
        assert Metrics(text).value("allowxdp_run_up") == 1
        resolver.set(media=[EXOTEL_MUMBAI, EXOTEL_KARNATAKA])
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: {l["name"]: l["entries"] for l in axp.status()["lists"]}["named"] == 2, "another one", 120.0)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(60) == 0, daemon.log()
    wait_for(lambda: not os.path.exists(f"/proc/{daemon.process.pid}"), "it has ended")
    calls = plain.calls()
    used = {name for name, _ in calls}
    assert {"bpf", "sendto", "epoll_wait", "landlock_restrict_self", "setresuid", "execve", "inotify_add_watch"} <= used
    assert Unit("allowxdp.service.in").wrong(calls) == []


def test_what_a_unit_refuses_is_noticed():
    unit = Unit("allowxdp.service.in")
    assert unit.wrong([("bpf", "BPF_MAP_CREATE, N)"), ("socket", "AF_INET, SOCK_DGRAM)")]) == []
    assert unit.wrong([("mount", "N)"), ("ptrace", "N)")]) == ["mount", "ptrace"]
    assert len(unit.wrong([("socket", "AF_PACKET, SOCK_RAW)"), ("mmap", "NULL, N, PROT_READ|PROT_WRITE|PROT_EXEC, 0)"),
                           ("clone", "flags=CLONE_NEWNET|SIGCHLD)"), ("fchmod", "3, 04755)")])) == 4
