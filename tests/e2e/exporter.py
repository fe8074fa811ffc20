# SPDX-License-Identifier: GPL-2.0-or-later
"""`allowxdp exporter` in the host of a lab, and HTTP to it by hand, byte for byte."""

import contextlib
import re
import socket
from pathlib import Path

from lab import lasting, wait_for

SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\d+)$')


def parse(text):
    """{(name, frozenset of labels): value} of Prometheus's text format."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        assert match, line
        key = match[1], frozenset(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
        assert key not in found, line
        found[key] = int(match[3])
    return found


class Metrics:
    """What was scraped: `value("allowxdp_mode", mode="enforce")`."""

    def __init__(self, text):
        self.text, self.samples = text, parse(text)

    def value(self, name, **labels):
        return self.samples[name, frozenset(labels.items())]

    def get(self, name, **labels):
        return self.samples.get((name, frozenset(labels.items())))

    def named(self, name):
        return {tuple(sorted(labels)): value for (n, labels), value in self.samples.items() if n == name}


class Exporter:
    def __init__(self, lab, *arguments, listen="127.0.0.1:0"):
        self.lab = lab
        self.process = lab.axp.start("exporter", "--listen", listen, *arguments)
        lab.processes.append(self.process)
        line = self.process.stdout.readline()
        match = re.search(r"http://(\[.*\]|[\d.]+):(\d+)/metrics", line)
        assert match, line or self.process.stderr.read()
        self.address, self.port = match[1].strip("[]"), int(match[2])

    def children(self):
        tasks = Path(f"/proc/{self.process.pid}/task")
        return [int(pid) for task in tasks.iterdir()
                for pid in (task / "children").read_text(encoding="ascii").split()]

    def pids(self):
        return [self.process.pid, *self.children()]

    def connect(self, namespace=None, address=None, source="", timeout=15.0, buffer=None):
        address = address or self.address
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with (namespace or self.lab.host).inside():
            sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        if source:
            sock.bind((source, 0))
        try:
            sock.connect((address, self.port))
        except OSError:
            sock.close()
            raise
        return sock

    def raw(self, data, **kwargs):
        """All that comes back for these bytes until the server closes."""
        with contextlib.closing(self.connect(**kwargs)) as sock:
            with contextlib.suppress(ConnectionError):
                sock.sendall(data)
            return read_all(sock)

    def get(self, path, method="GET", **kwargs):
        """(status, headers, body)"""
        answer = self.raw(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), **kwargs)
        return split(answer)

    def scrape(self, **kwargs):
        status, headers, body = self.get("/metrics", **kwargs)
        assert status == 200, (status, body)
        assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert int(headers["content-length"]) == len(body)
        return Metrics(body.decode())

    def health(self):
        status, _, body = self.get("/healthz")
        return status, body.decode()

    def rss(self):
        """KiB of both processes, what they share counted twice."""
        total = 0
        for pid in self.pids():
            text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            total += int(re.search(r"VmRSS:\s+(\d+) kB", text)[1])
        return total

    def sockets(self):
        """TCP connections that the HTTP process holds."""
        [child] = self.children()
        names = []
        for fd in Path(f"/proc/{child}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                names.append(str(fd.readlink()))
        return sum(n.startswith("socket:") for n in names) - 2  # listening, and to its parent

    def stop(self):
        self.process.terminate()
        self.process.wait(lasting(10))


def read_all(sock):
    data = b""
    with contextlib.suppress(ConnectionError):
        while chunk := sock.recv(65536):
            data += chunk
    return data


def split(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    match = re.match(r"HTTP/1\.1 (\d{3}) ", lines[0])
    assert match, answer[:200]
    headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
    return int(match[1]), headers, body


def no_longer_runs(pid):
    return wait_for(lambda: not Path(f"/proc/{pid}").exists(), f"process {pid} has ended")
