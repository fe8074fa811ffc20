# SPDX-License-Identifier: GPL-2.0-or-later
"""watch and capture under a flood, filtered, limited, killed: what they say adds up to what was sent, exactly."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from scapy.utils import RawPcapNgReader

from frames import TAGS, Raw, ethernet, ip, tcp, udp
from lab import HOST4, HOST6, OFFICE4, OFFICE6, SLOW, STRANGER4, STRANGER6, lasting, run, wait_for
from lab3 import Flood, build_flood, config, service

RTP, SIP, ALIVE = 20000, 5060, 5
WATCHING = 48  # where in map `control` the watchers' bytes are


@pytest.fixture(scope="module")
def flood_program(tmp_path_factory):
    return build_flood(tmp_path_factory.mktemp("flood"))


def watching(lab):
    """Who watches, by the byte that packets look at."""
    dump = json.loads(run("bpftool", "-j", "map", "dump", "pinned", lab.axp.bpffs / "default" / "control").stdout)
    return [int(b, 16) for b in dump[0]["value"][WATCHING:WATCHING + 4]]


class Watch:
    """A command that watches, from when packets see it to its end."""

    def __init__(self, lab, *arguments, n=0):
        self.lab, self.began = lab, time.monotonic()
        self.process = lab.axp.start(*arguments)
        lab.processes.append(self.process)
        wait_for(lambda: self.process.poll() is not None or (self.has_buffers() and watching(lab)[n]), "it watches")
        time.sleep(0.02)  # where the byte was left by another

    def has_buffers(self):
        try:
            return any("perf" in os.readlink(f) for f in Path(f"/proc/{self.process.pid}/fd").iterdir())
        except FileNotFoundError:  # one was closed
            return False

    def end(self, sig=signal.SIGINT, status=0):
        """(stdout, stderr)"""
        if sig and self.process.poll() is None:
            self.process.send_signal(sig)
        out, err = self.process.communicate(timeout=lasting(30))
        self.lasted = time.monotonic() - self.began
        self.lab.processes.remove(self.process)
        assert self.process.returncode == status, err
        return out, err


class JsonWatch(Watch):
    def __init__(self, lab, *arguments, n=0):
        super().__init__(lab, "watch", "--json", *arguments, n=n)

    def end(self, sig=signal.SIGINT, status=0):
        """(packets, the last word)"""
        out, err = super().end(sig, status)
        lines = [json.loads(line) for line in out.splitlines()]
        assert lines[0]["event"] == "begin" and lines[-1]["event"] == "end" and err == ""
        assert {line["event"] for line in lines[1:-1]} <= {"packet", "left-out"}
        packets = [line for line in lines if line["event"] == "packet"]
        left_out = [line for line in lines if line["event"] == "left-out"]
        assert len(packets) == lines[-1]["shown"]
        for key in ("left_out", "lost"):
            assert sum(line[key] for line in left_out) <= lines[-1][key]
        return packets, lines[-1]


# -- a flood --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("rate", [200, 1000000])
def test_a_flood_adds_up(shared, flood_program, rate):
    """Shown, left out and lost are together what was sent, to the packet."""
    lab = shared
    before = lab.axp.count("rtp", "drop")
    watch = JsonWatch(lab, "--service", "rtp", "--source", "198.51.100.0/24", "--rate", str(rate))
    began = time.monotonic()
    flood = Flood(lab, flood_program, [udp(lab, STRANGER4, RTP), udp(lab, OFFICE4, RTP), udp(lab, STRANGER4, SIP),
                                       udp(lab, STRANGER6, RTP), udp(lab, STRANGER4, RTP + 1, b"x" * 900)])
    time.sleep(0.3 * SLOW)
    sent, lasted = flood.stop(), time.monotonic() - began
    # Of each round of five the first, the fourth (IPv6) and the fifth are dropped by rtp, and two of them watched.
    wanted = [2 * (sent // 5) + (sent % 5 > 0), 3 * (sent // 5) + (sent % 5 > 0) + (sent % 5 > 3)]
    wait_for(lambda: lab.axp.count("rtp", "drop") - before == wanted[1], "every frame is counted")
    shown, end = watch.end()
    assert end["shown"] + end["left_out"] + end["lost"] == wanted[0] > 10000 / SLOW
    if rate == 200:
        assert end["lost"] == 0 and rate <= end["shown"] <= rate + rate * (lasted + 0.1)
    assert {(p["source"], p["service"], p["reason"], p["verdict"]) for p in shown} == {
        (STRANGER4, "rtp", "unlisted", "drop")}
    assert {p["destination_port"] for p in shown} == {RTP, RTP + 1}
    times = [p["time"] for p in shown]
    assert times == sorted(times)


def test_a_flood_is_captured_and_adds_up(shared, flood_program, tmp_path):
    lab, file = shared, tmp_path / "flood.pcapng"
    before = lab.axp.count("rtp", "drop")
    watch = Watch(lab, "capture", "-w", file, "--json", "--service", "rtp", "--rate", "1000000", "--snaplen", "100")
    flood = Flood(lab, flood_program, [udp(lab, STRANGER4, RTP, b"x" * 1000)])
    time.sleep(0.1 * SLOW)
    sent = flood.stop()
    wait_for(lambda: lab.axp.count("rtp", "drop") - before == sent, "every frame is counted")
    said = json.loads(watch.end()[0])
    assert said["packets"] + said["left_out"] + said["lost"] == sent and said["packets"] > 1000 / SLOW
    fields = run("tshark", "-r", file, "-T", "fields", "-e", "frame.cap_len", "-e", "frame.len").stdout.splitlines()
    assert fields == [f"100\t{42 + 1000}"] * said["packets"]


# -- filters -----------------------------------------------------------------------------------------------

def kinds(lab):
    """Frames by what becomes of them."""
    bad = bytearray(bytes(udp(lab, STRANGER4, SIP)))
    bad[14] = 0x44
    return {
        "sip": udp(lab, STRANGER4, SIP), "rtp": udp(lab, STRANGER4, RTP), "https": tcp(lab, STRANGER6, 443),
        "office": udp(lab, OFFICE4, SIP), "office6": udp(lab, OFFICE6, RTP), "bad": bytes(bad),
        "free": udp(lab, STRANGER4, 53), "tagged": udp(lab, STRANGER4, RTP, tags=TAGS["QinQ"]),
        "deep": bytes(ethernet(lab, TAGS["QinQ"] + [(0x8100, 7)]) / ip(OFFICE4) / Raw(b"x" * 40)),
    }


FILTERS = [
    (["--service", "sip"], {"sip": 3}),
    (["--service", "sip,https"], {"sip": 3, "https": 3}),
    (["--service", "-", "--both", "--source", STRANGER4], {"bad": 0, "free": 3}),
    (["--service", "-"], {"bad": 3, "deep": 3}),
    (["--source", "2001:db8:666::/48"], {"https": 3}),
    (["--source", "198.51.100.64/26"], {"sip": 3, "rtp": 3, "tagged": 3}),
    (["--reason", "bad-header,vlan-depth"], {"bad": 3, "deep": 3}),
    (["--reason", "listed"], {"office": 3, "office6": 3}),
    (["--reason", "listed,unlisted", "--both", "--service", "rtp"], {"rtp": 3, "tagged": 3, "office6": 3}),
    (["--passes", "--source", OFFICE6], {"office6": 3}),
    (["-i", "eth0", "--service", "rtp", "--source", STRANGER4], {"rtp": 3, "tagged": 3}),
]


def kind_of(p):
    """By what watch says of it; the same as kinds()."""
    key = p["service"], p["family"], p["reason"], tuple(p["vlan"])
    return {("sip", "ipv4", "unlisted", ()): "sip", ("rtp", "ipv4", "unlisted", ()): "rtp",
            ("https", "ipv6", "unlisted", ()): "https", ("sip", "ipv4", "listed", ()): "office",
            ("rtp", "ipv6", "listed", ()): "office6", ("-", "ipv4", "bad-header", ()): "bad",
            ("-", "ipv4", "not-guarded", ()): "free", ("rtp", "ipv4", "unlisted", (200, 100)): "tagged",
            ("-", "-", "vlan-depth", (200, 100, 7)): "deep"}[key]


def test_filters(shared):
    """Four watch at a time, each with a filter of his own."""
    lab, frames = shared, kinds(shared)
    for start in range(0, len(FILTERS), 4):
        batch = FILTERS[start:start + 4]
        watches = [JsonWatch(lab, *arguments, n=n) for n, (arguments, _) in enumerate(batch)]
        lab.send(*frames.values(), count=3)
        for watch, (arguments, wanted) in zip(watches, batch):
            seen = {}
            for p in watch.end()[0]:
                seen[kind_of(p)] = seen.get(kind_of(p), 0) + 1
            assert seen == {k: v for k, v in wanted.items() if v}, arguments


def test_json_of_a_packet(shared):
    lab = shared
    watch = JsonWatch(lab, "--service", "https,rtp", "--source", "2001:db8::/32")
    lab.axp.ok("mode", "monitor")
    lab.send(tcp(lab, STRANGER6, 443, flags="SEC"))
    lab.axp.ok("mode", "enforce")
    frame = udp(lab, STRANGER6, RTP, tags=TAGS["802.1Q"])
    lab.send(frame)
    (first, second), end = watch.end()
    assert (end["why"], end["left_out"], end["lost"]) == ("ended by a signal", 0, 0)
    assert {k: first[k] for k in ("verdict", "mode", "tcp_flags", "protocol", "source_port", "destination_port")} == {
        "verdict": "pass", "mode": "monitor", "tcp_flags": "SEC", "protocol": "tcp", "source_port": 40000,
        "destination_port": 443}
    assert {k: second[k] for k in ("verdict", "mode", "vlan", "length", "destination", "interface", "direction")} == {
        "verdict": "drop", "mode": "enforce", "vlan": [100], "length": len(frame), "destination": HOST6,
        "interface": "eth0", "direction": "in"}


def test_text_says_what_it_left_out(shared):
    watch = Watch(shared, "watch", "--rate", "1", "--service", "rtp")
    for _ in range(3):
        shared.send(udp(shared, STRANGER4, RTP), count=20)
        time.sleep(0.4)
    out, err = watch.end()
    lines = out.splitlines()
    shown = [line for line in lines[1:] if not line.startswith("...")]
    said = [int(line.split()[1]) for line in lines if line.startswith("...")]
    assert 1 <= len(shown) <= watch.lasted + 2
    assert all(f"{STRANGER4}:40000" in line and " drop " in line for line in shown)
    assert said and sum(said) <= 60 - len(shown)
    assert f"{len(shown)} packets shown, {60 - len(shown)} left out (more than 1 a second), 0 lost" in err


# -- limits, VLANs, pipes ----------------------------------------------------------------------------------

def tshark(file, *fields):
    columns = [a for f in fields for a in ("-e", f)]
    result = run("tshark", "-r", file, "-T", "fields", *columns)
    return [tuple(line.split("\t")) for line in result.stdout.splitlines()]


def test_capture_ends_by_count_and_by_time(shared, tmp_path):
    lab = shared
    counted = Watch(lab, "capture", "-w", tmp_path / "count.pcapng", "--count", "7", "--json")
    timed = Watch(lab, "capture", "-w", tmp_path / "time.pcapng", "--duration", f"{lasting(1)}s", "--json", n=1)
    lab.send(udp(lab, STRANGER4, RTP), count=20)
    said = json.loads(counted.end(sig=None)[0])
    assert (said["packets"], said["why"]) == (7, "that many were asked for")
    assert len(tshark(tmp_path / "count.pcapng", "frame.len")) == 7
    said = json.loads(timed.end(sig=None)[0])
    assert (said["packets"], said["left_out"], said["lost"], said["why"]) == (20, 0, 0, "the time is over")
    assert lasting(1) - 0.1 < timed.lasted < lasting(1) + 2 * SLOW
    assert len(tshark(tmp_path / "time.pcapng", "frame.len")) == 20


def test_capture_of_tagged_frames(shared, tmp_path):
    """The very frames, with their tags; and the reasons as comments."""
    lab, file = shared, tmp_path / "tags.pcapng"
    sources = [STRANGER4, OFFICE6]
    frames = [bytes(udp(lab, source, RTP, tags=tags)) for tags in TAGS.values() for source in sources]
    watch = Watch(lab, "capture", "-w", file, "--both", "--service", "rtp")
    lab.send(*frames)
    watch.end()
    rows = tshark(file, "frame.len", "frame.comment", "udp.dstport")
    comments = ["drop: unlisted (service rtp)", "pass: listed (service rtp)"] * len(TAGS)
    assert rows == [(str(len(f)), comment, str(RTP)) for f, comment in zip(frames, comments)]
    assert [data for data, _ in RawPcapNgReader(str(file))] == frames


def test_capture_into_a_pipe(shared):
    """As people do it: into tcpdump, which ends first."""
    lab = shared
    capture = lab.axp.start("capture", "-w", "-", "--service", "rtp")
    lab.processes.append(capture)
    reader = subprocess.Popen(["tcpdump", "-nr", "-", "-c", "3"], stdin=capture.stdout, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    capture.stdout.close()
    capture.stdout = None
    wait_for(lambda: watching(lab)[0], "it watches")
    lab.send(udp(lab, STRANGER4, RTP), count=5)
    out, _ = reader.communicate(timeout=lasting(20))
    assert out.count(f"{STRANGER4}.40000 > {HOST4}.{RTP}") == 3
    lab.send(udp(lab, STRANGER4, RTP))
    assert capture.wait(lasting(20)) == 0  # nobody reads it any more


def test_capture_of_what_leaves(lab, tmp_path):
    """TCP in pieces that the card would cut (GSO), larger than any frame: none is lost."""
    file, size = tmp_path / "out.pcapng", 2 << 20
    lab.axp.write(config([service("carrier", ["tcp/443"], ["office"], direction="out")], {"office": [OFFICE4]}))
    lab.axp.ok("load", "eth0")
    with lab.net.inside():
        server = socket.create_server((OFFICE4, 443))
    watch = Watch(lab, "capture", "-w", file, "--passes", "--service", "carrier", "--json", "--snaplen", "80")
    with lab.host.inside():
        client = socket.create_connection((OFFICE4, 443), timeout=10)
    threading.Thread(target=lambda: (client.sendall(b"x" * size), client.close()), daemon=True).start()
    peer, _ = server.accept()
    got = 0
    while chunk := peer.recv(1 << 20):
        got += len(chunk)
    peer.close()
    server.close()
    wait_for(lambda: lab.axp.count("carrier", "pass", "listed", direction="out", field="bytes") > size, "all is counted")
    said = json.loads(watch.end()[0])
    assert got == size and said["left_out"] == said["lost"] == 0
    rows = tshark(file, "ip.dst", "tcp.seq_raw", "frame.len", "tcp.flags.syn", "frame.comment")
    assert {(r[0], r[4]) for r in rows} == {(OFFICE4, "pass: listed (service carrier)")}
    syn = int(rows[0][1])
    sent = [((int(r[1]) - syn - 1) % 2**32, int(r[2]) - 66) for r in rows[1:]]
    assert rows[0][3] in ("1", "True") and max(length for _, length in sent) > 1460  # else this is no test
    # No byte is missing (some may have been sent again); the FIN may come alone.
    assert max(at + length for at, length in sent) in (size, size + 1)
    assert sum(length for _, length in sent) >= size
    assert lab.axp.count("carrier", direction="out") == len(rows) == said["packets"]


# -- the end of a watcher ------------------------------------------------------------------------------------

def test_killed_or_stopped(shared):
    """
    kill -9: packets stop paying for it by themselves, nothing is left, and the next one works. One who was stopped
    is let go likewise; when he goes on, he is there again.
    """
    lab = shared
    before = lab.axp.count("rtp", "drop", "unlisted")
    pins = sorted(p.name for p in (lab.axp.bpffs / "default").iterdir())
    killed, stopped = JsonWatch(lab), JsonWatch(lab, n=1)
    killed.process.kill()
    killed.process.wait()
    stopped.process.send_signal(signal.SIGSTOP)
    now = time.monotonic()
    lab.send(udp(lab, STRANGER4, RTP), count=10)
    time.sleep(max(0.0, now + ALIVE + 0.2 - time.monotonic()))
    assert all(watching(lab)[:2])  # nobody has cleared it
    lab.send(udp(lab, STRANGER4, RTP))
    wait_for(lambda: watching(lab) == [0, 0, 0, 0], "the first packet after their time cleared their bytes", 2)
    assert lab.axp.count("rtp", "drop", "unlisted") - before == 11  # they were dropped all the same
    assert sorted(p.name for p in (lab.axp.bpffs / "default").iterdir()) == pins
    stopped.process.send_signal(signal.SIGCONT)
    wait_for(lambda: watching(lab)[1], "he is there again", 3)
    # The place of the other is free, and has nothing of what was counted for him.
    following = JsonWatch(lab)
    lab.send(udp(lab, STRANGER4, RTP), count=4)
    for watch, wanted in ((following, 4), (stopped, 14)):
        packets, end = watch.end()
        assert (len(packets), end["left_out"], end["lost"]) == (wanted, 0, 0)
    assert watching(lab) == [0, 0, 0, 0]


def test_the_place_of_one_who_was_killed_is_free_at_once(shared):
    lab = shared
    watches = [JsonWatch(lab, n=n) for n in range(4)]
    assert "4 commands watch this instance already" in lab.axp.fails("watch")
    watches[2].process.kill()
    watches[2].process.wait()
    watches[2] = JsonWatch(lab, "--service", "sip", n=2)
    lab.send(udp(lab, STRANGER4, RTP), udp(lab, STRANGER4, SIP), count=5)
    shown = [len(watch.end()[0]) for watch in watches]
    assert shown == [10, 10, 5, 10]


def test_unloaded_meanwhile(guarded):
    watch = JsonWatch(guarded)
    guarded.send(udp(guarded, STRANGER4, RTP), count=3)
    guarded.axp.ok("unload", "--all")
    packets, end = watch.end(sig=None, status=1)
    assert (len(packets), end["why"]) == (3, "the instance was unloaded")
