"""`letta-slo conformance`: is the stub of Letta equal to a real one, and what changed in another version?"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import httpx

from letta_slo import exit_codes, options
from loadgen import guard, prepare
from loadgen.run_folder import new_run_id
from loadgen.target import TargetError, check_letta, control
from testbed.conformance import allowed, sides
from testbed.conformance.differences import compare
from testbed.conformance.exchange import Exchange, Recording
from testbed.conformance.exchanges import EVERY, possible
from testbed.conformance.page import Comparison, as_json, show
from testbed.real_letta.environment import LETTA_VERSION

_EPILOG = options.epilog("""
  letta-slo conformance                                        with a real Letta 0.16.4, installed and started here
  letta-slo conformance --letta-url http://127.0.0.1:8283      with your own server, of whatever version
  letta-slo conformance --format json > conformance.json
""")


@click.command(epilog=_EPILOG)
@options.letta_url()
@options.models
@options.output()
def conformance(letta_url: str | None, model: str, embedding: str, output: str) -> int:
    """Send the same requests, good and bad, to the stub and to a real Letta, and list every difference.

    Exit code 0: none but those that testbed/conformance/allowed.yaml gives a reason for; 3: others. What is made on
    your own server is removed at the end.
    """
    entries = allowed.load()
    tag = prepare.TAG_PREFIX + new_run_id()
    comparison = _with_own(letta_url, model, embedding, tag, entries) if letta_url else _with_real(tag, entries)
    if output == "json":
        click.echo(json.dumps(as_json(comparison), indent=2, ensure_ascii=False))
    else:
        show(comparison)
    if not letta_url:  # another version, and fewer exchanges: some entries have nothing to allow
        allowed.check_used(comparison.judged, entries)
    return exit_codes.MISSED if comparison.differences else exit_codes.MET


def _with_real(tag: str, entries: tuple[allowed.Allowed, ...]) -> Comparison:
    with _log_dir() as logs, sides.real(logs, _say) as letta:
        return _compared(letta, f"a real Letta {LETTA_VERSION}", tag, entries, logs)


def _with_own(url: str, model: str, embedding: str, tag: str, entries: tuple[allowed.Allowed, ...]) -> Comparison:
    guard.check_no_credentials(url, "--letta-url", "LETTA_API_KEY")
    found = check_letta(url)
    name = f"{'a test double of Letta' if found.is_double else 'your Letta'} {found.version}"
    with _log_dir() as logs, control(url) as client:
        try:
            return _compared(sides.Side(client, model, embedding, None), name, tag, entries, logs)
        finally:
            prepare.delete_agents(url, tag)


def _compared(
    letta: sides.Side, name: str, tag: str, entries: tuple[allowed.Allowed, ...], log_dir: Path
) -> Comparison:
    """Ask both sides and return what differs; raises TargetError when one of them leaves a request unanswered."""
    sent, left_out = possible(EVERY, has_model_double=letta.model_double is not None, has_redis=letta.has_redis)
    with sides.stub(log_dir) as stub:
        of_stub = _asked(stub, "the stub", sent, tag)
    of_letta = _asked(letta, name, sent, tag)
    judged = allowed.judge(compare(sent, of_stub, of_letta), entries)
    return Comparison(
        f"the stub of Letta {LETTA_VERSION}", name, len(sent), tuple(one.name for one in left_out), judged
    )


def _asked(side: sides.Side, name: str, sent: tuple[Exchange, ...], tag: str) -> Recording:
    _say(f"asking {name}: {len(sent)} exchanges")
    try:
        return side.record(sent, tag)
    except httpx.HTTPError as error:
        raise TargetError(f"{name}: {type(error).__name__}: {error}") from error


@contextmanager
def _log_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="letta-slo-") as logs:
        yield Path(logs)


def _say(text: str) -> None:
    click.echo(text, err=True)
