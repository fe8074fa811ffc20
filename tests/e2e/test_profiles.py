# SPDX-License-Identifier: GPL-2.0-or-later
"""
The shipped profiles: each one's traffic matrix against a table that was written from the providers'
documents, not from the files; how they are included, overridden, shown and copied.
"""

import errno
import ipaddress
import json
import socket
import struct

import pytest

from lab import HOST4, PROFILES, Lab, run, wait_for

# What the documents do not publish, and names, are put on their lists by the config.
FILLED = ["198.51.100.100", "198.51.100.110", "203.0.113.77"]
STRANGER = "198.51.100.200"


def service(direction, ports, addresses=None, fill=None):
    """Ports as (protocol, first, last); the list `fill` gets FILLED."""
    return {"direction": direction, "ports": ports, "addresses": addresses or FILLED, "fill": fill}


def freshchat(region, *addresses):
    return {f"freshchat-{region}": service("in", [("tcp", 443, 443)], addresses)}


def vsip(pop, *media):
    return {f"exotel-{pop}-sip": service("in", [("tcp", 443, 443), ("tcp", 5070, 5070)],
                                         fill=f"exotel-{pop}-signalling"),
            f"exotel-{pop}-rtp": service("in", [("udp", 10000, 40000)], media,
                                         fill=None if media else f"exotel-{pop}-media")}


TABLE = {
    "freshchat-us": freshchat(
        "us", "52.1.37.96", "52.1.32.88", "18.208.240.77", "52.201.75.8", "34.231.139.135", "34.231.245.167",
        "44.206.73.232", "44.206.73.233", "44.206.73.234", "44.206.73.235", "44.206.73.236", "44.206.73.237",
        "44.206.73.238", "44.206.73.239"),
    "freshchat-eu": freshchat(
        "eu", "18.184.146.22", "18.197.127.133", "3.71.140.232", "52.29.254.13", "52.57.253.205", "18.194.170.216",
        "3.74.148.8", "3.74.148.9", "3.74.148.10", "3.74.148.11"),
    "freshchat-in": freshchat(
        "in", "13.232.152.211", "52.66.184.184", "35.154.161.243", "13.126.85.255", "13.234.127.182",
        "43.204.166.208", "43.204.166.209", "43.204.166.210", "43.204.166.211"),
    "freshchat-au": freshchat(
        "au", "3.105.197.171", "13.210.157.231", "54.206.10.178", "3.104.16.220", "13.238.97.24",
        "13.238.188.219", "3.26.254.196", "3.26.254.197", "3.26.254.198", "3.26.254.199"),
    "exotel-webhooks": {"exotel-webhooks": service("in", [("tcp", 443, 443)], fill="exotel-webhooks")},
    "exotel-api": {"exotel-api": service("out", [("tcp", 443, 443)], fill="exotel-api")},
    "exotel-webrtc": {"exotel-webrtc": service(
        "out", [("tcp", 443, 443), ("tcp", 3478, 3478), ("udp", 3478, 3478), ("tcp", 5349, 5349),
                ("udp", 10000, 60000)], fill="exotel-webrtc-turn")},
    "exotel-sip-trunk": {
        "exotel-trunk-sip": service("in", [("udp", 5060, 5060), ("tcp", 5060, 5061)],
                                    fill="exotel-trunk-signalling"),
        "exotel-trunk-rtp": service("in", [("udp", 10000, 60000)], FILLED[:1], fill="exotel-trunk-media")},
    "exotel-vsip-karnataka": vsip("karnataka", "14.194.10.247", "61.246.82.75"),
    "exotel-vsip-mumbai": vsip("mumbai", "182.76.143.61", "122.15.8.184"),
    "exotel-vsip-singapore": vsip("singapore", "18.142.150.245", "122.248.223.73"),
    "exotel-vsip-ksa": vsip("ksa"),
}
UNPUBLISHED = {
    "exotel-webhooks": ["exotel-webhooks"], "exotel-api": ["exotel-recordings"],
    "exotel-webrtc": ["exotel-webrtc-hosts"],
    "exotel-sip-trunk": ["exotel-trunk-media", "exotel-trunk-signalling"],
    "exotel-vsip-ksa": ["exotel-ksa-media", "exotel-ksa-signalling"],
}
NAMES = {
    "exotel-vsip-karnataka": ["pstn.in1.exotel.com"], "exotel-vsip-mumbai": ["pstn.in2.exotel.com"],
    "exotel-vsip-singapore": ["pstn.sgp1.exotel.com"],
    "exotel-api": ["api.exotel.com", "api.in.exotel.com", "my.exotel.com"],
    "exotel-webrtc": ["global.stun.twilio.com", "global.turn.twilio.com"],
}


def config(*profiles, **more):
    """JSON is YAML."""
    return json.dumps({"mode": "enforce", "interfaces": ["eth0"], "include": list(profiles), **more})


def filling(services):
    return [{"name": s["fill"], "prefixes": s["addresses"]} for s in services.values() if s["fill"]]


# ---- the matrix ---------------------------------------------------------------------------------


def expected(services, direction, protocol, port, address):
    """(service, verdict, reason) by the table; None: no service guards it."""
    for name, s in services.items():
        if s["direction"] == direction and any(protocol == p and low <= port <= high for p, low, high in s["ports"]):
            return (name, "pass", "listed") if address in s["addresses"] else (name, "drop", "unlisted")
    return None


def neighbours(addresses):
    return sorted({str(ipaddress.ip_address(a) + step) for a in addresses for step in (-1, 1)} - set(addresses))


def matrix(services):
    """
    (direction, protocol, port, address): every port from a listed address and from a stranger; from every
    listed address and its neighbours, and from those of the other services, the ends of every range, the ports
    beside them, the other protocol, the other direction.
    """
    probes = set()
    everybody = {STRANGER}.union(*(s["addresses"] for s in services.values()))
    for s in services.values():
        own = list(s["addresses"])
        for protocol, low, high in s["ports"]:
            for port in range(low, high + 1):
                probes.add((s["direction"], protocol, port, own[port % len(own)]))
                probes.add((s["direction"], protocol, port, STRANGER))
            for address in everybody.union(neighbours(own)):
                for port in (low - 1, low, high, high + 1):
                    for proto in ("tcp", "udp"):
                        for direction in ("in", "out"):
                            probes.add((direction, proto, port, address))
    return sorted(probes)


MAGIC = b"matr"
BURST = 128  # fits the rings of a veth pair


class Wire:
    """Frames from one end of eth0 to the other, numbered; which of them come out."""

    def __init__(self, lab, direction):
        self.direction = direction
        near, far = (lab.net, lab.host) if direction == "in" else (lab.host, lab.net)
        self.sender = near.packet_socket(protocol=0)
        self.receiver = far.packet_socket(protocol=0x0800)  # what comes in, and IPv4 alone
        self.receiver.settimeout(20)
        self.ethernet = bytes.fromhex((far.mac() + near.mac()).replace(":", "")) + b"\x08\x00"
        self.arrived = set()
        self.headers = {}

    def header(self, protocol, address):
        key = protocol, address
        if key not in self.headers:
            number, size = (6, 48) if protocol == "tcp" else (17, 36)
            remote, local = socket.inet_aton(address), socket.inet_aton(HOST4)
            ends = remote + local if self.direction == "in" else local + remote
            ip = struct.pack("!BBHHHBBH", 0x45, 0, size, 0, 0x4000, 64, number, 0) + ends
            total = sum(struct.unpack("!10H", ip))
            total = (total & 0xffff) + (total >> 16)
            check = ~((total & 0xffff) + (total >> 16)) & 0xffff
            self.headers[key] = self.ethernet + ip[:10] + struct.pack("!H", check) + ip[12:]
        return self.headers[key]

    def frame(self, number, protocol, port, address):
        if protocol == "tcp":
            middle = struct.pack("!HHIIBBHHH", 7, port, 1, 0, 0x50, 2, 1024, 0, 0)
        else:
            middle = struct.pack("!HHHH", 7, port, 16, 0)
        return self.header(protocol, address) + middle + MAGIC + struct.pack("!I", number)

    def send(self, frame):
        try:
            self.sender.send(frame)
        except OSError as error:  # how a drop on the way out comes back
            if self.direction == "in" or error.errno != errno.ENOBUFS:
                raise

    def play(self, probes):
        """
        Numbers, in `probes`, of those that arrive. A frame to a free port ends each burst: what was sent before
        it is through, or dropped.
        """
        free = len(probes)
        for start in range(0, len(probes), BURST):
            for n, (_, *probe) in enumerate(probes[start:start + BURST], start):
                self.send(self.frame(n, *probe))
            self.sender.send(self.frame(free, "udp", 9, STRANGER))
            while True:
                data = self.receiver.recv(256)
                if data[-8:-4] != MAGIC:
                    continue
                number, = struct.unpack("!I", data[-4:])
                if number == free:
                    break
                assert number not in self.arrived, f"came twice: {probes[number]}"
                self.arrived.add(number)
        return self.arrived

    def close(self):
        self.sender.close()
        self.receiver.close()


@pytest.mark.parametrize("name", TABLE)
def test_traffic_matrix(lab, name):
    services = TABLE[name]
    lab.axp.write(config(name, lists=filling(services)))
    lab.axp.ok("load", "eth0")
    probes = matrix(services)
    counted = {}
    for direction in ("in", "out"):
        some = [p for p in probes if p[0] == direction]
        wire = Wire(lab, direction)
        try:
            arrived = wire.play(some)
        finally:
            wire.close()
        for n, probe in enumerate(some):
            wanted = expected(services, *probe)
            assert (n in arrived) == (wanted is None or wanted[1] == "pass"), (probe, wanted)
            if wanted:
                counted[direction, *wanted] = counted.get((direction, *wanted), 0) + 1
    assert {(c["direction"], c["service"], c["verdict"], c["reason"]): c["packets"] for c in lab.axp.counters()
            if c["service"] in services and c["packets"]} == counted


def test_table_is_of_all_profiles():
    assert {p.stem for p in PROFILES.glob("*.yaml")} == set(TABLE)
