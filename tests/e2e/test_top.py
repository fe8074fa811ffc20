# SPDX-License-Identifier: GPL-2.0-or-later
"""allowxdp top: figures equal to what was sent, keys, any size and locale, and a terminal left as it was."""

import contextlib
import json
import re
import signal
import time

import pytest

from frames import tcp, udp
from lab import OFFICE4, STRANGER4, STRANGER6, lasting, wait_for
from terminal import GIVE_BACK, TAKE_SCREEN, Terminal

SPARKS = set("▁▂▃▄▅▆▇█")


@contextlib.contextmanager
def top(lab, *args, **kwargs):
    terminal = Terminal(lab.axp.argv("top", *args), lab.axp.env, **kwargs)
    try:
        yield terminal
    finally:
        terminal.close()


def row(lines, name):
    """Figures of a service: pass/s, would/s, drop/s, and in a wide terminal passed, dropped."""
    for line in lines:
        words = line.split()
        if words[:2] in ([name, "in"], [name, "out"]):
            return [float(w) for w in words[2:] if re.fullmatch(r"[0-9.]+", w)]
    return None


def heading(lines):
    return next((l for l in lines if "SERVICE" in l), None)


def order(lines):
    """Names of the services from the top down."""
    start = next(n for n, l in enumerate(lines) if "SERVICE" in l)
    return [l.split()[0] for l in lines[start + 1:] if l.split()[1:2] in (["in"], ["out"])]


def measured(lines):
    return float(re.search(r"\(([0-9.]+)\)", lines[0])[1])


def fresh(terminal, seconds=1.0):
    """Waits for the next look, and returns when there is nearly the whole interval until the one after."""
    seen = terminal.lines()[0]
    terminal.wait(lambda lines: lines[0] != seen and "(" in lines[0], "another look", seconds + 20)


# -- once ---------------------------------------------------------------------------------------------

def test_once_equals_what_was_sent(guarded):
    lab = guarded
    lab.send(udp(lab, STRANGER4, 5060), count=11)  # before the interval: in the totals alone
    wait_for(lambda: lab.axp.count("sip", "drop") == 11, "all counted")
    process = lab.axp.start("top", "--json", "--interval", f"{lasting(3)}s")
    time.sleep(lasting(1))
    lab.send(udp(lab, STRANGER4, 5060), udp(lab, OFFICE4, 5060), tcp(lab, STRANGER6, 443), count=40)
    lab.send(udp(lab, STRANGER4, 20000), count=7)
    out, err = process.communicate(timeout=lasting(60))
    assert (process.returncode, err) == (0, "")
    said = json.loads(out)
    assert lasting(3) <= said["seconds"] < 2 * lasting(3)
    assert (said["mode"], said["interfaces"]) == ("enforce", [{"name": "eth0", "attach": "native", "egress":
                                                               lab.axp.status()["interfaces"][0]["egress"]}])
    figures = {(s["service"], s["direction"]): {v: (s[v]["packets"], s[v]["total"])
                                                for v in ("pass", "would_drop", "drop")} for s in said["services"]}
    assert figures["sip", "in"] == {"pass": (40, 40), "would_drop": (0, 0), "drop": (40, 51)}
    assert figures["https", "in"] == {"pass": (0, 0), "would_drop": (0, 0), "drop": (40, 40)}
    assert figures["rtp", "in"] == {"pass": (0, 0), "would_drop": (0, 0), "drop": (7, 7)}
    for thing in said["services"]:
        for verdict in ("pass", "would_drop", "drop"):
            assert thing[verdict]["per_second"] == pytest.approx(thing[verdict]["packets"] / said["seconds"])
    reasons = {(r["reason"], r["verdict"]): (r["packets"], r["total"]) for r in said["reasons"]}
    assert reasons["unlisted", "drop"] == (87, 98) and reasons["listed", "pass"] == (40, 40)
    sources = [(s["address"], s["service"], s["ports"], s["packets"], s["total"], s["error"], s["verdict"])
               for s in said["sources"]]
    assert sorted(sources) == sorted([(STRANGER4, "sip", "udp/5060", 40, 51, 0, "drop"),
                                      (STRANGER6, "https", "tcp/443", 40, 40, 0, "drop"),
                                      (STRANGER4, "rtp", "udp/20000", 7, 7, 0, "drop")])
    assert sources[2][:2] == (STRANGER4, "rtp")  # the least of them last


def test_once_as_text(guarded):
    lab = guarded
    process = lab.axp.start("top", "--once", "--interval", f"{lasting(2)}s")
    time.sleep(0.8 * lasting(1))
    lab.send(udp(lab, STRANGER4, 5060), count=30)
    lab.axp.ok("mode", "monitor")
    lab.send(udp(lab, STRANGER4, 5060), count=12)
    out, err = process.communicate(timeout=lasting(60))
    assert (process.returncode, err) == (0, "")
    seconds = float(re.match(r"instance default: mode monitor, generation 1, ([0-9.]+) s\n", out)[1])
    assert re.search(r"^interface eth0: native, egress (tcx|clsact)$", out, re.M)
    found = {tuple(l.split()[:3]): l.split()[3:6] for l in out.splitlines() if l.startswith("sip ")}
    for verdict, packets in (("drop", 30), ("would_drop", 12)):
        count, rate, total = found["sip", "in", verdict]
        assert (int(count), int(total)) == (packets, packets)
        assert float(rate) == pytest.approx(packets / seconds, abs=0.1)
    assert found["sip", "in", "pass"] == ["0", "0.0", "0"]
    assert re.search(rf"^{re.escape(STRANGER4)} +sip +drop +42 +\S+ +42 +0  udp/5060$", out, re.M), out
    assert out.isascii() and "\x1b" not in out


def test_what_is_not_loaded(lab):
    for arguments in (["--once"], ["--json"]):
        assert "is not loaded" in lab.axp.fails("top", *arguments)


def test_bad_arguments(lab):
    assert "--interval" in lab.axp.fails("top", "--interval", "soon", status=2)
    assert "longer than an hour" in lab.axp.fails("top", "--interval", "2h", status=2)
    lab.axp.fails("top", "extra", status=2)


def test_no_terminal(guarded):
    assert "--once" in guarded.axp.fails("top")
    with top(guarded, term="no-such-terminal") as terminal:
        assert terminal.ended() == 1
        assert "TERM=no-such-terminal" in terminal.text() and "--once" in terminal.text()


# -- live -----------------------------------------------------------------------------------------------

def test_rates_equal_what_was_sent(guarded):
    lab = guarded
    lab.axp.ok("mode", "monitor")
    lab.send(udp(lab, STRANGER4, 5060), count=5)
    lab.axp.ok("mode", "enforce")
    with top(lab, "--interval", f"{lasting(3)}s", columns=140) as terminal:
        fresh(terminal, lasting(3))
        lab.send(udp(lab, STRANGER4, 5060), udp(lab, OFFICE4, 5060), udp(lab, OFFICE4, 5060), count=300)
        figures = terminal.wait(lambda lines: any(row(lines, "sip")[:3]) and row(lines, "sip"), "rates are shown")
        seconds = measured(terminal.lines())
        assert figures[0] == pytest.approx(600 / seconds, abs=0.1)
        assert figures[1] == 0
        assert figures[2] == pytest.approx(300 / seconds, abs=0.1)
        assert figures[3:] == [605, 300]
        text = terminal.text()
        assert re.search(rf"^{re.escape(STRANGER4)} +[0-9.]+ +305  sip +udp/5060$", text, re.M), text
        assert re.search(r"^unlisted +drop +[0-9.]+ +300$", text, re.M), text
        assert re.search(r"^unlisted +would drop +0 +5$", text, re.M), text
        assert "eth0 native, egress" in terminal.lines()[1]
        sparks = next(l for l in terminal.lines() if l.startswith("sip "))
        assert sparks.count("█") == 2  # the one interval, of what passed and what was dropped
        terminal.press("q")
        assert terminal.ended() == 0


def test_keys(guarded):
    lab = guarded
    with top(lab) as terminal:
        terminal.wait(lambda lines: row(lines, "rtp"), "the services")
        assert order(terminal.lines()) == ["https", "sip", "rtp", "-"][:len(order(terminal.lines()))]
        terminal.press("sss")
        terminal.wait(lambda lines: "*SERVICE" in heading(lines), "sorted by name")
        assert [n for n in order(terminal.lines()) if n != "-"] == ["https", "rtp", "sip"]
        terminal.press("s")
        terminal.wait(lambda lines: "*" not in heading(lines), "sorted as in the config")
        # pause: what is sent meanwhile is not shown, and then it is
        terminal.press("p")
        terminal.shows("PAUSED")
        frozen = terminal.lines()
        lab.send(udp(lab, STRANGER4, 20000), udp(lab, STRANGER4, 5060), udp(lab, STRANGER4, 20000), count=10)
        terminal.read(1.5)
        assert terminal.lines() == frozen
        terminal.press(" ")
        terminal.wait(lambda lines: "PAUSED" not in lines[0], "going on")
        terminal.shows("20  rtp ")
        terminal.press("s")
        terminal.wait(lambda lines: "*DROP/S" in heading(lines), "sorted by drops")
        # filter
        terminal.press("/RT")
        terminal.shows("filter: RT_")
        terminal.wait(lambda lines: order(lines) == ["rtp"], "rtp alone")
        assert "  sip " not in terminal.text() and "20  rtp " in terminal.text()
        terminal.press("X\x7f\n")
        terminal.shows("filter: RT (Esc: none)")
        terminal.press("\x1b")
        terminal.wait(lambda lines: "sip" in order(lines), "all services")
        # help, interval
        terminal.press("?")
        terminal.shows("this help")
        terminal.press("x")
        terminal.wait(lambda lines: heading(lines), "the services again")
        terminal.press("++")
        terminal.shows("every 5s")
        terminal.press("-")
        terminal.shows("every 2s")
        terminal.press("hq")
        assert terminal.ended() == 0


@pytest.mark.parametrize("end, status", [
    ("\x03", 0), (signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP),
    (signal.SIGQUIT, -signal.SIGQUIT), (signal.SIGSEGV, -signal.SIGSEGV), (signal.SIGABRT, -signal.SIGABRT)], ids=str)
def test_the_terminal_is_given_back(shared, end, status):
    with top(shared) as terminal:
        terminal.shows("SERVICE")
        if isinstance(end, str):
            terminal.press(end)
        else:
            terminal.process.send_signal(end)
        assert terminal.ended() == status


def test_stop_and_go_on(shared):
    """Ctrl-Z gives the terminal back for the time being. (Nobody is there to stop it for long.)"""
    with top(shared) as terminal:
        terminal.shows("SERVICE")
        terminal.press("\x1a")
        wait_for(lambda: terminal.read() or re.search(re.escape(GIVE_BACK) + b".*" + re.escape(TAKE_SCREEN),
                                                      terminal.raw, re.S), "it is given back and taken again")
        terminal.press("q")
        assert terminal.ended() == 0


def test_sizes(shared):
    with top(shared, rows=24, columns=80) as terminal:
        terminal.shows("SERVICE")
        for rows, columns in ((1, 1), (2, 3), (3, 200), (6, 20), (10, 40), (200, 10), (60, 250), (24, 80)):
            terminal.screen.reset()
            terminal.resize(rows, columns)
            first = "allowxdp top: default"[:columns]
            terminal.wait(lambda lines, first=first: lines[0].startswith(first.rstrip()) if rows > 1 else True,
                          f"{rows}x{columns}")
            terminal.read(0.2)
            assert terminal.process.poll() is None, (rows, columns)
        terminal.wait(lambda lines: all(row(lines, s) for s in ("https", "sip", "rtp")) and "q quit" in lines[23],
                      "all is there again")
        terminal.press("q")
        assert terminal.ended() == 0


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_locales(guarded, locale):
    lab = guarded
    with top(lab, locale=locale) as terminal:
        fresh(terminal)
        lab.send(udp(lab, STRANGER4, 5060), count=10)
        terminal.wait(lambda lines: row(lines, "sip") and row(lines, "sip")[2] > 0, "the drops")
        line = next(l for l in terminal.lines() if l.startswith("sip "))
        if locale == "C":
            assert terminal.raw.isascii() and "@" in line
        else:
            assert SPARKS & set(line) and "@" not in line
        terminal.press("q")
        assert terminal.ended() == 0


def test_an_instance_that_changes_goes_and_comes(lab):
    lab.axp.write({"mode": "monitor"})
    with top(lab) as terminal:
        terminal.shows("instance default is not loaded")
        lab.axp.ok("load", "eth0")
        terminal.wait(lambda lines: lines[1].startswith("mode monitor, generation 1 "), "it is loaded")
        lab.send(udp(lab, STRANGER4, 5060), count=5)
        terminal.wait(lambda lines: (row(lines, "sip") or [0, 0])[1] > 0, "what would be dropped")
        lab.axp.ok("mode", "enforce", "--confirm", "1h")
        terminal.wait(lambda lines: lines[1].startswith("mode enforce"), "the mode")
        left = terminal.wait(lambda lines: re.match(r"(59m\d+s) left to confirm", lines[2]), "the time that is left")
        terminal.wait(lambda lines: lines[2].startswith("59m") and not lines[2].startswith(left[1]), "it runs")
        lab.axp.ok("confirm")
        terminal.wait(lambda lines: "left to confirm" not in lines[2], "confirmed")
        config = lab.axp.config.read_text(encoding="utf-8")
        lab.axp.config.write_text(config.replace("name: rtp", "name: voice"), encoding="utf-8")
        lab.axp.ok("reload")
        terminal.wait(lambda lines: row(lines, "voice") and not row(lines, "rtp"), "the new service, not the old")
        lab.axp.ok("unload", "--all")
        terminal.shows("instance default is not loaded")
        assert "SERVICE" not in terminal.text()
        lab.axp.ok("load", "eth0")
        terminal.shows("voice")
        terminal.press("q")
        assert terminal.ended() == 0
