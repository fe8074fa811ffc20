# SPDX-License-Identifier: GPL-2.0-or-later
"""Fuzzing must be able to fail: copies of the programs that are broken are found, and so is a bad target."""
import os
import re
import shutil
import subprocess

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FUZZ = os.path.join(ROOT, "build", "fuzz")
BROKEN = os.path.join(FUZZ, "broken")


def ip_options(packet):
    return IP in packet and packet[IP].ihl > 5


def tcp_offset_1(packet):
    return IP in packet and packet[IP].frag == 1 and packet[IP].proto == 6


def plain_ipv4(packet):
    return packet.type == 0x0800 and packet[IP].ihl == 5 and packet[IP].proto in (6, 17)


def plain_ipv6(packet):
    return packet.type == 0x86dd and packet[IPv6].nh in (6, 17)


# Name; file of bpf/, what stands there, what shall; what the last packet must be, what must be said.
BREAKS = [
    ("options", "parse.h", "size = ip->ihl * 4;", "size = sizeof(*ip);", ip_options, "^the program: "),
    ("tiny", "parse.h", "place == 1 && ip->protocol == IPPROTO_TCP", "0", tcp_offset_1,
     "^the model:   drop tiny-fragment, "),
    ("carve", "verdict.h", "match = (*class)->services & *services;", "match = *services;", None,
     "^the model:   drop unlisted, .*\nthe program: pass, counted as nothing in that row"),
    ("short", "plain4.h", "match = services ? class->services & services : 0;", "match = services;", plain_ipv4,
     "^the model:   drop unlisted, .*\nthe program: pass, counted as nothing in that row"),
    ("reply", "flow.h", "flow->origin != AXP_FLOW_OPENED", "0", None,
     "^the model:   drop unlisted, .*\nthe program: pass"),
    ("plain", "plain.h", "p->family = AXP_IPV6;", "p->family = AXP_IPV4;", plain_ipv6, "^the program: "),
    ("read", "parse.h", "return place + size > p->end ? NULL : place;", "return place;", None,
     "ERROR: AddressSanitizer: use-after-poison"),
]


def read_capture(path):
    """Its packets, after a look at what is said of each; the last one is to blame."""
    reader = RawPcapReader(str(path))
    packets = [data for data, _ in reader]
    reader.close()
    assert 0 < len(packets) <= 1500
    comments = subprocess.run(["tshark", "-r", path, "-T", "fields", "-e", "frame.comment"],
                              capture_output=True, text=True, check=True, timeout=300).stdout.splitlines()
    assert len(comments) == len(packets)
    assert all(re.fullmatch(r"the model: (pass|drop) [^;]*", c) for c in comments[:-1])
    assert re.fullmatch(r"the model: [^;]*; the program: .+", comments[-1])
    return packets


def break_copy(name, file, right, wrong):
    """Returns the program to be made."""
    copy = os.path.join(BROKEN, name)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(os.path.join(ROOT, "bpf"), copy)
    with open(os.path.join(copy, file), encoding="utf-8") as f:
        text = f.read()
    assert text.count(right) == 1, f"bpf/{file} has not this line once: break another one"
    with open(os.path.join(copy, file), "w", encoding="utf-8") as f:
        f.write(text.replace(right, wrong))
    return os.path.join(copy, "packets")


@pytest.fixture(scope="module")
def broken():
    """All of them, by name; made together."""
    programs = {name: break_copy(name, *how) for name, *how in (b[:4] for b in BREAKS)}
    made = subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "build/fuzz/targets"] +
                          [os.path.relpath(p, ROOT) for p in programs.values()],
                          cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert made.returncode == 0, made.stdout + made.stderr
    yield programs
    shutil.rmtree(BROKEN, ignore_errors=True)


@pytest.mark.parametrize("name, last, said", [(b[0], b[4], b[5]) for b in BREAKS], ids=[b[0] for b in BREAKS])
def test_broken_programs_are_found(broken, name, last, said, tmp_path):
    program = broken[name]
    ran = subprocess.run([program, "--packets", "300000", "--seed", "7", "--out", tmp_path],
                         capture_output=True, text=True, timeout=600)
    assert ran.returncode, ran.stdout
    assert re.search(said, ran.stderr, re.MULTILINE), ran.stderr

    packets = read_capture(re.search(r"^packet .*: (\S+\.pcapng)$", ran.stderr, re.MULTILINE)[1])
    blamed = Ether(packets[-1])
    assert last is None or last(blamed), blamed.show(dump=True)


@pytest.mark.parametrize("text, said", [
    ("read", "ERROR: AddressSanitizer: heap-buffer-overflow"),
    ("overflow", "runtime error: signed integer overflow"),
    ("leak", "ERROR: LeakSanitizer: detected memory leaks"),
    ("line", "does not hold .*: an error is one line"),
    ("holds", r"does not hold .*: !\*text"),
])
def test_wrong_targets_are_found(broken, text, said, tmp_path):
    for name, content in (("good", "good"), ("bad", text)):
        with open(tmp_path / name, "w", encoding="ascii") as f:
            f.write(content)
    env = dict(os.environ, ALLOWXDP_FUZZ_TARGET="self", TMPDIR=str(tmp_path))
    command = [os.path.join(FUZZ, "targets"), f"-artifact_prefix={tmp_path}/found-"]
    good = subprocess.run(command + [tmp_path / "good"], env=env, capture_output=True, text=True, timeout=300)
    assert good.returncode == 0, good.stderr
    bad = subprocess.run(command + [tmp_path / "bad"], env=env, capture_output=True, text=True, timeout=300)
    assert bad.returncode
    assert re.search(said, bad.stderr), bad.stderr


def test_what_is_found_is_told(broken):
    """libFuzzer comes upon one of the wrongs by itself, and tools/fuzz says so."""
    ran = subprocess.run([os.path.join(ROOT, "tools/fuzz"), "--seconds", "120", "self"], capture_output=True,
                         text=True, timeout=600)
    written = re.search(r"Test unit written to (build/fuzz/found/self-\S+)", ran.stdout)
    assert ran.returncode == 1 and written, ran.stdout + ran.stderr
    assert ran.stdout.startswith("FOUND   self      see build/fuzz/self.log\n")
    found = os.path.join(ROOT, written[1])
    with open(found, "rb") as f:
        assert f.read().split(b"\0")[0] in (b"read", b"overflow", b"leak", b"line", b"holds")
    os.remove(found)


def test_kernel_and_model_that_disagree_are_told(tmp_path):
    """The same model, the programs in the kernel: it is made wrong about one packet of each run."""
    env = dict(os.environ, ALLOWXDP_TEST_BREAK="20", ALLOWXDP_TEST_PACKETS="2000",
               ALLOWXDP_TEST_CAPTURES=str(tmp_path))
    subprocess.run(["make", "-s", "build/obj/bpf/test_random"], cwd=ROOT, check=True, timeout=600)
    ran = subprocess.run([os.path.join(ROOT, "build/obj/bpf/test_random")], env=env, capture_output=True, text=True,
                         timeout=600)
    assert ran.returncode
    said = re.findall(r"^# (\S+\.pcapng): the last packet is the one$", ran.stdout + ran.stderr, re.MULTILINE)
    assert len(said) == ran.stderr.count("# that was packet 20\n") + ran.stdout.count("# that was packet 20\n") > 0
    for capture in said:
        assert len(read_capture(capture)) <= 21  # fewer, where the machine was so slow that a new batch began
