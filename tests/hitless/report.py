# SPDX-License-Identifier: GPL-2.0-or-later
"""What was sent, what arrived, what everybody counted; what of it does not agree; and how to tell it."""

import re
import statistics
from collections import Counter

ROLES = (("always", "always listed"), ("never", "never listed"), ("mover", "moved between services"),
         ("other", "listed at times"), ("fence", "to a port not guarded"))


class Timing:
    """How long commands took, by kind."""

    def __init__(self):
        self.by_kind = {}

    def note(self, kind, seconds):
        self.by_kind.setdefault(kind, []).append(seconds * 1000)

    def table(self):
        return {kind: {"n": len(v), "median_ms": round(statistics.median(v), 2), "max_ms": round(max(v), 2)}
                for kind, v in sorted(self.by_kind.items())}


class Sums:
    """Packets sent and arrived, by role and by family."""

    def __init__(self, classes, result):
        self.sent, self.arrived = Counter(), Counter()
        for n, c in enumerate(classes):
            for key in (c.role, 6 if ":" in c.source else 4):
                self.sent[key] += result["class"][n][0]
                self.arrived[key] += result["class"][n][1]
        self.all_sent = self.sent[4] + self.sent[6]
        self.all_arrived = self.arrived[4] + self.arrived[6]

    def roles(self, which):
        return {role: which[role] for role, _ in ROLES}


def disagreements(sums, result, counters, net, host):
    """Texts: the numbers that are not what they must be. net, host: what both devices counted."""
    checks = [
        ("violations", result["violations"], 0),
        ("frames that nobody sent", result["foreign"], 0),
        ("sent, by class", sums.all_sent, result["sent"]),
        ("sent, by the sender's device", net.get("xdp_xmit"), result["sent"]),
        ("lost before the filter, by the sender's device", net.get("xdp_xmit_errors"), 0),
        ("received, by the host's device", host.get("xdp_packets"), result["sent"]),
        ("lost before the filter, by the host's device", host.get("drops"), 0),
        ("dropped by XDP, by the host's device", host.get("xdp_drops"), sums.all_sent - sums.all_arrived),
        ("always-listed: arrived", sums.arrived["always"], sums.sent["always"]),
        ("not guarded: arrived", sums.arrived["fence"], sums.sent["fence"]),
        ("never-listed: arrived", sums.arrived["never"], 0),
        ("counted by allowxdp", sum(c["packets"] for c in counters) + sum(map(sum, result["left"].values())),
         result["sent"]),
    ]
    for family, number in ((4, 1), (6, 2)):
        passed, dropped = sums.arrived[family], sums.sent[family] - sums.arrived[family]
        for verdict, expected, left in zip(("pass", "drop"), (passed, dropped), result["left"][number]):
            counted = left + sum(c["packets"] for c in counters
                                 if c["family"] == f"ipv{family}" and c["verdict"] == verdict)
            checks.append((f"counted by allowxdp: IPv{family}, {verdict}", counted, expected))
    return [f"{name}: {is_}, must be {must}" for name, is_, must in checks if is_ != must]


def explain(classes, text):
    """A violation, with who the class is."""
    return re.sub(r"class (\d+)", lambda m: "class {0} ({1.role} {1.source} {1.protocol}/{1.port})".format(
        m[1], classes[int(m[1])]), text)


def show(r):
    print(f"{r['packets']:,} packets on {r['lanes']} CPUs in {r['seconds']:,} s "
          f"({r['packets_per_second'] / 1e6:.2f} million a second, the commands beside them), {r['classes']} classes")
    print(f"{r['reloads']:,} reloads, {r['changes']:,} adds and removes, lists of {r['prefixes']:,} prefixes, "
          f"seed {r['seed']}")
    for kind, t in r["commands"].items():
        print(f"  {kind:9} {t['n']:7,}   median {t['median_ms']:7.1f} ms   longest {t['max_ms']:7.1f} ms")
    for role, what in ROLES:
        print(f"  {what:23} sent {r['sent_by_role'][role]:14,}   arrived {r['arrived_by_role'][role]:14,}")
    print(f"{r['switches']:,} switches seen from both sides, the tightest {r['tightest_switch']} packet(s) wide")
    for text in r["violation_texts"]:
        print(f"VIOLATION: {text}")
    for what, n in r["suspects"]:
        print(f"  {n} during: {what}")
    for text in r["wrong"]:
        print(f"WRONG: {text}")
    print("NOT proved" if r["wrong"] else
          "proved: every packet got the verdict of the policy before or after, none else")
