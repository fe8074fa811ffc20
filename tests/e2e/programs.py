# SPDX-License-Identifier: GPL-2.0-or-later
"""Real programs for the lab: nginx and curl over TLS, SIPp calls with RTP, svmap."""

import functools
import re
import socket
import struct
from pathlib import Path

from lab import GATEWAY4, HOST4, run, wait_for

NAME = "voice.example.test"


class Pki:
    """A throw-away CA and a server certificate."""

    def __init__(self, directory):
        d = Path(directory)
        self.ca, self.certificate, self.key = d / "ca.pem", d / "server.pem", d / "server.key"
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        run("openssl", "req", "-x509", *curve, "-days", 2, "-subj", "/CN=allowxdp test CA",
            "-keyout", d / "ca.key", "-out", self.ca)
        run("openssl", "req", *curve, "-subj", f"/CN={NAME}", "-keyout", self.key,
            "-out", d / "server.csr")
        (d / "san").write_text(f"subjectAltName=DNS:{NAME},IP:{GATEWAY4}\n", encoding="ascii")
        run("openssl", "x509", "-req", "-in", d / "server.csr", "-CA", self.ca,
            "-CAkey", d / "ca.key", "-CAcreateserial", "-days", 2, "-extfile", d / "san",
            "-out", self.certificate)


def nginx(lab, namespace, d, pki, http, server):
    """nginx with TLS on port 443, and these lines of its http and server blocks; its files are in d. The process."""
    temporary = "\n".join(f"    {kind}_temp_path {d}/{kind};" for kind in
                          ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (d / "nginx.conf").write_text(f"""
user root;
worker_processes 1;
daemon off;
pid {d}/pid;
error_log {d}/error.log;
events {{ worker_connections 64; }}
http {{
{temporary}
{http}
    server {{
        listen 443 ssl;
        ssl_certificate {pki.certificate};
        ssl_certificate_key {pki.key};
{server}
    }}
}}
""", encoding="ascii")
    process = lab.popen(namespace, "nginx", "-p", d, "-c", d / "nginx.conf", "-e", d / "error.log")

    def listening():
        with namespace.inside(), socket.socket() as s:
            return s.connect_ex(("127.0.0.1", 443)) == 0
    wait_for(listening, "nginx listens")
    return process


def start_nginx(lab, pki):
    """nginx on TCP 443 of all of the host's addresses; it answers with the client's address."""
    d = lab.directory / "nginx"
    d.mkdir()
    nginx(lab, lab.host, d, pki, f"    access_log {d}/access.log;", """
        listen [::]:443 ssl;
        location / { return 200 "webhook from $remote_addr\\n"; }
""")


def curl(lab, pki, source, destination=HOST4, connect_timeout=10):
    """A webhook over TLS from that source address. Exit status 28 is a time-out."""
    at = f"[{destination}]" if ":" in destination else destination
    return lab.net.run("curl", "--silent", "--show-error", "--noproxy", "*", "--cacert", pki.ca,
                       "--interface", source, "--connect-timeout", connect_timeout,
                       "--max-time", connect_timeout + 10,
                       "--resolve", f"{NAME}:443:{at}", f"https://{NAME}/webhook", check=False)


CALL = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="call with RTP">
  <send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: provider <sip:provider@[local_ip]:[local_port]>;tag=[call_number]
To: pbx <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: sip:provider@[local_ip]:[local_port]
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=provider 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="200" rtd="true"/>
  <send><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: provider <sip:provider@[local_ip]:[local_port]>;tag=[call_number]
To: pbx <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <nop><action><exec play_pcap_audio="@RTP@"/></action></nop>
  <pause milliseconds="@MS@"/>
  <send retrans="500"><![CDATA[
BYE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: provider <sip:provider@[local_ip]:[local_port]>;tag=[call_number]
To: pbx <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200"/>
</scenario>
"""

RTP_PACKETS = 50  # one second of G.711


def rtp_pcap(path, packets=RTP_PACKETS):
    """A capture of G.711 RTP, 20 ms each, for SIPp to play. It fills in addresses and ports."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for n in range(packets):
        rtp = struct.pack("!BBHII", 0x80, 8, n, n * 160, 0xA110) + b"\xd5" * 160
        udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), n, 0, 64, 17, 0,
                         bytes([192, 0, 2, 1]), bytes([192, 0, 2, 10])) + udp
        frame = bytes(12) + b"\x08\x00" + ip
        out.append(struct.pack("<IIII", n // 50, n % 50 * 20000, len(frame), len(frame)) + frame)
    Path(path).write_bytes(b"".join(out))


ANSWER_OPTIONS = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="answers OPTIONS">
  <recv request="OPTIONS"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
Server: PBX of the lab
Content-Length: 0

]]></send>
</scenario>
"""

HOST_MEDIA_PORT = 20000


@functools.cache
def media_port_option():
    """SIPp's for the port of its media: -mp, which 3.7.2 (Ubuntu 24.04) does not know."""
    return "-mp" if re.search(r"^ +-mp ", run("sipp", "-h", check=False).stdout, re.M) else "-min_rtp_port"


def start_sip_server(lab, address=HOST4, options=False):
    """
    SIPp on UDP 5060 answers calls, and sends RTP back to whom it comes from; with `options` it
    answers OPTIONS instead.
    """
    d = lab.directory / f"uas-{address.replace(':', '_')}"
    d.mkdir()
    (d / "options.xml").write_text(ANSWER_OPTIONS, encoding="ascii")
    scenario = ["-sf", d / "options.xml"] if options else ["-sn", "uas", "-rtp_echo"]
    process = lab.popen(lab.host, "sipp", *scenario, "-i", address, "-p", 5060, "-mi", address,
                        media_port_option(), HOST_MEDIA_PORT, "-nostdin", cwd=d)
    wait_for(lambda: process.poll() is not None or f":{5060:04X} " in listening_udp(lab.host),
             "SIPp listens on UDP 5060")
    assert process.poll() is None, "SIPp (server) ended"
    return process


def listening_udp(namespace):
    with namespace.inside():
        return "".join(Path(f"/proc/thread-self/net/{f}").read_text(encoding="ascii")
                       for f in ("udp", "udp6"))


def call(lab, source, destination=HOST4, timeout=20):
    """One call with a second of RTP from that source address. Returns the finished process."""
    d = lab.directory / f"uac-{len(lab.processes)}-{source.replace(':', '_')}"
    d.mkdir(exist_ok=True)
    rtp_pcap(d / "rtp.pcap")
    text = CALL.replace("@RTP@", str(d / "rtp.pcap")).replace("@MS@", str(RTP_PACKETS * 20 + 300))
    (d / "call.xml").write_text(text, encoding="ascii")
    at = f"[{destination}]" if ":" in destination else destination
    return lab.net.run("sipp", f"{at}:5060", "-i", source, "-p", 5060, "-mi", source, media_port_option(), 30000,
                       "-sf", d / "call.xml", "-m", 1, "-nostdin", "-timeout", f"{timeout}s",
                       "-timeout_error", check=False, cwd=d, timeout=timeout + 20)


def svmap(lab, source, destination=HOST4):
    """What a scanner at that source finds on UDP 5060: its output."""
    home = lab.directory / "svmap"
    home.mkdir(exist_ok=True)
    result = lab.net.run("svmap", "--bindingip", source, "-p5060", destination, check=False,
                         env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
    return result.stdout + result.stderr
