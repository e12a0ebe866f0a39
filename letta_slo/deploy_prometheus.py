"""`letta-slo plan|apply|deployed|destroy prometheus`: the rules in a Prometheus as the catalogue makes them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import click
import httpx

from alerts.generated import HEADER
from alerts.loaded import Difference, Loaded, differences, there, wanted
from alerts.rendering import every_group, rule_files
from letta_slo import exit_codes, options
from production.client import Prometheus, connect
from production.errors import PrometheusError
from slo.catalog import load
from slo.objective import Catalogue

_KINDS: Final = ("objectives", "platform")
_LOADED_WITHIN_S: Final = 30.0
_EVERY_S: Final = 0.5
_EPILOG_PLAN: Final = options.epilog("""
  letta-slo plan prometheus --prometheus http://10.0.0.9:9090
""")
_EPILOG_APPLY: Final = options.epilog("""
  letta-slo apply prometheus --prometheus http://10.0.0.9:9090 --rules-dir /etc/prometheus/letta-slo
  letta-slo apply prometheus --prometheus http://10.0.0.9:9090 --rules-dir /etc/prometheus/letta-slo --confirm
""")


_ADDRESS = click.option("--prometheus", metavar="URL", required=True, help="Address of the Prometheus.")
_rules_of_prometheus = options.together(_ADDRESS, options.catalog_dir, options.links, options.rules)
_RULES_DIR = click.option(
    "--rules-dir",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder whose objectives/*.yaml and platform/*.yaml stand in `rule_files` of the Prometheus.",
)


@click.command("prometheus", epilog=_EPILOG_PLAN)
@_rules_of_prometheus
def plan_prometheus(**given: Any) -> int:
    """Say which rules a Prometheus lacks, has otherwise, or has though nobody wants them any more."""
    want = wanted(_groups(given))
    with connect(given["prometheus"]) as server:
        _show(_differing(server, want))
    return exit_codes.MET


@click.command("prometheus", epilog=options.epilog("letta-slo deployed prometheus --prometheus http://10.0.0.9:9090"))
@_rules_of_prometheus
def deployed_prometheus(**given: Any) -> int:
    """Say what is not as the catalogue says, or cannot be evaluated. Exit code 3 when there is anything."""
    want = wanted(_groups(given))
    with connect(given["prometheus"]) as server:
        found = _differing(server, want)
        _warn_of_retention(server, load(given["catalog"]))
    _show(found)
    return exit_codes.MISSED if found else exit_codes.MET


@click.command("prometheus", epilog=_EPILOG_APPLY)
@_rules_of_prometheus
@_RULES_DIR
@options.confirm
def apply_prometheus(rules_dir: Path, confirm: bool, **given: Any) -> int:
    """Write the rule files, have the Prometheus read them, and look whether it has them.

    The Prometheus must run with --web.enable-lifecycle. When it refuses the files, those from before are put back.
    """
    groups = _groups(given)
    want, made = wanted(groups), rule_files(groups)
    with connect(given["prometheus"]) as server:
        _show(_differing(server, want))
        for file in sorted(set(_ours(rules_dir)) - {rules_dir / name for name in made}):
            click.echo(f"- {file}: ours, and no longer wanted")
        if not confirm:
            click.echo("nothing was changed: --confirm does it", err=True)
            return exit_codes.MET
        _replace(server, rules_dir, made)
        return _awaited(server, want)


@click.command(
    "prometheus", epilog=options.epilog("letta-slo destroy prometheus --prometheus URL --rules-dir DIR --confirm")
)
@_ADDRESS
@_RULES_DIR
@options.confirm
def destroy_prometheus(rules_dir: Path, confirm: bool, prometheus: str) -> int:
    """Remove our rule files from the folder, and have the Prometheus forget them."""
    for file in _ours(rules_dir):
        click.echo(f"- {file}")
    if not confirm:
        click.echo("nothing was changed: --confirm does it", err=True)
        return exit_codes.MET
    with connect(prometheus) as server:
        _replace(server, rules_dir, {})
    return exit_codes.MET


def _groups(given: dict[str, Any]) -> list[dict[str, Any]]:
    return every_group(load(given["catalog"]), options.links_of(given), **options.rules_of(given))


def _differing(server: Prometheus, want: list[Loaded]) -> list[Difference]:
    return differences(there(server.rules()), want)


def _ours(folder: Path) -> list[Path]:
    """Return the rule files in a folder that we wrote: by their first line, so that nobody else's is touched."""
    places = [file for kind in _KINDS for file in sorted((folder / kind).glob("*.yaml"))]
    return [file for file in places if _text(file).startswith(HEADER)]


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _replace(server: Prometheus, folder: Path, made: dict[str, str]) -> None:
    before = {file: _text(file) for file in _ours(folder)}
    after = {folder / name: text for name, text in made.items()}
    foreign = [str(file) for file in after if file.exists() and file not in before]
    if foreign:
        raise click.UsageError(
            f"{', '.join(foreign)}: not written by letta-slo, so not touched; choose another --rules-dir"
        )
    try:
        _write(before, after)
        server.reload()
    except (PrometheusError, httpx.HTTPError, OSError) as error:
        _write(after, before)
        click.echo("the files from before are in place again", err=True)
        if isinstance(error, OSError):
            raise click.ClickException(f"{folder}: {error}") from error
        server.reload()
        raise


def _write(before: dict[Path, str], after: dict[Path, str]) -> None:
    """Write what should be there, then remove what should not: a failure in between takes nothing away."""
    for file, text in after.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.rename(file)
    for file in set(before) - set(after):
        file.unlink(missing_ok=True)


def _awaited(server: Prometheus, want: list[Loaded]) -> int:
    """Look until the Prometheus has what was written; a rule that fails is told after that."""
    until = time.monotonic() + _LOADED_WITHIN_S
    while (found := _differing(server, want)) and time.monotonic() < until:
        time.sleep(_EVERY_S)  # a Prometheus tells nobody when its rules are loaded: it is asked
    if found:
        click.echo(f"after {_LOADED_WITHIN_S:g} s the Prometheus still differs; does it read --rules-dir?", err=True)
        _show(found)
        return exit_codes.MISSED
    click.echo("applied, and read back: nothing differs")
    return exit_codes.MET


def _warn_of_retention(server: Prometheus, catalogue: Catalogue) -> None:
    """A budget is an average over its whole period: of what is not kept it knows nothing, and says nothing."""
    kept_s = server.retention_s()
    longest = max(catalogue.objectives, key=lambda one: one.period, default=None)
    if kept_s is not None and longest is not None and kept_s < longest.period.total_seconds():
        days = longest.period.days
        click.echo(
            f"this Prometheus keeps {kept_s / 86_400:g} days and the budget of {longest.name} is of {days}, "
            f"so it is of less than it says: --storage.tsdb.retention.time={days + 2}d",
            err=True,
        )


def _show(found: list[Difference]) -> None:
    marks = {"missing": "+", "changed": "~", "extra": "-", "failing": "!"}
    for one in found:
        click.echo(f"{marks[one.what]} {one.rule}")
        for name, (have, want) in one.fields.items():
            click.echo(f"    {name}: {have!r} -> {want!r}" if one.what == "changed" else f"    {name}: {have}")
    counted = ", ".join(f"{sum(one.what == what for one in found)} {what}" for what in marks)
    click.echo(counted if found else "nothing differs")
