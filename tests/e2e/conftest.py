# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the end-to-end tests. They need root, and a built build/allowxdp (see tools/test)."""

import os
import signal

import pytest

import lab as lab_module
import programs


def pytest_sessionstart(session):
    del session
    if os.geteuid() != 0:
        pytest.exit("the end-to-end tests need root: sudo ./tools/test --only e2e", returncode=1)
    if not lab_module.BINARY.exists():
        pytest.exit(f"{lab_module.BINARY} is not built: sudo ./tools/test --only e2e", returncode=1)
    # A run that is told to end takes its namespaces and mounts down with it, as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    lab_module.sweep()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """What programs of a failed test's lab had to say, as if they had said it on stderr."""
    report = (yield).get_result()
    if report.when != "call" or not report.failed:
        return
    for made in [v for v in item.funcargs.values() if isinstance(v, lab_module.Lab)]:
        for log in sorted(made.directory.rglob("*.log")):
            text = log.read_text(encoding="utf-8", errors="replace").splitlines()
            said = "\n".join([f"{log.name}:", *text[-30:], ""])
            report.sections.append((f"Captured stderr {log.name}", said))
            item.add_report_section("call", f"stderr {log.name}", said)  # for the file of results


@pytest.fixture
def lab():
    """A fresh lab, nothing loaded."""
    made = lab_module.Lab()
    yield made
    made.close()


@pytest.fixture
def guarded(lab):
    """A fresh lab that enforces the usual policy (lab.config_text) on eth0."""
    lab.load()
    return lab


@pytest.fixture(scope="module")
def shared():
    """A lab shared by the tests of a module, enforcing the usual policy; they leave it as it was."""
    made = lab_module.Lab()
    try:
        made.load()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return programs.Pki(tmp_path_factory.mktemp("pki"))
