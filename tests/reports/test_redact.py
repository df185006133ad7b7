"""Redaction: no name gets out in any format, what belongs together still shows, fingerprints stay, the map brings it back."""

import json
import re
from dataclasses import replace

import pytest

from leakhunt.model.site import AllocationSite, Frame
from leakhunt.reports import FORMATS, RenderOptions, render
from leakhunt.reports.redact import Redaction, redact
from tests.reports import build
from tests.reports.test_schema import VALIDATOR

SALT = b"salt"
OURS = re.compile(r"\bStore|shop|session|Session\b|catalogue|tile|LRUCache|login|/home|profiles/|Entry|entries\b|bluele")


def everywhere(report: build.Report) -> dict[str, str]:
    return {name: render(name, report, RenderOptions(width=160)) for name in FORMATS}


def secret() -> build.Report:
    """A report with names of ours in every field that can hold one."""
    base = build.with_series()
    case = replace(
        base.cases[0],
        evidence=(
            replace(
                base.cases[0].evidence[0],
                text="example.com/shop/session.(*Store).Put grows; session.Entry holds Store.items (/home/ci/shop/x.go).",
                facts={"package": "example.com/shop/session", "n": 5},
            ),
        ),
        remedy="Delete from Store in session.(*Store).Put:\n\nstore.Delete(key)",
        headline="session.(*Store).Put keeps +1.02 MiB/h of session.Entry for 3.52s, 5h45m, q=7.1e-09",
    )
    return replace(
        base,
        headline="session.(*Store).Put grows by 1.02 MiB an hour, see catalogue",
        cases=(case,),
        notes=("read from /home/ci/profiles/000.pb.gz",),
        next_steps=("dump example.com/shop/session.defaultStore",),
        cleared=tuple(replace(entry, reason="as in tile.(*LRU).Add, 65,536 items") for entry in base.cleared),
        inputs=(replace(base.inputs[0], skipped="the file /home/ci/shop is empty"), *base.inputs[1:]),
    )


@pytest.mark.parametrize("level", [Redaction.NAMES, Redaction.FULL])
def test_no_name_gets_out_in_any_format(level: Redaction) -> None:
    shown = everywhere(redact(secret(), level, SALT)[0])
    for name, text in shown.items():
        # Words of our own keys, labels and of the page's script and style are not what came from the input.
        text = re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.DOTALL)
        assert not OURS.findall(text), name


def test_what_is_needed_to_read_it_stays() -> None:
    report, _ = redact(secret(), Redaction.NAMES, SALT)
    text = render("terminal", report, RenderOptions(width=160))
    assert "net/http.HandlerFunc.ServeHTTP" in text
    assert "keeps +1.02 MiB/h of p" in text
    assert report.cases[0].headline.endswith(" for 3.52s, 5h45m, q=7.1e-09")
    assert "map[string]*p" in text
    assert "[x]" in text
    stack = report.cases[0].site.frames
    assert report.cases[0].evidence[0].text.startswith(f"{stack[2].function} grows; ")
    assert report.cases[0].headline.startswith(f"{stack[2].function} keeps ")
    assert stack[0].function.split(".")[0] == stack[1].function.split(".")[0]
    assert stack[0].function.split(".")[1] == stack[1].function.split(".")[1]
    assert stack[0].file == stack[1].file
    assert stack[0].line == 62


def test_full_keeps_only_verdicts_patterns_numbers_and_shapes() -> None:
    report, _ = redact(secret(), Redaction.FULL, SALT)
    text = render("json", report)
    assert "ServeHTTP" not in text
    finding = json.loads(text)["findings"][0]
    assert finding["pattern"] == "lazy-ttl-cache"
    assert finding["headline"] == "leak: lazy-ttl-cache"
    assert finding["evidence"][0]["facts"] == {"n": 5}
    assert finding["growth"] == json.loads(render("json", secret()))["findings"][0]["growth"]
    assert report.notes == ()


@pytest.mark.parametrize("level", list(Redaction))
def test_fingerprints_and_the_frame_shown_first_stay(level: Redaction) -> None:
    before = secret()
    after, _ = redact(before, level, SALT)
    assert [case.fingerprint for case in after.cases] == [case.fingerprint for case in before.cases]
    pairs = zip(
        (*before.cases[0].sites, *(c.site for c in before.cleared)),
        (*after.cases[0].sites, *(c.site for c in after.cleared)),
        strict=True,
    )
    for old, new in pairs:
        assert new.fingerprint == old.fingerprint
        assert new.leaf_index == old.leaf_index
        assert new.leaf.line == old.leaf.line


def test_the_map_brings_every_token_back() -> None:
    report, names = redact(secret(), Redaction.NAMES, SALT)
    tokens = set(re.findall(r"\b[pnfib][0-9a-f]{10}\b", render("json", report)))
    assert tokens
    assert tokens <= names.keys()
    function = report.cases[0].site.leaf.function
    assert re.sub(r"[pn][0-9a-f]{10}", lambda match: names[match[0]], function) == build.LEAK.site.leaf.function


def test_salt_decides_the_tokens() -> None:
    same, again = (redact(secret(), Redaction.NAMES, SALT)[0] for _ in range(2))
    assert render("json", same) == render("json", again)
    other, _ = redact(secret(), Redaction.NAMES, b"pepper")
    assert other.cases[0].site.leaf.function != same.cases[0].site.leaf.function


def test_none_changes_nothing() -> None:
    report = build.with_series()
    assert redact(report, Redaction.NONE, SALT) == (report, {})


@pytest.mark.parametrize("name", build.ALL)
@pytest.mark.parametrize("level", list(Redaction))
def test_every_renderer_takes_every_redacted_report(name: str, level: Redaction) -> None:
    report, _ = redact(build.ALL[name](), level, SALT)
    assert all(everywhere(report).values())


def test_main_and_compiler_made_names_stay() -> None:
    site = AllocationSite((Frame("main.run.func1", "/src/main.go", 3), Frame("main.main", "/src/main.go", 9)))
    report = replace(build.one_leak(), cases=(replace(build.LEAK, site=site, sites=(site,)),))
    after, names = redact(report, Redaction.NAMES, SALT)
    first, second = after.cases[0].site.frames
    assert re.fullmatch(r"main\.n[0-9a-f]{10}\.func1", first.function)
    assert second.function == "main.main"
    assert "/src/main.go" in names.values()


@pytest.mark.parametrize("name", build.ALL)
@pytest.mark.parametrize("level", list(Redaction))
def test_a_redacted_report_is_still_valid_json(name: str, level: Redaction) -> None:
    report, _ = redact(build.ALL[name](), level, SALT)
    VALIDATOR.validate(json.loads(render("json", report)))
