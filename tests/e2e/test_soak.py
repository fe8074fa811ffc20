# SPDX-License-Identifier: GPL-2.0-or-later
"""The short form of tools/soak (docs/soak.md), and what it would notice: its rules, and mistakes made on purpose."""

import collections
import importlib.util
import json
import signal
import subprocess
import sys

import pytest

from lab import ROOT, die_with_parent, run

SOAK = ROOT / "tests" / "soak"


def load(name):
    spec = importlib.util.spec_from_file_location(f"soak_{name}", SOAK / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


rules = load("judge")
Frame = collections.namedtuple("Frame", "role numbered counted")


def test_a_minute(tmp_path):
    report = tmp_path / "report.json"
    result = run(sys.executable, SOAK / "soak.py", "--minutes", 0.33, "--round", 7, "--pps", 2000, "--seed", 7,
                 "--output", report, check=False, timeout=600)
    figures = json.loads(report.read_text(encoding="utf-8"))
    assert figures["wrong"] == {}, result.stdout
    assert result.returncode == 0 and figures["held"], result.stdout + result.stderr
    assert figures["ended"] and figures["rounds"] >= 1
    assert figures["packets"]["sent"] > figures["packets"]["arrived"] > 1000
    for what in ("wild whole", "proof whole", "handshake", "scrape", "news record"):
        assert figures["done"].get(what), figures["done"]


def test_mistakes_are_noticed(tmp_path):
    """Each on purpose; and a run that is told to end judges what it has seen."""
    report = tmp_path / "report.json"
    mistakes = "fd,held,pin,process,loss,leak"
    process = subprocess.Popen([sys.executable, SOAK / "soak.py", "--minutes", "30", "--round", "1", "--pps", "1000",
                                "--seed", "3", "--output", report, "--sabotage", mistakes], text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, preexec_fn=die_with_parent)
    try:
        line = process.stdout.readline()
        assert "round 1: " in line and "NOT AS IT SHOULD BE" in line, line
        process.send_signal(signal.SIGTERM)
        out = process.communicate(timeout=180)[0]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1, out
    assert "soak: interrupted after" in out and out.endswith("NOT all held\n"), out
    wrong = json.loads(report.read_text(encoding="utf-8"))["wrong"]
    texts = {kind: " ".join(known["texts"]) for kind, known in wrong.items()}
    assert "(always)" in texts["lost"] and "(never)" in texts["let in"]
    assert "x map leak (" in texts["objects"]                # pinned
    assert "x map - (array, 1)" in texts["objects"]          # held by a process
    assert "x sleep" in texts["processes"]
    assert "stand-in.0 /dev/null" in texts["fds"]
    assert "map - (array, 1)" in texts["left"]               # outlived all that was taken down
    assert set(wrong) <= {"lost", "let in", "counters", "objects", "processes", "fds", "left"}, texts


# -- the rules ---------------------------------------------------------------------------------------

KIB = 1024


@pytest.mark.parametrize("steady, series", [
    (True, [1000] * 36),
    (True, list(range(100, 1300, 100)) + [1200, 1210, 1190] * 8),   # warm-up
    (True, [1000] * 20 + [3000] + [1000] * 15),                     # a peak that goes
    (False, [1000 + 9 * n for n in range(36)]),                     # a leak
    (False, [1000] * 24 + [1100] * 12),                             # a step that stays
    (False, [1000] * 35 + [1100]),                                  # its end
    (True, [1000, 5000, 9000, 9999]),                               # too short to say
    (True, [1000, 1200, 1400, 1600, 1800, 2000]),                   # may still be warm-up
    (False, [1000, 2000, 3000, 4000, 5000, 6000]),
])
def test_what_is_steady(steady, series):
    judge = rules.Judge()
    samples = [{"processes": {"run": {"anonymous": v * KIB, "rss": 0}}, "kernel_memory": 0, "disk": 0} for v in series]
    rules.judge_series(judge, samples)
    assert judge.held == steady, judge.lines()


@pytest.mark.parametrize("field", ["kernel_memory", "disk", "rss"])
def test_every_series_is_judged(field):
    judge = rules.Judge()
    samples = []
    for n in range(9):
        sample = {"processes": {"run": {"anonymous": 0, "rss": 0}}, "kernel_memory": 0, "disk": 0}
        (sample["processes"]["run"] if field == "rss" else sample)[field] = n * 1024 * KIB
        samples.append(sample)
    rules.judge_series(judge, samples)
    assert list(judge.kinds) == ["memory" if field == "rss" else field.replace("_", " ")]


@pytest.mark.parametrize("role, sent, received, gaps, opened, lossy, wrong", [
    ("always", 9, 9, 0, False, False, []),
    ("always", 9, 8, 1, True, False, ["lost"]),
    ("always", 9, 9, 1, False, False, ["lost"]),   # one lost, another came twice
    ("always", 9, 8, 1, False, True, []),
    ("open", 9, 8, 0, False, False, ["lost"]),
    ("never", 9, 0, 0, False, False, []),
    ("never", 9, 1, 0, False, False, ["let in"]),
    ("never", 9, 9, 0, True, False, []),
    ("maybe", 9, 4, 4, False, False, []),
])
def test_what_packets_may_do(role, sent, received, gaps, opened, lossy, wrong):
    judge = rules.Judge()
    rules.judge_traffic(judge, "x", [(Frame(role, True, ()), sent, received, gaps)], opened, lossy)
    assert list(judge.kinds) == wrong


def test_counters_must_be_exact():
    def counter(n, service="rtp"):
        return {"direction": "in", "family": "ipv4", "service": service, "verdict": "drop", "reason": "unlisted",
                "packets": n}
    since = [(Frame("never", True, ("ipv4", "rtp", "drop", "unlisted")), 5, 0, 0)] * 2
    for after, held in ((110, True), (111, False), (109, False)):
        judge = rules.Judge()
        rules.judge_counters(judge, "x", since, [counter(100)], [counter(after), counter(7, "sip")])
        assert judge.held == held, after


def test_objects_of_the_kernel():
    base = collections.Counter({"map a": 2, rules.PAGE: 4})
    for change, held in (({}, True), ({"map a": 1}, False), ({"link xdp": 1}, False), ({"map a": -1}, False),
                         ({rules.PAGE: rules.PAGES_KEPT}, True), ({rules.PAGE: rules.PAGES_KEPT + 1}, False)):
        judge = rules.Judge()
        now = collections.Counter(base)
        now.update(change)
        rules.judge_objects(judge, "x", base, now, 1)
        assert judge.held == held, change


def test_no_more_than_before():
    base = collections.Counter(a=2, b=1)
    for found, held in (({"a": 2, "b": 1}, True), ({"a": 1}, True), ({"a": 3}, False), ({"c": 1}, False)):
        judge = rules.Judge()
        rules.judge_no_more(judge, "fds", "x", base, collections.Counter(found))
        assert judge.held == held, found


def test_a_log_that_says_too_much():
    most = rules.LOG_LINES + 40
    for said, held in (({"a": most - 1, "b": 1}, True), ({"a": most, "b": 1}, False), ({"cannot read N": 1}, False)):
        judge = rules.Judge()
        rules.judge_log(judge, "run", said, 40 // rules.LOG_EACH)
        assert judge.held == held
