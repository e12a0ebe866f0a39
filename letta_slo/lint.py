"""`letta-slo lint`: what is wrong with rules that promtool lets through?"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from alerts.errors import RuleError
from alerts.lint.checks import EVERY, Context, Finding
from alerts.lint.checks import lint as look
from alerts.lint.inference import Knowledge, objectives_of
from alerts.lint.rule import Rule, parse
from alerts.lint.vocabulary import Series, metrics_read, recorded, seen, shipped
from letta_slo import exit_codes, options
from production.client import connect

_EPILOG = options.epilog("""
  letta-slo lint rules                                       every *.yaml below a folder
  letta-slo lint rules --runbooks docs/runbooks --interval 30
  letta-slo lint rules --prometheus http://10.0.0.9:9090     are the series really there, with these labels?
""")
_HOUR_S = 3600.0


@click.command(epilog=_EPILOG)
@click.argument("places", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--prometheus",
    metavar="URL",
    help="Take series and labels of the last hour from there, in the place of the registry and the usual exporters.",
)
@click.option(
    "--runbooks", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of the runbooks."
)
@click.option(
    "--interval",
    "interval_s",
    type=options.FiniteRange(min=1),
    default=15,
    show_default=True,
    help="Seconds between scrapes.",
)
@click.option("--allow", multiple=True, type=click.Choice(EVERY), help="A check that is left out, also several times.")
@options.output()
def lint(places: tuple[Path, ...], allow: tuple[str, ...], output: str, **given: Any) -> int:
    """Look for series that do not exist, labels that were aggregated away, alerts that can never fire, and the like.

    Rule files and PrometheusRules are read, of a folder everything below it but `tests`. Exit code 0: nothing was
    found; 3: something was; 5: the Prometheus could not be reached.
    """
    rules = tuple(rule for file in _files(places) for rule in parse(_text(file), str(file)))
    if not rules:
        raise RuleError(f"{', '.join(map(str, places))}: there is no rule in it")
    knowledge = Knowledge(_known(rules, given["prometheus"]), objectives_of(rules))
    context = Context(knowledge, rules, timedelta(seconds=given["interval_s"]), given["runbooks"])
    found = [one for one in look(context) if one.check not in allow]
    if output == "json":
        click.echo(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
    else:
        _show(found, rules)
    return exit_codes.MISSED if found else exit_codes.MET


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{file}: cannot be read: {error}") from error


def _files(places: tuple[Path, ...]) -> list[Path]:
    found = []
    for place in places:
        below = [place] if place.is_file() else sorted(place.rglob("*.y*ml"))
        found += [file for file in below if file == place or "tests" not in file.relative_to(place).parts]
    return found


def _known(rules: tuple[Rule, ...], url: str | None) -> dict[str, Series]:
    of_rules = recorded(rules)
    if url is None:
        return {**shipped(), **of_rules}
    now = time.time()
    with connect(url) as server:

        def ask(selector: str) -> list[dict[str, str]]:
            return [dict(one.labels) for one in server.stepped(selector, now - _HOUR_S, now, 60)]

        return {**seen(metrics_read(rules) - set(of_rules), ask), **of_rules}


def _show(found: list[Finding], rules: tuple[Rule, ...]) -> None:
    for one in found:
        click.echo(f"{one.place}: {one.check}: {one.said}")
    files = len({rule.file for rule in rules})
    click.echo(f"{len(rules)} rules in {files} files; findings: {len(found)}", err=True)
