# SPDX-License-Identifier: GPL-2.0-or-later
"""
The manual pages name every verb, option, config key, reason, metric and variable that the program knows, and none that
it does not know. What the program knows is asked from it, or read where it is written once.
"""

import re
import shutil

import pytest

from lab import BINARY, ROOT, run
from manual import PAGES, bold_words, section, terms

USER = "".join(p.read_text(encoding="utf-8") for p in sorted((ROOT / "user").glob("*.[ch]")))
GLOBALS = {"-c", "--config", "--instance", "--json", "-v", "--verbose", "--help", "--version"}


def help_of(*words):
    return run(BINARY, *words, "--help").stdout


def verbs():
    return re.findall(r"^  ([a-z]+) .*", help_of().partition("Global options")[0], re.M)


def options(verb):
    """{option: its argument, or ""} by the program's help."""
    return dict(re.findall(r"^  (--?[a-z][a-z0-9-]*)(?: (\S+))? ", help_of(verb), re.M))


def documented():
    """{verb: {option: argument}} by the page."""
    out = {}
    for name, _, below in terms(section("allowxdp.8", "COMMANDS")):
        assert name not in out, f"{name} is explained twice"
        out[name] = {option: argument.strip().strip("_").replace("\\", "")
                     for option, argument, _ in terms(below, 1)}
    return out


def test_every_verb():
    assert verbs() == re.findall(r'^\t\{ "([a-z]+)", "', (ROOT / "user/main.c").read_text(), re.M)
    assert sorted(documented()) == sorted(verbs())


def test_every_option_of_every_verb():
    assert documented() == {verb: options(verb) for verb in verbs()}
    # none escapes the help: these are all there are in the tables
    table = re.findall(r'\{[\s\\]*"([a-z0-9-]+)",\s*OPTION_[A-Z]+,', USER)
    assert set(table) == {o.lstrip("-") for v in verbs() for o in options(v)}


def test_every_global_option():
    lines = [l for l in section("allowxdp.8", "GLOBAL OPTIONS") if l.startswith("*-")]
    assert set(re.findall(r"--?[a-z]+", " ".join(re.findall(r"\*([^*]+)\*", " ".join(lines))))) == GLOBALS
    table = (ROOT / "user/cmd.c").read_text()
    table = table[table.index("global_options[] = {"):]
    assert {f"--{n}" for n in re.findall(r'\{ "([a-z]+)",', table[:table.index("};")])} == \
        {o for o in GLOBALS if o.startswith("--")}


# For each mapping of the schema: where to put an unknown key, so that the program names all that it knows there, and the
# section that explains them.
KEYS = {
    "top_fields": ("allowxdp.yaml", "zz: 1\n", "TOP LEVEL"),
    "service_fields": ("allowxdp.yaml", "services: [{zz: 1}]\n", "SERVICES"),
    "list_fields": ("allowxdp.yaml", "lists: [{zz: 1}]\n", "LISTS"),
    "flows_fields": ("allowxdp.yaml", "flows: {zz: 1}\n", "FLOWS"),
    "dns_fields": ("allowxdp.yaml", "dns: {zz: 1}\n", "DNS"),
    "profile_fields": ("profiles/p.yaml", "zz: 1\n", "PROFILES"),
    "provenance_fields": ("profiles/p.yaml", "profile: {zz: 1}\n", "PROFILES"),
}


def known_keys(directory, file, text):
    config, at = directory / "allowxdp.yaml", directory / file
    at.parent.mkdir(exist_ok=True)
    config.write_text("include: [p]\n")
    at.write_text(text)
    result = run(BINARY, "-c", config, "validate", check=False)
    found = re.search(r'unknown key "zz": the keys here are (.*)$', result.stderr)
    assert result.returncode == 1 and found, result.stderr
    return found[1].split(", ")


def test_every_config_key(tmp_path):
    arrays = re.findall(r"cyaml_schema_field_t (\w+)\[\]", (ROOT / "user/config_yaml.c").read_text())
    assert sorted(arrays) == sorted(KEYS), "the schema has other mappings: name them here"
    wanted = {}
    for file, text, title in KEYS.values():
        wanted.setdefault(title, []).extend(known_keys(tmp_path, file, text))
    explained = {title: sorted(name.rstrip(":") for name, _, _ in terms(section("allowxdp.yaml.5", title)))
                 for title in wanted}
    assert explained == {title: sorted(keys) for title, keys in wanted.items()}


def test_every_reason():
    text = (ROOT / "include/reasons.h").read_text()
    drops, passes = text[text.index("#define AXP_DROP"):].split("#define AXP_PASS_REASON_LIST")
    known = {name: verdict for part, verdict in ((drops, " (drop)"), (passes, " (pass)"))
             for name in re.findall(r'X\([A-Z0-9_]+, "([a-z-]+)"', part)}
    assert len(known) > 15
    assert {name: rest for name, rest, _ in terms(section("allowxdp.8", "REASONS"))} == known
    completed = (ROOT / "completions/allowxdp").read_text()
    completed = completed[completed.index("--reason)"):]
    completed = completed[completed.index("echo") + 4:completed.index(";;")]
    assert set(completed.replace("\\", "").split()) == set(known)


def test_every_metric(lab):
    source = set(re.findall(r'"(allowxdp_[a-z0-9_]+)"', USER))
    documented_here = bold_words(section("allowxdp.8", "METRICS"))
    assert sorted(documented_here) == sorted(source)
    # and these are the metrics that it tells
    lab.axp.write("mode: monitor\nservices: [{name: s, ports: [tcp/443], allow: [l]}]\n"
                  "lists: [{name: l, names: [sip.example.com]}]\n")
    lab.axp.ok("load", "eth0")
    told = re.findall(r"^# TYPE (\S+) ", lab.axp.ok("metrics"), re.M)
    assert sorted(told) == sorted(source)


def test_every_variable_of_the_environment():
    used = set(re.findall(r'"(ALLOWXDP_[A-Z_]+)"|getenv\("([A-Z_]+)"\)',
                          USER))
    used = {a or b for a, b in used} - {"ALLOWXDP_VERSION"}
    named = set(bold_words(section("allowxdp.8", "ENVIRONMENT"))) - {"https_proxy"}
    assert named == used


def test_every_kind_of_warning_and_finding():
    text = PAGES["allowxdp.8"]
    for source in ("lint.h", "review.h"):
        names = re.findall(r'^\tX\([A-Z0-9_]+, "([a-z0-9-]+)"', (ROOT / "user" / source).read_text(), re.M)
        assert len(names) > 6, source
        for name in names:
            assert f"*{name}*" in text, f"{name} is not explained"


def test_every_exit_status():
    codes = re.search(r"enum \{ (EXIT_DONE.*?) \}", (ROOT / "user/cmd.h").read_text())[1]
    assert [name for name, _, _ in terms(section("allowxdp.8", "EXIT STATUS"))] == re.findall(r"= (\d)", codes)


def mentioned():
    """(page, command line) of each `allowxdp ...` that a page shows, in bold or in a literal block."""
    for page, text in PAGES.items():
        for block in re.findall(r"^```\n(.*?)^```", text, re.M | re.S):
            for line in re.findall(r"(?:^|[ #])allowxdp( .*)$", block, re.M):
                yield page, line
        for line in re.findall(r"\*allowxdp( [^*]+)\*", re.sub(r"^```\n.*?^```", "", text, flags=re.M | re.S)):
            yield page, line


def test_what_pages_mention_exists():
    known = {verb: set(options(verb)) | GLOBALS for verb in verbs()}
    seen = set()
    for page, line in mentioned():
        words = re.sub(r"'[^']*'|\"[^\"]*\"", "TEXT", line).split()
        if words and words[0] == "-c":
            words = words[2:]
        if not words or words[0].startswith(("-", "@", "\\", "[", ":")):
            continue
        assert words[0] in known, f"{page}: allowxdp {line}"
        seen.add(words[0])
        for word in words[1:]:
            if word.startswith("#"):
                break
            if word.startswith("-") and word != "-":
                assert word.rstrip(".,:;)").partition("=")[0] in known[words[0]], f"{page}: allowxdp{line}: {word}"
    assert {"load", "check", "learn", "confirm", "status", "reload", "fetch"} <= seen
    for page, text in PAGES.items():
        for name, number in re.findall(r"\*(allowxdp[a-z.-]*)\*\((\d)\)", text):
            assert f"{name}.{number}" in PAGES, f"{page}: {name}({number})"


@pytest.mark.skipif(not shutil.which("scdoc"), reason="scdoc is not installed: tools/deps build")
def test_pages_are_made_and_clean(tmp_path):
    assert sorted(PAGES) == ["allowxdp-guide.7", "allowxdp-troubleshooting.7", "allowxdp.8", "allowxdp.yaml.5"]
    run("make", "-s", "-C", ROOT, f"B={tmp_path}", "man", timeout=120)
    for page in PAGES:
        made = tmp_path / "man" / page
        title, number = page.rsplit(".", 1)
        assert f'.TH "{title}" "{number}"' in made.read_text(encoding="utf-8")
        assert "@VERSION@" not in made.read_text(encoding="utf-8")
        if shutil.which("man"):
            result = run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", made)
            assert result.stderr == "" and len(result.stdout) > 2000
