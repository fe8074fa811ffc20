# SPDX-License-Identifier: GPL-2.0-or-later
"""A real Prometheus in the host of a lab."""

import json

from lab import ROOT, SLOW, wait_for

MONITORING = ROOT / "tools" / "monitoring"
RULES = MONITORING / "allowxdp.rules.yml"
LABELS = ("interface", "direction", "service", "family", "verdict", "reason")
PORT = 9090


class Prometheus:
    """In the host's namespace, where the exporter listens on the loopback device."""

    def __init__(self, lab, target):
        self.lab = lab
        directory = lab.directory / "prometheus"
        directory.mkdir()
        interval = f"{round(500 * SLOW)}ms"
        (directory / "prometheus.yml").write_text(f"""
global: {{scrape_interval: {interval}, scrape_timeout: {interval}, evaluation_interval: 1s}}
rule_files: [{RULES}]
scrape_configs:
  - job_name: allowxdp
    static_configs: [{{targets: ["{target}"]}}]
""", encoding="ascii")
        self.process = lab.popen(lab.host, "prometheus", f"--config.file={directory}/prometheus.yml",
                                 f"--storage.tsdb.path={directory}/data", f"--web.listen-address=127.0.0.1:{PORT}",
                                 "--log.level=error", cwd=directory)
        wait_for(lambda: self.process.poll() is not None or self.up(), "Prometheus has scraped", 60)

    def get(self, path, **parameters):
        arguments = [a for k, v in parameters.items() for a in ("--data-urlencode", f"{k}={v}")]
        result = self.lab.host.run("curl", "-sG", "--noproxy", "*", f"http://127.0.0.1:{PORT}/api/v1/{path}",
                                   *arguments, check=False)
        if result.returncode != 0 or not result.stdout.startswith("{"):
            return None
        answer = json.loads(result.stdout)
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]

    def query(self, expression):
        """An instant vector: [(labels, value)]."""
        data = self.get("query", query=expression)
        if data is None:
            return []
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(r["metric"], float(r["value"][1])) for r in data["result"]]

    def query_range(self, expression, start, end, step):
        """[(labels, [(time, value)])]."""
        data = self.get("query_range", query=expression, start=start, end=end, step=step)
        return [(r["metric"], [(t, float(v)) for t, v in r["values"]]) for r in data["result"]]

    def up(self):
        return [v for _, v in self.query("up")] == [1.0]

    def counters(self, name):
        return {tuple(labels[l] for l in LABELS): int(value) for labels, value in self.query(name)}
