# SPDX-License-Identifier: GPL-2.0-or-later
"""
System calls of a command: which it makes, and one of them that kills it or fails.

strace does it: `--inject=CALL:signal=KILL:when=N` kills on entry to the N-th call of that name, before the kernel
does anything for it, so that the state is what all calls before it, and all stores to mapped maps since, have made;
`error=E` has it fail without being made. A tracer of our own could do no more: there is one process and one thread. What
strace wrote down says which call it really was: nothing here trusts that two runs are the same. (--seccomp-bpf would be
faster, but then strace 6.1 does not inject.)
"""

import re
from dataclasses import dataclass

LINE = re.compile(r"^\d+ +(\w+)\((.*)$")
ALTERS = {"unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "mkdir", "mkdirat", "rmdir", "flock",
          "mount", "umount2", "write", "writev", "pwrite64", "fsync", "fdatasync", "ftruncate", "fchmod", "chmod",
          "sendto", "sendmsg", "setsockopt"}
BPF_READS = {"BPF_OBJ_GET", "BPF_OBJ_GET_INFO_BY_FD", "BPF_MAP_LOOKUP_ELEM", "BPF_MAP_LOOKUP_BATCH",
             "BPF_MAP_GET_NEXT_KEY", "BPF_BTF_LOAD", "BPF_PROG_GET_FD_BY_ID", "BPF_MAP_GET_FD_BY_ID",
             "BPF_LINK_GET_FD_BY_ID", "BPF_PROG_QUERY", "BPF_PROG_LOAD", "BPF_PROG_TEST_RUN", "BPF_MAP_CREATE",
             "BPF_PROG_BIND_MAP", "BPF_MAP_FREEZE"}
# Stores to maps that are mapped make no call. What comes soon after them is the place to be killed at.
FOLLOWS_STORES = {"munmap", "nanosleep", "clock_nanosleep", "exit_group"}
WRITES = {"write", "writev", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "link", "mkdir",
          "ftruncate", "unlink", "unlinkat", "fchmod", "close"}


@dataclass(frozen=True)
class Call:
    name: str
    number: int  # among the calls of that name, from 1
    text: str  # arguments and result

    @property
    def kind(self):
        """The name; of bpf() with the command."""
        command = re.match(r"(BPF_\w+)", self.text) if self.name == "bpf" else None
        return f"bpf {command[1]}" if command else self.name

    @property
    def failed(self):
        return bool(re.search(r"\) += -1 E", self.text))

    @property
    def fd(self):
        found = re.match(r"(\d+)", self.text)
        return int(found[1]) if found else -1

    @property
    def makes_file(self):
        return self.name == "openat" and bool(re.search(r"O_CREAT|O_TRUNC|O_WRONLY|O_RDWR", self.text))

    @property
    def alters(self):
        """Does it, or what comes right before it, change anything that outlives the process?"""
        if self.failed:
            return False
        if self.name == "bpf":
            return self.kind.split()[1] not in BPF_READS
        return self.name in ALTERS or self.name in FOLLOWS_STORES or self.makes_file

    @property
    def writes(self):
        """Is it a part of writing files, that may fail where a disk is full or broken?"""
        if self.name in ("write", "close", "fsync") and self.fd < 3:
            return False
        if self.name == "close":
            return False
        return (self.name in WRITES or self.makes_file) and not self.failed

    def __str__(self):
        return f"{self.kind} (the {self.number}. {self.name}): {self.text[:150]}"


def parse(text):
    """The calls in strace's output, but for the first execve, which strace does not tamper with."""
    numbers, calls = {}, []
    for line in text.splitlines()[1:]:
        found = LINE.match(line)
        if found:
            numbers[found[1]] = numbers.get(found[1], 0) + 1
            calls.append(Call(found[1], numbers[found[1]], found[2]))
    return calls


def strace(output, *injections):
    """The command line that runs another one, and writes its calls to that file."""
    return ["strace", "-f", "-s", "64", "-o", str(output), *(a for i in injections if i for a in ("-e", f"inject={i}")), "--"]


def kill_at(call):
    return f"{call.name}:signal=KILL:when={call.number}"


def fail_at(call, error):
    return f"{call.name}:error={error}:when={call.number}"


def without_tcx(recorded):
    """As on a kernel before 6.6: the first call that makes a TCX link fails. None where there is no TCX."""
    for call in recorded:
        if call.kind == "bpf BPF_LINK_CREATE" and re.search(r"attach_type=(0x2f|BPF_TCX_EGRESS)", call.text):
            return None if call.failed else fail_at(call, "EINVAL")
    return None


def was_killed(text):
    return "+++ killed by SIGKILL +++" in text


def injected(text):
    """The call that strace failed, or None if the command never made it."""
    for call in parse(text):
        if call.text.endswith("(INJECTED)"):
            return call
    return None
