# SPDX-License-Identifier: GPL-2.0-or-later
"""completions/allowxdp in a real bash: what Tab offers."""

import re
import shlex

import pytest

from lab import BINARY, ROOT, Lab, run

SCRIPT = ROOT / "completions/allowxdp"


class Bash:
    def __init__(self, lab):
        self.lab, self.env = lab, dict(lab.axp.env, PATH=f"{BINARY.parent}:/usr/sbin:/usr/bin:/sbin:/bin")

    def tab(self, line, program="allowxdp", breaks=" \t\n\"'><=;|&(:"):
        """
        What is offered for the last word of the line. It is cut into words as readline does, at the characters of
        COMP_WORDBREAKS too.
        """
        words = [w for part in line.split(" ") for w in (re.findall(r"[:=]+|[^:=]+", part) or [""])]
        quoted = " ".join(shlex.quote(w) for w in [program, *words])
        text = f"""set -u; source {SCRIPT}
complete -p allowxdp >&2 || exit 9
COMP_WORDBREAKS={shlex.quote(breaks)} COMP_WORDS=({quoted}) COMP_CWORD={len(words)}
COMP_LINE={shlex.quote(program + " " + line)} COMP_POINT=${{#COMP_LINE}}
set +u; _allowxdp {program} {shlex.quote(words[-1])} "" || true; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
        result = run(*self.lab.host.wrap("bash", "--norc", "--noprofile", "-c", text), env=self.env)
        assert result.stderr == "complete -F _allowxdp allowxdp\n", result.stderr
        return result.stdout.split()


@pytest.fixture(scope="module")
def bash():
    lab = Lab(links=("eth0", "eth1"))
    try:
        lab.axp.write({"mode": "monitor", "interfaces": ("eth0",)})
        yield Bash(lab)
    finally:
        lab.close()


@pytest.fixture(scope="module")
def loaded(bash):
    bash.lab.axp.ok("load", "eth0")
    return bash


def known_verbs():
    return re.findall(r"^  ([a-z]+) .*", run(BINARY, "--help").stdout.partition("Global")[0], re.M)


LISTS = ["webhooks", "exotel-sip", "exotel-media", "office"]


def test_not_loaded_names_come_from_the_config(bash):
    config = f"-c {bash.lab.axp.config} "
    assert bash.tab(config + "list ") == LISTS
    assert bash.tab(config + "learn ") == ["https", "sip", "rtp"]
    assert bash.tab(config + "unload ") == []
    assert bash.tab("add ") == []  # there is no config that it knows, and it says nothing of that


def test_verbs(loaded):
    assert loaded.tab("") == known_verbs()
    assert loaded.tab("re") == ["reload", "remove", "review"]
    assert loaded.tab("--instance other lo") == ["load"]
    assert loaded.tab("nonsense ") == []


def test_options_are_those_of_the_help(loaded):
    everywhere = ["-c", "--config", "--instance", "--json", "-v", "--verbose", "--help", "--version"]
    assert loaded.tab("--") == [o for o in everywhere if o.startswith("--")]
    for verb in known_verbs():
        own = re.findall(r"^  (--?[a-z][a-z0-9-]*)(?: |$)", run(BINARY, verb, "--help").stdout, re.M)
        assert loaded.tab(f"{verb} -") == own + everywhere
    assert loaded.tab("load --m") == ["--mode", "--monitor"]


def test_lists(loaded):
    for line in ("add ", "remove ", "list ", "fetch ", "export ", "export office ", "fetch --accept ",
                 "learn --list ", "add --label 'x' ", "add --force --for 2h "):
        assert loaded.tab(line) == LISTS, line
    assert loaded.tab("add exotel-") == ["exotel-sip", "exotel-media"]
    assert loaded.tab("add office ") == []


def test_entries_that_can_be_removed(loaded):
    loaded.lab.axp.ok("add", "office", "198.51.100.9", "--label", "Ann # at home", "--for", "2h")
    loaded.lab.axp.ok("add", "office", "2001:db8::7")
    assert loaded.tab("remove office ") == ["198.51.100.9/32", "2001:db8::7/128"]
    assert loaded.tab("remove office 2001:db") == ["db8::7/128"]  # readline replaces behind the colon
    assert loaded.tab("remove office 2001:db", breaks=" ") == ["2001:db8::7/128"]
    assert loaded.tab("remove webhooks ") == []


def test_interfaces(loaded):
    assert loaded.tab("load ") == ["eth0", "eth1"]
    assert loaded.tab("doctor eth0 ") == ["eth0", "eth1"]
    assert loaded.tab("watch -i ") == ["eth0", "eth1"]
    assert loaded.tab("unload ") == ["eth0"]
    assert loaded.tab("init --interface eth0,") == ["eth0,eth0", "eth0,eth1"]


def test_services_and_reasons(loaded):
    assert loaded.tab("learn ") == ["https", "sip", "rtp"]
    assert loaded.tab("watch --service ") == ["https", "sip", "rtp", "-"]
    assert loaded.tab("watch --service sip,r") == ["sip,rtp"]
    assert loaded.tab("init --service h") == ["https", "http"]
    assert loaded.tab("capture --reason fragment-u") == ["fragment-unmatched"]


def test_profiles(loaded):
    installed = sorted(p.stem for p in (ROOT / "profiles").glob("*.yaml"))
    assert loaded.tab("profile ") == ["list", "show", "copy"]
    assert sorted(loaded.tab("profile show ")) == installed
    assert loaded.tab("init --provider freshchat-in,freshchat-e") == ["freshchat-in,freshchat-eu"]


def test_modes_and_instances(loaded):
    assert loaded.tab("mode ") == ["enforce", "monitor", "off"]
    assert loaded.tab("load --mode ") == ["auto", "native", "generic"]
    assert loaded.tab("load --mode=n") == ["native"]
    assert loaded.tab("export --format ") == ["nft", "ipset"]
    assert loaded.tab("learn --format ") == ["text", "list", "json"]
    assert loaded.tab("--instance ") == ["default"]
    assert loaded.tab("check 203.0.113.7 ") == ["tcp/", "udp/"]


def test_files(loaded):
    etc = loaded.lab.axp.etc
    assert loaded.tab(f"-c {etc}/allow") == [str(loaded.lab.axp.config)]
    assert loaded.tab(f"--config={etc}/allow") == [str(loaded.lab.axp.config)]
    assert loaded.tab(f"import {etc}/allow") == [str(loaded.lab.axp.config)]


def test_a_program_that_is_not_there(loaded):
    assert loaded.tab("add ", program="/nonexistent/allowxdp") == []
    assert loaded.tab("", program="/nonexistent/allowxdp") == []


def test_it_is_found_by_bash(loaded, tmp_path):
    """Installed, it is where bash-completion looks for it; uninstalled, it is gone, the pages too."""
    root = ["make", "-s", "-C", ROOT, f"DESTDIR={tmp_path}", "PREFIX=/usr", f"B={tmp_path}/build"]
    run(*root, "install-completion")
    assert (tmp_path / "usr/share/bash-completion/completions/allowxdp").read_text() == SCRIPT.read_text()
    run(*root, "uninstall-docs")
    assert not [p for p in (tmp_path / "usr").rglob("*") if p.is_file()]
