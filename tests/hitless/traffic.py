# SPDX-License-Identifier: GPL-2.0-or-later
"""Who sends what, and build/hitless/hitless, which sends it and checks what arrives."""

import ipaddress
import struct
import subprocess
from collections import namedtuple

from lab import ROOT, die_with_parent
from oracle import address

PROGRAM = ROOT / "build" / "hitless" / "hitless"
TARGET4, TARGET6 = "192.0.2.10", "2001:db8:1::10"

# role: what is claimed of it over the whole run, see plan.py
Class = namedtuple("Class", "role source protocol port fence")


def six(text):
    """The IPv6 twin of an IPv4 address or prefix: 32 bits further down, a host is a /128."""
    hole, text = text[:text.startswith("!")], text.lstrip("!")
    base = int(ipaddress.ip_address("2001:db8::"))
    network = ipaddress.ip_network(text)
    number = base | int(network.network_address) << 64
    if network.prefixlen == 32:
        number |= 1
        return f"{hole}{ipaddress.ip_address(number)}" + ("/128" if "/" in text else "")
    return f"{hole}{ipaddress.ip_address(number)}/{32 + network.prefixlen}"


def headers(c, source_mac, target_mac):
    """Ethernet, IP, UDP or TCP, as in a frame of 96 bytes; nobody looks at checksums before the filter."""
    family, number = address(c.source)
    length = 96 - 14 - (20 if family == 4 else 40)
    if c.protocol == "udp":
        transport = struct.pack("!HHHH", 40000, c.port, length, 0)
    else:
        transport = struct.pack("!HHIIBBHHH", 40000, c.port, 1, 0, 5 << 4, 2, 1024, 0, 0)
    protocol = {"udp": 17, "tcp": 6}[c.protocol]
    if family == 4:
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0x4000, 64, protocol, 0,
                         number.to_bytes(4, "big"), ipaddress.ip_address(TARGET4).packed)
    else:
        ip = struct.pack("!IHBB16s16s", 6 << 28, length, protocol, 64, number.to_bytes(16, "big"),
                         ipaddress.ip_address(TARGET6).packed)
    ethernet = bytes.fromhex((target_mac + source_mac).replace(":", "")) + \
        struct.pack("!H", 0x0800 if family == 4 else 0x86DD)
    return (ethernet + ip + transport).ljust(80, b"\0")


class Traffic:
    """The program, told what is about to change; it knows the verdicts as a text of 0 and 1."""

    def __init__(self, net, host, pins, classes):
        self.classes = classes
        argv = [PROGRAM, net.path, host.path, "eth0", pins]
        self.process = subprocess.Popen(list(map(str, argv)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1, preexec_fn=die_with_parent)
        self.violations = 0
        sources = {}
        for c in classes:
            number = sources.setdefault(c.source, len(sources))
            self.tell(f"class {headers(c, net.mac(), host.mac()).hex()} {number} {int(c.fence)}")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        answer = self.process.stdout.readline()
        if not answer:
            raise AssertionError(f"hitless ended at {line[:40]!r}: exit status {self.process.wait()}")
        return answer.rstrip("\n")

    def tell(self, line):
        """Returns how many violations there are so far."""
        self.violations = int(self.ask(line))
        return self.violations

    def sent(self):
        return int(self.ask("sent"))

    def finish(self):
        """Ends it: {"class": {number: (sent, arrived)}, "left": ..., "violation": [...], "sent": ...}."""
        result = {"class": {}, "left": {}, "violation": []}
        line = self.ask("finish")
        while line != "end":
            kind, _, rest = line.partition(" ")
            if kind == "violation":
                result[kind].append(rest)
            elif kind in ("class", "left"):
                number, first, second = map(int, rest.split())
                result[kind][number] = first, second
            else:
                result[kind] = int(rest)
            line = self.process.stdout.readline().rstrip("\n")
        self.process.wait(10)
        return result

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
