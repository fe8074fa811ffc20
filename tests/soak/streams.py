# SPDX-License-Identifier: GPL-2.0-or-later
"""What is sent all the time, by whom, and what must become of it: frames for stream.c, and its tallies."""

import dataclasses
import mmap
import random
import struct
import time

from frames import IP, IPv6, IPv6ExtHdrFragment, TCP, UDP, Ether, Raw
from lab import (EXOTEL_KARNATAKA, EXOTEL_MUMBAI, FRESHCHAT_AU, FRESHCHAT_EU, FRESHCHAT_IN, FRESHCHAT_US, OFFICE4,
                 OFFICE6, STRANGER4, STRANGER6, run, wait_for)

RTP_PORT, SIP_PORT, FLAP_PORT, OPEN_PORT = 20000, 5060, 30000, 9
ALWAYS, NEVER = (OFFICE4, OFFICE6), (STRANGER4, STRANGER6)
NAMED = [FRESHCHAT_US, FRESHCHAT_EU, FRESHCHAT_IN, FRESHCHAT_AU]  # what names and feeds say in turn
FLAPPING = [EXOTEL_MUMBAI, EXOTEL_KARNATAKA]                      # added and removed
OTHERS = 24  # unlisted sources besides

MAGIC, MAX_FRAMES = 0x50AC50AC, 1024
STAMP_SIZE = 24


@dataclasses.dataclass
class Frame:
    data: bytes
    role: str          # always, never, open: judged by who gets through; maybe: not judged
    numbered: bool = False
    counted: tuple = ()  # family, service (None: any), verdict, reason: of every frame; nothing where it may change


def stamped(index, size=60):
    """A payload that ends in what stream.c numbers; the checksum is right for every number."""
    return b"x" * (size - STAMP_SIZE) + struct.pack("=IIQQ", MAGIC, index, 0, 2 ** 64 - 1)


class Sources:
    """The frames of one link, in the order they are sent."""

    def __init__(self, lab, link, host4, host6, seed):
        self.ether = Ether(src=lab.net.mac(link), dst=lab.host.mac(link))
        self.host4, self.host6 = host4, host6
        self.frames = []
        self.judged(seed)

    def ip(self, source):
        return IPv6(src=source, dst=self.host6) if ":" in source else IP(src=source, dst=self.host4)

    def add(self, layers, role, numbered=False, counted=()):
        self.frames.append(Frame(bytes(self.ether / layers), role, numbered, counted))

    def udp(self, source, port, role, counted=(), size=60):
        self.add(self.ip(source) / UDP(sport=40000, dport=port) / Raw(stamped(len(self.frames), size)),
                 role, True, counted)

    def judged(self, seed):
        rng = random.Random(seed)
        for source, family in zip(ALWAYS, ("ipv4", "ipv6")):
            self.udp(source, RTP_PORT, "always", (family, "rtp", "pass", "listed"))
        for source, family in zip(NEVER, ("ipv4", "ipv6")):
            self.udp(source, RTP_PORT, "never", (family, "rtp", "drop", "unlisted"))
            self.udp(source, OPEN_PORT, "open")
            for flags in ("S", "A"):
                self.add(self.ip(source) / TCP(sport=40001, dport=SIP_PORT, flags=flags), "never",
                         counted=(family, "sip", "drop", "unlisted"))
        for _ in range(OTHERS):
            source = f"198.18.{rng.randrange(256)}.{rng.randrange(256)}"
            self.udp(source, RTP_PORT, "never", ("ipv4", "rtp", "drop", "unlisted"))
        self.fragments(ALWAYS[0], "always", 1, ("pass", "listed"), ("pass", "fragment"))
        self.fragments(NEVER[0], "never", 2, ("drop", "unlisted"), ("drop", "fragment-dropped"))
        # One that follows nothing.
        self.add(IP(src=NEVER[0], dst=self.host4, id=3, frag=100, proto=17) / Raw(b"y" * 100), "never",
                 counted=("ipv4", None, "drop", "fragment-refused"))
        self.fragments6(ALWAYS[1], "always", 4, ("pass", "listed"), ("pass", "fragment"))
        for source in NAMED + FLAPPING:
            self.udp(source, FLAP_PORT, "maybe")

    def fragments(self, source, role, identity, first, later):
        """A datagram in two pieces."""
        whole = IP(src=source, dst=self.host4, id=identity) / UDP(sport=40002, dport=RTP_PORT) / Raw(b"z" * 1392)
        payload = bytes(whole)[20:]
        for at, more in ((0, 1), (800, 0)):
            piece = payload[at:at + 800]
            self.add(IP(src=source, dst=self.host4, id=identity, frag=at // 8, flags=more, proto=17) / Raw(piece), role,
                     counted=("ipv4", "rtp" if more else None, *(first if more else later)))

    def fragments6(self, source, role, identity, first, later):
        whole = IPv6(src=source, dst=self.host6) / UDP(sport=40002, dport=RTP_PORT) / Raw(b"z" * 1392)
        payload = bytes(whole)[40:]
        for at, more in ((0, 1), (800, 0)):
            self.add(IPv6(src=source, dst=self.host6) / IPv6ExtHdrFragment(nh=17, offset=at // 8, m=more, id=identity) /
                     Raw(payload[at:at + 800]), role, counted=("ipv6", "rtp" if more else None,
                                                               *(first if more else later)))

    def write(self, path):
        path.write_bytes(b"".join(struct.pack("=II", len(f.data), f.numbered) + f.data for f in self.frames))


class Tally:
    """What stream.c counts."""

    SIZE = 8 * (2 + 3 * MAX_FRAMES)

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(self.SIZE))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), self.SIZE)
        self.words = memoryview(self.map).cast("Q")

    def n(self, index):
        return self.words[2 + index]

    def gaps(self, index):
        return self.words[2 + 2 * MAX_FRAMES + index]

    def close(self):
        self.words.release()
        self.map.close()


class Stream:
    """Frames over one link into real sockets of the host."""

    def __init__(self, lab, program, link, host4, host6, pps, seed):
        self.sources = Sources(lab, link, host4, host6, seed)
        self.sent, self.received = (Tally(lab.directory / f"{what}-{link}") for what in ("sent", "received"))
        frames = lab.directory / f"frames-{link}"
        self.sources.write(frames)
        at = [str(x) for a in (host4, host6) for p in (RTP_PORT, FLAP_PORT, OPEN_PORT) for x in (a, p)]
        self.receiver = lab.popen(lab.host, program, "receive", self.received.path, *at)
        wait_for(lambda: self.received.words[1], "the receiver listens")
        self.sent.words[0] = 1  # begins with a pause
        self.sender = lab.popen(lab.net, program, "send", self.sent.path, pps, link, frames)
        wait_for(lambda: self.sent.words[1], "the sender is there")
        self.base = self.look()

    def look(self):
        indexes = range(len(self.sources.frames))
        return [(self.sent.n(i), self.received.n(i), self.received.gaps(i)) for i in indexes]

    def resume(self):
        self.sent.words[0] = 0
        wait_for(lambda: not self.sent.words[1], "the sender sends")

    def pause(self):
        """Between two rounds of frames; all that was sent is where it is going to be."""
        self.sent.words[0] = 1
        wait_for(lambda: self.sent.words[1], "the sender pauses", 60)
        before = None
        while before != (before := self.look()):
            time.sleep(0.25)

    def since(self):
        """Since the last time: [(frame, sent, received, gaps)]."""
        now = self.look()
        grown = [(f, *(n - b for n, b in zip(row, base)))
                 for f, row, base in zip(self.sources.frames, now, self.base)]
        self.base = now
        return grown

    def alive(self):
        return self.sender.poll() is None and self.receiver.poll() is None

    def close(self):
        self.sent.close()
        self.received.close()


def build(directory, source):
    program = directory / "stream"
    run("gcc", "-O2", "-Wall", "-o", program, source)
    return program
