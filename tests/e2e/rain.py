# SPDX-License-Identifier: GPL-2.0-or-later
"""Datagrams from many sources, and who of them arrives: what a filter does, seen from outside of it."""

import contextlib
import ipaddress
import random
import select
import socket
import struct
import time

from lab import HOST4, HOST6, SO_RCVBUFFORCE

CONTROL = 9  # a port that nothing guards
BATCH = 48   # frames that no queue on the way is too short for


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def header(source, destination, protocol, n):
    """The IP header, and the pseudo header of the checksum."""
    source, destination = source.packed, ipaddress.ip_address(destination).packed
    if len(source) == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + n, 0, 0x4000, 64, protocol, 0) + source + destination
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        return head, source + destination + struct.pack("!HH", protocol, n)
    return (struct.pack("!IHBB", 6 << 28, n, protocol, 64) + source + destination,
            source + destination + struct.pack("!II", n, protocol))


def udp_frame(ethernet, source, port, payload, sport=40000):
    source = ipaddress.ip_address(source)
    destination = HOST4 if source.version == 4 else HOST6
    n = 8 + len(payload)
    head, pseudo = header(source, destination, 17, n)
    body = struct.pack("!HHHH", sport, port, n, 0) + payload
    body = body[:6] + struct.pack("!H", checksum(pseudo + body) or 0xFFFF) + body[8:]
    return ethernet[source.version] + head + body


class Rain:
    """Sends from the net of a lab to UDP sockets of its host."""

    def __init__(self, lab, ports):
        self.lab = lab
        self.stack = contextlib.ExitStack()
        macs = bytes.fromhex(lab.host.mac().replace(":", "") + lab.net.mac().replace(":", ""))
        self.ethernet = {4: macs + b"\x08\x00", 6: macs + b"\x86\xdd"}
        self.out = self.stack.enter_context(contextlib.closing(lab.net.packet_socket(protocol=0)))
        self.sockets = {}
        for address in (HOST4, HOST6):
            for port in (CONTROL, *ports):
                sock = self.stack.enter_context(contextlib.closing(lab.host.udp(address, port)))
                sock.setblocking(False)
                sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
                self.sockets[sock] = port
        self.serial = 0

    def close(self):
        self.stack.close()

    def collect(self, arrived, timeout):
        """Takes what is there; true when the marker of this batch is."""
        marked = False
        for sock in select.select(list(self.sockets), [], [], timeout)[0]:
            with contextlib.suppress(BlockingIOError):
                while True:
                    data, address = sock.recvfrom(64)
                    if self.sockets[sock] == CONTROL:
                        marked |= data == b"%d" % self.serial
                    else:
                        arrived.add((str(ipaddress.ip_address(address[0])), self.sockets[sock]))
        return marked

    def fall(self, drops):
        """drops: (address, port); returns those that arrived."""
        arrived, drops = set(), list(drops)
        for start in range(0, len(drops), BATCH):
            for address, port in drops[start:start + BATCH]:
                self.out.send(udp_frame(self.ethernet, address, port, b"x"))
            self.serial += 1
            deadline = time.monotonic() + 15
            self.out.send(udp_frame(self.ethernet, "198.18.7.7", CONTROL, b"%d" % self.serial))
            while not self.collect(arrived, 0.5):
                assert time.monotonic() < deadline, "the marker of a batch did not arrive"
        time.sleep(0.05)
        self.collect(arrived, 0)
        return arrived


def usable(address):
    """Is it one that the host takes packets from?"""
    a = ipaddress.ip_address(address)
    if a.version == 6:
        return a in ipaddress.ip_network("2000::/3")
    return not (a.is_multicast or a.is_loopback or a.is_unspecified or a.packed[0] in (0, 127) or a.packed[0] >= 224
                or a in ipaddress.ip_network("192.0.2.0/24"))


def around(prefixes, count, seed=1):
    """Addresses at the edges of prefixes, just outside, within, and anywhere; all usable."""
    rng = random.Random(seed)
    found = set()
    for text in prefixes:
        net = ipaddress.ip_network(text)
        first, last = int(net.network_address), int(net.broadcast_address)
        top = 2 ** net.max_prefixlen - 1
        for n in (first - 1, first, first + 1, rng.randint(first, last), last - 1, last, last + 1):
            if 0 <= n <= top:
                found.add(str(type(net.network_address)(n)))
        near = ipaddress.ip_network((first, max(1, net.prefixlen - 4)), strict=False)
        found.add(str(near.network_address + rng.randrange(near.num_addresses)))
    found = {a for a in found if usable(a)}
    while len(found) < count:
        v6 = rng.random() < 0.4
        a = str(ipaddress.IPv6Address(0x2000 << 112 | rng.getrandbits(125)) if v6 else
                ipaddress.IPv4Address(rng.getrandbits(32)))
        if usable(a):
            found.add(a)
    return sorted(found)


class Longest:
    """Which addresses a list lets in: the most specific of "PREFIX" and "!PREFIX" decides."""

    def __init__(self, entries):
        self.verdicts = {}
        for text in entries:
            net = ipaddress.ip_network(text.lstrip("!"))
            self.verdicts[net.version, net.prefixlen, int(net.network_address)] = text[0] != "!"
        self.lengths = {v: sorted({n for w, n, _ in self.verdicts if w == v}, reverse=True) for v in (4, 6)}

    def __contains__(self, address):
        a = ipaddress.ip_address(address)
        for n in self.lengths[a.version]:
            shift = a.max_prefixlen - n
            verdict = self.verdicts.get((a.version, n, int(a) >> shift << shift))
            if verdict is not None:
                return verdict
        return False


def tree(rng, version, roots, count, holes=True):
    """Prefixes within each other, some of them holes."""
    width = 32 if version == 4 else 128
    found = {}
    while len(found) < count:
        root = ipaddress.ip_network(rng.choice(roots))
        net = root
        if found and rng.random() < 0.5:
            inside = [n for n in found if n.prefixlen < width]
            net = rng.choice(inside) if inside else root
        length = min(width, net.prefixlen + rng.choice((1, 1, 2, 3, 5, 8, width)))
        address = int(net.network_address) | rng.getrandbits(width - net.prefixlen) if width > net.prefixlen else \
            int(net.network_address)
        found.setdefault(ipaddress.ip_network((address, length), strict=False), holes and rng.random() < 0.4)
    return [f"{'!' if hole else ''}{net}" for net, hole in found.items()]
