# SPDX-License-Identifier: GPL-2.0-or-later
"""What a policy says, worked out apart from allowxdp: services, lists, and the verdict on an address and a port."""

import functools
import ipaddress


@functools.lru_cache(maxsize=1 << 17)
def parse(text):
    """(family, length, network as a number, is it a hole) of an entry."""
    hole = text.startswith("!")
    network = ipaddress.ip_network(text[hole:])
    return network.version, network.prefixlen, int(network.network_address), hole


@functools.lru_cache(maxsize=4096)
def address(text):
    a = ipaddress.ip_address(text)
    return a.version, int(a)


def covers(prefix, source):
    family, length, network, _ = parse(prefix)
    version, number = address(source)
    shift = (32 if version == 4 else 128) - length
    return family == version and number >> shift == network >> shift


class Index:
    """Entries of one list; the most specific that covers an address decides."""

    def __init__(self, entries=()):
        self.holes = {4: {}, 6: {}}  # family: length: network: is it a hole
        for entry in entries:
            self.add(entry)

    def add(self, entry):
        family, length, network, hole = parse(entry)
        self.holes[family].setdefault(length, {})[network] = hole

    def remove(self, entry):
        family, length, network, _ = parse(entry)
        del self.holes[family][length][network]

    def find(self, source):
        """(length, is it a hole) of the entry that decides, or None."""
        family, number = address(source)
        bits = 32 if family == 4 else 128
        for length in sorted(self.holes[family], reverse=True):
            hole = self.holes[family][length].get(number >> (bits - length) << (bits - length))
            if hole is not None:
                return length, hole
        return None


class Service:
    def __init__(self, name, ports, allow):
        self.name, self.ports, self.allow = name, list(ports), list(allow)

    def guards(self, protocol, port):
        for text in self.ports:
            kind, _, span = text.partition("/")
            low, _, high = span.partition("-")
            if kind == protocol and int(low) <= port <= int(high or low):
                return True
        return False


class Policy:
    """Services, their lists as files and config have them, and what commands added."""

    def __init__(self, services, lists, added=None):
        self.services, self.lists = services, lists  # lists: name: Index
        self.added = added if added is not None else {}

    def opens(self, name, source):
        found = [f for f in (self.lists[name].find(source),
                             self.added[name].find(source) if name in self.added else None) if f]
        return bool(found) and not max(found)[1]

    def passes(self, source, protocol, port):
        guards = [s for s in self.services if s.guards(protocol, port)]
        return not guards or any(self.opens(name, source) for s in guards for name in s.allow)
