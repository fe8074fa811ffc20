# SPDX-License-Identifier: GPL-2.0-or-later
"""Capabilities, not root: three are enough, and each process keeps no more than it uses."""

import ctypes
import os
import re
import signal
import stat
from pathlib import Path

import pytest

from exporter import Exporter
from lab import EXOTEL_KARNATAKA, EXOTEL_MUMBAI, GATEWAY4, OFFICE4, STRANGER4, wait_for
from test_feeds import Server, config as feed_config
from test_names import Daemon, Resolver

ALL = ("bpf", "net_admin", "perfmon")
NUMBERS = {"kill": 5, "setgid": 6, "setuid": 7, "setpcap": 8, "net_admin": 12, "perfmon": 38, "bpf": 39}
SOMEBODY = 4242


class Narrow:
    """A namespace where commands run as that user, with these capabilities and no way to others."""

    def __init__(self, namespace, uid, capabilities=ALL):
        sets = ",".join(["-all", *(f"+{c}" for c in capabilities)])
        self.namespace = namespace
        self.before = ["setpriv", "--inh-caps", sets, "--bounding-set", sets]
        if uid:
            self.before += ["--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--ambient-caps", sets]

    def wrap(self, *argv):
        return self.namespace.wrap(*self.before, "--", *argv)

    def __getattr__(self, name):
        return getattr(self.namespace, name)


def narrow(lab, uid, capabilities=ALL):
    """From now on `allowxdp` runs so; its directories are that user's."""
    for d in (lab.axp.bpffs, lab.axp.state, lab.axp.run_dir, lab.axp.etc):
        os.chown(d, uid, uid)
    lab.axp.namespace = Narrow(lab.host, uid, capabilities)
    return lab.axp


def write(axp, text, uid):
    axp.write(text)
    os.chown(axp.config, uid, uid)


def modes(directory):
    """{permission bits: names} of all files below, and of all directories."""
    found = {stat.S_IFREG: {}, stat.S_IFDIR: {}}
    for path in [directory, *directory.rglob("*")]:
        mode = path.lstat().st_mode
        found[stat.S_IFMT(mode)].setdefault(stat.S_IMODE(mode), []).append(path.name)
    return found[stat.S_IFREG], found[stat.S_IFDIR]


def status_of(pid):
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def capabilities(pid, which):
    bits = int(status_of(pid)[f"Cap{which}"], 16)
    return {n for n in range(64) if bits >> n & 1}


def numbers(*names):
    return {NUMBERS[name] for name in names}


def paranoid():
    return int(Path("/proc/sys/kernel/perf_event_paranoid").read_text(encoding="ascii"))


def needs_landlock():
    """Without it what faces the network must become another user."""
    if ctypes.CDLL(None).syscall(444, None, 0, 1) < 1:  # landlock_create_ruleset: its version
        pytest.skip("this kernel has no Landlock")


def children(pid):
    return [int(p) for task in Path(f"/proc/{pid}/task").iterdir()
            for p in (task / "children").read_text(encoding="ascii").split()]


@pytest.mark.parametrize("uid", [SOMEBODY, 0], ids=["somebody", "root"])
def test_three_capabilities_are_enough(lab, uid):
    axp = narrow(lab, uid)
    write(axp, {}, uid)
    axp.ok("validate")
    axp.ok("load", "eth0", "--confirm", "5m")
    axp.ok("confirm")
    assert lab.reaches(EXOTEL_MUMBAI, 5060) and not lab.reaches(STRANGER4, 5060, timeout=0.3)
    assert axp.count("sip", "drop", "unlisted") == 1 and axp.count("sip", "pass", "listed") == 1
    axp.ok("add", "exotel-sip", STRANGER4, "--for", "2h")
    assert lab.reaches(STRANGER4, 5060)
    axp.ok("remove", "exotel-sip", STRANGER4)
    axp.ok("add", "exotel-sip", OFFICE4)
    axp.ok("mode", "monitor")
    axp.ok("mode", "enforce", "--confirm", "5m")
    axp.ok("rollback")
    assert axp.ok("mode").split()[0] == "monitor"
    axp.ok("reload")
    assert axp.status()["interfaces"][0]["attach"] == "native"
    for args in (["list", "--hits"], ["review"], ["export", "--format", "nft"], ["top", "--once"], ["learn"], ["fetch"],
                 ["stats"], ["reload", "--dry-run"]):
        axp.ok(*args)
    assert "allowxdp_loaded 1" in axp.ok("metrics")
    # What only CAP_SYS_ADMIN may ask the kernel is left out, and said.
    said = axp("check", STRANGER4, "udp/5060")
    assert said.returncode == 3
    assert "not proven: eth0: the kernel lets only CAP_SYS_ADMIN look at program" in said.stdout
    found = axp("doctor", "eth0").stdout
    assert "guarded by instance default" in found and "another" not in re.sub(r".* tuning.*", "", found)
    # What it keeps is for its own eyes.
    for directory in (axp.state, axp.run_dir, axp.bpffs):
        files, directories = modes(directory / "default")
        assert set(directories) == {0o700} and set(files) == {0o600}, (directory, files, directories)
    axp.ok("unload", "--all")
    assert axp.pins() == [] and lab.reaches(STRANGER4, 5060)


def test_watching_takes_memory_that_is_locked(lab):
    """Of which a user without CAP_IPC_LOCK has little: smaller buffers have to do, and what is missing is named."""
    axp = narrow(lab, SOMEBODY)
    write(axp, {}, SOMEBODY)
    axp.ok("load", "eth0")
    if paranoid() > 2:
        pytest.skip("kernel.perf_event_paranoid is above 2: perf buffers are for CAP_SYS_ADMIN")
    axp.ok("capture", "-w", "/dev/null", "--duration", "1s")
    if os.cpu_count() > 16:
        pytest.skip("so many CPUs have so much more of it")
    axp.namespace.before[:0] = ["prlimit", "--memlock=0"]
    watchers = [axp.start("watch") for _ in range(3)]
    try:
        wait_for(lambda: any(w.poll() is not None for w in watchers), "one found none", 30.0)
        [said] = {w.stderr.read() for w in watchers if w.poll() is not None}
        assert said == ("allowxdp: no memory may be locked for perf buffers: give this process CAP_IPC_LOCK, or raise "
                        "its limit (`ulimit -l`)\n")
        assert any(w.poll() is None for w in watchers)  # one found some
    finally:
        for w in watchers:
            w.kill()
            w.communicate()


@pytest.mark.parametrize("capabilities", [ALL, [c for c in ALL if c != "perfmon"]], ids=["all", "no-perfmon"])
def test_watching_where_the_kernel_allows_it(lab, capabilities):
    """Without CAP_PERFMON it never does; with it, but for a setting that some distributions know."""
    axp = narrow(lab, SOMEBODY)
    write(axp, {}, SOMEBODY)
    axp.ok("load", "eth0")
    axp = narrow(lab, SOMEBODY, capabilities)
    if capabilities == ALL and paranoid() <= 2:
        axp.ok("capture", "-w", "/dev/null", "--duration", "1s")
    else:
        assert axp.fails("capture", "-w", "/dev/null", "--duration", "1s") == (
            "allowxdp: the kernel lets this process make no perf buffers: run it with sudo, or give it CAP_PERFMON and set "
            "kernel.perf_event_paranoid to 2 where it is higher (`sysctl kernel.perf_event_paranoid`)")


@pytest.mark.parametrize("missing", ALL)
@pytest.mark.parametrize("uid", [SOMEBODY, 0], ids=["somebody", "root"])
def test_what_is_missing_is_named(lab, uid, missing):
    axp = narrow(lab, uid, [c for c in ALL if c != missing])
    write(axp, {}, uid)
    assert axp.fails("load", "eth0") == (
        f"allowxdp: this needs CAP_{missing.upper()}, which this process lacks: run it with sudo, or give it what is "
        "missing (AmbientCapabilities= of a unit, `setpriv`)")
    assert axp.pins() == [] and list(axp.run_dir.iterdir()) == list(axp.state.iterdir()) == []
    if missing == "perfmon":
        axp.ok("status")
    else:
        assert f"CAP_{missing.upper()}" in axp.fails("status")


def test_nothing_at_all_is_root(lab):
    axp = narrow(lab, SOMEBODY, [])
    write(axp, {}, SOMEBODY)
    axp.ok("validate")
    assert axp.fails("load", "eth0") == ("allowxdp: this needs root (CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON): run it "
                                         "with sudo")
    assert axp.fails("status") == "allowxdp: this needs root (CAP_BPF and CAP_NET_ADMIN): run it with sudo"


@pytest.mark.parametrize("uid", [SOMEBODY, 0], ids=["somebody", "root"])
def test_exporter_with_three_capabilities(lab, uid):
    needs_landlock()
    axp = narrow(lab, uid)
    write(axp, {}, uid)
    axp.ok("load", "eth0")
    exporter = Exporter(lab)
    assert exporter.scrape().value("allowxdp_loaded") == 1
    [child] = exporter.children()
    for pid, kept in ((exporter.process.pid, numbers("bpf")), (child, set())):
        assert status_of(pid)["Uid"].split() == [str(uid)] * 4 and status_of(pid)["NoNewPrivs"] == "1"
        for which in ("Eff", "Prm"):
            assert capabilities(pid, which) == kept
        assert capabilities(pid, "Inh") == capabilities(pid, "Amb") == set()
    exporter.stop()


KEPT = (*ALL, "setuid", "setgid", "setpcap", "kill")


def test_run_keeps_what_it_uses(lab, pki):
    """With names, a feed and a command, all of which must still work."""
    for name in [n for n in lab.axp.env if n.lower().endswith("_proxy")]:
        del lab.axp.env[name]
    Server(lab, pki)
    resolver = Resolver(lab, media=[EXOTEL_MUMBAI])
    command = lab.directory / "addresses"
    command.write_text("#!/bin/sh\necho 52.1.37.97\n", encoding="ascii")
    command.chmod(0o755)
    lab.axp.write(feed_config(lab, more=f"""
  - {{name: named, names: [media.example.test]}}
  - {{name: told, command: [{command}], format: text}}
dns: {{resolvers: [{GATEWAY4}], ttl-min: 1s, grace: 2s}}
""").replace("allow: [provider,", "allow: [provider, named, told,"))
    lab.axp.ok("load", "eth0")
    daemon = Daemon(lab, "--listen", "127.0.0.1:0")
    came = {"provider": 4, "office": 1, "named": 1, "told": 1}
    wait_for(lambda: {l["name"]: l["entries"] for l in lab.axp.status()["lists"]} == came, "all came", 10.0)
    pid = daemon.process.pid
    status = status_of(pid)
    assert status["NoNewPrivs"] == "1" and status["Uid"].split() == ["0"] * 4
    assert capabilities(pid, "Eff") == capabilities(pid, "Prm") == numbers(*KEPT)
    assert capabilities(pid, "Bnd") == capabilities(pid, "Inh") == capabilities(pid, "Amb") == set()
    # The processes of its own that outlive a fetch: the one that speaks HTTP.
    [http] = children(pid)
    assert capabilities(http, "Prm") == capabilities(http, "Bnd") == set()
    # And goes on with that: another address, another fetch.
    resolver.set(media=[EXOTEL_MUMBAI, EXOTEL_KARNATAKA])
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: lab.reaches(EXOTEL_KARNATAKA, 7000, timeout=0.3), "the second address", 30.0)


@pytest.mark.parametrize("uid", [SOMEBODY, 0], ids=["somebody", "root"])
def test_run_with_three_capabilities(lab, pki, uid):
    """It stays who it is: what faces the network loses all capabilities and may not write; commands are not run."""
    needs_landlock()
    for name in [n for n in lab.axp.env if n.lower().endswith("_proxy")]:
        del lab.axp.env[name]
    Server(lab, pki)
    axp = narrow(lab, uid)
    write(axp, feed_config(lab, more="  - {name: told, command: [/bin/echo, 192.0.2.7], format: text}\n")
          .replace("allow: [provider,", "allow: [provider, told,"), uid)
    axp.ok("load", "eth0")
    daemon = Daemon(lab, "--listen", "127.0.0.1:0")
    wait_for(lambda: sorted(l["entries"] for l in axp.status()["lists"]) == [0, 1, 4], "the feed came", 30.0)
    pid = daemon.process.pid
    [http] = children(pid)
    assert capabilities(pid, "Prm") == numbers(*ALL) and capabilities(http, "Prm") == set()
    assert {status_of(p)["Uid"].split()[0] for p in (pid, http)} == {str(uid)}
    wait_for(lambda: "a command must not run as the user who may write the lists: give this process CAP_SETUID and "
             "CAP_SETGID" in daemon.log(), "the command's refusal")
