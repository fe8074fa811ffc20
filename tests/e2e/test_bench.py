# SPDX-License-Identifier: GPL-2.0-or-later
"""tools/bench at its smallest: are its counts exact, and is all in its CSV? Nothing here looks at how fast it was."""

import csv
import ipaddress
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lab import ROOT, run, wait_for

sys.path.insert(0, str(ROOT / "tests" / "bench"))

import filters  # noqa: E402
import packets  # noqa: E402
import place  # noqa: E402
import report  # noqa: E402
import results  # noqa: E402

BENCH = ROOT / "tools" / "bench"
BESIDE = [n for n in filters.RIVALS if not filters.ALL[n].missing()]
OPERATIONS = {"load", "replace all", "replace 10", "add one", "remove one"}


def bench(*args):
    return run(BENCH, *args, check=False, timeout=300, env={**os.environ, "MAKEFLAGS": ""})


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The CSV of a run as short as can be."""
    out = tmp_path_factory.mktemp("bench")
    result = bench("--sizes", "40", "--runs", "2", "--ms", "1", "--sources", "4096", "--only", "path,ns,apply",
                   "--beside", ",".join(BESIDE) or "none", "--out", out)
    if "Linux 5.18 or newer is needed" in result.stderr:
        pytest.skip("this kernel cannot send live frames")
    assert result.returncode == 0, result.stderr
    return out / "results.csv", result


@pytest.fixture(scope="module")
def rows(measured):
    with open(measured[0], encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def test_every_packet_is_accounted_for(rows):
    """Unlisted sources and near misses: all dropped; listed sources and the unguarded port: all passed."""
    path = [r for r in rows if r["part"] == "path"]
    assert {r["exact"] for r in path} == {"yes"}, [r for r in path if r["exact"] != "yes"]
    cells = {(r["family"], r["scenario"], r["filter"]) for r in path}
    assert len(cells) == len(path)
    for family in "46":
        for scenario in ("miss", "near"):
            assert {c[2] for c in cells if c[:2] == (family, scenario)} == {"empty", "allowxdp", *BESIDE}
        assert {c[2] for c in cells if c[:2] == (family, "hit")} == {"pass", "none", "allowxdp", *BESIDE}
        assert {c[2] for c in cells if c[:2] == (family, "unguarded")} == {"pass", "none", "allowxdp", *BESIDE} - \
            {"xdp-filter"}


def test_the_csv_has_all_columns_in_order_and_sense(measured, rows):
    assert list(rows[0]) == results.FIELDS
    for r in rows:
        assert float(r["min"]) <= float(r["median"]) <= float(r["max"]), r
        assert float(r["min"]) > 0 or r["part"] == "ns"  # what is added to an empty program, in a noisy moment
        assert r["runs"] == "2" and r["prefixes"] == "40"
        assert r["unit"] == {"path": "ns", "ns": "ns"}.get(r["part"], r["unit"])
        if r["part"] == "path":
            assert 0 < float(r["share_min"]) <= float(r["share"]) <= float(r["share_max"]), r
            assert float(r["total"]) > float(r["min"])  # each round's is more than its own receiving part
        if r["part"] == "path" and r["filter"] in ("empty", "pass"):
            assert float(r["share"]) == 1
    about, read = results.load(measured[0])
    assert {"date", "commit", "kernel", "cpu", "lists", "noise"} <= set(about)
    assert [[r.text(f) for f in results.FIELDS] for r in read] == [list(r.values()) for r in rows]


def test_programs_and_applying_are_in_it(rows):
    ns = {(r["family"], r["scenario"], r["filter"]) for r in rows if r["part"] == "ns"}
    assert ns == {(f, s, n) for f in "46" for s in packets.SCENARIOS for n in ("empty", "allowxdp")}
    mine = {r["scenario"] for r in rows if (r["part"], r["filter"], r["unit"]) == ("apply", "allowxdp", "ms")}
    assert mine == OPERATIONS
    memory = {r["scenario"]: float(r["median"]) for r in rows
              if (r["part"], r["filter"], r["unit"]) == ("apply", "allowxdp", "MiB")}
    assert {f"{o}: peak memory" for o in OPERATIONS} <= set(memory)
    assert memory["maps after load, bpftool"] > 1


def test_the_tables_can_be_made_again(measured, tmp_path, monkeypatch):
    path, result = measured
    again = bench("--report", path)
    assert again.returncode == 0, again.stderr
    assert again.stdout == result.stdout
    assert "| allowxdp" in again.stdout
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    monkeypatch.setattr(report, "PAGE", page)
    report.write_page(*results.load(path))
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert result.stdout.strip() in text


def test_a_packet_too_many_or_with_the_wrong_verdict_is_noticed(measured, tmp_path):
    """The check that all of the above rests on."""
    del measured  # has built what is needed
    listed = tmp_path / "list"
    listed.write_text("198.51.100.0/25\n", encoding="ascii")
    made = place.Place("account", tmp_path)
    engine = place.Engine(4, sources=4096)
    try:
        target = filters.Nothing(made, 4, listed)
        engine.use(listed)
        engine.ask("sources", "near", 1)
        engine.ask("packet", 5060, 64)
        account = packets.Account(target)
        account.sent = engine.send(made, 1000).packets
        assert account.wrong(True) == ""
        account.sent += 1
        assert account.wrong(True, patience=0) == "of 1001 sent 1000 arrived, 1000 passed in place of 1001"
        account.sent -= 1
        target.drops = True
        assert account.wrong(False, patience=0) == "of 1000 sent 1000 arrived, 1000 passed in place of 0"
    finally:
        engine.close()
        made.close()


def test_lists_are_the_same_each_time_and_as_described(measured):
    del measured
    for family, host, share in (("4", 32, 0.6), ("6", 128, 0.4)):
        lines = run(place.MEASURE, "list", family, 3000, 7).stdout.split()
        assert lines == run(place.MEASURE, "list", family, 3000, 7).stdout.split()
        assert lines != run(place.MEASURE, "list", family, 3000, 8).stdout.split()
        networks = [ipaddress.ip_network(line) for line in lines]
        assert len(networks) == 3000
        assert len(list(ipaddress.collapse_addresses(networks))) > 2990  # neighbours may join, none lies within another
        assert all(a.broadcast_address < b.network_address for a, b in zip(networks, networks[1:]))
        assert abs(sum(n.prefixlen == host for n in networks) / 3000 - share) < 0.05


def test_a_list_of_ones_own(measured, tmp_path):
    """Prefixes and labels of a file; it has no near misses, so that scenario is left out, and said so."""
    del measured
    listed = tmp_path / "own.list"
    listed.write_text("# mine\n198.51.100.0/24 # a\n203.0.113.0/24\n", encoding="ascii")
    result = bench("--list", listed, "--families", "4", "--scenarios", "miss,near,hit", "--sizes", "10", "--runs", "1",
                   "--ms", "1", "--sources", "4096", "--only", "path", "--beside", "none", "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "near: left out: the list has no such sources" in result.stderr
    _, read = results.load(tmp_path / "out" / "results.csv")
    assert {r.prefixes for r in read} == {2}
    assert {r.scenario for r in read} == {"miss", "hit"}
    listed.write_text("198.51.100.0/23\n198.51.100.1/24\n", encoding="ascii")
    result = bench("--list", listed, "--families", "4", "--only", "path", "--beside", "none", "--out", tmp_path / "out")
    assert result.returncode == 1
    assert f"{listed}:2: " in result.stderr


@pytest.mark.parametrize("args, said", [
    (["--sizes", "ten"], "'ten' is not a whole number"),
    (["--sizes", "1000001"], "'1000001' is not a whole number from 1 to 1000000"),
    (["--only", "lunch"], "there is no part 'lunch'"),
    (["--beside", "pf"], "there is no filter 'pf'"),
    (["--families", "5"], "there is no family '5'"),
    (["--sources", "1000"], "1000 is not a power of two"),
    (["--quick", "--full"], "not allowed with"),
    (["--speed"], "--speed"),
])
def test_bad_arguments_are_refused(args, said):
    result = bench(*args)
    assert result.returncode == 2
    assert result.stdout == ""
    line, = result.stderr.splitlines()
    assert line.startswith("tools/bench: ") and said in line, line


def test_it_cleans_up_when_told_to_end(measured, tmp_path):
    del measured
    process = subprocess.Popen([BENCH, "--sizes", "10", "--ms", "1000", "--runs", "50", "--only", "path", "--beside",
                                "none", "--out", tmp_path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    mine = f"axp{process.pid}-"
    try:
        wait_for(lambda: f"{mine}b-allowxdp-net" in os.listdir("/run/netns"), "it has begun", 60)
        process.terminate()
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.wait()
    assert not [n for n in os.listdir("/run/netns") if n.startswith(mine)]
    assert f"allowxdp-test-{process.pid} " not in Path("/proc/self/mounts").read_text(encoding="utf-8")
    assert not list(Path(tempfile.gettempdir()).glob(f"{mine}*"))
