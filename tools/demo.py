# SPDX-License-Identifier: GPL-2.0-or-later
"""The demonstration; tools/demo sets up, builds, and runs this."""

import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "e2e"))
# pylint: disable=wrong-import-position
from lab import (EXOTEL_MUMBAI, FRESHCHAT_AU, FRESHCHAT_EU, FRESHCHAT_IN, FRESHCHAT_US, HOST4, HOST6,
                 OFFICE4, OFFICE6, STRANGER4, STRANGER6, Lab, run, sweep, wait_for)  # noqa: E402
from programs import (HOST_MEDIA_PORT, RTP_PACKETS, Pki, call, curl, start_nginx, start_sip_server,
                      svmap)  # noqa: E402

CONFIG = """\
mode: monitor                  # count what would be dropped, drop nothing
interfaces: [eth0]
include: [freshchat-us, freshchat-eu, freshchat-in, freshchat-au, exotel-vsip-mumbai]
services:
  - name: https                # webhooks, and the office
    ports: [tcp/443]
    allow: [freshchat-us, freshchat-eu, freshchat-in, freshchat-au, office]
  - name: exotel-mumbai-sip    # the profile has the guide's ports; these are our PBX's
    ports: [udp/5060, tcp/5060-5061]
lists:
  - name: office
    prefixes: ["2001:db8:7::/48 # head office"]
"""
SIP, RTP = "exotel-mumbai-sip", "exotel-mumbai-rtp"

BOLD, PLAIN = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
INJECTED = 20


class Demo:
    def __init__(self):
        self.lab = Lab()
        self.axp = self.lab.axp
        self.pki = Pki(self.lab.directory)
        self.started = time.monotonic()
        self.counters = []
        self.expectations = 0
        self.disappointments = []

    def heading(self, text):
        print(f"\n{BOLD}== {text}{PLAIN}", flush=True)

    def say(self, who, command, output):
        print(f"{BOLD}{who}${PLAIN} {command}")
        for line in output.splitlines():
            print(f"    {line}")
        sys.stdout.flush()

    def expect(self, what, true):
        self.expectations += 1
        print(f"  {'ok' if true else 'NOT AS EXPECTED'}: {what}", flush=True)
        if not true:
            self.disappointments.append(what)

    def host(self, *arguments, status=0):
        """allowxdp in the host."""
        result = self.axp(*arguments)
        self.say("host", shlex.join(["allowxdp", *arguments]), result.stdout + result.stderr)
        if result.returncode != status:
            self.expect(f"exit status {status}, got {result.returncode}", False)
        return result

    def webhook(self, source, served, destination=HOST4, why=""):
        result = curl(self.lab, self.pki, source, destination, connect_timeout=10 if served else 1.5)
        self.say(source, "curl https://voice.example.test/webhook", result.stdout + result.stderr)
        outcome = "served" if served else "no answer"
        self.expect(f"{outcome}{why}", (result.returncode == 0) == served
                    and (served or result.returncode == 28))

    def count(self, **match):
        return self.axp.count(**match)

    # -- the story --------------------------------------------------------------------------------

    def run(self):
        self.scene()
        self.monitor()
        self.enforce()
        self.webhooks()
        self.calls()
        self.changes()
        self.left_alone()
        self.metrics()
        self.verdicts()
        self.unload()

    def scene(self):
        self.heading("The scene")
        print(f"A host with eth0 ({HOST4}, {HOST6}) runs nginx (TLS) and a SIP server. On the other\n"
              "side of eth0 is the net, with real addresses of providers and some of nobody we know.\n"
              "Both are network namespaces of this machine, joined by a veth pair.")
        start_nginx(self.lab, self.pki)
        start_sip_server(self.lab)
        self.axp.write(CONFIG)
        self.say("host", "cat /etc/allowxdp/allowxdp.yaml", CONFIG)
        self.host("profile", "list")

    def monitor(self):
        self.heading("First look, drop nothing: monitor mode")
        self.host("load", "eth0")
        self.webhook(STRANGER4, True, why=", though on no list: in monitor mode all passes")
        self.host("stats")
        self.expect("what would have been dropped is counted with its reason",
                    self.count(service="https", verdict="pass", reason="unlisted") > 0)

    def enforce(self):
        self.heading("Enforce: refused while a service would drop everyone")
        self.host("mode", "enforce", status=1)
        self.host("add", "exotel-mumbai-signalling", EXOTEL_MUMBAI, "--label",
                  "pstn.in2.exotel.com, looked up today")
        self.host("mode", "enforce")

    def webhooks(self):
        self.heading("Webhooks over TLS: Freshchat's addresses, and others")
        for source, region in ((FRESHCHAT_US, "US"), (FRESHCHAT_EU, "EU"), (FRESHCHAT_IN, "IN"),
                               (FRESHCHAT_AU, "AU")):
            self.webhook(source, True, why=f": Freshchat {region}")
        self.webhook(OFFICE6, True, HOST6, ": the office, over IPv6")
        self.webhook(STRANGER4, False, why=": on no list")
        self.webhook(STRANGER6, False, HOST6, ": on no list, over IPv6")
        self.webhook(EXOTEL_MUMBAI, False, why=": listed, but for SIP and RTP")
        self.host("check", STRANGER4, "tcp/443", status=3)
        self.host("check", FRESHCHAT_IN, "tcp/443")

    def calls(self):
        self.heading("A call from Exotel Mumbai with RTP both ways; a scanner; RTP injection")
        self.call()
        found = svmap(self.lab, STRANGER4)
        self.say(STRANGER4, f"svmap {HOST4}", found)
        self.expect("the scanner finds nothing", "found nothing" in found and f"{HOST4}:5060" not in found)
        with self.lab.net.udp(STRANGER4) as stranger:
            for _ in range(INJECTED):
                stranger.sendto(b"\x80\x08 noise for the caller's ear", (HOST4, HOST_MEDIA_PORT))
        self.say(STRANGER4, f"# sends {INJECTED} RTP packets to udp/{HOST_MEDIA_PORT}", "")
        self.expect("each of them is dropped", wait_for(
            lambda: self.count(service=RTP, verdict="drop", reason="unlisted") == INJECTED, "the drops"))

    def call(self, meanwhile=lambda: None):
        echoed = self.lab.net.tap()
        port = HOST_MEDIA_PORT.to_bytes(2, "big")
        print(f"{BOLD}{EXOTEL_MUMBAI}${PLAIN} sipp {HOST4}:5060 -sf call.xml"
              "    # INVITE, a second of RTP, BYE", flush=True)
        meanwhile()
        result = call(self.lab, EXOTEL_MUMBAI)
        back = sum(f[12:14] == b"\x08\x00" and f[34:36] == port for f in echoed.read())
        echoed.close()
        self.expect(f"the call completed, {back} of {RTP_PACKETS} RTP packets came back",
                    result.returncode == 0 and back == RTP_PACKETS)

    def changes(self):
        self.heading("Lists change while calls run")
        commands = [("add", "office", "203.0.113.0/24", "--label", "branch office"), ("reload",),
                    ("remove", "office", "203.0.113.0/24")]
        running = None

        def start():
            nonlocal running
            script = "\n".join(shlex.join(self.axp.argv(*c)) for c in commands * 20)
            running = subprocess.Popen(["sh", "-e"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                       text=True, env=self.axp.env)
            self.lab.processes.append(running)
            running.stdin.write(f"sleep 0.3\n{script}\n")
            running.stdin.close()
            print(f"{BOLD}host${PLAIN} # meanwhile: 20 times allowxdp add, reload, remove", flush=True)
        self.call(start)
        self.expect("all commands succeeded", running.wait(60) == 0)

        self.webhook(OFFICE4, False, why=": not on a list yet")
        self.host("add", "office", "203.0.113.0/24", "--label", "branch office")
        self.webhook(OFFICE4, True, why=": at once")
        self.host("remove", "office", "203.0.113.0/24")
        self.webhook(OFFICE4, False, why=": at once as well")

    def left_alone(self):
        self.heading("Everything else on the machine is left alone")
        with self.lab.host.inside():
            server = socket.create_server((HOST4, 22))
        with server, self.lab.net.inside():
            client = socket.create_connection((HOST4, 22), 5, source_address=(STRANGER4, 0))
            client.close()
        self.say(STRANGER4, f"# connects to {HOST4} tcp/22", "")
        self.expect("SSH's port, which no service guards, is reached from anywhere", True)
        for ns in (self.lab.host, self.lab.net):
            ns.run("ip", "neigh", "flush", "all")
        ping = self.lab.net.run("ping", "-c", 2, "-i", 0.2, "-I", STRANGER4, HOST4, check=False)
        self.say(STRANGER4, f"ping -c 2 {HOST4}    # after `ip neigh flush all` on both sides",
                 ping.stdout.splitlines()[-2])
        self.expect("ping and ARP work", " 0% packet loss" in ping.stdout)

    def metrics(self):
        self.heading("For the dashboard")
        text = self.axp.ok("metrics")
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True,
                                 timeout=60, check=False)
        self.say("host", "allowxdp metrics | grep unlisted | grep -v ' 0$'", "\n".join(
            line for line in text.splitlines() if "unlisted" in line and not line.endswith(" 0")))
        self.say("host", "allowxdp metrics | promtool check metrics", checked.stdout + checked.stderr)
        self.expect("promtool has nothing to object", checked.returncode == 0 and not checked.stderr)

    def verdicts(self):
        self.heading("Are the figures right?")
        count = self.count
        self.expect("https: providers and the office passed, over IPv4 and IPv6; others were dropped",
                    all(count(service="https", verdict=v, reason=r, family=f) > 0
                        for v, r in (("pass", "listed"), ("drop", "unlisted")) for f in ("ipv4", "ipv6")))
        self.expect("sip: the provider's calls passed, the scanner was dropped",
                    count(service=SIP, verdict="pass", reason="listed") >= 6
                    and count(service=SIP, verdict="drop", reason="unlisted") >= 1)
        self.expect(f"rtp: {2 * RTP_PACKETS} packets of the two calls passed, {INJECTED} were dropped",
                    count(service=RTP, verdict="pass") == 2 * RTP_PACKETS
                    and count(service=RTP, verdict="drop") == INJECTED)
        self.expect("no packet outside the services was dropped",
                    count(service="-", verdict="drop") == 0)
        self.counters = self.axp.counters()

    def unload(self):
        self.heading("The end")
        self.host("unload", "eth0")
        self.expect("no pin and no program is left", not self.axp.pins() and
                    "xdp" not in self.lab.host.run("ip", "link", "show", "eth0").stdout)

    def table(self):
        self.heading("What passed and what was dropped")
        print(f"  {'service':<19}{'family':<8}{'reason':<16}{'passed':>8}{'dropped':>9}")
        rows = {}
        for c in self.counters:
            row = rows.setdefault((c["service"], c["family"], c["reason"]), {"pass": 0, "drop": 0})
            row[c["verdict"]] += c["packets"]
        for (service, family, reason), row in rows.items():
            if row["pass"] or row["drop"]:
                note = "   (passed in monitor mode)" if reason == "unlisted" and row["pass"] else ""
                print(f"  {service:<19}{family:<8}{reason:<16}{row['pass']:>8}{row['drop']:>9}{note}")
        met = self.expectations - len(self.disappointments)
        print(f"\n{met} of {self.expectations} expectations met in {time.monotonic() - self.started:.0f} s")
        for what in self.disappointments:
            print(f"  not met: {what}")


def leftovers(lab):
    """What the demo made and is still there."""
    found = [n for n in run("ip", "netns", "list").stdout.split() if n.startswith(f"{lab.name}-")]
    found += [line for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
              if str(lab.directory) in line]
    found += [str(lab.directory)] * lab.directory.exists()
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if str(link.readlink()).startswith(str(lab.directory)):
                found.append(f"process {link.parent.name}")
        except OSError:
            pass
    return found


def main():
    def stop(signum, frame):
        raise SystemExit(128 + signum)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, stop)
    sweep()
    demo = Demo()
    try:
        demo.run()
    finally:
        demo.lab.close()
    demo.expect("nothing is left behind: no namespace, mount, process or directory",
                not leftovers(demo.lab))
    demo.table()
    return 1 if demo.disappointments else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
