# SPDX-License-Identifier: GPL-2.0-or-later
"""`allowxdp init`: finds what listens, writes a config that loads and filters as it says, and overwrites nothing."""

import json

import pytest

import programs
from frames import tcp, udp
from lab import EXOTEL_MUMBAI, FRESHCHAT_IN, OFFICE4, PROFILES, STRANGER4, wait_for
from lab3 import View
from terminal import Terminal

# A process of that name which listens there, until the lab ends.
LISTENER = """
import ctypes, socket, sys, time
ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0)
kept = []
for at in sys.argv[2:]:
    protocol, address, port = at.rsplit(",", 2)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, int(port)))
    if protocol == "tcp":
        s.listen()
    kept.append(s)
print("ready", flush=True)
time.sleep(600)
"""


def listen(lab, program, *at):
    process = lab.popen(lab.host, "/usr/bin/python3", "-c", LISTENER, program, *at, stdout=-1)
    assert process.stdout.readline() == b"ready\n"


@pytest.fixture
def fresh(lab):
    lab.axp.env["ALLOWXDP_PROFILE_DIR"] = str(PROFILES)
    return lab


def services(config):
    """name: (ports, allow), of a config as init writes it."""
    found, name = {}, None
    for line in config.splitlines():
        if line.startswith("lists:"):
            break
        key, _, value = line.strip().lstrip("- ").partition(": ")
        if key == "name":
            name = value
            found[name] = ([], [])
        elif name and key in ("ports", "allow"):
            found[name][key == "allow"][:] = value.strip("[]").split(", ")
    return found


def files(lab):
    return sorted(p.name for p in lab.axp.etc.iterdir())


def test_finds_what_listens_and_loads(fresh, pki):
    lab = fresh
    programs.start_nginx(lab, pki)
    listen(lab, "kamailio", "udp,0.0.0.0,5060", "tcp,::,5061", "udp,192.0.2.10,5080")
    listen(lab, "rtpengine", "udp,0.0.0.0,30010", "tcp,127.0.0.1,8443")
    listen(lab, "sshd", "tcp,0.0.0.0,22")
    listen(lab, "turnserver", "udp,0.0.0.0,3478")
    said = lab.axp.ok("init", "--office", f"{OFFICE4}/32 # it's the head office")
    text = lab.axp.config.read_text(encoding="utf-8")
    assert services(text) == {
        "https": (["tcp/443"], ["webhooks", "office"]),
        "sip": (["udp/5060", "tcp/5060-5061", "udp/5080"], ["sip-providers", "office"]),
        "rtp": (["udp/30000-40000"], ["media-providers", "office"]),
        "turn": (["udp/3478", "tcp/3478", "tcp/5349"], ["turn-clients", "office"]),
    }
    lines = {" ".join(line.lstrip("# ").split()) for line in text.splitlines()}
    assert {"tcp/443 nginx service https", "udp/5060 kamailio service sip", "tcp/5061 kamailio service sip",
            "udp/5080 kamailio service sip", "udp/30010 rtpengine service rtp", "udp/3478 turnserver service turn",
            "tcp/22 sshd not guarded"} <= lines
    assert "8443" not in text  # of a loopback address
    assert f"{lab.axp.config}: written, mode monitor" in said and "service sip: udp/5060" in said
    assert lab.axp.config.stat().st_mode & 0o777 == 0o644 and files(lab) == ["allowxdp.yaml"]

    lab.axp.ok("load")
    status = lab.axp.status()
    assert (status["mode"], [i["name"] for i in status["interfaces"]]) == ("monitor", ["eth0"])
    view = View(lab)
    lab.send(udp(lab, STRANGER4, 5060), udp(lab, OFFICE4, 5060), udp(lab, STRANGER4, 30010), tcp(lab, STRANGER4, 443),
             udp(lab, STRANGER4, 29999), tcp(lab, STRANGER4, 22))
    wait_for(lambda: view.count(reason="not-guarded") >= 2, "all are counted")
    for service, reason in (("sip", "unlisted"), ("sip", "listed"), ("rtp", "unlisted")):
        assert view.count(service, "pass", reason) == 1, (service, reason)
    assert view.count("https", "pass", "unlisted") >= 1  # nginx answers, and is told that nobody asked
    # It may be enforced as it is: the office is on every service's lists.
    lab.axp.ok("mode", "enforce")
    assert programs.curl(lab, pki, OFFICE4).returncode == 0
    assert programs.curl(lab, pki, STRANGER4, connect_timeout=1).returncode == 28
    lab.axp.ok("add", "webhooks", STRANGER4)
    assert programs.curl(lab, pki, STRANGER4).returncode == 0


def test_providers_on_the_ports_of_this_host(fresh):
    lab = fresh
    listen(lab, "asterisk", "udp,0.0.0.0,5060", "tcp,0.0.0.0,5038")
    made = lab.axp.json("init", "--provider", "exotel-vsip-mumbai,freshchat-in", "--service", "sip,rtp=udp/20000-20100",
                        "--service", "https=tcp/8443", "--office", OFFICE4)
    assert made["include"] == ["exotel-vsip-mumbai", "freshchat-in"]
    assert {s["name"]: (s["ports"], s["empty"]) for s in made["services"]} == {
        "exotel-mumbai-sip": (["udp/5060", "tcp/5060-5061"], False),
        "exotel-mumbai-rtp": (["udp/20000-20100"], False), "freshchat-in": (["tcp/8443"], False)}
    assert {(f["port"], f["program"], f["service"]) for f in made["found"]} == {
        (5060, "asterisk", "exotel-mumbai-sip"), (5038, "asterisk", None)}
    lab.axp.ok("load")
    for source, port, service, verdict in (
            (EXOTEL_MUMBAI, "udp/20050", "exotel-mumbai-rtp", "pass"), (FRESHCHAT_IN, "tcp/8443", "freshchat-in", "pass"),
            (OFFICE4, "udp/5060", "exotel-mumbai-sip", "pass"), (STRANGER4, "udp/20050", "exotel-mumbai-rtp", "drop"),
            (EXOTEL_MUMBAI, "tcp/8443", "freshchat-in", "drop"), (STRANGER4, "tcp/443", None, "pass")):
        said = json.loads(lab.axp("check", source, port, "--json").stdout)
        assert (said["service"], said["verdict"]) == (service, verdict), (source, port)


def test_what_it_writes_with_any_provider_is_valid(fresh):
    lab = fresh
    names = sorted(p.stem for p in PROFILES.glob("*.yaml"))
    assert len(names) >= 10
    for name in names:
        lab.axp.config.unlink(missing_ok=True)
        lab.axp.ok("init", "--provider", name, "--yes")
        assert name in lab.axp.config.read_text(encoding="utf-8")
        assert lab.axp.json("validate")["mode"] == "monitor", name


def test_nothing_is_overwritten(fresh):
    lab = fresh
    for make in (lambda: lab.axp.config.write_text("mine", encoding="ascii"),
                 lambda: lab.axp.config.symlink_to("nowhere"), lab.axp.config.mkdir):
        make()
        line = lab.axp.fails("init", "--service", "https")
        assert line.startswith(f"allowxdp: {lab.axp.config} is there already") and "--output" in line
        assert files(lab) == ["allowxdp.yaml"]
        if lab.axp.config.is_symlink():
            lab.axp.config.unlink()
        elif lab.axp.config.is_dir():
            lab.axp.config.rmdir()
        else:
            assert lab.axp.config.read_text(encoding="ascii") == "mine"
            lab.axp.config.unlink()
    # Elsewhere, also in a directory that is not there yet.
    other = lab.axp.directory / "new" / "other.yaml"
    lab.axp.ok("init", "--service", "https", "--output", other)
    assert f"allowxdp -c {other} load" in other.read_text(encoding="utf-8")
    lab.axp.ok("-c", other, "load")


def test_dry_run_prints_what_would_be_written(fresh):
    lab = fresh
    options = ["init", "--service", "https,sip", "--service", "api=tcp/9000+udp/9000-9010", "--interface", "eth0"]
    text = lab.axp.ok(*options, "--dry-run")
    assert files(lab) == []
    said = lab.axp.json(*options, "--dry-run")
    assert said["text"] == text and said["dry_run"] is True
    lab.axp.ok(*options)
    assert lab.axp.config.read_text(encoding="utf-8") == text
    assert services(text)["api"] == (["tcp/9000", "udp/9000-9010"], ["api-clients", "office"])
    # What is there is no hindrance to a dry run.
    assert lab.axp.ok(*options, "--dry-run") == text


REFUSED = [
    ([], ["nothing", "--service https,sip,rtp"]),
    (["--service", "gopher"], ["--service", "gopher", "api=tcp/8443"]),
    (["--service", "api=tcp/0"], ["--service", "tcp/0"]),
    (["--service", "api="], ["--service", "not a port"]),
    (["--service", "api=tcp/1+"], ["--service", "not a port"]),
    (["--service", "../x=tcp/1"], ["../x"]),
    (["--service", "sip,sip"], ["sip", "twice"]),
    (["--service", "sip", "--interface", "eth9"], ["eth9", "ip link"]),
    (["--service", "sip", "--provider", "nobody"], ["--provider", "nobody", "profile list"]),
    (["--service", "sip", "--provider", "../etc"], ["--provider", "../etc"]),
    (["--service", "sip", "--office", "10.0.0.1/8"], ["--office", "10.0.0.0/8"]),
    (["--service", "sip", "--office", "voice.example.test"], ["--office", "voice.example.test"]),
]


@pytest.mark.parametrize("options, words", REFUSED)
def test_bad_input(shared, options, words):
    target = shared.axp.directory / "bad.yaml"
    line = shared.axp.fails("init", "--output", target, *options)
    assert all(word in line for word in words), line
    assert not target.exists() and not list(shared.axp.directory.glob(".bad*"))


def test_output_that_is_no_name(fresh):
    for name in ("", "a\nmode: enforce", "\x1b[2J"):
        assert "--output" in fresh.axp.fails("init", "--service", "sip", "--output", name)
        assert "--output" in fresh.axp.fails("init", "--service", "sip", "--output", name, "--dry-run")


def test_usage(shared):
    shared.axp.fails("init", "eth0", status=2)
    shared.axp.fails("init", "--nonsense", status=2)


def test_asks_at_a_terminal(fresh):
    lab = fresh
    listen(lab, "kamailio", "udp,0.0.0.0,5060")
    env = {**lab.axp.env, "SSH_CONNECTION": f"{OFFICE4} 50000 192.0.2.10 22"}
    terminal = Terminal(lab.axp.argv("init"), env)
    try:
        terminal.shows("the one to the Internet [eth0]:")
        terminal.press("eth9\n")
        terminal.shows("there is no interface eth9")
        terminal.press("\n")
        terminal.shows("udp/5060 kamailio: sip")
        terminal.shows("[sip,rtp]:")
        terminal.press("sip, https\n")
        terminal.shows("Providers")
        terminal.press("nobody, freshchat-in\n")
        terminal.shows("there is no profile nobody")
        terminal.press("freshchat-in\n")
        terminal.shows(f"[{OFFICE4} # the SSH session")
        terminal.press("\n")
        terminal.shows("written, mode monitor")
        assert terminal.ended() == 0
    finally:
        terminal.close()
    text = lab.axp.config.read_text(encoding="utf-8")
    assert services(text) == {"freshchat-in": (["tcp/443"], ["freshchat-in", "office"]),
                              "sip": (["udp/5060", "tcp/5060-5061"], ["sip-providers", "office"])}
    lab.axp.ok("load")
    assert lab.axp.json("check", OFFICE4, "udp/5060")["list"] == "office"


def test_no_answer_writes_nothing(fresh):
    terminal = Terminal(fresh.axp.argv("init", "--service", "sip"), fresh.axp.env)
    try:
        terminal.shows("the one to the Internet")
        terminal.press("\x04")
        assert terminal.ended() == 1
        assert "nothing was written" in terminal.text()
    finally:
        terminal.close()
    assert files(fresh) == []


def test_a_directory_that_cannot_be_written_to(fresh):
    assert "/proc/allowxdp.yaml" in fresh.axp.fails("init", "--service", "sip", "--output", "/proc/allowxdp.yaml")
    assert "/proc/no/" in fresh.axp.fails("init", "--service", "sip", "--output", "/proc/no/where/allowxdp.yaml")
