# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables (Markdown, also for the terminal) and a plot of what results.py holds."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import filters as f
from place import ROOT, Failed
from packets import SCENARIOS

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- made by tools/bench: begin -->", "<!-- made by tools/bench: end -->"
TITLES = {"miss": "unlisted sources", "near": "near misses", "hit": "listed sources", "unguarded": "unguarded port"}
ORDER = list(f.ALL)


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def size_name(n):
    for unit, letter in ((1000000, "M"), (1000, "k")):
        if n >= unit and n % unit == 0:
            return f"{n // unit}{letter}"
    return f"{n:,}"


def table(head, lines):
    """Markdown, its columns aligned so that it reads well in a terminal."""
    cells = [head, *lines]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    def text(row):
        return "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |"
    rule = "|" + "|".join("-" * (w + 2) for w in widths) + "|"
    return "\n".join([text(head), rule, *map(text, lines)])


def grid(rows, column, cell, columns=None):
    """A line for each filter, a column for each value of that field."""
    columns = columns or sorted({getattr(r, column) for r in rows})
    lines = []
    for name in ORDER:
        mine = {getattr(r, column): r for r in rows if r.filter == name}
        if mine:
            lines.append([f.ALL[name].label, *(cell(mine[c]) if c in mine else "-" for c in columns)])
    return columns, lines


def mark(row):
    return ("~" if row.noisy else "") + ("!" if row.exact not in ("", "yes") else "")


def share_cell(row):
    if row.share is None:
        return "-"
    if row.filter in ("empty", "pass"):
        return f"{number(1000 / row.median)} Mpps ({number(row.median)} ns){mark(row)}"
    return f"{row.share:.3f} ({row.share_min:.3f}-{row.share_max:.3f}){mark(row)}"


def total_cell(row):
    if row.filter == "empty":
        return f"{number(1000 / row.total)} Mpps ({number(row.total)} ns)"
    return f"{row.total_share:.3f}"


def ns_cell(row):
    return f"{number(row.median)} ({number(row.min)}-{number(row.max)}){mark(row)}"


def value_cell(row):
    if row.runs == 1 or row.unit == "MiB":
        return number(row.median)
    return f"{number(row.median)} ({number(row.min)}-{number(row.max)})"


def path_tables(rows):
    for family in sorted({r.family for r in rows}):
        for scenario in SCENARIOS:
            some = [r for r in rows if (r.family, r.scenario) == (family, scenario)]
            if not some:
                continue
            base = "XDP_PASS" if SCENARIOS[scenario][1] else "XDP_DROP"
            columns, lines = grid(some, "prefixes", share_cell)
            yield (f"### IPv{family}, {TITLES[scenario]}: share of an empty {base}'s rate\n\n"
                   + table(["", *map(size_name, columns)], lines))
        some = [r for r in rows if (r.family, r.scenario) == (family, "miss")]
        if some:
            columns, lines = grid(some, "prefixes", total_cell)
            yield (f"### IPv{family}, unlisted sources: the same with the sender's part\n\n"
                   + table(["", *map(size_name, columns)], lines))


def ns_tables(rows):
    for family in sorted({r.family for r in rows}):
        some = [r for r in rows if r.family == family and r.filter == "allowxdp"]
        columns = sorted({r.prefixes for r in some})
        lines = []
        for scenario in SCENARIOS:
            mine = {r.prefixes: r for r in some if r.scenario == scenario}
            if mine:
                lines.append([TITLES[scenario], *(ns_cell(mine[c]) if c in mine else "-" for c in columns)])
        yield (f"### IPv{family}: nanoseconds that the program adds to an empty one (BPF_PROG_TEST_RUN)\n\n"
               + table(["", *map(size_name, columns)], lines))


def apply_tables(rows):
    for family in sorted({r.family for r in rows}):
        for unit, title in (("ms", "milliseconds until it is in force"), ("MiB", "memory, MiB")):
            some = [r for r in rows if (r.family, r.unit) == (family, unit)]
            sizes = sorted({r.prefixes for r in some})
            lines = []
            for scenario in dict.fromkeys(r.scenario for r in some):
                for name in ORDER:
                    mine = {r.prefixes: r for r in some if (r.scenario, r.filter) == (scenario, name)}
                    if mine:
                        lines.append([scenario, f.ALL[name].label,
                                      *(value_cell(mine[c]) if c in mine else "-" for c in sizes)])
            yield f"### IPv{family}, applying a list: {title}\n\n" + table(["", "", *map(size_name, sizes)], lines)


def rate_cell(row):
    low, high = 1000 / row.max, 1000 / row.min
    return f"{number(1000 / row.median)} ({number(low)}-{number(high)}){mark(row)}"


def growth_tables(rows, part, column, title, one, many):
    some = [r for r in rows if r.part == part]
    if some:
        columns, lines = grid(some, column, rate_cell)
        yield (f"### {title}: million packets a second, IPv{some[0].family}, unlisted sources, "
               f"{size_name(some[0].prefixes)} prefixes\n\n" + table(["", *(f"{c} {one if c == 1 else many}" for c in columns)], lines))


def fragment(about, rows):
    """All of it, in Markdown."""
    said = {"date": "Date", "commit": "Commit", "kernel": "Kernel", "cpu": "CPU", "beside": "Beside", "lists": "Lists"}
    head = "\n".join(f"- {title}: {about[key]}" for key, title in said.items() if about.get(key))
    noise = about.get("noise", "unknown: the run was cut short")
    head += "\n- Noise: " + ("none seen" if noise == "none" else f"**too noisy to trust small differences**: {noise}")
    parts = [head]
    if any(r.noisy for r in rows):
        parts.append("`~`: the empty program's own runs were far apart in this cell.")
    parts += path_tables([r for r in rows if r.part == "path"])
    parts += ns_tables([r for r in rows if r.part == "ns"])
    parts += growth_tables(rows, "cores", "cores", "Cores", "core", "cores")
    parts += growth_tables(rows, "size", "frame", "Packet size", "byte", "bytes")
    parts += apply_tables([r for r in rows if r.part == "apply"])
    return "\n\n".join(parts) + "\n"


COLOURS = {"allowxdp": "#0b6e4f", "xdp-filter": "#c98a00", "nft-ingress": "#b3261e", "nft-prerouting": "#e08e79",
           "ipset": "#5b5ea6", "empty": "#999999", "pass": "#999999", "none": "#444444"}


def plot(rows, path):
    """Shares over the number of prefixes: a panel for each family and scenario. False: nothing to show."""
    rows = [r for r in rows if r.part == "path" and r.share and r.filter not in ("empty", "pass", "none")]
    families = sorted({r.family for r in rows})
    scenarios = [s for s in SCENARIOS if s != "unguarded" and any(r.scenario == s for r in rows)]
    if not families or not scenarios:
        return False
    if not shutil.which("gnuplot"):
        print("tools/bench: no plot: gnuplot is not installed: sudo ./tools/deps bench", file=sys.stderr)
        return False
    sizes = sorted({r.prefixes for r in rows})
    script = [f'set terminal svg size {340 * len(scenarios)},{300 * len(families) + 50} font "sans-serif,12" '
              'background "white"',
              f'set output "{path}"',
              f"set multiplot layout {len(families)},{len(scenarios)} margins 0.05,0.985,0.11,0.93 spacing 0.045,0.13",
              "set logscale x", f"set xrange [{sizes[0] * 0.7}:{sizes[-1] * 1.4}]", "set yrange [0:1.05]",
              "set xtics (" + ", ".join(f'"{size_name(s)}" {s}' for s in sizes) + ")", "set ytics 0.2",
              "set grid lc rgb '#dddddd'", "unset key",
              *legend([n for n in ORDER if any(r.filter == n for r in rows)])]
    with tempfile.TemporaryDirectory() as directory:
        for family in families:
            for scenario in scenarios:
                script.append(panel(rows, family, scenario, Path(directory)))
        result = subprocess.run(["gnuplot"], input="\n".join(script) + "\n", text=True, capture_output=True,
                                check=False, timeout=60)
    if result.returncode != 0:
        raise Failed(f"gnuplot: {result.stderr.strip()}")
    return True


def legend(names):
    """Names in the colours of their curves, below the panels: a key would keep to the width of one panel."""
    lines = []
    for n, name in enumerate(names):
        at = (n + 0.5) / len(names)
        lines.append(f'set label {n + 1} "{f.ALL[name].label}" at screen {at:.3f},0.03 center '
                     f"textcolor rgb '{COLOURS[name]}' font ',13'")
    return lines


def panel(rows, family, scenario, directory):
    escaped = r"XDP\\_PASS" if SCENARIOS[scenario][1] else r"XDP\\_DROP"
    lines = [f'set title "IPv{family}, {TITLES[scenario]}\\n{{/*0.8 share of an empty {escaped}}}" offset 0,-0.5']
    curves = []
    for name in ORDER:
        points = sorted((r.prefixes, r.share, r.share_min, r.share_max) for r in rows
                        if (r.family, r.scenario, r.filter) == (family, scenario, name))
        if points:
            data = directory / f"{family}-{scenario}-{name}"
            data.write_text("".join(" ".join(map(str, p)) + "\n" for p in points), encoding="ascii")
            style = f"lc rgb '{COLOURS[name]}' lw {3 if name == 'allowxdp' else 1.5}"
            curves += [f'"{data}" using 1:2 with linespoints pt 7 ps 0.4 {style}',
                       f'"{data}" using 1:2:3:4 with yerrorbars pt 0 {style}']
    lines.append("plot " + ", ".join(curves) if curves else "set multiplot next")
    return "\n".join(lines)


def write_page(about, rows):
    """Puts tables and plot into docs/performance.md, between the marks."""
    text = PAGE.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise Failed(f"{PAGE}: the lines {BEGIN} and {END} must be there once: put them where the tables go")
    picture = PAGE.with_suffix(".svg")
    shown = f"![Shares by number of prefixes]({picture.name})\n\n" if plot(rows, picture) else ""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{shown}{fragment(about, rows)}\n{END}{after}", encoding="utf-8")
    return PAGE
