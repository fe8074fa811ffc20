# SPDX-License-Identifier: GPL-2.0-or-later
"""allowxdp and what it is measured beside. Each guards UDP 5060 with one list, in a place of its own."""

import json
import os
import shutil
import socket
from pathlib import Path

from place import Failed, lab, timed

PORT, OTHER_PORT = 5060, 53
OUTSIDE = {4: "240.1.2.3/32", 6: "4000::1/128"}  # lists that tools/bench makes never cover these
MATCH = {4: "ip saddr", 6: "ip6 saddr"}
SET_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}


def prefixes(path):
    """The prefixes of a list file, without labels."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            prefix = line.split("#")[0].strip()
            if prefix:
                yield prefix


class Filter:
    """Subclasses say how it is set up; here is what most have in common."""

    name = label = None
    programs = ()      # commands it needs
    most = 1 << 30     # prefixes
    hits = "hit"       # kind of sources (list.h) that it passes
    guards_ports = True
    drops = passes = True  # whether it does at all

    def __init__(self, place, family, list_path):
        self.place, self.family, self.list_path = place, family, Path(list_path)

    @classmethod
    def missing(cls):
        return [p for p in cls.programs if not shutil.which(p)]

    def set_up(self, engine):
        raise NotImplementedError

    def file(self, name, lines):
        path = self.place.directory / name
        with open(path, "w", encoding="ascii") as out:
            out.writelines(lines)
        return path

    def close(self):
        """Undoes what does not go with the place."""


class EmptyDrop(Filter):
    name, label = "empty", "empty XDP_DROP"
    passes = False

    def set_up(self, engine):
        engine.attach(self.place, "drop")


class EmptyPass(Filter):
    name, label = "pass", "empty XDP_PASS"
    drops = False

    def set_up(self, engine):
        engine.attach(self.place, "pass")


class Nothing(Filter):
    name, label = "none", "no filter"
    drops = False

    def set_up(self, engine):
        pass


class Allowxdp(Filter):
    name, label = "allowxdp", "allowxdp"

    def __init__(self, place, family, list_path):
        super().__init__(place, family, list_path)
        self.axp = lab.AllowXdp(place.host, place.directory / "allowxdp")
        self.list_copy = self.axp.etc / "bench.list"
        self.axp.write("mode: enforce\nservices:\n  - name: bench\n"
                       f"    ports: [udp/{PORT}]\n    allow: [bench]\n"
                       "lists:\n  - name: bench\n    file: bench.list\n")

    def set_up(self, engine):
        shutil.copyfile(self.list_path, self.list_copy)
        return self.timed("load", *self.place.links, "--force")

    def timed(self, *args):
        return timed(self.place, self.axp.binary, "-c", self.axp.config, *args, env=self.axp.env)

    def program(self):
        """Id of the program on the first interface."""
        return self.axp.status()["interfaces"][0]["prog_id"]

    def map_bytes(self):
        """What its maps take in the kernel, as the kernel says."""
        ids, todo = set(), []
        for path in sorted((self.axp.bpffs / "default").rglob("*")):
            if path.is_file():
                shown = lab.run("bpftool", "-j", "map", "show", "pinned", path, check=False)
                todo += [json.loads(shown.stdout)] if shown.returncode == 0 else []
        total = 0
        while todo:
            shown = todo.pop()
            if shown["id"] in ids:
                continue
            ids.add(shown["id"])
            total += shown["bytes_memlock"]
            if shown["type"].endswith("_of_maps"):
                todo += inner_maps(shown["id"])
        return total

    def close(self):
        self.axp("unload", "--all")
        self.axp.close()


def inner_maps(outer):
    """What `bpftool map show` says of the maps in a map of maps."""
    out = lab.run("bpftool", "-j", "map", "dump", "id", outer, check=False).stdout
    found = []
    for element in json.loads(out or "[]"):
        value = element.get("value", [])
        if not isinstance(value, list):
            continue
        inner = int.from_bytes(bytes(int(b, 16) for b in value), "little")
        shown = lab.run("bpftool", "-j", "map", "show", "id", inner, check=False)
        found += [json.loads(shown.stdout)] if shown.returncode == 0 else []
    return found


class Nft(Filter):
    """An interval set of nftables."""

    programs = ("nft",)
    table = head = None  # of the chain

    def declare(self):
        return (f"table {self.table} {{ set allowed {{ type {SET_TYPE[self.family]}; flags interval; }}\n"
                f"chain guard {{ {self.hook()}; udp dport {PORT} {MATCH[self.family]} != @allowed drop; }}; }}\n")

    def hook(self):
        raise NotImplementedError

    def elements(self, path):
        """As one command: nft takes that faster than one command for each."""
        yield f"add element {self.table} allowed {{\n"
        for prefix in prefixes(path):
            yield f"{prefix},\n"
        yield "}\n"

    def set_up(self, engine):
        lines = [self.declare(), *self.elements(self.list_path)]
        return timed(self.place, "nft", "-f", self.file("list.nft", lines))

    def replace(self, path):
        lines = [f"flush set {self.table} allowed\n", *self.elements(path)]
        return timed(self.place, "nft", "-f", self.file("other.nft", lines))

    def change(self, verb, prefix):
        words = {"add": "add", "remove": "delete"}
        return timed(self.place, "nft", words[verb], "element", *self.table.split(), "allowed", f"{{ {prefix} }}")


class NftIngress(Nft):
    name, label, table = "nft-ingress", "nftables netdev ingress", "netdev guard"

    def hook(self):
        return f"type filter hook ingress devices = {{ {', '.join(self.place.links)} }} priority 0"


class NftPrerouting(Nft):
    name, label, table = "nft-prerouting", "nftables inet prerouting", "inet guard"

    def hook(self):
        return "type filter hook prerouting priority raw"


class Ipset(Filter):
    """ipset hash:net, asked in the raw table."""

    name, label = "ipset", "iptables raw + ipset"
    programs = ("ipset", "iptables", "ip6tables")

    def create(self, name, n):
        family = {4: "inet", 6: "inet6"}[self.family]
        # The hash is made as large as it will be: growing it on the way would take longer.
        return f"create {name} hash:net family {family} hashsize {max(n, 64)} maxelem {max(n * 2, 1024)}\n"

    def lines(self, name, path):
        every = [f"add {name} {p}\n" for p in prefixes(path)]
        return [self.create(name, len(every)), *every]

    def iptables(self):
        """The kernel's older interface is the faster one, where there is one."""
        command = {4: "iptables", 6: "ip6tables"}[self.family]
        legacy = f"{command}-legacy"
        if shutil.which(legacy) and self.place.host.run(legacy, "-t", "raw", "-S", check=False).returncode == 0:
            return legacy
        return command

    def set_up(self, engine):
        took = timed(self.place, "ipset", "restore", "-file", self.file("list.ipset",
                                                                      self.lines("allowed", self.list_path)))
        self.place.host.run(self.iptables(), "-t", "raw", "-A", "PREROUTING", "-p", "udp", "--dport", PORT, "-m", "set",
                            "!", "--match-set", "allowed", "src", "-j", "DROP")
        return took

    def replace(self, path):
        lines = [*self.lines("other", path), "swap other allowed\n", "destroy other\n"]
        return timed(self.place, "ipset", "restore", "-file", self.file("other.ipset", lines))

    def change(self, verb, prefix):
        words = {"add": "add", "remove": "del"}
        return timed(self.place, "ipset", words[verb], "allowed", prefix)


class XdpFilter(Filter):
    """xdp-filter knows exact addresses only, 10,000 of a family, and drops all else, whatever its port."""

    name, label = "xdp-filter", "xdp-filter (exact addresses)"
    programs = ("xdp-filter", "bpftool", "unshare")
    most = 10000
    hits = "exact"
    guards_ports = False

    def __init__(self, place, family, list_path):
        super().__init__(place, family, list_path)
        # It pins to /sys/fs/bpf: a mount namespace of its own for each command, and this in that place.
        self.bpffs = place.directory / "bpf"
        self.bpffs.mkdir()
        lab.run("mount", "-t", "bpf", f"allowxdp-test-{os.getpid()}", self.bpffs)

    def run(self, *argv):
        script = f'mount --bind {self.bpffs} /sys/fs/bpf && exec nsenter --net={self.place.host.path} -- "$@"'
        result = lab.run("unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", *argv, check=False,
                         timeout=120)
        if result.returncode != 0:
            raise Failed(f"{argv[0]}: {result.stderr.strip()}")
        return result.stdout

    def set_up(self, engine):
        addresses = [p.split("/")[0] for p in prefixes(self.list_path)]
        for link in self.place.links:
            self.run("xdp-filter", "load", "-p", "deny", "-f", f"ipv{self.family}", link)
        # One by its command, to see what it writes into its map; the others by the thousand.
        self.run("xdp-filter", "ip", "-m", "src", addresses[0])
        pin = f"/sys/fs/bpf/xdp-filter/filter_ipv{self.family}"
        entry, = json.loads(self.run("bpftool", "-j", "map", "dump", "pinned", pin))
        value = " ".join(entry["values"][0]["value"])
        lines = (f"map update pinned {pin} key {key_bytes(a)} value {value}\n" for a in addresses[1:])
        self.run("bpftool", "batch", "file", self.file("xdp-filter.batch", lines))

    def close(self):
        for link in self.place.links:
            lab.run("ip", "-n", self.place.host.name, "link", "set", link, "xdp", "off", check=False)
        lab.run("umount", self.bpffs, check=False)


def key_bytes(address):
    import socket
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return " ".join(f"{b:#04x}" for b in socket.inet_pton(family, address))


ALL = {f.name: f for f in (EmptyDrop, EmptyPass, Nothing, Allowxdp, XdpFilter, NftIngress, NftPrerouting, Ipset)}
RIVALS = [f.name for f in (XdpFilter, NftIngress, NftPrerouting, Ipset)]
