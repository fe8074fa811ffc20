# SPDX-License-Identifier: GPL-2.0-or-later
"""
The shipped profiles: each one's traffic matrix against a table that was written from the providers'
documents, not from the files; how they are included, overridden, shown and copied.
"""

import errno
import ipaddress
import json
import re
import os
import socket
import struct

import pytest

from lab import BINARY, GATEWAY4, HOST4, PROFILES, one_error, run, wait_for

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
    (direction, protocol, port, address): every port from a listed address, every fifth from a stranger; from every
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
                if port % 5 == low % 5:
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


# ---- what is shipped ----------------------------------------------------------------------------


def test_every_profile_says_where_it_comes_from():
    profiles = {p["name"]: p for p in listed()}
    assert set(profiles) == set(TABLE)
    for name, p in profiles.items():
        assert p["provider"].split()[0].lower() == name.split("-")[0]
        assert p["title"] and p["source"] and p["date"] == "2026-11-21" and not p["local"]
        assert p["file"] == str(PROFILES / f"{name}.yaml")
        assert sorted(m["list"] for m in p["missing"] if m["list"]) == UNPUBLISHED.get(name, [])
    assert any("amazonaws" in m["text"] for m in profiles["exotel-api"]["missing"])


@pytest.mark.parametrize("name", TABLE)
def test_show_has_what_the_table_has(name):
    shown = json.loads(profile("show", name, "--json").stdout)
    assert {s["name"] for s in shown["services"]} == set(TABLE[name])
    assert [n for part in shown["lists"] for n in part["sources"]] == [f"name {n}" for n in NAMES.get(name, [])]
    wanted = sorted(f"{a}/32" for s in TABLE[name].values() if not s["fill"] for a in s["addresses"])
    entries = [e for part in shown["lists"] for e in part["entries"]]
    assert sorted(e["prefix"] for e in entries) == wanted
    assert all("2026-11-21" in e["label"] for e in entries)  # and the source before it
    text = profile("show", name).stdout
    assert (PROFILES / f"{name}.yaml").read_text(encoding="utf-8") in text
    assert text.count("\n# missing: ") == len(shown["missing"])


def test_all_profiles_go_together(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(config(*TABLE), encoding="utf-8")
    result = allowxdp("-c", path, "validate", "--json")
    assert json.loads(result.stdout)["services"] == sum(map(len, TABLE.values()))


# ---- the command --------------------------------------------------------------------------------


def allowxdp(*arguments, check=True, **environment):
    return run(BINARY, *arguments, check=check,
               env={**os.environ, "ALLOWXDP_PROFILE_DIR": str(PROFILES), **environment})


def profile(*arguments, etc="/nonexistent", **more):
    return allowxdp("-c", f"{etc}/allowxdp.yaml", "profile", *arguments, **more)


def listed(etc="/nonexistent"):
    return json.loads(profile("list", "--json", etc=etc).stdout)["profiles"]


def test_list_in_words():
    text = profile("list").stdout
    assert profile().stdout == text
    assert "exotel-vsip-mumbai       Exotel: vSIP to Flow, edge PoP Mumbai (2026-11-21)\n" in text
    assert "missing: exotel-webhooks: ask Exotel's support" in text


def test_copy_is_edited_used_and_never_overwritten(tmp_path):
    line = profile("copy", "exotel-webhooks", etc=tmp_path).stdout
    copy = tmp_path / "profiles"
    assert line.startswith(f"copied to {copy}/exotel-webhooks.yaml")
    assert {p.name for p in copy.iterdir()} == {"exotel-webhooks.yaml", "exotel-webhooks.list"}
    for p in copy.iterdir():
        assert p.read_bytes() == (PROFILES / p.name).read_bytes() and p.stat().st_mode & 0o777 == 0o644
    (copy / "exotel-webhooks.list").write_text("203.0.113.0/28 # their support\n", encoding="ascii")

    error = one_error(profile("copy", "exotel-webhooks", etc=tmp_path, check=False))
    assert f"{copy}/exotel-webhooks.list is there already and is not overwritten" in error
    (copy / "exotel-webhooks.list").rename(tmp_path / "mine")
    assert "exotel-webhooks.yaml is there already" in one_error(profile("copy", "exotel-webhooks", etc=tmp_path, check=False))
    assert {p.name for p in copy.iterdir()} == {"exotel-webhooks.yaml"}  # all or nothing
    (tmp_path / "mine").rename(copy / "exotel-webhooks.list")

    mine = {p["name"]: p for p in listed(tmp_path)}
    assert set(mine) == set(TABLE)
    assert [name for name, p in mine.items() if p["local"]] == ["exotel-webhooks"]
    path = tmp_path / "allowxdp.yaml"
    path.write_text(config("exotel-webhooks"), encoding="utf-8")
    told = json.loads(allowxdp("-c", path, "check", "203.0.113.5", "tcp/443", "--json").stdout)
    assert (told["verdict"], told["origin"]) == ("pass", f"{copy}/exotel-webhooks.list:1")


@pytest.mark.parametrize("name", TABLE)
def test_copy_into_a_directory_is_whole(tmp_path, name):
    told = json.loads(profile("copy", name, tmp_path / "copies", "--json").stdout)
    assert told == {"name": name, "directory": str(tmp_path / "copies")}
    path = tmp_path / "c.yaml"
    path.write_text(config(f"copies/{name}.yaml"), encoding="utf-8")
    allowxdp("-c", path, "validate", ALLOWXDP_PROFILE_DIR="/nonexistent")


@pytest.mark.parametrize("arguments, words", [
    (("show",), "needs the name of one profile"), (("copy",), "needs a profile's name"),
    (("copy", "/etc/passwd"), "'/etc/passwd' cannot name a profile"), (("copy", "a", "b", "c"), "needs a profile's name"), (("list", "x"), "does not take 'x'"),
    (("remove", "x"), "does not know 'remove'")], ids=lambda a: " ".join(a) if isinstance(a, tuple) else "")
def test_usage(arguments, words):
    assert words in one_error(profile(*arguments, check=False), 2)


def test_what_is_not_there(tmp_path):
    for verb in ("show", "copy"):
        error = one_error(profile(verb, "exotel-vsip-delhi", etc=tmp_path, check=False))
        assert "there is no profile exotel-vsip-delhi" in error and "`allowxdp profile list`" in error
    assert not (tmp_path / "profiles").exists()
    assert "no profiles" in profile("list", ALLOWXDP_PROFILE_DIR="/nonexistent").stdout
    assert "absolute path" in one_error(profile("list", check=False, ALLOWXDP_PROFILE_DIR="profiles"))
    assert "cannot make the directory" in one_error(profile("copy", "exotel-webhooks", "/nonexistent/x", check=False))


def test_a_broken_profile_does_not_hide_the_others(tmp_path):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.yaml").write_text("services: []\n", encoding="ascii")
    result = profile("list", etc=tmp_path)
    assert f"warning: {tmp_path}/profiles/mine.yaml:1: " in result.stderr and "mine  " in result.stdout
    broken, = [p for p in listed(tmp_path) if "error" in p]
    assert broken["name"] == "mine" and "profile" in broken["error"]
    assert len(listed(tmp_path)) == len(TABLE) + 1


# ---- what is missing is said loudly -------------------------------------------------------------


def test_missing_is_named_by_load_status_and_doctor(lab):
    lab.axp.write(config("exotel-webhooks", "exotel-vsip-mumbai", mode="monitor"))
    wanted = {"exotel-webhooks": ["is empty, for nothing is published: ask Exotel's support"],
              "exotel-mumbai-signalling": ["has nothing of name pstn.in2.exotel.com yet"]}
    unpublished = f"list exotel-webhooks {wanted['exotel-webhooks'][0]}"

    def warned(*command):
        result = lab.axp(*command)
        assert result.returncode == 0, result.stderr
        return (f"allowxdp: warning: {unpublished}" in result.stderr,
                "name pstn.in2.exotel.com has brought nothing yet" in result.stderr)
    assert warned("load", "eth0") == warned("reload") == (True, True)
    # `validate` has the file and line in front.
    said = lab.axp("validate").stderr
    assert re.search(rf"allowxdp: warning: \S+/exotel-webhooks.yaml:\d+: {unpublished}", said), said
    assert f"list exotel-mumbai-signalling {wanted['exotel-mumbai-signalling'][0]}" in said

    def missing():
        return {part["name"]: part["missing"] for part in lab.axp.status()["lists"] if part["missing"]}
    assert set(missing()) == set(wanted)
    for name, texts in wanted.items():
        assert len(missing()[name]) == len(texts) and missing()[name][0].startswith(texts[0])
    assert f"  {unpublished}" in lab.axp.ok("status") and "pstn.in2.exotel.com: NOTHING" in lab.axp.ok("status")
    findings = [f for f in json.loads(lab.axp("doctor", "eth0", "--json").stdout)["findings"] if f["topic"] == "lists"]
    assert [f["level"] for f in findings] == ["warning"] * 2
    assert [f["fix"] for f in findings] == ["allowxdp add exotel-webhooks PREFIX --label 'WHO SAID SO, WHEN'",
                                            "allowxdp run"]

    # What support told is added, and the list is no longer named.
    lab.axp.ok("add", "exotel-webhooks", "203.0.113.0/28")
    assert set(missing()) == {"exotel-mumbai-signalling"}
    assert "list exotel-webhooks" not in lab.axp("reload").stderr


# Where names point to, in the lab: one public address for each, all different.
RESOLVED = {name: f"52.95.{n}.{n + 10}" for n, name in enumerate(sorted(sum(NAMES.values(), [])), 1)}


def test_names_of_all_profiles_are_looked_up(lab):
    """By a real resolver; then enforced: each name's address passes where its profile guards, and nowhere else."""
    dns = lab.popen(lab.net, "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                    "--user=root", "--pid-file=", "--bind-interfaces", f"--listen-address={GATEWAY4}", "--local-ttl=60",
                    *(f"--host-record={name},{address}" for name, address in RESOLVED.items()))
    wait_for(lambda: lab.net.run("ss", "-Huln", f"src {GATEWAY4}:53").stdout, "dnsmasq listens")
    lab.axp.write(config(*NAMES, mode="monitor", dns={"resolvers": [GATEWAY4]}))
    lab.axp.ok("load", "eth0")
    daemon = lab.popen(lab.host, *lab.axp.argv("run", "--no-metrics")[3:], env=lab.axp.env)

    def missing():
        assert dns.poll() is None and daemon.poll() is None
        return {part["name"] for part in lab.axp.status()["lists"] if part["missing"]}
    wait_for(lambda: missing() == {"exotel-recordings", "exotel-webrtc-hosts"}, "all names are known", 30)
    lab.axp.ok("mode", "enforce")
    for profile_name, names in NAMES.items():
        s, = [s for s in TABLE[profile_name].values() if s["fill"]]  # whose list has them
        out = ["--out"] if s["direction"] == "out" else []
        for name in names:
            for protocol, low, high in s["ports"]:
                for port in {low, high}:
                    told = lab.axp.json("check", RESOLVED[name], f"{protocol}/{port}", "--no-proof", *out)
                    assert (told["reason"], told["list"], told["origin"]) == ("listed", s["fill"], f"name {name}")
    told = lab.axp("check", RESOLVED["pstn.in1.exotel.com"], "udp/10000", "--json")
    assert told.returncode == 3 and json.loads(told.stdout)["reason"] == "unlisted"  # it is no media address


def test_enforcing_what_is_not_published_is_refused(lab):
    lab.axp.write(config("exotel-webhooks"))
    result = lab.axp("load", "eth0")
    assert result.returncode == 1 and "service exotel-webhooks has no entry in any of its lists" in result.stderr
    assert lab.axp.pins() == []


# ---- the config goes before ---------------------------------------------------------------------


def test_overriding_a_running_profile(lab):
    """Ports and lists by the config; what runs is told from the profile's file and line until the next reload."""
    def check(address, port):
        return lab.axp.json("check", address, port, "--no-proof")
    mumbai, listfile = "182.76.143.61", PROFILES / "exotel-mumbai-media.list"
    signalling = [{"name": "exotel-mumbai-signalling", "prefixes": ["203.0.113.77 # by hand"]}]
    lab.axp.write(config("exotel-vsip-mumbai", lists=signalling))
    lab.axp.ok("load", "eth0")
    told = check(mumbai, "udp/40000")
    assert (told["verdict"], told["service"], told["list"]) == ("pass", "exotel-mumbai-rtp", "exotel-mumbai-media")
    assert told["origin"].startswith(f"{listfile}:") and told["label"] == "Exotel vSIP guide: Mumbai, 2026-11-21"
    assert check("203.0.113.77", "tcp/5070")["origin"].startswith(f"{lab.axp.config}:")
    assert lab.reaches(mumbai, 40000) and lab.axp.count("exotel-mumbai-rtp", "pass", "listed") == 1

    lab.axp.write(config("exotel-vsip-mumbai", lists=signalling,
                         services=[{"name": "exotel-mumbai-rtp", "ports": ["udp/20000-20010"]}]))
    assert check(mumbai, "udp/40000")["reason"] == "listed"  # what runs
    assert lab.axp.json("reload")["services_changed"] == ["exotel-mumbai-rtp"]
    assert check(mumbai, "udp/40000")["reason"] == "not-guarded"
    assert check(mumbai, "udp/20010")["reason"] == "listed"
    assert lab.axp.count("exotel-mumbai-rtp", "pass", "listed") == 1  # the same service, and its counters

    # A mistake in a profile is refused with its own place, and what runs stays.
    lab.axp.ok("profile", "copy", "exotel-vsip-mumbai")
    copy = lab.axp.etc / "profiles" / "exotel-mumbai-media.list"
    text = copy.read_text(encoding="utf-8")
    copy.write_text(text + "182.76.143.0/33\n", encoding="utf-8")
    error = lab.axp.fails("reload")
    assert error.startswith(f"allowxdp: {copy}:{len(text.splitlines()) + 1}: ")
    assert check(mumbai, "udp/20010")["origin"].startswith(f"{listfile}:")
    copy.write_text(text, encoding="utf-8")
    lab.axp.ok("reload")
    assert check(mumbai, "udp/20010")["origin"].startswith(f"{copy}:")
