"""A runbook for each alert, in the form that somebody can follow at night."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from alerts.links import Links
from alerts.rendering import every_group
from alerts.runbook import Known, faults, load, parse
from slo.catalog import load as catalogue
from tests.verbs import commands

ROOT = Path(__file__).parents[2]
RUNBOOKS = sorted((ROOT / "alerts/runbooks").glob("*.md"))
GOOD = """# It broke

`ThisBroke`. What it is.

## What it means

Users see it.

## Do

1. Look at `up`.
2. Then `letta-slo gate --prometheus URL --from 1h`.

## When it ends

Soon.

## 中文

坏了

先看 up。
"""


def verbs(command: click.Command) -> frozenset[str]:
    """The options of a verb, and of what is below it."""
    own = {name for one in command.params for name in one.opts}
    below = commands(command).values() if isinstance(command, click.Group) else ()
    return frozenset(own).union(*(verbs(one) for one in below))


KNOWN = Known({name: verbs(one) for name, one in commands().items()}, lambda path: (ROOT / path).is_file())


@pytest.mark.parametrize("file", RUNBOOKS, ids=lambda file: file.stem)
def test_a_runbook_can_be_followed(file: Path) -> None:
    assert faults(file.read_text(), KNOWN) == []


def test_every_alert_links_to_a_runbook_that_names_it() -> None:
    rules = [rule for group in every_group(catalogue(), Links()) for rule in group["rules"] if "alert" in rule]
    assert rules
    for rule in rules:
        text = (ROOT / rule["annotations"]["runbook_url"]).read_text()
        assert rule["alert"] in parse(text).alerts


def test_every_runbook_is_of_some_alert() -> None:
    rules = {rule.get("alert") for group in every_group(catalogue(), Links()) for rule in group["rules"]}
    assert set(load()) <= rules


def test_what_a_runbook_says_is_found() -> None:
    one = parse(GOOD)
    assert (one.title, one.alerts, one.first) == ("It broke", ("ThisBroke",), "Look at up.")
    assert (one.title_in_chinese, one.first_in_chinese) == ("坏了", "先看 up。")
    assert faults(GOOD, KNOWN) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("# It broke\n", "It broke\n", "the first line is no title"),
        ("`ThisBroke`. ", "", "names no alert in backticks"),
        ("## What it means\n\nUsers see it.\n\n", "", "its sections are ['Do', 'When it ends']"),
        ("Users see it.", "", "nothing stands under 'What it means'"),
        ("1. Look at `up`.\n2. Then", "Look.\n\nThen", "the steps are numbered []"),
        ("2. Then", "3. Then", "the steps are numbered [1, 3]"),
        ("letta-slo gate", "letta-slo judge", "`letta-slo judge`: there is no such verb"),
        ("--prometheus", "--prom", "`letta-slo gate` has no option --prom"),
        ("Users see it.", "See `docs/gone.md`.", "`docs/gone.md`: there is no such file"),
        ("先看 up。\n", "", "under '中文' stand two paragraphs"),
        ("Soon.", "```sh\nletta-slo nothing --now\n```", "`letta-slo nothing`: there is no such verb"),
    ],
)
def test_a_planted_fault_is_found(old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    found = faults(GOOD.replace(old, new, 1), KNOWN)
    assert any(complaint in one for one in found), found
