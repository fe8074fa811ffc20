# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the guide and the troubleshooting page show is what happens: their commands are run, in the order of the page, in a
lab that is in the state that the page speaks of, and print what the page says they do ("..." stands for any lines;
times, dates and numbers of programs differ).
"""

import re
import shlex
import socket
import threading
import time

import pytest

from lab import FRESHCHAT_IN, HOST4, STRANGER4, wait_for
from manual import PAGES, section, sections
from test_watch import watching

CALLER, PROXY = "198.51.100.40", "203.0.113.7"
FEED = "https://carrier.example/media.txt"
REGISTER = (b"REGISTER sip:pbx SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.40:5060\r\n"
            b"User-Agent: Phone 1.2\r\nContent-Length: 0\r\n\r\n")
SAME = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"), (r"\d{4}-\d\d-\d\d", "DATE"), (r"\d\d:\d\d:\d\d\.\d+", "CLOCK"),
    (r"\b(\d+[dhms])+\b", "DURATION"), (r"program \d+", "program N"), (r"looked at in \d+ s", "looked at in N s"),
    (r"generation \d+", "generation N"),
    # Linux 6.1 cannot be asked.
    (r"note +eth0 driver: driver veth: this kernel does not say .*",
     "ok eth0 driver: driver veth has native XDP, with frames of several buffers"),
    (r"\s+", " "),
]


def transcripts(lines):
    """[(command, [lines that it prints])] of the literal blocks that begin with a prompt."""
    out = []
    for block in re.findall(r"^```\n(.*?)^```", "\n".join(lines) + "\n", re.M | re.S):
        if not block.startswith("# allowxdp "):
            continue
        for line in block.splitlines():
            if line.startswith("# allowxdp "):
                out.append((line[len("# allowxdp "):], []))
            else:
                out[-1][1].append(line)
    return out


def same(line):
    for pattern, word in SAME:
        line = re.sub(pattern, word, line)
    return line.strip()


def agrees(shown, printed):
    """Are these the lines, but for "..."?"""
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(agrees(shown[1:], printed[n:]) for n in range(len(printed) + 1))
    return bool(printed) and same(shown[0]) == same(printed[0]) and agrees(shown[1:], printed[1:])


class Player:
    """Runs what a page shows, in a lab of its own."""

    def __init__(self, lab):
        self.lab, self.axp = lab, lab.axp
        self.feed = self.axp.etc / "media.txt"
        self.hosts(10)
        (self.axp.etc / "lists").mkdir()
        self.webhooks("198.51.100.16 # provider\n")
        lab.net.ip(f"addr add {CALLER}/32 dev lo", f"addr add {PROXY}/32 dev lo")

    def hosts(self, n):
        self.feed.write_text("".join(f"203.0.113.{64 + i}\n" for i in range(n)), encoding="ascii")

    def webhooks(self, text):
        (self.axp.etc / "lists/webhooks.list").write_text(text, encoding="ascii")

    def config(self, change=lambda text: text):
        """The page's own config; its feed is a file here, of addresses for documentation."""
        block = next(b for b in re.findall(r"^```\n(.*?)^```", PAGES["allowxdp-troubleshooting.7"], re.M | re.S)
                     if b.startswith("mode:"))
        text = change(block.replace(FEED, f"file://{self.feed}\n    allow-private: true"))
        self.axp.write(text)

    def printed(self, command):
        result = self.axp(*shlex.split(command))
        text = result.stdout + result.stderr
        for path, shown in ((f"file://{self.feed}", FEED), (str(self.axp.etc), "/etc/allowxdp")):
            text = text.replace(path, shown)
        return [l for l in text.replace(" -c /etc/allowxdp/allowxdp.yaml", "").splitlines()
                if not l.startswith("allowxdp: warning: 1 names and feeds are not kept")]

    def play(self, page, title, before=None):
        """`before`: what happens each time before a command is run; all must be on the page."""
        before = before or {}
        shown = transcripts(section(page, title))
        assert shown, f"{page}, {title}: nothing is shown"
        for command, lines in shown:
            before.get(command, lambda: None)()
            printed = self.printed(command)
            assert agrees(lines, printed), f"{page}, {title}: `allowxdp {command}` prints\n" + "\n".join(printed)
        assert set(before) <= {command for command, _ in shown}

    def knock(self, source=CALLER, times=5):
        """SYNs to port 443, at once forgotten."""
        for _ in range(times):
            with self.lab.net.inside():
                s = socket.socket()
            with s:
                s.bind((source, 0))
                s.setblocking(False)
                s.connect_ex((HOST4, 443))

    def udp(self, source, port, n, payload=bytes(100)):
        with self.lab.net.udp(source, 5060) as s:
            for _ in range(n):
                s.sendto(payload, (HOST4, port))

    def register(self):
        """Four tries to register, as soon as somebody watches."""
        def send():
            wait_for(lambda: any(watching(self.lab)), "it watches")
            time.sleep(0.1)
            self.udp(CALLER, 5060, 4, REGISTER)
        threading.Thread(target=send, daemon=True).start()

    def answered(self):
        """This host asks a provider that is not listed, who answers."""
        with self.lab.host.udp(HOST4, 5060) as here, self.lab.net.udp(STRANGER4, 5060) as there:
            here.sendto(b"REGISTER", (STRANGER4, 5060))
            assert there.recv(100) == b"REGISTER"
            there.sendto(b"200 OK", (HOST4, 5060))
            assert here.recv(100) == b"200 OK"


@pytest.fixture
def player(lab):
    return Player(lab)


@pytest.fixture
def loaded(player):
    player.config()
    player.axp.ok("fetch", "--from-config")
    player.axp.ok("load", "eth0")
    return player


TROUBLE = "allowxdp-troubleshooting.7"


def test_first_questions(loaded):
    loaded.play(TROUBLE, "FIRST QUESTIONS")


def test_webhooks(loaded):
    loaded.knock()
    loaded.play(TROUBLE, "WEBHOOKS NOT RECEIVED")


def test_one_way_audio(loaded):
    loaded.udp(PROXY, 5060, 4)
    loaded.udp(PROXY, 12000, 50)

    def allow():
        loaded.config(lambda text: text.replace("[media, office]", "[media, trunk, office]"))
    loaded.play(TROUBLE, "ONE-WAY AUDIO", {"reload --confirm 2m": allow})


def test_locked_out(loaded):
    def guard_ssh():
        loaded.axp.env["SSH_CONNECTION"] = f"{CALLER} 50000 {HOST4} 22"
        loaded.config(lambda text: text.replace("services:\n", "services:\n  - name: ssh\n    ports: [tcp/22]\n"
                                                "    allow: [office]\n"))
    loaded.axp.ok("reload", "--confirm", "2m")
    loaded.play(TROUBLE, "LOCKED OUT", {"reload": guard_ssh})


def test_sip_registration(loaded):
    def guard_out():
        loaded.config(lambda text: text.replace("services:\n", "services:\n  - name: carrier-out\n"
                                                "    direction: out\n    ports: [udp/5060]\n    allow: [trunk]\n"))
        loaded.axp.ok("reload")

    loaded.play(TROUBLE, "SIP REGISTRATION FAILS", {
        "watch --service sip --duration 3s": loaded.register,
        "learn sip --watch 3s": loaded.register,
        "stats": loaded.answered,
        f"check {STRANGER4} udp/5060 --out": guard_out,
    })


def test_changed_addresses(loaded):
    hosts = iter((11, 1))
    loaded.webhooks("198.51.100.40 # provider, since 2026-11-21\n")
    loaded.play(TROUBLE, "DROPS AFTER A PROVIDER CHANGED ADDRESSES", {"fetch": lambda: loaded.hosts(next(hosts))})
    assert next(hosts, None) is None


GUIDE = "allowxdp-guide.7"


def test_guide(player):
    def listed_and_not():
        player.knock()
        player.knock(FRESHCHAT_IN, 1)

    before = {"stats": listed_and_not}
    shown = [title for title, lines in sections(GUIDE).items() if transcripts(lines)]
    assert [title[0] for title in shown] == ["1", "2", "3", "4", "5", "8"]
    for title in shown:
        player.play(GUIDE, title, before if title.startswith("4") else None)
