# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line is a contract: exit statuses, one-line errors, JSON keys, what each command does."""

import json
import subprocess

import pytest

from frames import tcp, udp
from lab import (EXOTEL_KARNATAKA, EXOTEL_MUMBAI, FRESHCHAT_IN, LISTS, OFFICE4, OFFICE6, STRANGER4,
                 one_error, run, wait_for)

COMMANDS = ["init", "load", "unload", "reload", "confirm", "rollback", "mode", "add", "remove", "list", "review", "check",
            "validate", "status", "stats", "metrics", "exporter", "top", "watch", "capture", "learn", "run", "fetch",
            "profile", "import", "export"]
COUNTER_KEYS = {"interface", "direction", "service", "family", "verdict", "reason", "packets", "bytes"}


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["stats"], ["status", "--json"], ["metrics"],
                                       ["review"], ["export", "--format", "nft"]], ids=" ".join)
def test_output_that_cannot_be_written_is_told(shared, arguments):
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run(shared.axp.argv(*arguments), env=shared.axp.env, stdout=full, stderr=subprocess.PIPE,
                                text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1 and "standard output could not be written" in result.stderr


# -- usage ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments", [
    ["nonsense"], ["--nonsense"], ["load", "--nonsense"], ["load", "eth0", "--mode", "fast"],
    ["mode", "sideways"], ["mode", "enforce", "monitor"], ["add"], ["add", "office"],
    ["add", "office", "192.0.2.1", "extra"], ["remove", "office"], ["check"], ["check", "192.0.2.1"],
    ["check", "192.0.2.1", "443"], ["check", "192.0.2.1", "sctp/443"], ["check", "192.0.2.1", "tcp/0"],
    ["check", "192.0.2.1", "tcp/70000"], ["unload"], ["list", "office", "extra"], ["stats", "extra"],
    ["--config"], ["add", "office", "192.0.2.1", "--label"], ["review", "extra"], ["review", "--unused", "soon"],
    ["review", "--csv", "--json"],
], ids=" ".join)
def test_usage_errors_exit_2(shared, arguments):
    result = shared.axp(*arguments)
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("allowxdp: ")


def test_no_command_prints_usage(shared):
    result = run(shared.axp.binary, check=False)
    assert result.returncode == 2 and result.stdout == "" and "Usage" in result.stderr


@pytest.mark.parametrize("duration", ["2", "m", "2x", "0s", "-2m", "2 m", "", "99999d", "1h30"])
@pytest.mark.parametrize("arguments", [
    ["load", "eth0", "--confirm"], ["reload", "--confirm"], ["mode", "enforce", "--confirm"],
    ["add", "office", "192.0.2.1", "--for"],
], ids=" ".join)
def test_a_bad_duration_is_refused(shared, arguments, duration):
    before = shared.axp.status()
    line = shared.axp.fails(*arguments, duration, status=2)
    assert "write it like 90s, 2m, 1h30m or 7d" in line
    assert shared.axp.status() == before


def test_help_and_version(shared):
    out = run(shared.axp.binary, "--help").stdout
    assert all(f"  {command}" in out for command in COMMANDS)
    assert run(shared.axp.binary, "--version").stdout.startswith("allowxdp 0.")
    for command in COMMANDS:
        assert command in run(shared.axp.binary, command, "--help").stdout


def test_global_options_stand_before_or_after_the_command(shared):
    axp = shared.axp
    program, config = axp.binary, str(axp.config)
    for argv in ([program, "--json", "-c", config, "status"], [program, "status", "--json", "-c", config],
                 [program, f"--config={config}", "status", "--instance", "default", "--json"]):
        assert json.loads(axp.namespace.run(*argv, env=axp.env).stdout)["instance"] == "default"


# -- JSON -----------------------------------------------------------------------------------------

def test_status_json(shared):
    status = shared.axp.status()
    assert set(status) >= {"instance", "mode", "generation", "interfaces", "lists", "confirm_deadline"}
    assert (status["instance"], status["mode"]) == ("default", "enforce")
    assert isinstance(status["generation"], int) and status["generation"] >= 1
    interface, = status["interfaces"]
    assert (interface["name"], interface["attach"]) == ("eth0", "native")
    attached = json.loads(shared.host.run("ip", "-j", "link", "show", "eth0").stdout)[0]
    assert interface["prog_id"] == attached["xdp"]["prog"]["id"]
    assert {l["name"]: l["entries"] for l in status["lists"]} == {
        "webhooks": 9, "exotel-sip": 1, "exotel-media": 2, "office": 2}
    assert status["confirm_deadline"] is None


def test_stats_json(shared):
    shared.send(udp(shared, STRANGER4, 5060))
    wait_for(lambda: shared.axp.count("sip", "drop"), "a drop is counted")
    for counter in shared.axp.counters():
        assert set(counter) == COUNTER_KEYS
        assert counter["interface"] == "eth0" and counter["direction"] in ("in", "out")
        assert counter["service"] in ("https", "sip", "rtp", "-")
        assert counter["family"] in ("ipv4", "ipv6", "-") and counter["verdict"] in ("pass", "drop")
        assert isinstance(counter["packets"], int) and isinstance(counter["bytes"], int)


def test_stats_text_names_what_was_dropped(shared):
    shared.send(tcp(shared, STRANGER4, 443))
    wait_for(lambda: shared.axp.count("https", "drop"), "a drop is counted")
    lines = shared.axp.ok("stats").splitlines()
    assert any("https" in l and "unlisted" in l and "drop" in l for l in lines)


CHECKS = [
    # address, port, status, verdict, reason, service, list, prefix, label
    (FRESHCHAT_IN, "tcp/443", 0, "pass", "listed", "https", "webhooks", f"{FRESHCHAT_IN}/32",
     "Freshchat IN: allowlist document, 2026-11-21"),
    (FRESHCHAT_IN, "udp/5060", 3, "drop", "unlisted", "sip", None, None, None),
    (EXOTEL_MUMBAI, "udp/20000", 0, "pass", "listed", "rtp", "exotel-media", f"{EXOTEL_MUMBAI}/32",
     "Exotel vSIP guide: Mumbai, 2026-11-21"),
    (EXOTEL_KARNATAKA, "udp/20000", 3, "drop", "unlisted", "rtp", None, None, None),
    (OFFICE4, "tcp/5061", 0, "pass", "listed", "sip", "office", "203.0.113.0/24", "head office"),
    (OFFICE6, "tcp/443", 0, "pass", "listed", "https", "office", "2001:db8:7::/48", None),
    (f"::ffff:{FRESHCHAT_IN}", "tcp/443", 0, "pass", "listed", "https", "webhooks",
     f"{FRESHCHAT_IN}/32", "Freshchat IN: allowlist document, 2026-11-21"),
    (STRANGER4, "tcp/22", 0, "pass", "not-guarded", None, None, None, None),
]


@pytest.mark.parametrize("address, port, status, verdict, reason, service, list_, prefix, label", CHECKS)
def test_check(shared, address, port, status, verdict, reason, service, list_, prefix, label):
    result = shared.axp("check", address, port, "--json")
    assert (result.returncode, result.stderr) == (status, "")
    said = json.loads(result.stdout)
    assert set(said) >= {"verdict", "reason", "service", "list", "prefix", "label", "origin"}
    assert (said["verdict"], said["reason"], said["list"], said["prefix"]) == (verdict, reason, list_, prefix)
    assert (said["service"] or None) in (service, "-" if service is None else service)
    assert (said["label"] or None) == label
    if list_ == "webhooks":
        assert said["origin"].endswith("freshchat-in.list:8")
    elif list_ == "office":
        assert said["origin"].startswith(f"{shared.axp.config}:")
    text = shared.axp("check", address, port)
    assert text.returncode == status
    for word in filter(None, (verdict, reason, service, list_, prefix, label)):
        assert word in text.stdout, text.stdout


@pytest.mark.parametrize("address", ["", "nonsense", "192.0.2.0/24", "192.0.2.256", "192.0.2.1/32x"])
def test_check_of_what_is_no_address(shared, address):
    result = shared.axp("check", address, "tcp/443")
    assert result.returncode in (1, 2) and result.stdout == ""
    assert result.stderr.startswith("allowxdp: ")


def test_list_shows_labels_and_origins(shared):
    out = shared.axp.ok("list")
    for word in ("webhooks", "exotel-sip", "office", "203.0.113.0/24", "head office", "2001:db8:7::/48",
                 "Freshchat IN: allowlist document, 2026-11-21", "freshchat-in.list:8", f"{shared.axp.config.name}:"):
        assert word in out, out
    only = shared.axp.ok("list", "office")
    assert "203.0.113.0/24" in only and FRESHCHAT_IN not in only
    json.loads(shared.axp.ok("list", "--json"))
    assert FRESHCHAT_IN in json.dumps(shared.axp.json("list", "webhooks"))
    assert "no-such-list" in shared.axp.fails("list", "no-such-list")


# -- not loaded -----------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments", [["reload"], ["mode", "monitor"], ["stats"], ["unload", "eth0"]],
                         ids=" ".join)
def test_without_an_instance(lab, arguments):
    lab.axp.write({})
    line = lab.axp.fails(*arguments)
    assert "not loaded" in line or "allowxdp load" in line


def test_add_and_remove_before_the_first_load(lab):
    lab.axp.write({})
    lab.axp.ok("add", "exotel-sip", STRANGER4, "--label", "ahead of time")
    lab.axp.ok("add", "office", "10.0.0.0/8")
    lab.axp.ok("remove", "office", "10.0.0.0/8")
    assert "no-such-list" in lab.axp.fails("add", "no-such-list", STRANGER4)
    lab.axp.ok("load", "eth0")
    assert lab.reaches(STRANGER4, 5060)
    assert lab.axp("check", "10.0.0.1", "tcp/443").returncode == 3


def test_validate_needs_no_instance_and_no_root(lab):
    lab.axp.write({"lists": {name: ["192.0.2.7"] for name in LISTS}})  # no files: they may be root's alone
    lab.axp.ok("validate")
    lab.axp.directory.chmod(0o755)
    run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy_of_binary(lab), "-c",
        lab.axp.config, "validate", env=lab.axp.env)


def copy_of_binary(lab):
    """Where everybody may run it: a checkout may be root's alone."""
    copy = lab.directory / "allowxdp-copy"
    run("install", "-m", "0755", lab.axp.binary, copy)
    return copy


@pytest.mark.parametrize("arguments", [["load", "eth0"], ["add", "office", "192.0.2.7"], ["stats"],
                                       ["mode", "off"], ["reload"], ["unload", "eth0"]], ids=" ".join)
def test_without_root(guarded, arguments):
    binary = copy_of_binary(guarded)
    before = guarded.axp.status()
    # Changes nothing and says what is missing, once, in words.
    line = one_error(guarded.host.run(
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
        "--bounding-set=-all", binary, "-c", guarded.axp.config, *arguments, check=False,
        env=guarded.axp.env))
    assert "root" in line or "sudo" in line
    assert guarded.axp.status() == before


def test_load_without_a_config_says_how_to_get_one(lab):
    line = lab.axp.fails("load", "eth0")
    assert str(lab.axp.config) in line
    assert "allowxdp init" in line and "-c FILE" in line
    assert not lab.axp.pins()


def test_load_takes_interfaces_from_the_config(lab):
    lab.axp.write({})
    lab.axp.ok("load")
    assert [i["name"] for i in lab.axp.status()["interfaces"]] == ["eth0"]


# -- modes ----------------------------------------------------------------------------------------

def test_monitor_counts_the_real_reason_and_drops_nothing(guarded):
    axp = guarded.axp
    link = axp.status()["interfaces"]
    axp.ok("mode", "monitor")
    assert guarded.reaches(STRANGER4, 5060)
    assert axp.count("sip", "pass", "unlisted", "ipv4") == 1
    assert axp.count(verdict="drop") == 0
    axp.ok("mode", "enforce")
    assert not guarded.reaches(STRANGER4, 5060, timeout=0.3)
    assert axp.count("sip", "drop", "unlisted", "ipv4") == 1
    assert axp.count("sip", "pass", "unlisted", "ipv4") == 1
    assert axp.status()["interfaces"] == link  # links were not touched


def test_load_monitor_overrides_the_config(lab):
    lab.load("--monitor", mode="enforce")
    assert lab.axp.status()["mode"] == "monitor"
    assert lab.reaches(STRANGER4, 5060)


def test_mode_off_looks_at_nothing(guarded):
    guarded.axp.ok("mode", "off")
    assert guarded.axp.status()["mode"] == "off"
    assert guarded.reaches(STRANGER4, 5060)
    assert guarded.axp.count("-", "pass", "off") >= 1
    assert guarded.axp.count("sip") == 0


def test_mode_shows_the_mode(guarded):
    for mode in ("monitor", "off", "enforce"):
        guarded.axp.ok("mode", mode)
        assert guarded.axp.ok("mode").split()[-1:] == [mode] or mode in guarded.axp.ok("mode")
        assert guarded.axp.json("mode")["mode"] == mode
        guarded.axp.ok("mode", mode)  # again: it is so already


# -- lists that are empty -------------------------------------------------------------------------

EMPTY = {**LISTS, "exotel-sip": [], "office": []}


def test_enforcing_with_empty_lists_is_refused(lab):
    lab.axp.write({"lists": EMPTY})
    line = lab.axp.fails("load", "eth0")
    assert "sip" in line and "--force" in line
    assert not lab.axp.pins()
    assert lab.reaches(STRANGER4, 5060)


def test_a_list_of_carve_outs_alone_is_empty(lab):
    lab.axp.write({"lists": {**EMPTY, "exotel-sip": ["!10.0.0.0/8"]}})
    assert "sip" in lab.axp.fails("load", "eth0")


def test_monitor_mode_with_empty_lists_is_allowed(lab):
    lab.axp.write({"lists": EMPTY, "mode": "monitor"})
    result = lab.axp("load", "eth0")
    assert result.returncode == 0
    assert "sip" in result.stderr  # warned of
    line = lab.axp.fails("mode", "enforce")
    assert "sip" in line and "--force" in line
    assert lab.axp.status()["mode"] == "monitor"
    lab.axp.ok("mode", "enforce", "--force")
    assert lab.axp.status()["mode"] == "enforce"
    assert not lab.reaches(STRANGER4, 5060, timeout=0.3)


def test_force_enforces_empty_lists(lab):
    lab.axp.write({"lists": EMPTY})
    lab.axp.ok("load", "eth0", "--force")
    assert not lab.reaches(OFFICE4, 5060, timeout=0.3)
    assert lab.reaches(STRANGER4, 22)


def test_removing_the_last_entry_is_refused(lab):
    lab.axp.write({"lists": EMPTY, "mode": "monitor"})
    lab.axp.ok("load", "eth0")
    lab.axp.ok("add", "exotel-sip", EXOTEL_MUMBAI)
    lab.axp.ok("mode", "enforce")
    line = lab.axp.fails("remove", "exotel-sip", EXOTEL_MUMBAI)
    assert "sip" in line and "--force" in line
    assert lab.reaches(EXOTEL_MUMBAI, 5060)
    lab.axp.ok("remove", "exotel-sip", EXOTEL_MUMBAI, "--force")
    assert not lab.reaches(EXOTEL_MUMBAI, 5060, timeout=0.3)


def test_reload_to_empty_lists_is_refused_when_enforcing(guarded):
    guarded.axp.write({"lists": EMPTY})
    before = guarded.axp.status()
    assert "sip" in guarded.axp.fails("reload")
    assert guarded.axp.status() == before
    assert guarded.reaches(OFFICE4, 5060)


# -- load and unload ------------------------------------------------------------------------------

def test_the_filter_survives_the_command(guarded):
    # No process of ours runs; the programs, maps and links are held by their pins.
    assert not guarded.reaches(STRANGER4, 5060, timeout=0.3)
    assert guarded.reaches(EXOTEL_MUMBAI, 5060)


def test_unload_leaves_nothing(guarded):
    guarded.axp.ok("unload", "eth0")
    assert "xdp" not in guarded.host.run("ip", "-d", "link", "show", "eth0").stdout
    assert not guarded.axp.pins()
    assert guarded.reaches(STRANGER4, 5060)
    assert guarded.axp("status").returncode in (0, 1)
    guarded.axp.ok("load", "eth0")
    assert not guarded.reaches(STRANGER4, 5060, timeout=0.3)
    guarded.axp.ok("unload", "--all")
    assert not guarded.axp.pins()


def test_loading_again_applies_the_config_in_place(guarded):
    before = guarded.axp.status()
    guarded.axp.write({"lists": {**LISTS, "exotel-sip": [f"{STRANGER4} # new"]}})
    guarded.axp.ok("load", "eth0")
    after = guarded.axp.status()
    assert after["interfaces"] == before["interfaces"]
    assert after["generation"] > before["generation"]
    assert guarded.reaches(STRANGER4, 5060)


def test_counters_stay_over_a_reload(guarded):
    guarded.send(udp(guarded, STRANGER4, 5060), count=3)
    wait_for(lambda: guarded.axp.count("sip", "drop", "unlisted") == 3, "drops")
    # The services change their order; each keeps its own counters.
    guarded.axp.write({"services": [("rtp", ["udp/10000-60000"], ["exotel-media", "office"]),
                                    ("new", ["udp/9"], ["office"]),
                                    ("sip", ["udp/5060"], ["exotel-sip", "office"])]})
    guarded.axp.ok("reload")
    assert guarded.axp.count("sip", "drop", "unlisted") == 3
    assert guarded.axp.count("rtp") == guarded.axp.count("new") == 0
    guarded.send(udp(guarded, STRANGER4, 9), count=2)
    wait_for(lambda: guarded.axp.count("new", "drop", "unlisted") == 2, "drops of the new service")


def test_reload_takes_new_lists_and_ports(guarded):
    assert not guarded.reaches(EXOTEL_KARNATAKA, 5060, timeout=0.3)
    guarded.axp.write({"services": [("sip", ["udp/5060", "udp/5070"], ["exotel-sip"])],
                       "lists": {"exotel-sip": [f"{EXOTEL_KARNATAKA} # new PoP"]}})
    generation = guarded.axp.status()["generation"]
    guarded.axp.ok("reload")
    assert guarded.axp.status()["generation"] == generation + 1
    assert guarded.reaches(EXOTEL_KARNATAKA, 5060)
    assert not guarded.reaches(EXOTEL_MUMBAI, 5060, timeout=0.3)
    assert not guarded.reaches(EXOTEL_MUMBAI, 5070, timeout=0.3)
    assert guarded.reaches(STRANGER4, 20000)  # no longer guarded


def test_dry_run_changes_nothing(guarded):
    before = guarded.axp.status()
    guarded.axp.write({"lists": {**LISTS, "office": [f"{STRANGER4}", "203.0.113.0/24 # head office"]}})
    guarded.axp.ok("reload", "--dry-run")
    guarded.axp.ok("load", "eth0", "--dry-run")
    assert guarded.axp.status() == before
    assert not guarded.reaches(STRANGER4, 5060, timeout=0.3)


def test_verbose_lets_libbpf_speak_and_nothing_else_does(guarded):
    assert guarded.axp("reload").stderr == ""
    result = guarded.axp("-v", "load", "eth0")
    assert result.returncode == 0
