# SPDX-License-Identifier: GPL-2.0-or-later
"""Feeds: a real HTTPS server that grows, shrinks, breaks and stalls; packets say what the filter made of it."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from lab import (EXOTEL_MUMBAI, FRESHCHAT_AU, FRESHCHAT_EU, FRESHCHAT_IN, FRESHCHAT_US, GATEWAY4, NEIGHBOUR, OFFICE4,
                 ROOT, STRANGER4, lasting, one_error, wait_for)
from programs import nginx

PORT = 7000
WHOLE = [FRESHCHAT_US, FRESHCHAT_EU, FRESHCHAT_IN, FRESHCHAT_AU]


class Server:
    """nginx in the net, on all of its addresses. A file in its directory says how it answers."""

    def __init__(self, lab, pki):
        self.lab, self.pki = lab, pki
        self.directory = lab.directory / "feeds"
        self.directory.mkdir()
        # where user nobody can read it: pytest closes its own directory to all but root
        shutil.copy(pki.ca, self.directory / "ca.pem")
        self.moment = int(time.time()) - 100000
        self.log = self.directory / "access.log"
        (self.directory / "page.html").write_text("<!DOCTYPE html>\n<html>Moved</html>\n", encoding="ascii")
        with open(self.directory / "huge.bin", "wb") as f:
            f.truncate(2 << 30)
        (self.directory / "packed.txt").symlink_to("huge.bin")
        self.publish(WHOLE)
        self.start()

    def start(self):
        d = self.directory
        self.nginx = nginx(self.lab, self.lab.net, d, self.pki, f"""
    log_format plain '$request_uri $status';
    access_log {self.log} plain;
    types {{ text/plain txt; text/html html; }}
    default_type application/octet-stream;
    gzip on;
    gzip_types text/plain;
    gzip_min_length 1000;
""", f"""
        listen 80;
        root {d};
        location = /stall.txt {{ limit_rate 1; alias {d}/feed.txt; }}
        location = /feed {{
            if (-f {d}/is-page) {{ rewrite ^ /page.html last; }}
            if (-f {d}/is-http) {{ return 302 http://{GATEWAY4}/feed.txt; }}
            if (-f {d}/is-moved) {{ return 301 /feed.txt; }}
            if (-f {d}/is-loop) {{ return 302 /feed; }}
            if (-f {d}/is-huge) {{ rewrite ^ /huge.bin last; }}
            if (-f {d}/is-packed) {{ rewrite ^ /packed.txt last; }}
            if (-f {d}/is-stalled) {{ rewrite ^ /stall.txt last; }}
            if (-f {d}/is-gone) {{ return 404; }}
            rewrite ^ /feed.txt last;
        }}
""")

    def publish(self, addresses, text=None):
        """Another content, of another second: that is what nginx makes its ETag of."""
        self.moment += 1
        new = self.directory / "feed.new"
        new.write_text(text if text is not None else "".join(f"{a} # of {a}\n" for a in addresses),
                       encoding="utf-8")
        os.utime(new, (self.moment, self.moment))
        new.rename(self.directory / "feed.txt")

    @contextlib.contextmanager
    def being(self, how):
        flag = self.directory / f"is-{how}"
        flag.touch()
        try:
            yield
        finally:
            flag.unlink()

    def answers(self):
        return self.log.read_text(encoding="ascii").splitlines() if self.log.exists() else []

    def stop(self):
        self.nginx.terminate()
        self.nginx.wait(lasting(10))


def config(lab, more="", options="timeout: 20s"):
    return f"""
mode: enforce
interfaces: [eth0]
services: [{{name: voice, ports: [udp/{PORT}], allow: [provider, office]}}]
lists:
  - name: provider
    url: https://{GATEWAY4}/feed
    ca-file: {lab.directory}/feeds/ca.pem
    {options}
  - name: office
    prefixes: [203.0.113.0/24]
{more}"""


@pytest.fixture
def server(lab, pki):
    for name in [n for n in lab.axp.env if n.lower().endswith("_proxy")]:
        del lab.axp.env[name]
    return Server(lab, pki)


def entries(axp):
    (provider,) = axp.json("list", "provider")["lists"]
    return provider["entries"]


def listed(axp):
    return sorted(e["prefix"].removesuffix("/32") for e in entries(axp))


def info(axp):
    """What is remembered of the provider's feed."""
    path = axp.state / "default" / "news" / "provider.url.json"
    (of,) = json.loads(path.read_text(encoding="utf-8"))["sources"].values()
    return of


def fails(axp, *args):
    """A fetch that fails; why."""
    result = axp("fetch", *args)
    assert result.returncode == 1, f"{result.stdout}{result.stderr}"
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("allowxdp: warning: list "), result.stderr
    return lines[0]


def test_a_feed_grows_and_breaks(lab, server):
    axp = lab.axp
    axp.write(config(lab))
    # before the first load, so that it has somebody to let in
    server.publish(WHOLE[:3])
    assert axp.ok("fetch") == f"provider: 3 entries (+3 -0) from https://{GATEWAY4}/feed\n"
    axp.ok("load", "eth0")
    assert listed(axp) == sorted(WHOLE[:3])
    (entry,) = [e for e in entries(axp) if e["prefix"] == f"{FRESHCHAT_US}/32"]
    assert (entry["label"], entry["origin"]) == (f"of {FRESHCHAT_US}", f"feed https://{GATEWAY4}/feed")
    assert lab.reaches(FRESHCHAT_US, PORT) and lab.reaches(OFFICE4, PORT)
    assert not lab.reaches(FRESHCHAT_AU, PORT, timeout=0.2)

    server.publish(WHOLE)
    assert "4 entries (+1 -0)" in axp.ok("fetch", "provider")
    assert lab.reaches(FRESHCHAT_AU, PORT)
    assert not lab.reaches(NEIGHBOUR, PORT, timeout=0.2)
    assert server.answers()[-1] == "/feed 200"
    assert "4 entries, unchanged" in axp.ok("fetch")
    assert server.answers()[-1] == "/feed 304"

    generation = axp.status()["generation"]
    labels = f'{{list="provider",kind="url",source="https://{GATEWAY4}/feed"}}'
    kept = ": 4 entries of before are kept"
    with server.being("page"):
        assert fails(axp).endswith("line 1: a web page (HTML or XML) came, no list" + kept)
    with server.being("http"):
        assert fails(axp).endswith(f"it is redirected to http://{GATEWAY4}/feed.txt, which is not followed: only "
                                   f"to https from https{kept}")
    with server.being("loop"):
        assert "Maximum (5) redirects followed" in fails(axp)
    with server.being("gone"):
        assert fails(axp).endswith("the server answered with status 404" + kept)
    with server.being("huge"):
        assert fails(axp).endswith('it is larger than 16777216 bytes ("max-size")' + kept)
    with server.being("packed"):  # 2 MB on the wire, 2 GB unpacked
        assert fails(axp).endswith('it is larger than 16777216 bytes ("max-size")' + kept)
    server.publish([], "")
    assert fails(axp).endswith("it is empty" + kept)
    server.publish([], f"{FRESHCHAT_US}\n{FRESHCHAT_EU}\n18.184.146.")
    assert "line 3: 18.184.146.: not an IPv4 or IPv6 prefix" in fails(axp)
    server.publish([], "\n".join(WHOLE + ["0.0.0.0/0"]))
    assert '0.0.0.0/0 is wider than /8: "min-prefix4" allows it' in fails(axp)
    server.publish([], "\n".join(WHOLE + ["10.0.0.0/8"]))
    assert '10.0.0.0/8 is in or around 10.0.0.0/8, private (RFC 1918): "allow-private: true" allows it' in fails(axp)
    assert info(axp)["failures"] == 10 and "10.0.0.0/8" in info(axp)["failure"]
    assert listed(axp) == sorted(WHOLE)
    assert axp.status()["generation"] == generation  # nothing has been touched
    assert lab.reaches(FRESHCHAT_AU, PORT)

    server.publish(WHOLE + [EXOTEL_MUMBAI])
    axp.write(config(lab, options="timeout: 1s"))
    axp.ok("reload")
    with server.being("stalled"):
        assert "timed out after 1" in fails(axp)
    axp.write(config(lab))
    axp.ok("reload")
    with server.being("moved"):
        assert "5 entries (+1 -0)" in axp.ok("fetch")
    assert info(axp)["failure"] is None
    (server.directory / "ca.pem").chmod(0o600)
    assert "ca.pem is no PEM file of certificates that user 65534 may read" in fails(axp)
    server.stop()
    assert "Failed to connect" in fails(axp) or "Couldn't connect" in info(axp)["failure"]
    assert lab.reaches(EXOTEL_MUMBAI, PORT)
    assert f"allowxdp_source_stale{labels} 0" in axp.ok("metrics")
    axp.write(config(lab, options="stale-after: 1s"))
    # and over a reload, without a server
    axp.ok("reload")
    assert lab.reaches(EXOTEL_MUMBAI, PORT)
    wait_for(lambda: axp.status()["sources"][0]["stale"], "it is stale")
    assert axp.status()["sources"][0]["state"] == "failing"
    assert f"allowxdp_source_stale{labels} 1" in axp.ok("metrics")
    assert "STALE, FAILING, 5 entries" in axp.ok("status")


def test_another_url(lab, server):
    """The config is edited while the old one runs; the new feed is fetched before the reload, or after it."""
    axp = lab.axp
    axp.write(config(lab))
    axp.ok("fetch")
    axp.ok("load", "eth0")
    axp.write(config(lab).replace(f"https://{GATEWAY4}/feed", f"https://{GATEWAY4}/feed.txt"))
    server.publish(WHOLE + [EXOTEL_MUMBAI])
    axp.ok("fetch")
    assert server.answers()[-1] == "/feed 200"
    server.publish(WHOLE[:3])
    assert "3 entries" in axp.ok("fetch", "--from-config")
    assert server.answers()[-1] == "/feed.txt 200"
    assert listed(axp) == sorted(WHOLE + [EXOTEL_MUMBAI])
    axp.ok("reload")
    assert listed(axp) == sorted(WHOLE[:3])
    axp.write(config(lab))
    axp.ok("reload")
    assert listed(axp) == sorted(WHOLE + [EXOTEL_MUMBAI])


def test_a_change_that_waits_goes_first(lab, server):
    axp = lab.axp
    axp.write(config(lab))
    axp.ok("fetch")
    axp.ok("load", "eth0")
    axp.write(config(lab, options="max-shrink: 10%"))
    axp.ok("reload", "--confirm", "5m")
    server.publish(WHOLE + [EXOTEL_MUMBAI])
    result = axp("fetch")
    assert result.returncode == 1
    assert "what was fetched is kept, but not in force yet: " in result.stderr
    assert listed(axp) == sorted(WHOLE)
    axp.ok("confirm")
    assert "unchanged" in axp.ok("fetch")
    assert listed(axp) == sorted(WHOLE + [EXOTEL_MUMBAI])
    assert lab.reaches(EXOTEL_MUMBAI, PORT)


def test_certificates_are_verified(lab, server):
    axp = lab.axp
    other = f"""
  - {{name: wrong-name, url: "https://{STRANGER4}/feed", ca-file: {lab.directory}/feeds/ca.pem}}
  - {{name: unknown-ca, url: "https://{GATEWAY4}/feed"}}
  - {{name: plain, url: "http://{GATEWAY4}/feed"}}
"""
    axp.write(config(lab, other))
    result = axp("fetch", "--json")
    assert result.returncode == 1
    feeds = {f["list"]: f for f in json.loads(result.stdout)["feeds"]}
    assert {k: (f["result"], f["entries"]) for k, f in feeds.items()} == {
        "provider": ("taken", 4), "plain": ("taken", 4), "wrong-name": ("failed", 0), "unknown-ca": ("failed", 0)}
    assert "does not match" in feeds["wrong-name"]["reason"]
    assert "certificate" in feeds["unknown-ca"]["reason"]


def test_a_shrinking_feed_is_held_until_accepted(lab, server):
    axp = lab.axp
    axp.write(config(lab, options="max-shrink: 60%"))
    axp.ok("fetch")
    axp.ok("load", "eth0")
    assert "nothing is held of list \"provider\"" in axp.fails("fetch", "--accept", "provider")
    server.publish(WHOLE[:1])
    held = fails(axp)
    assert "it shrinks from 4 to 1 entries, by more than 60 % (\"max-shrink\"): held until it grows again, or " \
           "`allowxdp fetch --accept provider`: 4 entries of before are kept" in held
    (source,) = axp.status()["sources"]
    assert (source["list"], source["kind"], source["state"], source["entries"]) == ("provider", "url", "held", 4)
    assert "HELD, 4 entries" in axp.ok("status")
    labels = f'{{list="provider",kind="url",source="https://{GATEWAY4}/feed"}}'
    assert f"allowxdp_source_held{labels} 1" in axp.ok("metrics")
    since = info(axp)["held"]["since"]
    assert fails(axp) == held and info(axp)["held"]["since"] == since  # not by asking again
    assert server.answers()[-1] == "/feed 200"
    assert lab.reaches(FRESHCHAT_AU, PORT)

    # it comes to its senses by itself
    server.publish(WHOLE[:2])
    assert "2 entries (+0 -2)" in axp.ok("fetch")
    assert "held" not in info(axp)
    assert axp.status()["sources"][0]["state"] == "ok"
    assert f"allowxdp_source_held{labels} 0" in axp.ok("metrics")
    assert not lab.reaches(FRESHCHAT_AU, PORT, timeout=0.2)

    server.publish(WHOLE)
    axp.ok("fetch")
    server.publish(WHOLE[:1])
    fails(axp)
    server.stop()
    assert "provider: 1 entries (+0 -3)" in axp.ok("fetch", "--accept", "provider")
    assert listed(axp) == [FRESHCHAT_US]
    assert lab.reaches(FRESHCHAT_US, PORT)
    assert not lab.reaches(FRESHCHAT_EU, PORT, timeout=0.2)
    server.start()
    assert "unchanged" in axp.ok("fetch")
    assert server.answers()[-1] == "/feed 304"  # the accepted one's ETag


def test_a_command_brings_entries(lab):
    axp = lab.axp
    script = lab.directory / "feed.sh"
    script.write_text(f"#!/bin/sh\n[ ! -e {lab.directory}/bad ] || {{ echo no luck >&2; exit 4; }}\n"
                      f"echo '{{\"of\": [{{\"ip\": \"{FRESHCHAT_US}\", \"for\": \"'$1'\"}}]}}'\n", encoding="ascii")
    script.chmod(0o755)
    axp.write(f"""
services: [{{name: voice, ports: [udp/{PORT}], allow: [provider]}}]
lists:
  - name: provider
    command: [{script}, "a b"]
    format: json
    path: of[].ip
    filter: "for=a b"
""")
    assert axp.ok("fetch") == f"provider: 1 entries (+1 -0) from {script} a b\n"
    axp.ok("load", "eth0")
    assert lab.reaches(FRESHCHAT_US, PORT)
    (lab.directory / "bad").touch()
    assert fails(axp).endswith(f"feed {script} a b: the command failed with status 4: no luck: 1 entries of before "
                               "are kept")
    assert lab.reaches(FRESHCHAT_US, PORT)


def test_what_fetch_does_not_take(lab, server):
    axp = lab.axp
    axp.write(config(lab))
    assert "there is no list 'nobody'" in axp.fails("fetch", "nobody")
    assert "list 'office' has no feed" in axp.fails("fetch", "office")
    assert "list 'office' has no feed" in axp.fails("fetch", "--accept", "office")
    assert "user 'nosuchuser'" in axp.fails("fetch", "--user", "nosuchuser")
    axp.fails("fetch", "--accept", "provider", "office", status=2)
    assert server.answers() == []


def fetchers(daemon):
    """Processes that the daemon has started, and that are not it."""
    return [int(p) for p in Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text(encoding="ascii").split()]


def takes_hangups(daemon):
    """Has it come so far that SIGHUP does not end it?"""
    status = Path(f"/proc/{daemon.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^SigBlk:\s+(\w+)", status, re.M).group(1), 16) & 1


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_the_daemon_fetches_without_root(lab, server):
    axp = lab.axp
    axp.write(config(lab, options="timeout: 1m"))
    axp.ok("load", "eth0", "--force")
    assert not lab.reaches(FRESHCHAT_US, PORT, timeout=0.2)
    daemon = axp.start("run", "--no-metrics")
    try:
        wait_for(lambda: listed(axp) == sorted(WHOLE), "the daemon has fetched", 30)
        assert lab.reaches(FRESHCHAT_US, PORT)
        with server.being("stalled"):
            server.publish(WHOLE[:2])
            daemon.send_signal(signal.SIGHUP)
            none = "\nCapPrm:\t0000000000000000"
            (fetcher,) = wait_for(lambda: [p for p in fetchers(daemon) if
                                           none in Path(f"/proc/{p}/status").read_text(encoding="ascii")],
                                  "a process fetches", 30)
            status = dict(line.split(":\t", 1) for line in
                          Path(f"/proc/{fetcher}/status").read_text(encoding="ascii").splitlines() if ":\t" in line)
            assert set(status["Uid"].split() + status["Gid"].split()) == {"65534"}
            assert {status[f"Cap{c}"] for c in ("Prm", "Eff", "Inh", "Bnd", "Amb")} == {"0" * 16}
            assert status["Groups"].split() == []
            # none of the daemon's descriptors: what there is beside the pipe are curl's own, and no maps
            links = [os.readlink(f) for f in Path(f"/proc/{fetcher}/fd").iterdir()]
            assert not [l for l in links if "bpf" in l or str(axp.run_dir) in l or str(axp.state) in l], links
            daemon.kill()
            daemon.wait(lasting(10))
            wait_for(lambda: not alive(fetcher), "the process that fetches ends with the daemon")
        assert listed(axp) == sorted(WHOLE)
        assert lab.reaches(FRESHCHAT_AU, PORT)
        for stream in (daemon.stdout, daemon.stderr):
            stream.close()
        daemon = axp.start("run", "--no-metrics")
        wait_for(lambda: takes_hangups(daemon), "the daemon runs")

        def shrunk():
            daemon.send_signal(signal.SIGHUP)
            return listed(axp) == sorted(WHOLE[:2])
        wait_for(shrunk, "the daemon goes on", 30)
        wait_for(lambda: not lab.reaches(FRESHCHAT_AU, PORT, timeout=0.2), "the old ones are gone")
        assert lab.reaches(FRESHCHAT_EU, PORT)
    finally:
        daemon.terminate()
        out, log = daemon.communicate(timeout=lasting(20))
    assert out == ""
    assert f"list provider: feed https://{GATEWAY4}/feed: 2 entries (+0 -2)" in log
    assert f"list provider: - {FRESHCHAT_AU}/32" in log


def test_one_ends_while_the_process_of_another_begins(lab):
    """That has all of the daemon's descriptors until it closes them; strace has it take its time over that."""
    axp, go = lab.axp, lab.directory / "go"
    lines = {"one": f"until [ -e {go} ]; do sleep 0.05; done; echo {FRESHCHAT_US}", "two": f"echo {FRESHCHAT_EU}"}

    def write(*names):
        for name in names:
            script = lab.directory / name
            script.write_text(f"#!/bin/sh\n{lines[name]}\n", encoding="ascii")
            script.chmod(0o755)
        axp.write(f"services: [{{name: voice, ports: [udp/{PORT}], allow: [{', '.join(names)}]}}]\nlists:\n" +
                  "".join(f"  - {{name: {name}, command: [{lab.directory}/{name}], format: text}}\n" for name in names))

    def entries_of(name):
        assert daemon.poll() is None
        return next((thing["entries"] for thing in axp.status()["lists"] if thing["name"] == name), None)

    def children_of(pid):
        return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()

    write("one")
    axp.ok("load", "eth0", "--force")
    daemon = axp.start("run", "--no-metrics")
    lab.processes.append(daemon)
    wait_for(lambda: any(children_of(p) for p in fetchers(daemon)), "the first command runs")
    strace = lab.popen(lab.host, "strace", "-f", "-qq", "-p", str(daemon.pid), "-o", "/dev/null", "-e", "trace=close_range",
                       "-e", f"inject=close_range:delay_enter={lasting(20) * 1000000}")
    wait_for(lambda: "TracerPid:\t0\n" not in Path(f"/proc/{daemon.pid}/status").read_text(encoding="ascii"), "it is traced")
    write("one", "two")
    axp.ok("reload", "--force")
    wait_for(lambda: len(fetchers(daemon)) == 2, "a second process begins")
    go.touch()
    wait_for(lambda: entries_of("one") == 1, "what the first one brought")
    assert len(fetchers(daemon)) == 1 and entries_of("two") == 0
    strace.kill()
    wait_for(lambda: entries_of("two") == 1, "what the second one brought")


def test_killed_anywhere_files_and_kernel_agree(lab, server):
    axp = lab.axp
    axp.write(config(lab, options="max-shrink: 100%"))
    one, two = sorted(WHOLE), sorted([FRESHCHAT_US, EXOTEL_MUMBAI])
    axp.ok("fetch")
    axp.ok("load", "eth0")
    rng = random.Random(6)
    for n in range(16):
        server.publish(two if n % 2 == 0 else one)
        fetch = axp.start("fetch")
        time.sleep(rng.uniform(0, 0.12))
        fetch.kill()
        fetch.communicate(timeout=lasting(20))
        assert listed(axp) in (one, two)
    for n in range(8):
        server.publish(two if n % 2 == 0 else one)
        daemon = axp.start("run", "--no-metrics")
        time.sleep(0.15)  # most often it listens by then; else this ends it
        daemon.send_signal(signal.SIGHUP)
        time.sleep(rng.uniform(0, 0.15))
        daemon.kill()
        daemon.communicate(timeout=lasting(20))
        assert listed(axp) in (one, two)
    server.publish(two)
    axp.ok("fetch")
    assert listed(axp) == two
    assert lab.reaches(EXOTEL_MUMBAI, PORT) and lab.reaches(FRESHCHAT_US, PORT)
    assert not lab.reaches(FRESHCHAT_EU, PORT, timeout=0.2)
    # ... and what the state directory has is what is in force
    axp.ok("unload", "--all")
    axp.ok("load", "eth0")
    assert listed(axp) == two
    assert not list((axp.state / "default" / "news").glob("*.new"))


def test_the_examples_of_the_documentation(lab):
    text = (ROOT / "docs" / "feeds.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.S)
    names = re.findall(r"- name: (\S+)", example)
    lab.axp.write(f"services: [{{name: voice, ports: [udp/{PORT}], allow: {json.dumps(names)}}}]\n{example}")
    lab.axp.ok("validate")
    assert len(names) == 7
    keys = set(re.findall(r"^    ([a-z0-9-]+):", example, re.M))
    told = set(re.findall(r"`([a-z0-9-]+)`", "".join(re.findall(r"^\|([^|]+)\|", text, re.M))))
    assert keys < told


def test_bad_options_are_refused_with_their_line(lab, server):
    del server
    axp = lab.axp
    for line, why in (
            ("timeout: 0s", "duration"),
            ("timeout: 1d", "timeout: 86400 s is not between 1s and 10m: write timeout: 10m"),
            ("refresh: 1s", "refresh: 1 s is not between 10s and"),
            ("format: xml", 'unknown format "xml": write text, csv or json'),
            ("format: json", '"path" is missing'),
            ("column: 2", '"column" is for "format: csv" only'),
            ("max-size: 1GB", 'max-size: "1GB" is no size from 1kB to 256MB'),
            ("max-shrink: 101%", 'max-shrink: "101%" is not a number from 0 to 100'),
            ("min-prefix4: 33", 'min-prefix4: "33" is not a number from 0 to 32'),
            ("stale-after: soon", "soon"),
            ("command: [/bin/true]", 'a list has either "url" or "command"'),
            ("allow-private: perhaps", "neither true nor false")):
        axp.write(config(lab, options=line))
        said = one_error(axp("validate"))
        assert said.startswith(f"allowxdp: {axp.config}:9: ") and why in said, said
    for more, why in (("  - {name: x, refresh: 1h}", '"refresh" is an option of a feed, which this list has not'),
                      ("  - {name: x, url: ftp://a/}", "begins with none of https://, http:// and file:///"),
                      ("  - {name: x, url: https://u:p@a/}", "holds a user or password"),
                      ("  - {name: x, url: http://a/, ca-file: ca.pem}", "for an https \"url\" only"),
                      ("  - {name: x, url: https://a/, ca-file: no.pem}", f"{axp.etc}/no.pem cannot be read"),
                      ("  - {name: x, command: [true]}", "which is no absolute path"),
                      ("  - {name: x, command: /bin/true}", '"command" must be a list')):
        axp.write(config(lab, more))
        said = one_error(axp("validate"))
        assert said.startswith(f"allowxdp: {axp.config}:12: ") and why in said, said
