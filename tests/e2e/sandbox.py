# SPDX-License-Identifier: GPL-2.0-or-later
"""
A copy of this machine's files to install packages into: the root directory under a layer in memory, in a mount and PID
namespace of its own, whose network is that of a lab's host. What is done there is gone with it.
"""

import subprocess
from pathlib import Path

from lab import die_with_parent, run, wait_for

# Process 1 of the sandbox, so that its mounts are those that outlive a command (user/mounts.c). No /run of the machine's:
# nothing finds its systemd, D-Bus or locks.
BOOT = r"""
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=0755 layer "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" root "$1/root"
cd "$1/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t bpf bpf sys/fs/bpf
mount -t tmpfs -o mode=0755 run run
mount -t tmpfs tmp tmp
mount --rbind /dev dev
mkdir run/lock
touch run/ready
exec chroot . sleep infinity
"""


class Sandbox:
    def __init__(self, lab):
        self.layer = lab.directory / "sandbox"
        self.layer.mkdir()
        self.outer = subprocess.Popen(
            lab.host.wrap("unshare", "--mount", "--pid", "--fork", "--kill-child", "--",
                          "sh", "-c", BOOT, "sandbox", self.layer),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            preexec_fn=die_with_parent)
        try:
            self.pid = wait_for(self.first_process, "the sandbox is there")
        except BaseException:
            self.close()
            raise

    def first_process(self):
        if self.outer.poll() is not None:
            raise AssertionError(f"no sandbox: {self.outer.stderr.read()}")
        children = Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").read_text(encoding="ascii").split()
        if children and Path(f"/proc/{children[0]}/root/run/ready").exists() and \
                Path(f"/proc/{children[0]}/comm").read_text(encoding="ascii") == "sleep\n":
            return int(children[0])
        return None

    def path(self, inside):
        """A file of the sandbox, as it is seen from outside."""
        return Path(f"/proc/{self.pid}/root/{str(inside).lstrip('/')}")

    def wrap(self, *argv):
        return ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--net", "--root", "--wd=/", "--",
                "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive", *map(str, argv)]

    def run(self, *argv, **kwargs):
        return run(*self.wrap(*argv), **kwargs)

    def dpkg(self, *argv):
        """No triggers: they would bring up to date what belongs to other packages."""
        return self.run("dpkg", "--no-triggers", "--force-unsafe-io", *argv)

    def take(self, file):
        """Copies a file into the sandbox's /tmp; its name there."""
        inside = f"/tmp/{Path(file).name}"
        self.path(inside).write_bytes(Path(file).read_bytes())
        return inside

    def close(self):
        self.outer.kill()
        self.outer.wait()
        self.outer.stderr.close()
