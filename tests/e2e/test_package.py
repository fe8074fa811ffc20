# SPDX-License-Identifier: GPL-2.0-or-later
"""
The Debian package: what is in it, and what installing, upgrading, removing and purging it do to a filter that is loaded.
It is installed into a sandbox (sandbox.py), never into this machine. tools/test-package does what takes longer.
"""

import contextlib
import os
import re
import shutil
import tarfile
import time

import pytest

from lab import BINARY, FRESHCHAT_IN, OFFICE4, PROFILES, ROOT, STRANGER4, config_text, run
from sandbox import Sandbox

PROGRAMS = {"/usr/sbin/allowxdp", "/usr/sbin/allowxdpd"}
FLAGS = {"DEB_BUILD_OPTIONS": "nocheck noautodbgsym parallel=2", "DEB_BUILD_MAINT_OPTIONS": ""}
# The threshold of `systemd-analyze security`, in tenths: 100 is wide open.
EXPOSURE = {"allowxdp@default.service": 28, "allowxdp.service": 31}

pytestmark = pytest.mark.skipif(not shutil.which("dh"), reason="debhelper is not installed: sudo ./tools/deps")


def version():
    return re.search(r"^VERSION := (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """What `make dist` packs, unpacked."""
    d = tmp_path_factory.mktemp("source")
    run(ROOT / "tools/dist", version(), d)
    with tarfile.open(d / f"allowxdp-{version()}.tar.gz") as t:
        t.extractall(d)
    return d / f"allowxdp-{version()}"


@pytest.fixture(scope="module")
def package(source):
    """The package, of the programs that are built already."""
    build = source / "build"
    build.mkdir()
    for name in ("allowxdp.bpf.o", "allowxdp.skel.h", "obj", "allowxdp", "allowxdpd"):
        if (ROOT / "build" / name).exists():
            run("cp", "-a", ROOT / "build" / name, build)
    now = time.time()
    for path in build.rglob("*"):  # newer than the sources, whenever those were committed
        os.utime(path, (now, now))
    run("debian/rules", "binary", cwd=source, timeout=300, env={**os.environ, **FLAGS})
    return next(source.parent.glob("allowxdp_*.deb"))


def repacked(package, number):
    """The same as another version."""
    tree = package.parent / f"tree-{number}"
    run("dpkg-deb", "-R", package, tree)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"^Version: .*$", f"Version: {number}", control.read_text(encoding="utf-8"), flags=re.M),
                       encoding="utf-8")
    made = package.parent / f"allowxdp_{number}.deb"
    run("dpkg-deb", "-Znone", "-b", tree, made)
    return made


@pytest.fixture(scope="module")
def newer(package):
    return repacked(package, version() + "+next")


@pytest.fixture
def box(lab, package):
    """A sandbox with the package and a config, nothing loaded."""
    made = lab.own(Sandbox(lab))
    made.dpkg("-i", made.take(package))
    return made


def configure(box, **config):
    text = config_text(**config).replace(str(PROFILES), "/usr/share/allowxdp/profiles")
    box.path("/etc/allowxdp/allowxdp.yaml").write_text(text, encoding="utf-8")


def load(box):
    configure(box)
    box.run("allowxdp", "load", "eth0")


def filters(lab):
    """Ids of the XDP programs on eth0."""
    return re.findall(r"prog/xdp id (\d+)", lab.host.run("ip", "-d", "link", "show", "eth0").stdout)


def is_filtered(lab):
    return not lab.reaches(STRANGER4, 10000, timeout=0.3) and lab.reaches(OFFICE4, 10000)


class Stream:
    """A listed and an unlisted sender; what of theirs arrives."""

    def __init__(self, lab):
        self.receiver = lab.host.udp("0.0.0.0", 10000, 0.5)
        self.senders = {a: lab.net.udp(a) for a in (FRESHCHAT_IN, OFFICE4, STRANGER4)}
        self.sent = {a: 0 for a in self.senders}
        self.arrived = {a: 0 for a in self.senders}

    def during(self, process):
        """Sends until the process has ended; its output."""
        while process.poll() is None:
            for address, sender in self.senders.items():
                sender.sendto(b"x", ("192.0.2.10", 10000))
                self.sent[address] += 1
            time.sleep(0.002)
            self.receive(False)
        self.receive(True)
        out, _ = process.communicate()
        assert process.returncode == 0, out

    def receive(self, patiently):
        self.receiver.settimeout(0.5 if patiently else 0.0)
        with contextlib.suppress(OSError):
            while True:
                self.arrived[self.receiver.recvfrom(64)[1][0]] += 1

    def close(self):
        for sock in (self.receiver, *self.senders.values()):
            sock.close()


class TestContents:
    def test_everything_is_in_it_and_no_config_that_could_cut_anyone_off(self, package):
        names = {l.split()[5].removeprefix(".").removesuffix("/")
                 for l in run("dpkg-deb", "-c", package).stdout.splitlines()}
        assert PROGRAMS <= names
        assert {n.removeprefix("/usr").removeprefix("/lib/systemd/system/") for n in names if n.endswith(".service")} == \
            {"allowxdp@.service", "allowxdp.service"}
        assert "/usr/lib/tmpfiles.d/allowxdp.conf" in names
        profiles = {p.name for p in (ROOT / "profiles").iterdir()}
        assert profiles == {n.rpartition("/")[2] for n in names if n.startswith("/usr/share/allowxdp/profiles/")}
        monitoring = {p.name for p in (ROOT / "tools/monitoring").iterdir()}
        assert monitoring == {n.rpartition("/")[2] for n in names if n.startswith("/usr/share/allowxdp/monitoring/")}
        docs = {p.name for p in (ROOT / "docs").glob("*.md")} | {"README.md"}
        assert docs <= {n.rpartition("/")[2] for n in names if n.startswith("/usr/share/doc/allowxdp/")}
        assert {"/usr/share/doc/allowxdp/examples/allowxdp.yaml",
                "/usr/share/doc/allowxdp/examples/fail-closed.conf"} <= names
        assert [n for n in sorted(names) if n.startswith("/etc/")] == \
            ["/etc/allowxdp", "/etc/allowxdp/lists", "/etc/default", "/etc/default/allowxdp"]
        assert run("dpkg-deb", "-I", package, "conffiles").stdout == "/etc/default/allowxdp\n"

    def test_lintian(self, package):
        if not shutil.which("lintian"):
            pytest.skip("lintian is not installed: sudo ./tools/deps")
        said = run("lintian", "--pedantic", "--allow-root", "--no-tag-display-limit", package, check=False).stdout
        assert said == ""

    def test_the_tarball_is_the_same_wherever_it_is_made(self, source, tmp_path):
        first = source.parent / f"allowxdp-{version()}.tar.gz"
        with tarfile.open(first) as t:
            t.extractall(tmp_path)
        there = tmp_path / source.name
        run(there / "tools/dist", version(), tmp_path / "again", umask=0o077)
        assert (tmp_path / "again" / first.name).read_bytes() == first.read_bytes()

    def test_objects_are_the_same_wherever_they_are_built(self, source, tmp_path):
        """All of both programs is compared by tools/test-package."""
        with tarfile.open(source.parent / f"allowxdp-{version()}.tar.gz") as t:
            t.extractall(tmp_path)
        there = tmp_path / f"allowxdp-{version()}"
        objects = ["build/allowxdp.bpf.o", "build/allowxdp.skel.h", "build/obj/prefix.o", "build/obj/instance.o"]
        run("make", *objects, cwd=there, timeout=300)
        for o in objects:
            assert (there / o).read_bytes() == (ROOT / o).read_bytes(), o
        for o in (*objects, BINARY):
            assert str(ROOT).encode() not in (ROOT / o).read_bytes(), o


class TestUnits:
    def test_they_are_right_and_hardened(self, box):
        if not shutil.which("systemd-analyze"):
            pytest.skip("systemd-analyze is not installed")
        units = "/lib/systemd/system" if box.path("/lib/systemd/system/allowxdp.service").exists() else \
            "/usr/lib/systemd/system"
        said = box.run("systemd-analyze", "verify", "--man=no", f"{units}/allowxdp@default.service",
                       f"{units}/allowxdp.service", check=False)
        assert [l for l in (said.stdout + said.stderr).splitlines() if "allowxdp" in l] == []
        for unit, threshold in EXPOSURE.items():
            said = box.run("systemd-analyze", "security", "--offline=yes", f"--threshold={threshold}", "--no-pager",
                           f"{units}/{unit}", check=False)
            assert said.returncode == 0, said.stdout + said.stderr

    def test_directories_are_closed_to_others(self, box):
        for d in ("/run/allowxdp", "/var/lib/allowxdp", "/sys/fs/bpf/allowxdp"):
            assert box.path(d).stat().st_mode & 0o7777 == 0o700, d

    def test_unload_leaves_the_directory_that_services_were_given(self, lab, box):
        load(box)
        box.run("allowxdp", "unload", "--all")
        assert filters(lab) == []
        assert list(box.path("/sys/fs/bpf/allowxdp").iterdir()) == []


class TestLifeOfAPackage:
    def test_installing_it_changes_nothing(self, lab, box):
        assert filters(lab) == []
        assert not box.path("/etc/allowxdp/allowxdp.yaml").exists()
        assert "there is no config" in box.run("allowxdp", "load", "eth0", check=False).stderr
        assert "freshchat-in" in box.run("allowxdp", "profile", "list").stdout
        assert not list(box.path("/etc/systemd/system").glob("*.wants/allowxdp*"))

    def test_no_packet_is_wrongly_passed_or_lost_while_it_is_upgraded(self, lab, box, newer):
        load(box)
        before = filters(lab)
        assert len(before) == 1
        pins = sorted((p.name, p.stat().st_ino) for p in box.path("/sys/fs/bpf/allowxdp/default").iterdir())
        file = box.take(newer)
        with contextlib.closing(Stream(lab)) as stream:
            stream.during(lab.popen(lab.host, *box.wrap("dpkg", "--no-triggers", "--force-unsafe-io", "-i", file)))
        assert box.run("dpkg-query", "-W", "-f=${Version} ${Status}", "allowxdp").stdout == \
            f"{version()}+next install ok installed"
        assert stream.sent[STRANGER4] > 20
        assert stream.arrived == {FRESHCHAT_IN: 0, STRANGER4: 0, OFFICE4: stream.sent[OFFICE4]}
        assert filters(lab) == before
        assert pins == sorted((p.name, p.stat().st_ino) for p in box.path("/sys/fs/bpf/allowxdp/default").iterdir())
        box.run("allowxdp", "reload")
        assert is_filtered(lab)

    def test_removal_leaves_no_filter_of_any_instance_and_purge_no_state(self, lab, box):
        lab.host.ip("link add eth9 type veth peer name eth9p", "link set eth9 up")
        load(box)
        box.run("allowxdp", "add", "office", "198.51.100.99")
        box.path("/etc/allowxdp/second.yaml").write_text(config_text(lists={
            "webhooks": ["192.0.2.1"], "exotel-sip": ["192.0.2.1"], "exotel-media": ["192.0.2.1"],
            "office": ["192.0.2.1"]}), encoding="utf-8")
        box.run("allowxdp", "--instance", "second", "-c", "/etc/allowxdp/second.yaml", "load", "eth9")
        assert is_filtered(lab)

        box.dpkg("-r", "allowxdp")
        assert filters(lab) == []
        assert "xdp" not in lab.host.run("ip", "link", "show", "eth9").stdout
        assert lab.reaches(STRANGER4, 10000)
        assert not box.path("/sys/fs/bpf/allowxdp").exists()
        assert not box.path("/usr/sbin/allowxdp").exists()
        assert "198.51.100.99" in box.path("/var/lib/allowxdp/default/lists/office.list").read_text(encoding="utf-8")

        box.dpkg("-P", "allowxdp")
        for gone in ("/var/lib/allowxdp", "/run/allowxdp", "/etc/default/allowxdp"):
            assert not box.path(gone).exists(), gone
        assert box.path("/etc/allowxdp/allowxdp.yaml").exists()

    def test_the_filter_stays_if_that_is_asked_for(self, lab, box):
        load(box)
        before = filters(lab)
        box.path("/etc/default/allowxdp").write_text("LOAD_OPTIONS=--mode native\nKEEP_ON_REMOVE=yes\n", encoding="ascii")
        assert "stay until the next boot" in box.dpkg("-r", "allowxdp").stdout
        assert filters(lab) == before
        assert is_filtered(lab)
