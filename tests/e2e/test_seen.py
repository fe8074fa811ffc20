# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets as watch shows them and as capture keeps them."""

import json
import time

from lab import HOST4, OFFICE4, STRANGER4, lasting, run

PORT = 20000  # of service rtp


def send(lab, source, n):
    client = lab.net.udp(source)
    for _ in range(n):
        client.sendto(b"x" * 32, (HOST4, PORT))
    port = client.getsockname()[1]
    client.close()
    return port


def test_watch_shows_each_drop(shared):
    process = shared.axp.start("watch", "--json", "--count", "3", "--duration", f"{lasting(20)}s")
    time.sleep(lasting(1))
    sport = send(shared, STRANGER4, 3)
    send(shared, OFFICE4, 2)
    out, err = process.communicate(timeout=lasting(30))
    assert process.returncode == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    drops = [line for line in lines if line.get("reason") == "unlisted"]
    assert len(drops) == 3
    for d in drops:
        assert STRANGER4 in json.dumps(d) and str(PORT) in json.dumps(d) and str(sport) in json.dumps(d)
        assert OFFICE4 not in json.dumps(d)


def test_capture_is_read_with_its_comments(shared, tmp_path):
    file = tmp_path / "drops.pcapng"
    process = shared.axp.start("capture", "-w", file, "--both", "--service", "rtp", "--count", "5", "--duration", f"{lasting(20)}s")
    time.sleep(lasting(1))
    send(shared, STRANGER4, 3)
    send(shared, OFFICE4, 2)
    _, err = process.communicate(timeout=lasting(30))
    assert process.returncode == 0, err
    out = run("tshark", "-r", file, "-T", "fields", "-e", "ip.src", "-e", "udp.dstport", "-e", "frame.comment").stdout
    rows = [line.split("\t") for line in out.splitlines()]
    assert [r[0] for r in rows].count(STRANGER4) == 3 and [r[0] for r in rows].count(OFFICE4) == 2
    for source, port, comment in rows:
        assert port == str(PORT)
        assert ("unlisted" if source == STRANGER4 else "listed") in comment
    assert run("tcpdump", "-nr", file).stdout.count(STRANGER4) == 3


def test_file_that_is_there_is_not_overwritten(shared, tmp_path):
    file = tmp_path / "there.pcapng"
    file.write_text("precious", encoding="ascii")
    line = shared.axp.fails("capture", "-w", str(file), "--count", "1")
    assert str(file) in line and "--force" in line
    assert file.read_text(encoding="ascii") == "precious"
