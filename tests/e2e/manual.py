# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the sources of the manual pages (docs/man/*.scd) for the tests that hold them against the program."""

import re
from pathlib import Path

from lab import ROOT

PAGES = {p.name.removesuffix(".scd"): p.read_text(encoding="utf-8")
         for p in sorted(Path(ROOT, "docs/man").glob("*.scd"))}
TERM = re.compile(r"\*([^*]+)\*(.*)")


def sections(page):
    """{title: its lines, those of subsections included}; in literal blocks a # begins no section."""
    out, lines, literal = {}, [], False
    for line in PAGES[page].splitlines():
        if line == "```":
            literal = not literal
        if line.startswith("# ") and not literal:
            lines = out[line[2:]] = []
        else:
            lines.append(line)
    return out


def section(page, title):
    """The lines of one section."""
    assert title in sections(page), f"{page} has no section {title}"
    return sections(page)[title]


def terms(lines, depth=0):
    """
    What is explained at that depth of indentation, as (first word in bold, the rest of the line, lines below): a
    line that begins in bold, with lines behind it that are indented further.
    """
    out = []
    for n, line in enumerate(lines[:-1]):
        text = line.lstrip("\t")
        if len(line) - len(text) != depth or not text.startswith("*"):
            continue
        if not lines[n + 1].startswith("\t" * (depth + 1)) or lines[n + 1].startswith("\t" * (depth + 2)):
            continue
        below = []
        for other in lines[n + 1:]:
            if other and not other.startswith("\t" * (depth + 1)):
                break
            below.append(other)
        bold = TERM.match(text)
        assert bold, line
        out.append((bold[1], bold[2], below))
    return out


def bold_words(lines):
    """Every word in bold that begins a term: several may share a line, with commas between them."""
    return [word for line in lines if line.startswith("*") for word in re.findall(r"\*([^*]+)\*", line)]
