# SPDX-License-Identifier: GPL-2.0-or-later
"""The exporter: what it serves, to whom, and what it does not do whoever asks."""

import contextlib
import os
import re
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest

import lab3
from exporter import Exporter, Metrics, no_longer_runs, split
from frames import tcp, udp
from lab import (BINARY, EXOTEL_MUMBAI, FRESHCHAT_IN, HOST4, HOST6, OFFICE4, STRANGER4, STRANGER6, Lab, lasting,
                 one_error, run, wait_for)
from test_metrics import promtool

SIP_DROPPED = {"interface": "eth0", "direction": "in", "service": "sip", "family": "ipv4", "verdict": "drop",
               "reason": "unlisted"}
CAP_DAC_OVERRIDE, CAP_BPF = 1, 39
HEADS = re.compile(r"^# TYPE (\w+) ", re.M)


@pytest.fixture(scope="module")
def served():
    """A lab with a policy in force and an exporter, shared by the tests that leave both as they are."""
    made = Lab()
    try:
        made.load()
        made.exporter = Exporter(made)
        yield made
    finally:
        made.close()


# -- what it serves -------------------------------------------------------------------------------

def test_it_serves_what_the_command_prints(served):
    served.send(udp(served, STRANGER4, 5060), count=3)
    wait_for(lambda: served.axp.count("sip", "drop", "unlisted", "ipv4") >= 3, "counted")
    for _ in range(20):  # until nothing came in between
        before, scraped, after = (served.axp.ok("metrics"), served.exporter.scrape().text, served.axp.ok("metrics"))
        if before == after:
            break
    assert scraped == before == after
    assert Metrics(scraped).value("allowxdp_packets_total", **SIP_DROPPED) >= 3
    result = promtool(scraped)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_what_is_served_was_read_after_the_request(served):
    """However quickly they follow each other: nobody gets what another one was given before."""
    for _ in range(10):
        before = served.axp.count("sip", "drop", "unlisted", "ipv4")
        served.exporter.scrape()
        served.send(udp(served, STRANGER4, 5060))
        wait_for(lambda: served.axp.count("sip", "drop", "unlisted", "ipv4") == before + 1, "counted")
        assert served.exporter.scrape().value("allowxdp_packets_total", **SIP_DROPPED) == before + 1


def test_other_paths_and_methods(served):
    assert served.exporter.health() == (200, "ok\n")
    assert served.exporter.get("/")[0] == 200
    assert served.exporter.get("/metrics?name[]=x")[0] == 200
    status, headers, body = served.exporter.get("/metrics", "HEAD")
    assert (status, body) == (200, b"") and int(headers["content-length"]) > 1000
    for path in ("/nope", "/metrics/", "//metrics", "/../../etc/passwd"):
        assert served.exporter.get(path)[0] == 404
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
        status, headers, _ = served.exporter.get("/metrics", method)
        assert (status, headers["allow"]) == (405, "GET, HEAD")


def test_ipv6(lab):
    exporter = Exporter(lab, listen="[::1]:0")
    assert exporter.address == "::1"
    assert exporter.scrape().value("allowxdp_loaded") == 0


def test_default_port(lab):
    process = lab.axp.start("exporter")
    lab.processes.append(process)
    assert process.stdout.readline() == "instance default: http://127.0.0.1:19790/metrics\n"


@pytest.mark.parametrize("listen", ["19790", ":19790", "localhost:19790", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
                                    "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 1", "::1:19790", "[::1]", "[::1:1",
                                    "[127.0.0.1]:1", "", "1" * 300])
def test_a_bad_address_is_refused(served, listen):
    line = served.axp.fails("exporter", "--listen", listen, status=2)
    assert "write an address and a port, as in 127.0.0.1:19790" in line


@pytest.mark.parametrize("arguments, expected", [
    (["--listen", "192.0.2.77:19790"], "cannot listen on 192.0.2.77:19790: "),
    (["--user", "no-such-user"], "there is no user 'no-such-user'"),
    (["--user", "root"], "--user root is root"),
], ids=" ".join)
def test_it_does_not_start(served, arguments, expected):
    assert expected in served.axp.fails("exporter", *arguments)


def test_a_port_that_is_taken(served):
    assert "Address already in use" in served.axp.fails("exporter", "--listen", f"127.0.0.1:{served.exporter.port}")


# -- whatever becomes of the instance -------------------------------------------------------------

def test_it_survives_unload_and_load(lab):
    exporter = Exporter(lab)
    assert exporter.health() == (503, "not loaded\n")
    text = exporter.scrape()
    assert text.value("allowxdp_loaded") == 0 and not text.named("allowxdp_packets_total")
    lab.load()
    assert exporter.health() == (200, "ok\n")
    lab.send(udp(lab, STRANGER4, 5060), count=7)
    for generation in (2, 3):
        lab.axp.ok("reload")
        text = exporter.scrape()
        assert text.value("allowxdp_generation") == generation
        assert text.value("allowxdp_packets_total", **SIP_DROPPED) == 7
    lab.axp.ok("unload", "--all")
    assert exporter.health() == (503, "not loaded\n")
    assert exporter.scrape().value("allowxdp_loaded") == 0
    lab.axp.ok("load", "eth0")
    assert exporter.health() == (200, "ok\n")
    assert exporter.scrape().value("allowxdp_packets_total", **SIP_DROPPED) == 7
    assert exporter.process.poll() is None


def test_health_tells_what_is_missing(lab):
    lab.load()
    exporter = Exporter(lab)
    with lab.axp.namespace.inside():
        run("ip", "-n", lab.host.name, "link", "set", "eth0", "name", "eth7", check=False)
    run("ip", "-n", lab.host.name, "link", "delete", "eth0", check=False)
    run("ip", "-n", lab.host.name, "link", "delete", "eth7", check=False)
    assert exporter.health() == (503, "eth0: not attached\n")
    assert exporter.scrape().value("allowxdp_attached", interface="eth0", attach="none") == 0


def test_a_damaged_instance_is_an_error_and_said_once(lab):
    lab.load()
    exporter = Exporter(lab)
    snapshot = lab.axp.run_dir / "default" / "policy-1"
    snapshot.rename(snapshot.with_name("away"))
    for _ in range(3):
        status, _, body = exporter.get("/metrics")
        assert (status, body) == (500, b"the instance cannot be read: the exporter's log says why\n")
        assert exporter.health()[0] == 503
    snapshot.with_name("away").rename(snapshot)
    assert exporter.scrape().value("allowxdp_loaded") == 1
    exporter.stop()
    lines = exporter.process.stderr.read().splitlines()
    assert len(lines) == 1 and "cannot read the running policy" in lines[0], lines


# -- what it may ----------------------------------------------------------------------------------

def status_of(pid):
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def capabilities(status, which):
    bits = int(status[f"Cap{which}"], 16)
    return {n for n in range(64) if bits >> n & 1}


@pytest.mark.parametrize("user", ["nobody", "daemon"])
def test_root_is_given_up(lab, user):
    lab.load()
    exporter = Exporter(lab, "--user", user)
    exporter.scrape()
    uid, gid = run("id", "-u", user).stdout.strip(), run("id", "-g", user).stdout.strip()
    [child] = exporter.children()
    kept = {exporter.process.pid: {CAP_DAC_OVERRIDE, CAP_BPF}, child: set()}
    for pid, expected in kept.items():
        status = status_of(pid)
        assert status["Uid"].split() == [uid] * 4 and status["Gid"].split() == [gid] * 4
        assert status["Groups"].split() == []
        assert status["NoNewPrivs"] == "1"
        assert capabilities(status, "Eff") == capabilities(status, "Prm") == expected
        assert capabilities(status, "Inh") == capabilities(status, "Bnd") == capabilities(status, "Amb") == set()


def test_the_process_that_strangers_talk_to_holds_sockets_only(served):
    with contextlib.closing(served.exporter.connect()):
        [child] = served.exporter.children()
        fds = {str(fd.readlink()).split(":")[0] for fd in Path(f"/proc/{child}/fd").iterdir()
               if fd.name not in "012"}
        assert fds == {"socket", "anon_inode"}  # epoll
        limits = Path(f"/proc/{child}/limits").read_text(encoding="ascii")
        assert re.search(r"Max processes +0 +0 ", limits) and re.search(r"Max open files +96 +96 ", limits)


@pytest.mark.parametrize("which", [0, 1], ids=["parent", "child"])
def test_neither_process_outlives_the_other(lab, which):
    exporter = Exporter(lab)
    parent, child = exporter.pids()
    os.kill([parent, child][which], signal.SIGKILL)
    if which:
        assert exporter.process.wait(lasting(10)) == 1
        assert "the HTTP process was ended by signal 9" in exporter.process.stderr.read()
    no_longer_runs(child)


# -- whoever asks ---------------------------------------------------------------------------------

HOSTILE = {
    "a header too long": (b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100000 + b"\r\n\r\n", 431),
    "headers without end": (b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 20000, 431),
    "a path too long": (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a body": (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405),
    "a body without end": (b"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"
                           + b"a" * 1000000, 405),
    "a body of nonsense size": (b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\n", 400),
    "no host": (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /metrics\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "noise": (bytes(range(256)) * 40 + b"\r\n\r\n", 400),
    "zeros": (bytes(100000), 414),
    "many at once": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 50, 200),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_requests(served, name):
    request, status = HOSTILE[name]
    answer = served.exporter.raw(request)
    # Where it closes before it has read all, the answer may be lost on the way; libmicrohttpd 1.0 gives none to noise.
    assert not answer or split(answer)[0] == status, answer[:300]
    assert answer or len(request) > 50000 or name == "noise"
    assert served.exporter.scrape().value("allowxdp_loaded") == 1
    wait_for(lambda: served.exporter.sockets() == 0, "all connections are closed")


def test_clients_that_dawdle_or_vanish(served):
    """Half a request, nothing at all, TLS; a request whose answer is not read; one that is reset. Ten seconds."""
    exporter = served.exporter
    started = time.monotonic()
    request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    with contextlib.ExitStack() as stack:
        def client(data):
            sock = stack.enter_context(contextlib.closing(exporter.connect()))
            sock.sendall(data)
            return sock
        slow = [client(data) for data in (b"", b"GET /metr", request[:-2])]
        odd = [client(data) for data in (b"\r\n" * 2000, b"\x16\x03\x01\0\xc8\1" + bytes(40))]
        gone = client(request[:-2])
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        gone.close()
        drip = client(request[:-2])
        wait_for(lambda: exporter.sockets() >= len(slow) + 1, "they are there")
        while exporter.sockets() >= 1 and time.monotonic() < started + 14:
            assert exporter.scrape().value("allowxdp_loaded") == 1
            with contextlib.suppress(OSError):
                drip.sendall(b"X: y\r\n")  # never idle
            time.sleep(0.5)
        assert exporter.sockets() == 0
        assert 9 < time.monotonic() - started < 14
        for sock in slow:
            assert sock.recv(1) == b""
        for sock in odd:  # libmicrohttpd 1.0 ends those at once, with an answer or without
            with contextlib.suppress(ConnectionResetError):
                answer = sock.recv(1000)
                assert not answer or answer.startswith(b"HTTP/1.1 400 ")


def slow_scrapers(exporter, n, request):
    """n clients at once that ask and do not read; those that were refused too."""
    sockets = []
    for _ in range(n):
        sock = exporter.connect(buffer=1)
        with contextlib.suppress(OSError):
            sock.sendall(request)
        sockets.append(sock)
    return sockets


def many_services(n):
    """So many that the answer is larger than what sockets take."""
    return [(f"service-{i}", [f"tcp/{20000 + i}"], ["office"]) for i in range(n)]


@pytest.mark.parametrize("request_", [b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: "],
                         ids=["do not read", "half a request"])
def test_a_thousand_slow_scrapers(lab, request_):
    lab.load(services=many_services(60), lists={"office": ["203.0.113.0/24"]})
    exporter = Exporter(lab)
    for _ in range(20):
        exporter.scrape()
    before = exporter.rss()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(contextlib.closing(s)) for s in slow_scrapers(exporter, 1000, request_)]
        grown = []
        for _ in range(5):
            started = time.monotonic()
            assert exporter.scrape().value("allowxdp_loaded") == 1
            assert time.monotonic() - started < 2
            grown.append(exporter.rss() - before)
            assert 0 < exporter.sockets() <= 64
        assert max(grown) < 8192, grown
        assert len(clients) == 1000
    wait_for(lambda: exporter.sockets() == 0, "all are gone")
    exporter.scrape()
    assert exporter.rss() - before < 8192


def test_one_address_does_not_push_out_another(lab):
    """Who crowds loses his own oldest: a client from elsewhere keeps its place."""
    lab.load()
    exporter = Exporter(lab, listen="0.0.0.0:0")
    with contextlib.ExitStack() as stack:
        quiet = stack.enter_context(contextlib.closing(exporter.connect(lab.net, HOST4, OFFICE4)))
        quiet.sendall(b"GET /metrics HTTP/1.1\r\n")
        wait_for(lambda: exporter.sockets() == 1, "it is there")
        for _ in range(300):
            stack.enter_context(contextlib.closing(exporter.connect(lab.net, HOST4, STRANGER4)))
        wait_for(lambda: exporter.sockets() >= 60, "they are there")
        quiet.sendall(b"Host: x\r\n\r\n")
        assert quiet.recv(15) == b"HTTP/1.1 200 OK"


# -- its own port ---------------------------------------------------------------------------------

def test_it_is_not_filtered_unless_its_port_is_guarded(lab):
    lab.load()
    exporter = Exporter(lab, listen="0.0.0.0:0")
    for source in (STRANGER4, OFFICE4):
        assert exporter.scrape(namespace=lab.net, address=HOST4, source=source).value("allowxdp_loaded") == 1
    assert exporter.port not in range(5060, 5062)
    lab.axp.write({"services": [("metrics", [f"tcp/{exporter.port}"], ["office"])]})
    warning = (f"allowxdp: warning: the exporter listens on 0.0.0.0:{exporter.port}, a port that service metrics "
               f"guards: only addresses on its lists can scrape it\n")
    assert lab.axp("reload").stderr == warning
    with pytest.raises(socket.timeout):
        exporter.scrape(namespace=lab.net, address=HOST4, source=STRANGER4, timeout=1)
    assert exporter.scrape(namespace=lab.net, address=HOST4, source=OFFICE4).value("allowxdp_loaded") == 1
    assert exporter.scrape(address="127.0.0.1").value("allowxdp_loaded") == 1
    findings = {f["topic"]: f for f in lab.axp.json("doctor", "eth0")["findings"]}
    assert findings["exporter"]["level"] == "warning" and "service metrics guards" in findings["exporter"]["text"]
    # Another one, which nobody but this host can reach; then none.
    exporter.stop()
    assert lab.axp("load", "eth0").stderr == ""
    again = lab.axp.start("exporter", "--listen", f"0.0.0.0:{exporter.port}")
    lab.processes.append(again)
    assert again.stdout.readline()
    again.terminate()
    assert again.wait(lasting(10)) == -signal.SIGTERM and again.stderr.read() == warning
    local = Exporter(lab, listen=f"127.0.0.1:{exporter.port}")
    assert lab.axp("reload").stderr == ""
    local.stop()


def test_ipv6_port_that_is_guarded(lab):
    lab.load(services=[("metrics", ["tcp/19790"], ["office"])])
    exporter = Exporter(lab, listen="[::]:19790")
    with pytest.raises(socket.timeout):
        exporter.scrape(namespace=lab.net, address=HOST6, timeout=1)
    assert exporter.scrape(namespace=lab.net, address=HOST6, source="2001:db8:7::5").value("allowxdp_loaded") == 1


# -- the text file --------------------------------------------------------------------------------

def test_textfile(lab):
    lab.load()
    target = lab.directory / "node" / "allowxdp.prom"
    target.parent.mkdir()
    lab.send(udp(lab, STRANGER4, 5060), count=3)
    before = os.umask(0o077)
    try:
        assert lab.axp.ok("metrics", "--textfile", str(target)) == ""
    finally:
        os.umask(before)
    assert target.stat().st_mode & 0o7777 == 0o644
    assert Metrics(target.read_text(encoding="utf-8")).value("allowxdp_packets_total", **SIP_DROPPED) == 3
    assert [p.name for p in target.parent.iterdir()] == ["allowxdp.prom"]
    assert promtool(target.read_text(encoding="utf-8")).returncode == 0
    lab.axp.ok("unload", "--all")
    lab.axp.ok("metrics", "--textfile", str(target))
    assert Metrics(target.read_text(encoding="utf-8")).value("allowxdp_loaded") == 0


def test_textfile_is_never_seen_half(lab):
    """While eight commands at once replace it, whoever reads it reads a whole one; killed ones leave the old."""
    lab.load()
    target = lab.directory / "allowxdp.prom"
    lab.axp.ok("metrics", "--textfile", str(target))
    whole = set(HEADS.findall(target.read_text(encoding="utf-8")))
    for n in range(5):
        writers = [lab.axp.start("metrics", "--textfile", str(target)) for _ in range(8)]
        if n % 2:
            time.sleep(0.01 * n)
            writers[0].kill()
        while any(w.poll() is None for w in writers):
            text = target.read_text(encoding="utf-8")
            assert set(HEADS.findall(text)) == whole and re.search(r" \d+\n$", text)
        assert {w.returncode for w in writers} <= {0, -signal.SIGKILL}
        for w in writers:
            w.stdout.close()
            w.stderr.close()


@pytest.mark.parametrize("target", ["no/such/directory/x.prom", "directory/", "directory", ""])
def test_textfile_that_cannot_be_written(lab, target):
    (lab.directory / "directory").mkdir()
    (lab.directory / "directory" / "full").touch()
    result = lab.axp("metrics", "--textfile", target and f"{lab.directory}/{target}")
    one_error(result, 1 if target else 2)
    assert sorted(p.name for p in lab.directory.iterdir()) == ["allowxdp", "directory"]


# -- what else it tells ---------------------------------------------------------------------------

def test_the_last_reload(lab):
    lab.load()
    metrics = Metrics(lab.axp.ok("metrics"))
    loaded = metrics.value("allowxdp_last_reload_success_timestamp_seconds")
    assert abs(loaded - time.time()) < 30
    assert metrics.value("allowxdp_last_reload_timestamp_seconds") == loaded
    assert metrics.value("allowxdp_last_reload_successful") == 1
    assert abs(metrics.value("allowxdp_generation_timestamp_seconds") - time.time()) < 30
    lab.axp.write("mode: sideways\n")
    time.sleep(1.1)
    line = lab.axp.fails("reload")
    metrics = Metrics(lab.axp.ok("metrics"))
    assert metrics.value("allowxdp_last_reload_successful") == 0
    assert metrics.value("allowxdp_last_reload_timestamp_seconds") > loaded
    assert metrics.value("allowxdp_last_reload_success_timestamp_seconds") == loaded
    assert line.removeprefix("allowxdp: ") in lab.axp.ok("status")
    lab.axp.write({})
    assert lab.axp("reload", "--dry-run").returncode == 0
    assert Metrics(lab.axp.ok("metrics")).value("allowxdp_last_reload_successful") == 0
    lab.axp.ok("reload")
    assert Metrics(lab.axp.ok("metrics")).value("allowxdp_last_reload_successful") == 1
    assert "failed" not in lab.axp.ok("status")


def test_lists_and_maps(lab):
    lists = {"office": {"file": "office.list", "prefixes": ["2001:db8:7::/48"]}, "empty": []}
    (lab.axp.etc / "office.list").write_text("203.0.113.0/24\n!203.0.113.9\n198.51.100.0/24\n", encoding="ascii")
    os.utime(lab.axp.etc / "office.list", (1_600_000_000, 1_600_000_000))
    lab.load(services=[("sip", ["udp/5060"], ["office", "empty"])], lists=lists)
    metrics = Metrics(lab.axp.ok("metrics"))
    assert metrics.named("allowxdp_list_entries") == {
        (("family", "ipv4"), ("list", "office")): 3, (("family", "ipv6"), ("list", "office")): 1,
        (("family", "ipv4"), ("list", "empty")): 0, (("family", "ipv6"), ("list", "empty")): 0}
    assert metrics.value("allowxdp_list_changed_timestamp_seconds", list="office") == 1_600_000_000
    config = int(lab.axp.config.stat().st_mtime)
    assert metrics.value("allowxdp_list_changed_timestamp_seconds", list="empty") == config
    lab.axp.ok("add", "office", "192.0.2.77")
    lab.axp.ok("add", "empty", "192.0.2.77")  # another list's, the same prefix
    lab.axp.ok("add", "empty", "192.0.2.78", "--for", "1h")
    metrics = Metrics(lab.axp.ok("metrics"))
    assert metrics.value("allowxdp_list_entries", list="office", family="ipv4") == 4
    assert metrics.value("allowxdp_list_changed_timestamp_seconds", list="office") >= config
    used = {dict(labels)["map"]: value for labels, value in metrics.named("allowxdp_map_used").items()}
    assert used == {"services": 1, "prefixes-ipv4": 5, "prefixes-ipv6": 1, "directories4": 1, "directories6": 1, "flows": 0, "timed": 1, "strangers": 0,
                    "answers": 0, "fragments": 0}
    capacity = {dict(labels)["map"]: value for labels, value in metrics.named("allowxdp_map_capacity").items()}
    assert capacity.keys() == used.keys() and capacity["services"] == 64 and capacity["flows"] == 131072


def test_a_listed_source_at_another_service(lab):
    """A provider at a port that his list does not open: counted beside "unlisted"; a stranger is not, nor a reply."""
    def elsewhere():
        named = Metrics(lab.axp.ok("metrics")).named("allowxdp_listed_elsewhere_packets_total")
        return {tuple(v for _, v in sorted(labels)): n for labels, n in named.items() if n}
    lab.load(mode="monitor")
    assert len(Metrics(lab.axp.ok("metrics")).named("allowxdp_listed_elsewhere_packets_total")) == 3 * 2 * 2
    frames = [udp(lab, EXOTEL_MUMBAI, 5060), udp(lab, FRESHCHAT_IN, 5060), udp(lab, STRANGER4, 5060),
              udp(lab, STRANGER6, 20000), tcp(lab, EXOTEL_MUMBAI, 443), udp(lab, FRESHCHAT_IN, 53)]
    lab.send(*frames, count=3)
    wait_for(lambda: lab.axp.count("https", "pass", "unlisted") == 3, "counted")
    assert elsewhere() == {("ipv4", "sip", "pass"): 3, ("ipv4", "https", "pass"): 3}
    lab.axp.ok("mode", "enforce")
    with lab.host.udp(HOST4, 20000) as ours:
        ours.sendto(b"x", (FRESHCHAT_IN, 40000))
        lab.send(udp(lab, FRESHCHAT_IN, 20000))
        ours.recv(100)
    lab.send(*frames, count=5)
    wait_for(lambda: lab.axp.count("https", "drop", "unlisted") == 5, "counted")
    expected = {("ipv4", "sip", "pass"): 3, ("ipv4", "https", "pass"): 3, ("ipv4", "sip", "drop"): 5,
                ("ipv4", "https", "drop"): 5}
    assert elsewhere() == expected
    for act in (["reload"], ["unload", "--all"], ["load", "eth0"]):
        lab.axp.ok(*act)
    assert elsewhere() == expected


def test_maps_that_push_out_old_ones_count_what_lives(lab):
    lab.axp.write(lab3.config([lab3.service("sip", ["udp/5060"], ["office"])], {"office": ["203.0.113.0/24"]},
                              mode="monitor", flows={"udp": "2s"}))
    lab.axp.ok("load", "eth0")
    lab.send(*(udp(lab, STRANGER4, 5060, sport=20000 + n) for n in range(10)))

    def strangers():
        return Metrics(lab.axp.ok("metrics")).value("allowxdp_map_used", map="strangers")
    assert strangers() == 10
    wait_for(lambda: strangers() == 0, "they are forgotten")


def test_mode_and_confirmation(lab):
    lab.load(mode="monitor")
    metrics = Metrics(lab.axp.ok("metrics"))
    assert metrics.value("allowxdp_enforcing") == 0 and metrics.value("allowxdp_mode", mode="monitor") == 1
    lab.axp.ok("mode", "enforce", "--confirm", "90s")
    metrics = Metrics(lab.axp.ok("metrics"))
    assert metrics.value("allowxdp_enforcing") == 1 and metrics.value("allowxdp_confirm_pending") == 1
    assert 80 <= metrics.value("allowxdp_confirm_seconds_left") <= 90


def test_half_an_installation(lab, tmp_path):
    """The exporter needs libraries that `add` need not load: it is in a program of its own."""
    alone = tmp_path / "allowxdp"
    shutil.copy(BINARY, alone)
    result = run("nsenter", f"--net=/run/netns/{lab.host.name}", alone, "exporter", env=lab.axp.env, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"cannot run {tmp_path}/allowxdpd" in one_error(result) and "install both" in result.stderr
