# SPDX-License-Identifier: GPL-2.0-or-later
"""
Coming from other filters, and leaving: what nft, ipset and iptables do with packets is what allowxdp does
with the same lists, for addresses at every edge and thousands of others.
"""

import json
import random
import subprocess
import time

import pytest

from lab import Lab, one_error, run
from rain import Longest, Rain, around, tree

PORTS = (5060, 5061, 10000, 10007)
ROOTS = {4: ["198.51.0.0/16", "203.0.113.0/24", "61.0.0.0/8"], 6: ["2001:db8::/32", "2a00:1450::/29"]}


@pytest.fixture(scope="module")
def bed():
    lab = Lab()
    rain = None
    try:
        rain = Rain(lab, PORTS)
        lab.rain = rain
        yield lab
    finally:
        if rain:
            rain.close()
        lab.close()


@pytest.fixture
def clean(bed):
    """Nothing filters, before and after."""
    yield bed
    bed.axp("unload", "--all")
    for tool in ("iptables", "ip6tables"):
        for table in ("filter", "mangle"):
            for argument in ("-F", "-X"):
                bed.host.run(tool, "-t", table, argument)
        for chain in ("INPUT", "OUTPUT"):
            bed.host.run(tool, "-P", chain, "ACCEPT")
    bed.host.run("nft", "flush", "ruleset")
    bed.host.run("ipset", "destroy")


def feed(lab, argv, text):
    """Runs a command in the host with text on its standard input; it must succeed."""
    done = subprocess.run(lab.host.wrap(*argv), input=text, text=True, capture_output=True, timeout=60, check=False,
                          env=lab.axp.env)
    assert done.returncode == 0, f"{argv}: {done.stderr}\n{text[:4000]}"
    return done


def bring(lab, text, into, *options):
    """allowxdp import from standard input; returns the JSON report."""
    done = feed(lab, [lab.axp.binary, "import", "--all-ports", "--json", "--into", into, *options, "-"], text)
    return json.loads(done.stdout)


def use(lab, text, into):
    """Imports, and loads exactly the config that import prints."""
    snippet = feed(lab, [lab.axp.binary, "import", "--all-ports", "--force", "--into", into, "-"], text).stdout
    lab.axp.write(f"mode: enforce\ninterfaces: [eth0]\n{snippet}")
    lab.axp.ok("load", "--force")


def prefixes(entries):
    return [e.lstrip("!") for e in entries]


# -- leaving ---------------------------------------------------------------------------------------

def policy(seed):
    """Services that share ports and lists; lists with holes in holes, expiries, labels with quotes."""
    rng = random.Random(seed)
    trunk = tree(rng, 4, ROOTS[4], 90) + tree(rng, 6, ROOTS[6], 60)
    media = tree(rng, 4, ROOTS[4], 40, holes=False) + ["!61.0.0.0/8", "0.0.0.0/1", "2a00::/12", "!2a00:1450:8::/47"]
    media = list(dict.fromkeys(m for m in media if m.lstrip("!") != "61.0.0.0/8")) + ["!61.0.0.0/8"]
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7200))
    timed = [f"198.51.100.0/24 until={later} # \"quoted\" label", "198.51.100.7 # for good",
             f"203.0.113.0/26 until={later}", "192.88.99.0/24 until=2020-01-01T00:00:00Z # gone"]
    lists = {"trunk": [f"{e} # entry {n}" for n, e in enumerate(trunk)], "media": media, "timed": timed, "none": []}
    services = [("sip", ["udp/5060", "udp/5061", "tcp/5060"], ["trunk"]), ("alt", ["udp/5061"], ["timed", "none"]),
                ("rtp", ["udp/10000-10005", "udp/10003-10020"], ["media"])]
    text = ["mode: enforce", "interfaces: [eth0]", "services:"]
    for name, ports, allow in services:
        text += [f"  - name: {name}", f"    ports: {json.dumps(ports)}", f"    allow: {json.dumps(allow)}"]
    text += ["  - name: away", "    direction: out", "    ports: [udp/8000]", "    allow: [trunk]", "lists:"]
    for name, entries in lists.items():
        text += [f"  - name: {name}", f"    prefixes: {json.dumps(entries)}"]
    timed_now = ["198.51.100.0/24", "198.51.100.7", "203.0.113.0/26"]
    drops = [(a, port) for port in PORTS for a in around(prefixes(trunk + media) + timed_now, 1800, seed)]

    on = {5060: [Longest(trunk)], 5061: [Longest(trunk), Longest(timed_now)], 10000: [Longest(media)],
          10007: [Longest(media)]}
    expected = {(address, port) for address, port in drops if any(address in l for l in on[port])}
    return "\n".join(text) + "\n", drops, expected, prefixes(trunk)


def sent_out(lab, destinations):
    """Which datagrams of the host to port 8000 come out at the other side."""
    tap = lab.net.tap()
    try:
        for version, source in ((4, "192.0.2.10"), (6, "2001:db8:1::10")):
            sock = lab.host.udp(source)
            for destination in destinations:
                if (":" in destination) == (version == 6):
                    try:
                        sock.sendto(f"to {destination} ".encode(), (destination, 8000))
                    except OSError:
                        pass  # this is how some filters say no
            sock.close()
        time.sleep(0.1)
        return {d for d in destinations if tap.count(f"to {d} ".encode())}
    finally:
        tap.close()


@pytest.mark.parametrize("seed", [1])
def test_what_is_exported_does_the_same(clean, tmp_path, seed):
    text, drops, expected, trunk = policy(seed)
    clean.axp.write(text)
    clean.axp.ok("load")
    destinations = random.Random(seed).sample(around(trunk, 300, seed), 150)
    assert len(drops) > 6000 and 500 < len(expected) < len(drops) - 500
    assert clean.rain.fall(drops) == expected
    outside = sent_out(clean, destinations)
    assert 10 < len(outside) < 140
    for address, port in random.Random(seed).sample(drops, 80):
        status = clean.axp("check", address, f"udp/{port}", "--no-proof").returncode
        assert status == (0 if (address, port) in expected else 3), (address, port)
    nft, ipset = clean.axp.ok("export", "--format", "nft"), clean.axp.ok("export", "--format", "ipset")
    clean.axp.ok("unload", "--all")
    assert clean.rain.fall(drops[:100]) == set(drops[:100])

    file = tmp_path / "ruleset.nft"
    file.write_text(nft, encoding="utf-8")
    for _ in range(2):  # it takes the place of itself
        clean.host.run("nft", "-f", file)
    assert clean.rain.fall(drops) == expected
    assert sent_out(clean, destinations) == outside
    counters = json.loads(clean.host.run("nft", "-j", "list", "chain", "inet", "allowxdp", "guard_in").stdout)
    dropped = sum(e["counter"]["packets"] for i in counters["nftables"] for e in i.get("rule", {}).get("expr", [])
                  if "counter" in e)
    assert dropped == len(drops) - len(expected)
    clean.host.run("nft", "flush", "ruleset")

    feed(clean, ["ipset", "restore"], ipset)
    feed(clean, ["sh", "-e"], "\n".join(l[3:] for l in ipset.splitlines() if l.startswith("#: ")) + "\n")
    assert clean.rain.fall(drops) == expected
    assert sent_out(clean, destinations) == outside


def test_single_addresses_of_exported_sets(clean):
    """`nft get element` and `ipset test` of real sets, beside `check`, at each edge of a list."""
    entries = tree(random.Random(7), 4, ROOTS[4], 40) + tree(random.Random(8), 6, ROOTS[6], 20)
    clean.axp.write("services:\n  - name: sip\n    ports: [udp/5060]\n    allow: [trunk]\nlists:\n  - name: trunk\n"
                    f"    prefixes: {json.dumps(entries)}\n")
    feed(clean, ["nft", "-f", "-"], clean.axp.ok("export", "--format", "nft", "trunk"))
    feed(clean, ["ipset", "restore"], clean.axp.ok("export", "--format", "ipset", "trunk"))
    assert "-A " not in clean.host.run("iptables-save").stdout
    listed_by_hand = Longest(entries)
    checked = 0
    for address in around(prefixes(entries), 1, 3)[::8]:
        version = 6 if ":" in address else 4
        listed = clean.axp("check", address, "udp/5060").returncode == 0
        assert listed == (address in listed_by_hand)
        assert listed == (clean.host.run("ipset", "test", f"axp-trunk-{version}", address, check=False).returncode == 0)
        got = clean.host.run("nft", "get", "element", "inet", "allowxdp", f"list_trunk_v{version}", f"{{ {address} }}",
                             check=False)
        assert listed == (got.returncode == 0), address
        checked += 1
    assert checked > 30


def test_everybody_but(clean):
    """/0 is no prefix for ipset, and the longest there is for nft."""
    clean.axp.write("interfaces: [eth0]\nservices:\n  - name: s\n    ports: [udp/5060]\n    allow: [l]\nlists:\n  - name: l\n"
                    "    prefixes: ['0.0.0.0/0 # all', '!61.0.0.0/8', '!128.0.0.0/1', '203.0.113.0/24', '::/0', '!2001:db8::/32']\n")
    drops = [(a, 5060) for a in around(["61.0.0.0/8", "128.0.0.0/1", "203.0.113.0/24", "2001:db8::/32"], 60)]
    clean.axp.ok("load")
    real = clean.rain.fall(drops)
    assert 10 < len(real) < len(drops) - 10
    nft, ipset = clean.axp.ok("export", "--format", "nft"), clean.axp.ok("export", "--format", "ipset")
    clean.axp.ok("unload", "--all")
    feed(clean, ["nft", "-f", "-"], nft)
    assert clean.rain.fall(drops) == real
    clean.host.run("nft", "flush", "ruleset")
    feed(clean, ["ipset", "restore"], ipset)
    feed(clean, ["sh", "-e"], "\n".join(l[3:] for l in ipset.splitlines() if l.startswith("#: ")) + "\n")
    assert clean.rain.fall(drops) == real


def test_export_in_monitor_mode_drops_nothing(clean):
    clean.axp.write("mode: monitor\nservices:\n  - name: s\n    ports: [udp/5060]\n    allow: [l]\nlists:\n  - name: l\n"
                    "    prefixes: [198.51.100.0/24]\n")
    nft, ipset = clean.axp.ok("export", "--format", "nft"), clean.axp.ok("export", "--format", "ipset")
    feed(clean, ["nft", "-f", "-"], nft)
    feed(clean, ["ipset", "restore"], ipset)
    feed(clean, ["sh", "-e"], "\n".join(l[3:] for l in ipset.splitlines() if l.startswith("#: ")) + "\n")
    drops = [("198.51.100.1", 5060), ("61.1.1.1", 5060)]
    assert clean.rain.fall(drops) == set(drops)
    assert 'counter packets 1 bytes' in clean.host.run("nft", "list", "chain", "inet", "allowxdp", "guard_in").stdout


def test_answers_pass_what_was_exported(clean):
    """To what this host asked from a guarded port; not what comes without being asked."""
    clean.axp.write("services:\n  - name: s\n    ports: [udp/10000-10100]\n    allow: [l]\nlists:\n  - name: l\n"
                    "    prefixes: [203.0.113.0/24]\n")
    feed(clean, ["nft", "-f", "-"], clean.axp.ok("export", "--format", "nft"))
    inside, outside = clean.host.udp("192.0.2.10", 10050), clean.net.udp("198.51.100.66", 53, timeout=0.3)
    try:
        outside.sendto(b"unasked", ("192.0.2.10", 10050))
        inside.sendto(b"question", ("198.51.100.66", 53))
        assert outside.recv(64) == b"question"
        outside.sendto(b"answer", ("192.0.2.10", 10050))
        assert inside.recv(64) == b"answer"
    finally:
        inside.close()
        outside.close()


# -- coming ----------------------------------------------------------------------------------------

def test_ipset_save(clean, tmp_path):
    """Sets of every kind that has a counterpart, with holes, timeouts and comments."""
    rng = random.Random(3)
    four, six = tree(rng, 4, ROOTS[4], 80), tree(rng, 6, ROOTS[6], 60)
    ported = tree(rng, 4, ROOTS[4], 25)
    lines = ["create trunk hash:net timeout 0 comment", "create trunk6 hash:net family inet6",
             "create hosts hash:ip", "create blocks hash:ip netmask 26", "create ports hash:net,port comment",
             "create bits bitmap:ip range 61.5.0.0/16"]
    for n, entry in enumerate(four):
        lines.append(f"add trunk {entry.lstrip('!')} {'timeout 3600 ' if n % 3 == 0 else ''}comment \"no {n}\""
                     + (" nomatch" if entry[0] == "!" else ""))
    lines += [f"add trunk6 {e.lstrip('!')}{' nomatch' if e[0] == '!' else ''}" for e in six]
    lines += ["add hosts 61.9.9.1-61.9.9.14", "add blocks 61.9.8.64", "add bits 61.5.1.1-61.5.1.40"]
    lines += [f"add ports {e.lstrip('!')},udp:{port}{' nomatch' if e[0] == '!' else ''}"
              for port in (5061, "10000-10003") for e in ported]
    lines += ["add ports 61.77.0.0/16,udp:5061", "add ports 61.77.0.0/16,icmp:echo-request"]
    feed(clean, ["ipset", "restore"], "\n".join(lines) + "\n")
    for tool, sets in (("iptables", ("trunk", "hosts", "blocks", "bits")), ("ip6tables", ("trunk6",))):
        for name in sets:
            clean.host.run(tool, "-A", "INPUT", "-p", "udp", "--dport", "5060", "-m", "set", "--match-set", name, "src",
                           "-j", "ACCEPT")
    clean.host.run("iptables", "-A", "INPUT", "-p", "udp", "-m", "set", "--match-set", "ports", "src,dst", "-j", "ACCEPT")
    for tool in ("iptables", "ip6tables"):
        for ports in ("5060", "5061", "10000"):
            clean.host.run(tool, "-A", "INPUT", "-p", "udp", "--dport", ports, "-j", "DROP")
    addresses = around(prefixes(four + six + ported) + ["61.9.9.0/28", "61.9.8.64/26", "61.5.1.0/26", "61.77.0.0/16"],
                       1500, 3)
    drops = [(a, port) for port in (5060, 5061, 10000) for a in addresses]
    real = clean.rain.fall(drops)
    assert 300 < len(real) < len(drops) - 300

    saved = clean.host.run("ipset", "save").stdout
    report = bring(clean, saved, f"{tmp_path}/lists/")
    assert report["format"] == "ipset" and report["written"]
    assert [n["count"] for n in report["not_carried"]] == [1]  # icmp
    found = {l["name"]: l for l in report["lists"]}
    assert found["trunk"]["entries"] == 80 and found["trunk"]["holes"] == sum(e[0] == "!" for e in four)
    assert found["trunk"]["expiring"] == 27
    assert "comment \"no 1\"" in saved and "# no 1\n" in (tmp_path / "lists/trunk.list").read_text(encoding="utf-8")
    services = [f"  - name: {s['name']}\n    ports: {json.dumps(s['ports'])}\n    allow: {json.dumps(s['allow'])}"
                for s in report["services"]]
    assert [s["ports"] for s in report["services"]] == [["udp/5061"], ["udp/10000-10003"]]
    services.append("  - name: sip\n    ports: [udp/5060]\n    allow: [trunk, trunk6, hosts, blocks, bits]")
    lists = [f"  - name: {l['name']}\n    file: {l['file']}" for l in report["lists"]]
    clean.axp.write("\n".join(["mode: enforce", "services:", *services, "lists:", *lists, ""]))
    clean.host.run("iptables", "-F")
    clean.host.run("ip6tables", "-F")
    clean.axp.ok("load", "eth0", "--force")
    assert clean.rain.fall(drops) == real


def random_rules(rng, version):
    """Rules in an order that matters: accepts and drops within each other, chains, ports in groups."""
    roots = ROOTS[version]
    nets = prefixes(tree(rng, version, roots, 60, holes=False))
    matches = ["-p udp -m udp --dport 5060", "-p udp -m multiport --dports 5060,10000:10005", "", "-p udp",
               "-p udp -m udp --dport 5061", "-p udp -m udp --dport 10000:10020", "-p tcp -m tcp --dport 5060"]
    lines = ["*filter", ":INPUT DROP [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ":SIP - [0:0]",
             ":OFFICE - [0:0]",
             "-A INPUT -i lo -j ACCEPT", "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
             f"-A INPUT -p {'icmp' if version == 4 else 'ipv6-icmp'} -j ACCEPT",
             "-A INPUT -p udp -m udp --dport 9 -j ACCEPT"]
    for n, net in enumerate(nets):
        target = rng.choice(("ACCEPT", "ACCEPT", "DROP"))
        chain = rng.choice(("INPUT", "INPUT", "SIP", "OFFICE"))
        match = rng.choice(matches)
        if n == 20:
            lines.append("-A INPUT -p udp -m udp --dport 5060:5061 -j SIP")
        if n == 40:
            lines.append(f"-A INPUT -s {roots[0]} -j OFFICE")
        sign = "! " if target == "DROP" and rng.random() < 0.05 and chain == "OFFICE" else ""
        lines.append(f"-A {chain} {sign}-s {net} {match} -m comment --comment \"rule \\\"{n}\\\"\" -j {target}")
    first, last = ("61.200.0.5", "61.200.3.77") if version == 4 else ("2001:db8:f::5", "2001:db8:f::1:77")
    lines += [f"-A INPUT -m iprange --src-range {first}-{last} -p udp -m udp --dport 10007 -j ACCEPT",
              "-A OFFICE -p udp -m udp --dport 10000 -j ACCEPT", "COMMIT", ""]
    edges = [f"{a}/{32 if version == 4 else 128}" for a in (first, last)]
    return "\n".join(lines), nets + edges


@pytest.mark.parametrize("seed", [1, 2])
def test_iptables_save(clean, tmp_path, seed):
    """The first rule that fits decides there; the most specific prefix decides here."""
    rng = random.Random(seed)
    nets = []
    for version, tool in ((4, "iptables"), (6, "ip6tables")):
        rules, found = random_rules(rng, version)
        feed(clean, [f"{tool}-restore"], rules)
        nets += found
    drops = [(a, port) for port in PORTS for a in around(nets, 500, seed)]
    real = clean.rain.fall(drops)
    assert 150 < len(real) < len(drops) - 300
    saved = clean.host.run("iptables-save", "-c").stdout + clean.host.run("ip6tables-save").stdout
    report = bring(clean, saved, f"{tmp_path}/a/")
    assert report["format"] == "iptables" and report["not_carried"] == []
    assert "udp/9" not in json.dumps(report["services"])  # open to all: not guarded
    for tool in ("iptables", "ip6tables"):
        clean.host.run(tool, "-P", "INPUT", "ACCEPT")
        clean.host.run(tool, "-F")
    use(clean, saved, f"{tmp_path}/a/")
    assert clean.rain.fall(drops) == real
    assert "rule \"" in clean.axp.ok("list")


def test_drop_unless(clean, tmp_path):
    """The other way to write it: who is not listed is dropped, the policy lets in the rest."""
    feed(clean, ["ipset", "restore"], "create trunk hash:net\nadd trunk 198.51.0.0/16\nadd trunk 198.51.7.0/24 nomatch\n")
    for rule in ("-p udp --dport 5060 -m set ! --match-set trunk src -j DROP", "! -s 61.0.0.0/8 -p udp --dport 5061 -j DROP",
                 "-s 61.3.0.0/16 -p udp --dport 5061 -j DROP"):
        clean.host.run("iptables", "-A", "INPUT", *rule.split())
    addresses = [a for a in around(["198.51.0.0/16", "198.51.7.0/24", "61.0.0.0/8", "61.3.0.0/16"], 300) if ":" not in a]
    drops = [(a, port) for port in (5060, 5061) for a in addresses]
    real = clean.rain.fall(drops)
    assert 15 < len(real) < 60
    out = f"{tmp_path}/lists/"
    saved = clean.host.run("iptables-save").stdout
    bring(clean, clean.host.run("ipset", "save").stdout, out)
    clean.host.run("iptables", "-F")
    use(clean, saved, out)
    assert clean.rain.fall(drops) == real


def test_nft_list_ruleset(clean, tmp_path):
    """Interval sets with ranges, elements with comments and timeouts, and rules that use them."""
    feed(clean, ["nft", "-f", "-"], """
table inet mine {
    set trunk { type ipv4_addr; flags interval
        elements = { 198.51.100.0/24 comment "carrier", 61.3.0.5-61.3.9.200, 203.0.113.7 } }
    set trunk6 { type ipv6_addr; flags interval; elements = { 2001:db8:5::/48, 2001:db8:9::3-2001:db8:9::1:8 } }
    set guests { type ipv4_addr; flags timeout; elements = { 61.7.7.7 timeout 1h comment "visitor", 61.7.7.9 } }
    set pairs { type ipv4_addr . inet_service; elements = { 61.8.8.8 . 5060 } }
    chain input { type filter hook input priority 0; policy accept
        ct state established,related accept
        ip saddr @trunk udp dport { 5060, 10000-10005 } counter accept comment "calls"
        ip6 saddr @trunk6 udp dport 5060 accept
        ip saddr @guests udp dport 5061 accept
        ip saddr { 61.9.0.0/16, 61.11.0.1-61.11.0.77 } udp dport 5061 accept
        udp dport { 5060, 5061, 10000-10005 } drop
    }
}""")
    nets = ["198.51.100.0/24", "61.3.0.5/32", "61.3.9.200/32", "203.0.113.7/32", "2001:db8:5::/48", "2001:db8:9::3/128",
            "2001:db8:9::1:8/128", "61.7.7.7/32", "61.7.7.9/32", "61.8.8.8/32", "61.9.0.0/16", "61.11.0.1/32",
            "61.11.0.77/32"]
    drops = [(a, port) for port in PORTS for a in around(nets, 300, 5)]
    real = clean.rain.fall(drops)
    assert 300 < len(real) < len(drops) - 300
    listing = clean.host.run("nft", "-j", "list", "ruleset").stdout
    report = bring(clean, listing, f"{tmp_path}/n/")
    assert report["format"] == "nft"
    assert [(n["what"].split(" (")[0], n["count"]) for n in report["not_carried"]] == [
        ("elements of sets of type ipv4_addr . inet_service", 1)]
    assert {l["name"]: l["expiring"] for l in report["lists"]}["guests"] == 1
    clean.host.run("nft", "flush", "ruleset")
    use(clean, listing, f"{tmp_path}/n/")
    assert clean.rain.fall(drops) == real
    assert "carrier" in clean.axp.ok("list", "trunk")
    only = bring(clean, listing, f"{tmp_path}/only/", "--set", "guests")
    assert [l["name"] for l in only["lists"]] == ["guests"]


def test_there_and_back(clean, tmp_path):
    """What was exported, loaded, saved and imported again is the same policy."""
    entries = tree(random.Random(11), 4, ROOTS[4], 60) + tree(random.Random(12), 6, ROOTS[6], 60)
    clean.axp.write("services:\n  - name: sip\n    ports: [udp/5060]\n    allow: [trunk]\nlists:\n  - name: trunk\n"
                    f"    prefixes: {json.dumps(entries)}\n")
    feed(clean, ["ipset", "restore"], clean.axp.ok("export", "--format", "ipset"))
    bring(clean, clean.host.run("ipset", "save").stdout, f"{tmp_path}/back/")
    back = [line for version in "46" for line in (tmp_path / f"back/axp-trunk-{version}.list").read_text().splitlines()
            if line and line[0] != "#"]
    assert sorted(back) == sorted(entries)


# -- files -----------------------------------------------------------------------------------------

def test_fail2ban_and_plain_lists(bed, tmp_path):
    jail = tmp_path / "jail.local"
    jail.write_text("[DEFAULT]\nbantime = 1h\nignoreip = 127.0.0.1/8 ::1, 198.51.100.0/24\n  203.0.113.7 pbx.example.org ; ours\n"
                    "[sshd]\nenabled = true\nignoreip: 2001:db8::/32\nignorecommand = /bin/true\n", encoding="utf-8")
    report = json.loads(bed.axp.ok("import", jail, "--into", tmp_path / "f", "--json"))
    assert report["format"] == "fail2ban"
    assert [(l["name"], l["entries"], l["names"]) for l in report["lists"]] == [
        ("ignoreip", 2, ["pbx.example.org"]), ("ignoreip-sshd", 1, [])]
    assert [(n["count"], n["lines"]) for n in report["not_carried"]] == [(2, [3]), (1, [8])]
    plain = tmp_path / "office.txt"
    plain.write_text("# head\n\n198.51.100.1  # first\n198.51.100.77/24 ; host bits\n203.0.113.5-203.0.113.6 // two\n"
                     "allow 203.0.113.9;\n2001:db8::1, sixth\r\n61.0.0.0 255.255.0.0 mask\nsip.example.net\n"
                     "SIP.Example.net.\nsip.example.net.\n",
                     encoding="utf-8")
    result = bed.axp("import", plain, "--into", tmp_path / "office.list")
    assert result.returncode == 0
    assert (tmp_path / "office.list").read_text(encoding="utf-8").splitlines()[3:] == [
        "61.0.0.0/16 # mask", "198.51.100.0/24 # host bits", "198.51.100.1/32 # first", "203.0.113.5/32 # two",
        "203.0.113.6/32 # two", "203.0.113.9/32", "2001:db8::1/128 # sixth"]
    assert f"allowxdp: warning: {plain}:4: changed: host bits were set: the whole network is taken" in result.stderr
    assert f"  - name: office   # 7 entries\n    file: \"{tmp_path}/office.list\"\n    names: [\"sip.example.net\"]\n" \
        in result.stdout
    config = tmp_path / "allowxdp.yaml"
    config.write_text(f"services:\n  - name: s\n    ports: [udp/5060]\n    allow: [office]\n{result.stdout}", encoding="utf-8")
    run(bed.axp.binary, "-c", config, "validate", env=bed.axp.env)


@pytest.mark.parametrize("text, options, line, what", [
    ("create a hash:net\nadd a 198.51.100.0/33\n", [], 2, "not a prefix length"),
    ("create a hash:net\nadd b 198.51.100.0/24\n", [], 2, "there is no set b above"),
    ("create a hash:ip,port\nadd a 198.51.100.1,udp:70000\n", [], 2, "is no port"),
    ("{\"nftables\": [\n{\"set\": oops}]}", [], 2, "not JSON"),
    ("{\"nftables\": [\n", [], 2, "ends too early"),
    ("{\"a\": 1}", [], 1, "not of nft"),
    ("table inet filter {\n}\n", [], 1, "nft -j list ruleset"),
    ("*filter\n-A INPUT -s 198.51.100.300 -j ACCEPT\nCOMMIT\n", [], 2, "not an IPv4 or IPv6 prefix"),
    ("*filter\nnonsense\n", [], 2, "not a line of iptables-save"),
    ("[DEFAULT]\nignoreip = 1.2.3\n", [], 2, "1.2.3"),
    ("198.51.100.1\nhallo welt\n", [], 2, "hallo"),
    ("198.51.100.9-198.51.100.1\n", [], 1, "upside down"),
    ("198.51.100.1\nab\0c\n", [], 2, "NUL"),
    ("", [], None, "no list of addresses"),
    ("create a hash:net\nadd a 198.51.100.0/24\n", ["--set", "b"], None, "no set \"b\""),
], ids=lambda v: None)
def test_bad_input_writes_nothing(bed, tmp_path, text, options, line, what):
    file = tmp_path / "input"
    file.write_bytes(text.encode())
    (tmp_path / "out").mkdir()
    if what == "no list of addresses":
        options = [*options, "--from", "ipset"]
    error = one_error(run(bed.axp.binary, "import", "--all-ports", file, "--into", tmp_path / "out", *options, check=False))
    assert error.startswith(f"allowxdp: {file}:{line}: " if line else f"allowxdp: {file}: ") and what in error
    assert list((tmp_path / "out").iterdir()) == []


def test_ports_of_the_config(bed, tmp_path):
    """Rules for what no service guards are left away; a source without a port is for all that are guarded."""
    bed.axp.write("services:\n  - name: sip\n    ports: [udp/5060]\n    allow: [trunk]\nlists:\n  - name: trunk\n    prefixes: []\n")
    rules = tmp_path / "rules"
    rules.write_text("-A INPUT -s 61.0.0.0/8 -p tcp --dport 443 -j ACCEPT\n-A INPUT -s 61.7.0.0/16 -j ACCEPT\n", encoding="ascii")
    report = bed.axp.json("import", rules)
    assert [(s["name"], s["ports"]) for s in report["services"]] == [("udp-5060", ["udp/5060"])]
    assert [(n["count"], n["lines"], n["first"]) for n in report["not_carried"]] == [(1, [1], "tcp/443")]
    assert not report["written"]
    report = bed.axp.json("import", rules, "--all-ports")
    assert [s["ports"] for s in report["services"]] == [["tcp/443"]] and not report["not_carried"]
    bed.axp.config.write_text("nonsense: 1\n", encoding="ascii")
    assert str(bed.axp.config) in bed.axp.fails("import", rules)


def test_nothing_is_overwritten(bed, tmp_path):
    source = tmp_path / "s"
    source.write_text("create a hash:net\nadd a 198.51.100.0/24\ncreate b hash:net\nadd b 61.0.0.0/8\n", encoding="ascii")
    out = tmp_path / "out"
    preview = run(bed.axp.binary, "import", "--all-ports", source)
    assert "Nothing was written" in preview.stdout and not out.exists()
    out.mkdir()
    (out / "b.list").write_text("mine\n", encoding="ascii")
    error = one_error(run(bed.axp.binary, "import", "--all-ports", source, "--into", out, check=False))
    assert "b.list is there already" in error and "--force" in error
    assert [p.name for p in out.iterdir()] == ["b.list"] and (out / "b.list").read_text() == "mine\n"
    assert "a file" in one_error(run(bed.axp.binary, "import", "--all-ports", source, "--into", source, check=False))
    run(bed.axp.binary, "import", "--all-ports", source, "--into", out, "--force")
    assert sorted(p.name for p in out.iterdir()) == ["a.list", "b.list"]
    assert (out / "b.list").read_text().endswith("\n61.0.0.0/8\n")


def test_usage(bed):
    for arguments in (["import"], ["import", "a", "b"], ["import", "--from", "nonsense", "-"], ["export"],
                      ["export", "--format", "pf"], ["export", "--format", "nft", "--json"]):
        assert bed.axp(*arguments).returncode == 2, arguments
    bed.axp.write("services:\n  - name: s\n    ports: [udp/5060]\n    allow: [l]\nlists:\n  - name: l\n    prefixes: []\n")
    assert "there is no list 'nonsense'" in bed.axp.fails("export", "--format", "nft", "nonsense")


def test_a_million_entries(bed, tmp_path):
    """Of ipset save: in seconds, and each of them."""
    source = tmp_path / "big"
    with source.open("w", encoding="ascii") as f:
        f.write("create big hash:net family inet hashsize 1024 maxelem 2000000 comment\n")
        f.writelines(f"add big {1 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.0/24 comment \"no {n}\"\n" for n in range(1000000))
    report = json.loads(run(bed.axp.binary, "import", "--all-ports", source, "--into", tmp_path / "big.list", "--json").stdout)
    assert report["lists"][0]["entries"] == 1000000
    with (tmp_path / "big.list").open(encoding="ascii") as f:
        lines = f.readlines()
    assert len(lines) == 1000003 and lines[3] == "1.0.0.0/24 # no 0\n" and lines[-1] == "16.66.63.0/24 # no 999999\n"
