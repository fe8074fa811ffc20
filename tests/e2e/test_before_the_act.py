# SPDX-License-Identifier: GPL-2.0-or-later
"""load and reload say what they change and whom they cut off, and refuse to cut off whoever types them."""

import contextlib
import json
import os
import select
import subprocess
from pathlib import Path

import pytest

import lab3
from lab import GATEWAY4, HOST4, OFFICE4, OFFICE6, SLOW, STRANGER4, STRANGER6, lasting, wait_for
from lab3 import config, connect, echoes, service

HTTPS = service("https", ["tcp/443"], ["office"])
RTP = service("rtp", ["udp/10000-60000"], ["office"])
LISTS = {"office": ["203.0.113.0/24 # head office", "2001:db8:7::/48"]}


def entries(said, key):
    return {(e["list"], ("!" if e["carve"] else "") + e["prefix"], e["label"]) for e in said[key]}


def cut(said):
    return {(p["address"], p["direction"], p["port"], p["service"], p["label"]) for p in said["peers_cut"]}


@contextlib.contextmanager
def accepted(lab, port, *peers):
    """Live TCP connections from these addresses to a server on the host."""
    with contextlib.closing(lab3.EchoServer(lab.host, "::", port)) as server, contextlib.ExitStack() as stack:
        socks = {}
        for peer in peers:
            socks[peer] = stack.enter_context(connect(lab.net, lab3.host_address(peer), port, peer))
            assert echoes(socks[peer])
        yield socks
        del server


# -- what changes -------------------------------------------------------------------------------------

def test_first_load(lab):
    lab.axp.write(config([HTTPS, RTP], LISTS))
    said = json.loads(lab.axp.ok("load", "eth0", "--json"))
    assert entries(said, "added") == {("office", "203.0.113.0/24", "head office"), ("office", "2001:db8:7::/48", None)}
    assert said["removed"] == said["services_changed"] == said["services_removed"] == said["peers_cut"] == []
    assert sorted(said["services_new"]) == ["https", "rtp"]
    lab.axp.ok("unload", "--all")
    out = lab.axp.ok("load", "eth0")
    assert "2 entries added, 0 removed" in out and "service https: new" in out and "service rtp: new" in out


def test_reload_shows_entries_and_services(lab):
    lab.axp.write(config([HTTPS, RTP, service("old", ["tcp/25"], ["office"])],
                         {**LISTS, "office": [*LISTS["office"], "!203.0.113.7 # left us"]}))
    lab.axp.ok("load", "eth0")
    lab.axp.write(config([service("https", ["tcp/443", "tcp/8443"], ["office"]), RTP,
                          service("new", ["tcp/26"], ["office"])],
                         {"office": ["203.0.113.0/25 # head office, smaller", "2001:db8:7::/48"]}))
    before = lab.axp.status()
    dry = lab.axp.json("reload", "--dry-run")
    assert lab.axp.status() == before
    assert entries(dry, "added") == {("office", "203.0.113.0/25", "head office, smaller")}
    assert entries(dry, "removed") == {("office", "203.0.113.0/24", "head office"),
                                       ("office", "!203.0.113.7/32", "left us")}
    assert (dry["services_new"], dry["services_changed"], dry["services_removed"]) == (["new"], ["https"], ["old"])
    text = lab.axp.ok("reload", "--dry-run")
    assert "nothing was changed" in text
    assert lab.axp.status() == before
    out = lab.axp.ok("reload")
    for words in ("1 entries added, 2 removed", "service new: new", "service https: changed",
                  "service old: no longer guarded", "+ office 203.0.113.0/25  # head office, smaller",
                  "- office 203.0.113.0/24  # head office", "- office !203.0.113.7/32  # left us"):
        assert words in text and words in out, words
    assert lab.axp.status()["generation"] == before["generation"] + 1
    out = lab.axp.ok("reload")
    assert "0 entries added, 0 removed" in out and "service" not in out.split("\n", 1)[1].split("instance")[0]


def test_dry_run_of_a_first_load_leaves_nothing(lab):
    lab.axp.write(config([HTTPS], LISTS))
    with accepted(lab, 443, STRANGER4):
        out = lab.axp.ok("load", "eth0", "--dry-run")
        assert "eth0: would be attached" in out and "nothing was changed" in out
        assert f"connected now, and cut off: {STRANGER4} to tcp/443 of service https (unlisted)" in out
        assert "+ office 203.0.113.0/24  # head office" in out
        said = json.loads(lab.axp.ok("load", "eth0", "--dry-run", "--json"))
        assert said["dry_run"] is True and said["attach"] == ["eth0"]
        assert cut(said) == {(STRANGER4, "in", "tcp/443", "https", "unlisted")}
        assert lab.axp.status()["loaded"] is False
        assert lab.axp.pins() == []
        assert "xdp" not in json.loads(lab.host.run("ip", "-j", "link", "show", "eth0").stdout)[0]


# -- who is cut off -----------------------------------------------------------------------------------

def test_accepted_connections_of_unlisted_peers(lab):
    lab.axp.write(config([HTTPS], LISTS))
    with accepted(lab, 443, STRANGER4, STRANGER6, OFFICE4, OFFICE6) as socks:
        expected = {(STRANGER4, "in", "tcp/443", "https", "unlisted"),
                    (STRANGER6, "in", "tcp/443", "https", "unlisted")}
        out = lab.axp.ok("load", "eth0", "--dry-run")
        assert out.count("cut off") == 2 and f"{STRANGER6} to tcp/443 of service https (unlisted)" in out
        assert cut(json.loads(lab.axp.ok("load", "eth0", "--json"))) == expected
        for peer, sock in socks.items():  # as announced
            assert echoes(sock, timeout=0.5) == (peer in (OFFICE4, OFFICE6)), peer
        # They were cut off before: a reload cuts off nobody more.
        assert lab.axp.json("reload")["peers_cut"] == []


def test_a_listed_peer_who_loses_his_entry_is_shown_with_its_label(lab):
    lab.axp.write(config([HTTPS], LISTS))
    lab.axp.ok("load", "eth0")
    lab.axp.ok("add", "office", STRANGER4, "--label", "auditor")
    with accepted(lab, 443, STRANGER4, OFFICE4, OFFICE6):
        lab.axp.write(config([HTTPS], {"office": ["2001:db8:7::/48", "!2001:db8:7::5"]}))
        said = lab.axp.json("reload", "--dry-run")
        assert cut(said) == {(OFFICE4, "in", "tcp/443", "https", "head office"),
                             (OFFICE6, "in", "tcp/443", "https", "2001:db8:7::/48")}
        assert "(head office)" in lab.axp.ok("reload")
        assert lab.axp.json("reload")["peers_cut"] == []


def test_monitor_mode_cuts_off_nobody(lab):
    lab.axp.write(config([HTTPS], LISTS))
    with accepted(lab, 443, STRANGER4) as socks:
        assert json.loads(lab.axp.ok("load", "eth0", "--monitor", "--json"))["peers_cut"] == []
        assert echoes(socks[STRANGER4])


def test_flows_of_this_host(lab):
    """What it opened itself lives on replies; without them, or once its peer is taken off a list, it does not."""
    lab.axp.write(config([RTP], LISTS))
    lab.axp.ok("load", "eth0")
    with lab.host.udp(HOST4, 20000) as ours:
        ours.sendto(b"hello", (STRANGER4, 5000))
        ours.sendto(b"hello", (OFFICE4, 5000))
        wait_for(lambda: lab.axp.status()["flows"]["entries"] == 2, "two flows")
        assert lab.axp.json("reload")["peers_cut"] == []
        lab.axp.write(config([service("rtp", ["udp/10000-60000"], ["office"], replies=False)], LISTS))
        assert cut(lab.axp.json("reload", "--dry-run", "--force")) == {
            (STRANGER4, "in", "udp/20000", "rtp", "unlisted")}
        lab.axp.write(config([RTP], {"office": ["2001:db8:7::/48"]}))
        out = lab.axp.ok("reload", "--dry-run")
        assert f"connected now, and cut off: {OFFICE4} to udp/20000 of service rtp (head office)" in out
        assert STRANGER4 not in out


def test_connections_out_to_what_a_service_guards(lab):
    with contextlib.closing(lab3.EchoServer(lab.net, STRANGER4, 8000)), \
            contextlib.closing(lab3.EchoServer(lab.net, OFFICE4, 8000)):
        socks = [connect(lab.host, address, 8000) for address in (STRANGER4, OFFICE4)]
        lab.axp.write(config([service("out", ["tcp/8000"], ["office"], direction="out")], LISTS))
        assert f"cut off: {STRANGER4} on tcp/8000 of service out (unlisted)" in lab.axp.ok("load", "eth0", "--dry-run")
        said = json.loads(lab.axp.ok("load", "eth0", "--json"))
        assert cut(said) == {(STRANGER4, "out", "tcp/8000", "out", "unlisted")}
        assert not echoes(socks[0], timeout=0.5) and echoes(socks[1])
        for sock in socks:
            sock.close()


# -- what is refused ----------------------------------------------------------------------------------

SSH_GUARDED = config([service("ssh", ["tcp/22"], ["office"])], LISTS)


def refused(lab, result):
    assert result.returncode == 1, result.stdout + result.stderr
    assert "SSH session" in result.stderr and "--force" in result.stderr and "service ssh" in result.stderr
    assert result.stdout == "" and len(result.stderr.splitlines()) == 1
    assert lab.axp.status()["loaded"] is False and lab.axp.pins() == []


def test_ssh_session_that_it_would_cut_off(lab):
    ssh = lab3.Ssh(lab)
    lab.axp.write(SSH_GUARDED)
    load = ["load", "eth0"]
    for source in (STRANGER4, STRANGER6):
        result = ssh.run(source, ssh.command(*load))
        refused(lab, result)
        assert source in result.stderr
    refused(lab, ssh.run(STRANGER4, ssh.command(*load, "--confirm", "1m")))
    refused(lab, ssh.run(STRANGER4, ssh.command(*load, "--dry-run")))
    # What sudo leaves of the environment: nothing of SSH's.
    refused(lab, ssh.run(STRANGER4, ssh.command(*load, environment=["-i"]) + "; exit $?"))
    assert ssh.run(STRANGER4, ssh.command(*load, "--monitor")).returncode == 0
    result = ssh.run(STRANGER4, ssh.command("mode", "enforce"))
    assert result.returncode == 1 and "SSH session" in result.stderr
    assert lab.axp.status()["mode"] == "monitor"
    lab.axp.ok("unload", "--all")
    # From a listed address it is done, and the session lives on.
    for source in (OFFICE4, OFFICE6):
        result = ssh.run(source, ssh.command(*load) + " && echo still here")
        assert result.returncode == 0 and "still here" in result.stdout, result.stderr
    result = ssh.run(OFFICE4, "true")
    assert result.returncode == 0
    lab.axp.write(config([service("ssh", ["tcp/22"], ["office"])], {"office": ["2001:db8:7::/48"]}))
    result = ssh.run(OFFICE4, ssh.command("reload"))
    assert result.returncode == 1 and "SSH session" in result.stderr
    assert ssh.run(OFFICE4, "true").returncode == 0


def says(session, text, timeout):
    """Does the session say it within that time?"""
    got = b""
    while text not in got and select.select([session.stdout], [], [], timeout)[0]:
        got += os.read(session.stdout.fileno(), 1000)
    return text in got


def test_ssh_session_cut_off_by_force_comes_back_unconfirmed(lab):
    """The reason for --confirm: locked out, and in again, in one and the same session."""
    ssh = lab3.Ssh(lab)
    lab.axp.write(SSH_GUARDED)
    with ssh.cat(STRANGER4) as session:
        try:
            session.stdin.write(b"before\n")
            session.stdin.flush()
            assert says(session, b"before", 5 * SLOW)
            out = ssh.run(STRANGER4, ssh.command("load", "eth0", "--force", "--confirm",
                                               f"{lasting(2)}s")).stdout
            assert f"{STRANGER4} to tcp/22 of service ssh (unlisted)" in out
            session.stdin.write(b"after\n")
            session.stdin.flush()
            assert not says(session, b"after", 0.5)
            assert lab.axp.status()["confirm_deadline"]
            assert says(session, b"after", 10 * SLOW)
            assert lab.axp.status()["rolled_back"] is True
        finally:
            session.kill()
    assert ssh.run(STRANGER4, "true").returncode == 0


def nameserver():
    """One that the machine's /etc/resolv.conf names, of another machine."""
    for line in Path("/etc/resolv.conf").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[:1] == ["nameserver"] and not words[1].startswith(("127.", "::1", "fe80")):
            return words[1]
    return pytest.skip("/etc/resolv.conf names no resolver on another machine")


@pytest.mark.parametrize("guard", ["replies: false", "direction: out"])
def test_resolver_that_it_would_cut_off(lab, guard):
    resolver = nameserver()
    rtp = service("rtp", ["udp/10000-60000"], ["office"], replies=False)
    out = service("dns-out", ["udp/53"], ["office"], direction="out")
    services = [rtp if guard == "replies: false" else out]
    lab.axp.write(config(services, LISTS))
    line = lab.axp.fails("load", "eth0")
    assert "resolver" in line and resolver in line and services[0]["name"] in line and "--force" in line
    assert lab.axp.pins() == []
    lab.axp.ok("load", "eth0", "--monitor")
    assert "resolver" in lab.axp.fails("mode", "enforce")
    lab.axp.ok("mode", "enforce", "--force")
    lab.axp.ok("unload", "--all")
    lab.axp.ok("load", "eth0", "--force")
    lab.axp.ok("unload", "--all")
    lab.axp.write(config(services, {"office": [*LISTS["office"], resolver]}))
    lab.axp.ok("load", "eth0")


RESOLV = {
    # name: (file, is it refused?)
    "unlisted": ("nameserver 198.51.100.53\n", True),
    "unlisted IPv6": ("search example.test\nnameserver   2001:db8:666::53\n", True),
    "listed": ("nameserver 203.0.113.53\nnameserver 2001:db8:7::53\n", False),
    "one of two unlisted": ("nameserver 203.0.113.53\nnameserver 198.51.100.53\n", True),
    "on this host": ("nameserver 127.0.0.1\n", False),
    "in a comment": ("# nameserver 198.51.100.53\n", False),
    "none": ("", False),
}


@pytest.mark.parametrize("name", RESOLV)
def test_resolvers_of_resolv_conf(lab, name):
    """A dry run, in a mount namespace with an /etc/resolv.conf of its own."""
    text, refuses = RESOLV[name]
    path = lab.directory / "resolv.conf"
    path.write_text(text, encoding="ascii")
    lab.axp.write(config([service("dns-out", ["udp/53"], ["office"], direction="out")], LISTS))
    argv = lab.host.wrap("unshare", "--mount", "sh", "-c",
                         f'mount --bind {path} /etc/resolv.conf && exec "$@"', "sh",
                         lab.axp.binary, "-c", lab.axp.config, "load", "eth0", "--dry-run")
    result = subprocess.run(argv, env=lab.axp.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=30, check=False)
    assert result.returncode == (1 if refuses else 0), result.stderr
    assert ("resolver" in result.stderr) == refuses


def test_default_gateway_that_it_would_cut_off(lab):
    """Who has a connection open from the gateway's address: routing daemons, the provider's monitoring."""
    lab.axp.write(config([HTTPS], LISTS))
    with accepted(lab, 443, GATEWAY4) as socks:
        line = lab.axp.fails("load", "eth0")
        assert "default gateway" in line and GATEWAY4 in line and "https" in line
        assert lab.axp.pins() == [] and echoes(socks[GATEWAY4])
        lab.axp.write(config([HTTPS], {"office": [*LISTS["office"], GATEWAY4]}))
        lab.axp.ok("load", "eth0")
        assert echoes(socks[GATEWAY4])
        lab.axp.write(config([HTTPS], LISTS))
        assert "default gateway" in lab.axp.fails("reload")
        lab.axp.ok("reload", "--force")
        assert not echoes(socks[GATEWAY4], timeout=0.3)
