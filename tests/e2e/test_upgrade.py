# SPDX-License-Identifier: GPL-2.0-or-later
"""
Another version of the command takes over a filter that runs, and gives it back: builds of this tree with other BPF
instructions ("program"), and with another ABI, reason and map layout ("abi"). No packet is lost or wrongly passed.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import threading
import time

import pytest

from frames import udp
from lab import (BINARY, EXOTEL_MUMBAI, FRESHCHAT_AU, FRESHCHAT_EU, FRESHCHAT_US, HOST4, LISTS, OFFICE4, ROOT,
                 SLOW, STRANGER4, Lab, lasting, run, wait_for)
from test_hitless import ended, traffic  # noqa: F401: a fixture

PORT, PPS = 20000, int(1000 / SLOW)
RTP = [("rtp", ["udp/10000-60000"], ["office", "movers"])]
BEFORE = {"office": LISTS["office"], "movers": [FRESHCHAT_US]}
AFTER = {"office": LISTS["office"], "movers": [FRESHCHAT_EU]}

ABI_H = (ROOT / "include/abi.h").read_text(encoding="utf-8")
ABI = re.search(r"(?m)^#define AXP_ABI_VERSION (\d+)$", ABI_H)[1]
PAD = int(re.search(r"AXP_POLICY_PAD = (\d+)", ABI_H)[1])
EDITS = {
    "program": [("bpf/parse.h", r"AXP_MAX_EXT_HEADERS", "7")],
    "abi": [("include/abi.h", r"(?m)^#define AXP_ABI_VERSION .*$", "#define AXP_ABI_VERSION 99"),
            ("include/abi.h", r"(?m)^struct axp_policy \{", "struct axp_policy {\n\t__u64 of_another_version[8];"),
            ("include/abi.h", f"AXP_POLICY_PAD = {PAD}", f"AXP_POLICY_PAD = {PAD - 64}"),
            ("include/reasons.h", r"(?m)^\tX\(TRUNCATED,", "\tX(NOVEL, \"novel\", \"\") \\\\\n\tX(TRUNCATED,")],
}


def newest(*paths):
    return max(p.stat().st_mtime for path in paths for p in (path.rglob("*") if path.is_dir() else [path]))


def build(kind, tree):
    """A build of this tree as another version; of "program" only what holds the BPF object is compiled anew."""
    made, edits = tree / "build/allowxdp", tree / "edits"
    if made.exists() and edits.read_text(encoding="utf-8") == repr(EDITS[kind]) and \
            newest(made) > newest(ROOT / "bpf", ROOT / "include", ROOT / "user"):
        return made
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    edits.write_text(repr(EDITS[kind]), encoding="utf-8")
    included = re.findall(r"(?m)^-?include (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"))
    for part in ("bpf", "include", "user", "Makefile", *" ".join(included).split()):
        (tree / part).parent.mkdir(parents=True, exist_ok=True)
        run("cp", "-a", ROOT / part, tree / part)
    for path, old, new in EDITS[kind]:
        text = (tree / path).read_text(encoding="utf-8")
        changed = re.sub(old, new, text)
        assert changed != text, f"{old} is not in {path}"
        (tree / path).write_text(changed, encoding="utf-8")
    make = ["make", "-s", "-j2", "-C", tree, "CFLAGS=-O0 -w", f"VERSION={kind}"]
    if kind == "program":
        run(*make, "build/allowxdp.skel.h")
        shutil.copytree(ROOT / "build/obj", tree / "build/obj", ignore=shutil.ignore_patterns("allowxdp*", "unit", "bpf", "*.a"))
        for source in (tree / "user").glob("*.c"):
            if "allowxdp.skel.h" in source.read_text(encoding="utf-8") or source.name == "cmd.c":
                (tree / "build/obj" / source.with_suffix(".o").name).unlink()
        now = time.time()
        for path in (tree / "build/obj").glob("*.o"):
            os.utime(path, (now, now))
    run(*make, "build/allowxdp", timeout=300)
    return made


def others():
    return {kind: build(kind, ROOT / "build/upgrade" / kind) for kind in EDITS}


@pytest.fixture(scope="module")
def versions():
    return {"this": BINARY, **others()}


def use(lab, binary, *args):
    """Runs it from now on."""
    lab.axp.binary = str(binary)
    return lab.axp(*args) if args else None


def show(kind, what):
    # Debian 13's bpftool shows links, and exits with 255.
    return json.loads(run("bpftool", "-j", kind, "show", *what, check=kind != "link").stdout)


def loaded(lab, name="eth0"):
    """Ids of link, program, and of the program's maps by their names."""
    link = show("link", ("pinned", lab.axp.bpffs / "default" / f"link_{name}"))
    maps = {m["name"]: m["id"] for m in show("map", ()) if m["id"] in show("prog", ("id", link["prog_id"]))["map_ids"]}
    return link["id"], link["prog_id"], maps


def pins(lab):
    """But those whose names are numbers of slots and maps."""
    names = (p.name for p in (lab.axp.bpffs / "default").rglob("*"))
    return sorted(n for n in names if not re.match(r"(dir|lpm|hits_)\d", n))


class Replies(threading.Thread):
    """Answers to a flow that the host opened, from an unlisted address."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.lab, self.ended, self.sent, self.got = lab, False, 0, 0
        self.host, self.peer = lab.host.udp(HOST4, 30000, timeout=5), lab.net.udp(FRESHCHAT_AU, 7000)
        self.host.sendto(b"hello", (FRESHCHAT_AU, 7000))
        assert self.peer.recv(100) == b"hello"
        self.start()

    def run(self):
        while not self.ended:
            if self.sent % 2000 == 1999:  # the flow is over when the host is silent for three minutes
                self.host.sendto(b"hello", (FRESHCHAT_AU, 7000))
            self.peer.sendto(b"%d" % self.sent, (HOST4, 30000))
            self.sent += 1
            with contextlib.suppress(TimeoutError):
                self.got += self.host.recv(100) == b"%d" % (self.sent - 1)
            time.sleep(0.005)

    def end(self):
        self.ended = True
        self.join(lasting(20))
        self.host.close()
        self.peer.close()
        assert self.got == self.sent > 50


@contextlib.contextmanager
def flowing(lab, traffic):  # noqa: F811
    """
    Packets of one who is listed, of one who is not, of one who leaves the lists and one who comes to them, and replies.
    At the end they are all accounted for.
    """
    pipe = {"stdout": -1, "text": True}
    receiver = lab.popen(lab.host, traffic, "receive", HOST4, PORT, **pipe)
    wait_for(lambda: lab.host.run("ss", "-Hulpn", f"sport = :{PORT}").stdout, "the receiver listens")
    replies = Replies(lab)
    sources = OFFICE4, STRANGER4, FRESHCHAT_US, FRESHCHAT_EU
    sender = lab.popen(lab.net, traffic, "send", PPS, HOST4, PORT, *sources, **pipe)
    count = lab.axp.count
    wait_for(lambda: count("rtp", "pass", "listed") > 100 and count("rtp", "drop", "unlisted"), "traffic")
    yield
    sent = ended(sender)
    replies.end()
    wait_for(lambda: count("rtp") == sum(s[0] for s in sent.values()) + replies.sent, "every packet is counted")
    got = ended(receiver)
    assert sorted(got) == sorted((OFFICE4, FRESHCHAT_US, FRESHCHAT_EU))
    n = sent[OFFICE4][0]
    assert got[OFFICE4] == (n, 0, n - 1, 0)
    left, first, last, gaps = got[FRESHCHAT_US]
    assert (first, last, gaps) == (0, left - 1, 0) and left < sent[FRESHCHAT_US][0]
    came, first, last, gaps = got[FRESHCHAT_EU]
    assert (last, last - first + 1, gaps) == (sent[FRESHCHAT_EU][0] - 1, came, 0) and first > 0
    assert count("rtp", "pass", "listed", "ipv4") == n + left + came
    assert count("rtp", "drop", "unlisted", "ipv4") == sum(s[0] for s in sent.values()) - n - left - came
    assert count("rtp", "pass", "reply", "ipv4") == replies.sent


OWN_MAPS = {"descriptions", "allowxdp.rodata"}  # of each program: what it is told, and room to write
POLICY_MAPS = {"policies", "directories4", "directories6"}


def test_there_and_back_under_traffic(lab, versions, traffic):  # noqa: F811
    lab.load(services=RTP, lists=BEFORE)
    with flowing(lab, traffic):
        link, program, maps = loaded(lab)
        # Other instructions, the same maps: the program alone is replaced.
        before = pins(lab)
        use(lab, versions["program"])
        assert lab.axp.ok("reload", "--dry-run") and loaded(lab) == (link, program, maps)
        assert "eth0: attached already, native\n" in lab.axp.ok("load", "eth0")
        now = loaded(lab)
        assert now[0] == link and now[1] != program
        assert {n for n in maps if now[2][n] != maps[n]} <= OWN_MAPS
        assert "proven:  by a test run" in lab.axp("check", STRANGER4, f"udp/{PORT}").stdout
        # It is replaced once, not at each reload; and back.
        lab.axp.ok("reload")
        assert loaded(lab) == now
        use(lab, versions["this"])
        lab.axp.ok("reload")
        assert loaded(lab)[:2] not in (now[:2], (link, program)) and loaded(lab)[0] == link
        assert pins(lab) == before

        # Another ABI: new maps for policy and counters; what packets left behind stays. With another policy at once.
        was = loaded(lab)
        use(lab, versions["abi"])
        for command in (["status"], ["add", "office", STRANGER4], ["stats"]):
            assert lab.axp.fails(*command).endswith(
                f"is run by another version of allowxdp (ABI {ABI}, this one has 99): take it over, without a gap, with "
                "`allowxdp reload`")
        assert "cannot be gone back to by --confirm" in lab.axp.fails("reload", "--confirm", "90s")
        assert loaded(lab) == was
        lab.axp.write({"services": RTP, "lists": AFTER})
        result = lab.axp("reload")
        assert (result.returncode, result.stderr) == \
            (0, f"allowxdp: warning: instance default was taken over from another version of allowxdp (ABI {ABI})\n")
        now = loaded(lab)
        assert now[0] == link and now[1] != was[1]
        same = {n for n in now[2] if now[2][n] == was[2].get(n)}
        assert same >= {"flows", ".data.flow_port", "elsewhere"} and not same & (POLICY_MAPS | {"counters"})
        assert "proven:  by a test run" in lab.axp("check", STRANGER4, f"udp/{PORT}").stdout
        assert lab.axp.status()["interfaces"][0]["trouble"] is None
        lab.axp.ok("add", "office", "192.0.2.77")
        lab.axp.ok("remove", "office", "192.0.2.77")

        # The old one comes back, meets the new one's state, and takes over in turn.
        use(lab, versions["this"])
        assert f"(ABI 99, this one has {ABI})" in lab.axp.fails("mode", "monitor")
        assert loaded(lab) == now
        lab.axp.ok("load", "eth0")
        back = loaded(lab)
        assert back[0] == link and back[2]["flows"] == was[2]["flows"] and back[2]["policies"] != now[2]["policies"]
        assert pins(lab) == before
    lab.axp.ok("unload", "--all")
    assert not lab.axp.pins()


# -- what else may be ----------------------------------------------------------------------------------------

@pytest.fixture
def two():
    made = Lab(links=("eth0", "eth1"))
    yield made
    made.close()


def sip(lab, name, verdict, reason):
    return lab.axp.count("sip", verdict, reason, interface=name)


def test_more_than_one_interface(two, versions):
    """One of them gone: its counters are carried over too. A mode that was set at run time stays; hits do."""
    lab = two
    lab.axp.write({"interfaces": ["eth0", "eth1"]})
    lab.axp.ok("load", "--mode", "generic")
    lab.axp.ok("add", "exotel-sip", OFFICE4)
    for address in (HOST4, "192.0.3.10"):
        assert lab.reaches(EXOTEL_MUMBAI, 5060, address) and lab.reaches(OFFICE4, 5060, address)
        assert not lab.reaches(STRANGER4, 5060, address, timeout=0.3)
    lab.axp.ok("mode", "monitor")
    second = loaded(lab, "eth1")[0]
    lab.host.ip("link delete eth0")
    use(lab, versions["abi"])
    result = lab.axp("reload")
    assert result.returncode == 0 and "warning: eth0 is gone" in result.stderr, result.stderr
    assert lab.axp.status()["mode"] == "monitor"
    assert [(i["name"], i["attach"]) for i in lab.axp.status()["interfaces"]] == [("eth0", "detached"), ("eth1", "generic")]
    assert [(sip(lab, n, "pass", "listed"), sip(lab, n, "drop", "unlisted")) for n in ("eth0", "eth1")] == [(2, 1)] * 2
    assert {e["prefix"]: e["hits"] for e in lab.axp.json("list", "exotel-sip", "--hits")["lists"][0]["entries"]} == \
        {f"{EXOTEL_MUMBAI}/32": 2, f"{OFFICE4}/32": 2}
    assert loaded(lab, "eth1")[0] == second
    assert lab.reaches(STRANGER4, 5060, "192.0.3.10")
    assert sip(lab, "eth1", "pass", "unlisted") == 1
    lab.link(["eth0"])
    lab.axp.ok("load", "eth0")
    assert lab.axp.status()["mode"] == "enforce"  # as the config says
    assert lab.reaches(OFFICE4, 5060, timeout=5) and not lab.reaches(STRANGER4, 5060, timeout=0.3)
    assert (sip(lab, "eth0", "pass", "listed"), sip(lab, "eth0", "drop", "unlisted")) == (3, 2)
    lab.axp.ok("unload", "--all")
    assert not lab.axp.pins()


@pytest.mark.parametrize("kind", ["this", "abi"])
def test_without_the_record_of_what_runs(lab, versions, kind):
    """What another version wrote down of the policy may be unreadable: services keep their counters all the same."""
    services = [("first", ["udp/7000"], ["office"]), *RTP, ("sip", ["udp/5060"], ["office"])]
    lab.load(services=services, lists=BEFORE)
    lab.send(udp(lab, STRANGER4, 5060), count=5)
    lab.send(udp(lab, OFFICE4, PORT), count=4)
    for snapshot in (lab.axp.run_dir / "default").glob("policy-*"):
        snapshot.write_bytes(b"of another version")
    lab.axp.write({"services": services[1:], "lists": BEFORE, "mode": "monitor"})
    use(lab, versions[kind])
    lab.axp.ok("reload")
    assert (lab.axp.count("sip", "drop", "unlisted"), lab.axp.count("rtp", "pass", "listed")) == (5, 4)
    assert lab.axp.status()["mode"] == "enforce"  # what ran goes on: nothing says that the config was edited
    lab.send(udp(lab, STRANGER4, 5060), udp(lab, OFFICE4, PORT), count=3)
    assert (lab.axp.count("sip", "drop", "unlisted"), lab.axp.count("rtp", "pass", "listed")) == (8, 7)


def test_while_a_change_waits(lab, versions):
    lab.load()
    lab.axp.ok("reload", "--confirm", "90s")
    before = loaded(lab)
    use(lab, versions["abi"])
    for command in (["reload"], ["load", "eth0"]):
        assert "waits for a change to be confirmed" in lab.axp.fails(*command)
    assert loaded(lab) == before
    use(lab, versions["this"])
    lab.axp.ok("confirm")
    # What another version has loaded can be taken off as well.
    use(lab, versions["abi"])
    lab.axp.ok("unload", "--all")
    assert not lab.axp.pins()
    assert lab.reaches(STRANGER4, 5060)


KILLER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void here(const char *what)
{
	const char *at = getenv("KILLED_AT");
	static int links, renames;
	int n = *what == 'l' ? ++links : ++renames;

	if (!strncmp(at, what, strlen(what)) && n == atoi(strchr(at, ' ')))
		raise(SIGKILL);
}

int bpf_link_update(int link, int program, const void *opts)
{
	here("link");
	return ((int (*)(int, int, const void *))dlsym(RTLD_NEXT, "bpf_link_update"))(link, program, opts);
}

int renameat(int from, const char *name, int to, const char *new)
{
	here("rename");
	if (!strcmp(name, "control") && strstr(getenv("KILLED_AT"), "control"))
		raise(SIGKILL);
	return ((int (*)(int, const char *, int, const char *))dlsym(RTLD_NEXT, "renameat"))(from, name, to, new);
}
"""


def test_killed(lab, versions, tmp_path):
    """At any step: packets meet the one policy or the other, and the next command of either version completes it."""
    (tmp_path / "killer.c").write_text(KILLER, encoding="ascii")
    run("gcc", "-shared", "-fPIC", "-o", tmp_path / "killer.so", tmp_path / "killer.c")
    lab.load()
    before = pins(lab)
    link = loaded(lab)[0]
    egress = lab.axp.status()["interfaces"][0]["egress"]
    moments = ["link 2" if egress == "tcx" else "link 1", "rename 7", "control 0"]
    for n, moment in enumerate(moments):
        lab.axp.env |= {"LD_PRELOAD": str(tmp_path / "killer.so"), "KILLED_AT": moment}
        result = use(lab, versions["abi"], "reload")
        assert result.returncode == -signal.SIGKILL, (moment, result)
        del lab.axp.env["LD_PRELOAD"]
        assert lab.reaches(EXOTEL_MUMBAI, 5060, timeout=5) and not lab.reaches(STRANGER4, 5060, timeout=0.2)
        for binary in (("this",), ("abi", "this"))[n % 2]:
            assert use(lab, versions[binary], "status").returncode == 1
            lab.axp.ok("reload")
            assert (loaded(lab)[0], pins(lab)) == (link, before)
            assert lab.reaches(EXOTEL_MUMBAI, 5060, timeout=5) and not lab.reaches(STRANGER4, 5060, timeout=0.2)
    lab.axp.ok("unload", "--all")
    assert not lab.axp.pins()


if __name__ == "__main__":  # builds them only: tools/test-kernels, where compilers are not emulated
    others()
