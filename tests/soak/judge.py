# SPDX-License-Identifier: GPL-2.0-or-later
"""
What holds and what does not: the rules of docs/soak.md, over what was measured at every rest. Pure: no I/O.

A series is steady if, the first third left out as warm-up, neither the median of its last half is more than
`slack` above the median of the half before, nor its last value more than `slack` above the highest one of that half.
"""

import statistics
import threading

KIB = 1024
LONG = 30  # measurements of a series that says more: in a short one it is still being found out what a process needs
SLACK = {  # (long series, short ones)
    "anonymous": (96 * KIB, 1024 * KIB),   # a process's own pages
    "rss": (1024 * KIB, 2048 * KIB),       # and pages of files, which the kernel takes and gives
    "kernel_memory": (64 * KIB, 64 * KIB),  # of our maps: those of a dynamic size hold what came last
    "disk": (192 * KIB, 192 * KIB),        # STATE/hits.changes may grow to 128 KiB before it is folded
}
LOG_LINES = 200            # at most, beside LOG_EACH for everything that is done
LOG_EACH = 4
ENOUGH = 5                 # measurements that a series needs


class Judge:
    """What went wrong, by kind: how often, and the first texts."""

    TEXTS = 5

    def __init__(self):
        self.lock = threading.Lock()
        self.kinds = {}

    def wrong(self, kind, text):
        with self.lock:
            known = self.kinds.setdefault(kind, {"times": 0, "texts": []})
            known["times"] += 1
            if len(known["texts"]) < self.TEXTS:
                known["texts"].append(str(text)[:600])

    def expect(self, kind, true, text):
        if not true:
            self.wrong(kind, text)

    @property
    def held(self):
        return not self.kinds

    def lines(self):
        return [f"{kind} ({known['times']}): {text}" for kind, known in sorted(self.kinds.items())
                for text in known["texts"]]


def grown(series, what):
    """Why a series is not steady, or "". Too short a series says nothing."""
    slack = SLACK[what][len(series) < LONG]
    if len(series) < ENOUGH:
        return ""
    series = series[len(series) // 3:]
    first, last = series[:len(series) // 2], series[len(series) // 2:]
    rise = statistics.median(last) - statistics.median(first)
    if rise > slack:
        return f"its median rose by {rise:.0f}, {slack:.0f} are allowed"
    rise = series[-1] - max(first)
    if rise > slack:
        return f"it ends {rise:.0f} above what it had been, {slack:.0f} are allowed"
    return ""


def judge_traffic(judge, link, since, opened, lossy):
    """
    Packets of one round. since: (frame, sent, received, gaps); opened: the script itself let others in meanwhile;
    lossy: it took the filter off the device, which loses packets that are on their way.
    """
    for index, (frame, sent, received, gaps) in enumerate(since):
        if not frame.numbered:
            continue
        what = f"{link}: frame {index} ({frame.role}): {sent} sent, {received} arrived, {gaps} gaps"
        if frame.role in ("always", "open") and not lossy:
            judge.expect("lost", received == sent and not gaps, what)
        if frame.role == "never" and not opened:
            judge.expect("let in", received == 0, what)


def expected(since):
    """{(family, service, verdict, reason): packets} that counters must have grown by."""
    sums = {}
    for frame, sent, _, _ in since:
        if frame.counted:
            sums[frame.counted] = sums.get(frame.counted, 0) + sent
    return sums


def judge_counters(judge, link, since, before, after, more=None):
    """before, after: lists of counters, as `stats --json` has them; more: as `expected`, of what was sent otherwise."""
    def total(counters, key):
        return sum(c["packets"] for c in counters if c["direction"] == "in" and all(
            want is None or c[k] == want for k, want in zip(("family", "service", "verdict", "reason"), key)))
    wanted = expected(since)
    for key, n in (more or {}).items():
        wanted[key] = wanted.get(key, 0) + n
    for key, n in wanted.items():
        counted = total(after, key) - total(before, key)
        judge.expect("counters", counted == n, f"{link}: {key}: {n} sent, {counted} counted")


PAGE = "map directory_page (array, 1)"
PAGES_KEPT = 8  # an instance may keep one empty page for each of its four slots and two families


def without_pages(objects):
    return type(objects)({name: n for name, n in objects.items() if name != PAGE})


def judge_objects(judge, what, wanted, found, instances):
    """All objects in the kernel as they were, but for empty pages, of which there may be some."""
    judge_equal(judge, "objects", what, without_pages(wanted), without_pages(found))
    more = found[PAGE] - wanted[PAGE]
    judge.expect("objects", more <= PAGES_KEPT * instances, f"{what}: {more} more directory pages than in the beginning")


def judge_equal(judge, kind, what, wanted, found):
    """Counters of names: which are too many, which are missing."""
    for text, difference in (("too many", found - wanted), ("missing", wanted - found)):
        if difference:
            judge.wrong(kind, f"{what}: {text}: " + ", ".join(f"{n} x {k}" for k, n in sorted(difference.items())))


def judge_no_more(judge, kind, what, wanted, found):
    """What is missing is no leak: a connection that its other side has closed."""
    judge_equal(judge, kind, what, wanted & found, found)


def judge_series(judge, samples):
    """
    samples: one a rest: {"processes": {name: {"anonymous", "rss", "fds"}}, "kernel_memory", "files": {name: bytes}}
    """
    if not samples:
        return
    names = samples[-1]["processes"]
    for name in names:
        for field in ("anonymous", "rss"):
            values = [s["processes"][name][field] for s in samples if name in s["processes"]]
            why = grown(values, field)
            judge.expect("memory", not why, f"{name}: {field}: {why}: {shown(values)}")
    for field in ("kernel_memory", "disk"):
        why = grown([s[field] for s in samples], field)
        judge.expect(field.replace("_", " "), not why, f"{why}: {shown([s[field] for s in samples])}")


ALARM = "cannot"  # nothing is wrong with files or maps here: who says so is mistaken


def judge_log(judge, name, said, done):
    """said: {line: how often}; done: changes of names, feeds and policies, each of which may be told of."""
    lines, allowed = sum(said.values()), LOG_LINES + LOG_EACH * done
    judge.expect("log", lines <= allowed, f"{name}: {lines} lines for {done} changes, {allowed} are allowed")
    for line, n in said.items():
        judge.expect("log", ALARM not in line, f"{name}: {n} times: {line}")


def shown(values, n=12):
    """A series in at most n values."""
    step = max(1, -(-len(values) // n))
    return " ".join(f"{v / KIB:.0f}K" for v in [*values[::step], values[-1]])
