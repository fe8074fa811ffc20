# SPDX-License-Identifier: GPL-2.0-or-later
"""`allowxdp doctor`: what it finds in a namespace, and that the commands it names mend it."""

import ctypes
import json
import platform
import re
import socket

import pytest

from lab import RTP, SIP, run
from test_attach import foreign  # pylint: disable=unused-import

LEVELS = {"ok", "note", "warning", "problem"}
KEYS = {"level", "topic", "interface", "text", "fix"}


def doctor(lab, *args, status=None):
    """The findings; checks their form and the exit status."""
    result = lab.axp("doctor", *args, "--json")
    assert result.stderr == ""
    findings = json.loads(result.stdout)["findings"]
    for f in findings:
        assert set(f) == KEYS and f["level"] in LEVELS and f["topic"] and f["text"], f
        assert f["fix"] or f["fix"] is None, f
    problems = [f for f in findings if f["level"] == "problem"]
    assert result.returncode == (1 if problems else 0), problems
    if status is not None:
        assert result.returncode == status, problems
    return findings


def about(findings, topic, interface="eth0", level=None):
    """Findings on a topic that are worth reading, or those of a level."""
    return [f for f in findings if f["topic"] == topic and f["interface"] == interface
            and (f["level"] == level if level else f["level"] != "ok")]


def mend(lab, finding):
    """Runs the command as it stands."""
    assert finding["fix"], finding
    lab.host.run("sh", "-c", finding["fix"])


@pytest.fixture
def plain(lab):
    """A lab whose config guards no ephemeral port."""
    lab.axp.write({"services": [SIP]})
    return lab


# -- a healthy host -------------------------------------------------------------------------------

def test_healthy(plain):
    findings = doctor(plain, "eth0", status=0)
    host = {f["topic"] for f in findings if f["interface"] is None}
    assert {"config", "kernel", "jit", "statistics", "bpffs", "ports"} <= host
    topics = {f["topic"] for f in findings if f["interface"] == "eth0"}
    assert {"link", "driver", "xdp"} <= topics
    assert not about(findings, "link") and not about(findings, "xdp")
    driver, = about(findings, "driver", level="ok") or about(findings, "driver")
    assert "veth" in driver["text"]
    ports, = about(findings, "ports", None, "ok")
    assert "32768-60999" in ports["text"]


def test_every_feature_that_load_needs_is_there(plain):
    """Where the other tests can load, doctor must not say that the kernel lacks something."""
    kernel = [f for f in doctor(plain, "eth0") if f["topic"] == "kernel"]
    assert len(kernel) >= 12
    assert not [f for f in kernel if f["level"] in ("warning", "problem")]


def test_text(lab):
    lab.axp.write({"services": [RTP]})
    result = lab.axp("doctor", "eth0")
    lines = result.stdout.splitlines()
    for line in lines:
        assert re.match(r"(ok|note|warning|problem) +(eth0 )?[a-z]+: \S|         mend: \S", line), line
    place = next(i for i, line in enumerate(lines) if line.startswith("note     ports: "))
    assert lines[place + 1].startswith("         mend: sysctl -w ")
    assert lines[-1].startswith("ok       eth0 xdp: ")


def test_changes_nothing(plain):
    def state():
        return [plain.host.run(*command).stdout for command in (
            ("ip", "-d", "-j", "link"), ("tc", "qdisc"), ("ethtool", "-k", "eth0"),
            ("sysctl", "net.ipv4.ip_local_port_range"))]
    before = state()
    doctor(plain, "eth0")
    assert state() == before
    assert not plain.axp.pins()
    assert not list(plain.axp.state.iterdir()) and not list(plain.axp.run_dir.iterdir())


# -- which interfaces -----------------------------------------------------------------------------

def test_interfaces_of_the_config(plain):
    plain.host.ip("link add soft0 type bridge", "link set soft0 up")
    assert {f["interface"] for f in doctor(plain)} == {None, "eth0"}
    plain.axp.write({"services": [SIP], "interfaces": []})
    assert {f["interface"] for f in doctor(plain)} == {None, "eth0", "soft0"}


def test_without_a_config(lab):
    findings = doctor(lab, "eth0", status=1)  # -c names one that is not there
    config, = about(findings, "config", None)
    assert config["level"] == "problem" and str(lab.axp.config) in config["text"]
    assert about(findings, "link", level="ok")
    lab.axp.write("mode: [")
    config, = about(doctor(lab, status=1), "config", None)
    assert config["level"] == "problem" and re.search(rf"{lab.axp.config}:[12]: ", config["text"])


def test_interface_that_does_not_exist(plain):
    findings = doctor(plain, "eth9", "eth0", status=1)
    link, = about(findings, "link", "eth9", "problem")
    assert "ip link" in link["text"]
    assert about(findings, "link", level="ok")


def test_interface_that_is_down(plain):
    plain.host.ip("link set eth0 down")
    link, = about(doctor(plain, "eth0"), "link")
    assert link["level"] == "warning"
    mend(plain, link)
    assert not about(doctor(plain, "eth0"), "link")


def test_interface_without_ethernet_header(plain):
    plain.host.ip("tuntap add tun0 mode tun")
    link = about(doctor(plain, "tun0", status=1), "link", "tun0", "problem")
    assert len(link) == 1 and "Ethernet" in link[0]["text"]


def test_member_of_a_bridge(plain):
    plain.host.ip("link add soft0 type bridge", "link set eth0 master soft0")
    note, = about(doctor(plain, "eth0"), "link")
    assert note["level"] == "note" and "soft0" in note["text"] and "bridge" in note["text"]


# -- driver ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["bridge", "ifb", "macvlan"])
def test_device_that_has_generic_mode_only(plain, kind):
    plain.host.ip(f"link add {'link eth0 ' if kind == 'macvlan' else ''}name soft0 type {kind}",
                  "link set soft0 up")
    driver, = about(doctor(plain, "soft0"), "driver", "soft0")
    assert driver["level"] == "note"
    if "does not say" in driver["text"]:
        pytest.skip("this kernel does not say what drivers can do (before 6.3)")
    assert "generic" in driver["text"] and kind in driver["text"]
    assert ("eth0" in driver["text"]) == (kind == "macvlan")


def test_jumbo_frames_on_a_veth_are_no_problem(plain):
    """Multi-buffer programs take them; where the kernel has none, it is the peer's MTU that counts."""
    for ns in (plain.host, plain.net):
        ns.ip("link set eth0 mtu 9000")
    findings = doctor(plain, "eth0")
    mtu = about(findings, "mtu")
    frags = [f for f in findings if f["topic"] == "kernel" and "several buffers" in f["text"]]
    assert bool(mtu) == (frags[0]["level"] != "ok")


def test_queues_of_a_veth(plain):
    """With fewer receive queues than its peer transmits on, a veth refuses native XDP; said, and mended."""
    plain.host.ip("link add v0 numrxqueues 1 numtxqueues 1 type veth "
                  "peer name v1 numrxqueues 2 numtxqueues 2", "link set v0 up", "link set v1 up")
    plain.host.run("ethtool", "-L", "v1", "tx", "2", "rx", "2", check=False)
    queues, = about(doctor(plain, "v0", status=1), "queues", "v0")
    assert "v1" in queues["text"]
    line = plain.axp.fails("load", "v0", "--mode", "native")
    assert "v0" in line
    mend(plain, queues)
    assert not about(doctor(plain, "v0"), "queues", "v0")
    plain.axp.ok("load", "v0", "--mode", "native")


# -- ports ----------------------------------------------------------------------------------------

def test_rtp_and_ephemeral_ports(lab):
    lab.axp.write({"services": [SIP, RTP]})
    lab.host.sysctl(ipv4__ip_local_port_range="32768 60999")
    ports, = about(doctor(lab, "eth0", status=0), "ports", None)
    assert ports["level"] == "note"
    assert all(t in ports["text"] for t in ("udp/10000-60000", "rtp", "96 %", "32768-60999"))
    assert "replies" in ports["text"]
    mend(lab, ports)
    low, high = map(int, lab.host.run("sysctl", "-n", "net.ipv4.ip_local_port_range").stdout.split())
    assert 60000 < low < high <= 65535 and (low + high) % 2
    findings = doctor(lab, "eth0")
    assert not about(findings, "ports", None) and about(findings, "ports", None, "ok")


def test_rtp_without_replies(lab):
    lab.axp.write("services:\n"
                  "  - {name: rtp, ports: [udp/10000-60000], allow: [office], replies: false}\n"
                  "lists:\n"
                  "  - {name: office, prefixes: [192.0.2.0/24]}\n")
    ports, = about(doctor(lab, "eth0", status=0), "ports", None)
    assert ports["level"] == "warning" and "`replies` is false" in ports["text"] and ports["fix"]


def test_no_room_for_ephemeral_ports(lab):
    lab.axp.write({"services": [("rtp", ["udp/1024-65535"], ["office"])]})
    ports, = about(doctor(lab, "eth0"), "ports", None)
    assert "100 %" in ports["text"] and ports["fix"] is None


# -- other programs -------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["xdpdrv", "xdpgeneric"])
def test_foreign_xdp_program(plain, foreign, kind):  # pylint: disable=redefined-outer-name
    assert foreign(plain, kind) == 0
    link = json.loads(plain.host.run("ip", "-j", "link", "show", "eth0").stdout)[0]
    xdp, = about(doctor(plain, "eth0", status=1), "xdp", level="problem")
    assert "somebody_else" in xdp["text"] and f"id {link['xdp']['prog']['id']}," in xdp["text"]
    mend(plain, xdp)
    assert not about(doctor(plain, "eth0", status=0), "xdp")
    plain.axp.ok("load", "eth0")


@pytest.fixture
def tc_program(plain, tmp_path):
    """The path of a pinned tc program called somebodys_tc."""
    source = tmp_path / "tc.c"
    source.write_text('__attribute__((section("tc"), used)) int somebodys_tc(void *c) { return 0; }\n',
                      encoding="ascii")
    run("clang", "-target", "bpf", "-O2", "-g", f"-I/usr/include/{platform.machine()}-linux-gnu",
        "-c", source, "-o", tmp_path / "tc.o")
    pin = plain.axp.bpffs / "somebodys"
    run("bpftool", "prog", "load", tmp_path / "tc.o", pin, "type", "classifier")
    yield pin
    pin.unlink()


@pytest.mark.parametrize("hook", ["ingress", "egress"])
def test_foreign_clsact_program(plain, tc_program, hook):
    plain.host.run("tc", "qdisc", "add", "dev", "eth0", "clsact")
    assert not about(doctor(plain, "eth0"), "tc")
    plain.host.run("tc", "filter", "add", "dev", "eth0", hook, "bpf", "da", "object-pinned",
                   tc_program)
    tc, = about(doctor(plain, "eth0", status=0), "tc")
    assert tc["level"] == "note" and hook in tc["text"] and "somebodys" in tc["text"]
    assert re.search(r"\bid [1-9]", tc["text"])


@pytest.mark.parametrize("hook, attach_type", [("ingress", 46), ("egress", 47)])
def test_foreign_tcx_program(plain, tc_program, hook, attach_type):
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    program = libbpf.bpf_obj_get(str(tc_program).encode())
    assert program >= 0
    with plain.host.inside():
        link = libbpf.bpf_link_create(program, socket.if_nametoindex("eth0"), attach_type, None)
    if link < 0:
        pytest.skip("this kernel has no TCX (before 6.6)")
    tc, = about(doctor(plain, "eth0", status=0), "tc")
    assert tc["level"] == "note" and hook in tc["text"] and "somebodys_tc" in tc["text"]


def test_own_programs_are_known(guarded):
    findings = doctor(guarded, "eth0", status=0)
    xdp, = about(findings, "xdp", level="ok")
    prog_id = guarded.axp.status()["interfaces"][0]["prog_id"]
    assert "instance default" in xdp["text"] and str(prog_id) in xdp["text"]
    assert "native" in xdp["text"]
    assert not about(findings, "xdp") and not about(findings, "tc")


# -- bpffs ----------------------------------------------------------------------------------------

def test_bpffs_that_does_not_last(plain):
    env = {k: v for k, v in plain.axp.env.items() if k != "ALLOWXDP_BPFFS"}
    result = run("ip", "netns", "exec", plain.host.name, plain.axp.binary, "-c", plain.axp.config,
                 "doctor", "eth0", "--json", env=env, check=False)
    bpffs, = about(json.loads(result.stdout)["findings"], "bpffs", None)
    assert result.returncode == 1 and bpffs["level"] == "problem"
    assert bpffs["fix"] == f"nsenter --net=/run/netns/{plain.host.name} allowxdp doctor"


def test_needs_root(plain):
    result = run("setpriv", "--reuid=65534", "--clear-groups", *plain.axp.argv("doctor")[3:],
                 env=plain.axp.env, check=False)
    assert result.returncode == 1 and "root" in result.stderr and result.stdout == ""
