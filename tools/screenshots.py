# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures of real data for the documentation; tools/screenshots sets up, builds, and runs this."""

import html
import itertools
import json
import math
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
# pylint: disable=wrong-import-position
from exporter import Exporter  # noqa: E402
from frames import TAGS, Raw, ethernet, ip, tcp, udp  # noqa: E402
from lab import (EXOTEL_KARNATAKA, EXOTEL_MUMBAI, FRESHCHAT_IN, HOST4, OFFICE4, OFFICE6, STRANGER4, STRANGER6, Lab,
                 sweep, wait_for)  # noqa: E402
from prometheus import MONITORING, Prometheus  # noqa: E402
from terminal import Terminal  # noqa: E402

SECONDS, ENFORCE_AT, TICK = 90, 25, 0.02
MAX_BYTES = 150 * 1000


# -- traffic ----------------------------------------------------------------------------------------------

def story(lab):
    """[(frames, packets a second at a time)]: a PBX's evening, in a minute and a half."""
    def wave(base, swing, period, phase=0.0):
        return lambda t: base + swing * math.sin(2 * math.pi * (t / period + phase))

    def between(start, end, rate):
        return lambda t: rate if start <= t < end else 0

    voice = b"v" * 172
    sweepers = [udp(lab, "203.0.114.9", port) for port in range(10000, 60000, 997)]
    return [
        ([udp(lab, EXOTEL_MUMBAI, p, voice) for p in (20000, 20002, 20004, 20006)], wave(400, 120, 60)),
        ([udp(lab, OFFICE6, 20010, voice)], wave(100, 40, 35)),
        ([udp(lab, OFFICE4, 5060, b"s" * 500)], wave(30, 10, 20)),
        ([udp(lab, OFFICE6, 5060, b"s" * 500)], wave(12, 5, 25, 0.3)),
        ([tcp(lab, FRESHCHAT_IN, 443)], wave(25, 15, 40)),
        ([tcp(lab, OFFICE4, 443)], wave(15, 10, 15)),
        ([udp(lab, EXOTEL_KARNATAKA, 20020, voice)], between(40, 70, 50)),  # a PoP that nobody listed
        ([udp(lab, EXOTEL_MUMBAI, 20030)] + [udp(lab, FRESHCHAT_IN, 5060)], wave(4, 2, 30)),
        ([udp(lab, STRANGER4, 5060, b"s" * 400)], wave(40, 30, 18)),
        ([udp(lab, STRANGER6, 5060, b"s" * 400)], wave(8, 6, 22)),
        ([tcp(lab, f"192.0.2.{n}", 443) for n in range(60, 68)], wave(10, 6, 31)),
        (sweepers, between(15, 80, 25)),
        ([udp(lab, f"198.51.100.{n}", 5060) for n in range(100, 109) for _ in range(99, n)], between(48, 66, 700)),
        ([bytes(ethernet(lab, TAGS["QinQ"] + [(0x8100, 7)]) / ip(OFFICE4) / Raw(b"x" * 40))], wave(2, 1, 9)),
        ([udp(lab, STRANGER4, 53)], wave(6, 3, 17)),
    ]


class Traffic(threading.Thread):
    """Sends what the story says, from now on."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.streams = [(itertools.cycle(map(bytes, frames)), rate) for frames, rate in story(lab)]
        self.socket = lab.net.packet_socket(protocol=0)
        self.lab, self.ending = lab, threading.Event()
        self.start()

    def run(self):
        began, at, asked = time.monotonic(), 0.0, 0.0
        debts = [0.0] * len(self.streams)
        while not self.ending.wait(TICK):
            before, at = at, time.monotonic() - began
            for n, (frames, rate) in enumerate(self.streams):
                debts[n] += max(0.0, rate(at)) * (at - before)
                while debts[n] >= 1:
                    self.socket.send(next(frames))
                    debts[n] -= 1
            if at > asked:  # a question of this host's own, now and then
                asked += 0.5 + 0.3 * math.sin(at / 7)
                with self.lab.host.udp(HOST4) as sock:
                    sock.sendto(b"question", (STRANGER4, 53))

    def end(self):
        self.ending.set()
        self.join()
        self.socket.close()


# -- the terminal -----------------------------------------------------------------------------------------

CELL_W, CELL_H, FONT = 8, 17, 13
COLOURS = {"default": "#d8dee9", "black": "#2e3440", "red": "#ff6b6b", "green": "#8fd18a", "brown": "#e8c268",
           "yellow": "#e8c268", "blue": "#7aa2f7", "magenta": "#c792ea", "cyan": "#7fdbca", "white": "#ffffff"}
PAPER = "#161b22"
BARS = "▁▂▃▄▅▆▇█"


def colour(name):
    return COLOURS.get(name.removeprefix("bright")) or f"#{name}"


def style_of(cell):
    ink, paper = colour(cell.fg), None if cell.bg == "default" else colour(cell.bg)
    if cell.reverse:
        ink, paper = paper or PAPER, ink
    return ink, paper, cell.bold


def svg_of_row(cells, row):
    """Runs of cells of one style; bars are drawn, so that no font can make them ragged."""
    top, at = 8 + row * CELL_H, 0
    for (style, bars), run in itertools.groupby(cells, lambda c: (style_of(c), c.data in BARS and c.data != "")):
        run = list(run)
        (ink, paper, bold), x, width = style, 8 + at * CELL_W, len(run) * CELL_W
        text = "".join(c.data for c in run)
        at += len(run)
        if paper:
            yield f'<rect x="{x}" y="{top}" width="{width}" height="{CELL_H}" fill="{paper}"/>'
        if bars:
            for n, c in enumerate(text):
                height = (BARS.index(c) + 1) * (CELL_H - 3) / len(BARS)
                yield (f'<rect x="{x + n * CELL_W}" y="{top + CELL_H - 2 - height:.1f}" width="{CELL_W - 1}" '
                       f'height="{height:.1f}" fill="{ink}"/>')
        elif text.strip():
            weight = ' font-weight="bold"' if bold else ""
            for word in re.finditer(r"\S+(?: \S+)*", text):
                left, length = x + word.start() * CELL_W, (word.end() - word.start()) * CELL_W
                yield (f'<text x="{left}" y="{top + CELL_H - 4}" textLength="{length}" fill="{ink}"{weight}>'
                       f'{html.escape(word[0])}</text>')


def svg_of_screen(screen):
    rows = screen.lines
    while rows > 1 and not "".join(screen.display[rows - 1]).strip():
        rows -= 1
    width, height = screen.columns * CELL_W + 16, rows * CELL_H + 16
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}" font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" '
             f'font-size="{FONT}">', f'<rect width="{width}" height="{height}" rx="6" fill="{PAPER}"/>']
    for row in range(rows):
        parts += svg_of_row([screen.buffer[row][column] for column in range(screen.columns)], row)
    return "\n".join(parts + ["</svg>", ""])


# -- the dashboard ----------------------------------------------------------------------------------------

WIDTH, ROW_PIXELS, COLUMNS = 1200, 21, 24
FONT_FILE = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def filled_in(expression):
    expression = expression.replace("$__rate_interval", "4s")
    for name in ("job", "instance", "interface", "service"):
        expression = expression.replace(f"${name}", ".*")
    return expression


def name_of(target, labels):
    text = re.sub(r"{{(\w+)}}", lambda m: labels.get(m[1], ""), target["legendFormat"])
    return re.sub(r"127\.0\.0\.1:\d+", "pbx", text) or "pbx"


def series_of(prometheus, panel, start, end):
    """[(name, [(seconds from the start, value)])]."""
    return [(name_of(target, labels), [(t - start, v) for t, v in values if v == v])
            for target in panel["targets"]
            for labels, values in prometheus.query_range(filled_in(target["expr"]), start, end, 1)]


def words(panel, value):
    """As Grafana shows a single value: by the panel's own mapping and unit."""
    defaults = panel["fieldConfig"]["defaults"]
    for mapping in defaults.get("mappings", ()):
        shown = mapping.get("options", {}).get(str(int(value)))
        if mapping["type"] == "value" and shown:
            return shown["text"]
    return f"{value:.0f} s" if defaults.get("unit") in ("s", "dtdurations") else f"{value:g}"


class Plot:
    """A gnuplot script of many panels."""

    def __init__(self, rows):
        self.height = rows * ROW_PIXELS
        self.lines = [
            # libgd with a palette: a quarter of the bytes that cairo needs
            f"set terminal png notruecolor size {WIDTH},{self.height} font '{FONT_FILE}' 8 background '#111217'",
            "set multiplot", "set border 3 lc rgb '#4a4d55'", "set tics nomirror textcolor rgb '#9a9ca3' scale 0.4",
            "set grid lt 1 lw 0.5 lc rgb '#24262c'", "set key textcolor rgb '#c7c8cc'",
            "set style fill solid 0.75 noborder",
        ]
        for n, colour in enumerate("#73bf69 #f2cc0c #8ab8ff #ff780a #f2495c #b877d9 #37872d #fade2a #5794f2".split()):
            self.lines.append(f"set linetype {n + 1} lc rgb '{colour}' lw 2")
        self.lines.append("set linetype cycle 9")

    def place(self, grid, title, margins=(0.04, 0.115, 0.14, 0.16)):
        """The panel's frame: what lies left and right of the axes in parts of the picture, below and above of it."""
        x, w = grid["x"] / COLUMNS, grid["w"] / COLUMNS
        top, h = 1 - grid["y"] * ROW_PIXELS / self.height, grid["h"] * ROW_PIXELS / self.height
        left, right, below, above = margins
        self.lines += [
            "unset label; unset arrow; unset object",
            f"set label 1 '{title}' at screen {x + 0.006:.4f},{top - 0.010:.4f} font ',9' textcolor rgb '#e6e7ea' "
            "noenhanced",
            f"set lmargin at screen {x + left:.4f}", f"set rmargin at screen {x + w - right:.4f}",
            f"set tmargin at screen {top - h * above:.4f}", f"set bmargin at screen {top - h + h * below:.4f}",
        ]

    def data(self, name, rows):
        self.lines += [f"${name} << EOD", *(" ".join(map(str, r)) for r in rows), "EOD"]

    def timeseries(self, panel, grid, series, steps=False):
        self.place(grid, panel["title"], *([(0.045, 0.01, 0.3, 0.3)] if steps else []))
        drawn = [(name, values) for name, values in series if values]
        drawn.sort(key=lambda s: -max(v for _, v in s[1]))
        top = max((v for _, values in drawn for _, v in values), default=0)
        self.lines += [f"set xrange [0:{SECONDS}]", "set xtics 15 format '%gs' font ',8'"]
        if steps:
            self.lines += ["set yrange [0:2.4]", "set ytics ('monitor' 1, 'enforce' 2)", "unset key"]
        else:
            self.lines += ["set yrange [0:*]", f"set ytics auto format '{'%g' if top < 10000 else '%.1s%c'}'",
                           "set key at graph 1.01,1.04 left Left reverse top samplen 1 spacing 0.9 font ',7' "
                           "noenhanced"]
        if not drawn:
            self.lines.append("plot NaN notitle")
            return
        plots = []
        for n, (name, values) in enumerate(drawn[:9]):
            self.data(f"p{panel['id']}s{n}", [(f"{t:g}", f"{v:.5g}") for t, v in values])
            plots.append(f"$p{panel['id']}s{n} with {'steps' if steps else 'lines'} lt {n + 1} title '{name}'")
        self.lines.append("plot " + ", ".join(plots))

    def stat(self, panel, grid, series):
        self.place(grid, panel["title"])
        x = (grid["x"] + grid["w"] / 2) / COLUMNS
        y = 1 - (grid["y"] + grid["h"] * 0.6) * ROW_PIXELS / self.height
        shown = [name if panel["title"] == "Version" else words(panel, values[-1][1])
                 for name, values in series if values]
        self.lines += [f"set label 2 '{', '.join(shown)}' at screen {x:.4f},{y:.4f} center font ',16' "
                       "textcolor rgb '#73bf69' noenhanced", "unset key", "unset border", "unset tics", "unset grid",
                       "set xrange [0:1]", "set yrange [0:1]", "plot NaN notitle", "set border 3 lc rgb '#4a4d55'",
                       "set tics nomirror textcolor rgb '#9a9ca3' scale 0.4", "set xtics; set ytics",
                       "set grid lt 1 lw 0.5 lc rgb '#24262c'"]

    def bars(self, panel, grid, series):
        self.place(grid, panel["title"], (0.09, 0.015, 0.12, 0.14))
        shown = sorted(((values[-1][1], name) for name, values in series if values), reverse=True)[:9]
        percent = panel["fieldConfig"]["defaults"].get("unit") == "percentunit"
        top = 1 if percent else max([v for v, _ in shown] + [1]) * 1.1
        self.data(f"p{panel['id']}", [(f"{v:.5g}", n, f'"{name}"') for n, (v, name) in enumerate(shown)])
        self.lines += [f"set xrange [0:{top}]", f"set yrange [{len(shown) - 0.4}:-0.6]", "unset key",
                       f"set xtics {'0.25' if percent else 'auto'} format '%g' font ',7'",
                       f"plot $p{panel['id']} using (0):2:(0):1:($2-0.3):($2+0.3):ytic(3) with boxxyerror lt 3"]

    def draw(self, path):
        script = "\n".join(["set encoding utf8", *self.lines[:1], f"set output '{path}'", *self.lines[1:],
                            "unset multiplot", "set output", ""])
        result = subprocess.run(["gnuplot"], input=script, text=True, capture_output=True, check=False, timeout=120)
        if result.returncode != 0 or not path.exists():
            raise SystemExit(f"tools/screenshots: gnuplot: {result.stderr}")


def draw_dashboard(prometheus, start, end, path):
    dashboard = json.loads((MONITORING / "allowxdp-dashboard.json").read_text(encoding="utf-8"))
    panels = [p for p in dashboard["panels"] if p["type"] != "row"]
    plot = Plot(max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in panels) + 1)
    for panel in panels:
        grid, series = panel["gridPos"], series_of(prometheus, panel, start, end)
        if panel["type"] == "stat":
            plot.stat(panel, grid, series)
        elif panel["type"] == "bargauge":
            plot.bars(panel, grid, series)
        else:
            plot.timeseries(panel, grid, series, steps=panel["type"] == "state-timeline")
    plot.draw(path)


# -- all of it --------------------------------------------------------------------------------------------

def take(lab, directory):
    lab.load(mode="monitor")
    prometheus = Prometheus(lab, f"127.0.0.1:{Exporter(lab).port}")
    terminal = Terminal(lab.axp.argv("top"), lab.axp.env, rows=36, columns=120)
    traffic = Traffic(lab)
    try:
        began = time.time()
        while time.time() < began + ENFORCE_AT:
            terminal.read(1)
        lab.axp.ok("mode", "enforce", "--confirm", "5m")
        while time.time() < began + 64:
            terminal.read(1)
        wait_for(lambda: any("left to confirm" in line for line in terminal.lines()), "the time that is left")
        (directory / "top.svg").write_text(svg_of_screen(terminal.screen), encoding="utf-8")
        lab.axp.ok("confirm")
        while time.time() < began + SECONDS:
            terminal.read(1)
        draw_dashboard(prometheus, began, began + SECONDS, directory / "dashboard.png")
    finally:
        traffic.end()
        terminal.close()


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sweep()
    out = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="allowxdp-screenshots-") as directory:
        lab = Lab()
        try:
            take(lab, Path(directory))
        finally:
            lab.close()
        for name in ("top.svg", "dashboard.png"):
            data = (Path(directory) / name).read_bytes()
            if len(data) > MAX_BYTES:
                raise SystemExit(f"tools/screenshots: {name} has {len(data)} bytes, more than {MAX_BYTES}")
            (out / name).write_bytes(data)
            print(f"{out / name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
