#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How much stack the programs take on the deepest way through their functions.

The kernel allows 512 bytes. Older ones round what each function takes up to 32 (Linux 6.1 does), newer ones less, so that
an object which this kernel takes may be refused by an older one. Prints the deepest way from each program.

usage: stack_budget.py OBJECT
"""

import re
import subprocess
import sys

MOST, ROUND = 512, 32
PROGRAMS = ("allowxdp_in", "allowxdp_out")


def disassemble(path):
    """Lines by function; names of those in .text by the number of their first instruction."""
    text = subprocess.run(["llvm-objdump", "-dr", "--no-show-raw-insn", path], check=True, capture_output=True,
                          text=True).stdout
    functions, places, lines = {}, {}, None
    for line in text.splitlines():
        head = re.match(r"([0-9a-f]+) <(\w+)>:$", line)
        if head and not head.group(2).startswith("LBB"):
            lines = functions.setdefault(head.group(2), [])
            if head.group(2) not in PROGRAMS:
                places[int(head.group(1), 16) // 8] = head.group(2)
        elif lines is not None:
            lines.append(line)
    return functions, places


def number(text):
    return int(text.replace(" ", ""), 0)


def depth(lines):
    """The lowest byte below the frame pointer that is touched or pointed to."""
    lowest, pointers = 0, set()
    for line in lines:
        for offset in re.findall(r"r10 (- 0x[0-9a-f]+|- \d+)", line):
            lowest = min(lowest, number(offset))
        if made := re.search(r"(r\d) = r10$", line):
            pointers.add(made.group(1))
        elif (moved := re.search(r"(r\d) \+= (-0x[0-9a-f]+|-\d+)$", line)) and moved.group(1) in pointers:
            lowest = min(lowest, number(moved.group(2)))
            pointers.discard(moved.group(1))
    return -lowest


def calls(lines, places):
    """Functions of ours that are called: by name, or if they are static by their place in .text, less one."""
    called, target = set(), None
    for line in lines:
        if call := re.search(r"\tcall (-?0x[0-9a-f]+|-?\d+)$", line):
            target = number(call.group(1))
        if relocation := re.search(r"R_BPF_64_32\s+(\S+)$", line):
            name = relocation.group(1)
            called.add(places[target + 1] if name == ".text" else name)
    return called


def deepest(name, functions, places):
    mine = max((depth(functions[name]) + ROUND - 1) // ROUND * ROUND, ROUND)
    below, way = max((deepest(f, functions, places) for f in calls(functions[name], places)), default=(0, ()))
    return mine + below, ((name, mine), *way)


def main():
    functions, places = disassemble(sys.argv[1])
    status = 0
    for program in PROGRAMS:
        total, way = deepest(program, functions, places)
        print(f"{program}: {total} bytes: " + ", ".join(f"{f} {n}" for f, n in way))
        if total > MOST:
            print(f"{program}: more than {MOST}: older kernels refuse it")
            status = 1
        if len(way) < 2:
            print(f"{program}: no calls were found: does llvm-objdump print something else?")
            status = 1
    return status


sys.exit(main())
