# SPDX-License-Identifier: GPL-2.0-or-later
"""allowxdp learn: who was refused is proposed, scanners are not, and what it prints can be run as it is."""

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest

from frames import tcp, udp
from lab import BINARY, EXOTEL_MUMBAI, GATEWAY4, LISTS, NEIGHBOUR, OFFICE4, STRANGER4, STRANGER6, lasting, wait_for
from programs import RTP_PACKETS, call, start_sip_server, svmap

PHONE, SCANNER, DIALLER = STRANGER4, NEIGHBOUR, GATEWAY4  # svwar goes by the route
ANSWERING = "192.0.2.11"  # an address of the host


def svwar(lab):
    """A scanner that tries extensions of a server that answers: from one port to one port."""
    home = lab.directory / "svwar"
    home.mkdir()
    return lab.net.run("svwar", "-e100-130", "-m", "OPTIONS", "--force", "--maximumtime=1",
                       ANSWERING, check=False,
                       env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})


def run_script(lab, script):
    """What a person does who pastes it into a root shell of the host."""
    env = {**lab.axp.env, "PATH": f"{BINARY.parent}:/usr/bin:/bin"}
    return lab.host.run("sh", "-euc", script, env=env)


def commands(text):
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_a_phone_is_proposed_and_scanners_are_not(lab):
    lab.load(mode="monitor")
    start_sip_server(lab)
    lab.host.ip(f"addr add {ANSWERING}/24 dev eth0")
    start_sip_server(lab, ANSWERING, options=True)
    learn = lab.axp.start("learn", "--watch", "60s")
    lab.processes.append(learn)
    wait_for(lambda: (lab.axp.run_dir / "default" / "watch-0").exists(), "it watches")
    time.sleep(0.3)
    assert call(lab, PHONE).returncode == 0
    with ThreadPoolExecutor() as pool:
        pool.submit(svmap, lab, SCANNER)
        pool.submit(svwar, lab)
    learn.send_signal(signal.SIGINT)
    out, err = learn.communicate(timeout=lasting(30))
    assert (learn.returncode, err) == (0, "")
    lines = commands(out)
    assert [line.split(" --label ")[0] for line in lines] == [f"allowxdp add exotel-sip {PHONE}/32",
                                                              f"allowxdp add exotel-media {PHONE}/32"]
    assert f"{RTP_PACKETS} packets from 1 address" in lines[1]
    apart = out[out.index("# not proposed"):]
    for scanner in (SCANNER, DIALLER):
        assert f"# {scanner}: a scanner's SIP agent at sip: " in apart and "friendly-scanner" in apart
    assert PHONE not in apart
    assert PHONE not in lab.axp.ok("list")  # nothing was added by itself
    run_script(lab, out)
    lab.axp.ok("mode", "enforce")
    assert call(lab, PHONE).returncode == 0
    assert lab.axp.count("rtp", "pass", "listed") == RTP_PACKETS and lab.axp.count(verdict="drop") == 0
    lab.send(udp(lab, SCANNER, 5060), udp(lab, DIALLER, 5060))
    wait_for(lambda: lab.axp.count("sip", "drop", "unlisted") == 2, "scanners are dropped")
    # What is listed by now is not proposed again.
    again = lab.axp.json("learn")
    assert PHONE not in json.dumps(again["proposals"]) and again["left_out"]["listed"] == 2


@pytest.fixture(scope="module")
def refused(shared):
    """Packets that were dropped, and then some that would have been."""
    hosts = [f"198.51.100.{3 + 32 * n}" for n in range(8)]
    sender = shared
    sender.began = datetime.now(timezone.utc).timestamp()
    sender.send(*(udp(sender, h, 20000) for h in hosts), count=4)
    sender.axp.ok("mode", "monitor")
    sender.send(*(udp(sender, h, 20002) for h in hosts), count=2)
    sender.send(udp(sender, "192.0.2.77", 5060), tcp(sender, "192.0.2.77", 5061), count=5)
    sender.send(udp(sender, "192.0.2.78", 5060), count=2)
    sender.send(udp(sender, STRANGER6, 5060), udp(sender, OFFICE4, 5060), udp(sender, EXOTEL_MUMBAI, 5060), count=9)
    sender.send(*(udp(sender, "192.0.2.66", port) for port in range(30000, 30040)))
    sender.send(udp(sender, "192.0.2.67", 5060), udp(sender, "192.0.2.67", 20000), tcp(sender, "192.0.2.67", 443))
    sender.axp.ok("mode", "enforce")
    wait_for(lambda: sender.axp.count(reason="unlisted") == 32 + 16 + 10 + 2 + 9 + 40 + 3, "all are counted")
    return sender


def short(proposals):
    return [(p["service"], p["list"], p["prefix"], p["addresses"], p["packets"], p["dropped"], p["error"])
            for p in proposals]


def test_json_has_exact_figures(refused):
    said = refused.axp.json("learn")
    assert short(said["proposals"]) == [
        ("sip", "exotel-sip", "192.0.2.77/32", 1, 10, 0, 0),
        ("sip", "exotel-sip", f"{STRANGER6}/128", 1, 9, 0, 0),
        ("rtp", "exotel-media", "198.51.100.0/24", 8, 48, 32, 0),
    ]
    sip, _, rtp = said["proposals"]
    assert sorted((p["protocol"], p["port"], p["packets"]) for p in sip["ports"]) == [("tcp", 5061, 5),
                                                                                    ("udp", 5060, 5)]
    assert [(p["port"], p["packets"]) for p in rtp["ports"]] == [(20000, 32), (20002, 16)]
    assert rtp["bytes"] == 48 * len(udp(refused, STRANGER4, 20000))
    first, last = (datetime.fromisoformat(rtp[k].replace("Z", "+00:00")).timestamp() for k in ("first", "last"))
    assert refused.began - 2 <= first <= last <= datetime.now(timezone.utc).timestamp()
    assert [(s["address"], s["why"], s["services"], s["packets"]) for s in said["scanners"]] == [
        ("192.0.2.66", ["many-ports"], ["rtp"], 40),
        ("192.0.2.67", ["many-services"], ["https", "sip", "rtp"], 3)]
    assert said["left_out"] == {"few_packets": 1, "old": 0, "listed": 0, "carved_out": 0}
    assert (said["instance"], said["mode"], said["since"], said["watched"]) == ("default", "enforce", None, None)
    assert refused.axp.json("learn", "--format", "json") == said


def test_options(refused):
    axp = refused.axp
    assert [p["prefix"] for p in axp.json("learn", "sip", "--min-packets", "2")["proposals"]] == [
        "192.0.2.77/32", "192.0.2.78/32", f"{STRANGER6}/128"]
    assert [p["prefix"] for p in axp.json("learn", "--min-packets", "10")["proposals"]] == ["192.0.2.77/32"]
    assert len(axp.json("learn", "rtp", "--min-sources", "9")["proposals"]) == 8
    assert len(axp.json("learn", "rtp", "--widest4", "25", "--min-sources", "4")["proposals"]) == 2
    assert {p["list"] for p in axp.json("learn", "rtp", "--list", "office")["proposals"]} == {"office"}
    assert "which opens too: https, sip" in axp.ok("learn", "rtp", "--list", "office")
    time.sleep(1.1)
    late = axp.json("learn", "--since", "1s")
    assert late["proposals"] == [] and late["scanners"] == [] and late["left_out"]["old"] == 11
    assert len(axp.json("learn", "--since", "1h")["proposals"]) == 3


def test_lines_for_a_list_file(refused, lab):
    """They are what a list file takes; and nothing that strangers sent is in them."""
    out = refused.axp.ok("learn", "rtp", "--format", "list")
    assert [line.split(" # ")[0] for line in commands(out)] == ["198.51.100.0/24"]
    file = lab.directory / "learned.list"
    file.write_text(out, encoding="utf-8")
    lab.axp.write({"lists": {**LISTS, "exotel-media": {"file": file}}})
    lab.axp.ok("validate")
    assert lab.axp("check", "198.51.100.9", "udp/20000").returncode == 0


@pytest.mark.parametrize("arguments, words", [
    (["--format", "xml"], "--format"), (["--json", "--format", "list"], "--json"), (["--since", "1"], "--since"),
    (["--watch", "soon"], "--watch"), (["--min-packets", "0"], "--min-packets"), (["--widest4", "33"], "--widest4"),
    (["--widest6", "x"], "--widest6"), (["--min-sources", "1"], "--min-sources"), (["--list", "office"], "service"),
    (["sip", "rtp"], "rtp"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_bad_arguments(shared, arguments, words):
    assert words in shared.axp.fails("learn", *arguments, status=2)


def test_what_is_not_there(lab):
    assert "not loaded" in lab.axp.fails("learn")
    lab.load()
    assert "no service 'none'" in lab.axp.fails("learn", "none", "--watch", "1h")
    assert "webhooks" in lab.axp.fails("learn", "sip", "--list", "webhooks")
    assert commands(lab.axp.ok("learn")) == []
